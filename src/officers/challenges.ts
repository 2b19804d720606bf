import { hash, randomBytes } from 'node:crypto'
import type { Db, Tx } from '../db/pool.ts'

export const CHALLENGE_MS = 5 * 60_000

export type ChallengeUse = 'sign-in' | 'step-up' | 'register'

/**
 * Makes a challenge of 32 random bytes for whoever holds the ticket: the id of a session, or what a login was handed.
 * One that the ticket was given for the same use before is worth nothing any more.
 */
export async function issueChallenge(
  db: Db | Tx,
  input: { readonly ticket: string; readonly use: ChallengeUse; readonly officer: string; readonly now: number },
): Promise<Buffer> {
  const challenge = randomBytes(32)
  await db.$client.query('delete from weir.officer_challenge where expires_at <= $1', [new Date(input.now)])
  await db.$client.query(
    `insert into weir.officer_challenge (ticket_hash, use, challenge, officer_id, expires_at) values ($1, $2, $3, $4, $5)
     on conflict (ticket_hash, use) do update set challenge = excluded.challenge, officer_id = excluded.officer_id,
       expires_at = excluded.expires_at`,
    [ticketHash(input.ticket), input.use, challenge, input.officer, new Date(input.now + CHALLENGE_MS)],
  )
  return challenge
}

/** Uses a challenge up, whatever becomes of the answer to it; undefined where there is none, or it is too old. */
export async function takeChallenge(
  db: Db | Tx,
  input: { readonly ticket: string; readonly use: ChallengeUse; readonly now: number },
): Promise<{ officer: string; challenge: Buffer } | undefined> {
  const { rows } = await db.$client.query<{ officer: string; challenge: Buffer; expires_at: Date }>(
    `delete from weir.officer_challenge where ticket_hash = $1 and use = $2
     returning officer_id as officer, challenge, expires_at`,
    [ticketHash(input.ticket), input.use],
  )
  const [row] = rows
  return row === undefined || row.expires_at.getTime() <= input.now ? undefined : row
}

function ticketHash(ticket: string): Buffer {
  return hash('sha256', ticket, 'buffer')
}
