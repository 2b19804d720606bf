import type { KeyObject } from 'node:crypto'
import { expandKey } from '../protect/expand.ts'
import { lpConcat } from '../protect/layouts.ts'

/** The keys of officers, each for one use, all expanded from the keyring's token key. */
export interface OfficerKeys {
  /** Finds an account by its e-mail address. */
  readonly index: KeyObject
  /** Seals e-mail addresses and TOTP seeds. */
  readonly seal: KeyObject
  /** Goes into every password before argon2, so that a copy of the database alone cannot be guessed at. */
  readonly pepper: (derivation: number) => KeyObject
  readonly csrf: KeyObject
  readonly recovery: KeyObject
  readonly throttle: KeyObject
}

/** Which derivation of the pepper new password hashes take; stands beside each hash. */
export const PEPPER = 1

const known = new WeakMap<KeyObject, OfficerKeys>()

/** HKDF-Expand(token key, LP("gw/v1/officer") ‖ LP(use)); made once for a token key. */
export function officerKeys(tokenKey: KeyObject): OfficerKeys {
  const found = known.get(tokenKey)
  if (found !== undefined) return found
  const of = (use: string): KeyObject => expandKey(tokenKey, lpConcat('gw/v1/officer', use))
  const made = {
    index: of('index'),
    seal: of('seal'),
    pepper: (derivation: number) => of(`pepper/${derivation}`),
    csrf: of('csrf'),
    recovery: of('recovery'),
    throttle: of('throttle'),
  }
  known.set(tokenKey, made)
  return made
}
