import type { KeyVersions } from '../keys/keyring.ts'
import { DEFAULT_RULES, type IdentifierType, type Rule, type Rules } from './normalise.ts'

/** Under what an identifier is indexed: a root of the index keys, and a version of the rules for its type. */
export interface IndexVersion {
  /** Number of the index root, as in weir.key. */
  readonly kid: number
  readonly key: KeyVersions['active']['key']
  readonly rule: Rule
}

/** What a keyring has of it. */
export interface IndexKeys {
  readonly index: KeyVersions
}

type ByType = ReadonlyMap<IdentifierType, readonly IndexVersion[]>
const known = new WeakMap<KeyVersions, WeakMap<Rules, ByType>>()

/**
 * Every version that an identifier of this type may be found under, oldest first, by root and then by rules. One
 * nearly always; several while a new root or new rules replace old ones. New identifiers are written under all of
 * them in this order: two nodes that know different ones meet at the oldest that both know.
 */
export function indexVersions(
  { index }: IndexKeys,
  type: IdentifierType,
  rules: Rules = DEFAULT_RULES,
): readonly IndexVersion[] {
  const byRules = kept(known, index, () => new WeakMap<Rules, ByType>())
  return kept(byRules, rules, () => allVersions(index, rules)).get(type) ?? []
}

function kept<K extends WeakKey, V>(map: WeakMap<K, V>, key: K, make: () => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

function allVersions(index: KeyVersions, rules: Rules): ByType {
  const roots = index.readable.toSorted((a, b) => a.kid - b.kid)
  return new Map(
    Object.entries(rules).map(([type, ofType]) => {
      const ascending = ofType.toSorted((a, b) => a.version - b.version)
      return [type as IdentifierType, roots.flatMap((root) => ascending.map((rule) => ({ ...root, rule })))]
    }),
  )
}
