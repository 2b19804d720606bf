import { int2Array, uuidArray } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import type { Keyring } from './keyring.ts'

export interface KeyWanted {
  readonly subject: SubjectId
  readonly keyVersion: number
}

/**
 * The keys of these subjects: from the cache, else from their rows in one round trip. A subject whose key is gone
 * (erased) is absent from the answer.
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
  const { rows } = await db.$client.query<{ subject_id: string; wrapped: Buffer }>({
    name: 'load-subject-keys',
    text: `select k.subject_id, k.wrapped from unnest($1::uuid[], $2::smallint[]) as w(subject, version)
      join weir.subject_key k on k.subject_id = w.subject and k.key_version = w.version`,
    values: [uuidArray(missing.map((key) => key.subject)), int2Array(missing.map((key) => key.keyVersion))],
  })
  for (const row of rows) {
    const subject = subjectId(row.subject_id)
    found.set(subject, keyring.unwrapSubjectKey(subject, row.wrapped))
  }
  return found
}
