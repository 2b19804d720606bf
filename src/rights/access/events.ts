import { int8Array, uuidArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import type { JsonObject } from '../../event/event.ts'
import { type SubjectId, subjectId } from '../../event/ids.ts'
import { LOG_KIND } from '../../eventlog/append.ts'
import type { ActivePolicy } from '../../eventlog/partitions.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { loadKeyVersions } from '../../keys/subject-keys.ts'
import type { PolicyShelf } from '../../pipeline/policy-shelf.ts'
import { keyVersionOf, openBlob } from '../../pipeline/protect-event.ts'
import { ProtectError } from '../../protect/protect-error.ts'
import type { SubjectKeys } from '../../protect/subject-key.ts'
import { dayOf, dueOf, isExpired } from '../../retention/due.ts'
import { asStatutory } from '../statutory/rows.ts'
import type { createDecisionWords, DecidedRow } from './decision.ts'
import { redact } from './redact.ts'
import type { Refs } from './refs.ts'
import type { AccessEvent } from './schema.ts'

export interface EventLens {
  readonly keyring: Keyring
  readonly active: ActivePolicy
  readonly policies: PolicyShelf
  readonly subjects: readonly SubjectId[]
  readonly refs: Refs
  readonly words: ReturnType<typeof createDecisionWords>
  /** Names of all field classes by number, those of no policy any more too. */
  readonly classNames: ReadonlyMap<number, string>
  /** Milliseconds since 1970. */
  readonly now: number
  /** Whether anything lies in partitions that are kept apart. */
  readonly apart: boolean
}

/** Positions of everything that the log has of these subjects, ascending: eight bytes each, however many there are. */
export async function readPositions(tx: Tx, subjects: readonly SubjectId[]): Promise<BigInt64Array> {
  const { rows } = await tx.$client.query<{ pos: Buffer | null }>(
    `select string_agg(int8send(pos), ''::bytea order by pos) as pos from weir.event_log where subject_id = any($1::uuid[])`,
    [uuidArray(subjects)],
  )
  const bytes = rows[0]?.pos ?? Buffer.alloc(0)
  return BigInt64Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readBigInt64BE(i * 8))
}

interface Row extends DecidedRow {
  readonly pos: bigint
  readonly kind: number
  readonly receivedAt: Date
  readonly source: string | null
  readonly eventKey: Buffer
  readonly subject: SubjectId
}

/** The events at some positions, opened, in the order of the log. What was deleted meanwhile is not there any more. */
export async function readEvents(tx: Tx, lens: EventLens, positions: readonly bigint[]): Promise<AccessEvent[]> {
  if (positions.length === 0) return []
  const rows = await readRows(tx, lens, positions)
  await lens.policies.load(
    tx,
    rows.map((row) => row.policyVersion),
  )
  const blobs = await readContents(tx, lens, positions)
  const keyOf = await loadKeyVersions(
    tx,
    lens.keyring,
    blobs.map(({ subject, bytes }) => ({ subject, keyVersion: keyVersionOf(bytes) })),
  )
  const byPos = Map.groupBy(blobs, (blob) => blob.pos)
  return rows.map((row) => eventOf(lens, row, byPos.get(row.pos) ?? [], keyOf))
}

async function readRows(tx: Tx, { subjects }: EventLens, positions: readonly bigint[]): Promise<Row[]> {
  const { rows } = await tx.$client.query<Omit<Row, 'subject'> & { subject: string }>({
    name: 'access-log-rows',
    text: `select l.pos, l.kind, l.received_at as "receivedAt", s.name as source, l.event_key as "eventKey",
        l.subject_id as subject, l.policy_version as "policyVersion", l.event_type as "eventType", l.routes, l.closed,
        l.granted, l.refused, l.narrowed, l.consent_epoch as "consentEpoch", l.removed, l.unclassified
      from weir.event_log l left join weir.source s on s.source_id = l.source_id
      where l.pos = any((select $1::bigint[])::bigint[]) and l.subject_id = any((select $2::uuid[])::uuid[])
      order by l.pos`,
    values: [int8Array(positions), uuidArray(subjects)],
  })
  return rows.map((row) => ({ ...row, subject: subjectId(row.subject) }))
}

