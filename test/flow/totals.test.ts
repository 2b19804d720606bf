import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Db, openPool } from '../../src/db/pool.ts'
import { transaction } from '../../src/db/transaction.ts'
import { countOrders } from '../../src/totals/count.ts'
import { addTotals } from '../../src/totals/erp.ts'
import type { OrderCount } from '../../src/totals/order-count.ts'
import { readTotals, type Totals } from '../../src/totals/read.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool({ url: database.appUrl, max: 4 })
})
afterAll(async () => {
  await db?.$client.end()
  await database?.drop()
})
beforeEach(async () => {
  const owner = openPool({ url: database.ownerUrl, max: 1 })
  await owner.$client.query(
    'truncate weir.total, weir.total_day, weir.total_taken, weir.total_published, weir.total_batch',
  )
  await owner.$client.end()
})

/** `count` orders of one unit each of the products, at one pound. */
function orders(count: number, day: string, ...products: string[]): OrderCount[] {
  const lines = products.map((productId) => ({ productId, units: 1n, value: 100n }))
  return Array.from({ length: count }, () => ({
    day: Date.parse(day),
    shop: 'main',
    currency: 'GBP',
    newCustomer: false,
    lines,
  }))
}

const count = (...groups: OrderCount[][]): Promise<void> => transaction(db, (tx) => countOrders(tx, groups.flat()))
const read = (from: string, to: string, k?: number): Promise<Totals> =>
  transaction(db, (tx) => readTotals(tx, { from, to, ...(k === undefined ? {} : { k }) }))
const brief = (totals: Totals): string[] => [
  ...totals.rows.map((r) => `${spanOf(r)} ${r.product_id}: ${r.orders} orders, ${r.units} units, ${r.value}`),
  ...totals.sums.map((r) => `${spanOf(r)}: ${r.orders} orders, ${r.units} units, ${r.value}`),
  `withheld ${totals.withheld.cells}`,
]
const spanOf = (sum: { from: string; to: string }): string =>
  sum.from === sum.to ? sum.from : `${sum.from}..${sum.to}`

