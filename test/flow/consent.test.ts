import { createHash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { createTestApp, newDevice, speakingFor, type TestApp, track } from '../support/test-app.ts'

let weir: TestApp
beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

interface LedgerRow {
  consent_epoch: number
  record_id: string
  granted: number
  refused: number
  evidence: string
  proof: string
}

async function ledgerOf(recordId: unknown): Promise<LedgerRow[]> {
  const { rows } = await weir.owner.$client.query<LedgerRow>(
    `select consent_epoch, record_id, granted, refused, evidence, proof from weir.consent_ledger
     where subject_id in (select subject_id from weir.consent_ledger where record_id = $1) order by subject_id, consent_epoch`,
    [recordId],
  )
  return rows
}

async function stateOf(userId: string): Promise<JsonObject> {
  const answer = await weir.server.get('/v1/consent', speakingFor({ userId }))
  expect(answer.status).toBe(200)
  return answer.body
}

function preferenceUpdate(ids: JsonObject, preferences: Record<string, boolean>, more: JsonObject = {}): JsonObject {
  return {
    messageId: randomUUID(),
    type: 'track',
    event: 'Segment Consent Preference Updated',
    timestamp: new Date().toISOString(),
    context: { consent: { categoryPreferences: preferences } },
    ...ids,
    ...more,
  }
}

test('what is answered is what is read again, and each choice has a record of its own', async () => {
  const first = await weir.server.post('/v1/consent', {
    userId: 'ann',
    choices: { personalisation: true, advertising: false },
  })
  expect(first.body).toEqual({
    choices: { personalisation: true, advertising: false },
    consentEpoch: 1,
    recordId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  })
  expect(await stateOf('ann')).toEqual(first.body)
  const second = await weir.server.post('/v1/consent', { userId: 'ann', choices: { personalisation: false } })
  expect(second.body).toMatchObject({ choices: { personalisation: false, advertising: false }, consentEpoch: 2 })
  expect(second.body.recordId).not.toBe(first.body.recordId)
  expect(await stateOf('ann')).toEqual(second.body)
})

test('of somebody unknown there is nothing to read, and reading makes nobody', async () => {
  expect(await stateOf('never-seen')).toEqual({ choices: {}, consentEpoch: 0, recordId: '' })
  const { rows } = await weir.owner.$client.query('select count(*)::int as n from weir.subject where kind = $1', [
    'user',
  ])
  expect(rows[0].n).toBe(1) // ann
})

test('a choice for a user and a device is one act: one record, named by both', async () => {
  const { anonymousId } = newDevice()
  const { body } = await weir.server.post('/v1/consent', {
    userId: 'both',
    anonymousId,
    choices: { personalisation: true },
  })
  const device = await weir.server.get('/v1/consent', speakingFor({ anonymousId }))
  expect(device.body.recordId).toBe(body.recordId)
  expect((await stateOf('both')).recordId).toBe(body.recordId)
})

describe('asymmetric clocks', () => {
  const at = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString()

  test('a withdrawal holds from its receipt; an older grant does not lift it, a newer one does', async () => {
    const userId = 'clock-1'
    const choose = (personalisation: boolean, when?: string): Promise<JsonObject> =>
      weir.server
        .post('/v1/consent', { userId, choices: { personalisation }, ...(when === undefined ? {} : { at: when }) })
        .then((answer) => answer.body)
    await choose(true, at(-10))
    expect(await choose(false, at(-60))).toMatchObject({ choices: { personalisation: false } }) // older, and it holds
    expect(await choose(true, at(-61))).toMatchObject({ choices: { personalisation: false } })
    expect(await choose(false, at(-5))).toMatchObject({ choices: { personalisation: false } })
    expect(await choose(true, at(-6))).toMatchObject({ choices: { personalisation: false } })
    expect(await choose(true, at(-4))).toMatchObject({ choices: { personalisation: true } })
    expect(await choose(false)).toMatchObject({ choices: { personalisation: false } })
    expect(await choose(true)).toMatchObject({ choices: { personalisation: true } })
  })

  test('a clock that runs ahead cannot grant past a withdrawal that comes later', async () => {
    const post = (choices: JsonObject, when?: string) =>
      weir.server.post('/v1/consent', { userId: 'clock-2', choices, ...(when === undefined ? {} : { at: when }) })
    await post({ personalisation: true }, at(600))
    await post({ personalisation: false })
    const replay = await post({ personalisation: true }, at(-1))
    expect(replay.body.choices).toEqual({ personalisation: false })
  })
})

test('choices at the same moment are all in the ledger, in one order, and the state is the last of them', async () => {
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      weir.server.post('/v1/consent', { userId: 'busy', choices: { personalisation: i % 2 === 0 } }),
    ),
  )
  const epochs = answers.map((answer) => answer.body.consentEpoch as number).sort((a, b) => a - b)
  expect(epochs).toEqual(Array.from({ length: 12 }, (_, i) => i + 1))
  const last = answers.find((answer) => answer.body.consentEpoch === 12)!
  expect(await stateOf('busy')).toEqual(last.body)
  expect((await ledgerOf(last.body.recordId)).map((row) => row.consent_epoch)).toEqual(epochs)
})

