import { createHmac, hash, type KeyObject, timingSafeEqual } from 'node:crypto'
import { expandKey } from '../protect/expand.ts'
import { lpConcat } from '../protect/layouts.ts'

/** Keys of those who ask, each for one use, all expanded from the keyring's token key. */
export interface AskingKeys {
  /** Makes codes and links from the number of what was sent: neither lies anywhere. */
  readonly made: KeyObject
  /** Of codes, links and browser nonces as they are kept. */
  readonly kept: KeyObject
  /** Of the link that takes a request back. */
  readonly cancel: KeyObject
  /** Of the link to the receipt of an erasure. */
  readonly receipt: KeyObject
  readonly throttle: KeyObject
}

const known = new WeakMap<KeyObject, AskingKeys>()

/** HKDF-Expand(token key, LP("gw/v1/request") ‖ LP(use)); made once for a token key. */
export function askingKeys(tokenKey: KeyObject): AskingKeys {
  const found = known.get(tokenKey)
  if (found !== undefined) return found
  const of = (use: string): KeyObject => expandKey(tokenKey, lpConcat('gw/v1/request', use))
  const keys = {
    made: of('made'),
    kept: of('kept'),
    cancel: of('cancel'),
    receipt: of('receipt'),
    throttle: of('throttle'),
  }
  known.set(tokenKey, keys)
  return keys
}

/** HMAC-SHA-256(key, LP of each part). */
export function keyed(key: KeyObject, ...parts: readonly string[]): Buffer {
  return createHmac('sha256', key)
    .update(lpConcat(...parts))
    .digest()
}

/** SHA-256 of a secret of 256 random bits: a slow hash would add nothing. */
export function hashOfSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

/** In constant time. */
export function same(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

/** What stands in the link that takes a request back: the same each time, so that a mail sent twice says one thing. */
export function cancelToken({ cancel }: AskingKeys, request: string): string {
  return keyed(cancel, 'cancel', request).toString('base64url')
}

/** What stands in the link of the mail after an erasure: it shows the receipt, and takes nothing else. */
export function receiptToken({ receipt }: AskingKeys, request: string): string {
  return keyed(receipt, 'receipt', request).toString('base64url')
}
