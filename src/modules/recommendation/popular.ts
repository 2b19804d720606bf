import type { Tx } from '../../db/pool.ts'
import { BUYER_FLOOR } from './also-bought.ts'
import { mostBought, mostViewed, type Recommended } from './why.ts'

/**
 * What most people buy (distinct buyers, then orders), then what most people look at; at least five people stand
 * behind each. `without` names items that are not to be shown. Fewer than n where there are no more.
 */
export async function popular(
  tx: Tx,
  ask: { readonly n: number; readonly without?: readonly string[] },
): Promise<Recommended[]> {
  const without = ask.without ?? []
  const bought = await mostBoughtItems(tx, ask.n, without)
  if (bought.length >= ask.n) return bought
  const shown = [...without, ...bought.map((item) => item.product_id)]
  return [...bought, ...(await mostViewedItems(tx, ask.n - bought.length, shown))]
}

async function mostBoughtItems(tx: Tx, n: number, without: readonly string[]): Promise<Recommended[]> {
  const result = await tx.$client.query<{ item: string; orders: number; all: number }>(
    `select i.item, i.orders::integer as orders, s.orders::integer as all
     from recommendation.item i, recommendation.state s
     where i.buyers >= ${BUYER_FLOOR} and i.item <> all($2::text[])
     order by i.buyers desc, i.orders desc, i.item limit $1`,
    [n, without],
  )
  return result.rows.map(({ item, orders, all }) => ({
    product_id: item,
    score: orders / all,
    stage: 'popular',
    why: mostBought(orders, all),
  }))
}

async function mostViewedItems(tx: Tx, n: number, without: readonly string[]): Promise<Recommended[]> {
  const result = await tx.$client.query<{ item: string; viewers: number }>(
    `select item, viewers::integer as viewers from recommendation.item
     where viewers >= ${BUYER_FLOOR} and item <> all($2::text[])
     order by viewers desc, item limit $1`,
    [n, without],
  )
  return result.rows.map(({ item, viewers }) => ({
    product_id: item,
    score: 0,
    stage: 'popular',
    why: mostViewed(viewers),
  }))
}
