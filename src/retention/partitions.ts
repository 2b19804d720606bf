import type { Db } from '../db/pool.ts'
import { sqlState } from '../db/transaction.ts'

/** A table that content of a class, or log rows, lie in by day. Days are YYYY-MM-DD, UTC. */
export interface Partition {
  readonly part: string
  /** Null where it is detached. */
  readonly parent: string | null
  /** Null of the log. */
  readonly class: string | null
  /** `pending`: its detaching was broken off in the middle. */
  readonly state: 'attached' | 'pending' | 'detached'
  /** Its bounds; null where it is detached. */
  readonly first: string | null
  readonly past: string | null
}

/** What really lies in a partition: rows, and the earliest and latest day among them. */
export interface Span {
  readonly n: bigint
  readonly first: string | null
  readonly last: string | null
}

/** Every partition that there is, attached or not, by name. */
export async function listPartitions(db: Db): Promise<Partition[]> {
  const { rows } = await db.$client.query<Partition>(
    'select part, parent, class, state, first, past from weir.retained_partition order by part',
  )
  return rows
}

/** Reads the rows themselves: bounds and names say what should be there. */
export async function spanOf(db: Db, part: string): Promise<Span> {
  try {
    const { rows } = await db.$client.query<Span>({
      text: 'select n, first, last from weir.partition_span($1)',
      values: [part],
      ...PATIENT,
    })
    return rows[0]!
  } catch (error) {
    // Another node has dropped it since it was listed.
    if (sqlState(error) === 'P0002' || sqlState(error) === '42P01') return { n: 0n, first: null, last: null }
    throw error
  }
}

const LOCK_TIMEOUT_MS = 2_000 // what waits behind us waits no longer than this
const TRIES = 5
/** A count over millions of rows takes longer than the patience of the gateway's connections. */
export const PATIENT = { query_timeout: 900_000 } as const

/**
 * Takes a partition out of its table without stopping those who read and write it. Broken off in the middle (kill -9, a
 * reader that does not end) it is pending: then this finishes it. False where somebody was in the way all the time: the
 * next run tries again.
 */
export async function detach(db: Db, partition: Pick<Partition, 'part' | 'parent' | 'state'>): Promise<boolean> {
  if (partition.state === 'detached' || partition.parent === null) return true
  const client = await db.$client.connect()
  let broken = true
  try {
    await client.query('set role weir_retention')
    await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`)
    let pending = partition.state === 'pending'
    for (let tries = 0; tries < TRIES; tries++) {
      const how = pending ? 'finalize' : 'concurrently'
      try {
        await client.query({
          text: `alter table weir.${partition.parent} detach partition weir.${partition.part} ${how}`,
          ...PATIENT,
        })
        broken = false
        return true
      } catch (error) {
        if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error
        pending = await isPending(db, partition.part)
      }
    }
    broken = false
    return false
  } finally {
    await client.query('reset role; reset lock_timeout').catch(() => {
      broken = true
    })
    client.release(broken) // after an error it goes: nobody is handed a connection with another role
  }
}

const LOCK_NOT_AVAILABLE = '55P03'

async function isPending(db: Db, part: string): Promise<boolean> {
  const { rows } = await db.$client.query<{ pending: boolean }>(
    `select state = 'pending' as pending from weir.retained_partition where part = $1`,
    [part],
  )
  return rows[0]?.pending ?? false
}

/**
 * Drops a detached partition. The database looks at its rows first, by `today`, and refuses where one is not due.
 * @returns how many rows were in it
 */
export async function dropDetached(db: Db, part: string, today: string): Promise<bigint> {
  const { rows } = await db.$client.query<{ n: bigint }>({
    text: 'select weir.drop_detached($1, $2::date) as n',
    values: [part, today],
    ...PATIENT,
  })
  return rows[0]!.n
}
