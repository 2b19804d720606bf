import type { JsonObject, Source } from '../event/event.ts'

/** Who asks: as the audit log names them. */
export interface By {
  readonly kind: string
  readonly id: string
}

export interface AuditQuery {
  readonly cursor?: string
  readonly limit: number
  readonly action?: string
  /** Whose entries; `by` is who asks. */
  readonly actor?: string
  readonly resource?: string
  readonly caseId?: string
  readonly without?: 'intake.decide'
  /** Milliseconds since 1970. */
  readonly from?: number
  readonly to?: number
  readonly by: By
}

export interface PersonQuery {
  readonly identifier: { readonly type: 'user_id' | 'anonymous_id' | 'email' | 'phone'; readonly value: string }
  readonly caseId: string
  readonly cursor?: string
  readonly limit: number
  readonly by: By
}

export interface OwnAccessesQuery {
  readonly source: Source
  readonly userId?: string
  readonly anonymousId?: string
  readonly anonymousSecret?: string
  readonly subjectToken?: string
  readonly cursor?: string
  readonly limit: number
}

/** What is shown of the audit log. Every look is entered in it before it resolves, but for checkpoints: they show nobody. */
export interface AuditApi {
  /** C2SP tlog-proof text. Throws AppError not-found, conflict. */
  proof(input: { readonly index: string; readonly by: By }): Promise<string>
  /** Signed note text. Throws AppError not-found before the first entry. */
  checkpoint(): Promise<string>
  checkpoints(input: { readonly cursor?: string; readonly limit: number }): Promise<JsonObject>
  export(
    input: AuditQuery & { readonly format: 'ndjson' | 'csv' },
  ): Promise<{ readonly text: string; readonly next: string | null }>
  statistics(input: { readonly from?: number; readonly to?: number; readonly by: By }): Promise<JsonObject>
  sample(input: {
    readonly n: number
    readonly seed: string
    readonly from?: bigint
    readonly to?: bigint
    readonly by: By
  }): Promise<JsonObject>
  aboutPerson(input: PersonQuery): Promise<JsonObject>
  /** Throws AppError forbidden where the caller does not prove who asks. */
  ownAccesses(input: OwnAccessesQuery): Promise<JsonObject>
  /** That of the decision about a message. Throws AppError not-found. */
  decisionProof(input: { readonly messageId: string; readonly source?: string; readonly by: By }): Promise<JsonObject>
}
