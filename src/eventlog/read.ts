import { dateArray, int2Array, int8Array, postgresDay, uuidArray } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import type { LogPosition, SubjectId } from '../event/ids.ts'
import { type LogKind, unpackBlobs } from './append.ts'

/** A log row as delivery and erasure read it. */
export interface LogRow {
  readonly pos: LogPosition
  readonly atDay: string
  readonly receivedAt: Date
  readonly kind: LogKind
  readonly sourceId: number
  readonly eventKey: Buffer
  readonly subject: SubjectId | null
  readonly other: SubjectId | null
  readonly policyVersion: number
  readonly eventType: number
  /** Bits of the routes that were permitted at intake. */
  readonly routes: number
  /** Bits of the routes that were erased since. */
  readonly closed: number
  readonly narrowed: number
  readonly consentEpoch: number
  readonly userEpoch: number
  /** Where its blobs lie. */
  readonly blobs: readonly { classId: number; dueDay: number }[]
}

/** Rows after a position, in commit order. */
export async function readAfter(tx: Tx, after: bigint, limit: number): Promise<LogRow[]> {
  const { rows } = await tx.$client.query<RawRow>({
    name: 'log-read-after',
    text: `select ${COLUMNS} from weir.event_log where pos > $1 order by pos limit $2`,
    values: [after, limit],
  })
  return rows.map(logRow)
}

/** Rows at these positions. */
export async function readAt(db: Db | Tx, positions: readonly bigint[]): Promise<LogRow[]> {
  const { rows } = await db.$client.query<RawRow>({
    name: 'log-read-at',
    text: `select ${COLUMNS} from weir.event_log where pos = any($1::bigint[]) order by pos`,
    values: [int8Array(positions)],
  })
  return rows.map(logRow)
}

const COLUMNS = `pos, at_day, received_at, kind, source_id, event_key, subject_id, other_id, policy_version, event_type, routes, closed, narrowed,
  consent_epoch, user_epoch, blobs`

interface RawRow {
  pos: bigint
  at_day: string
  received_at: Date
  kind: LogKind
  source_id: number
  event_key: Buffer
  subject_id: SubjectId | null
  other_id: SubjectId | null
  policy_version: number
  event_type: number
  routes: number
  closed: number
  narrowed: number
  consent_epoch: number
  user_epoch: number
  blobs: Buffer
}

function logRow(row: RawRow): LogRow {
  return {
    pos: row.pos as LogPosition,
    atDay: row.at_day,
    receivedAt: row.received_at,
    kind: row.kind,
    sourceId: row.source_id,
    eventKey: row.event_key,
    subject: row.subject_id,
    other: row.other_id,
    policyVersion: row.policy_version,
    eventType: row.event_type,
    routes: row.routes,
    closed: row.closed,
    narrowed: row.narrowed,
    consentEpoch: row.consent_epoch,
    userEpoch: row.user_epoch,
    blobs: unpackBlobs(row.blobs),
  }
}

export interface BlobAt {
  readonly classId: number
  readonly dueDay: number
  readonly subject: SubjectId
  readonly pos: bigint
}

export interface StoredBlob {
  readonly classId: number
  readonly pos: bigint
  readonly bytes: Buffer
}

/** With the partition that it lies in. */
export interface PlacedBlob extends StoredBlob {
  readonly dueDay: number
}

/** Sealed blobs by place. One already dropped or erased is absent. One query a (class, due day): it then reads one partition. */
export async function readBlobs(tx: Tx, wanted: readonly BlobAt[]): Promise<StoredBlob[]> {
  const found: StoredBlob[] = []
  for (const group of Map.groupBy(wanted, (at) => `${at.classId} ${at.dueDay}`).values()) {
    const { classId, dueDay } = group[0]!
    const { rows } = await tx.$client.query<{ pos: bigint; bytes: Buffer }>({
      name: 'sealed-read',
      text: `select s.pos, s.bytes from unnest($3::uuid[], $4::bigint[]) as w(subject, pos)
        join weir.sealed s on s.class_id = ($1::smallint[])[1] and s.due = ($2::date[])[1]
          and s.subject_id = w.subject and s.pos = w.pos`,
      values: [
        int2Array([classId]),
        dateArray([dueDay]),
        uuidArray(group.map((at) => at.subject)),
        int8Array(group.map((at) => at.pos)),
      ],
    })
    for (const row of rows) found.push({ classId, pos: row.pos, bytes: row.bytes })
  }
  return found
}

/** Everything sealed of one subject. `lock`: nobody else seals any of it anew before the transaction's end. */
export async function readSubjectBlobs(
  tx: Tx,
  subject: SubjectId,
  { lock = false }: { readonly lock?: boolean } = {},
): Promise<PlacedBlob[]> {
  const { rows } = await tx.$client.query<{ class_id: number; due: string; pos: bigint; bytes: Buffer }>({
    name: lock ? 'sealed-of-subject-locked' : 'sealed-of-subject', // prepared: planning over all partitions takes longer
    text: `select class_id, due, pos, bytes from weir.sealed where subject_id = $1 order by pos, class_id${lock ? ' for update' : ''}`,
    values: [subject],
  })
  return rows.map((row) => ({
    classId: row.class_id,
    dueDay: postgresDay(Date.parse(row.due)),
    pos: row.pos,
    bytes: row.bytes,
  }))
}

/** A destination's cursor; it begins before the first row. The caller holds the delivery lock. */
export async function moveCursor(tx: Tx, destinationId: number, pos: bigint): Promise<void> {
  await tx.$client.query({
    name: 'cursor-move',
    text: `insert into weir.delivery_cursor (destination_id, pos) values ($1, $2)
      on conflict (destination_id) do update set pos = excluded.pos, moved_at = clock_timestamp()`,
    values: [destinationId, pos],
  })
}
