import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { policyWith, recordingModule, twoModules } from '../support/recording-module.ts'
import { createTestApp, newDevice, type TestApp, track } from '../support/test-app.ts'

const second = recordingModule('second', 'attribution')
let weir: TestApp
let policyDir: string
beforeAll(async () => {
  policyDir = await policyWith(twoModules)
  weir = await createTestApp({ policyDir, modules: [recommendation, second.module], prepare: second.prepare })
})
afterAll(async () => {
  await weir.stop()
  await rm(policyDir, { recursive: true })
})
beforeEach(() => {
  second.handed.length = 0
})

interface Kept {
  subjects: number
  identifiers: number
  keys: number
  blobs: number
  links: number
}

async function kept(): Promise<Kept> {
  const { rows } = await weir.owner.$client.query<Kept>(`select
    (select count(*)::int from weir.subject) as subjects, (select count(*)::int from weir.identifier) as identifiers,
    (select count(*)::int from weir.subject_key) as keys, (select count(*)::int from weir.sealed) as blobs,
    (select count(*)::int from weir.link) as links`)
  return rows[0]!
}

/** The newest log row, as far as it could tell of a person. */
async function lastRow(): Promise<Record<string, unknown>> {
  const { rows } = await weir.owner.$client.query(
    `select subject_id, other_id, routes, consent_epoch, user_epoch, length(removed) as removed, unclassified,
       length(blobs) as blobs from weir.event_log where kind = 0 order by pos desc limit 1`,
  )
  return rows[0]
}

const NOTHING = {
  subject_id: null,
  other_id: null,
  routes: 0,
  consent_epoch: 0,
  user_epoch: 0,
  removed: 0,
  unclassified: 0,
  blobs: 0,
}

async function viewsBy(product: string): Promise<number> {
  await weir.settle()
  const { rows } = await weir.owner.$client.query<{ n: number }>(
    'select count(*)::int as n from recommendation.view where item = $1',
    [product],
  )
  return rows[0]!.n + second.handed.filter((one) => JSON.stringify(one.event.fields).includes(product)).length
}

async function reasonOf(event: JsonObject, headers: Record<string, string> = {}): Promise<unknown> {
  const message = { messageId: randomUUID(), ...event }
  const answer = await weir.server.post('/v1/batch', { batch: [message] }, headers)
  const [result] = answer.body.results as { outcome: string; reason?: string }[]
  return result!.outcome === 'refused' ? result!.reason : result!.outcome
}

describe('refused, and nothing of it is left', () => {
  const cases: {
    what: string
    reason: string
    event: (product: string) => JsonObject
    before?: () => Promise<void>
  }[] = [
    {
      what: 'an event of somebody who was never asked',
      reason: 'no-consent',
      event: (product) => track('nobody-asked', 'Product Viewed', { product_id: product }),
    },
    {
      what: 'an event that the policy does not know',
      reason: 'unknown-event',
      before: () => weir.grant('willing', 'personalisation', 'attribution'),
      event: (product) => track('willing', 'Product Licked', { product_id: product }),
    },
    {
      what: 'an event that the policy sends to nobody',
      reason: 'no-route',
      before: () => weir.grant('willing', 'personalisation', 'attribution'),
      event: (product) => track('willing', 'Product Shared', { product_id: product }),
    },
    {
      what: 'an event whose consent claim cannot be read',
      reason: 'refused-by-signal',
      before: () => weir.grant('willing', 'personalisation', 'attribution'),
      event: (product) =>
        track(
          'willing',
          'Product Viewed',
          { product_id: product },
          { context: { consent: { categoryPreferences: 'all' } } },
        ),
    },
    {
      what: 'an event that itself claims the grant which the ledger lacks',
      reason: 'no-consent',
      event: (product) =>
        track(
          'only-claimed',
          'Product Viewed',
          { product_id: product },
          { context: { consent: { categoryPreferences: { Functional: true, Measurement: true, Advertising: true } } } },
        ),
    },
    {
      what: 'an event whose claim refuses what the ledger grants',
      reason: 'refused-by-signal',
      before: () => weir.grant('willing', 'personalisation', 'attribution'),
      event: (product) =>
        track(
          'willing',
          'Product Viewed',
          { product_id: product },
          { context: { consentManagement: { deniedConsentIds: ['C0003', 'Measurement'] } } },
        ),
    },
    {
      what: 'an event of somebody who refused',
      reason: 'refused-by-person',
      before: () => weir.refuse('unwilling', 'personalisation', 'attribution'),
      event: (product) => track('unwilling', 'Product Viewed', { product_id: product }),
    },
    {
      what: 'an event older than anything of it may be kept',
      reason: 'expired',
      before: () => weir.grant('willing', 'personalisation', 'attribution'),
      event: (product) =>
        track('willing', 'Product Viewed', { product_id: product }, { timestamp: '2019-01-01T00:00:00Z' }),
    },
    {
      what: 'an event as old that brings nothing which could be kept',
      reason: 'expired',
      before: () => weir.grant('willing', 'personalisation', 'attribution'),
      event: () => track('willing', 'Order Completed', {}, { timestamp: '2019-01-01T00:00:00Z' }),
    },
    {
      what: 'an event as old that brings only what nobody has classified',
      reason: 'expired',
      before: () => weir.grant('willing', 'personalisation', 'attribution'),
      event: (product) =>
        track('willing', 'Product Viewed', { unheard_of: product }, { timestamp: '2019-01-01T00:00:00Z' }),
    },
  ]
  test.each(cases)('$what ($reason)', async ({ reason, event, before }) => {
    await before?.()
    const product = randomUUID()
    const was = await kept()
    expect(await reasonOf(event(product))).toBe(reason)
    expect(await kept()).toEqual(was)
    expect(await lastRow()).toEqual(NOTHING)
    expect(await viewsBy(product)).toBe(0)
  })
})

