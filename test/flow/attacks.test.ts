import { randomUUID } from 'node:crypto'
import { base64url, exportSPKI, importJWK, SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { subjectId } from '../../src/event/ids.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { makeShop, type Shop } from '../support/subject-tokens.ts'
import {
  type Answer,
  type Caller,
  createTestApp,
  type Device,
  newDevice,
  order,
  speakingFor,
  type TestApp,
  track,
} from '../support/test-app.ts'

const VICTIM = 'victim-7351'
const MALLORY = 'mallory'
const ORIGIN = 'https://shop.example'

let weir: TestApp
let shop: Shop
let otherShop: Shop
/** The key that stands in the shop's page source, in the attacker's hands. */
let publicKey: Caller
/** The victim's device is known to the attacker by its id, as if it had leaked; its secret is not. */
const victims = newDevice()
let mine: Device

beforeAll(async () => {
  weir = await createTestApp()
  shop = await makeShop()
  otherShop = await makeShop()
  publicKey = await weir.source({ kind: 'browser', origins: [ORIGIN], subjectKey: shop.jwk })
  await weir.source({ kind: 'browser', shop: 'other', origins: ['https://other.example'], subjectKey: otherShop.jwk })
  await weir.server.post('/v1/consent', { userId: VICTIM, choices: { personalisation: true, advertising: false } })
  await publicKey.post('/v1/consent', { ...victims, choices: { personalisation: true } })
  const { anonymousId } = victims
  // Strangers buy tea with a strainer, so that who bought tea is recommended a strainer.
  for (let i = 0; i < 12; i++) await weir.grant(`other-${i}`, 'personalisation')
  await weir.send(
    ...Array.from({ length: 12 }, (_, i) => order(`other-${i}`, `o-${i}`, ['tea', 'strainer'])),
    track(VICTIM, 'Product Viewed', { product_id: 'tea' }, { anonymousId }),
    { ...order(VICTIM, 'o-victim', ['tea', 'honey']), anonymousId },
  )
  await weir.settle()
  expect((await victimState()).links).toMatchObject([{ state: 'confirmed' }])
})
afterAll(() => weir.stop())

/** Everything that stands of the victim: choices, links, who is who, what the module holds, what would be shown. */
async function victimState(): Promise<Record<string, unknown[]> & { shown: unknown[] }> {
  const { $client } = weir.owner
  const subjects = await subjectsOf(VICTIM, victims.anonymousId)
  const pseudonyms = subjects.map((id) => weir.app.pseudonymiserOf(recommendation).pseudonym(subjectId(id), Date.now()))
  const rows = async (sql: string, values: unknown[]): Promise<unknown[]> => (await $client.query(sql, [values])).rows
  const recommended = await weir.server.get(
    '/v1/recommendations?placement=for_you&n=5',
    speakingFor({ userId: VICTIM }),
  )
  return {
    subjects,
    state: await rows('select * from weir.consent_state where subject_id = any($1) order by 1', subjects),
    ledger: await rows('select * from weir.consent_ledger where subject_id = any($1) order by 1, 2', subjects),
    // What somebody claims of their own device is a row of theirs.
    links: await rows(
      `select * from weir.link where device_id = any($1) or (user_id = any($1) and state = 'confirmed') order by 1`,
      subjects,
    ),
    identifiers: await rows('select * from weir.identifier where subject_id = any($1) order by 1', subjects),
    orders: await rows('select * from recommendation.order_line where subject = any($1) order by 1, 2, 4', pseudonyms),
    views: await rows('select * from recommendation.view where subject = any($1) order by 1, 2, 3', pseudonyms),
    shown: [recommended.body.mode, recommended.body.items],
  }
}

/** Found through what a server key may ask: the newest ledger rows that it writes are of these subjects. */
const known = new Map<string, string[]>()
async function subjectsOf(userId: string, anonymousId: string): Promise<string[]> {
  const name = `${userId} ${anonymousId}`
  const found = known.get(name)
  if (found !== undefined) return found
  const { body } = await weir.server.get('/v1/consent', speakingFor({ userId }))
  const device = await weir.server.get('/v1/consent', speakingFor({ anonymousId }))
  const { rows } = await weir.owner.$client.query<{ subject_id: string }>(
    'select distinct subject_id from weir.consent_ledger where record_id = any($1::uuid[]) order by 1',
    [[body.recordId, device.body.recordId].filter((id) => id !== '')],
  )
  const ids = rows.map((row) => row.subject_id)
  known.set(name, ids)
  return ids
}

async function victimPersonalisation(): Promise<unknown> {
  const { body } = await weir.server.get('/v1/consent', speakingFor({ userId: VICTIM }))
  return body.choices
}

let before: Awaited<ReturnType<typeof victimState>>
beforeEach(async () => {
  mine = newDevice()
  before = await victimState()
})
afterEach(async () => {
  await weir.settle()
  expect(await victimState()).toEqual(before)
  expect(await victimPersonalisation()).toEqual({ personalisation: true, advertising: false })
})

const wrongSecret = newDevice().anonymousSecret

describe('a public key speaks for nobody', () => {
  const choices = { personalisation: false }
  const cases: [string, () => Promise<Answer>][] = [
    ['withdraw for a user id', () => publicKey.post('/v1/consent', { userId: VICTIM, choices })],
    ['grant for a user id', () => publicKey.post('/v1/consent', { userId: VICTIM, choices: { advertising: true } })],
    [
      'withdraw for a user id beside one’s own device',
      () => publicKey.post('/v1/consent', { userId: VICTIM, ...mine, choices }),
    ],
    [
      'withdraw for a device without its secret',
      () => publicKey.post('/v1/consent', { anonymousId: victims.anonymousId, choices }),
    ],
    [
      'withdraw for a device with another secret',
      () => publicKey.post('/v1/consent', { anonymousId: victims.anonymousId, anonymousSecret: wrongSecret, choices }),
    ],
    [
      'withdraw with a secret that can be guessed',
      () =>
        publicKey.post('/v1/consent', { anonymousId: victims.anonymousId, anonymousSecret: 'a'.repeat(32), choices }),
    ],
    ['read a user’s choices', () => publicKey.get('/v1/consent', speakingFor({ userId: VICTIM }))],
    [
      'read a device’s choices without its secret',
      () => publicKey.get('/v1/consent', speakingFor({ anonymousId: victims.anonymousId })),
    ],
    [
      'read a device’s choices with another secret',
      () => publicKey.get('/v1/consent', speakingFor({ ...victims, anonymousSecret: wrongSecret })),
    ],
    [
      'be shown what is for a user',
      () => publicKey.get('/v1/recommendations?placement=for_you', speakingFor({ userId: VICTIM })),
    ],
    [
      'be shown what is for a device, without its secret',
      () => publicKey.get('/v1/recommendations?placement=for_you', speakingFor({ anonymousId: victims.anonymousId })),
    ],
    [
      'be shown what is for a device, with another secret',
      () =>
        publicKey.get(
          '/v1/recommendations?placement=for_you',
          speakingFor({ ...victims, anonymousSecret: wrongSecret }),
        ),
    ],
    [
      'be shown what is for a user beside one’s own device',
      () => publicKey.get('/v1/recommendations?placement=for_you', speakingFor({ userId: VICTIM, ...mine })),
    ],
  ]
  test.each(cases)('%s: 403', async (_what, act) => {
    const answer = await act()
    expect(answer.status).toBe(403)
    expect(answer.text).not.toMatch(/tea|honey|strainer|personalisation/)
  })

  test('its ids may not stand in the URL either', async () => {
    for (const path of [`/v1/consent?userId=${VICTIM}`, `/v1/recommendations?placement=for_you&userId=${VICTIM}`]) {
      expect((await publicKey.get(path)).status).toBe(400)
    }
  })
})

describe('anonymous ids that can be guessed', () => {
  test.each([
    '1',
    'test',
    'anonymous',
    'someone@shop.example',
    '00000000-0000-4000-8000-000000000000',
    'ffffffff-ffff-4fff-bfff-ffffffffffff',
    '6ba7b810-9dad-11d1-80b4-00c04fd430c8', // made of time
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    'abcdefghijklmnopqrstuvwxyz',
    '12345678901234567890123456789012345678901234',
  ])('%s: 403', async (anonymousId) => {
    const { anonymousSecret } = mine
    const answer = await publicKey.post('/v1/consent', { anonymousId, anonymousSecret, choices: { analytics: true } })
    expect(answer.status).toBe(403)
    expect((await publicKey.get('/v1/consent', speakingFor({ anonymousId, anonymousSecret }))).status).toBe(403)
  })
})

describe('links', () => {
  const event = (more: JsonObject): JsonObject => ({
    type: 'track',
    event: 'Product Viewed',
    properties: { product_id: 'poison' },
    ...more,
  })
  const { anonymousId: theirs } = victims

  test('claiming the victim’s account on one’s own device restricts nobody else and shows nothing of theirs', async () => {
    await publicKey.post('/v1/consent', { ...mine, choices: { personalisation: true } })
    const plain = newDevice()
    await publicKey.post('/v1/consent', { ...plain, choices: { personalisation: true } })
    for (const anonymousId of [mine.anonymousId, plain.anonymousId]) {
      await publicKey.post('/v1/track', event({ anonymousId, properties: { product_id: 'tea' } }))
    }
    await publicKey.post('/v1/identify', { userId: VICTIM, ...mine, traits: { email: 'm@evil.example' } })
    await publicKey.post('/v1/track', event({ userId: VICTIM, ...mine, properties: { product_id: 'tea' } }))
    await publicKey.post('/v1/alias', { userId: VICTIM, previousId: mine.anonymousId, ...mine })
    await weir.settle()
    const show = (device: Device) => publicKey.get('/v1/recommendations?placement=for_you&n=5', speakingFor(device))
    const shown = await show(mine)
    expect(shown.body.mode).toBe('personal') // of its own view of tea
    expect(shown.body.items).toEqual((await show(plain)).body.items)
    // The victim has refused advertising: whoever claims to be them does not learn it.
    const read = await publicKey.get('/v1/consent', speakingFor(mine))
    expect(read.body.choices).toEqual({ personalisation: true })
    const refused = await publicKey.post('/v1/consent', { ...mine, choices: { personalisation: false } })
    expect(refused.body.choices).toEqual({ personalisation: false })
  })

  test('the victim’s device cannot be taken to another account', async () => {
    await weir.server.post('/v1/consent', { userId: MALLORY, choices: { personalisation: true } })
    const token = { 'weir-subject-token': await shop.sign(MALLORY) }
    const attempts: [string, JsonObject, Record<string, string>][] = [
      ['/v1/track', event({ userId: MALLORY, anonymousId: theirs }), {}],
      ['/v1/track', event({ userId: MALLORY, anonymousId: theirs, anonymousSecret: wrongSecret }), {}],
      ['/v1/track', event({ userId: MALLORY, anonymousId: theirs }), token],
      ['/v1/track', event({ userId: MALLORY, anonymousId: theirs, anonymousSecret: wrongSecret }), token],
      ['/v1/track', event({ anonymousId: theirs, anonymousSecret: wrongSecret }), {}],
      ['/v1/identify', { userId: MALLORY, anonymousId: theirs }, token],
      ['/v1/alias', { userId: MALLORY, previousId: theirs, anonymousId: theirs }, token],
      ['/v1/alias', { userId: MALLORY, previousId: theirs, anonymousId: newDevice().anonymousId }, token],
      ['/v1/alias', { userId: MALLORY, previousId: VICTIM }, token],
    ]
    for (const [path, body, headers] of attempts) {
      const answer = await publicKey.post(path, body, headers)
      expect([path, answer.status]).toEqual([path, 200]) // and looks like any other
      expect(answer.body.results).toMatchObject([{ outcome: 'accepted' }])
    }
    const consent = await publicKey.post('/v1/consent', {
      anonymousId: theirs,
      anonymousSecret: wrongSecret,
      subjectToken: token['weir-subject-token'],
      choices: { personalisation: false },
    })
    expect(consent.status).toBe(403)
  })

  test('a device that has a secret is confirmed to nobody who does not show it', async () => {
    await publicKey.post('/v1/consent', { ...mine, choices: { personalisation: true } })
    const headers = { 'weir-subject-token': await shop.sign(MALLORY) }
    await publicKey.post('/v1/track', event({ userId: MALLORY, anonymousId: mine.anonymousId }), headers)
    const { rows } = await weir.owner.$client.query('select state from weir.link order by since desc limit 1')
    expect(rows).toEqual([{ state: 'claimed' }])
    await publicKey.post('/v1/track', event({ userId: MALLORY, ...mine }), headers)
    const after = await weir.owner.$client.query('select state from weir.link order by since desc limit 1')
    expect(after.rows).toEqual([{ state: 'confirmed' }])
  })
})

describe('subject tokens', () => {
  const choices = { personalisation: false }
  const attempts: [string, () => Promise<string>][] = [
    ['signed by another shop', () => otherShop.sign(VICTIM)],
    ['expired', () => shop.sign(VICTIM, { issued: -900, expires: -300 })],
    ['issued too long ago, though it says it lives on', () => shop.sign(VICTIM, { issued: -3_600, expires: 3_600 })],
    ['from the future', () => shop.sign(VICTIM, { issued: 3_600, expires: 7_200 })],
    ['for another audience', () => shop.sign(VICTIM, { audience: 'https://elsewhere.example' })],
    ['without a signature (alg none)', () => unsigned({ alg: 'none' })],
    ['without a signature, under the right algorithm', () => unsigned({ alg: 'EdDSA' })],
    ['signed with the public key as a password (HS256)', () => confused()],
    ['for nobody', () => shop.sign('')],
    ['no token at all', () => Promise.resolve('x.y.z')],
  ]

  async function unsigned(header: JsonObject): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const part = (value: JsonObject): string => base64url.encode(JSON.stringify(value))
    return `${part(header)}.${part({ sub: VICTIM, aud: 'weir', iat: now, exp: now + 300 })}.`
  }

  async function confused(): Promise<string> {
    const key = await importJWK({ ...shop.jwk, ext: true }, 'EdDSA')
    const secret = new TextEncoder().encode(await exportSPKI(key as Parameters<typeof exportSPKI>[0]))
    const claims = new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setSubject(VICTIM).setAudience('weir')
    return claims.setIssuedAt().setExpirationTime('5m').sign(secret)
  }

  test.each(attempts)('%s: 401, for a choice, a look and an event', async (_what, make) => {
    const subjectToken = await make()
    const headers = { 'weir-subject-token': subjectToken }
    expect((await publicKey.post('/v1/consent', { subjectToken, choices })).status).toBe(401)
    expect((await publicKey.get('/v1/consent', headers)).status).toBe(401)
    expect((await publicKey.get('/v1/recommendations?placement=for_you', headers)).status).toBe(401)
    const event = track(VICTIM, 'Product Viewed', { product_id: 'poison' }, { ...mine })
    const sent = await publicKey.post('/v1/track', event, headers)
    expect(sent.status).toBe(401)
    expect(sent.text).not.toContain(VICTIM)
  })

  test('one’s own token is for oneself: with another’s user id it is refused', async () => {
    const subjectToken = await shop.sign(MALLORY)
    expect((await publicKey.post('/v1/consent', { userId: VICTIM, subjectToken, choices })).status).toBe(403)
    const headers = speakingFor({ userId: VICTIM, subjectToken })
    expect((await publicKey.get('/v1/consent', headers)).status).toBe(403)
    expect((await publicKey.get('/v1/recommendations?placement=for_you', headers)).status).toBe(403)
  })

  test('a token is worth nothing at a source that has no key, or another key', async () => {
    const subjectToken = await shop.sign(VICTIM)
    expect((await weir.browser.post('/v1/consent', { subjectToken, choices })).status).toBe(401)
    const third = await weir.source({ kind: 'browser', origins: [ORIGIN], subjectKey: otherShop.jwk })
    expect((await third.post('/v1/consent', { subjectToken, choices })).status).toBe(401)
  })
})

