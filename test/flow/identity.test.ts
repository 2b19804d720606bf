import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { makeShop, type Shop } from '../support/subject-tokens.ts'
import { type Caller, createTestApp, newDevice, speakingFor, type TestApp, track } from '../support/test-app.ts'

let weir: TestApp
let shop: Shop
let browser: Caller
beforeAll(async () => {
  weir = await createTestApp()
  shop = await makeShop()
  browser = await weir.source({ kind: 'browser', origins: ['https://shop.example'], subjectKey: shop.jwk })
})
afterAll(() => weir.stop())

const newUser = (): string => `user-${randomUUID()}`

interface Stored {
  reason: string
  subject: string | null
}

/** What became of the event: its log row tells more than a browser is told. */
async function storedAs(messageId: string): Promise<Stored> {
  const auditor = await weir.token('auditor')
  const { body } = await auditor.get(`/api/decisions/${messageId}`)
  const { rows } = await weir.owner.$client.query<{ subject_id: string | null }>(
    'select subject_id from weir.event_log where kind = 0 order by pos desc limit 1',
  )
  return { reason: body.outcome === 'permitted' ? 'permitted' : (body.reason as string), subject: rows[0]!.subject_id }
}

async function view(by: Caller, ids: JsonObject, headers: Record<string, string> = {}): Promise<Stored> {
  const messageId = randomUUID()
  const event = { messageId, type: 'track', event: 'Product Clicked', properties: { product_id: 'tea' }, ...ids }
  const answer = await by.post('/v1/track', event, headers)
  expect(answer.status).toBe(200)
  return storedAs(messageId)
}

interface LinkRow {
  state: string
  ended: boolean
}

async function linksOfDevice(anonymousId: string): Promise<LinkRow[]> {
  const { rows } = await weir.owner.$client.query<{ subject_id: string; state: string; ended: boolean }>(
    `select state, ended_at is not null as ended from weir.link
     where device_id = $1`,
    [await subjectOf(weir.server, { anonymousId })],
  )
  return rows
}

/** The subject behind ids, found as the gateway finds it: by the event that it stores. */
async function subjectOf(by: Caller, ids: JsonObject): Promise<string | null> {
  return (await view(by, ids)).subject
}

async function choose(by: Caller, body: JsonObject): Promise<JsonObject> {
  const answer = await by.post('/v1/consent', body)
  expect(answer.status).toBe(200)
  return answer.body
}

describe('claimed and confirmed', () => {
  test('a user id from a browser key is a claim: no grant comes over it, every refusal does', async () => {
    const userId = newUser()
    const device = newDevice()
    await choose(weir.server, { userId, choices: { personalisation: true } })
    expect(await view(browser, { userId, anonymousId: device.anonymousId })).toMatchObject({ reason: 'no-consent' })
    await choose(browser, { ...device, choices: { personalisation: true } })
    expect(await view(browser, { userId, anonymousId: device.anonymousId })).toMatchObject({ reason: 'permitted' })
    expect(await linksOfDevice(device.anonymousId)).toEqual([{ state: 'claimed', ended: false }])
    await choose(weir.server, { userId, choices: { personalisation: false } })
    expect(await view(browser, { userId, anonymousId: device.anonymousId })).toMatchObject({
      reason: 'refused-by-person',
    })
    // The link was drawn: the refusal counts for the device's events that name nobody, too.
    expect(await view(browser, { anonymousId: device.anonymousId })).toMatchObject({ reason: 'refused-by-person' })
  })

  test('a server key confirms, and then the user’s grant permits what the device sends', async () => {
    const userId = newUser()
    const { anonymousId } = newDevice()
    await choose(weir.server, { userId, choices: { personalisation: true } })
    expect(await view(weir.server, { userId, anonymousId })).toMatchObject({ reason: 'permitted' })
    expect(await linksOfDevice(anonymousId)).toEqual([{ state: 'confirmed', ended: false }])
    expect(await view(browser, { anonymousId })).toMatchObject({ reason: 'permitted' })
  })

  test('a subject token confirms too', async () => {
    const userId = newUser()
    const { anonymousId } = newDevice()
    await choose(weir.server, { userId, choices: { personalisation: true } })
    const headers = speakingFor({ subjectToken: await shop.sign(userId) })
    expect(await view(browser, { userId, anonymousId }, headers)).toMatchObject({ reason: 'permitted' })
    expect(await linksOfDevice(anonymousId)).toEqual([{ state: 'confirmed', ended: false }])
    const other = await makeShop('ES256')
    const theirs = await weir.source({ kind: 'browser', origins: ['https://shop.example'], subjectKey: other.jwk })
    const token = speakingFor({ subjectToken: await other.sign(userId) })
    expect(await view(theirs, { userId, anonymousId: newDevice().anonymousId }, token)).toMatchObject({
      reason: 'permitted',
    })
  })

  test('a claim is raised by a confirmation, and a confirmation is not undone by a claim', async () => {
    const userId = newUser()
    const device = newDevice()
    await choose(browser, { ...device, choices: { personalisation: true } })
    const claimed = await view(browser, { userId, anonymousId: device.anonymousId })
    const confirmed = await view(weir.server, { userId, anonymousId: device.anonymousId })
    const again = await view(browser, { userId, anonymousId: device.anonymousId })
    expect([confirmed.subject, again.subject]).toEqual([claimed.subject, claimed.subject])
    expect(await linksOfDevice(device.anonymousId)).toEqual([{ state: 'confirmed', ended: false }])
  })
})

