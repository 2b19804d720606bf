import type { Tx } from '../../db/pool.ts'
import type { Pseudonym } from '../../event/ids.ts'
import type { Rows } from '../module.ts'
import { setTarget } from './link.ts'

/**
 * Removes the subject's touches and conversions, and every link that names it, on either side: pseudonyms that counted
 * as this one stand for themselves again. Afterwards no row holds the pseudonym, and no credit comes from it.
 */
export async function erase(tx: Tx, subject: Pseudonym): Promise<Rows> {
  const held = await holds(tx, subject)
  for (const from of await linkedTo(tx, subject)) await setTarget(tx, from, from)
  await setTarget(tx, subject, subject)
  await tx.$client.query('delete from attribution.touch where subject = $1', [subject])
  await tx.$client.query('delete from attribution.conversion where subject = $1', [subject])
  return held
}

/** What is held about the subject: its own rows, and the links that name it on either side. */
export async function holds(tx: Tx, subject: Pseudonym): Promise<Rows> {
  const result = await tx.$client.query<Record<string, number>>(
    `select
       (select count(*)::integer from attribution.touch where subject = $1) as touch,
       (select count(*)::integer from attribution.conversion where subject = $1) as conversion,
       (select count(*)::integer from attribution.link where subject = $1 or target = $1) as link`,
    [subject],
  )
  return result.rows[0]!
}

async function linkedTo(tx: Tx, subject: string): Promise<string[]> {
  const result = await tx.$client.query<{ subject: string }>(
    'select subject from attribution.link where target = $1 order by subject',
    [subject],
  )
  return result.rows.map((row) => row.subject)
}
