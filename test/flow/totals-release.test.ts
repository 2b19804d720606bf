import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Db, openPool, type Tx } from '../../src/db/pool.ts'
import { transaction } from '../../src/db/transaction.ts'
import { countOrders } from '../../src/totals/count.ts'
import type { OrderCount } from '../../src/totals/order-count.ts'
import { readTotals, type TotalSum, type Totals } from '../../src/totals/read.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'

const K = 10
const seed = Number(process.env.WEIR_TEST_SEED ?? Date.now() % 1_000_000_000)
const numRuns = process.env.WEIR_TEST_LONG === undefined ? 30 : 300

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool({ url: database.appUrl, max: 1 })
})
afterAll(async () => {
  await db?.$client.end()
  await database?.drop()
})

test(`whoever asks whatever whenever, no figure and no difference is of 1 to 9 orders (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async (steps) => {
      await inThrowAway((tx) => follow(tx, steps))
    }),
    { seed, numRuns },
  )
})

const DAYS = ['2010-01-04', '2010-01-05', '2010-02-01', '2010-02-28', '2011-03-01']
const RANGES = [
  ['2010-01-01', '2011-12-31'],
  ['2010-01-01', '2010-01-31'],
  ['2010-01-05', '2010-02-28'],
  ['2010-01-04', '2010-01-05'],
  ['2010-02-28', '2010-02-28'],
] as const

const order: fc.Arbitrary<OrderCount> = fc.record({
  day: fc.constantFrom(...DAYS).map((day) => Date.parse(day)),
  shop: fc.constant('main'),
  currency: fc.constant('GBP'),
  newCustomer: fc.boolean(),
  lines: fc.uniqueArray(
    fc.record({
      productId: fc.constantFrom('mug', 'mug', 'plate', 'bowl', ''),
      units: fc.bigInt(0n, 3n),
      value: fc.bigInt(0n, 500n),
    }),
    { selector: (line) => line.productId, minLength: 1, maxLength: 4 },
  ),
})
type Step = { readonly orders: readonly OrderCount[] } | { readonly range: readonly [string, string] }
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ orders: fc.array(order, { minLength: 1, maxLength: 40 }) }),
  fc.record({ orders: fc.array(order, { minLength: 1, maxLength: 3 }) }),
  fc.record({ range: fc.constantFrom(...RANGES) }),
)

/** Counts and reads; after each answer finds out which orders are behind what is new in it. */
async function follow(tx: Tx, steps: readonly Step[]): Promise<void> {
  const waiting = new Set<OrderCount>()
  const seen = new Map<string, TotalSum>()
  const everything: OrderCount[] = []
  for (const each of [...steps, { range: RANGES[0] }]) {
    if ('orders' in each) {
      await countOrders(tx, each.orders)
      for (const one of each.orders) waiting.add(one)
      everything.push(...each.orders)
    } else {
      const [from, to] = each.range
      const answer = await readTotals(tx, { from, to })
      checkAnswer(answer, seen, waiting)
      expect(answer.withheld.cells).toBe(daysOf([...waiting].filter((one) => within(one, from, to))))
    }
  }
  await checkNothingLost(tx, everything, [...waiting])
}

function checkAnswer(answer: Totals, seen: Map<string, TotalSum>, waiting: Set<OrderCount>): void {
  // Days before months before years: the order in which they take what waits.
  const sums = [...answer.sums].sort((a, b) => lengthOf(a) - lengthOf(b))
  for (const sum of sums) {
    const fresh = growth(sum, seen)
    const block = fresh === 0 ? [] : [...waiting].filter((one) => within(one, sum.from, sum.to))
    expect(block.length).toBe(fresh) // a block is all that waits in its span: K orders or more, by growth()
    for (const one of block) waiting.delete(one)
    checkParts(sum, answer, seen, block)
  }
}

/** Each row that has grown has grown by exactly its products' lines of the block, and K orders or more hold them. */
function checkParts(sum: TotalSum, answer: Totals, seen: Map<string, TotalSum>, block: readonly OrderCount[]): void {
  const rows = answer.rows.filter((row) => row.from === sum.from && row.to === sum.to)
  const before = new Map(rows.map((row) => [row.product_id, pence(seen.get(keyOf(row)))]))
  const grown = rows.filter((row) => growth(row, seen) > 0)
  const named = new Set(grown.map((row) => row.product_id).filter((id) => id !== 'other'))
  for (const row of grown) {
    const holds = (id: string): boolean => (row.product_id === 'other' ? !named.has(id) : id === row.product_id)
    const lines = block.flatMap((one) => one.lines.filter((line) => holds(line.productId)))
    const behind = block.filter((one) => one.lines.some((line) => holds(line.productId)))
    expect(behind.length).toBeGreaterThanOrEqual(K)
    expect(pence(row) - before.get(row.product_id)!).toBe(lines.reduce((value, line) => value + line.value, 0n))
  }
  const shown = rows.reduce((value, row) => value + pence(row), 0n)
  expect(shown).toBe(pence(sum)) // rows of a span add up to its sum: nothing is left over to be found by subtracting
}

/** By how many orders a figure is larger than in any answer before: never 1 to K - 1; remembers it. */
function growth(row: TotalSum & { product_id?: string }, seen: Map<string, TotalSum>): number {
  const before = seen.get(keyOf(row))
  const more = row.orders - (before?.orders ?? 0)
  if (more === 0 && before !== undefined) {
    expect(row).toEqual(before)
    return 0
  }
  expect(more).toBeGreaterThanOrEqual(K)
  seen.set(keyOf(row), row)
  return more
}

async function checkNothingLost(tx: Tx, all: readonly OrderCount[], waiting: readonly OrderCount[]): Promise<void> {
  const { rows } = await tx.$client.query<{ orders: bigint; value: bigint; published: bigint }>(
    `select sum(orders)::bigint as orders, sum(value)::bigint as value,
       (select coalesce(sum(value), 0)::bigint from weir.total_published where product_id = '*') as published
     from weir.total_day`,
  )
  const { orders, value, published } = rows[0]!
  expect([orders ?? 0n, value ?? 0n]).toEqual([BigInt(all.length), worthOf(all)])
  expect(published + worthOf(waiting)).toBe(value ?? 0n)
}

const keyOf = (row: TotalSum & { product_id?: string }): string => `${row.from} ${row.to} ${row.product_id ?? '*'}`
const pence = (row: TotalSum | undefined): bigint => BigInt((row?.value ?? '0.00').replace('.', ''))
const lengthOf = (sum: TotalSum): number => Date.parse(sum.to) - Date.parse(sum.from)
const within = (one: OrderCount, from: string, to: string): boolean =>
  one.day >= Date.parse(from) && one.day <= Date.parse(to)
const daysOf = (orders: readonly OrderCount[]): number => new Set(orders.map((one) => one.day)).size
const worthOf = (orders: readonly OrderCount[]): bigint =>
  orders.reduce((sum, one) => sum + one.lines.reduce((value, line) => value + line.value, 0n), 0n)

async function inThrowAway(work: (tx: Tx) => Promise<void>): Promise<void> {
  const done = new Error('rolled back')
  await transaction(db, async (tx) => {
    await work(tx)
    throw done
  }).catch((error: unknown) => {
    if (error !== done) throw error
  })
}
