import { hash, type KeyObject } from 'node:crypto'

const BLOCK = 64
const DIGEST = 32

/** The key xor-ed with the two constants of RFC 2104, each a block long; the outer one with room for the inner hash. */
interface Pads {
  readonly inner: Buffer
  readonly outer: Buffer
}

const padsOf = new WeakMap<KeyObject, Pads>()

/**
 * HMAC-SHA-256 (RFC 2104, FIPS 198-1), 32 bytes, by two one-shot hashes: for short messages less than half the price of
 * createHmac, whose object the garbage collector has to find again; intake asks for two of each event. The pads live as
 * long as the KeyObject does.
 */
export function hmacSha256(key: KeyObject, message: Uint8Array): Buffer {
  const pads = padsOf.get(key) ?? makePads(key)
  const first = Buffer.allocUnsafe(BLOCK + message.length)
  first.set(pads.inner)
  first.set(message, BLOCK)
  pads.outer.set(sha256(first), BLOCK)
  return sha256(pads.outer)
}

/** By way of a text: half the price of asking for a buffer, which is made outside the pool. */
function sha256(input: Uint8Array): Buffer {
  return Buffer.from(hash('sha256', input, 'binary'), 'latin1')
}

function makePads(key: KeyObject): Pads {
  const secret = key.export()
  const block = secret.length > BLOCK ? sha256(secret) : secret
  const inner = Buffer.alloc(BLOCK, 0x36)
  const outer = Buffer.alloc(BLOCK + DIGEST, 0x5c)
  for (const [i, byte] of block.entries()) {
    inner[i]! ^= byte
    outer[i]! ^= byte
  }
  secret.fill(0)
  block.fill(0)
  const pads = { inner, outer }
  padsOf.set(key, pads)
  return pads
}
