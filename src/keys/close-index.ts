import type { Db } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { waitForMakers } from '../identity/identifiers.ts'
import type { IdentifierType } from '../identity/normalise.ts'
import type { ReindexOptions } from './reindex.ts'
import { READABLE } from './reindex-plan.ts'

const AT_ONCE = 1000

/**
 * Deletes the rows of roots that are destroyed and of rules that are closed, in batches over the index key. A row whose
 * identifier stands nowhere else stays: nobody finds it, but reindex can still bring it back.
 * @returns how many went
 */
export async function dropUnread(db: Db, options: ReindexOptions = {}): Promise<number> {
  let after: Uint8Array = Buffer.alloc(0)
  for (let dropped = 0; ; ) {
    if (options.signal?.aborted === true) return dropped
    const { rows } = await db.$client.query<{ last: Buffer | null; dropped: number }>({
      name: 'drop-unread',
      text: `with looked as materialized (select * from weir.identifier where index_key > $1 order by index_key limit ${AT_ONCE}),
         gone as (delete from weir.identifier d using looked i where d.index_key = i.index_key and not ${READABLE}
           and exists (select from weir.identifier s join weir.key k on k.class = 'index' and k.state = 'active'
             where s.subject_id = d.subject_id and s.identifier_id = d.identifier_id and s.index_version = k.kid
               and not exists (select from weir.closed_normalisation c where c.type = s.type and c.norm_version = s.norm_version))
           returning 1)
       select (select index_key from looked order by index_key desc limit 1) as last, (select count(*)::integer from gone) as dropped`,
      values: [Buffer.from(after)],
    })
    const { last, dropped: count } = rows[0]!
    if (last === null) return dropped
    after = last
    dropped += count
    options.progress?.(dropped, dropped)
  }
}

/**
 * Closes a version of the rules of a type, once no release that reads it runs any more: nothing is written under it
 * from now on, and dropUnread takes its rows.
 * @throws AppError `key-in-use` where somebody is found by it alone: reindex first, or decide the conflicts
 */
export async function closeNormalisation(db: Db, type: IdentifierType, version: number): Promise<void> {
  await transaction(db, async (tx) => {
    await waitForMakers(tx)
    const { rows } = await tx.$client.query<{ n: number }>(
      `select count(distinct (i.subject_id, i.identifier_id))::integer as n from weir.identifier i
       where i.type = $1 and i.norm_version = $2 and not exists (select from weir.identifier s
         where s.subject_id = i.subject_id and s.identifier_id = i.identifier_id and s.norm_version <> i.norm_version
           and s.index_version = (select kid from weir.key where class = 'index' and state = 'active'))`,
      [type, version],
    )
    if (rows[0]!.n > 0) {
      const message = `${rows[0]!.n} identifiers are found by these rules alone: weir keys reindex, or decide its conflicts`
      throw new AppError('conflict', message, { code: 'key-in-use' })
    }
    await tx.$client.query(
      'insert into weir.closed_normalisation (type, norm_version) values ($1, $2) on conflict do nothing',
      [type, version],
    )
  })
}