describe('person-free totals', () => {
  test('an order of several products counts once in the sum of its day and once in each of them', async () => {
    await count(orders(12, '2010-01-05', 'mug', 'plate'))
    expect(brief(await read('2010-01-05', '2010-01-05'))).toEqual([
      '2010-01-05 mug: 12 orders, 12 units, 12.00',
      '2010-01-05 plate: 12 orders, 12 units, 12.00',
      '2010-01-05: 12 orders, 24 units, 24.00',
      'withheld 0',
    ])
  })

  test('new customers are those that the shop says are new', async () => {
    const mugs = orders(12, '2010-01-05', 'mug').map((order, i) => ({ ...order, newCustomer: i < 3 }))
    await count(mugs)
    const totals = await read('2010-01-05', '2010-01-05')
    expect([totals.rows[0]?.new_customers, totals.sums[0]?.new_customers]).toEqual([3, 3])
  })

  test('products of fewer than ten orders become other', async () => {
    await count(orders(12, '2010-01-05', 'mug'), orders(6, '2010-01-05', 'plate'), orders(5, '2010-01-05', 'bowl'))
    expect(brief(await read('2010-01-05', '2010-01-05'))).toEqual([
      '2010-01-05 other: 11 orders, 11 units, 11.00',
      '2010-01-05 mug: 12 orders, 12 units, 12.00',
      '2010-01-05: 23 orders, 23 units, 23.00',
      'withheld 0',
    ])
  })

  test('a lone small product takes the smallest shown one with it, or the sum of the day would tell it', async () => {
    await count(orders(30, '2010-01-05', 'mug'), orders(12, '2010-01-05', 'plate'), orders(1, '2010-01-05', 'bowl'))
    expect(brief(await read('2010-01-05', '2010-01-05'))).toEqual([
      '2010-01-05 other: 13 orders, 13 units, 13.00',
      '2010-01-05 mug: 30 orders, 30 units, 30.00',
      '2010-01-05: 43 orders, 43 units, 43.00',
      'withheld 0',
    ])
  })

  test('small products of the same few orders do not make up ten orders together', async () => {
    await count(orders(12, '2010-01-05', 'mug'), orders(4, '2010-01-05', 'plate', 'bowl', 'cup'))
    expect(brief(await read('2010-01-05', '2010-01-05'))).toEqual([
      '2010-01-05 other: 16 orders, 24 units, 24.00',
      '2010-01-05: 16 orders, 24 units, 24.00',
      'withheld 0',
    ])
  })

  test('days too small to show are shown in their month, then in their year, else only that there are some', async () => {
    await count(orders(6, '2010-01-05', 'mug'), orders(6, '2010-01-06', 'mug'), orders(5, '2010-02-01', 'mug'))
    expect(brief(await read('2010-01-01', '2010-02-28'))).toEqual([
      '2010-01-01..2010-01-31 mug: 12 orders, 12 units, 12.00',
      '2010-01-01..2010-01-31: 12 orders, 12 units, 12.00',
      'withheld 1',
    ])
    await count(orders(5, '2010-07-01', 'plate'))
    const year = await read('2010-01-01', '2010-12-31')
    expect(brief(year).filter((line) => line.includes('12-31'))).toEqual([
      '2010-01-01..2010-12-31 other: 10 orders, 10 units, 10.00',
      '2010-01-01..2010-12-31: 10 orders, 10 units, 10.00',
    ])
    expect(year.withheld.cells).toBe(0)
    expect((await read('2010-02-01', '2010-02-28')).wider).toBe(1)
  })

  test('two ranges that differ by a day tell nothing about the day', async () => {
    await count(orders(9, '2010-01-05', 'mug'), orders(1, '2010-01-06', 'mug'))
    expect(brief(await read('2010-01-05', '2010-01-05'))).toEqual(['withheld 1'])
    expect(brief(await read('2010-01-05', '2010-01-06'))).toEqual(['withheld 2'])
  })

  test('figures stand still until ten more orders can be added at once', async () => {
    await count(orders(12, '2010-01-05', 'mug'))
    const first = brief(await read('2010-01-05', '2010-01-05'))
    for (let more = 1; more < 10; more++) {
      await count(orders(1, '2010-01-05', 'mug'))
      expect(brief(await read('2010-01-05', '2010-01-05')).slice(0, -1)).toEqual(first.slice(0, -1))
    }
    await count(orders(1, '2010-01-05', 'mug'))
    expect((await read('2010-01-05', '2010-01-05')).sums[0]?.orders).toBe(22)
  })

  test('the day that is still running is not folded into its month', async () => {
    const now = new Date()
    const today = now.toISOString().slice(0, 10)
    await count(orders(4, today, 'mug'), orders(6, `${today.slice(0, 4)}-01-01`, 'mug'))
    const totals = await read(`${today.slice(0, 4)}-01-01`, `${today.slice(0, 4)}-12-31`)
    if (today.endsWith('-01-01')) return
    expect([totals.sums.length, totals.withheld.cells]).toEqual([0, 2])
  })

  test('no caller gets less than ten, some may ask for more', async () => {
    await count(orders(12, '2010-01-05', 'mug'))
    expect(brief(await read('2010-01-05', '2010-01-05', 20))).toEqual(['withheld 1'])
    expect((await read('2010-01-05', '2010-01-05', 1)).k).toBe(10)
  })

  test('two readers at once publish an order once, and counting waits for neither', async () => {
    await count(orders(12, '2010-01-05', 'mug'))
    await transaction(db, async (tx) => {
      await readTotals(tx, { from: '2010-01-05', to: '2010-01-05' })
      await count(orders(1, '2010-01-05', 'mug'))
    })
    await Promise.all([read('2010-01-05', '2010-01-05'), read('2010-01-05', '2010-01-05')])
    expect((await read('2010-01-05', '2010-01-05')).sums[0]?.orders).toBe(12)
  })

  test('currencies and shops are never mixed', async () => {
    const yen = orders(11, '2010-01-05', 'mug').map((order) => ({ ...order, currency: 'JPY' }))
    const branch = orders(9, '2010-01-05', 'mug').map((order) => ({ ...order, shop: 'branch' }))
    await count(yen, branch, orders(10, '2010-01-05', 'mug'))
    const totals = await read('2010-01-05', '2010-01-05')
    expect(totals.sums.map((sum) => [sum.shop, sum.currency, sum.value])).toEqual([
      ['main', 'GBP', '10.00'],
      ['main', 'JPY', '1100'],
    ])
    expect(totals.withheld.cells).toBe(1)
  })

  test('figures that nobody can mean are refused of an ERP, and never fail the counting of orders', async () => {
    const row = { day: '2010-01-05', shop: 'main', currency: 'GBP', productId: 'mug', orders: 20, units: 40 }
    const add = (batchId: string, ...values: string[]) =>
      transaction(db, (tx) => addTotals(tx, { batchId, rows: values.map((value) => ({ ...row, value })) }))
    await expect(add('huge', '1', '999999999999999.9999')).rejects.toThrow(/^rows\[1\]\.value must be at most/)
    await expect(add('sum', ...Array(3).fill('-9000000000000'))).rejects.toThrow(/^rows: the values of one delivery/)
    for (const batchId of ['a', 'b', 'c']) expect((await add(batchId, '9000000000000')).added).toBe(true)
    await count(orders(12, '2010-01-05', 'mug'))
    const owner = openPool({ url: database.ownerUrl, max: 1 })
    await owner.$client.query('update weir.total set units = 999999999999999, value = 999999999999999')
    await owner.$client.query('update weir.total_day set orders = 999999999999999, value = 999999999999999')
    await owner.$client.end()
    await count(orders(12, '2010-01-05', 'mug'))
    expect((await read('2010-01-05', '2010-01-05')).sums[0]?.value).toBe('10000000000000.00')
  })

  test('an ERP adds its sums once per batch, and the same rule holds for them', async () => {
    const row = { day: '2010-01-05', shop: 'main', currency: 'GBP', units: 40, value: '99.995', newCustomers: 2 }
    const rows = [
      { ...row, productId: 'mug', orders: 20 },
      { ...row, productId: 'plate', orders: 3 },
    ]
    const add = () => transaction(db, (tx) => addTotals(tx, { batchId: 'erp-1', rows }))
    expect(await add()).toEqual({ added: true, rows: 2 })
    expect(await add()).toEqual({ added: false, rows: 0 })
    expect(brief(await read('2010-01-05', '2010-01-05'))).toEqual([
      '2010-01-05 other: 20 orders, 80 units, 200.00',
      '2010-01-05: 20 orders, 80 units, 200.00',
      'withheld 0',
    ])
  })

  test('an ERP row that cannot be read is refused by its place and nothing of the batch is added', async () => {
    const row = { day: '2010-01-05', shop: 'main', currency: 'GBP', productId: 'a', orders: 1, units: 1, value: '1' }
    const add = (bad: object) =>
      transaction(db, (tx) => addTotals(tx, { batchId: 'b', rows: [row, { ...row, ...bad }] }))
    await expect(add({ value: 'ten' })).rejects.toThrow('rows[1].value')
    await expect(add({ currency: 'ZZZ' })).rejects.toThrow('rows[1].currency')
    expect(await add({})).toEqual({ added: true, rows: 2 })
  })

  test('no column of the totals could hold a person, an order or a time of day', async () => {
    const { rows } = await db.$client.query<{ column: string; type: string }>(
      `select distinct column_name as column, data_type as type from information_schema.columns
       where table_schema = 'weir' and table_name in ('total', 'total_day', 'total_taken', 'total_published')
       order by 1`,
    )
    expect(rows.map(({ column, type }) => `${column} ${type}`)).toEqual([
      'currency text',
      'day date',
      'from_day date',
      'leads bigint',
      'new_customers bigint',
      'orders bigint',
      'product_id text',
      'shop text',
      'to_day date',
      'units bigint',
      'value bigint',
    ])
  })
})
