import { transaction } from '../../src/db/transaction.ts'
import type { JsonObject } from '../../src/event/event.ts'
import { type SubjectId, subjectId } from '../../src/event/ids.ts'
import { readAt, readSubjectBlobs } from '../../src/eventlog/read.ts'
import { blindIndex } from '../../src/identity/blind-index.ts'
import type { IdentifierType } from '../../src/identity/normalise.ts'
import { loadSubjectKeys, withActiveEpoch } from '../../src/keys/subject-keys.ts'
import { keyVersionOf, openBlob } from '../../src/pipeline/protect-event.ts'
import type { TestApp } from './test-app.ts'

/** The subject behind an identifier, under whichever root that is read, or undefined. */
export async function subjectOf(weir: TestApp, type: IdentifierType, value: string): Promise<SubjectId | undefined> {
  const { rows } = await weir.owner.$client.query<{ subject_id: string }>(
    'select distinct subject_id from weir.identifier where index_key = any($1)',
    [weir.keyring.index.readable.map(({ key }) => Buffer.from(blindIndex(key, type, value)))],
  )
  return rows[0] && subjectId(rows[0].subject_id)
}

export interface Stored {
  readonly className: string
  readonly fields: JsonObject
  /** When the event happened, in milliseconds since 1970. */
  readonly at: number
}

/** Everything sealed of a subject, opened, in the order of the log. */
export async function storedOf(weir: TestApp, subject: SubjectId): Promise<Stored[]> {
  return withActiveEpoch(weir.keyring, () =>
    transaction(weir.db, async (tx) => {
      const blobs = await readSubjectBlobs(tx, subject)
      const rows = await readAt(tx, [...new Set(blobs.map((blob) => blob.pos))])
      const stored: Stored[] = []
      for (const blob of blobs) {
        const keyVersion = keyVersionOf(blob.bytes)
        const keys = (await loadSubjectKeys(tx, weir.keyring, [{ subject, keyVersion }])).get(subject)!
        const className = weir.app.active().classNames.get(blob.classId)!
        const { eventKey } = rows.find((row) => row.pos === blob.pos)!
        const content = openBlob(keys, { subject, className, eventKey }, blob.bytes)
        stored.push({ className, fields: content.f, at: content.t })
      }
      return stored
    }),
  )
}
