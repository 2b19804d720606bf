import { lockHousekeeping } from '../db/locks.ts'
import { transaction } from '../db/transaction.ts'
import { expireIdle, type IdleDeps } from './expire-idle.ts'

/** Housekeeping that the clock asks for: partitions that are due, old flow probes, subjects that nobody knows any more. */
export interface Maintained {
  readonly partitionsDropped: number
  readonly probesDeleted: number
  readonly subjectsExpired: number
}

const PROBE_KIND = 3

/** Safe to run on every node at any time: two take turns. */
export async function maintain(deps: IdleDeps): Promise<Maintained> {
  const { db, today } = deps
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
  const subjectsExpired = await expireIdle(deps)
  return { partitionsDropped, probesDeleted: probes.rowCount ?? 0, subjectsExpired }
}
