import { byteaArray, textArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'

/**
 * Works as the only role that reaches the schema `statutory`: neither a module's role nor the gateway's own has a right
 * on it, so that no route and no fault reads what is kept and not used. What `work` asks of other schemas it has no
 * right on either.
 */
export async function asStatutory<T>(tx: Tx, work: () => Promise<T>): Promise<T> {
  await tx.$client.query('set local role weir_statutory')
  const result = await work()
  await tx.$client.query('reset role')
  return result
}

/** What is kept together: of one erasure under one law, or of one hold. */
export interface Remainder {
  /** UUID; its key is a row of weir.subject_key under it. */
  readonly id: string
  /** The law as the policy names it, or the authority of the hold. */
  readonly ground: string
  readonly holdId: string | undefined
}

/** A sealed record. Days are YYYY-MM-DD. */
export interface SealedRecord {
  readonly class: string
  readonly due: string
  readonly sealed: Buffer
}

/** Makes the row of a remainder, or says more of the one that is there. The caller works as weir_statutory. */
export async function putRemainder(
  tx: Tx,
  remainder: Remainder,
  told: { readonly language: string; readonly notice: Buffer | undefined },
): Promise<void> {
  await tx.$client.query(
    `insert into statutory.remainder (remainder_id, ground, hold_id, classes, until, language, notice)
     values ($1, $2, $3, '{}', 'epoch', $4, $5)
     on conflict (remainder_id) do update set notice = coalesce(excluded.notice, statutory.remainder.notice),
       language = excluded.language`,
    [remainder.id, remainder.ground, remainder.holdId ?? null, told.language, told.notice ?? null],
  )
}

/** Adds records, and says of the remainder what classes it holds until when. */
export async function addRecords(tx: Tx, id: string, records: readonly SealedRecord[]): Promise<void> {
  await tx.$client.query(
    `insert into statutory.record (remainder_id, seq, class, due, sealed)
     select $1, (select coalesce(max(seq), 0) from statutory.record where remainder_id = $1) + n, class, due, sealed
     from unnest($2::text[], $3::date[], $4::bytea[]) with ordinality as r(class, due, sealed, n)`,
    [
      id,
      textArray(records.map((one) => one.class)),
      records.map((one) => one.due),
      byteaArray(records.map((one) => one.sealed)),
    ],
  )
  await sumUp(tx, id)
}

/** Classes and end of a remainder, by its records. */
export async function sumUp(tx: Tx, id: string): Promise<void> {
  await tx.$client.query(
    `update statutory.remainder set classes = r.classes, until = r.until
     from (select array_agg(distinct class order by class) as classes, max(due) as until
       from statutory.record where remainder_id = $1) r
     where remainder_id = $1 and r.until is not null`,
    [id],
  )
}

/** The sealed records of a remainder. The caller works as weir_statutory. */
export async function recordsOf(tx: Tx, id: string): Promise<(SealedRecord & { readonly seq: number })[]> {
  const { rows } = await tx.$client.query<SealedRecord & { seq: number }>(
    `select seq, class, to_char(due, 'YYYY-MM-DD') as due, sealed from statutory.record where remainder_id = $1 order by seq`,
    [id],
  )
  return rows
}

/** What some remainders hold, by ground and class, as the person is told of it. */
export async function summary(
  tx: Tx,
  ids: readonly string[],
): Promise<{ class: string; ground: string; until: string; records: number }[]> {
  const { rows } = await tx.$client.query<{ class: string; ground: string; until: string; records: number }>(
    `select r.class, m.ground, to_char(max(r.due), 'YYYY-MM-DD') as until, count(*)::integer as records
     from statutory.record r join statutory.remainder m using (remainder_id)
     where m.remainder_id = any($1::uuid[]) group by m.ground, r.class order by m.ground, r.class`,
    [ids],
  )
  return rows
}

/** Of content that was detached, for one subject. The caller works as weir_statutory. */
export interface DetachedRow {
  readonly class_id: number
  readonly due: string
  readonly pos: bigint
  readonly bytes: Buffer
}

export async function detachedContent(tx: Tx, subject: string): Promise<DetachedRow[]> {
  const { rows } = await tx.$client.query<DetachedRow>(
    `select class_id, due, pos, bytes from weir.detached_page(array[$1::uuid], 0, 9223372036854775807)`,
    [subject],
  )
  return rows
}

/** A remainder of which something falls due on that day; nobody else takes it before the transaction's end. */
export async function takeDue(
  tx: Tx,
  today: string,
): Promise<{ id: string; holdId: string | null; notice: Buffer | null } | undefined> {
  const { rows } = await tx.$client.query<{ id: string; holdId: string | null; notice: Buffer | null }>(
    `select m.remainder_id as id, m.hold_id as "holdId", m.notice from statutory.remainder m
     where exists (select from statutory.record r where r.remainder_id = m.remainder_id and r.due <= $1::date)
     order by m.remainder_id limit 1 for update skip locked`,
    [today],
  )
  return rows[0]
}

/** Deletes what is due of a remainder, and the remainder with its last record. */
export async function dropDue(
  tx: Tx,
  id: string,
  today: string,
): Promise<{ readonly records: number; readonly gone: boolean }> {
  const { rowCount } = await tx.$client.query(
    'delete from statutory.record where remainder_id = $1 and due <= $2::date',
    [id, today],
  )
  await sumUp(tx, id)
  const { rowCount: gone } = await tx.$client.query(
    `delete from statutory.remainder m where remainder_id = $1
       and not exists (select from statutory.record r where r.remainder_id = m.remainder_id)`,
    [id],
  )
  return { records: rowCount ?? 0, gone: gone === 1 }
}