test('a grant that waited in an old queue does not undo the withdrawal since', async () => {
  const at = new Date(Date.now() - 60_000).toISOString()
  const grant = { ...mine, choices: { personalisation: true }, at }
  await publicKey.post('/v1/consent', grant)
  await publicKey.post('/v1/consent', { ...mine, choices: { personalisation: false } })
  expect((await publicKey.post('/v1/consent', grant)).body.choices).toEqual({ personalisation: false })
})

test('a browser cannot tell who granted, who refused and who is unknown', async () => {
  await weir.refuse('refuser-1', 'personalisation')
  const device = newDevice()
  await publicKey.post('/v1/consent', { ...device, choices: { personalisation: true } })
  const refusing = newDevice()
  await publicKey.post('/v1/consent', { ...refusing, choices: { personalisation: false } })
  const probe = async (ids: JsonObject): Promise<string> => {
    const event = { ...track('', 'Product Viewed', { product_id: 'tea' }), messageId: 'probe', userId: null, ...ids }
    const answer = await publicKey.post('/v1/track', { ...event, messageId: randomUUID() })
    return `${answer.status} ${JSON.stringify(answer.body).replaceAll(/[0-9a-f-]{36}/g, 'ID')}`
  }
  const answers = [
    await probe({ userId: VICTIM }),
    await probe({ userId: 'refuser-1' }),
    await probe({ userId: 'nobody-at-all' }),
    await probe({ anonymousId: device.anonymousId }),
    await probe({ anonymousId: refusing.anonymousId }),
    await probe({ anonymousId: newDevice().anonymousId }),
    await probe({ anonymousId: 'guessable' }),
  ]
  expect(new Set(answers).size).toBe(1)
})

