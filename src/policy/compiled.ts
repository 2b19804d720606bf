import type { JsonObject } from '../event/event.ts'
import type { Purpose, PurposeMask } from '../event/purpose.ts'

/** A sentence for people, by language. */
export type Means = Readonly<Partial<Record<'zh-CN' | 'en', string>>>

/** Legal basis of a purpose. Only `consent` waits for a grant; legitimate interest does not exist under PIPL. */
export type Basis = 'consent' | 'contract' | 'legal-duty'

/** The laws that a policy says it is under: each one's proofs are then asked of it when it is loaded. */
export const LAWS = ['PIPL', 'GDPR', 'CCPA'] as const
export type Law = (typeof LAWS)[number]

/** What a token stands for; kinds have separate tokens for the same value. */
export const TOKEN_KINDS = ['order', 'cart', 'visit'] as const
export type TokenKind = (typeof TOKEN_KINDS)[number]

/** A place in the policy text; both count from 1. */
export interface Where {
  readonly line: number
  readonly column: number
}

export interface FieldClass {
  readonly name: string
  readonly retainDays: number
  /** Partition step: a blob goes with the partition that its first due row opens; early by at most a step. */
  readonly step: 'day' | 'month'
  /**
   * Statutory floor, in days, met even so: counted from the end of the step. Where it is longer than retainDays, what
   * is between them is kept under restriction: nobody is handed any of it.
   */
  readonly floorDays?: number
  /** The law that the floor comes from. */
  readonly floorBasis?: string
  /** Whom fields of this class may reach at all, whatever a route says. */
  readonly reach: 'anyone' | 'ourselves' | 'nobody'
  /** Sensitive (PIPL 28 to 30): a route that carries it stays shut until there is a separate consent. */
  readonly separateConsent: boolean
}

/** How retention runs, beyond what each class says of itself. */
export interface RetentionRules {
  /** A run that would take more than this share of the rows of a store stops before it begins. */
  readonly fuseShare: number
  /** Fewer rows than this blow no fuse. */
  readonly fuseRows: number
  /** Proof of consent of somebody who is nobody any more is kept so long after its last entry. */
  readonly ledgerDays: number
  /** A device that nobody knows is forgotten after so many idle days. */
  readonly idleDeviceDays: number
}

export interface Destination {
  readonly name: string
  readonly kind: 'module' | 'probe'
  readonly purpose: Purpose
  readonly role: 'self' | 'entrusted' | 'joint' | 'third-party'
  readonly region: string
  /** What times are cut to before the destination sees them. */
  readonly time: 'minute' | 'day'
  /** Days for which a person has one pseudonym there; absent: one as long as the pseudonym root lives. */
  readonly rollingDays?: number
  /** Reference of the impact assessment (PIPL 55), where one is needed. */
  readonly piaRef?: string
  /** Reference of the notice that names this recipient (PIPL 23). */
  readonly recipientNotice?: string
  readonly where: Where
}

/** One (event, destination) pair that the policy opens, with everything that may pass. */
export interface Route {
  readonly destination: Destination
  readonly purpose: Purpose
  /** The one bit (1, 2, 4 …) of the route's destination in a route mask of this policy version. */
  readonly bit: number
  /** Paths such as `properties.products[].product_id`: an allowlist, no wildcard. */
  readonly fields: readonly string[]
  /** Needs a separate consent (PIPL 23, 29, 39). None can be recorded yet, so that such a route never opens. */
  readonly separateConsent: boolean
  readonly where: Where
}

export interface EventRule {
  /** Index in `CompiledPolicy.events`, kept in log rows of this version. */
  readonly index: number
  /** Key in `CompiledPolicy.events`. */
  readonly key: string
  readonly name: string
  readonly routes: readonly Route[]
  /** Every classified path in a fixed order: log rows name removed fields by index into it. */
  readonly paths: readonly string[]
  readonly classOf: ReadonlyMap<string, string>
  /** Paths whose value is an id of the person's (order, cart, visit): a destination gets its own token instead. */
  readonly tokenOf: ReadonlyMap<string, TokenKind>
  /** Set on the event whose counts feed the person-free totals. */
  readonly order: boolean
  readonly where: Where
}

/** How long keys are used and kept, in days. */
export interface KeyTimes {
  /** A new key epoch this often. */
  readonly epochDays: number
  /** How long a backup of the database must be good for, and with it an epoch that has been replaced. */
  readonly backupDays: number
  /** How long a sealed copy of the keys is kept. */
  readonly keyBackupDays: number
  /** How long old pseudonyms and blind indexes stay readable after their root was changed. */
  readonly overlapDays: number
}

/** An immutable policy: what decide() reads. Made by compile(), identified by the hash of its canonical form. */
export interface CompiledPolicy {
  /** Number that the database gave to this text; 0 before it is registered. */
  readonly version: number
  /** xxh3 fingerprint of the canonical form: tells versions apart, proves nothing. */
  readonly fingerprint: string
  readonly name: string
  /** First day (UTC, YYYY-MM-DD) on which it may decide. */
  readonly effective: string
  readonly laws: readonly Law[]
  readonly basisOf: Readonly<Record<Purpose, Basis>>
  /** Purposes whose basis is consent. */
  readonly needsConsent: PurposeMask
  /** Purposes that Sec-GPC: 1 refuses. */
  readonly gpc: PurposeMask
  /** Consent category names of Segment and RudderStack clients, in lower case → purpose. */
  readonly categories: ReadonlyMap<string, Purpose>
  /** The same names as the policy spells them, and the purposes: consent banners compare them letter by letter. */
  readonly categoryNames: readonly string[]
  readonly classes: ReadonlyMap<string, FieldClass>
  readonly destinations: readonly Destination[]
  readonly retention: RetentionRules
  readonly keys: KeyTimes
  /** Share of the people of two modules that may be linked by quasi-identifiers; absent where the text states none. */
  readonly maxLinkable?: number
  /** Keyed by event key: `track:Order Completed`, `identify`, `page`… */
  readonly events: ReadonlyMap<string, EventRule>
  /** Sorted by key, so that an index means the same whatever the order in the text. */
  readonly eventList: readonly EventRule[]
  /** What people are told of each purpose, in the policy's own words; they decide nothing. */
  readonly meansOf: Readonly<Partial<Record<Purpose, Means>>>
  /** Where the text states each purpose and its basis. */
  readonly purposeAt: Readonly<Record<Purpose, Where>>
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
  | 'no-separate-consent'

export interface RouteVerdict {
  readonly route: Route
  readonly permitted: boolean
  /** The first clause that would have to change; absent where permitted. */
  readonly reason?: RefusalReason
  /** Every clause that fails, not just the first. */
  readonly failing: readonly RefusalReason[]
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
