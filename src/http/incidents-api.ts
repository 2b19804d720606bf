import type { JsonObject } from '../event/event.ts'
import type { By } from './audit-api.ts'

export interface IncidentScope {
  readonly kind: 'destination' | 'export' | 'key' | 'officer'
  readonly target: string
  /** Milliseconds since 1970. */
  readonly from?: number
  readonly to?: number
}

export interface OpenIncident {
  readonly scope: IncidentScope
  /** When somebody found out, milliseconds since 1970: the clocks run from then. Now where nothing is said. */
  readonly knownAt?: number
  readonly caseId: string
  /** In words: kept sealed. */
  readonly note?: string
  readonly critical?: boolean
  readonly highRisk?: boolean
}

/** What is added to a file. */
export type IncidentAct =
  | { readonly kind: 'counted' }
  | {
      readonly kind: 'told'
      readonly law: 'PIPL' | 'GDPR' | 'CCPA'
      readonly to: 'authority' | 'people'
      /** Milliseconds since 1970; now where nothing is said. */
      readonly at?: number
      readonly note?: string
    }
  | { readonly kind: 'note'; readonly note: string }
  | { readonly kind: 'closed'; readonly note?: string }

export interface NoticeAsked {
  readonly id: string
  readonly law: 'PIPL' | 'GDPR' | 'CCPA'
  readonly to: 'authority' | 'people'
  readonly lang: 'zh-CN' | 'en'
}

/**
 * Files of incidents. Every look and every act is in the audit log before it resolves; AppError 503 `audit-behind` where
 * the log does not take entries.
 */
export interface IncidentsApi {
  list(input: {
    readonly by: By
    readonly state?: 'open' | 'closed'
    readonly cursor?: string
    readonly limit: number
  }): Promise<JsonObject>
  /** Counts, starts the clocks. Throws AppError invalid `incident-scope-unknown`, `incident-time`. */
  open(input: OpenIncident & { readonly by: By }): Promise<JsonObject>
  /** With its notes. Throws AppError not-found. */
  show(input: { readonly by: By; readonly id: string }): Promise<JsonObject>
  /** Throws AppError not-found, invalid `incident-time`, conflict `incident-closed`, `clocks-running`. */
  act(input: { readonly by: By; readonly id: string; readonly act: IncidentAct }): Promise<JsonObject>
  /** A draft as text. Throws AppError not-found, invalid `law-not-in-policy`. */
  notice(input: NoticeAsked & { readonly by: By }): Promise<string>
}
