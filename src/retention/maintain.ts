import type { Db } from '../db/pool.ts'

/** Housekeeping that the clock asks for: partitions of the days to come, partitions that are due, old flow probes. */
export interface Maintained {
  readonly partitionsDropped: number
  readonly probesDeleted: number
}

const PROBE_KIND = 3

/** Safe to run on every node at any time. `today` is a day in UTC, YYYY-MM-DD. */
export async function maintain(db: Db, today: string): Promise<Maintained> {
  const dropped = await db.$client.query<{ n: number }>('select weir.drop_due($1::date) as n', [today])
  const probes = await db.$client.query(
    `delete from weir.event_log where kind = $1 and received_at < clock_timestamp() - interval '1 hour'
       and at_day >= $2::date - 2`,
    [PROBE_KIND, today],
  )
  return { partitionsDropped: dropped.rows[0]!.n, probesDeleted: probes.rowCount ?? 0 }
}
