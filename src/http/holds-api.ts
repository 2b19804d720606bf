import type { JsonObject } from '../event/event.ts'
import type { By } from './audit-api.ts'
import type { AskedIdentifier, ShownFactor } from './disclosures-api.ts'

/** A court, an office: letters, figures and a little between them. */
export const AUTHORITY = /^[\p{L}\p{N}][\p{L}\p{N} .,()&/-]{1,99}$/u

/** A hold to place. The identifier lives in memory only. */
export interface HoldAsked {
  readonly identifier: AskedIdentifier
  /** Who ordered it, such as a court: names nobody. */
  readonly authority: string
  /** The number of the authority's own file. */
  readonly reference: string
  /** Field classes of the policy. */
  readonly scope: readonly string[]
  /** Day, YYYY-MM-DD: within a year. */
  readonly expiresOn: string
  readonly caseId: string
}

interface Act {
  readonly by: By
  readonly id: string
}

/**
 * Holds: what an authority orders to be kept. No answer holds a value of a person. Every look and every act is in the
 * audit log before it resolves.
 */
export interface HoldsApi {
  /** Throws AppError not-found `nobody-known`, conflict `erasure-under-way`, invalid `hold-too-long`, `unknown-class`. */
  place(input: HoldAsked & { readonly by: By }): Promise<JsonObject>
  list(input: { readonly by: By; readonly limit: number }): Promise<JsonObject>
  /** With what a second officer signs, where a release waits for one. Throws AppError not-found. */
  show(input: Act): Promise<JsonObject>
  /** Throws AppError not-found, conflict `hold-over`, invalid `hold-too-long`. */
  extend(input: Act & { readonly expiresOn: string; readonly caseId: string }): Promise<JsonObject>
  /** Throws AppError not-found, conflict `hold-over`, `release-asked`. */
  askRelease(input: Act & { readonly caseId: string }): Promise<JsonObject>
  /** Throws AppError not-found, conflict `hold-over`, `release-not-asked`, forbidden `own-request`, `factor-missing`… */
  approveRelease(input: {
    readonly officer: string
    readonly id: string
    readonly shown: ShownFactor
  }): Promise<JsonObject>
  /** Throws AppError not-found, conflict `hold-over`. */
  askExport(input: Act & { readonly caseId: string }): Promise<JsonObject>
  /** Throws AppError not-found, conflict `hold-over`, `export-not-asked`, forbidden `own-request`, `factor-missing`… */
  approveExport(input: {
    readonly officer: string
    readonly id: string
    readonly exportId: string
    readonly shown: ShownFactor
  }): Promise<JsonObject>
}
