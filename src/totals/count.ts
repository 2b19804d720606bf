import { dateArray, int2Array, int4Array, int8Array, postgresDay, textArray } from '../db/binary-array.ts'
import type { Tx } from '../db/pool.ts'
import type { OrderCount } from './order-count.ts'

/** The statement for callers that count inside a larger one; its values are `orderColumns(orders)`. */
export const COUNT_ORDERS =
  'select weir.count_orders($1::integer[], $2::date[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::smallint[])'

/** Adds the orders to the sums, in one statement. The caller's transaction also holds what makes each order count once. */
export async function countOrders(tx: Tx, orders: readonly OrderCount[]): Promise<void> {
  if (orders.length === 0) return
  await tx.$client.query({ name: 'count-orders', text: COUNT_ORDERS, values: orderColumns(orders) })
}

/** One element per line, in Postgres' binary form: order, day, shop, currency, product, units, value, new customer. */
export function orderColumns(orders: readonly OrderCount[]): Buffer[] {
  const lines = orders.flatMap((order, number) => order.lines.map((line) => ({ order, number, line })))
  return [
    int4Array(lines.map(({ number }) => number)),
    dateArray(lines.map(({ order }) => postgresDay(order.day))),
    textArray(lines.map(({ order }) => order.shop)),
    textArray(lines.map(({ order }) => order.currency)),
    textArray(lines.map(({ line }) => line.productId)),
    int8Array(lines.map(({ line }) => line.units)),
    int8Array(lines.map(({ line }) => line.value)),
    int2Array(lines.map(({ order }) => (order.newCustomer ? 1 : 0))),
  ]
}
