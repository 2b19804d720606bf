import type { Db } from '../db/pool.ts'
import type { IncomingEvent, JsonObject, Outcome, Source } from '../event/event.ts'
import type { Purpose } from '../event/purpose.ts'
import type { Logger } from '../log.ts'
import type { Officers } from '../officers/officers.ts'
import type { Actor } from '../officers/roles.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { AuditApi, AuditQuery } from './audit-api.ts'
import type { DisclosuresApi } from './disclosures-api.ts'
import type { DoorsApi } from './doors-api.ts'
import type { ExportsApi } from './exports-api.ts'
import type { HoldsApi } from './holds-api.ts'
import type { IncidentsApi } from './incidents-api.ts'
import type { LiftApi } from './lift-api.ts'
import type { PrivacyApi } from './privacy-api.ts'
import type { RequestQueueApi } from './request-queue-api.ts'
import type { RequestsApi } from './requests-api.ts'

/** What the HTTP edge is given. It knows the wire and its callers; what happens behind it are these functions. */
export interface HttpDeps {
  /** Read for sources and tokens only. */
  readonly db: Db
  readonly config: HttpConfig
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The active policy: its categories read consent evidence and answer settings. */
  readonly policy: () => Pick<CompiledPolicy, 'categories' | 'categoryNames'>
  /**
   * Resolves after commit, one result per event in the order given.
   * Throws AppError('overloaded', …, { retryAfter }) when the queue is full.
   */
  submit(request: IntakeRequest): Promise<readonly MessageResult[]>
  /** Resolves only after commit. Throws AppError forbidden where the caller does not prove whose choice it is. */
  recordConsent(input: ConsentInput): Promise<ConsentAnswer>
  /** Audited inside, before it resolves. */
  readConsent(input: ConsentQuery): Promise<ConsentAnswer>
  recommend(input: RecommendInput): Promise<JsonObject>
  /** Audited inside. Throws AppError not-found. */
  explainDecision(input: { messageId: string; source?: string; actor: Actor }): Promise<JsonObject>
  /** Days are inclusive, YYYY-MM-DD, UTC. */
  readTotals(input: { from: string; to: string; actor: Actor }): Promise<JsonObject>
  addTotals(input: TotalsInput): Promise<JsonObject>
  /** Audited inside, before it resolves. Throws AppError invalid where the days do not fit, not-found without the module. */
  readCredit(input: CreditInput): Promise<JsonObject>
  addCosts(input: CostsInput): Promise<JsonObject>
  auditEntries(input: AuditQuery): Promise<JsonObject>
  readonly audit: AuditApi
  keyHorizon(): Promise<KeyHorizon>
  /** Accounts, sessions, second factors, machines' keys. */
  readonly officers: Officers
  /** Break-glass. */
  readonly disclosures: DisclosuresApi
  readonly incidents: IncidentsApi
  /** People's own requests. */
  readonly requests: RequestsApi
  /** What people download. */
  readonly exports: ExportsApi
  /** Officers' work on people's requests. */
  readonly requestQueue: RequestQueueApi
  /** What authorities order to be kept. */
  readonly holds: HoldsApi
  /** The end of restrictions. */
  readonly lift: LiftApi
  /** For other systems: controllers, shop platforms, recipients. */
  readonly rightsDoors: DoorsApi
  /** The pages below /privacy. */
  readonly privacy: PrivacyApi
  /** Somebody known who asked for what they may not: entered in the audit log before it resolves. */
  recordRefusal(input: { actor: Actor; action: string; route: string }): Promise<void>
  readonly health: { ready(): Promise<Readiness> }
  /** Prometheus text exposition format. */
  metrics(): Promise<string>
  /** Messages that the edge itself found invalid and never submitted: for weir_events_total{outcome="invalid"}. */
  countInvalid?(source: Source, count: number): void
  readonly log: Logger
}

