import type { Db, Tx } from './pool.ts'
import { overConnection } from './pool.ts'

const RETRYABLE = new Set(['40001', '40P01']) // serialization failure, deadlock
const MAX_TRIES = 5

/**
 * Runs `work` in one READ COMMITTED transaction and returns its result after commit.
 * A deadlock or serialization failure is tried again, at most five times; any other error rolls back and is thrown.
 */
export async function transaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await once(db, work)
    } catch (error) {
      if (tries >= MAX_TRIES || !isRetryable(error)) throw error
    }
  }
}

async function once<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await db.$client.connect()
  let broken: Error | undefined
  try {
    await client.query('begin')
    const result = await work(overConnection(client))
    await client.query('commit')
    return result
  } catch (error) {
    if (isUnanswered(error)) broken = error
    else
      await client.query('rollback').catch((cause: Error) => {
        broken = cause
      })
    throw error
  } finally {
    client.release(broken) // a connection that cannot roll back is thrown away
  }
}

/** A statement given up on: its connection waits for the answer still, and would wait as long again to roll back. */
function isUnanswered(error: unknown): error is Error {
  return error instanceof Error && error.message === 'Query read timeout'
}

/** SQLSTATE of an error thrown by pg, looked up through drizzle's wrapping; undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 4; e = e.cause, depth++) {
    if ('code' in e && typeof e.code === 'string' && e.code.length === 5) return e.code
  }
  return undefined
}

function isRetryable(error: unknown): boolean {
  const state = sqlState(error)
  return state !== undefined && RETRYABLE.has(state)
}
