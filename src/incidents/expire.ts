import { appendEntries } from '../audit/log.ts'
import type { Db } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'

/**
 * Takes the files whose three years since their end are over; the database refuses to let go of any other. Each is
 * entered in the audit log, in the same transaction. @returns how many
 */
export function expireIncidents(db: Db): Promise<number> {
  return transaction(db, async (tx) => {
    const { rows } = await tx.$client.query<{ gone: string[] }>('select gone from weir.expire_incidents()')
    const gone = rows[0]!.gone
    if (gone.length === 0) return 0
    await appendEntries(
      tx,
      gone.map((id) => ({
        actor: 'weir',
        action: 'incident.expire',
        resource: `incident:${id}`,
        purpose: 'retention',
        outcome: 'done' as const,
      })),
    )
    return gone.length
  })
}
