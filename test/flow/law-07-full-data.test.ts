import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { joinsOf, speakingValues, type TextColumn, textColumns } from '../support/joins.ts'
import { readRetail, retailIsThere } from '../support/retail.ts'
import { sendToBoth } from '../support/retail-for-all.ts'
import { createTestApp, type TestApp, track } from '../support/test-app.ts'

// Law 7 on everything that two destinations hold of the same people: of a real shop, and of a made-up one.

const HOUR = 3_600_000
const LINES = process.env.WEIR_TEST_LONG === '1' ? Number.POSITIVE_INFINITY : 20_000
const seed = Number(process.env.WEIR_TEST_SEED ?? Date.now() % 1_000_000_000)

function describeLaw(what: string, fill: (weir: TestApp) => Promise<ReadonlySet<string>>, skip = false): void {
  describe.skipIf(skip)(`identifiers of two destinations, on ${what}`, { timeout: HOUR }, () => {
    let weir: TestApp
    let rawIds: ReadonlySet<string>
    let attribution: TextColumn[]
    let recommendation: TextColumn[]
    beforeAll(async () => {
      weir = await createTestApp()
      rawIds = await fill(weir)
      attribution = await textColumns(weir.owner, 'attribution')
      recommendation = await textColumns(weir.owner, 'recommendation')
    }, HOUR)
    afterAll(() => weir?.stop())

    test('the data says which columns are identifiers: people, events and orders are among them on both sides', () => {
      const named = (columns: readonly TextColumn[]): string[] =>
        columns.filter(({ isIdentifier }) => isIdentifier).map(({ path }) => path)
      expect(named(attribution)).toEqual(
        expect.arrayContaining(['touch.subject', 'touch.event_key', 'conversion.subject', 'conversion.order_token']),
      )
      expect(named(recommendation)).toEqual(
        expect.arrayContaining(['order_line.subject', 'order_line.event_key', 'order_line.order_token', 'basket.root']),
      )
    })

    test('none of them joins any column of the other: 0 rows over all pairs', () => {
      const { pairs, joined } = joinsOf(attribution, recommendation)
      console.log(`law 7, ${what}: ${pairs} pairs of columns, ${joined.length} that join, seed ${seed}`)
      expect(pairs).toBeGreaterThan(60)
      expect(joined).toEqual([])
    })

    test('one value in common would be found', () => {
      const [first] = recommendation.find(({ path }) => path === 'order_line.subject')!.values
      const leaking = attribution.map((one) =>
        one.path === 'touch.subject' ? { ...one, values: new Set([...one.values, first!]) } : one,
      )
      expect(joinsOf(leaking, recommendation).joined).toContain('touch.subject = order_line.subject: 1')
    })

    test('nor does one join the gateway’s own tables', async () => {
      const inside = (await textColumns(weir.owner, 'weir')).map((column) => ({ ...column, isIdentifier: false }))
      const ofPeople = inside.filter(({ path }) => !/^(policy|destination|field_class|source|total)/.test(path))
      expect(joinsOf([...attribution, ...recommendation], ofPeople).joined).toEqual([])
    })

    test('no value looks like a SHA-256 or is an id that came in', () => {
      expect(rawIds.size).toBeGreaterThan(100)
      expect(speakingValues([...attribution, ...recommendation], rawIds)).toEqual([])
    })
  })
}

describeLaw(
  'the orders of a real gift shop',
  async (weir) => (await sendToBoth(weir, await readRetail({ maxLines: LINES }))).rawIds,
  !retailIsThere(),
)

describeLaw('generated people with devices, visits and returns', async (weir) => {
  const rawIds = new Set<string>()
  const people = fc.sample(person, { seed, numRuns: 120 })
  for (const [i, days] of people.entries()) {
    const userId = `somebody-${i}`
    rawIds.add(userId)
    await weir.grant(userId, 'personalisation', 'attribution')
    const events = days.flatMap((day, n) => visitOf(userId, i, n, day, rawIds))
    expect(new Set(await weir.send(...events))).toEqual(new Set(['accepted']))
  }
  await weir.settle()
  return rawIds
})

interface Day {
  readonly ago: number
  readonly item: number
  readonly orders: boolean
  readonly device: boolean
}
const person = fc.array(fc.record({ ago: fc.nat(60), item: fc.nat(12), orders: fc.boolean(), device: fc.boolean() }), {
  minLength: 1,
  maxLength: 5,
})

function visitOf(userId: string, i: number, n: number, day: Day, rawIds: Set<string>): JsonObject[] {
  const id = (kind: string): string => `${kind}-${i}-${n}`
  const anonymousId = randomUUID()
  const more = (minutes: number): JsonObject => ({
    messageId: `${id('message')}-${minutes}`,
    timestamp: new Date(Date.now() - day.ago * 86_400_000 - 3_600_000 + minutes * 60_000).toISOString(),
    context: { sessionId: 7_000_000_000 + i * 100 + n, campaign: { source: ['mail', 'search'][i % 2]! } },
    ...(day.device ? { anonymousId } : {}),
  })
  const product = { product_id: `item-${day.item}`, price: 5, quantity: 1 }
  const order = { order_id: id('ORDER'), total: 5, products: [product] }
  for (const one of [id('ORDER'), String(7_000_000_000 + i * 100 + n), ...(day.device ? [anonymousId] : [])])
    rawIds.add(one)
  const events = [track(userId, 'Product Viewed', product, more(0)), track(userId, 'Order Completed', order, more(5))]
  return [...events, ...(day.orders ? [track(userId, 'Order Refunded', order, more(9))] : [])]
}
