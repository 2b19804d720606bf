import type { Tx } from '../db/pool.ts'
import type { JsonObject } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import type { PlacedBlob } from '../eventlog/read.ts'
import { currentSubjectKeys } from '../keys/subject-keys.ts'
import { sealBlob } from '../pipeline/protect-event.ts'
import { replaceBlobs } from '../pipeline/purge-content.ts'
import type { EventRule } from '../policy/compiled.ts'
import { changeFields } from './change-fields.ts'
import type { Change } from './request.ts'
import { type ContentDeps, openStored, type StoredRecord } from './statutory/stored-content.ts'

/** What a correction came to in the store. */
export interface ContentCorrected {
  /** Values that are others now. */
  readonly count: number
  /** Hosted modules that read one of them, by name. */
  readonly readers: ReadonlySet<string>
}

/**
 * Makes the changes in everything that is stored of a subject: each record is opened, changed where the policy that took
 * it in knows the path, and sealed again in its place. What cannot be handed to anybody any more (closed under a statute)
 * stays as it was told. The caller holds the subject's lock.
 */
export async function correctContent(
  tx: Tx,
  deps: ContentDeps,
  subject: SubjectId,
  changes: readonly Change[],
): Promise<ContentCorrected> {
  const keys = (await currentSubjectKeys(tx, deps.keyring, [subject])).get(subject)
  if (keys === undefined) return { count: 0, readers: new Set() }
  const resealed: PlacedBlob[] = []
  const readers = new Set<string>()
  let count = 0
  for (const record of await openStored(tx, deps, subject, { lock: true })) {
    const made = changed(record, changes)
    if (made.count === 0) continue
    count += made.count
    const { blob, className, row, content } = record
    const place = { subject, className, classId: blob.classId, eventKey: row.eventKey }
    resealed.push({ ...blob, bytes: sealBlob(keys, place, { t: content.t, f: made.fields }) })
    for (const name of readersOf(deps, record.rule, made.paths)) readers.add(name)
  }
  await replaceBlobs(tx, subject, resealed)
  return { count, readers }
}

interface Made {
  readonly fields: JsonObject
  readonly count: number
  readonly paths: readonly string[]
}

function changed({ rule, className, content }: StoredRecord, changes: readonly Change[]): Made {
  let made: Made = { fields: content.f, count: 0, paths: [] }
  for (const change of changes) {
    if (rule.key !== eventKeyOf(change.event) || rule.classOf.get(change.path) !== className) continue
    if (rule.tokenOf.has(change.path)) continue // an id says nothing of somebody, and others are counted by it
    const { fields, count } = changeFields(made.fields, change)
    if (count > 0) made = { fields, count: made.count + count, paths: [...made.paths, change.path] }
  }
  return made
}

const TYPES: ReadonlySet<string> = new Set(['identify', 'page', 'screen', 'group'])

/** As the policy lists it. */
function eventKeyOf(event: string): string {
  return TYPES.has(event) ? event : `track:${event}`
}

/** By the policy that took it in, and by today's: one of them is what the module's rows were read by. */
function readersOf({ active }: ContentDeps, was: EventRule, paths: readonly string[]): string[] {
  const { events } = active().compiled
  const routes = [...was.routes, ...(events.get(was.key)?.routes ?? [])]
  return routes
    .filter(({ destination, fields }) => destination.kind === 'module' && paths.some((path) => fields.includes(path)))
    .map(({ destination }) => destination.name)
}
