import { randomInt, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import type { JsonObject } from '../../../src/event/event.ts'
import type { SubjectId } from '../../../src/event/ids.ts'
import { contactsOf } from '../../../src/identity/contacts.ts'
import { withActiveEpoch } from '../../../src/keys/subject-keys.ts'
import { attribution } from '../../../src/modules/attribution/attribution.ts'
import { recommendation } from '../../../src/modules/recommendation/recommendation.ts'
import { putContent } from '../../../src/rights/content.ts'
import { correctedCount } from '../../../src/rights/outcome.ts'
import type { Change } from '../../../src/rights/request.ts'
import { findRequest } from '../../../src/rights/rows.ts'
import { provedRequest } from '../../support/proved-request.ts'
import { bodyOf, digestNow, rebuiltDigest, type SentEvent, sentEvent } from '../../support/rebuilt.ts'
import { storedOf, subjectOf } from '../../support/stored.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'

const MODULES = [attribution, recommendation]
const ROUNDS = 8

let weir: TestApp
/** Every event that was ever sent here, as it is right. */
let log: SentEvent[] = []
/** Device by user. */
const devices = new Map<string, string>()

beforeAll(async () => {
  weir = await createTestApp({ modules: MODULES })
})
afterAll(() => weir.stop())

async function correct(userId: string, changes: readonly Change[]): Promise<string> {
  const id = await provedRequest(weir, 'correction', [{ type: 'user_id', value: userId, verified: true }])
  await withActiveEpoch(weir.keyring, () =>
    transaction(weir.db, (tx) => putContent(tx, weir.keyring, id, 'changes', changes)),
  )
  await weir.app.rights.processAll()
  await weir.settle()
  expect((await findRequest(weir.db, id))?.state).toBe('completed')
  return id
}

async function told(...events: SentEvent[]): Promise<void> {
  log.push(...events)
  expect(await weir.send(...events.map(bodyOf))).toEqual(events.map(() => 'accepted'))
  await weir.settle()
}

/** What modules would hold that were told all of it right, in one go. */
async function expectAsIfTold(): Promise<void> {
  for (const module of MODULES) {
    const by = weir.app.pseudonymiserOf(module)
    const pairs = await Promise.all(
      [...devices].map(async ([user, device]) => [
        (await subjectOf(weir, 'anonymous_id', device))!,
        (await subjectOf(weir, 'user_id', user))!,
      ]),
    )
    const relinks = pairs.map(([device, user]) => ({
      from: by.pseudonym(device as SubjectId, Date.now()),
      to: by.pseudonym(user as SubjectId, Date.now()),
    }))
    expect([module.name, await digestNow(weir, module)]).toEqual([
      module.name,
      await rebuiltDigest(weir, module, by, { events: log, relinks }),
    ])
  }
}

interface Shopping {
  readonly orders: readonly { readonly total: number; readonly products: readonly string[]; readonly source: string }[]
  readonly viewed: readonly string[]
  readonly withDevice: boolean
  readonly changes: readonly Change[]
}

const product = fc.constantFrom('A', 'B', 'C', 'D')
const source = fc.constantFrom('mail', 'search', 'kol')
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    event: fc.constant('Order Completed'),
    path: fc.constant('properties.total'),
    to: fc.integer({ min: 1, max: 50 }),
  }),
  fc.record({
    event: fc.constant('Product Viewed'),
    path: fc.constant('properties.product_id'),
    from: product,
    to: product,
  }),
  fc.record({
    event: fc.constant('Order Completed'),
    path: fc.constant('properties.products[].product_id'),
    from: product,
    to: product,
  }),
  fc.record({
    event: fc.constant('Order Completed'),
    path: fc.constant('context.campaign.source'),
    from: source,
    to: source,
  }),
)
const shopping: fc.Arbitrary<Shopping> = fc.record({
  orders: fc.array(
    fc.record({
      total: fc.integer({ min: 1, max: 50 }),
      products: fc.uniqueArray(product, { minLength: 1, maxLength: 3 }),
      source,
    }),
    { maxLength: 3 },
  ),
  viewed: fc.array(product, { maxLength: 3 }),
  withDevice: fc.boolean(),
  changes: fc.array(change, { minLength: 1, maxLength: 3 }),
})

function eventsOf(userId: string, one: Shopping, anonymousId: string | undefined): SentEvent[] {
  const common = { userId, at: Date.now() - 60_000, ...(anonymousId === undefined ? {} : { anonymousId }) }
  return [
    ...one.viewed.map((id) =>
      sentEvent({ ...common, name: 'Product Viewed', source: 'mail', properties: { product_id: id } }),
    ),
    ...one.orders.map(({ total, products, source: from }) =>
      sentEvent({
        ...common,
        name: 'Order Completed',
        source: from,
        properties: {
          order_id: `o-${randomUUID()}`,
          total,
          currency: 'CNY',
          products: products.map((product_id) => ({ product_id, quantity: 1 })),
        },
      }),
    ),
  ]
}

