import type { Tx } from '../../db/pool.ts'

/** A hold as statutory.hold has it; days YYYY-MM-DD, times ISO 8601. It names nobody. */
export interface HoldRow {
  readonly id: string
  readonly number: bigint
  /** Who ordered it: a court, a tax office. */
  readonly authority: string
  /** The authority's own file. */
  readonly reference: string
  /** Field classes. */
  readonly scope: readonly string[]
  readonly expiresOn: string
  readonly placedBy: string
  readonly placedAt: string
  readonly releaseAskedBy: string | null
  readonly releaseAskedAt: string | null
  readonly releasedBy: string | null
  readonly releasedAt: string | null
}

const ISO = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`
const COLUMNS = `h.hold_id as id, h.number, h.authority, h.reference, h.scope, to_char(h.expires_on, 'YYYY-MM-DD') as "expiresOn",
  h.placed_by as "placedBy", to_char(h.placed_at at time zone 'UTC', ${ISO}) as "placedAt",
  h.release_asked_by as "releaseAskedBy", to_char(h.release_asked_at at time zone 'UTC', ${ISO}) as "releaseAskedAt",
  h.released_by as "releasedBy", to_char(h.released_at at time zone 'UTC', ${ISO}) as "releasedAt"`

/**
 * Holds that bind on a day over any of these: subjects, or the request that erased them. Locked: nobody else adds to what
 * they keep before the transaction's end. Caller: weir_statutory.
 */
export async function holdsOver(
  tx: Tx,
  ids: readonly string[],
  today: string,
): Promise<(HoldRow & { whom: string[] })[]> {
  const { rows } = await tx.$client.query<HoldRow & { whom: string[] }>(
    `select ${COLUMNS}, p.whom from statutory.hold h join (
       select hold_id, array_agg(subject_id::text) as whom from statutory.hold_person
       where subject_id = any($1::uuid[]) group by hold_id) p using (hold_id)
     where h.released_at is null and h.expires_on > $2::date order by h.number for update of h`,
    [ids, today],
  )
  return rows
}

/** The holds over who was erased are over the request from then on: nothing names the person any more. */
export async function handOverHolds(tx: Tx, subjects: readonly string[], request: string): Promise<void> {
  await tx.$client.query(
    `with gone as (delete from statutory.hold_person where subject_id = any($1::uuid[]) returning hold_id)
     insert into statutory.hold_person (hold_id, subject_id) select distinct hold_id, $2::uuid from gone on conflict do nothing`,
    [subjects, request],
  )
}

export async function insertHold(
  tx: Tx,
  hold: Pick<HoldRow, 'id' | 'authority' | 'reference' | 'scope' | 'expiresOn' | 'placedBy'> & { placedAt: Date },
  subjects: readonly string[],
): Promise<void> {
  await tx.$client.query(
    `insert into statutory.hold (hold_id, authority, reference, scope, expires_on, placed_by, placed_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [hold.id, hold.authority, hold.reference, hold.scope, hold.expiresOn, hold.placedBy, hold.placedAt],
  )
  await tx.$client.query(
    'insert into statutory.hold_person (hold_id, subject_id) select $1, s from unnest($2::uuid[]) as s',
    [hold.id, subjects],
  )
}

export async function listHoldRows(tx: Tx, limit: number): Promise<HoldRow[]> {
  const { rows } = await tx.$client.query<HoldRow>(
    `select ${COLUMNS} from statutory.hold h order by h.number desc limit $1`,
    [limit],
  )
  return rows
}

/** The hold, which nobody else changes before the transaction's end; undefined where there is none. */
export async function lockHold(tx: Tx, id: string): Promise<HoldRow | undefined> {
  const { rows } = await tx.$client.query<HoldRow>(
    `select ${COLUMNS} from statutory.hold h where h.hold_id = $1 for update`,
    [id],
  )
  return rows[0]
}

/** Whom a hold is over. */
export async function peopleOf(tx: Tx, id: string): Promise<string[]> {
  const { rows } = await tx.$client.query<{ subject_id: string }>(
    'select subject_id from statutory.hold_person where hold_id = $1 order by subject_id',
    [id],
  )
  return rows.map((row) => row.subject_id)
}
