import { byteaArray, int2Array, int4Array, textArray, uuidArray } from '../db/binary-array.ts'
import type { Tx } from '../db/pool.ts'
import type { IndexKey, SubjectId } from '../event/ids.ts'
import type { Keyring } from '../keys/keyring.ts'
import { loadSubjectKeys } from '../keys/subject-keys.ts'
import { ProtectError } from '../protect/protect-error.ts'
import { openRecord, readHeader, sealRecord } from '../protect/seal.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import type { IdentifierType } from './normalise.ts'

/** Context id of the identifier column in the sealed layout's registry. */
const IDENTIFIER_CONTEXT = 1

/** One row of weir.identifier: an identifier under one version of its index. */
export interface IdentifierRow {
  readonly key: IndexKey
  readonly subject: SubjectId
  /** The same in all rows that are one identifier under several versions. */
  readonly identifierId: string
  readonly type: IdentifierType
  readonly kid: number
  readonly normVersion: number
  readonly sealed: Uint8Array
}

/** The value that is kept, sealed for its subject and bound to the row's index key. */
export function sealIdentifier(keys: SubjectKeys, subject: SubjectId, key: IndexKey, kept: string): Buffer {
  return sealRecord(
    keys.group('identifier', 'identity'),
    { subject, table: 'identifier', group: 'identity', record: key },
    { keyVersion: keys.keyVersion, contextId: IDENTIFIER_CONTEXT },
    Buffer.from(kept, 'utf8'),
  )
}

/** A row as it is read to be sealed elsewhere. */
export interface SealedIdentifier {
  readonly subject: SubjectId
  readonly key: Uint8Array
  readonly sealed: Uint8Array
}

/**
 * What is kept, of each row, in order; undefined where a row does not open, or its subject's key is gone. A subject has
 * several keys while one replaces another: each row names its own.
 */
export async function openIdentifiers(
  tx: Tx,
  keyring: Keyring,
  rows: readonly SealedIdentifier[],
): Promise<(string | undefined)[]> {
  const versions = rows.map((row) => readVersion(row.sealed))
  const keys = new Map<number | undefined, ReadonlyMap<SubjectId, SubjectKeys>>()
  for (const keyVersion of new Set(versions)) {
    if (keyVersion === undefined) continue
    const wanted = rows.flatMap(({ subject }, i) => (versions[i] === keyVersion ? [{ subject, keyVersion }] : []))
    keys.set(keyVersion, await loadSubjectKeys(tx, keyring, wanted))
  }
  return rows.map((row, i) => {
    const own = keys.get(versions[i])?.get(row.subject)
    return own && unlessDamaged(() => openIdentifier(own, row.subject, row.key, row.sealed))
  })
}

function readVersion(sealed: Uint8Array): number | undefined {
  return unlessDamaged(() => readHeader(sealed).keyVersion)
}

function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof ProtectError) return undefined
    throw error
  }
}

/** Throws ProtectError where the row is not this subject's, or not under this key. */
export function openIdentifier(keys: SubjectKeys, subject: SubjectId, key: Uint8Array, sealed: Uint8Array): string {
  const place = { subject, table: 'identifier', group: 'identity', record: key }
  return openRecord(keys.group('identifier', 'identity'), place, sealed).toString('utf8')
}

/**
 * Inserts rows of one version, sorted by index key, and returns the index keys that were free. A key that somebody has
 * is left as it is: who was first keeps it.
 */
export async function insertIdentifiers(tx: Tx, rows: readonly IdentifierRow[]): Promise<Set<string>> {
  const sorted = rows.toSorted((a, b) => Buffer.compare(a.key, b.key))
  const { rows: inserted } = await tx.$client.query<{ index_key: Buffer }>(
    `insert into weir.identifier (index_key, subject_id, identifier_id, type, index_version, norm_version, sealed)
     select key, subject, id, type, kid, norm, sealed
     from unnest($1::bytea[], $2::uuid[], $3::uuid[], $4::text[], $5::integer[], $6::smallint[], $7::bytea[])
       as n(key, subject, id, type, kid, norm, sealed)
     on conflict (index_key) do nothing returning index_key`,
    [
      byteaArray(sorted.map((row) => row.key)),
      uuidArray(sorted.map((row) => row.subject)),
      uuidArray(sorted.map((row) => row.identifierId)),
      textArray(sorted.map((row) => row.type)),
      int4Array(sorted.map((row) => row.kid)),
      int2Array(sorted.map((row) => row.normVersion)),
      byteaArray(sorted.map((row) => row.sealed)),
    ],
  )
  return new Set(inserted.map((row) => row.index_key.toString('latin1')))
}

const MAKING_LOCK = 20007 // beside the classes of src/db/locks.ts; shared by weir.identifier_is_current

/** Waits until whoever made an identifier by what it knew before now has committed; those who come later know better. */
export async function waitForMakers(tx: Tx): Promise<void> {
  await tx.$client.query('select pg_advisory_xact_lock($1, 0)', [MAKING_LOCK])
}