test('a user id sent with a browser key alone is nobody, whatever that user granted', async () => {
  await weir.grant('alice', 'personalisation', 'attribution')
  const product = randomUUID()
  const was = await kept()
  const answer = await weir.browser.post('/v1/track', track('alice', 'Product Viewed', { product_id: product }))
  expect(answer.body.results).toMatchObject([{ outcome: 'accepted' }]) // a public key learns nothing of anybody's state
  expect(await kept()).toEqual(was)
  expect(await lastRow()).toEqual(NOTHING)
  expect(await viewsBy(product)).toBe(0)
})

test('a guessable anonymous id is nobody, even where a grant was recorded for it', async () => {
  const answer = await weir.server.post('/v1/consent', { anonymousId: '42', choices: { personalisation: true } })
  expect(answer.status).toBe(200)
  const product = randomUUID()
  const event = track('x', 'Product Viewed', { product_id: product }, { userId: null, anonymousId: '42' })
  await weir.browser.post('/v1/track', event)
  expect(await lastRow()).toEqual(NOTHING)
  expect(await viewsBy(product)).toBe(0)
})

test('Sec-GPC closes what the policy says it closes, and nothing else', async () => {
  await weir.grant('gpc', 'personalisation', 'attribution')
  const product = randomUUID()
  expect(await reasonOf(track('gpc', 'Product Viewed', { product_id: product }), { 'sec-gpc': '1' })).toBe('accepted')
  await weir.settle()
  expect(second.handed).toEqual([])
  expect(await viewsBy(product)).toBe(1) // recommendation: personalisation is no sale and no sharing
  expect(await reasonOf(track('gpc', 'Product Viewed', { product_id: product }), { 'sec-gpc': '0' })).toBe('accepted')
  await weir.settle()
  expect(second.handed).toHaveLength(1)
})

test('an unknown field is sealed as unclassified, handed to nobody and counted', async () => {
  await weir.grant('curious', 'personalisation', 'attribution')
  const counted = async (): Promise<number> =>
    Number(/^weir_unclassified_fields_total (\d+)$/m.exec((await weir.server.get('/metrics')).text)?.[1] ?? 0)
  const before = await counted()
  const event = track(
    'curious',
    'Product Viewed',
    { product_id: 'lamp-1', price: 3, shoe_size: 44, quiz: { mood: 'glum' } },
    { context: { campaign: { source: 'mail' } } },
  )
  expect(await reasonOf(event)).toBe('accepted')
  await weir.settle()
  expect(second.handed.map((one) => one.event.fields)).toEqual([
    { properties: { product_id: 'lamp-1', price: 3 }, context: { campaign: { source: 'mail' } } },
  ])
  const { rows } = await weir.owner.$client.query(
    `select count(*)::int as n from weir.sealed s join weir.field_class c using (class_id)
     where c.name = 'unclassified' and s.pos = (select max(pos) from weir.event_log where kind = 0)`,
  )
  expect(rows[0].n).toBe(1)
  expect((await counted()) - before).toBe(2)
})

test('what no open route may receive is not even sealed', async () => {
  await weir.grant('frugal', 'personalisation') // attribution stays closed: price and campaign are its alone
  expect(
    await reasonOf(
      track(
        'frugal',
        'Product Viewed',
        { product_id: 'lamp-2', price: 3 },
        { context: { campaign: { source: 'mail' } } },
      ),
    ),
  ).toBe('accepted')
  const { rows } = await weir.owner.$client.query(
    `select subject_id, pos, class_id, bytes from weir.sealed where pos = (select max(pos) from weir.event_log where kind = 0)`,
  )
  expect(rows).toHaveLength(1)
  await weir.grant('frugal', 'attribution')
  await weir.settle()
  // A grant given later does not reach back: when it came, attribution was closed for this event.
  expect(second.handed).toEqual([])
})

test('a device that was never asked is handed nothing on the word of a claimed user', async () => {
  await weir.grant('bob', 'personalisation', 'attribution')
  const product = randomUUID()
  const { anonymousId } = newDevice()
  await weir.browser.post('/v1/track', track('bob', 'Product Viewed', { product_id: product }, { anonymousId }))
  expect(await lastRow()).toEqual(NOTHING)
  expect(await viewsBy(product)).toBe(0)
})
