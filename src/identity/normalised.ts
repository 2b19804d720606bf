/** Why a value cannot be an identifier of its type. */
export type Refusal =
  | 'not-a-string'
  | 'empty'
  | 'too-long'
  | 'unsafe-characters'
  | 'invisible-characters'
  | 'no-at-sign'
  | 'bad-local-part'
  | 'bad-domain'
  | 'no-region'
  | 'has-extension'
  | 'impossible-number'
  | 'invalid-number'

export type Normalised =
  | {
      readonly ok: true
      /** What is indexed. */
      readonly value: string
      /** What is kept, sealed: enough to compute the index again under later rules, and what the person gets to see. */
      readonly kept: string
    }
  | { readonly ok: false; readonly reason: Refusal }

/** What every type refuses before it looks closer; `max` in UTF-16 units. */
export function characters(value: unknown, max: number): Refusal | undefined {
  if (typeof value !== 'string') return 'not-a-string'
  if (value.length === 0) return 'empty'
  if (value.length > max) return 'too-long'
  if (value.includes('\0') || !value.isWellFormed()) return 'unsafe-characters'
  return undefined
}
