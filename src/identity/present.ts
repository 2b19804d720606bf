import type { IndexKey } from '../event/ids.ts'
import type { Keyring } from '../keys/keyring.ts'
import { blindIndex } from './blind-index.ts'
import { type IdentifierType, normalise } from './normalise.ts'

/** An identifier as presented, normalised, with its blind index. Lives in memory only. */
export interface Presented {
  readonly type: IdentifierType
  readonly value: string
  readonly key: IndexKey
}

/** Undefined for none, and for one that cannot be an identifier: it then stands for nobody. */
export function present(
  keyring: Pick<Keyring, 'indexKey'>,
  type: IdentifierType,
  value: string | undefined,
): Presented | undefined {
  if (value === undefined) return undefined
  const normalised = normalise(type, value)
  if (!normalised.ok) return undefined
  return { type, value: normalised.value, key: blindIndex(keyring.indexKey, type, normalised.value) }
}
