import type { Db } from '../db/pool.ts'

const DAY_MS = 86_400_000

/** Takes out what has had its time: tombstones of people of whom nothing can come late any more, tries and spent tokens. */
export async function tidyRequests(db: Db, now: number): Promise<void> {
  const day = new Date(now - DAY_MS)
  await db.$client.query('delete from weir.tombstone where expires_on < $1::date', [new Date(now)])
  await db.$client.query('delete from weir.request_throttle where since < $1', [day])
  await db.$client.query('delete from weir.request_token where expires_at < $1', [day])
}