test('a test source with a browser key tells nothing of anybody’s choices, and keeps none', async () => {
  const tester = await weir.source({ kind: 'browser', origins: [ORIGIN], test: true, subjectKey: shop.jwk })
  await weir.refuse('refuser-2', 'personalisation')
  const told = async (ids: JsonObject): Promise<string> => {
    const answer = await tester.post('/v1/track', { ...track('', 'Product Viewed', { product_id: 'tea' }), ...ids })
    return JSON.stringify(answer.body).replaceAll(/"messageId":"[^"]*"/g, '')
  }
  const anonymousId = newDevice().anonymousId
  const answers = [
    await told({ userId: VICTIM, anonymousId }),
    await told({ userId: 'refuser-2', anonymousId }),
    await told({ userId: 'nobody-at-all', anonymousId }),
    await told({ userId: null, anonymousId: victims.anonymousId }),
    await told({ userId: VICTIM, anonymousId: victims.anonymousId }),
    await told({ userId: VICTIM, anonymousId: victims.anonymousId, anonymousSecret: wrongSecret }),
  ]
  expect(new Set(answers).size).toBe(1)
  expect(answers[0]).toContain('no-consent')
  // What the message itself claims stands in for the ledger: a developer sees the rules at work, and nobody's state.
  const rehearsed = await told({
    userId: VICTIM,
    anonymousId,
    context: { consentManagement: { allowedConsentIds: ['C0003'] } },
  })
  expect(rehearsed).toContain('"outcome":"accepted"')
  const consent = await tester.post('/v1/consent', { ...victims, choices: { personalisation: false } })
  expect(consent.status).toBe(403)
})

