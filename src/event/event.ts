import type { EventKey, LogPosition, Pseudonym, SubjectId, Token } from './ids.ts'
import type { Purpose, PurposeMask } from './purpose.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

export const EVENT_TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const
export type EventType = (typeof EVENT_TYPES)[number]

/** Who sent: taken from the key that the request presented, never from the body. */
export interface Source {
  readonly id: number
  readonly name: string
  readonly kind: 'browser' | 'server'
  readonly shop: string
  /** Exact origins (scheme, host, port) that a browser key is pinned to. */
  readonly origins: readonly string[]
  /** A test source stores nothing and answers each message with its decision. */
  readonly test: boolean
  /** Public JWK of the shop that signs subject tokens, if it has one. */
  readonly subjectKey?: JsonObject
  /** Public JWK of an agent: it asks for people, with mandates, and vouches for nobody. */
  readonly agentKey?: JsonObject
}

/** Consent evidence that came along with the message. It can only narrow what the ledger permits. */
export interface ConsentClaim {
  /** Purposes that the sender says are refused. */
  readonly refused: PurposeMask
  /** Purposes that the sender says are granted: evidence only, counted for nothing at the gate. */
  readonly granted: PurposeMask
  /** Where it stood: Segment's categoryPreferences, RudderStack's consentManagement, the Sec-GPC header. */
  readonly evidence: readonly ('segment' | 'rudderstack' | 'gpc')[]
  /** The claim could not be read: everything that needs consent is refused for this message. */
  readonly unreadable: boolean
}

/** The facts around a message, already reduced at the edge: address truncated, URLs to origin, path and campaign tags. */
export interface EventContext {
  readonly ipPrefix?: string
  readonly userAgent?: string
  readonly locale?: string
  readonly timezone?: string
  readonly page?: { readonly origin?: string; readonly path?: string; readonly title?: string }
  readonly referrer?: { readonly origin?: string; readonly path?: string }
  readonly campaign?: {
    readonly source?: string
    readonly medium?: string
    readonly name?: string
    readonly term?: string
    readonly content?: string
  }
  readonly visitId?: string
}

/** One message as parsed at the edge. Lives in memory only: nothing of it is written as it stands. */
export interface IncomingEvent {
  readonly messageId: string
  readonly type: EventType
  /** For track the event's name; for the others the type's own name (`identify`, `page`…). */
  readonly name: string
  readonly userId?: string
  readonly anonymousId?: string
  /** alias only: the id that userId was known by before. Read as an anonymous id, never as a user id. */
  readonly previousId?: string
  /** When it happened by our clock, skew-corrected and clamped; milliseconds since 1970. */
  readonly occurredAt: number
  /** properties of track, page and screen; traits of identify and group. */
  readonly properties: JsonObject
  readonly context: EventContext
  readonly claim: ConsentClaim
  /** Secret of the device, where the message carried one. */
  readonly anonymousSecret?: string
}

/** The event's fields, as `properties.…`, `traits.…` and `context.…`: what policy classifies and decide() projects. */
export type Fields = JsonObject

/** An event with what may be kept of it: nothing outside `byClass` exists for the stages that follow. */
export interface PermittedEvent {
  readonly subject: SubjectId
  readonly eventKey: EventKey
  /** Permitted fields by field class, each a nested object of the original shape. */
  readonly byClass: ReadonlyMap<string, JsonObject>
  readonly occurredAt: number
}

/** A permitted event as it lies in the log: a skeleton without content and one sealed blob per field class. */
export interface SealedEvent {
  readonly subject: SubjectId
  readonly eventKey: EventKey
  readonly blobs: readonly SealedBlob[]
}

export interface SealedBlob {
  readonly fieldClass: string
  /** First day (UTC, YYYY-MM-DD) on which it may be gone. */
  readonly due: string
  readonly bytes: Uint8Array
}

/** What a destination is handed: its own pseudonym and tokens, and the fields that its route permits. */
export interface Delivered {
  readonly position: LogPosition
  /** The destination's own token of the event id: the key of idempotence. */
  readonly eventKey: Token
  readonly subject: Pseudonym
  readonly name: string
  /** Coarsened to what the purpose needs: a minute or a day (UTC), ISO 8601. */
  readonly at: string
  /** The destination's own token of the visit id, where the route permits it. */
  readonly visit?: Token
  /** Only what the route lists. Order ids are the destination's own tokens. */
  readonly fields: JsonObject
  readonly consentEpoch: number
  readonly purpose: Purpose
  /** By whom: a browser's key is public, so anybody can make up what it tells. */
  readonly told: Source['kind']
  /** The shop of the source that told it. */
  readonly shop: string
}

/** What became of one message. */
export const OUTCOMES = ['accepted', 'duplicate', 'refused', 'suppressed', 'invalid'] as const
export type Outcome = (typeof OUTCOMES)[number]
