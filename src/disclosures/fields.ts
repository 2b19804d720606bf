import { postgresDay } from '../db/binary-array.ts'
import type { Tx } from '../db/pool.ts'
import type { JsonObject } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import { type LogRow, type PlacedBlob, readAt, readSubjectBlobs } from '../eventlog/read.ts'
import { loadKeyVersions } from '../keys/subject-keys.ts'
import { keyVersionOf, openBlob } from '../pipeline/protect-event.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { selectorOf } from '../policy/select.ts'
import { isExpired } from '../retention/due.ts'
import type { DisclosureDeps } from './deps.ts'

type Deps = Pick<DisclosureDeps, 'keyring' | 'active' | 'policies' | 'now'>

interface Owned extends PlacedBlob {
  readonly subject: SubjectId
}

/** Events of one answer; the newest are shown. */
const MAX_EVENTS = 500

/**
 * What is in use of these field classes and paths, event by event, newest first: `{events: [{at, event, fields}], more}`.
 * Only what holds something that is wanted is opened, nothing of it that is past its end (law 8), and of what is opened
 * only what is wanted is shown. Throws ProtectError where a record is not the person's.
 */
export async function openFields(
  tx: Tx,
  deps: Deps,
  wanted: readonly string[],
  person: readonly SubjectId[],
): Promise<JsonObject> {
  const mask = maskOf(deps.active().compiled, wanted)
  const blobs = await wantedBlobs(tx, deps, mask, person)
  const positions = [...new Set(blobs.map(({ pos }) => pos))].sort((a, b) => (a < b ? 1 : -1))
  const shown = new Set(positions.slice(0, MAX_EVENTS))
  const taken = blobs.filter(({ pos }) => shown.has(pos))
  const rows = new Map((await readAt(tx, [...shown])).map((row) => [row.pos as bigint, row]))
  await deps.policies.load(
    tx,
    [...rows.values()].map((row) => row.policyVersion),
  )
  const events = await openEvents(tx, deps, mask, { blobs: taken, rows })
  return { events, more: positions.length > shown.size }
}

/** By class, what of it is shown. A class that is missing is not even opened. */
type Mask = ReadonlyMap<string, (fields: JsonObject) => JsonObject | undefined>

function maskOf({ classes, eventList }: CompiledPolicy, wanted: readonly string[]): Mask {
  const { named = [], paths = [] } = Object.groupBy(wanted, (one) => (classes.has(one) ? 'named' : 'paths'))
  const touched = eventList.flatMap(({ classOf }) => paths.flatMap((path) => classOf.get(path) ?? []))
  const some = selectorOf(paths)
  return new Map([
    ...touched.map((name) => [name, some] as const),
    ...named.map((name) => [name, (fields: JsonObject) => fields] as const),
  ])
}

async function wantedBlobs(tx: Tx, { active, now }: Deps, mask: Mask, person: readonly SubjectId[]): Promise<Owned[]> {
  const { classNames } = active()
  const today = postgresDay(now())
  const found: Owned[] = []
  for (const subject of person) {
    for (const blob of await readSubjectBlobs(tx, subject)) {
      if (blob.dueDay > today && mask.has(classNames.get(blob.classId) ?? '')) found.push({ ...blob, subject })
    }
  }
  return found
}

async function openEvents(
  tx: Tx,
  deps: Deps,
  mask: Mask,
  { blobs, rows }: { readonly blobs: readonly Owned[]; readonly rows: ReadonlyMap<bigint, LogRow> },
): Promise<JsonObject[]> {
  const { classNames, compiled } = deps.active()
  const keyOf = await loadKeyVersions(
    tx,
    deps.keyring,
    blobs.map(({ subject, bytes }) => ({ subject, keyVersion: keyVersionOf(bytes) })),
  )
  const events: { readonly at: string; readonly event: string; readonly fields: JsonObject }[] = []
  for (const [pos, ofEvent] of Map.groupBy(blobs, (blob) => blob.pos)) {
    const row = rows.get(pos)
    if (row === undefined) continue // its content is on its way out
    const byClass: Record<string, JsonObject> = {}
    let at = 0
    for (const { subject, classId, bytes } of ofEvent) {
      const className = classNames.get(classId)!
      const fieldClass = compiled.classes.get(className)
      const keys = keyOf(subject, keyVersionOf(bytes))
      if (keys === undefined || fieldClass === undefined) continue
      const { t, f } = openBlob(keys, { subject, className, eventKey: row.eventKey }, bytes)
      if (isExpired(fieldClass, t, deps.now())) continue // kept under restriction: nobody reads it
      const shown = mask.get(className)?.(f)
      if (shown !== undefined) byClass[className] = shown
      at = t
    }
    if (Object.keys(byClass).length === 0) continue
    events.push({ at: new Date(at).toISOString(), event: nameOf(deps, row), fields: byClass })
  }
  return events.toSorted((a, b) => (a.at < b.at ? 1 : -1))
}

function nameOf({ policies }: Deps, { policyVersion, eventType }: LogRow): string {
  return policies.of(policyVersion).eventList[eventType]?.name ?? 'unknown'
}
