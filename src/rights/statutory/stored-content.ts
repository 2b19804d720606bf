import { postgresDay } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import type { SubjectId } from '../../event/ids.ts'
import { type LogRow, type PlacedBlob, readAt, readSubjectBlobs } from '../../eventlog/read.ts'
import { type KeyWanted, loadKeyVersions } from '../../keys/subject-keys.ts'
import { type BlobContent, keyVersionOf, openBlob } from '../../pipeline/protect-event.ts'
import type { EventRule } from '../../policy/compiled.ts'
import { ProtectError } from '../../protect/protect-error.ts'
import type { SubjectKeys } from '../../protect/subject-key.ts'
import type { RightsDeps } from '../deps.ts'
import { asStatutory, detachedContent } from './rows.ts'

export type ContentDeps = Pick<RightsDeps, 'keyring' | 'policies' | 'active'>

/** Content of one class of one event, opened where it lies. */
export interface StoredRecord {
  readonly subject: SubjectId
  readonly row: LogRow
  /** Of the policy that took the event in. */
  readonly rule: EventRule
  readonly blob: PlacedBlob
  readonly className: string
  readonly content: BlobContent
}

/** Which content: of these classes, all where nothing is said. */
export interface Wanted {
  readonly classes?: ReadonlySet<string>
  /** Of partitions too that were detached to be kept under a statute. */
  readonly detached?: boolean
  /** Nobody else seals any of it anew before the transaction's end. */
  readonly lock?: boolean
}

/**
 * What is stored of one subject, opened: in the order of the log. What is damaged, and what lost its log row, opens for
 * nobody and is left out.
 */
export async function openStored(
  tx: Tx,
  deps: ContentDeps,
  subject: SubjectId,
  { classes, detached = false, lock = false }: Wanted = {},
): Promise<StoredRecord[]> {
  const { classNames } = deps.active()
  const all = [...(await readSubjectBlobs(tx, subject, { lock })), ...(detached ? await readDetached(tx, subject) : [])]
  const blobs = all.filter(({ classId }) => {
    const name = classNames.get(classId)
    return name !== undefined && (classes === undefined || classes.has(name))
  })
  if (blobs.length === 0) return []
  const rows = new Map(
    (await readAt(tx, [...new Set(blobs.map(({ pos }) => pos))])).map((row) => [row.pos as bigint, row]),
  )
  await deps.policies.load(
    tx,
    [...rows.values()].map((row) => row.policyVersion),
  )
  const keyOf = await loadKeyVersions(tx, deps.keyring, keysWanted(subject, blobs))
  return blobs.flatMap((blob) => {
    const row = rows.get(blob.pos)
    const rule = row && deps.policies.of(row.policyVersion).eventList[row.eventType]
    const keys = keyOf(subject, keyVersionOf(blob.bytes))
    if (row === undefined || rule === undefined || keys === undefined) return []
    const className = classNames.get(blob.classId)!
    const content = tryOpen(keys, { subject, className, eventKey: row.eventKey }, blob.bytes)
    return content === undefined ? [] : [{ subject, row, rule, blob, className, content }]
  })
}

function keysWanted(subject: SubjectId, blobs: readonly PlacedBlob[]): KeyWanted[] {
  return [...new Set(blobs.map(({ bytes }) => keyVersionOf(bytes)))].map((keyVersion) => ({ subject, keyVersion }))
}

function tryOpen(keys: SubjectKeys, place: Parameters<typeof openBlob>[1], bytes: Uint8Array): BlobContent | undefined {
  try {
    return openBlob(keys, place, bytes)
  } catch (error) {
    if (error instanceof ProtectError) return undefined
    throw error
  }
}

async function readDetached(tx: Tx, subject: SubjectId): Promise<PlacedBlob[]> {
  const rows = await asStatutory(tx, () => detachedContent(tx, subject))
  return rows.map((row) => ({
    classId: row.class_id,
    dueDay: postgresDay(Date.parse(row.due)),
    pos: row.pos,
    bytes: row.bytes,
  }))
}
