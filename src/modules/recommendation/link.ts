import type { Tx } from '../../db/pool.ts'
import type { Pseudonym } from '../../event/ids.ts'
import { addInterest, settleRoots, takeTurn } from './derive.ts'

/**
 * From now on `from` counts as whom `to` counts as, through any chain of links (a circle counts as its smallest
 * pseudonym); `to` equal to `from` undoes it. Base rows stay as they are, what is derived from them moves.
 */
export async function relink(tx: Tx, from: Pseudonym, to: Pseudonym): Promise<void> {
  await takeTurn(tx)
  await setTarget(tx, from, to)
}

/** relink for a caller that has its turn already. */
export async function setTarget(tx: Tx, from: string, to: string): Promise<void> {
  const followers = await followersOf(tx, from)
  const before = await rootOf(tx, from)
  const after = to === from ? from : followers.includes(to) ? await smallestOnWay(tx, to, from) : await rootOf(tx, to)
  await tx.$client.query('update recommendation.link set root = $2 where subject = any($1) and root <> $2', [
    followers,
    after,
  ])
  await (to === from
    ? tx.$client.query('delete from recommendation.link where subject = $1', [from])
    : tx.$client.query(
        `insert into recommendation.link (subject, target, root) values ($1, $2, $3)
         on conflict (subject) do update set target = excluded.target, root = excluded.root`,
        [from, to, after],
      ))
  if (before !== after) await moveDerived(tx, followers, { before, after })
}

/** The pseudonym and all whose chain of targets leads through it. They share one root, before and after. */
async function followersOf(tx: Tx, subject: string): Promise<string[]> {
  const result = await tx.$client.query<{ subject: string }>(
    `with recursive follower (subject) as (
       select $1::text collate "C"
       union
       select l.subject from follower f join recommendation.link l on l.target = f.subject
     ) select subject from follower order by subject`,
    [subject],
  )
  return result.rows.map((row) => row.subject)
}

async function rootOf(tx: Tx, subject: string): Promise<string> {
  const result = await tx.$client.query<{ root: string }>('select root from recommendation.link where subject = $1', [
    subject,
  ])
  return result.rows[0]?.root ?? subject
}

/** The link from `to` back to `from` closes a circle: its smallest member stands for all. */
async function smallestOnWay(tx: Tx, to: string, from: string): Promise<string> {
  const result = await tx.$client.query<{ root: string }>(
    `with recursive way (subject) as (
       select $1::text collate "C"
       union
       select l.target from way w join recommendation.link l on l.subject = w.subject where w.subject <> $2
     ) select min(subject) as root from way`,
    [to, from],
  )
  return result.rows[0]!.root
}

async function moveDerived(
  tx: Tx,
  subjects: readonly string[],
  roots: { readonly before: string; readonly after: string },
): Promise<void> {
  const seen = await tx.$client.query<{ item: string; views: number }>(
    'select item, count(*)::integer as views from recommendation.view where subject = any($1) group by item',
    [subjects],
  )
  await addInterest(
    tx,
    seen.rows.flatMap(({ item, views }) => [
      { root: roots.before, item, views: -views },
      { root: roots.after, item, views },
    ]),
  )
  const orders = await tx.$client.query<{ order: string }>(
    `select order_token as "order" from recommendation.order_line where subject = any($1)
     union select order_token from recommendation.order_return where subject = any($1)`,
    [subjects],
  )
  const touched = orders.rows.flatMap(({ order }) => [
    { root: roots.before, order },
    { root: roots.after, order },
  ])
  await settleRoots(tx, touched)
}
