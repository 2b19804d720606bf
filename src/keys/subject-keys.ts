import { int2Array, uuidArray } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import { sqlState } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import type { Keyring } from './keyring.ts'

export interface KeyWanted {
  readonly subject: SubjectId
  readonly keyVersion: number
}

/**
 * The keys of these subjects, one version each: from the cache, else from their rows in one round trip. A subject whose
 * key is gone (erased) is absent from the answer. Throws AppError `key-epoch-unknown` for a row that a newer epoch wraps
 * than this process knows: who began the transaction looks for that epoch (withActiveEpoch), since the provider may be
 * on the network and a withdrawal waits for what is locked.
 */
export async function loadSubjectKeys(
  db: Db | Tx,
  keyring: Keyring,
  wanted: readonly KeyWanted[],
): Promise<Map<SubjectId, SubjectKeys>> {
  const found = new Map<SubjectId, SubjectKeys>()
  const missing: KeyWanted[] = []
  for (const key of wanted) {
    if (found.has(key.subject)) continue
    const cached = keyring.cached(key.subject, key.keyVersion)
    if (cached === undefined) missing.push(key)
    else found.set(key.subject, cached)
  }
  if (missing.length === 0) return found
  for (const [subject, keys] of await openRows(db, keyring, missing)) found.set(subject, keys)
  return found
}

/** The same where versions differ: a subject has several keys while one replaces another. */
export async function loadKeyVersions(
  db: Db | Tx,
  keyring: Keyring,
  wanted: readonly KeyWanted[],
): Promise<(subject: SubjectId, keyVersion: number) => SubjectKeys | undefined> {
  const found = new Map<number, ReadonlyMap<SubjectId, SubjectKeys>>()
  for (const [keyVersion, ofVersion] of Map.groupBy(wanted, (one) => one.keyVersion)) {
    found.set(keyVersion, await loadSubjectKeys(db, keyring, ofVersion))
  }
  return (subject, keyVersion) => found.get(keyVersion)?.get(subject)
}

/** The newest keys of these subjects. Whoever is absent from the answer was erased. Throws as loadSubjectKeys. */
export async function currentSubjectKeys(
  db: Db | Tx,
  keyring: Keyring,
  subjects: readonly SubjectId[],
): Promise<Map<SubjectId, SubjectKeys>> {
  const { rows } = await db.$client.query<{ subject_id: string; key_version: number }>({
    name: 'current-subject-keys',
    text: 'select subject_id, key_version from weir.subject where subject_id = any($1::uuid[])',
    values: [uuidArray([...new Set(subjects)])],
  })
  const wanted = rows.map((row) => ({ subject: subjectId(row.subject_id), keyVersion: row.key_version }))
  return loadSubjectKeys(db, keyring, wanted)
}

/** Whether a key could not be opened, or made, because this process has not heard of a roll of the epoch yet. */
export function isUnknownEpoch(error: unknown): boolean {
  return sqlState(error) === EPOCH_NOT_OPEN || (error instanceof AppError && error.code === 'key-epoch-unknown')
}

const EPOCH_NOT_OPEN = 'WK001' // raised by weir.subject_key_is_of_the_active_epoch

/**
 * Does work that makes subjects or opens their keys, and once more where a roll of the epoch had not been heard of. The
 * work begins its own transaction: none is open while the provider is asked.
 */
export async function withActiveEpoch<T>(keyring: Keyring, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isUnknownEpoch(error)) throw error
    await keyring.refresh()
    return work()
  }
}

async function openRows(
  db: Db | Tx,
  keyring: Keyring,
  missing: readonly KeyWanted[],
): Promise<Map<SubjectId, SubjectKeys>> {
  const { rows } = await db.$client.query<{ subject_id: string; wrapped: Buffer }>({
    name: 'load-subject-keys',
    text: `select k.subject_id, k.wrapped from unnest($1::uuid[], $2::smallint[]) as w(subject, version)
      join weir.subject_key k on k.subject_id = w.subject and k.key_version = w.version`,
    values: [uuidArray(missing.map((key) => key.subject)), int2Array(missing.map((key) => key.keyVersion))],
  })
  return new Map(
    rows.map((row) => {
      const subject = subjectId(row.subject_id)
      return [subject, keyring.unwrapSubjectKey(subject, row.wrapped)] as const
    }),
  )
}
