import type { JsonObject } from '../event/event.ts'
import type { By } from './audit-api.ts'

/** What narrows the officers' list of requests. */
export interface RequestFilter {
  readonly right?: string
  /** A state, or `open` or `closed` for all of those. */
  readonly state?: string
  readonly regime?: string
  /** Only what is open and past its end. */
  readonly overdue?: boolean
  readonly needsOfficer?: boolean
  /** Number of the last one of the page before. */
  readonly cursor?: string
  readonly limit: number
}

interface Act {
  readonly by: By
  readonly id: string
}

/**
 * The officers' queue of people's requests. No answer but that of `open` holds a value of a person. Every look and every
 * act is in the audit log before it resolves; AppError 503 `audit-behind` where the log does not take entries.
 */
export interface RequestQueueApi {
  list(input: RequestFilter & { readonly by: By }): Promise<JsonObject>
  /** Throws AppError not-found, as everything below. */
  show(input: Act): Promise<JsonObject>
  /** What the person, and an officer to the person, wrote. Null for what was not said, or is forgotten. */
  open(input: Act & { readonly caseId: string }): Promise<JsonObject>
  /** Throws AppError conflict `nothing-to-decide`, `request-state`. */
  accept(input: Act): Promise<JsonObject>
  /** Throws AppError conflict `request-state`, invalid `reason-not-there`: no such reason for this right under this law. */
  refuse(input: Act & { readonly reason: string; readonly words?: string }): Promise<JsonObject>
  /**
   * `until`, milliseconds since 1970: the latest that the law allows where it is left out. Throws AppError conflict
   * `not-extensible`, `extended-already`, `deadline-over`, `request-state`, invalid `extension-too-long`.
   */
  extend(input: Act & { readonly reason: string; readonly until?: number }): Promise<JsonObject>
  /** Throws AppError conflict `acknowledged-already`, `request-state`. */
  acknowledge(input: Act): Promise<JsonObject>
  /** The clocks of a request that nobody made: shows nobody, changes nothing. */
  whatIf(input: { readonly receivedAt: number; readonly right: string }): JsonObject
}
