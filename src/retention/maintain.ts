import { lockHousekeeping } from '../db/locks.ts'
import type { Db } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'

/** Housekeeping that the clock asks for: partitions of the days to come, partitions that are due, old flow probes. */
export interface Maintained {
  readonly partitionsDropped: number
  readonly probesDeleted: number
}

const PROBE_KIND = 3

/** Safe to run on every node at any time: two take turns. `today` is a day in UTC, YYYY-MM-DD. */
export async function maintain(db: Db, today: string): Promise<Maintained> {
  const partitionsDropped = await transaction(db, async (tx) => {
    await lockHousekeeping(tx)
    const { rows } = await tx.$client.query<{ n: number }>('select weir.drop_due($1::date) as n', [today])
    return rows[0]!.n
  })
  const probes = await db.$client.query(
    `delete from weir.event_log where kind = $1 and received_at < clock_timestamp() - interval '1 hour'
       and at_day >= $2::date - 2`,
    [PROBE_KIND, today],
  )
  return { partitionsDropped, probesDeleted: probes.rowCount ?? 0 }
}
