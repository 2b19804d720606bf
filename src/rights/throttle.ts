import type { KeyObject } from 'node:crypto'
import type { Db, Tx } from '../db/pool.ts'
import { keyed } from './asking-keys.ts'

/** So many within so long. */
export interface Budget {
  readonly name: string
  readonly limit: number
  readonly ms: number
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Requests from one network: a family, an office, one carrier's street. */
export const ASKED_FROM: Budget = { name: 'asked-from', limit: 60, ms: HOUR }
/** Links and codes to one address or number, whoever asks for them. */
export const SENT_TO: Budget = { name: 'sent-to', limit: 6, ms: HOUR }
export const SENT_TO_A_DAY: Budget = { name: 'sent-to-a-day', limit: 15, ms: DAY }
/** Codes shown for one request, for one identifier whatever the request, and from one network. */
export const TRIED: Budget = { name: 'tried', limit: 5, ms: 30 * DAY }
export const TRIED_FOR: Budget = { name: 'tried-for', limit: 20, ms: DAY }
export const TRIED_FROM: Budget = { name: 'tried-from', limit: 60, ms: HOUR }
/** Further links and codes for one request. */
export const SENT_AGAIN: Budget = { name: 'sent-again', limit: 3, ms: DAY }

/**
 * Takes one of a budget, whose window begins with its first. Of whom it is, only a keyed hash is written. Counted even
 * where it is refused: commit, then answer.
 * @returns how long to wait, in milliseconds; 0 where there was one left
 */
export async function take(
  db: Db | Tx,
  key: KeyObject,
  budget: Budget,
  whose: readonly string[],
  now: number,
): Promise<number> {
  const { rows } = await db.$client.query<{ tries: number; since: Date }>(
    `insert into weir.request_throttle as t (key, tries, since) values ($1, 1, $2)
     on conflict (key) do update set
       tries = case when t.since <= $3 then 1 else least(t.tries + 1, 1000000) end,
       since = case when t.since <= $3 then $2 else t.since end
     returning tries, since`,
    [keyed(key, budget.name, ...whose).subarray(0, 16), new Date(now), new Date(now - budget.ms)],
  )
  const { tries, since } = rows[0]!
  return tries <= budget.limit ? 0 : Math.max(1, since.getTime() + budget.ms - now)
}

/** Some of what no budget goes back to any more, with every request: as much goes as comes. */
export async function forgetOldTries(db: Db | Tx, now: number): Promise<void> {
  await db.$client.query(
    `delete from weir.request_throttle where key in (
       select key from weir.request_throttle where since < $1 order by since limit 20 for update skip locked)`,
    [new Date(now - TRIED.ms)],
  )
  await db.$client.query(
    `delete from weir.request_token where token_hash in (
       select token_hash from weir.request_token where expires_at < $1 order by expires_at limit 20 for update skip locked)`,
    [new Date(now - DAY)],
  )
}
