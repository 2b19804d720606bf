import type { Tx } from '../../db/pool.ts'
import { expireRows, type Window } from '../expire-rows.ts'
import type { Cutoffs, Expired, Kept } from '../module.ts'
import { addInterest, settleOrders, takeTurn } from './derive.ts'

const PRODUCT = ['properties.product_id']
const GOODS = ['properties.order_id', 'properties.products[].product_id', 'properties.products[].quantity']

export const keeps: readonly Kept[] = [
  { table: 'view', at: 'day', events: ['Product Viewed', 'Product Clicked'], paths: PRODUCT },
  { table: 'cart_change', at: 'day', events: ['Product Added', 'Product Removed'], paths: PRODUCT },
  { table: 'order_line', at: 'day', events: ['Order Completed'], paths: GOODS },
  { table: 'order_return', at: 'day', events: ['Order Cancelled', 'Order Refunded'], paths: GOODS },
]

/** Takes out what fell due, with what was learned from it: baskets and counts are settled as after an erasure. */
export async function expire(tx: Tx, cutoffs: Cutoffs, from?: string): Promise<Expired> {
  await takeTurn(tx)
  return expireRows(
    tx,
    { name: 'recommendation', keeps },
    {
      cutoffs,
      from,
      takeOut(table, window) {
        if (table === 'view') return takeViews(tx, window)
        return table === 'cart_change' ? takeCartChanges(tx, window) : takeOrderRows(tx, table, window)
      },
    },
  )
}

async function takeViews(tx: Tx, { where, values }: Window): Promise<number> {
  const { rows } = await tx.$client.query<{ root: string; item: string; n: number }>(
    `with gone as (delete from recommendation.view where ${where} returning subject, item)
     select coalesce(k.root, g.subject) as root, g.item, count(*)::integer as n
     from gone g left join recommendation.link k on k.subject = g.subject group by 1, 2`,
    [...values],
  )
  await addInterest(
    tx,
    rows.map(({ root, item, n }) => ({ root, item, views: -n })),
  )
  return rows.reduce((sum, row) => sum + row.n, 0)
}

async function takeCartChanges(tx: Tx, { where, values }: Window): Promise<number> {
  const { rowCount } = await tx.$client.query(`delete from recommendation.cart_change where ${where}`, [...values])
  return rowCount ?? 0
}

async function takeOrderRows(tx: Tx, table: string, { where, values }: Window): Promise<number> {
  const { rows } = await tx.$client.query<{ subject: string; order: string; n: number }>(
    `with gone as (delete from recommendation.${table} where ${where} returning subject, order_token)
     select subject, order_token as "order", count(*)::integer as n from gone group by 1, 2`,
    [...values],
  )
  await settleOrders(tx, rows)
  return rows.reduce((sum, row) => sum + row.n, 0)
}
