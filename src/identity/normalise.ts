export { hasEntropy } from './entropy.ts'

export type IdentifierType = 'user_id' | 'anonymous_id'

/** Version of the rules below. It goes into the blind index: new rules never silently split or join people. */
export const NORMALISATION_VERSION = 1

const MAX_LENGTH = 255

export type Normalised =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly reason: 'not-a-string' | 'empty' | 'too-long' | 'unsafe-characters' }

/**
 * The form under which an identifier is indexed. Ids of a shop are exact: no trimming, no case folding, since
 * "A1" and "a1" may be two customers. Refused: empty, over 255 UTF-16 units, NUL (Postgres cannot hold it) and
 * lone surrogates (UTF-8 would replace them, and two people become one).
 */
export function normalise(_type: IdentifierType, value: unknown): Normalised {
  if (typeof value !== 'string') return { ok: false, reason: 'not-a-string' }
  if (value.length === 0) return { ok: false, reason: 'empty' }
  if (value.length > MAX_LENGTH) return { ok: false, reason: 'too-long' }
  if (value.includes('\0') || !value.isWellFormed()) return { ok: false, reason: 'unsafe-characters' }
  return { ok: true, value }
}
