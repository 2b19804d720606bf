import { hash } from 'node:crypto'
import type { Db } from '../../db/pool.ts'

const LONGEST_MS = 4 * 3_600_000

function hashOf(visit: string): Buffer {
  return hash('sha256', `privacy visit ${visit}`, 'buffer')
}

/** Ends a session for every copy of its cookie. */
export async function revoke(db: Db, visit: string, now: number): Promise<void> {
  await db.$client.query(
    `insert into weir.request_token (token_hash, expires_at, used_at) values ($1, $2, clock_timestamp())
     on conflict (token_hash) do nothing`,
    [hashOf(visit), new Date(now + LONGEST_MS)],
  )
}

export async function isRevoked(db: Db, visit: string): Promise<boolean> {
  const { rowCount } = await db.$client.query('select from weir.request_token where token_hash = $1', [hashOf(visit)])
  return (rowCount ?? 0) > 0
}
