import { type KeyObject, timingSafeEqual } from 'node:crypto'
import type { EventKey, IndexKey } from '../event/ids.ts'
import { hmacSha256 } from '../protect/hmac.ts'
import { lpConcat, u16, u32 } from '../protect/layouts.ts'
import { type IdentifierType, NORMALISATION_VERSION } from './normalise.ts'

/**
 * What an identifier is found by: HMAC-SHA-256(index key, LP(column) ‖ LP(normalisation version u16BE) ‖ LP(value)),
 * its first 16 bytes. 128 bits keep 10^9 identifiers apart (chance of a collision 1.5e-21).
 */
export function blindIndex(
  key: KeyObject,
  type: IdentifierType,
  normalised: string,
  version: number = NORMALISATION_VERSION[type],
): IndexKey {
  return hmacSha256(key, lpConcat(type, u16(version), normalised)).subarray(0, 16) as Uint8Array as IndexKey
}

export interface EventKeys {
  /** What stands for the message id at rest. */
  readonly key: EventKey
  /**
   * 16 more bytes of the same HMAC, never stored: a one-time pad for what the log row holds about this event and only
   * somebody who knows the message id may read again.
   */
  readonly pad: Buffer
}

/** HMAC-SHA-256(dedupe key, LP("gw/v1/evt") ‖ LP(source u32BE) ‖ LP(messageId)): first half key, second half pad. */
export function eventKey(key: KeyObject, sourceId: number, messageId: string): EventKeys {
  const full = hmacSha256(key, lpConcat('gw/v1/evt', u32(sourceId), messageId))
  return { key: full.subarray(0, 16) as Uint8Array as EventKey, pad: full.subarray(16) }
}

/**
 * What an order is counted once by: HMAC-SHA-256(dedupe key, LP("gw/v1/ord") ‖ LP(shop) ‖ LP(orderId))[:16] where a
 * server tells of it, "gw/v1/orb" where a browser does: with a public key nobody can take the key of a real order.
 */
export function orderKey(
  key: KeyObject,
  by: { readonly kind: 'browser' | 'server'; readonly shop: string },
  orderId: string,
): Buffer {
  return hmacSha256(key, lpConcat(by.kind === 'server' ? 'gw/v1/ord' : 'gw/v1/orb', by.shop, orderId)).subarray(0, 16)
}

/** Keyed hash of a device's secret, bound to its anonymous id; 32 bytes. Only this is kept. */
export function secretHash(key: KeyObject, anonymousId: string, secret: string): Buffer {
  return hmacSha256(key, lpConcat('gw/v1/sec', anonymousId, secret))
}

/** Whether `secret` is the one that `stored` was made from, in constant time. */
export function secretMatches(key: KeyObject, anonymousId: string, secret: string, stored: Uint8Array): boolean {
  const presented = secretHash(key, anonymousId, secret)
  return stored.length === presented.length && timingSafeEqual(presented, stored)
}
