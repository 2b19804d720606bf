import { type DecidedGroup, type DecisionFields, decideGroup } from '../audit/decisions.ts'
import { byteaArray, dateArray, int2Array, int4Array, postgresDay, uuidArray } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import type { EventKey, SubjectId } from '../event/ids.ts'
import { orderColumns } from '../totals/count.ts'
import type { OrderCount } from '../totals/order-count.ts'

/** Kinds of log rows; the numbers stand in the database. */
export const LOG_KIND = { event: 0, link: 1, unlink: 2, probe: 3 } as const
export type LogKind = (typeof LOG_KIND)[keyof typeof LOG_KIND]

export interface LogBlob {
  readonly classId: number
  /** Midnight UTC, in milliseconds, of the day it falls due. */
  readonly due: number
  readonly bytes: Uint8Array
}

/** One row to be: the skeleton and its sealed blobs. `subject` is absent where everything was refused. */
export interface LogEntry {
  readonly kind: LogKind
  readonly sourceId: number
  readonly eventKey: EventKey
  readonly subject?: SubjectId
  readonly other?: SubjectId
  /** Index into the policy version's events; -1 for an unknown one. */
  readonly eventType: number
  readonly routes: number
  readonly granted: number
  readonly refused: number
  readonly narrowed: number
  readonly consentEpoch: number
  readonly userEpoch: number
  readonly consentRef?: Uint8Array
  readonly removed: readonly number[]
  readonly unclassified: number
  readonly blobs: readonly LogBlob[]
  /** Counts into the person-free totals with the event, whatever was decided for it. */
  readonly order?: LogOrder
}

/** What a row that is no event says of permission and content: nothing. */
export const NOTHING_DECIDED = {
  routes: 0,
  granted: 0,
  refused: 0,
  narrowed: 0,
  consentEpoch: 0,
  userEpoch: 0,
  removed: [],
  unclassified: 0,
  blobs: [],
} as const satisfies Partial<LogEntry>

export interface LogOrder {
  /** What the order is counted once by, whichever source tells of it; absent where it has no id. */
  readonly key?: Uint8Array
  readonly count: OrderCount
}

/**
 * Appends a group in one statement and one commit (autocommit: no begin, no second round trip).
 * Returns for each entry whether it was fresh; the others were seen within 24 hours and changed nothing.
 * Event keys must be distinct within the group. Throws what pg throws; nothing is written then. `judged.erasures`: how many
 * erasures there were when the group was decided; where there was another since, SQLSTATE WK003: decide again.
 */
export async function appendEvents(
  db: Db | Tx,
  policyVersion: number,
  entries: readonly LogEntry[],
  judged: { readonly erasures: bigint | undefined } = { erasures: undefined },
): Promise<boolean[]> {
  const result = await db.$client.query<{ fresh: number[] }>({
    name: 'append-events',
    text: APPEND,
    values: [
      policyVersion,
      ...columnsOf(entries),
      ...blobColumnsOf(entries),
      ...orderColumnsOf(entries),
      ...decisionColumnsOf(policyVersion, entries),
      judged.erasures ?? null,
    ],
  })
  const fresh = new Array<boolean>(entries.length).fill(false)
  for (const ordinal of result.rows[0]!.fresh) fresh[ordinal - 1] = true
  return fresh
}

const APPEND = `select weir.append_events($1::integer, $2::smallint[], $3::integer[], $4::bytea[], $5::uuid[], $6::uuid[],
  $7::smallint[], $8::integer[], $9::integer[], $10::integer[], $11::integer[], $12::integer[], $13::integer[], $14::bytea[],
  $15::bytea[], $16::smallint[], $17::bytea[], $18::integer[], $19::smallint[], $20::date[], $21::uuid[], $22::bytea[],
  $23::integer[], $24::bytea[], $25::integer[], $26::date[], $27::text[], $28::text[], $29::text[], $30::bigint[], $31::bigint[],
  $32::smallint[], $33::bytea[], $34::text, $35::bytea, $36::bigint) as fresh`