describe('refusals spread, grants do not', () => {
  test('a refusal on one confirmed device reaches the user and the user’s other confirmed device, until it is taken back', async () => {
    const userId = newUser()
    const phone = newDevice()
    const laptop = newDevice()
    await choose(weir.server, { userId, choices: { personalisation: true } })
    // A page shows its secret before anybody signs in: a first one afterwards would need a subject token.
    for (const device of [phone, laptop]) await choose(browser, { ...device, choices: { analytics: true } })
    for (const { anonymousId } of [phone, laptop]) {
      expect(await view(weir.server, { userId, anonymousId })).toMatchObject({ reason: 'permitted' })
    }
    const refusal = await choose(browser, { ...phone, choices: { personalisation: false } })
    expect(await view(weir.server, { userId })).toMatchObject({ reason: 'refused-by-person' })
    expect(await view(browser, { anonymousId: laptop.anonymousId })).toMatchObject({ reason: 'refused-by-person' })
    const state = await weir.server.get('/v1/consent', speakingFor({ userId }))
    expect(state.body).toMatchObject({ choices: { personalisation: false }, recordId: refusal.recordId })
    await choose(browser, { ...phone, choices: { personalisation: true } })
    expect(await view(weir.server, { userId })).toMatchObject({ reason: 'permitted' })
    expect(await view(browser, { anonymousId: laptop.anonymousId })).toMatchObject({ reason: 'permitted' })
  })

  test('a refusal on a device that only claims to be the user’s stays on that device', async () => {
    const userId = newUser()
    const device = newDevice()
    await choose(weir.server, { userId, choices: { personalisation: true } })
    await choose(browser, { ...device, choices: { personalisation: true } })
    await view(browser, { userId, anonymousId: device.anonymousId })
    await choose(browser, { ...device, choices: { personalisation: false } })
    expect(await view(weir.server, { userId })).toMatchObject({ reason: 'permitted' })
  })

  test('confirming a device that has refused brings its refusal to the user at once', async () => {
    const userId = newUser()
    const device = newDevice()
    await choose(weir.server, { userId, choices: { personalisation: true, analytics: true } })
    await choose(browser, { ...device, choices: { personalisation: false, analytics: true } })
    await choose(weir.server, { userId, anonymousId: device.anonymousId, choices: { advertising: false } })
    const state = await weir.server.get('/v1/consent', speakingFor({ userId }))
    expect(state.body.choices).toEqual({ personalisation: false, analytics: true, advertising: false })
    expect(await view(weir.server, { userId })).toMatchObject({ reason: 'refused-by-person' })
  })

  test('a grant on one device permits nothing for the user or for another device', async () => {
    const userId = newUser()
    const phone = newDevice()
    const laptop = newDevice()
    await choose(weir.server, { userId, choices: { analytics: true } })
    await choose(browser, { ...phone, choices: { personalisation: true } })
    await choose(weir.server, { userId, anonymousId: phone.anonymousId, choices: { analytics: true } })
    await choose(weir.server, { userId, anonymousId: laptop.anonymousId, choices: { analytics: true } })
    expect(await view(browser, { anonymousId: phone.anonymousId })).toMatchObject({ reason: 'permitted' })
    expect(await view(browser, { anonymousId: laptop.anonymousId })).toMatchObject({ reason: 'no-consent' })
    expect(await view(weir.server, { userId })).toMatchObject({ reason: 'no-consent' })
  })
})