describe('keys in the wrong place', () => {
  const body = track('x', 'Product Viewed', { product_id: 'tea' })
  test('a server key that comes from a page, a browser key on a site that is not listed: 403', async () => {
    expect((await weir.server.post('/v1/track', body, { origin: ORIGIN })).status).toBe(403)
    expect((await publicKey.post('/v1/track', body, { origin: ORIGIN })).status).toBe(200)
    for (const origin of ['https://evil.example', 'https://shop.example.evil.example', 'http://shop.example', 'null']) {
      expect([origin, (await publicKey.post('/v1/track', body, { origin })).status]).toEqual([origin, 403])
      const consent = await publicKey.post('/v1/consent', { ...mine, choices: { analytics: true } }, { origin })
      expect([origin, consent.status]).toEqual([origin, 403])
    }
  })

  test('a source’s key opens nothing of the officers’, and an officer’s token nothing of a source', async () => {
    for (const path of ['/api/decisions/x', '/api/audit/entries', '/api/totals?from=2026-01-01&to=2026-01-02']) {
      expect((await publicKey.get(path)).status).toBe(401)
      expect((await weir.server.get(path)).status).toBe(401)
    }
    const officer = await weir.token('compliance')
    expect((await officer.get('/v1/consent', speakingFor({ userId: VICTIM }))).status).toBe(401)
  })
})

