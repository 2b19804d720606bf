import type { JsonObject, PermittedEvent } from '../event/event.ts'
import type { LogBlob } from '../eventlog/append.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import { openRecord, readHeader, sealRecord } from '../protect/seal.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'
import { dueOf } from '../retention/due.ts'

/** What a blob holds once opened: when the event happened and its fields of one class, in their original shape. */
export interface BlobContent {
  /** Milliseconds since 1970. */
  readonly t: number
  readonly f: JsonObject
}

/** Context ids of sealed blobs are 100 + the class's number: see docs/architecture.md, the registry of contexts. */
const CONTEXT_BASE = 100
const TABLE = 'sealed'

/** Seals an event's permitted fields, one blob for each class. */
export function sealEvent(active: ActivePolicy, keys: SubjectKeys, event: PermittedEvent): LogBlob[] {
  const blobs: LogBlob[] = []
  for (const [name, fields] of event.byClass) {
    const classId = active.classIds.get(name)
    const fieldClass = active.compiled.classes.get(name)
    if (classId === undefined || fieldClass === undefined) throw new TypeError('a field of a class without storage')
    const content: BlobContent = { t: event.occurredAt, f: fields }
    blobs.push({
      classId,
      due: dueOf(fieldClass, event.occurredAt),
      bytes: sealBlob(keys, { subject: event.subject, className: name, classId, eventKey: event.eventKey }, content),
    })
  }
  return blobs
}

export interface BlobPlace {
  readonly subject: string
  readonly className: string
  readonly classId: number
  readonly eventKey: Uint8Array
}

export function sealBlob(keys: SubjectKeys, place: BlobPlace, content: BlobContent): Buffer {
  return sealRecord(
    keys.group(TABLE, place.className),
    { subject: place.subject, table: TABLE, group: place.className, record: place.eventKey },
    { keyVersion: keys.keyVersion, contextId: CONTEXT_BASE + place.classId },
    Buffer.from(JSON.stringify(content), 'utf8'),
  )
}

/** Opens one blob of one event. Throws ProtectError where it is not this event's, or was altered. */
export function openBlob(keys: SubjectKeys, place: Omit<BlobPlace, 'classId'>, bytes: Uint8Array): BlobContent {
  const plaintext = openRecord(
    keys.group(TABLE, place.className),
    { subject: place.subject, table: TABLE, group: place.className, record: place.eventKey },
    bytes,
  )
  return JSON.parse(plaintext.toString('utf8')) as BlobContent // sealed by us: the shape was checked when it was written
}

/** Version of the subject's key that sealed it. */
export function keyVersionOf(bytes: Uint8Array): number {
  return readHeader(bytes).keyVersion
}
