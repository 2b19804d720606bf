import { bitOf, type Purpose, type PurposeMask } from '../../event/purpose.ts'

/** Consent categories that a client names, before the policy says what they stand for. */
export interface NamedCategories {
  readonly granted: readonly string[]
  readonly refused: readonly string[]
}

/** A client's evidence: nothing there, not readable, or categories by name. */
export type Evidence = 'absent' | 'unreadable' | NamedCategories

/** What categories come to under a policy. */
export interface MappedCategories {
  readonly granted: PurposeMask
  readonly refused: PurposeMask
  /** Names that the policy does not know. */
  readonly unknown: number
  /** Something is refused, but not one of the names is known: what is refused can only be guessed. */
  readonly unreadable: boolean
}

export const MAX_CATEGORIES = 64
const MAX_NAME = 128

export function isCategoryName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME
}

/**
 * Maps names to purposes, without regard to case. Unknown names are ignored and counted: the ledger decides, and a
 * banner may well ask about things that the policy has no purpose for. But where something is refused under names of
 * which not one is known, the policy lacks the mapping and the refusal must not be lost: that claim is unreadable.
 * A purpose both granted and refused is refused.
 */
export function mapCategories(categories: ReadonlyMap<string, Purpose>, named: NamedCategories): MappedCategories {
  let unknown = 0
  const mask = (names: readonly string[]): PurposeMask => {
    let bits = 0
    for (const name of names) {
      const purpose = categories.get(name.toLowerCase())
      if (purpose === undefined) unknown++
      else bits |= bitOf(purpose)
    }
    return bits
  }
  const refused = mask(named.refused)
  const granted = mask(named.granted) & ~refused
  const noneKnown = unknown === named.granted.length + named.refused.length
  return { granted, refused, unknown, unreadable: named.refused.length > 0 && noneKnown }
}
