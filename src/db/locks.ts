import type { Tx } from './pool.ts'

/**
 * Advisory locks of the house: (class, key) pairs, all held to the end of the transaction. Taken in the order in
 * which they stand here, each class ascending by key, so that no two transactions can wait for each other.
 */
const CLASS = { housekeeping: 20006, delivery: 20004, subject: 20003, log: 20001, audit: 20002 } as const

/** Delivery: sole owner of a destination's cursor to the end of the transaction (law 3). */
export async function lockDelivery(tx: Tx, destinationId: number): Promise<void> {
  await tx.$client.query('select pg_advisory_xact_lock($1, $2)', [CLASS.delivery, destinationId])
}

/** What one batch of a destination begins with, read after the lock. */
export interface BatchStart {
  /** Of the policy that decides now; null before the first activation. */
  readonly version: number | null
  /** Position of the last row that was seen. */
  readonly pos: bigint
  readonly erasures: boolean
  readonly letters: boolean
}

/** lockDelivery, and in the same round trip, with a snapshot of their own, what the batch needs to know first. */
export async function lockBatch(tx: Tx, destinationId: number): Promise<BatchStart> {
  const { rows } = await tx.$client.query<BatchStart>({
    name: 'begin-batch',
    text: 'select * from weir.begin_batch($1, $2)',
    values: [CLASS.delivery, destinationId],
  })
  return rows[0]!
}

/**
 * Everything that restricts takes this before it writes: it waits for the batches under way and holds back the next
 * ones until it has committed, so nothing is handed out on a consent that is being withdrawn.
 */
export async function lockRestriction(tx: Tx, destinationIds: readonly number[]): Promise<void> {
  const ascending = [...destinationIds].sort((a, b) => a - b)
  await tx.$client.query('select pg_advisory_xact_lock_shared($1, d) from unnest($2::integer[]) as d', [
    CLASS.delivery,
    ascending,
  ])
}

/** One writer at a time for each subject's consent and links. */
export async function lockSubjects(tx: Tx, subjectIds: readonly string[]): Promise<void> {
  const keys = [...new Set(subjectIds.map((id) => Number.parseInt(id.slice(0, 8), 16) | 0))].sort((a, b) => a - b)
  await tx.$client.query('select pg_advisory_xact_lock($1, k) from unnest($2::integer[]) as k', [CLASS.subject, keys])
}

/** Nothing is appended to the event log until the transaction ends; the last lock that an erasure takes. */
export async function lockLog(tx: Tx): Promise<void> {
  await tx.$client.query('select pg_advisory_xact_lock($1, 0)', [CLASS.log])
}

/** Partitions are made and dropped by one node at a time: of two at once, one would find its work done and fail. */
export async function lockHousekeeping(tx: Tx): Promise<void> {
  await tx.$client.query('select pg_advisory_xact_lock($1, 0)', [CLASS.housekeeping])
}