test('a message id used up at one source is free at every other', async () => {
  const messageId = `order-${randomUUID()}`
  const other = await weir.source({ kind: 'browser', origins: [ORIGIN] })
  for (const caller of [publicKey, other]) {
    await caller.post('/v1/track', track(VICTIM, 'Product Viewed', { product_id: 'poison' }, { messageId }))
  }
  await weir.grant('bystander', 'personalisation')
  const event = track('bystander', 'Product Viewed', { product_id: 'tea' }, { messageId })
  const answer = await weir.server.post('/v1/batch', { batch: [event, event] })
  expect((answer.body.results as { outcome: string }[]).map((one) => one.outcome)).toEqual(['accepted', 'duplicate'])
})

describe('ten thousand people from one network', () => {
  async function subjects(): Promise<number> {
    const { rows } = await weir.owner.$client.query<{ n: number }>('select count(*)::int as n from weir.subject')
    return rows[0]!.n
  }

  test('make at most the burst that is allowed, as events, as choices and as choices that come as events', async () => {
    const source = await weir.source({ kind: 'browser', origins: [ORIGIN], subjectKey: shop.jwk })
    await weir.server.post('/v1/consent', { userId: MALLORY, choices: { personalisation: true } })
    const headers = { 'weir-subject-token': await shop.sign(MALLORY) }
    const was = await subjects()
    const started = Date.now()
    const statuses: number[] = []
    for (let i = 0; i < 10; i++) {
      const batch = Array.from({ length: 1_000 }, () =>
        track(MALLORY, 'Product Viewed', { product_id: 'tea' }, { anonymousId: randomUUID() }),
      )
      const answer = await source.post('/v1/batch', { batch }, headers)
      statuses.push(answer.status)
      if (answer.status === 429) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect(statuses[0]).toBe(200)
    expect((await subjects()) - was).toBeGreaterThanOrEqual(600)

    const preference = (): JsonObject => ({
      ...track('', 'Segment Consent Preference Updated', {}, { userId: null, anonymousId: randomUUID() }),
      context: { consent: { categoryPreferences: { Functional: false } } },
    })
    const choices = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        i % 2 === 0
          ? source.post('/v1/consent', { ...newDevice(), choices: { analytics: true } })
          : source.post('/v1/track', preference()),
      ),
    )
    const late = choices.filter((answer) => answer.status === 429)
    expect(late.length).toBeGreaterThan(0)
    for (const answer of late) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    const seconds = (Date.now() - started) / 1000
    expect((await subjects()) - was).toBeLessThanOrEqual(600 + Math.ceil(seconds) + 1) // 60 a minute come back
    // Who is known already is not made to wait.
    const known = { ...victims, choices: { personalisation: true } }
    expect((await source.post('/v1/consent', known)).status).toBe(200)
    before = await victimState()
  })
})