describe('a second user on a device', () => {
  test('starts a new device subject; what came before stays with the first', async () => {
    const [first, second] = [newUser(), newUser()]
    const { anonymousId } = newDevice()
    for (const userId of [first, second]) await choose(weir.server, { userId, choices: { personalisation: true } })
    const before = await view(weir.server, { userId: first, anonymousId })
    const after = await view(weir.server, { userId: second, anonymousId })
    expect(after.reason).toBe('permitted')
    expect(after.subject).not.toBe(before.subject)
    const { rows } = await weir.owner.$client.query(
      'select count(distinct user_id)::int as users, count(*)::int as links from weir.link where device_id = any($1)',
      [[before.subject, after.subject]],
    )
    expect(rows[0]).toEqual({ users: 2, links: 2 })
    // The first user's refusal does not reach into the second's time on the device.
    await choose(weir.server, { userId: first, choices: { personalisation: false } })
    expect(await view(browser, { anonymousId })).toMatchObject({ reason: 'permitted', subject: after.subject })
  })

  test('even within one batch: each user’s events go to that user’s subject', async () => {
    const [first, second] = [newUser(), newUser()]
    const { anonymousId } = newDevice()
    for (const userId of [first, second]) await choose(weir.server, { userId, choices: { personalisation: true } })
    const events = [first, first, second, second, first].map((userId) =>
      track(userId, 'Product Viewed', { product_id: 'tea' }, { anonymousId }),
    )
    expect(await weir.send(...events)).toEqual(events.map(() => 'accepted'))
    const { rows } = await weir.owner.$client.query<{ subject_id: string; user_id: string }>(
      `select l.subject_id, k.user_id from weir.event_log l join weir.link k on k.device_id = l.subject_id
       where l.kind = 0 order by pos desc limit 5`,
    )
    const users = rows.map((row) => row.user_id).reverse()
    expect(users[0]).toBe(users[1])
    expect(users[2]).toBe(users[3])
    expect(users[0]).not.toBe(users[2])
    expect(users[4]).toBe(users[0])
    expect(new Set(rows.map((row) => row.subject_id)).size).toBe(3) // the first user came back: a third stretch of time
  })

  test('takes the device’s own choices along: the device was asked, the first user’s account was not this one', async () => {
    const [first, second] = [newUser(), newUser()]
    const device = newDevice()
    await choose(browser, { ...device, choices: { personalisation: true, advertising: false } })
    await view(weir.server, { userId: first, anonymousId: device.anonymousId })
    expect(await view(browser, { userId: second, ...device })).toMatchObject({ reason: 'permitted' })
    const read = await weir.browser.get('/v1/consent', speakingFor(device))
    expect(read.body.choices).toEqual({ personalisation: true, advertising: false })
    const { anonymousSecret } = newDevice()
    expect((await weir.browser.get('/v1/consent', speakingFor({ ...device, anonymousSecret }))).status).toBe(403)
  })
})

