import { uuidArray } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'

/**
 * Requests about some of these subjects, `$1`, and about no account that is not among them. An account's requests are about
 * its devices too: whoever holds the secret of one of those reaches what that device sent, and no more, so that they neither
 * see, take back nor end what the account asked for.
 */
export const REQUESTS_OF = `select p.request_id from weir.request_person p where p.subject_id = any($1::uuid[])
  and not exists (select from weir.request_person o join weir.subject s using (subject_id)
    where o.request_id = p.request_id and s.kind = 'user' and o.subject_id <> all($1::uuid[]))`

/** Whether a request is theirs in this sense. */
export async function isRequestOf(db: Db | Tx, subjects: readonly SubjectId[], request: string): Promise<boolean> {
  const { rows } = await db.$client.query(`select where $2::uuid in (${REQUESTS_OF})`, [uuidArray(subjects), request])
  return rows.length > 0
}