export interface HttpConfig {
  readonly publicUrl: string
  /** Hops in front of us, or the addresses and CIDR ranges of the proxies; false: X-Forwarded-For is not read. */
  readonly trustProxy: number | readonly string[] | false
  readonly mode: 'development' | 'production'
  /** Events per second and burst: for browser keys per key and address prefix, for server keys per key. */
  readonly rateLimits?: { readonly browser?: Rate; readonly server?: Rate }
}

export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

export interface IntakeRequest {
  readonly source: Source
  readonly receivedAt: number
  /** The caller's network, already truncated: `203.0.113.0/24`, `2001:db8:1::/48`, or `unknown`. */
  readonly addressPrefix: string
  readonly subjectToken?: string
  readonly events: readonly IncomingEvent[]
}

export interface MessageResult {
  readonly messageId: string
  readonly outcome: Outcome
  /** A stable code, shown to server keys (and for `invalid` to all); never a value. */
  readonly reason?: string
  /** Only for test sources: the decision, the removed fields and the reasons. */
  readonly detail?: JsonObject
}

export interface ConsentInput {
  readonly source: Source
  readonly userId?: string
  readonly anonymousId?: string
  readonly anonymousSecret?: string
  readonly subjectToken?: string
  readonly choices: Partial<Record<Purpose, boolean>>
  /** When the choice was made, by the caller's word, milliseconds since 1970; never after now. */
  readonly at?: number
  readonly noticeToken?: string
  readonly addressPrefix: string
  readonly gpc: boolean
}

export type ConsentQuery = Pick<
  ConsentInput,
  'source' | 'userId' | 'anonymousId' | 'anonymousSecret' | 'subjectToken' | 'addressPrefix'
>

export interface ConsentAnswer {
  readonly choices: Partial<Record<Purpose, boolean>>
  readonly consentEpoch: number
  readonly recordId: string
}

export interface RecommendInput {
  readonly source: Source
  readonly placement: string
  readonly productId?: string
  readonly n: number
  readonly userId?: string
  readonly anonymousId?: string
  readonly anonymousSecret?: string
  readonly subjectToken?: string
  readonly addressPrefix: string
  readonly gpc: boolean
}

/** A person-free sum that an ERP counted itself. */
export interface TotalsRow {
  readonly day: string
  readonly shop: string
  readonly currency: string
  readonly productId: string
  readonly orders: number
  readonly units: number
  /** Decimal text, at most four places: never a float. */
  readonly value: string
  readonly newCustomers?: number
}

export interface TotalsInput {
  /** Names the delivery: the same batchId again changes nothing. */
  readonly batchId: string
  readonly rows: readonly TotalsRow[]
  readonly actor: Actor
}

export interface CreditInput {
  readonly model: 'first' | 'last' | 'linear' | 'position'
  readonly by: 'channel' | 'source' | 'campaign'
  /** Days, inclusive, YYYY-MM-DD, UTC. */
  readonly from?: string
  readonly to?: string
  readonly currency?: string
  readonly actor: Actor
}

/** What marketing cost on a day; '' for no source or campaign. */
export interface CostsRow {
  readonly day: string
  readonly channel: string
  readonly source: string
  readonly campaign: string
  readonly currency: string
  /** Decimal text, at most four places: never a float. */
  readonly cost: string
}

export interface CostsInput {
  /** Names the delivery: the same batchId again changes nothing. */
  readonly batchId: string
  readonly rows: readonly CostsRow[]
  readonly actor: Actor
}

export interface KeyHorizon {
  /** ISO 8601 */
  readonly unrecoverableAfter: string
  readonly erasedBefore: string | null
  readonly epochs: readonly {
    readonly kid: number
    readonly erasedBefore: string | null
    readonly unrecoverableAfter: string
  }[]
}

export interface Readiness {
  readonly ok: boolean
  /** `ok`, or what is wrong, in words for an operator. */
  readonly checks: Readonly<Record<string, string>>
}
