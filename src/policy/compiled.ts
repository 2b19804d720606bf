import type { JsonObject } from '../event/event.ts'
import type { Purpose, PurposeMask } from '../event/purpose.ts'

/** Legal basis of a purpose. Only `consent` waits for a grant; legitimate interest does not exist under PIPL. */
export type Basis = 'consent' | 'contract' | 'legal-duty'

export interface FieldClass {
  readonly name: string
  readonly retainDays: number
  /** Partition step: a blob goes with the partition that its first due row opens; early by at most a step. */
  readonly step: 'day' | 'month'
  /** Statutory floor, in days, met even so: counted from the end of the step. */
  readonly floorDays?: number
}

export interface Destination {
  readonly name: string
  readonly kind: 'module' | 'probe'
  readonly purpose: Purpose
  readonly role: 'self' | 'entrusted' | 'joint' | 'third-party'
  readonly region: string
  /** What times are cut to before the destination sees them. */
  readonly time: 'minute' | 'day'
}

/** One (event, destination) pair that the policy opens, with everything that may pass. */
export interface Route {
  readonly destination: Destination
  readonly purpose: Purpose
  /** Bit of the route's destination in a route mask of this policy version. */
  readonly bit: number
  /** Paths such as `properties.products[].product_id`: an allowlist, no wildcard. */
  readonly fields: readonly string[]
}

export interface EventRule {
  /** Index in `CompiledPolicy.events`, kept in log rows of this version. */
  readonly index: number
  readonly name: string
  readonly routes: readonly Route[]
  /** Every classified path in a fixed order: log rows name removed fields by index into it. */
  readonly paths: readonly string[]
  readonly classOf: ReadonlyMap<string, string>
  /** Set on the event whose counts feed the person-free totals. */
  readonly order: boolean
}

/** An immutable policy: what decide() reads. Made by compile(), identified by the hash of its canonical form. */
export interface CompiledPolicy {
  /** Number that the database gave to this text; 0 before it is registered. */
  readonly version: number
  /** xxh3 fingerprint of the canonical form: tells versions apart, proves nothing. */
  readonly fingerprint: string
  readonly name: string
  readonly basisOf: Readonly<Record<Purpose, Basis>>
  /** Purposes whose basis is consent. */
  readonly needsConsent: PurposeMask
  /** Purposes that Sec-GPC: 1 refuses. */
  readonly gpc: PurposeMask
  /** Consent category names of Segment and RudderStack clients → purpose. */
  readonly categories: ReadonlyMap<string, Purpose>
  readonly classes: ReadonlyMap<string, FieldClass>
  readonly destinations: readonly Destination[]
  /** Keyed by event key: `track:Order Completed`, `identify`, `page`… */
  readonly events: ReadonlyMap<string, EventRule>
  readonly eventList: readonly EventRule[]
}

/** What the ledger and the request say about one event, reduced to masks. Pure input of decide(). */
export interface ConsentView {
  /** Granted by the device that sent it or by the confirmed user. */
  readonly granted: PurposeMask
  /** Refused or withdrawn anywhere in the cluster. */
  readonly refused: PurposeMask
  /** Refused by what came with the request: claims, Sec-GPC. */
  readonly narrowed: PurposeMask
}

export type RefusalReason =
  | 'unknown-event'
  | 'no-route'
  | 'no-consent'
  | 'refused-by-person'
  | 'refused-by-signal'
  | 'expired'

export interface RouteVerdict {
  readonly route: Route
  readonly permitted: boolean
  readonly reason?: RefusalReason
}

/** The pure outcome for (event, consent, signals, policy). Refusal is a value. */
export interface Decision {
  readonly rule: EventRule | undefined
  readonly verdicts: readonly RouteVerdict[]
  /** Bits of the permitted routes; 0 means refused. */
  readonly permitted: number
  /** Why nothing was permitted: the first clause that would have to change. Absent when something was. */
  readonly reason?: RefusalReason
}

/** What is left of an event's fields after a decision. */
export interface Projection {
  /** Fields that at least one permitted route may receive, by class; `unclassified` holds the unknown ones. */
  readonly byClass: Map<string, JsonObject>
  /** Indices into EventRule.paths of the fields that were present and removed. */
  readonly removed: readonly number[]
  /** Unknown properties: sealed as `unclassified`, forwarded to nobody, counted. */
  readonly unclassified: number
}
