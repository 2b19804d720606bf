import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'

const FIRST_BLOCK = Uint8Array.of(1)

/**
 * HKDF-Expand (RFC 5869 §2.3) with SHA-512 to 32 bytes, which is one HMAC: three times as fast as hkdfSync.
 * `key` is uniformly random already, so the extract step is left out (§3.3).
 */
export function expandKey(key: KeyObject, info: Uint8Array): KeyObject {
  const block = createHmac('sha512', key).update(info).update(FIRST_BLOCK).digest()
  const derived = createSecretKey(block.subarray(0, 32))
  block.fill(0)
  return derived
}
