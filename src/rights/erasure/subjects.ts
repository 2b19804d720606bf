import { createHmac, type KeyObject } from 'node:crypto'
import { uuidArray } from '../../db/binary-array.ts'
import type { Db, Tx } from '../../db/pool.ts'
import { type SubjectId, subjectId } from '../../event/ids.ts'
import { openIdentifiers } from '../../identity/identifiers.ts'
import type { IdentifierType } from '../../identity/normalise.ts'
import { lpConcat, TENANT, uuidBytes } from '../../protect/layouts.ts'
import type { RightsDeps } from '../deps.ts'
import { devicesOf } from '../people.ts'
import type { GivenIdentifier } from '../request.ts'

/** HMAC-SHA-256(tombstone key, LP("gw/v1/tms") ‖ LP(tenant) ‖ LP(subject))[:16]: finds a subject of a restored backup again. */
export function subjectTagOf(key: KeyObject, subject: SubjectId): Buffer {
  return createHmac('sha256', key)
    .update(lpConcat('gw/v1/tms', TENANT, uuidBytes(subject)))
    .digest()
    .subarray(0, 16)
}

/** With the devices that became known to be these users' since the request was made. Sorted. */
export async function withDevices(tx: Tx, subjects: readonly SubjectId[]): Promise<SubjectId[]> {
  return [...new Set([...subjects, ...(await devicesOf(tx, subjects))])].sort()
}

/** Every identifier that is on file of these subjects, opened; one that is damaged is left out. */
export async function identifiersOf(
  tx: Tx,
  { keyring }: Pick<RightsDeps, 'keyring'>,
  subjects: readonly SubjectId[],
): Promise<GivenIdentifier[]> {
  const { rows } = await tx.$client.query<{
    subject_id: string
    type: IdentifierType
    index_key: Buffer
    sealed: Buffer
  }>(
    `select distinct on (identifier_id) subject_id, type, index_key, sealed from weir.identifier
     where subject_id = any($1::uuid[]) order by identifier_id, index_version desc`,
    [uuidArray(subjects)],
  )
  const sealed = rows.map((row) => ({ subject: subjectId(row.subject_id), key: row.index_key, sealed: row.sealed }))
  const opened = await openIdentifiers(tx, keyring, sealed)
  return rows.flatMap(({ type }, i) => {
    const value = opened[i]
    return value === undefined ? [] : [{ type, value, verified: true }]
  })
}

/** Those of them that are there still. */
export async function stillThere(db: Db | Tx, subjects: readonly SubjectId[]): Promise<SubjectId[]> {
  const { rows } = await db.$client.query<{ subject_id: string }>(
    'select subject_id from weir.subject where subject_id = any($1::uuid[]) order by subject_id',
    [uuidArray(subjects)],
  )
  return rows.map((row) => subjectId(row.subject_id))
}
