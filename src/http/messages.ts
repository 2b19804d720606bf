import type { IncomingMessage } from 'node:http'
import { claimOf } from '../consent/signals/claim.ts'
import { AppError } from '../errors.ts'
import type { EventType, IncomingEvent, Source } from '../event/event.ts'
import type { Purpose } from '../event/purpose.ts'
import { UNKNOWN_PREFIX } from './address.ts'
import type { IdentityHeaders } from './identity-headers.ts'
import type { ParsedJson } from './json.ts'
import { type Fields, InvalidMessage } from './protocols/message.ts'
import { sentAtHeader } from './protocols/rudder.ts'
import { type Envelope, isFields, readMessage } from './protocols/segment.ts'
import { readTime } from './protocols/time.ts'

/** Segment's own bounds. */
export const EVENT_LIMIT = 32_768
export const BATCH_LIMIT = 2_500

/** What a path of the wire protocol takes. */
export type IngestKind =
  | { readonly takes: 'message'; readonly type: EventType }
  | { readonly takes: 'batch'; readonly keyInQuery: boolean }
  /** Metrics of Segment's own library: read, bounded, dropped. */
  | { readonly takes: 'nothing' }

/** The messages of a batch. Throws AppError 400 `batch-missing`, 413 `batch-too-long`. */
export function batchOf(body: Fields): readonly unknown[] {
  const batch: unknown = body.batch
  if (!Array.isArray(batch))
    throw new AppError('invalid', 'The body needs an array `batch`.', { code: 'batch-missing' })
  if (batch.length > BATCH_LIMIT) {
    throw new AppError('invalid', `A batch holds at most ${BATCH_LIMIT} messages.`, {
      code: 'batch-too-long',
      status: 413,
    })
  }
  return batch
}

/** Every place in a body where the field's clients put the write key. */
export function* writeKeysOf(body: Fields, messages: readonly unknown[]): Iterable<unknown> {
  yield body.writeKey
  for (const message of messages) if (isFields(message)) yield message.writeKey
}

export interface EnvelopeInput {
  readonly kind: IngestKind
  readonly request: IncomingMessage
  readonly source: Source
  readonly body: Fields
  readonly parsed: ParsedJson
  readonly receivedAt: number
  readonly addressPrefix: string
  readonly proofs: IdentityHeaders
  readonly categories: ReadonlyMap<string, Purpose>
}

/** What holds for every message of the request. */
export function envelopeOf(input: EnvelopeInput): Envelope {
  const { kind, request, source, body, parsed, receivedAt, addressPrefix, proofs, categories } = input
  const gpc = request.headers['sec-gpc']
  const batch = kind.takes === 'batch'
  const inBrowser = source.kind === 'browser' && addressPrefix !== UNKNOWN_PREFIX
  return {
    receivedAt,
    sentAt: readTime((batch ? body.sentAt : undefined) ?? sentAtHeader(request)), // once, not for each message
    claim: (context) => claimOf(categories, context, gpc),
    suspicious: parsed.suspicious,
    ...(kind.takes === 'message' ? { type: kind.type } : {}),
    ...(batch && isFields(body.context) ? { context: body.context } : {}),
    ...(inBrowser ? { callerPrefix: addressPrefix } : {}),
    ...(proofs.anonymousSecret === undefined ? {} : { anonymousSecret: proofs.anonymousSecret }),
  }
}

/** One message as read, or why it cannot be. */
export type Read = IncomingEvent | { readonly messageId: string | null; readonly invalid: string }

/** Each on its own: one that is invalid costs the others nothing. */
export function readMessages(
  messages: readonly unknown[],
  parsed: ParsedJson,
  kind: IngestKind,
  envelope: Envelope,
): Read[] {
  return messages.map((message, index) => {
    const size = kind.takes === 'batch' ? (parsed.sizes[index] ?? 0) : parsed.length
    try {
      if (size > EVENT_LIMIT) throw new InvalidMessage('message', `must be at most ${EVENT_LIMIT} bytes`)
      return readMessage(message, envelope)
    } catch (error) {
      if (!(error instanceof InvalidMessage)) throw error
      return { messageId: echoableId(message), invalid: error.reason }
    }
  })
}

function echoableId(message: unknown): string | null {
  const id: unknown = isFields(message) ? message.messageId : undefined
  return typeof id === 'string' && id.length <= 100 && id.isWellFormed() ? id : null
}

/** Beacons cannot set headers, so the body may bring the token too; two that differ are nobody's. */
export function subjectTokenOf(inHeader: string | undefined, body: Fields): string | undefined {
  const { subjectToken } = body
  const inBody = typeof subjectToken === 'string' && subjectToken !== '' ? subjectToken : undefined
  if (inHeader !== undefined && inBody !== undefined && inHeader !== inBody) {
    throw new AppError('unauthenticated', 'Header and body bring different subject tokens: send one.', {
      code: 'tokens-disagree',
    })
  }
  return inHeader ?? inBody
}
