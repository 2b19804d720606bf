import type { Tx } from '../../db/pool.ts'
import type { Pseudonym } from '../../event/ids.ts'
import { alsoBought, type Neighbour } from './also-bought.ts'
import { boughtWithYours, type Recommended } from './why.ts'

const NEIGHBOURS = 20

/** Everything the person has ordered, also what went back: it is not offered again. */
export async function itemsOrdered(tx: Tx, subjects: readonly Pseudonym[]): Promise<string[]> {
  const result = await tx.$client.query<{ item: string }>(
    'select distinct item from recommendation.order_line where subject = any($1::text[]) order by item',
    [subjects],
  )
  return result.rows.map((row) => row.item)
}

export interface AskForPerson {
  readonly subjects: readonly Pseudonym[]
  readonly n: number
  readonly without: readonly string[]
  /** Items that the person does not want to be known by: nothing follows from them. */
  readonly ignoring: readonly string[]
}

/**
 * What goes with the person's recent items: the sum over them of their neighbours' scores, best first. Reads the base
 * rows of exactly these pseudonyms: whose they are and that they may be joined, the caller has checked.
 */
export async function personal(tx: Tx, ask: AskForPerson): Promise<Recommended[]> {
  const touched = await touchedItems(tx, ask.subjects, { n: RECENT_ITEMS, ignoring: ask.ignoring })
  const recent = touched.map(({ item }) => item)
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

/** An item that says something of the person: since when at the latest, and how it came. */
export interface Touched {
  readonly item: string
  /** YYYY-MM-DD. */
  readonly day: string
  readonly how: readonly ('viewed' | 'in-cart' | 'bought')[]
}

/** The latest items that the person looked at, has in the cart, or bought and kept; the latest day first, then by item. */
export async function touchedItems(
  tx: Tx,
  subjects: readonly Pseudonym[],
  { n, ignoring }: { readonly n: number; readonly ignoring: readonly string[] },
): Promise<Touched[]> {
  const result = await tx.$client.query<{ item: string; day: string; how: Touched['how'] }>(
    `select item, to_char(max(day), 'YYYY-MM-DD') as day, array_agg(distinct how order by how) as how from (
       select item, max(day) as day, 'viewed' as how from recommendation.view where subject = any($1::text[]) group by item
       union all
       select item, max(day), 'in-cart' from recommendation.cart_change where subject = any($1::text[])
       group by item having sum(step) > 0
       union all
       select item, max(day), 'bought' from recommendation.order_line l where subject = any($1::text[]) and not exists (
         select from recommendation.order_return r where r.subject = any($1::text[])
           and r.order_token = l.order_token and (r.item = '' or r.item = l.item))
       group by item
     ) touched where not (item = any($3::text[])) group by item order by max(day) desc, item limit $2`,
    [subjects, n, ignoring],
  )
  return result.rows
}

/** How many of the latest items lists are made of. */
export const RECENT_ITEMS = 5
