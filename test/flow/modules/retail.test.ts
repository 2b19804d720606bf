import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Db, openPool } from '../../../src/db/pool.ts'
import { transaction } from '../../../src/db/transaction.ts'
import type { Delivered } from '../../../src/event/event.ts'
import type { LogPosition, Pseudonym, Token } from '../../../src/event/ids.ts'
import { RECOMMENDATION_ROLE, recommendation } from '../../../src/modules/recommendation/recommendation.ts'
import { forContext } from '../../../src/modules/recommendation/serve.ts'
import { type RetailOrder, readRetail, retailIsThere } from '../../support/retail.ts'
import { createTestDatabase, type TestDatabase } from '../../support/test-database.ts'

const LINES = 40_000
const HEART = '85123A' // white hanging heart T-light holder

describe.skipIf(!retailIsThere())('the real orders of a gift shop', () => {
  let database: TestDatabase
  let db: Db
  let orders: readonly RetailOrder[]
  beforeAll(async () => {
    database = await createTestDatabase()
    db = openPool({ url: database.appUrl, max: 2 })
    orders = (await readRetail({ maxLines: LINES })).orders
    const began = performance.now()
    for (let i = 0; i < orders.length; i += 500) await load(db, orders.slice(i, i + 500))
    const seconds = (performance.now() - began) / 1000
    const lines = orders.reduce((sum, order) => sum + order.lines.length, 0)
    console.info(`handled ${lines} lines of ${orders.length} orders at ${Math.round(lines / seconds)} lines/s`)
  })
  afterAll(async () => {
    await db?.$client.end()
    await database?.drop()
  })

  const alsoBought = async (productId: string, n: number) => {
    const began = performance.now()
    const answer = await transaction(db, (tx) => forContext(tx, { placement: 'also_bought', productId, n }))
    return { items: answer.items.filter((item) => item.stage === 'also_bought'), ms: performance.now() - began }
  }

  test('also_bought for the white heart is what the file itself says', async () => {
    const { items, ms } = await alsoBought(HEART, 20)
    console.info(`also_bought of ${HEART}: ${ms.toFixed(1)} ms`)
    expect(items.length).toBe(20)
    expect(items.map((item) => [item.product_id, item.why.together, item.why.of, item.score])).toEqual(
      expected(orders, HEART).slice(0, 20),
    )
  })

  test('a merchandiser finds the other hanging hearts first', async () => {
    const { items } = await alsoBought(HEART, 5)
    expect(items[0]?.product_id).toBe('21733') // red hanging heart T-light holder
  })

  test('every other item agrees too, down to the last one that may be shown', async () => {
    const codes = [...new Set(orders.flatMap((order) => itemsOf(order)))].sort()
    for (const code of codes.filter((_, i) => i % 97 === 0)) {
      const { items } = await alsoBought(code, 100)
      expect(items.map((item) => [item.product_id, item.why.together, item.why.of, item.score])).toEqual(
        expected(orders, code).slice(0, 100),
      )
    }
  })
})

async function load(db: Db, orders: readonly RetailOrder[]): Promise<void> {
  await transaction(db, async (tx) => {
    await tx.$client.query(`set local role ${RECOMMENDATION_ROLE}`)
    await recommendation.handle(tx, orders.map(delivered))
  })
}

function delivered(order: RetailOrder, position: number): Delivered {
  const products = order.lines.map(({ product_id, quantity }) => ({ product_id, quantity }))
  return {
    position: BigInt(position) as LogPosition,
    eventKey: `t1.event-${order.invoice}` as Token,
    subject: `p1.${buyerOf(order)}` as Pseudonym,
    name: 'Order Completed',
    at: order.day,
    fields: { properties: { order_id: `t1.${order.invoice}`, products } },
    consentEpoch: 1,
    purpose: 'personalisation',
    told: 'server',
    shop: 'main',
  }
}

/** Who ordered without an account is somebody new each time. */
function buyerOf(order: RetailOrder): string {
  return order.customer ?? `guest-${order.invoice}`
}

function itemsOf(order: RetailOrder): string[] {
  return [...new Set(order.lines.map((line) => line.product_id))].sort().slice(0, 100)
}

type Row = [item: string, together: number, of: number, score: number]

/** The same formula, computed from the file in one pass over it. */
function expected(orders: readonly RetailOrder[], code: string): Row[] {
  const count = new Map<string, number>()
  const pairs = new Map<string, { together: number; buyers: Set<string> }>()
  for (const order of orders) {
    const items = itemsOf(order)
    for (const item of items) count.set(item, (count.get(item) ?? 0) + 1)
    if (!items.includes(code)) continue
    for (const item of items.filter((other) => other !== code)) {
      const pair = pairs.get(item) ?? { together: 0, buyers: new Set() }
      pairs.set(item, pair)
      pair.together += 1
      pair.buyers.add(buyerOf(order))
    }
  }
  const of = count.get(code) ?? 0
  return [...pairs]
    .filter(([, { buyers }]) => buyers.size >= 5)
    .map(([item, { together }]): Row => {
      const cosine = together / Math.sqrt(of * count.get(item)!)
      return [item, together, of, cosine * (together / (together + 20))]
    })
    .sort(([a, m, , x], [b, n, , y]) => y - x || n - m || (a < b ? -1 : 1))
}
