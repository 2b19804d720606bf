import type { Tx } from '../../db/pool.ts'
import type { Pseudonym } from '../../event/ids.ts'

/**
 * From now on `from` counts as whom `to` counts as, through any chain of links (a circle counts as its smallest
 * pseudonym); `to` equal to `from` undoes it. Touches and conversions stay as they are: paths are put together when read.
 */
export async function relink(tx: Tx, from: Pseudonym, to: Pseudonym): Promise<void> {
  await setTarget(tx, from, to)
}

/** relink for any text that is a pseudonym in a table. Writers take turns by the destination's delivery lock. */
export async function setTarget(tx: Tx, from: string, to: string): Promise<void> {
  const followers = await followersOf(tx, from)
  const root = to === from ? from : followers.includes(to) ? await smallestOnWay(tx, to, from) : await rootOf(tx, to)
  await tx.$client.query('update attribution.link set root = $2 where subject = any($1) and root <> $2', [
    followers,
    root,
  ])
  await (to === from
    ? tx.$client.query('delete from attribution.link where subject = $1', [from])
    : tx.$client.query(
        `insert into attribution.link (subject, target, root) values ($1, $2, $3)
         on conflict (subject) do update set target = excluded.target, root = excluded.root`,
        [from, to, root],
      ))
}

/** The pseudonym and all whose chain of targets leads through it. They share one root, before and after. */
async function followersOf(tx: Tx, subject: string): Promise<string[]> {
  const result = await tx.$client.query<{ subject: string }>(
    `with recursive follower (subject) as (
       select $1::text collate "C"
       union
       select l.subject from follower f join attribution.link l on l.target = f.subject
     ) select subject from follower order by subject`,
    [subject],
  )
  return result.rows.map((row) => row.subject)
}

async function rootOf(tx: Tx, subject: string): Promise<string> {
  const result = await tx.$client.query<{ root: string }>('select root from attribution.link where subject = $1', [
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
       select l.target from way w join attribution.link l on l.subject = w.subject where w.subject <> $2
     ) select min(subject) as root from way`,
    [to, from],
  )
  return result.rows[0]!.root
}