function columnsOf(entries: readonly LogEntry[]): Buffer[] {
  return [
    int2Array(entries.map((e) => e.kind)),
    int4Array(entries.map((e) => e.sourceId)),
    byteaArray(entries.map((e) => e.eventKey)),
    uuidArray(entries.map((e) => e.subject)),
    uuidArray(entries.map((e) => e.other)),
    int2Array(entries.map((e) => e.eventType)),
    int4Array(entries.map((e) => e.routes)),
    int4Array(entries.map((e) => e.granted)),
    int4Array(entries.map((e) => e.refused)),
    int4Array(entries.map((e) => e.narrowed)),
    int4Array(entries.map((e) => e.consentEpoch)),
    int4Array(entries.map((e) => e.userEpoch)),
    byteaArray(entries.map((e) => e.consentRef)),
    byteaArray(entries.map((e) => packRemoved(e.removed))),
    int2Array(entries.map((e) => Math.min(e.unclassified, MAX_INT2))),
    byteaArray(entries.map((e) => packBlobs(e.blobs))),
  ]
}

function blobColumnsOf(entries: readonly LogEntry[]): Buffer[] {
  const event: number[] = []
  const classId: number[] = []
  const due: number[] = []
  const subject: string[] = []
  const bytes: Uint8Array[] = []
  entries.forEach((entry, index) => {
    for (const blob of entry.blobs) {
      if (entry.subject === undefined) throw new TypeError('a blob without a subject cannot be sealed')
      event.push(index + 1)
      classId.push(blob.classId)
      due.push(postgresDay(blob.due))
      subject.push(entry.subject)
      bytes.push(blob.bytes)
    }
  })
  return [int4Array(event), int2Array(classId), dateArray(due), uuidArray(subject), byteaArray(bytes)]
}

function orderColumnsOf(entries: readonly LogEntry[]): Buffer[] {
  const event: number[] = []
  const orders: LogOrder[] = []
  entries.forEach(({ order }, index) => {
    if (order === undefined) return
    event.push(index + 1)
    orders.push(order)
  })
  return [
    int4Array(event),
    byteaArray(orders.map((order) => order.key)),
    ...orderColumns(orders.map((order) => order.count)),
  ]
}

/** The salt of each row, the group's entry of the audit log and its leaves: of events only. */
function decisionColumnsOf(policyVersion: number, entries: readonly LogEntry[]): (Buffer | string | null)[] {
  const events = entries.filter((entry) => entry.kind === LOG_KIND.event)
  if (events.length === 0) return [byteaArray(entries.map(() => null)), null, null]
  const { salts, more, hashes } = decided(policyVersion, events)
  let next = 0
  return [byteaArray(entries.map(({ kind }) => (kind === LOG_KIND.event ? salts[next++] : null))), more, hashes]
}

function decided(policyVersion: number, events: readonly LogEntry[]): DecidedGroup {
  return decideGroup(
    events.map(
      (event): DecisionFields => ({
        ...event,
        policyVersion,
        consentRef: event.consentRef,
        removed: packRemoved(event.removed),
        unclassified: Math.min(event.unclassified, MAX_INT2),
      }),
    ),
  )
}

const MAX_INT2 = 32_767
const NOTHING = Buffer.alloc(0)

function packRemoved(indices: readonly number[]): Buffer {
  if (indices.length === 0) return NOTHING
  const out = Buffer.allocUnsafe(indices.length * 2)
  indices.forEach((index, i) => {
    out.writeUInt16BE(index, i * 2)
  })
  return out
}

export function unpackRemoved(packed: Buffer): number[] {
  return Array.from({ length: packed.length / 2 }, (_, i) => packed.readUInt16BE(i * 2))
}

function packBlobs(blobs: readonly LogBlob[]): Buffer {
  if (blobs.length === 0) return NOTHING
  const out = Buffer.allocUnsafe(blobs.length * 4)
  blobs.forEach((blob, i) => {
    out.writeUInt16BE(blob.classId, i * 4)
    out.writeUInt16BE(postgresDay(blob.due), i * 4 + 2)
  })
  return out
}

/** Where the blobs of a log row lie: class and due day (days since 2000-01-01). */
export function unpackBlobs(packed: Buffer): { classId: number; dueDay: number }[] {
  return Array.from({ length: packed.length / 4 }, (_, i) => ({
    classId: packed.readUInt16BE(i * 4),
    dueDay: packed.readUInt16BE(i * 4 + 2),
  }))
}