describe('identify and alias', () => {
  test('a server’s alias joins the device to the user', async () => {
    const userId = newUser()
    const device = newDevice()
    await choose(browser, { ...device, choices: { personalisation: true } })
    await choose(weir.server, { userId, choices: { personalisation: false } })
    expect(await view(browser, { anonymousId: device.anonymousId })).toMatchObject({ reason: 'permitted' })
    await weir.server.post('/v1/alias', { userId, previousId: device.anonymousId })
    expect(await view(browser, { anonymousId: device.anonymousId })).toMatchObject({ reason: 'refused-by-person' })
  })

  test('identify from a browser claims, so that the account’s refusals count from then on', async () => {
    const userId = newUser()
    const device = newDevice()
    await choose(browser, { ...device, choices: { personalisation: true } })
    await choose(weir.server, { userId, choices: { personalisation: false } })
    await browser.post('/v1/identify', { userId, anonymousId: device.anonymousId, traits: { email: 'x@shop.example' } })
    expect(await view(browser, { anonymousId: device.anonymousId })).toMatchObject({ reason: 'refused-by-person' })
  })

  test('neither makes anybody: without a permitted event or a choice there is no subject', async () => {
    const { rows: before } = await weir.owner.$client.query('select count(*)::int as n from weir.subject')
    await weir.server.post('/v1/alias', { userId: newUser(), previousId: newDevice().anonymousId })
    await weir.server.post('/v1/identify', { userId: newUser(), anonymousId: newDevice().anonymousId })
    const { rows: after } = await weir.owner.$client.query('select count(*)::int as n from weir.subject')
    expect(after).toEqual(before)
  })
})

test('first events of one device at the same moment make one subject and one link', async () => {
  const userId = newUser()
  const { anonymousId } = newDevice()
  await choose(weir.server, { userId, choices: { personalisation: true } })
  const answers = await Promise.all(
    Array.from({ length: 20 }, () =>
      weir.server.post('/v1/track', track(userId, 'Product Viewed', { product_id: 'tea' }, { anonymousId })),
    ),
  )
  expect(answers.map((answer) => (answer.body.results as { outcome: string }[])[0]!.outcome)).toEqual(
    answers.map(() => 'accepted'),
  )
  const { rows } = await weir.owner.$client.query(
    `select count(distinct subject_id)::int as subjects, count(*)::int as events
     from (select subject_id from weir.event_log where kind = 0 order by pos desc limit 20) as l`,
  )
  expect(rows[0]).toEqual({ subjects: 1, events: 20 })
  expect(await linksOfDevice(anonymousId)).toHaveLength(1)
})

test('choices and first links of one user at the same moment lose nothing', async () => {
  const userId = newUser()
  const devices = Array.from({ length: 8 }, newDevice)
  for (const device of devices) await choose(browser, { ...device, choices: { advertising: false } })
  await choose(weir.server, { userId, choices: { personalisation: true } })
  const work = devices.flatMap(({ anonymousId }, i) => [
    weir.server.post('/v1/track', track(userId, 'Product Viewed', { product_id: 'tea' }, { anonymousId })),
    weir.server.post('/v1/consent', { userId, choices: { analytics: i % 2 === 0 } }),
    weir.server.post('/v1/consent', { userId, anonymousId, choices: { attribution: i % 2 === 0 } }),
  ])
  const answers = await Promise.all(work)
  expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200))
  const outcomes = answers.flatMap((answer) => (answer.body.results ?? []) as { outcome: string }[])
  expect(outcomes.map((one) => one.outcome)).toEqual(devices.map(() => 'accepted'))
  const { rows } = await weir.owner.$client.query(
    `select count(*)::int as entries, max(consent_epoch) as last from weir.consent_ledger
     group by subject_id having count(*) <> max(consent_epoch)`,
  )
  expect(rows).toEqual([]) // epochs are counted without a gap, for everybody
  const state = await weir.server.get('/v1/consent', speakingFor({ userId }))
  expect(state.body.choices).toMatchObject({ advertising: false })
})