interface Blob {
  readonly subject: SubjectId
  readonly classId: number
  /** YYYY-MM-DD */
  readonly due: string
  readonly pos: bigint
  readonly bytes: Buffer
}

/** Content between the first and the last of the positions, what is kept apart with it. */
async function readContents(tx: Tx, { subjects, apart }: EventLens, positions: readonly bigint[]): Promise<Blob[]> {
  const values = [uuidArray(subjects), positions[0], positions.at(-1)]
  const columns = 'subject_id as subject, class_id as "classId", due, pos, bytes'
  const { rows } = await tx.$client.query<Blob>({
    name: 'access-content', // prepared: planning over all partitions takes longer than reading them
    text: `select ${columns} from weir.sealed
      where subject_id = any((select $1::uuid[])::uuid[]) and pos between $2 and $3 order by pos, class_id`,
    values,
  })
  if (!apart) return rows
  const kept = await asStatutory(tx, () =>
    tx.$client.query<Blob>(`select ${columns} from weir.detached_page($1::uuid[], $2, $3)`, values),
  )
  return [...rows, ...kept.rows]
}

type KeyOf = (subject: SubjectId, keyVersion: number) => SubjectKeys | undefined

function eventOf(lens: EventLens, row: Row, blobs: readonly Blob[], keyOf: KeyOf): AccessEvent {
  const policy = lens.policies.of(row.policyVersion)
  const fields: Record<string, Record<string, never>> = {}
  const kept: AccessEvent['kept'] = []
  const withheld: string[] = []
  let at = row.receivedAt.getTime()
  for (const blob of blobs) {
    const className = lens.classNames.get(blob.classId) ?? 'unknown'
    const content = opened(blob, row, className, keyOf)
    const end = content === undefined ? { until: blob.due, restricted: false } : endOf(lens, blob, className, content.t)
    kept.push({ class: className, ...end, unreadable: content === undefined })
    if (content === undefined || end.until <= dayOf(lens.now)) continue // due: it is on its way out (law 8)
    const shown = redact(content.f)
    fields[className] = shown.fields as Record<string, never>
    withheld.push(...shown.withheld)
    at = content.t
  }
  return {
    of: lens.refs.of(row.subject),
    kind: row.kind === LOG_KIND.link ? 'link' : row.kind === LOG_KIND.unlink ? 'unlink' : 'event',
    at: new Date(at).toISOString(),
    receivedAt: row.receivedAt.toISOString(),
    event: row.kind === LOG_KIND.event ? (policy.eventList[row.eventType]?.name ?? 'unknown') : '',
    source: row.source ?? 'weir',
    fields,
    kept,
    withheld: [...new Set(withheld)],
    decision: row.kind === LOG_KIND.event ? lens.words(policy, row) : null,
  }
}

/** Undefined where it is damaged, or its key is gone. */
function opened(
  { subject, bytes }: Blob,
  { eventKey }: Row,
  className: string,
  keyOf: KeyOf,
): { readonly t: number; readonly f: JsonObject } | undefined {
  try {
    const keys = keyOf(subject, keyVersionOf(bytes))
    return keys && openBlob(keys, { subject, className, eventKey }, bytes)
  } catch (error) {
    if (error instanceof ProtectError) return undefined
    throw error
  }
}

/** Its own day, or an earlier one where the policy allows less by now. */
function endOf(
  { active, now }: EventLens,
  { due }: Blob,
  className: string,
  at: number,
): { readonly until: string; readonly restricted: boolean } {
  const period = active.compiled.classes.get(className)
  if (period === undefined) return { until: due, restricted: true } // of a class that no policy has: nobody reads it
  const today = dayOf(dueOf(period, at))
  return { until: today < due && period.floorDays === undefined ? today : due, restricted: isExpired(period, at, now) }
}
