import { uuidArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import type { SubjectId } from '../../event/ids.ts'
import { forgetContent } from '../content.ts'
import type { RightsDeps } from '../deps.ts'
import type { State } from '../request.ts'
import { note, writeRequest } from '../rows.ts'
import { isClosed } from '../state.ts'
import { REQUESTS_OF } from '../whose.ts'

/**
 * What other requests of these people said goes with them; that there were such requests stays to be counted (CCPA
 * §7101). One that is still open has nobody left to be carried out for, and ends; of an erasure among them, which the
 * ledger may have, it is written down that it is done. One that is about an account too, where a device of it alone is
 * erased, goes on. Run it while the subjects are there still.
 * @returns how many said something
 */
export async function closeEarlierRequests(
  tx: Tx,
  { keyring, now }: RightsDeps,
  { id, subjects }: { readonly id: string; readonly subjects: readonly SubjectId[] },
): Promise<number> {
  const { rows } = await tx.$client.query<{ request_id: string; state: State }>(
    `select r.request_id, r.state from weir.request r
     where r.request_id <> $2 and r.request_id in (${REQUESTS_OF})
     order by r.request_id for no key update`,
    [uuidArray(subjects), id],
  )
  for (const { request_id: other, state } of rows) {
    await tx.$client.query('delete from weir.request_message where request_id = $1', [other])
    await tx.$client.query('delete from weir.request_proof where request_id = $1', [other])
    await forgetContent(tx, keyring, other)
    if (isClosed(state)) continue
    await note(tx, other, { actor: 'weir', what: 'cancelled', from: state, to: 'cancelled', more: 'erased' })
    await writeRequest(tx, other, { state: 'cancelled', stateAt: now(), reason: 'erased', closedAt: now() })
  }
  await forgetUnproven(tx, keyring, subjects)
  await tx.$client.query(
    'update weir.erasure set done_at = $2 where erasure_id = any($1::uuid[]) and done_at is null',
    [rows.map(({ request_id }) => request_id), new Date(now())],
  )
  return rows.length
}

/**
 * What was asked in these people's name and never proven says nothing any more, and nobody is written to. It stays open
 * until it expires, as one in the name of somebody unknown does: who asked learns nothing.
 */
async function forgetUnproven(tx: Tx, keyring: RightsDeps['keyring'], subjects: readonly SubjectId[]): Promise<void> {
  const { rows } = await tx.$client.query<{ request_id: string }>(
    `delete from weir.request_named where request_id in (
       select request_id from weir.request_named where subject_id = any($1::uuid[])) returning request_id`,
    [uuidArray(subjects)],
  )
  for (const { request_id: id } of rows) {
    await tx.$client.query('delete from weir.request_message where request_id = $1', [id])
    await tx.$client.query('delete from weir.request_proof where request_id = $1', [id])
    await forgetContent(tx, keyring, id)
  }
}
