import { randomUUID } from 'node:crypto'
import type { Db, Tx } from '../../db/pool.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { forgetContent } from '../content.ts'

/** What people are written about a request. `texts.ts` has the words of each. */
export const TEMPLATES = [
  'proof', // a link or a code, whichever the proof is
  'received',
  'erasure-begins', // with the link that takes it back
  'done',
  'refused',
  'download-ready',
  'download-code', // before it is handed out
  'extended',
  'cancelled',
  'remainder-gone',
  'restriction-ends', // before it does
  'accessed', // somebody of the shop looked at what is held of them
] as const
export type Template = (typeof TEMPLATES)[number]
export type Channel = 'mail' | 'sms'

/** A message to write. It says nothing of anybody: what it says is composed when it is sent. */
export interface NewMessage {
  readonly request: string
  readonly template: Template
  /** Milliseconds since 1970. */
  readonly now: number
  /**
   * Absent: by mail, or by SMS where no address is on file; what a person must hear of (erasure begins) goes to every
   * contact on file.
   */
  readonly channel?: Channel
  /** The row of weir.request_proof that it carries. */
  readonly proof?: string
}

const TO_ALL: ReadonlySet<Template> = new Set(['erasure-begins'])

/** Queues a message with what it tells of, in the same transaction. Where nobody can be written to nothing is sent. */
export async function queueMessage(tx: Tx, { request, template, now, channel, proof }: NewMessage): Promise<void> {
  const channels: readonly Channel[] =
    channel !== undefined ? [channel] : TO_ALL.has(template) ? ['mail', 'sms'] : ['mail']
  for (const one of channels) {
    await tx.$client.query(
      `insert into weir.request_message (message_id, request_id, channel, template, proof_id, due_at, next_at)
       values ($1, $2, $3, $4, $5, $6, $6)`,
      [randomUUID(), request, one, template, proof ?? null, new Date(now)],
    )
  }
}

/** A message that waits. */
export interface QueuedMessage {
  readonly id: string
  readonly request: string
  readonly channel: Channel
  readonly template: Template
  readonly proof: string | undefined
  /** Tries before this one. */
  readonly attempts: number
}

const FIRST_WAIT_S = 30
const LONGEST_WAIT_S = 3_600

/**
 * Takes the next message that is due. Nobody else takes it before its next try (30 s from now, a minute, two… an hour),
 * which is set here, so that a worker that is killed while it sends loses none. Undefined where none is due.
 */
export async function takeMessage(db: Db, now: number): Promise<QueuedMessage | undefined> {
  const { rows } = await db.$client.query<Omit<QueuedMessage, 'proof'> & { proof: string | null }>(
    `update weir.request_message set attempts = least(attempts + 1, 1000),
       next_at = $1::timestamptz + make_interval(secs => least($2::integer * 2 ^ least(attempts, 10), $3::integer))
     where message_id = (
       select message_id from weir.request_message where sent_at is null and given_up_at is null and next_at <= $1
       order by next_at, message_id limit 1 for update skip locked)
     returning message_id as id, request_id as request, channel, template, proof_id as proof, attempts - 1 as attempts`,
    [new Date(now), FIRST_WAIT_S, LONGEST_WAIT_S],
  )
  const [row] = rows
  return row && { ...row, proof: row.proof ?? undefined }
}

/** It was taken by a server, or nobody is there to write to, or it was given up. */
export async function settleMessage(
  db: Db | Tx,
  id: string,
  { as, now }: { readonly as: 'sent' | 'given-up'; readonly now: number },
): Promise<void> {
  const column = as === 'sent' ? 'sent_at' : 'given_up_at'
  await db.$client.query(`update weir.request_message set ${column} = $2 where message_id = $1`, [id, new Date(now)])
}

/** Whether a message of this request was not settled yet. */
export async function hasWaitingMessages(db: Db | Tx, request: string): Promise<boolean> {
  const { rows } = await db.$client.query(
    'select from weir.request_message where request_id = $1 and sent_at is null and given_up_at is null limit 1',
    [request],
  )
  return rows.length > 0
}

/**
 * Forgets what a request said that is over, unless a message must be composed from it still: then the worker forgets it
 * after the last one. Run it in the transaction that ends the request, after its last message was queued.
 */
export async function forgetWhenTold(tx: Tx, keyring: Keyring, request: string): Promise<boolean> {
  if (await hasWaitingMessages(tx, request)) return false
  await forgetContent(tx, keyring, request)
  return true
}
