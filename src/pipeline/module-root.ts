import type { Db, Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'
import type { Naming } from './pseudonymisers.ts'

/** By which pseudonyms a module knows people, and how far what changes them is (a row of weir.module_root). */
export interface ModuleRoot extends Naming {
  /** Under rolling pseudonyms: no row is of a period before. */
  readonly fromPeriod: number
  /** Under rolling pseudonyms: links are told up to this period. */
  readonly toldPeriod: number
  /** Links are being told, up to `period`: of devices up to this one they have been. Undefined: all are told. */
  readonly telling: { readonly after: SubjectId; readonly period: number } | undefined
  /** Rebuilt once the cursor is here; undefined: it is rebuilt. */
  readonly until: bigint | undefined
  readonly begunAt: Date
}

interface RootRow {
  readonly kid: number
  readonly rolling_days: number | null
  readonly from_period: number
  readonly told_period: number
  readonly telling_after: SubjectId | null
  readonly telling_period: number
  readonly until_pos: bigint | null
  readonly begun_at: Date
}

/** Undefined for a destination that was never delivered to since its root is written down. */
export async function readModuleRoot(db: Db | Tx, destinationId: number): Promise<ModuleRoot | undefined> {
  const { rows } = await db.$client.query<RootRow>({
    name: 'module-root',
    text: 'select * from weir.module_root where destination_id = $1',
    values: [destinationId],
  })
  return rows[0] && rootOf(rows[0])
}

/** The caller holds the delivery lock. */
export async function writeModuleRoot(tx: Tx, destinationId: number, root: ModuleRoot): Promise<void> {
  const { kid, rollingDays, fromPeriod, toldPeriod, telling, until, begunAt } = root
  await tx.$client.query(
    `insert into weir.module_root (destination_id, kid, rolling_days, from_period, told_period, telling_after,
       telling_period, until_pos, begun_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (destination_id) do update set kid = excluded.kid, rolling_days = excluded.rolling_days,
       from_period = excluded.from_period, told_period = excluded.told_period, telling_after = excluded.telling_after,
       telling_period = excluded.telling_period, until_pos = excluded.until_pos, begun_at = excluded.begun_at`,
    [
      destinationId,
      kid,
      rollingDays ?? null,
      fromPeriod,
      toldPeriod,
      telling?.after ?? null,
      telling?.period ?? 0,
      until ?? null,
      begunAt,
    ],
  )
}

/** The root that new rows are to be under, and how many there have ever been. Read after the delivery lock. */
export async function readRoots(tx: Tx): Promise<{ active: number; ever: number }> {
  const { rows } = await tx.$client.query<{ active: number; ever: number }>({
    name: 'pseudonym-roots',
    text: `select max(kid) filter (where state = 'active') as active, count(*)::integer as ever
      from weir.key where class = 'pseudonym' and state <> 'pending'`,
  })
  return rows[0]!
}

function rootOf(row: RootRow): ModuleRoot {
  return {
    kid: row.kid,
    rollingDays: row.rolling_days ?? undefined,
    fromPeriod: row.from_period,
    toldPeriod: row.told_period,
    telling: row.telling_after === null ? undefined : { after: row.telling_after, period: row.telling_period },
    until: row.until_pos ?? undefined,
    begunAt: row.begun_at,
  }
}
