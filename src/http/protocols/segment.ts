import { randomUUID } from 'node:crypto'
import {
  type ConsentClaim,
  EVENT_TYPES,
  type EventType,
  type IncomingEvent,
  type JsonObject,
} from '../../event/event.ts'
import { clean } from './clean.ts'
import { type Fields, InvalidMessage, idAt, objectAt, textAt, timeAt } from './message.ts'
import { reduceContext, reduceProperties } from './reduce.ts'
import { occurredAt } from './time.ts'

/** What holds for every message of one request. */
export interface Envelope {
  /** Of the path, for the routes of one message. */
  readonly type?: EventType
  readonly receivedAt: number
  /** `sentAt` of the batch, or RudderStack's header. */
  readonly sentAt?: unknown
  /** `context` of the batch, beneath each message's own. */
  readonly context?: Fields
  /** The caller's network where the caller is the person's browser. */
  readonly callerPrefix?: string
  readonly anonymousSecret?: string
  readonly claim: (context: unknown) => ConsentClaim
  /** The body may hold NUL, lone surrogates or dangerous keys: look. */
  readonly suspicious: boolean
}

const MAX_MESSAGE_ID = 100 // Segment's own bound
const MAX_ID = 255 // what normalise() takes
const MAX_NAME = 200
const MAX_SECRET = 256

/**
 * One message of Segment's or RudderStack's protocol as an IncomingEvent, already reduced. Throws InvalidMessage where
 * it cannot be one. What it does not read (`_metadata`, `integrations`, device, network, location…) ends here.
 */
export function readMessage(message: unknown, envelope: Envelope): IncomingEvent {
  if (!isFields(message)) throw new InvalidMessage('message', 'must be an object')
  if (envelope.suspicious) refuseUnclean(message, envelope.context)
  const type = typeOf(message, envelope.type)
  const own = objectAt(message, 'context')
  const context = envelope.context === undefined ? own : { ...envelope.context, ...own }
  const ids = identifiersOf(message, type)
  const reduced = reduceContext({ message, type, context, callerPrefix: envelope.callerPrefix })
  const properties = propertiesOf(message, type, context)
  reduceProperties(properties)
  const secret = idAt(message, 'anonymousSecret', MAX_SECRET) ?? envelope.anonymousSecret
  return {
    messageId: idAt(message, 'messageId', MAX_MESSAGE_ID) ?? randomUUID(), // without one a repetition cannot be known
    type,
    name: nameOf(message, type),
    ...ids,
    occurredAt: occurredAt({
      created: timeAt(message, 'originalTimestamp') ?? timeAt(message, 'timestamp'),
      sent: timeAt(message, 'sentAt') ?? envelope.sentAt,
      received: envelope.receivedAt,
    }),
    properties: properties as JsonObject, // fresh from JSON.parse
    context: reduced,
    claim: envelope.claim(context),
    ...(secret === undefined ? {} : { anonymousSecret: secret }),
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refuseUnclean(message: Fields, shared: Fields | undefined): void {
  const found = clean(message) ?? clean(shared, 'context')
  if (found === undefined) return
  throw new InvalidMessage(found.path, found.what === 'nul' ? 'holds a NUL character' : 'holds half a character')
}

function typeOf(message: Fields, expected: EventType | undefined): EventType {
  const sent = textAt(message, 'type')
  if (sent === undefined && expected !== undefined) return expected
  if (expected !== undefined && sent !== expected) throw new InvalidMessage('type', 'is not the type of this path')
  const type = EVENT_TYPES.find((known) => known === sent)
  if (type === undefined) throw new InvalidMessage('type', `must be one of ${EVENT_TYPES.join(', ')}`)
  return type
}

function nameOf(message: Fields, type: EventType): string {
  if (type !== 'track') return type
  const name = textAt(message, 'event')
  if (name === undefined) throw new InvalidMessage('event', 'is missing: write what happened, such as Order Completed')
  if (name.length > MAX_NAME) throw new InvalidMessage('event', `must be at most ${MAX_NAME} characters`)
  return name
}

type Identifiers = Pick<IncomingEvent, 'userId' | 'anonymousId' | 'previousId'>

function identifiersOf(message: Fields, type: EventType): Identifiers {
  const userId = idAt(message, 'userId', MAX_ID)
  const anonymousId = idAt(message, 'anonymousId', MAX_ID)
  const previousId = type === 'alias' ? idAt(message, 'previousId', MAX_ID) : undefined
  if (userId === undefined && anonymousId === undefined) {
    throw new InvalidMessage('userId', 'or anonymousId is needed')
  }
  if (type === 'alias' && previousId === undefined)
    throw new InvalidMessage('previousId', 'is missing: write the id that the person had before')
  return {
    ...(userId === undefined ? {} : { userId }),
    ...(anonymousId === undefined ? {} : { anonymousId }),
    ...(previousId === undefined ? {} : { previousId }),
  }
}

/** Properties or traits, with the fields of the protocol that stand beside them moved in: policy classifies them all. */
function propertiesOf(message: Fields, type: EventType, context: Fields): Fields {
  if (type === 'alias') return {}
  if (type === 'identify') {
    // RudderStack's SDKs put the traits of identify into the context.
    return { ...objectAt(context, 'traits', 'context.traits'), ...objectAt(message, 'traits') }
  }
  if (type === 'group')
    return { ...objectAt(message, 'traits'), ...beside('groupId', idAt(message, 'groupId', MAX_ID)) }
  const properties = objectAt(message, 'properties')
  if (type === 'track') return Object.isFrozen(properties) ? {} : properties
  return {
    ...beside('name', textAt(message, 'name')),
    ...beside('category', textAt(message, 'category')),
    ...properties,
  }
}

function beside(key: string, value: string | undefined): Fields {
  return value === undefined ? {} : { [key]: value }
}