/** What the person says it was: read off the change, and not by the code that is tested. */
function asCorrected(event: SentEvent, { event: name, path, from, to }: Change): SentEvent {
  if (event.name !== name) return event
  const is = (value: unknown): boolean => from === undefined || value === from
  if (path === 'context.campaign.source') return is(event.source) ? { ...event, source: String(to) } : event
  const { properties } = event
  if (path === 'properties.products[].product_id') {
    const products = (properties.products as JsonObject[]).map((one) =>
      is(one.product_id) ? { ...one, product_id: to } : one,
    )
    return { ...event, properties: { ...properties, products } }
  }
  const field = path.slice('properties.'.length)
  return is(properties[field]) ? { ...event, properties: { ...properties, [field]: to } } : event
}

test('whatever is corrected of whomever, modules hold what they would had they been told it right', {
  timeout: 120_000,
}, async () => {
  const seed = randomInt(2 ** 31)
  console.info(`seed of the corrections: ${seed}`)
  let values = 0
  for (const [round, one] of fc.sample(shopping, { numRuns: ROUNDS, seed }).entries()) {
    const userId = `c-${round}-${randomUUID()}`
    const device = one.withDevice ? randomUUID() : undefined
    if (device !== undefined && one.orders.length + one.viewed.length > 0) devices.set(userId, device)
    await weir.grant(userId, 'attribution', 'personalisation')
    const events = eventsOf(userId, one, device)
    if (events.length > 0) await told(...events)
    values += (await correctedCount(weir.db, await correct(userId, one.changes)))!
    log = log.map((event) => (event.userId === userId ? one.changes.reduce(asCorrected, event) : event))
    await expectAsIfTold()
  }
  expect(values).toBeGreaterThan(0)
})

describe('a correction', () => {
  const user = `corrects-${randomUUID()}`
  const change = { event: 'Order Completed', path: 'properties.total', from: 12, to: 21 } as const

  test('changes what is stored, in its place, says how many values it changed, and is in the audit log', async () => {
    await weir.grant(user, 'attribution', 'personalisation')
    const properties = { order_id: `o-${user}`, total: 12, currency: 'CNY', products: [{ product_id: 'A' }] }
    await told(
      sentEvent({ userId: user, name: 'Order Completed', source: 'mail', at: Date.now() - 60_000, properties }),
    )
    const id = await correct(user, [change])
    log = log.map((event) => (event.userId === user ? asCorrected(event, change) : event))
    expect(await correctedCount(weir.db, id)).toBe(1)
    const stored = await storedOf(weir, (await subjectOf(weir, 'user_id', user))!)
    const { order_id: orderId } = properties
    expect(stored.find(({ className }) => className === 'order')?.fields).toMatchObject({
      properties: { order_id: orderId, total: 21 },
    })
    const entry = (await weir.entries('request.correct')).find(({ resource }) => resource === `request:${id}`)
    expect(JSON.parse(entry!.more!)).toMatchObject({ by: 'person', count: 1 })
    expect(entry!.more).not.toContain('total')
  })

  test('of what is nowhere is done with a count of none, and modules learn nothing anew', async () => {
    const id = await correct(user, [change, { event: 'Nothing', path: 'properties.total', to: 1 }])
    expect(await correctedCount(weir.db, id)).toBe(0)
  })

  test('leaves the ids of orders as they are: others are counted by them', async () => {
    const id = await correct(user, [{ event: 'Order Completed', path: 'properties.order_id', to: 'o-other' }])
    expect(await correctedCount(weir.db, id)).toBe(0)
  })

  test('of an address puts the right one on file, and not one that is somebody else’s', async () => {
    const other = `other-${randomUUID()}`
    await weir.grant(other, 'personalisation')
    await weir.server.post('/v1/contacts', { userId: user, email: `old-${user}@mail.example` })
    await weir.server.post('/v1/contacts', { userId: other, email: `${other}@mail.example` })
    const own = (await subjectOf(weir, 'user_id', user))!
    const mail = async () => (await transaction(weir.db, (tx) => contactsOf(tx, weir.keyring, own))).mail
    const taken = await correct(user, [{ event: 'contact', path: 'email', to: `${other}@mail.example` }])
    expect([await correctedCount(weir.db, taken), await mail()]).toEqual([0, `old-${user}@mail.example`])
    const wrong = await correct(user, [
      { event: 'contact', path: 'email', from: 'not-this@mail.example', to: `new-${user}@mail.example` },
    ])
    expect([await correctedCount(weir.db, wrong), await mail()]).toEqual([0, `old-${user}@mail.example`])
    const right = await correct(user, [
      { event: 'contact', path: 'email', from: `old-${user}@mail.example`, to: `new-${user}@mail.example` },
    ])
    expect([await correctedCount(weir.db, right), await mail()]).toEqual([1, `new-${user}@mail.example`])
    expect(await subjectOf(weir, 'email', `new-${user}@mail.example`)).toBe(own)
    expect(await subjectOf(weir, 'email', `old-${user}@mail.example`)).toBeUndefined()
  })

  test('leaves modules as if they had been told it right all along', expectAsIfTold)
})