test('the ledger can only be added to by the gateway’s role', async () => {
  await expect(weir.db.$client.query('update weir.consent_ledger set granted = 31')).rejects.toMatchObject({
    code: '42501',
  })
  await expect(weir.db.$client.query('delete from weir.consent_ledger')).rejects.toMatchObject({ code: '42501' })
})

test('a notice token is kept as its hash', async () => {
  const { body } = await weir.server.post('/v1/consent', {
    userId: 'reader',
    choices: { analytics: true },
    noticeToken: 'notice-zh-CN-7',
  })
  const { rows } = await weir.owner.$client.query('select notice_token from weir.consent_ledger where record_id = $1', [
    body.recordId,
  ])
  expect(rows[0].notice_token).toEqual(createHash('sha256').update('notice-zh-CN-7').digest())
})

test('a choice that cannot be read is refused and changes nothing', async () => {
  const before = await stateOf('ann')
  const bodies: JsonObject[] = [
    { userId: 'ann', choices: {} },
    { userId: 'ann', choices: { personalisation: 'yes' } },
    { userId: 'ann', choices: { world_domination: true } },
    { userId: 'ann', choices: { personalisation: true }, at: 'tomorrow' },
    { userId: 'ann', choices: { personalisation: true }, surprise: 1 },
    { choices: { personalisation: true } },
  ]
  for (const body of bodies) expect((await weir.server.post('/v1/consent', body)).status).toBe(400)
  expect(await stateOf('ann')).toEqual(before)
})

test('reading a state leaves an entry that names neither the person nor a subject', async () => {
  await stateOf('ann')
  const entry = (await weir.entries('consent.read')).at(-1)!
  expect(entry).toMatchObject({ actor: expect.stringMatching(/^source:\d+$/), resource: 'consent' })
  expect(JSON.parse(entry.more!)).toEqual({
    details: [expect.stringMatching(/^[\w-]{43}$/)],
    subjects: [expect.stringMatching(/^[\w-]{22}$/)],
  })
  const { rows: subjects } = await weir.owner.$client.query('select subject_id from weir.subject')
  const said = Object.values(entry).join()
  for (const { subject_id } of subjects) expect(said).not.toContain(subject_id)
  expect(said).not.toContain('ann')
})

