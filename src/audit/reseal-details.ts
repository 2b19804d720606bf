import { byteaArray, int8Array } from '../db/binary-array.ts'
import type { Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { SubjectId } from '../event/ids.ts'
import type { Keyring } from '../keys/keyring.ts'
import { loadSubjectKeys } from '../keys/subject-keys.ts'
import { readHeader } from '../protect/seal.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import { resealDetail } from './detail.ts'

/** Seals what the log says of a subject under a newer key of theirs. Returns how many; `atMost` where more may be left. */
export async function resealDetails(
  tx: Tx,
  keyring: Keyring,
  {
    subject,
    keyVersion,
    atMost,
  }: { readonly subject: SubjectId; readonly keyVersion: number; readonly atMost: number },
): Promise<number> {
  const { rows } = await tx.$client.query<{ record_id: bigint; commitment: Buffer; sealed: Buffer }>(
    'select record_id, commitment, sealed from weir.audit_detail where subject_id = $1 order by record_id for update',
    [subject],
  )
  const old = rows.filter((row) => readHeader(row.sealed).keyVersion < keyVersion).slice(0, atMost)
  if (old.length === 0) return 0
  const keysOf = async (version: number): Promise<SubjectKeys> => {
    const keys = (await loadSubjectKeys(tx, keyring, [{ subject, keyVersion: version }])).get(subject)
    if (keys !== undefined) return keys
    throw new AppError('conflict', 'the subject was erased meanwhile', { code: 'subject-erased' })
  }
  const fresh = await keysOf(keyVersion)
  const sealed: Buffer[] = []
  for (const row of old) {
    const before = await keysOf(readHeader(row.sealed).keyVersion)
    sealed.push(resealDetail(before, fresh, { subject, ...row }).sealed)
  }
  await tx.$client.query(
    `update weir.audit_detail d set sealed = n.sealed from unnest($2::bigint[], $3::bytea[]) as n(record, sealed)
     where d.subject_id = $1 and d.record_id = n.record`,
    [subject, int8Array(old.map((row) => row.record_id)), byteaArray(sealed)],
  )
  return old.length
}
