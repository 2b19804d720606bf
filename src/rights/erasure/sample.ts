import { uuidArray } from '../../db/binary-array.ts'
import type { Db, Tx } from '../../db/pool.ts'
import { type SubjectId, subjectId } from '../../event/ids.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { loadSubjectKeys } from '../../keys/subject-keys.ts'
import { ProtectError } from '../../protect/protect-error.ts'
import { openRecord, readHeader } from '../../protect/seal.ts'
import type { SampleOf } from '../request.ts'

const SAMPLED = 8

/** A few sealed rows as they stand, before the keys go. */
export async function takeSample(tx: Tx, subjects: readonly SubjectId[]): Promise<SampleOf[]> {
  const { rows } = await tx.$client.query<{
    subject: string
    table: string
    group: string
    record: Buffer
    sealed: Buffer
  }>(
    `(select s.subject_id as subject, 'sealed' as table, c.name as group, e.event_key as record, s.bytes as sealed
      from weir.sealed s join weir.field_class c on c.class_id = s.class_id join weir.event_log e on e.pos = s.pos
      where s.subject_id = any($1::uuid[]) limit $2)
     union all
     (select subject_id, 'identifier', 'identity', index_key, sealed from weir.identifier
      where subject_id = any($1::uuid[]) limit $2)`,
    [uuidArray(subjects), SAMPLED],
  )
  return rows.map((row) => ({
    ...row,
    record: row.record.toString('base64'),
    sealed: row.sealed.toString('base64'),
  }))
}

/** How many of them opens any key that there still is: none, once the keys are gone. */
export async function opened(db: Db | Tx, keyring: Keyring, sample: readonly SampleOf[]): Promise<number> {
  let count = 0
  for (const { subject, table, group, record, sealed } of sample) {
    const bytes = Buffer.from(sealed, 'base64')
    const { keyVersion } = readHeader(bytes)
    keyring.forget(subjectId(subject)) // what the database holds decides, not what this process remembers
    const keys = (await loadSubjectKeys(db, keyring, [{ subject: subjectId(subject), keyVersion }])).get(
      subjectId(subject),
    )
    if (keys === undefined) continue
    try {
      openRecord(keys.group(table, group), { subject, table, group, record: Buffer.from(record, 'base64') }, bytes)
      count++
    } catch (error) {
      if (!(error instanceof ProtectError)) throw error
    }
  }
  return count
}
