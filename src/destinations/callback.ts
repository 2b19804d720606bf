import { createHash, X509Certificate } from 'node:crypto'
import { z } from 'zod'
import type { Db } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { DoorsApi, HookCall } from '../http/doors-api.ts'
import { parseJson } from '../http/json.ts'
import type { Keyring } from '../keys/keyring.ts'
import { isSignedBy } from '../rights/protocols/opendsr-signature.ts'
import { type Endpoint, findEndpoint } from './endpoints.ts'
import { settle } from './messages.ts'
import type { MessageKind, MessageState } from './outbox.ts'
import { isSigned } from './standard-webhooks.ts'

export interface CallbackDoorDeps {
  readonly db: Db
  readonly keyring: Keyring
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly publicUrl: string
  /** A message may be due at once. */
  readonly nudge: () => void
}

/** In the manner of Ketch's Forwarder; other members are the recipient's own. */
const StatusEvent = z.object({
  metadata: z.object({ uid: z.uuid() }),
  event: z.object({ status: z.enum(['unknown', 'pending', 'in_progress', 'completed', 'denied', 'cancelled']) }),
})
const OpenDsrStatus = z.object({ subject_request_id: z.uuid(), status_callback_url: z.string().max(2048) })

/**
 * A recipient says, signed, how far it is. A webhook that says `completed` of an erasure has said that it is gone; an OpenDSR
 * processor only makes us look sooner, since it is asked for access before it counts.
 */
export function createRecipientCallbacks(deps: CallbackDoorDeps): DoorsApi['recipientCallback'] {
  return async function take(name, call) {
    const endpoint = await findEndpoint(deps.db, deps.keyring, name)
    // Nobody of this name, or nobody's signature: one answer, so that names cannot be asked for.
    if (endpoint === undefined || !isFrom(endpoint, call, deps.now())) throw notSigned()
    if (endpoint.protocol === 'webhook') await takeEvent(deps, endpoint, call)
    else await lookSooner(deps, endpoint, call)
  }
}

function isFrom({ protocol, secret, certificate }: Endpoint, { headers, raw: body }: HookCall, now: number): boolean {
  if (protocol === 'webhook') return isSigned(secret, { headers, body, now })
  return certificate !== undefined && isSignedBy(new X509Certificate(certificate), { headers, body, now })
}

async function takeEvent(deps: CallbackDoorDeps, { destinationId }: Endpoint, { raw }: HookCall): Promise<void> {
  const { metadata, event } = read(StatusEvent, raw)
  const message = await findMessage(deps.db, metadata.uid, destinationId)
  if (message.sentAt === null) throw tooEarly()
  const sha256 = createHash('sha256').update(raw).digest()
  const erases = message.kind === 'erasure' || message.kind === 'withdrawal'
  switch (event.status) {
    case 'completed':
      await (erases
        ? settle(deps, metadata.uid, { state: 'verified-gone', failure: null, sha256, done: true })
        : settle(deps, metadata.uid, { state: 'acknowledged', failure: null, sha256, done: true }))
      return
    case 'denied':
    case 'cancelled':
      await settle(deps, metadata.uid, { state: 'failed', failure: `${event.status}-there`, sha256, done: true })
      return
    case 'pending':
    case 'in_progress':
      await settle(deps, metadata.uid, { state: 'acknowledged', failure: null, sha256, done: true })
      return
    case 'unknown':
      return
    default:
      event.status satisfies never
  }
}

/** Nothing of it is believed but that something may be new. */
async function lookSooner(deps: CallbackDoorDeps, endpoint: Endpoint, { raw }: HookCall): Promise<void> {
  const { subject_request_id: id, status_callback_url } = read(OpenDsrStatus, raw)
  if (status_callback_url !== `${deps.publicUrl}/v1/recipients/${endpoint.name}/callback`) throw notSigned()
  await deps.db.$client.query(
    `update weir.recipient_message set next_at = least(next_at, $3)
     where destination_id = $1 and (message_id = $2 or remote_id = $2::text) and sealed is not null`,
    [endpoint.destinationId, id, new Date(deps.now())],
  )
  deps.nudge()
}

async function findMessage(
  db: Db,
  id: string,
  destinationId: number,
): Promise<{ readonly kind: MessageKind; readonly state: MessageState; readonly sentAt: Date | null }> {
  const { rows } = await db.$client.query<{ kind: MessageKind; state: MessageState; sentAt: Date | null }>(
    'select kind, state, sent_at as "sentAt" from weir.recipient_message where message_id = $1 and destination_id = $2',
    [id, destinationId],
  )
  if (rows[0] === undefined) {
    throw new AppError('not-found', 'You were sent no message with this uid.', { code: 'message-unknown' })
  }
  return rows[0]
}

function read<T>(schema: z.ZodType<T>, raw: Buffer): T {
  const parsed = schema.safeParse(parseJson(raw).value)
  if (parsed.success) return parsed.data
  throw new AppError('invalid', 'The body is no status event: docs/recipients.md has one.', { code: 'request-invalid' })
}

function notSigned(): AppError {
  return new AppError('unauthenticated', 'The signature does not hold: sign id, timestamp and the raw body.', {
    code: 'signature-invalid',
  })
}

function tooEarly(): AppError {
  return new AppError('conflict', 'This message was not sent to you.', { code: 'message-state' })
}
