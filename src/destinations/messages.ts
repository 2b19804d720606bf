import { appendEntries } from '../audit/log.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import type { Keyring } from '../keys/keyring.ts'
import { destroyOwnKey } from '../rights/own-key.ts'
import type { MessageKind, MessageState } from './outbox.ts'

/** A message as the worker takes it. Times in milliseconds since 1970. */
export interface Taken {
  readonly id: string
  readonly requestId: string | undefined
  readonly destinationId: number
  readonly kind: MessageKind
  readonly sealed: Buffer
  readonly state: MessageState
  readonly madeAt: number
  readonly dueAt: number
  /** Tries in this state, this one included. */
  readonly attempts: number
  /** Number of the access by which it is asked whether it is gone; undefined before that. */
  readonly remoteId: string | undefined
  readonly regime: string | undefined
}

const FIRST_WAIT_S = 60 // longer than the calls of one try: until then nobody else takes it
const LONGEST_WAIT_S = 6 * 3_600

/**
 * Takes the next message that is due. Nobody else takes it before its next try (a minute from now, two… six hours, and not
 * beyond the recipient's own term), which is set here, so that a worker that is killed while it tells loses none.
 */
export async function takeMessage(db: Db, now: number): Promise<Taken | undefined> {
  const { rows } = await db.$client.query<TakenRow>(
    `update weir.recipient_message m set attempts = least(attempts + 1, 1000),
       next_at = least($1::timestamptz + make_interval(secs => least($2::integer * 2 ^ least(attempts, 12), $3::integer)),
         greatest(due_at, $1::timestamptz + make_interval(secs => $2::integer)))
     where message_id = (
       select message_id from weir.recipient_message
       where sealed is not null and state in ('waiting', 'sent', 'acknowledged') and next_at <= $1
       order by next_at, message_id limit 1 for update skip locked)
     returning m.*, (select r.regime from weir.request r where r.request_id = m.request_id) as regime`,
    [new Date(now), FIRST_WAIT_S, LONGEST_WAIT_S],
  )
  const row = rows[0]
  if (row === undefined) return undefined
  return {
    id: row.message_id,
    requestId: row.request_id ?? undefined,
    destinationId: row.destination_id,
    kind: row.kind,
    sealed: row.sealed,
    state: row.state,
    madeAt: row.made_at.getTime(),
    dueAt: row.due_at.getTime(),
    attempts: row.attempts,
    remoteId: row.remote_id ?? undefined,
    regime: row.regime ?? undefined,
  }
}

interface TakenRow {
  message_id: string
  request_id: string | null
  destination_id: number
  kind: MessageKind
  sealed: Buffer
  state: MessageState
  made_at: Date
  due_at: Date
  attempts: number
  remote_id: string | null
  regime: string | null
}

/** What a try came to. `failure: null` takes the code of an earlier try away. */
export interface Outcome {
  readonly state: MessageState
  readonly failure?: string | null
  readonly sha256?: Buffer
  readonly remoteId?: string | null
  /** Not looked at before; milliseconds since 1970. Where nothing is said, as takeMessage set it. */
  readonly nextAt?: number
  /** Nothing is left to do here: what it says goes, with its key. */
  readonly done?: boolean
}

/** From which states each one is come to: what a recipient has confirmed meanwhile is not taken back. */
const FROM: Readonly<Record<MessageState, readonly MessageState[]>> = {
  waiting: ['waiting'],
  sent: ['waiting', 'sent'],
  acknowledged: ['waiting', 'sent', 'acknowledged'],
  'verified-gone': ['sent', 'acknowledged', 'failed'],
  failed: ['waiting', 'sent', 'acknowledged'],
}

/**
 * Writes down what a try came to, enters it in the audit log where the state changes, and destroys the message's key where
 * it is done. False where the message is further already.
 */
export async function settle(
  { db, keyring, now }: { readonly db: Db; readonly keyring: Keyring; readonly now: () => number },
  id: string,
  outcome: Outcome,
): Promise<boolean> {
  return transaction(db, async (tx) => {
    const before = await lock(tx, id)
    if (before === undefined || !FROM[outcome.state].includes(before.state)) return false
    await write(tx, id, outcome, new Date(now()))
    if (outcome.done === true) await destroyOwnKey(tx, keyring, id)
    if (before.state !== outcome.state) {
      const more = { destination: before.destination_id, kind: before.kind, state: outcome.state }
      const entry = { actor: 'weir', action: 'recipient.tell', resource: `recipient-message:${id}`, purpose: 'rights' }
      await appendEntries(tx, [{ ...entry, outcome: outcome.state === 'failed' ? 'refused' : 'done', more }])
    }
    return true
  })
}

async function lock(
  tx: Tx,
  id: string,
): Promise<{ state: MessageState; destination_id: number; kind: MessageKind } | undefined> {
  const { rows } = await tx.$client.query<{ state: MessageState; destination_id: number; kind: MessageKind }>(
    'select state, destination_id, kind from weir.recipient_message where message_id = $1 for update',
    [id],
  )
  return rows[0]
}

async function write(tx: Tx, id: string, outcome: Outcome, at: Date): Promise<void> {
  const { state, failure, sha256, remoteId, nextAt, done = false } = outcome
  await tx.$client.query(
    `update weir.recipient_message set
       attempts = case when state = $2 then attempts else 0 end,
       state = $2,
       failure = case when $3::boolean then $4 else failure end,
       ack_sha256 = coalesce($5, ack_sha256),
       remote_id = case when $6::boolean then $7 else remote_id end,
       next_at = coalesce($8, next_at),
       sealed = case when $9::boolean then null else sealed end,
       sent_at = case when $2 in ('sent', 'acknowledged') then coalesce(sent_at, $10) else sent_at end,
       acknowledged_at = case when $2 = 'acknowledged' then coalesce(acknowledged_at, $10) else acknowledged_at end,
       verified_at = case when $2 = 'verified-gone' then coalesce(verified_at, $10) else verified_at end
     where message_id = $1`,
    [
      id,
      state,
      failure !== undefined,
      failure ?? null,
      sha256 ?? null,
      remoteId !== undefined,
      remoteId ?? null,
      nextAt === undefined ? null : new Date(nextAt),
      done,
      at,
    ],
  )
}
