import type { Tx } from '../../db/pool.ts'
import type { Pseudonym } from '../../event/ids.ts'
import { alsoBought, type Neighbour } from './also-bought.ts'
import { boughtWithYours, type Recommended } from './why.ts'

const RECENT_ITEMS = 5
const NEIGHBOURS = 20

/** Everything the person has ordered, also what went back: it is not offered again. */
export async function itemsOrdered(tx: Tx, subjects: readonly Pseudonym[]): Promise<string[]> {
  const result = await tx.$client.query<{ item: string }>(
    'select distinct item from recommendation.order_line where subject = any($1::text[]) order by item',
    [subjects],
  )
  return result.rows.map((row) => row.item)
}

/**
 * What goes with the person's recent items: the sum over them of their neighbours' scores, best first. Reads the base
 * rows of exactly these pseudonyms: whose they are and that they may be joined, the caller has checked.
 */
export async function personal(
  tx: Tx,
  ask: { readonly subjects: readonly Pseudonym[]; readonly n: number; readonly without: readonly string[] },
): Promise<Recommended[]> {
  const recent = await recentItems(tx, ask.subjects)
  const hidden = new Set([...ask.without, ...recent])
  const found = new Map<string, { score: number; best: Neighbour }>()
  for (const productId of recent) {
    for (const neighbour of await alsoBought(tx, { productId, n: NEIGHBOURS })) {
      if (hidden.has(neighbour.item)) continue
      const sum = found.get(neighbour.item)
      if (sum === undefined) found.set(neighbour.item, { score: neighbour.score, best: neighbour })
      else {
        sum.score += neighbour.score
        if (neighbour.score > sum.best.score) sum.best = neighbour
      }
    }
  }
  return [...found]
    .sort(([a, x], [b, y]) => y.score - x.score || (a < b ? -1 : 1))
    .slice(0, ask.n)
    .map(([item, { score, best }]) => ({
      product_id: item,
      score,
      stage: 'personal',
      why: boughtWithYours(best.together, best.of),
    }))
}

/** The latest items that the person looked at, has in the cart, or bought and kept; the latest day first, then by item. */
async function recentItems(tx: Tx, subjects: readonly Pseudonym[]): Promise<string[]> {
  const result = await tx.$client.query<{ item: string }>(
    `select item from (
       select item, max(day) as day from recommendation.view where subject = any($1::text[]) group by item
       union all
       select item, max(day) from recommendation.cart_change where subject = any($1::text[])
       group by item having sum(step) > 0
       union all
       select item, max(day) from recommendation.order_line l where subject = any($1::text[]) and not exists (
         select from recommendation.order_return r where r.subject = any($1::text[])
           and r.order_token = l.order_token and (r.item = '' or r.item = l.item))
       group by item
     ) touched group by item order by max(day) desc, item limit ${RECENT_ITEMS}`,
    [subjects],
  )
  return result.rows.map((row) => row.item)
}
