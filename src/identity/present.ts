import type { IndexKey } from '../event/ids.ts'
import { blindIndex } from './blind-index.ts'
import { type IndexKeys, type IndexVersion, indexVersions } from './index-versions.ts'
import type { IdentifierType, Rules } from './normalise.ts'

/** An identifier as presented, with its blind index under every version that can be read. Lives in memory only. */
export interface Presented {
  readonly type: IdentifierType
  /** As presented: under newer rules it may be indexed in another form. */
  readonly given: string
  /** Normalised by the oldest rules. */
  readonly value: string
  /** What is kept of it, sealed. */
  readonly kept: string
  /** Under the oldest version: names it in memory, and decides between those who write it at once. */
  readonly key: IndexKey
  /** Under every version, oldest first. */
  readonly keys: readonly VersionedKey[]
}

export interface VersionedKey {
  readonly kid: number
  readonly normVersion: number
  readonly key: IndexKey
}

/** Undefined for none, and for one that cannot be an identifier: it then stands for nobody. */
export function present(
  keyring: IndexKeys,
  type: IdentifierType,
  given: string | undefined,
  rules?: Rules,
): Presented | undefined {
  if (given === undefined) return undefined
  let first: { readonly value: string; readonly kept: string } | undefined
  const keys: VersionedKey[] = []
  for (const version of indexVersions(keyring, type, rules)) {
    const indexed = indexUnder(version, type, given)
    if (indexed === undefined) continue
    first ??= indexed
    keys.push(indexed)
  }
  if (first === undefined) return undefined
  return { type, given, value: first.value, kept: first.kept, key: keys[0]!.key, keys }
}

/** The same identifier under the versions that can be read now. */
export function presentAnew(keyring: IndexKeys, presented: Presented | undefined): Presented | undefined {
  return presented === undefined ? undefined : present(keyring, presented.type, presented.given)
}

/** Undefined where the version's rules refuse the value. */
export function indexUnder(
  version: IndexVersion,
  type: IdentifierType,
  given: string,
): (VersionedKey & { readonly value: string; readonly kept: string }) | undefined {
  const normalised = version.rule.normalise(given)
  if (!normalised.ok) return undefined
  const { value, kept } = normalised
  const normVersion = version.rule.version
  return { kid: version.kid, normVersion, key: blindIndex(version.key, type, value, normVersion), value, kept }
}
