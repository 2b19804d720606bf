import type { JsonObject } from '../event/event.ts'
import type { By } from './audit-api.ts'

/** How the person is told before a restriction ends (GDPR art. 18(3)). */
export const TOLD = ['message', 'otherwise'] as const

/** The end of a restriction that a request asked for. Every act is in the audit log before it resolves. */
export interface LiftApi {
  /** The person's own word: at once. Throws AppError not-found `request-unknown`, conflict `nothing-to-lift`. */
  own(input: { readonly id: string; readonly secret: string | undefined }): Promise<JsonObject>
  /**
   * An officer's: `message`: the person is written to, and it ends once that was sent; `otherwise`: the officer says that
   * the person was told, and it ends at once. Throws AppError not-found, conflict `nothing-to-lift`, `nobody-to-tell`.
   */
  byOfficer(input: { readonly by: By; readonly id: string; readonly told: (typeof TOLD)[number] }): Promise<JsonObject>
}
