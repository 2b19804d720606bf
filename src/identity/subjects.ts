import { randomUUID } from 'node:crypto'
import { byteaArray, int2Array, textArray, uuidArray } from '../db/binary-array.ts'
import type { Tx } from '../db/pool.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import type { Keyring } from '../keys/keyring.ts'
import { sealRecord } from '../protect/seal.ts'
import type { Presented } from './present.ts'
import { indexText } from './read.ts'

const INDEX_VERSION = 1
/** Context id of the identifier column in the sealed layout's registry. */
export const IDENTIFIER_CONTEXT = 1

/**
 * Makes a subject with its own key for each identifier that has none yet. One that another transaction made
 * meanwhile is left as it is: read again after this.
 */
export async function createSubjects(tx: Tx, keyring: Keyring, wanted: readonly Presented[]): Promise<void> {
  const made = distinct(wanted).map((presented) => {
    const subject = subjectId(randomUUID())
    const { wrapped, keys } = keyring.createSubjectKey(subject)
    const sealed = sealRecord(
      keys.group('identifier', 'identity'),
      { subject, table: 'identifier', group: 'identity', record: presented.key },
      { keyVersion: keys.keyVersion, contextId: IDENTIFIER_CONTEXT },
      Buffer.from(presented.value, 'utf8'),
    )
    return { presented, subject, wrapped, keyVersion: keys.keyVersion, sealed }
  })
  const { rows } = await tx.$client.query<{ subject_id: string }>(
    `insert into weir.identifier (index_key, subject_id, type, index_version, sealed)
     select key, subject, type, version, sealed
     from unnest($1::bytea[], $2::uuid[], $3::text[], $4::smallint[], $5::bytea[]) as n(key, subject, type, version, sealed)
     on conflict (index_key) do nothing returning subject_id`,
    [
      byteaArray(made.map((m) => m.presented.key)),
      uuidArray(made.map((m) => m.subject)),
      textArray(made.map((m) => m.presented.type)),
      int2Array(made.map(() => INDEX_VERSION)),
      byteaArray(made.map((m) => m.sealed)),
    ],
  )
  const won = new Set(rows.map((row) => row.subject_id))
  await insertSubjects(
    tx,
    made
      .filter((m) => won.has(m.subject))
      .map((m) => ({ ...m, kind: m.presented.type === 'user_id' ? ('user' as const) : ('device' as const) })),
  )
}

interface NewSubject {
  readonly subject: SubjectId
  readonly kind: 'device' | 'user'
  readonly wrapped: Uint8Array
  readonly keyVersion: number
}

/** Writes the subject rows and their keys. */
export async function insertSubjects(tx: Tx, made: readonly NewSubject[]): Promise<void> {
  if (made.length === 0) return
  await tx.$client.query(
    `with subject as (
       insert into weir.subject (subject_id, kind, key_version)
       select subject, kind, version from unnest($1::uuid[], $2::text[], $3::smallint[]) as n(subject, kind, version))
     insert into weir.subject_key (subject_id, key_version, wrapped)
     select subject, version, wrapped from unnest($1::uuid[], $3::smallint[], $4::bytea[]) as n(subject, version, wrapped)`,
    [
      uuidArray(made.map((m) => m.subject)),
      textArray(made.map((m) => m.kind)),
      int2Array(made.map((m) => m.keyVersion)),
      byteaArray(made.map((m) => m.wrapped)),
    ],
  )
}

/** Sorted by index key: two groups that make the same subjects meet in one order. */
function distinct(wanted: readonly Presented[]): Presented[] {
  const byKey = new Map(wanted.map((presented) => [indexText(presented.key), presented]))
  return [...byKey.values()].sort((a, b) => Buffer.compare(a.key, b.key))
}

/** Notes that subjects were seen today; at most one write a subject and day. */
export async function markSeen(tx: Tx, subjects: readonly SubjectId[]): Promise<void> {
  await tx.$client.query(
    `update weir.subject set seen_on = (clock_timestamp() at time zone 'UTC')::date
     where subject_id in (select subject_id from weir.subject where subject_id = any($1::uuid[])
       and seen_on < (clock_timestamp() at time zone 'UTC')::date order by subject_id for update)`,
    [uuidArray([...subjects])],
  )
}
