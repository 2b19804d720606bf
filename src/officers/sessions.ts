import { createHmac, hash, type KeyObject, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { lpConcat } from '../protect/layouts.ts'
import type { Role } from './roles.ts'

export const IDLE_MS = 15 * 60_000
export const LONGEST_MS = 8 * 3_600_000
const SEEN_MS = 30_000 // how stale `seen_at` may be: not every request is a write

/** Somebody who is signed in. Times in milliseconds since 1970. */
export interface Session {
  /** UUID: names the session, opens nothing. */
  readonly id: string
  readonly officer: string
  readonly role: Role
  readonly amr: readonly string[]
  readonly startedAt: number
  readonly seenAt: number
  /** However busy it is. */
  readonly expiresAt: number
  /** When a second factor was last shown. */
  readonly steppedUpAt: number
}

interface Row {
  id: string
  officer: string
  role: Role
  amr: string[]
  started_at: Date
  seen_at: Date
  expires_at: Date
  stepped_up_at: Date
}

const COLUMNS = `s.session_id as id, s.officer_id as officer, o.role, s.amr, s.started_at, s.seen_at, s.expires_at, s.stepped_up_at`

/** Opens a session and gives its token: 256 random bits, of which only the SHA-256 is kept. Old ones are cleared. */
export async function startSession(
  tx: Tx,
  officer: string,
  amr: readonly string[],
  now: number,
): Promise<{ token: string; session: Session }> {
  const token = newToken()
  await tx.$client.query('delete from weir.officer_session where expires_at <= $1 or seen_at <= $2', [
    new Date(now),
    new Date(now - IDLE_MS),
  ])
  const { rows } = await tx.$client.query<Row>(
    `with s as (
       insert into weir.officer_session (session_id, token_hash, officer_id, amr, started_at, seen_at, expires_at, stepped_up_at)
       values ($1, $2, $3, $4, $5, $5, $6, $5) returning *)
     select ${COLUMNS} from s join weir.officer o using (officer_id)`,
    [randomUUID(), tokenHash(token), officer, amr, new Date(now), new Date(now + LONGEST_MS)],
  )
  return { token, session: sessionOf(rows[0]!) }
}

/** The session of a token, which lives on by being used; undefined where it ended, or the officer was disabled. */
export async function findSession(db: Db, token: string, now: number): Promise<Session | undefined> {
  const { rows } = await db.$client.query<Row>(
    `select ${COLUMNS} from weir.officer_session s join weir.officer o using (officer_id)
     where s.token_hash = $1 and s.expires_at > $2 and s.seen_at > $3 and o.disabled_at is null`,
    [tokenHash(token), new Date(now), new Date(now - IDLE_MS)],
  )
  if (rows[0] === undefined) return undefined
  const session = sessionOf(rows[0])
  if (now - session.seenAt < SEEN_MS) return session
  await db.$client.query('update weir.officer_session set seen_at = $2 where session_id = $1 and seen_at < $2', [
    session.id,
    new Date(now),
  ])
  return { ...session, seenAt: now }
}

/** Marks that a second factor was shown, under a new token: the old one is worth nothing. Its end stays where it was. */
export async function stepUpSession(
  tx: Tx,
  { id }: Session,
  amr: readonly string[],
  now: number,
): Promise<{ token: string; session: Session }> {
  const token = newToken()
  const { rows } = await tx.$client.query<Row>(
    `with s as (
       update weir.officer_session set token_hash = $2, amr = $3, seen_at = $4, stepped_up_at = $4
       where session_id = $1 returning *)
     select ${COLUMNS} from s join weir.officer o using (officer_id)`,
    [id, tokenHash(token), amr, new Date(now)],
  )
  if (rows[0] === undefined) throw sessionEnded()
  return { token, session: sessionOf(rows[0]) }
}

/** Ends one session of an officer; false where the officer has none of this id. */
export async function endSession(db: Db | Tx, officer: string, id: string): Promise<boolean> {
  const { rowCount } = await db.$client.query(
    'delete from weir.officer_session where officer_id = $1 and session_id = $2',
    [officer, id],
  )
  return rowCount === 1
}

/** Ends the session of a token that came with a login: it is never taken over. */
export async function endSessionOfToken(tx: Tx, token: string): Promise<void> {
  await tx.$client.query('delete from weir.officer_session where token_hash = $1', [tokenHash(token)])
}

/** The sessions of an officer that are open, latest first. */
export async function sessionsOf(db: Db, officer: string, now: number): Promise<Session[]> {
  const { rows } = await db.$client.query<Row>(
    `select ${COLUMNS} from weir.officer_session s join weir.officer o using (officer_id)
     where s.officer_id = $1 and s.expires_at > $2 and s.seen_at > $3 order by s.started_at desc, s.session_id`,
    [officer, new Date(now), new Date(now - IDLE_MS)],
  )
  return rows.map(sessionOf)
}

/** What a page sends back with whatever changes something: keyed by the session, so that no other session's will do. */
export function csrfToken(key: KeyObject, { id }: Pick<Session, 'id'>): string {
  return createHmac('sha256', key).update(lpConcat('gw/v1/officer/csrf', id)).digest('base64url')
}

/** In constant time. */
export function isCsrfToken(key: KeyObject, session: Pick<Session, 'id'>, given: string): boolean {
  const expected = Buffer.from(csrfToken(key, session))
  const presented = Buffer.from(given)
  return presented.length === expected.length && timingSafeEqual(presented, expected)
}

/**
 * Throws AppError 403 `step-up-needed` unless a second factor was shown within `maxAge` milliseconds.
 */
export function requireStepUp(session: Pick<Session, 'steppedUpAt'>, maxAge: number, now: number): void {
  if (now - session.steppedUpAt <= maxAge) return
  throw new AppError('forbidden', 'Show your second factor again: POST /api/session/step-up.', {
    code: 'step-up-needed',
  })
}

export function sessionEnded(): AppError {
  return new AppError('unauthenticated', 'Your session has ended: sign in with POST /api/session.', {
    code: 'session-ended',
  })
}

function newToken(): string {
  return randomBytes(32).toString('base64url')
}

function tokenHash(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}

function sessionOf({ started_at, seen_at, expires_at, stepped_up_at, ...row }: Row): Session {
  return {
    ...row,
    startedAt: started_at.getTime(),
    seenAt: seen_at.getTime(),
    expiresAt: expires_at.getTime(),
    steppedUpAt: stepped_up_at.getTime(),
  }
}
