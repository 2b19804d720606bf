import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { JsonObject } from '../event/event.ts'

export interface AskedIdentifier {
  readonly type: 'user_id' | 'anonymous_id' | 'email' | 'phone'
  readonly value: string
}

interface AskedBase {
  readonly caseId: string
  readonly reason: string
  readonly minutes: number
}

interface AskedLook extends AskedBase {
  readonly purpose: string
  readonly reads: number
  readonly emergency: boolean
}

/** What an officer asks for. The identifier and the pseudonym live in memory only. */
export type Asked =
  | (AskedLook & {
      readonly kind: 'fields'
      readonly identifier: AskedIdentifier
      /** Field classes, and paths such as `traits.email`. */
      readonly fields: readonly string[]
    })
  | (AskedLook & {
      readonly kind: 'reidentify'
      readonly destination: string
      readonly pseudonym: string
      readonly types: readonly AskedIdentifier['type'][]
    })
  | (AskedLook & {
      readonly kind: 'translate'
      readonly destination: string
      readonly pseudonym: string
      readonly to: string
    })
  | (AskedBase & { readonly kind: 'retention-fuse'; readonly plan: string })

export interface DisclosureList {
  readonly kind?: string
  readonly caseId?: string
  /** An officer's id. */
  readonly askedBy?: string
  /** Only those that wait for another officer. */
  readonly waiting?: 'decision' | 'review'
  readonly cursor?: string
  readonly limit: number
}

/** What an approval is proved with; undefined where nothing was shown, which is refused and entered too. */
export type ShownFactor = { readonly assertion: AuthenticationResponseJSON } | { readonly totp: string } | undefined

interface OfOfficer {
  /** Whose session it is. */
  readonly officer: string
}

interface OfRequest extends OfOfficer {
  readonly id: string
}

/**
 * Break-glass. Every act and every refusal of one is in the audit log before it resolves; AppError 503 `dpo-unreachable`
 * where the data protection officer could not be told, `audit-behind` where the log does not take entries.
 */
export interface DisclosuresApi {
  /** Throws AppError invalid where the policy has no such class, path or destination; conflict `emergency-open`, `review-overdue`. */
  ask(input: OfOfficer & { readonly asked: Asked }): Promise<JsonObject>
  list(input: OfOfficer & DisclosureList): Promise<JsonObject>
  /** With reason, canonical text, challenge and WebAuthn options. Throws AppError not-found. */
  show(input: OfRequest): Promise<JsonObject>
  /** Throws AppError forbidden `own-request`, `factor-missing`, `factor-wrong`, `authenticator-needed`; conflict where it is decided or over. */
  approve(input: OfRequest & { readonly shown: ShownFactor }): Promise<JsonObject>
  refuse(input: OfRequest): Promise<JsonObject>
  review(input: OfRequest & { readonly outcome: 'justified' | 'not-justified' }): Promise<JsonObject>
  /** Uses one read up. Throws AppError forbidden, conflict; `person-erased` where the person is gone. */
  data(input: OfRequest): Promise<JsonObject>
}