describe('Segment Consent Preference Updated', () => {
  test('from a server key it counts in full', async () => {
    const event = preferenceUpdate({ userId: 'seg-1' }, { Functional: true, Advertising: false })
    const answer = await weir.server.post('/v1/batch', { batch: [event] })
    expect(answer.body.results).toMatchObject([{ outcome: 'accepted' }])
    const state = await stateOf('seg-1')
    expect(state.choices).toMatchObject({ personalisation: true })
    expect(await ledgerOf(state.recordId)).toMatchObject([{ evidence: 'segment', proof: 'server-key' }])
  })

  test('from a browser without the secret only its refusals count', async () => {
    const { anonymousId } = newDevice()
    await weir.browser.post('/v1/track', preferenceUpdate({ anonymousId }, { Functional: true, Measurement: false }))
    const state = await weir.server.get('/v1/consent', speakingFor({ anonymousId }))
    expect(state.body.choices).toEqual({ attribution: false })
  })

  test('from a browser with the device’s secret it counts in full, with another secret not at all', async () => {
    const device = newDevice()
    await weir.browser.post('/v1/track', preferenceUpdate({ ...device }, { Functional: true }))
    const read = () => weir.browser.get('/v1/consent', speakingFor(device))
    expect((await read()).body.choices).toEqual({ personalisation: true })
    const stranger = { ...device, anonymousSecret: newDevice().anonymousSecret }
    await weir.browser.post('/v1/track', preferenceUpdate(stranger, { Functional: false, Measurement: true }))
    expect((await read()).body.choices).toEqual({ personalisation: true })
    // Nor without one, now that the device has shown a secret.
    await weir.browser.post('/v1/track', preferenceUpdate({ anonymousId: device.anonymousId }, { Functional: false }))
    expect((await read()).body.choices).toEqual({ personalisation: true })
  })

  test('a grant that is sent again after a withdrawal is a duplicate and grants nothing', async () => {
    const sentAt = new Date().toISOString()
    const request = {
      sentAt,
      batch: [preferenceUpdate({ userId: 'seg-2' }, { Functional: true }, { timestamp: sentAt })],
    }
    await weir.server.post('/v1/batch', request)
    expect((await stateOf('seg-2')).choices).toEqual({ personalisation: true })
    const withdrawn = await weir.server.post('/v1/consent', { userId: 'seg-2', choices: { personalisation: false } })
    weir.moveClock(60_000)
    const again = await weir.server.post('/v1/batch', request) // the same bytes: sentAt makes it look like now
    expect(again.status).toBe(200)
    expect(await stateOf('seg-2')).toEqual(withdrawn.body)
  })

  test('a refusal that is sent again still refuses', async () => {
    const request = { batch: [preferenceUpdate({ userId: 'seg-3' }, { Functional: false })] }
    await weir.server.post('/v1/batch', request)
    await weir.server.post('/v1/consent', { userId: 'seg-3', choices: { personalisation: true } })
    await weir.server.post('/v1/batch', request)
    expect((await stateOf('seg-3')).choices).toEqual({ personalisation: false })
  })

  test('one that cannot be read changes nothing', async () => {
    const event = preferenceUpdate(
      { userId: 'seg-4' },
      {},
      { context: { consent: { categoryPreferences: { Functional: 'on' } } } },
    )
    await weir.server.post('/v1/batch', { batch: [event] })
    expect(await stateOf('seg-4')).toEqual({ choices: {}, consentEpoch: 0, recordId: '' })
  })
})

describe('what an event says of consent', () => {
  const sending = async (context: JsonObject): Promise<string> =>
    (await weir.send(track('ann-2', 'Product Viewed', { product_id: 'p' }, { context })))[0]!

  test('RudderStack’s consentManagement and Segment’s preferences narrow that event, and no other', async () => {
    await weir.grant('ann-2', 'personalisation')
    const before = await stateOf('ann-2')
    expect(await sending({ consentManagement: { deniedConsentIds: ['C0003'] } })).toBe('refused')
    expect(await sending({ consentManagement: { allowedConsentIds: ['C0003'], deniedConsentIds: ['C0003'] } })).toBe(
      'refused',
    )
    expect(await sending({ consent: { categoryPreferences: { Functional: false } } })).toBe('refused')
    expect(await sending({ consent: { categoryPreferences: {} } })).toBe('refused') // Segment's way to say: nothing
    expect(await sending({ consentManagement: { deniedConsentIds: ['no such category'] } })).toBe('refused')
    expect(await sending({ consentManagement: { allowedConsentIds: [], deniedConsentIds: [] } })).toBe('accepted')
    expect(await sending({ consent: { categoryPreferences: { Advertising: false } } })).toBe('accepted')
    expect(await stateOf('ann-2')).toEqual(before)
  })
})
