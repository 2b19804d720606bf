import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { type Retail, type RetailOrder, readRetail, retailIsThere } from '../support/retail.ts'
import {
  batchesOf,
  companionsOf,
  customerId,
  customersOf,
  daysToShift,
  itemsOf,
  messagesOf,
  named,
  pence,
  type RetailMessage,
  shareOf,
  shiftedDay,
  soldByDay,
} from '../support/retail-shop.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'

// The real orders of a gift shop through the whole road. WEIR_TEST_LONG=1 sends all 525,461 lines of the file.

const LONG = process.env.WEIR_TEST_LONG === '1'
const LINES = LONG ? Number.POSITIVE_INFINITY : 40_000 // 1,496 orders
const HEART = '85123A'
const HOUR = 3_600_000

type Outcome = { readonly outcome: string; readonly reason?: string }
type Sum = { from: string; to: string; currency: string; orders: number; units: number; value: string }
type Item = {
  product_id: string
  score: number
  stage: string
  why: { code: string; together: number; of: number; en: string }
}

describe.skipIf(!retailIsThere())('the real orders of a gift shop, through the whole road', { timeout: HOUR }, () => {
  let weir: TestApp
  let retail: Retail
  let days: number
  let outcomes: Record<string, number>
  let consented: readonly RetailOrder[]
  let takenBack: readonly RetailOrder[]

  beforeAll(async () => {
    retail = await readRetail({ maxLines: LINES })
    days = daysToShift(retail, Date.now())
    consented = retail.orders.filter((order) => shareOf(order) === 'consented')
    takenBack = retail.cancellations.filter((order) => shareOf(order) === 'consented')
    weir = await createTestApp({ delivering: true })
    await inTurns(customersOf(retail, 'consented'), (one) => weir.grant(customerId(one), 'personalisation'))
    await inTurns(customersOf(retail, 'refusing'), (one) =>
      weir.refuse(customerId(one), 'personalisation', 'attribution'),
    )
    outcomes = await sendAll(weir, batchesOf(messagesOf(retail, days)))
    await weir.settle()
  }, HOUR)
  afterAll(() => weir?.stop())

  const query = async <Row extends object>(text: string): Promise<Row[]> =>
    (await weir.owner.$client.query<Row>(text)).rows

  test('every message is answered by what its customer chose', () => {
    const messages = [...retail.orders, ...retail.cancellations]
    const of = (share: string): number => messages.filter((order) => shareOf(order) === share).length
    expect(outcomes).toEqual({
      'consented accepted': of('consented'),
      'refusing refused refused-by-person': of('refusing'),
      'undecided refused no-consent': of('undecided'),
    })
  })

  test('what is delivered is what the consented third bought, basket by basket, and nothing of anybody else', async () => {
    const rows = await query<{ items: string[] }>(
      'select array_agg(item) as items from recommendation.order_line group by subject, order_token',
    )
    expect(basketsOf(rows.map(({ items }) => items))).toEqual(basketsOf(consented.map(itemsOf)))
    const [counts] = await query(`select
      (select count(*)::int from recommendation.order_line) as lines,
      (select count(*)::int from recommendation.order_return) as returns,
      (select count(distinct subject)::int from recommendation.order_line) as buyers,
      (select orders::int from recommendation.state) as orders`)
    expect(counts).toEqual({
      lines: consented.reduce((sum, order) => sum + itemsOf(order).length, 0),
      returns: takenBack.reduce((sum, order) => sum + itemsOf(order).length, 0),
      buyers: new Set(consented.map(({ customer }) => customer)).size,
      orders: consented.length,
    })
    const { text } = await weir.server.get('/metrics')
    const delivered = /^weir_delivered_total\{destination="recommendation"\} (\d+)$/m.exec(text)?.[1]
    expect(Number(delivered)).toBe(consented.length + takenBack.length)
  })

  test('of those who refused there is no content, and of those who were never asked not even a subject', async () => {
    const [counts] = await query(`select
      (select count(*)::int from weir.sealed) as blobs,
      (select count(*)::int from weir.event_log where kind = 0 and subject_id is not null) as owned,
      (select count(*)::int from weir.event_log where kind = 0 and subject_id is null) as nobodys,
      (select count(*)::int from weir.subject) as subjects`)
    const all = retail.orders.length + retail.cancellations.length
    const kept = consented.length + takenBack.length
    // A refusal is a consent record, so whoever refused is known as one; who was never asked is not.
    const asked = customersOf(retail, 'consented').length + customersOf(retail, 'refusing').length
    expect(counts).toEqual({ blobs: kept, owned: kept, nobodys: all - kept, subjects: asked })
  })

  test('the totals are what the shop sold to everybody, day by day to the penny', async () => {
    const sold = soldByDay(retail.orders)
    // Days of fewer than ten orders would be held back until their month; the file has none.
    expect([...sold.values()].filter(({ orders }) => orders < 10)).toEqual([])
    const body = await totalsOf([...sold.keys()].map((day) => shiftedDay(day, days)))
    expect([body.withheld, body.wider]).toEqual([{ cells: 0 }, 0])
    const sums = body.sums as Sum[]
    expect(
      sums.map(({ from, to, currency, orders, units, value }) => [from, to, currency, orders, units, pence(value)]),
    ).toEqual(
      [...sold].map(([day, { orders, units, pence: value }]) => {
        const at = shiftedDay(day, days)
        return [at, at, 'GBP', orders, units, value]
      }),
    )
    const rows = body.rows as (Sum & { product_id: string })[]
    expect(rows.reduce((sum, { units }) => sum + units, 0)).toBe(sums.reduce((sum, { units }) => sum + units, 0))
    expect(rows.reduce((sum, { value }) => sum + pence(value), 0n)).toBe(
      sums.reduce((sum, { value }) => sum + pence(value), 0n),
    )
  })

  test('what goes with the white heart is what the consented third of the file says: the red one first', async () => {
    const { status, body } = await weir.server.get(`/v1/recommendations?placement=also_bought&product_id=${HEART}&n=20`)
    expect([status, body.mode, body.placement]).toEqual([200, 'context', 'also_bought'])
    const items = (body.items as Item[]).filter((item) => item.stage === 'also_bought')
    console.info(
      items
        .slice(0, 8)
        .map((item) => `${named(item.product_id)}: ${item.why.en}`)
        .join('\n'),
    )
    expect(items.map((item) => [item.product_id, item.why.together, item.why.of, item.score])).toEqual(
      companionsOf(consented, HEART).slice(0, 20),
    )
    expect(items[0]?.product_id).toBe('21733')
  })

  test('sent again, whole, it changes nothing', async () => {
    const before = await query('select orders, version from recommendation.state')
    const again = await sendAll(weir, batchesOf(messagesOf(retail, days)).slice(0, 5))
    await weir.settle()
    expect(Object.keys(again).every((said) => said.endsWith(' duplicate'))).toBe(true)
    expect(await query('select orders, version from recommendation.state')).toEqual(before)
  })

  test('with its own date of 2009 an order has outlived its class: refused as expired, kept as a sum only', async () => {
    const order = consented[0]!
    const [message] = messagesOf({ ...retail, orders: [{ ...order, invoice: 'too-old' }], cancellations: [] }, 0)
    const rows = async () =>
      query(
        'select (select count(*) from weir.sealed) as blobs, (select count(*) from recommendation.order_line) as lines',
      )
    const before = await rows()
    expect(await sendAll(weir, [[message!]])).toEqual({ 'consented refused expired': 1 })
    await weir.settle()
    expect(await rows()).toEqual(before)
    const body = await totalsOf([order.day])
    expect([body.sums, body.withheld]).toEqual([[], { cells: 1 }])
  })

  async function totalsOf(on: readonly string[]): Promise<JsonObject> {
    const sorted = [...on].sort()
    const merchandiser = await weir.token('merchandiser')
    const answer = await merchandiser.get(`/api/totals?from=${sorted[0]}&to=${sorted.at(-1)}`)
    expect(answer.status).toBe(200)
    return answer.body
  }
})

function basketsOf(baskets: readonly (readonly string[])[]): string[] {
  return baskets.map((items) => [...items].sort().join(' ')).sort()
}

/** How many messages of each share were answered how: `refusing refused refused-by-person`. */
async function sendAll(weir: TestApp, batches: readonly (readonly RetailMessage[])[]): Promise<Record<string, number>> {
  const outcomes: Record<string, number> = {}
  await inTurns(batches, async (batch) => {
    const sentAt = new Date().toISOString()
    const answer = await weir.server.post('/v1/batch', { batch: batch.map(({ body }) => body), sentAt })
    if (answer.status !== 200) throw new Error(`a batch was answered ${answer.status} ${answer.text}`)
    for (const [i, { outcome, reason }] of (answer.body.results as Outcome[]).entries()) {
      const said = [batch[i]!.share, outcome, reason].filter((word) => word !== undefined).join(' ')
      outcomes[said] = (outcomes[said] ?? 0) + 1
    }
  })
  return outcomes
}

/** Four at a time. */
async function inTurns<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const waiting = all.values()
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (const one of waiting) await work(one)
    }),
  )
}
