import type { Tx } from '../../db/pool.ts'
import type { Delivered } from '../../event/event.ts'
import { addInterest, settleBasketsOf, takeTurn } from './derive.ts'
import { type CartChange, factsOf, type OrderLine, type OrderReturn, type View } from './facts.ts'

/**
 * Takes in a batch: base rows first, each table in one statement sorted by key, then what follows from them.
 * Rows that are there already stay as they are, so a batch may come twice, late and in any order.
 */
export async function handle(tx: Tx, batch: readonly Delivered[]): Promise<void> {
  const { views, cartChanges, lines, returns } = factsOf(batch)
  if (views.length + cartChanges.length + lines.length + returns.length === 0) return
  await takeTurn(tx)
  const seen = views.length > 0 ? await addViews(tx, views) : []
  if (cartChanges.length > 0) await addCartChanges(tx, cartChanges)
  const touched = [
    ...(lines.length > 0 ? await addLines(tx, lines) : []),
    ...(returns.length > 0 ? await addReturns(tx, returns) : []),
  ]
  await addInterest(tx, [...seen, ...(await settleBasketsOf(tx, touched))])
}

/** @returns the rows that are new, each as one more view of the item by whom the subject counts as */
async function addViews(tx: Tx, views: readonly View[]): Promise<{ root: string; item: string; views: number }[]> {
  const result = await tx.$client.query<{ root: string; item: string; views: number }>({
    name: 'recommendation-add-views',
    text: `with fresh as (
       insert into recommendation.view (subject, event_key, item, day)
       select * from unnest($1::text[], $2::text[], $3::text[], $4::date[])
       on conflict do nothing
       returning subject, item
     )
     select coalesce((select root from recommendation.link where subject = f.subject), f.subject) as root,
       f.item, 1 as views
     from fresh f`,
    values: columns(views, ['subject', 'eventKey', 'item', 'day']),
  })
  return result.rows
}

async function addCartChanges(tx: Tx, changes: readonly CartChange[]): Promise<void> {
  await tx.$client.query({
    name: 'recommendation-add-cart-changes',
    text: `insert into recommendation.cart_change (subject, event_key, item, day, step)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::date[], $5::smallint[])
     on conflict do nothing`,
    values: columns(changes, ['subject', 'eventKey', 'item', 'day', 'step']),
  })
}

type Touched = { subject: string; order: string }[]

async function addLines(tx: Tx, lines: readonly OrderLine[]): Promise<Touched> {
  const result = await tx.$client.query<{ subject: string; order: string }>({
    name: 'recommendation-add-lines',
    text: `with fresh as (
       insert into recommendation.order_line (subject, event_key, order_token, item, day)
       select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[])
       on conflict do nothing
       returning subject, order_token
     )
     select distinct subject, order_token as "order" from fresh`,
    values: columns(lines, ['subject', 'eventKey', 'order', 'item', 'day']),
  })
  return result.rows
}

async function addReturns(tx: Tx, returns: readonly OrderReturn[]): Promise<Touched> {
  const result = await tx.$client.query<{ subject: string; order: string }>({
    name: 'recommendation-add-returns',
    text: `with fresh as (
       insert into recommendation.order_return (subject, event_key, order_token, item, day)
       select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[])
       on conflict do nothing
       returning subject, order_token
     )
     select distinct subject, order_token as "order" from fresh`,
    values: columns(returns, ['subject', 'eventKey', 'order', 'item', 'day']),
  })
  return result.rows
}

function columns<Row extends { subject: string; eventKey: string; item: string }>(
  rows: readonly Row[],
  names: readonly (keyof Row)[],
): unknown[][] {
  const sorted = [...rows].sort(
    (a, b) => compare(a.subject, b.subject) || compare(a.eventKey, b.eventKey) || compare(a.item, b.item),
  )
  return names.map((name) => sorted.map((row) => row[name]))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
