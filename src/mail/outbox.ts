import { randomUUID } from 'node:crypto'
import type { Db, Tx } from '../db/pool.ts'

export type MailKind = 'approved' | 'emergency-asked' | 'emergency-opens'

/** A mail that waits: what it is about, never what it says. */
export interface QueuedMail {
  readonly id: string
  readonly kind: MailKind
  readonly disclosure: string
  /** Tries before this one. */
  readonly attempts: number
}

/** Queues a mail with what it tells of, in the same transaction. `at`: not before, in milliseconds since 1970. */
export async function queueMail(
  tx: Tx,
  { kind, disclosure, at }: { readonly kind: MailKind; readonly disclosure: string; readonly at: number },
): Promise<void> {
  await tx.$client.query(
    `insert into weir.mail_outbox (mail_id, kind, disclosure_id, due_at, next_at) values ($1, $2, $3, $4, $4)`,
    [randomUUID(), kind, disclosure, new Date(at)],
  )
}

const FIRST_WAIT_S = 30
const LONGEST_WAIT_S = 3_600

/**
 * Takes the next mail that is due. Nobody else takes it before its next try (30 s from now, a minute, two… an hour),
 * which is set here, so that a worker that is killed while it sends loses none. Undefined where none is due.
 */
export async function takeMail(db: Db, now: number): Promise<QueuedMail | undefined> {
  const { rows } = await db.$client.query<QueuedMail>(
    `update weir.mail_outbox m set attempts = least(attempts + 1, 1000),
       next_at = $1::timestamptz + make_interval(secs => least($2::integer * 2 ^ least(attempts, 10), $3::integer))
     where mail_id = (
       select mail_id from weir.mail_outbox where sent_at is null and next_at <= $1 order by next_at, mail_id
       limit 1 for update skip locked)
     returning mail_id as id, kind, disclosure_id as disclosure, attempts - 1 as attempts`,
    [new Date(now), FIRST_WAIT_S, LONGEST_WAIT_S],
  )
  return rows[0]
}

/** Whether this mail was queued and has not been taken by the mail server. */
export async function isWaiting(db: Db, disclosure: string, kind: MailKind): Promise<boolean> {
  const { rows } = await db.$client.query(
    'select from weir.mail_outbox where disclosure_id = $1 and kind = $2 and sent_at is null',
    [disclosure, kind],
  )
  return rows.length > 0
}

export async function mailSent(db: Db, id: string, now: number): Promise<void> {
  await db.$client.query('update weir.mail_outbox set sent_at = $2 where mail_id = $1', [id, new Date(now)])
}

const KEPT_MS = 30 * 86_400_000

/** What was sent a month ago is in the audit log and in a mailbox. */
export async function forgetSentMails(db: Db, now: number): Promise<void> {
  await db.$client.query('delete from weir.mail_outbox where sent_at < $1', [new Date(now - KEPT_MS)])
}

/** For how many seconds the oldest mail has been due that was not sent; 0 where none is. */
export async function oldestWaiting(db: Db, now: number): Promise<number> {
  const { rows } = await db.$client.query<{ since: Date | null }>(
    'select min(due_at) as since from weir.mail_outbox where sent_at is null and due_at <= $1',
    [new Date(now)],
  )
  const since = rows[0]?.since
  return since == null ? 0 : (now - since.getTime()) / 1000
}
