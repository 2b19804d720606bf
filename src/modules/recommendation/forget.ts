import type { Tx } from '../../db/pool.ts'
import type { Pseudonym } from '../../event/ids.ts'
import type { Rows } from '../module.ts'
import { addInterest, settleOrders, takeTurn } from './derive.ts'
import { setTarget } from './link.ts'

/**
 * Removes the subject's base rows and everything that follows from them, and every link that names it, on either
 * side: pseudonyms that counted as this one stand for themselves again. Their own rows stay: a person of several
 * pseudonyms is erased one pseudonym at a time. Afterwards no row holds the pseudonym.
 */
export async function erase(tx: Tx, subject: Pseudonym): Promise<Rows> {
  await takeTurn(tx)
  const held = await holds(tx, subject)
  for (const from of await linkedTo(tx, subject)) await setTarget(tx, from, from)
  await setTarget(tx, subject, subject)
  await removeViews(tx, subject)
  await tx.$client.query('delete from recommendation.cart_change where subject = $1', [subject])
  await removeOrders(tx, subject)
  return held
}

/**
 * What is held about the subject: its base rows, the links that name it on either side, and what is derived where it
 * stands for itself (of a subject that counts as another, the derived rows are the other's).
 */
export async function holds(tx: Tx, subject: Pseudonym): Promise<Rows> {
  const result = await tx.$client.query<Record<string, number>>(
    `select
       (select count(*)::integer from recommendation.view where subject = $1) as view,
       (select count(*)::integer from recommendation.cart_change where subject = $1) as cart_change,
       (select count(*)::integer from recommendation.order_line where subject = $1) as order_line,
       (select count(*)::integer from recommendation.order_return where subject = $1) as order_return,
       (select count(*)::integer from recommendation.link where subject = $1 or target = $1) as link,
       (select count(*)::integer from recommendation.basket where root = $1) as basket,
       (select count(*)::integer from recommendation.interest where root = $1) as interest`,
    [subject],
  )
  return result.rows[0]!
}

async function linkedTo(tx: Tx, subject: string): Promise<string[]> {
  const result = await tx.$client.query<{ subject: string }>(
    'select subject from recommendation.link where target = $1 order by subject',
    [subject],
  )
  return result.rows.map((row) => row.subject)
}

async function removeViews(tx: Tx, subject: string): Promise<void> {
  const result = await tx.$client.query<{ item: string; views: number }>(
    `with gone as (delete from recommendation.view where subject = $1 returning item)
     select item, -count(*)::integer as views from gone group by item`,
    [subject],
  )
  await addInterest(
    tx,
    result.rows.map(({ item, views }) => ({ root: subject, item, views })),
  )
}

async function removeOrders(tx: Tx, subject: string): Promise<void> {
  const result = await tx.$client.query<{ subject: string; order: string }>(
    `with lines as (delete from recommendation.order_line where subject = $1 returning subject, order_token),
       returns as (delete from recommendation.order_return where subject = $1 returning subject, order_token)
     select subject, order_token as "order" from lines union select subject, order_token from returns`,
    [subject],
  )
  await settleOrders(tx, result.rows)
}
