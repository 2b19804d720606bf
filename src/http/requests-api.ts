import type { JsonObject, Source } from '../event/event.ts'
import type { Purpose } from '../event/purpose.ts'

/** What a person, or somebody for them, asks. */
export interface RequestInput {
  readonly right: 'access' | 'portability' | 'correction' | 'erasure' | 'restriction' | 'objection'
  readonly identifier: { readonly type: 'user_id' | 'anonymous_id' | 'email' | 'phone'; readonly value: string }
  /** Absent: from the privacy centre. */
  readonly source?: Source
  readonly subjectToken?: string
  readonly anonymousSecret?: string
  readonly language: 'zh-CN' | 'en'
  readonly regime?: 'PIPL' | 'GDPR' | 'UK-GDPR' | 'CCPA' | 'LGPD'
  readonly changes?: readonly RequestedChange[]
  readonly purposes?: readonly Purpose[]
  readonly verifyBy?: 'mail-link' | 'mail-code' | 'sms-code'
  /** A signed mandate. */
  readonly agent?: string
  /** What only the browser knows that asks. */
  readonly browser?: string
  readonly addressPrefix: string
}

export interface RequestedChange {
  readonly event: string
  readonly path: string
  readonly from?: string | number | boolean
  readonly to: string | number | boolean
}

/** People's requests, as people see them. Every answer is in the words of the request's language. */
export interface RequestsApi {
  /** Says the same whether anybody is found. Throws AppError. */
  create(input: RequestInput): Promise<{ requestId: string; secret: string }>
  /** Audited inside where it shows something of a person. Throws AppError not-found `request-unknown`. */
  status(input: { id: string; secret: string | undefined }): Promise<JsonObject>
  /** The status, and a new `secret` where the request passed to whoever opened the link. */
  verify(input: {
    id: string
    secret?: string
    shown: { code: string } | { token: string }
    browser?: string
    addressPrefix: string
  }): Promise<JsonObject>
  cancel(input: { id: string; by: { secret: string | undefined } | { token: string } }): Promise<JsonObject>
  resend(input: {
    id: string
    secret: string | undefined
    verifyBy?: 'mail-link' | 'mail-code' | 'sms-code'
  }): Promise<JsonObject>
  /** What a shop has on file of its user; null takes it off. */
  setContacts(input: {
    source: Source
    userId: string
    email?: string | null
    phone?: string | null
  }): Promise<JsonObject>
}
