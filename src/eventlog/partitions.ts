import { lockHousekeeping } from '../db/locks.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'

/** The policy that decides now, with the numbers that the database gave to its classes and destinations. */
export interface ActivePolicy {
  readonly compiled: CompiledPolicy
  readonly classIds: ReadonlyMap<string, number>
  readonly classNames: ReadonlyMap<number, string>
  readonly destinationIds: ReadonlyMap<string, number>
  /** All destinations ever known, ascending: what a restriction locks. */
  readonly allDestinationIds: readonly number[]
}

/**
 * Numbers the classes of a registered policy and makes the partitions that its events can need from today on.
 * Safe to call again: daily, it makes the partitions of the days to come.
 */
export async function prepareStorage(db: Db, compiled: CompiledPolicy, today: string): Promise<ActivePolicy> {
  const classIds = await transaction(db, async (tx) => {
    await lockHousekeeping(tx)
    await tx.$client.query('select weir.ensure_log_partitions($1::date, 3)', [today])
    return ensureClasses(tx, compiled, today)
  })
  const { rows } = await db.$client.query<{ destination_id: number; name: string }>(
    'select destination_id, name from weir.destination order by destination_id',
  )
  return {
    compiled,
    classIds,
    classNames: new Map([...classIds].map(([name, id]) => [id, name])),
    destinationIds: new Map(rows.map((row) => [row.name, row.destination_id])),
    allDestinationIds: rows.map((row) => row.destination_id),
  }
}

/** The field classes that the database has numbered, whatever policy named them. */
export async function readClassNames(db: Db): Promise<Map<number, string>> {
  const { rows } = await db.$client.query<{ class_id: number; name: string }>(
    'select class_id, name from weir.field_class',
  )
  return new Map(rows.map((row) => [row.class_id, row.name]))
}

async function ensureClasses(tx: Tx, compiled: CompiledPolicy, today: string): Promise<Map<string, number>> {
  const classIds = new Map<string, number>()
  for (const fieldClass of compiled.classes.values()) {
    const days = Math.max(fieldClass.retainDays, fieldClass.floorDays ?? 0)
    const { rows } = await tx.$client.query<{ id: number }>('select weir.ensure_class($1, $2, $3, $4::date) as id', [
      fieldClass.name,
      fieldClass.step,
      days,
      today,
    ])
    classIds.set(fieldClass.name, rows[0]!.id)
  }
  return classIds
}
