import { createCipheriv, createDecipheriv, type KeyObject, randomFillSync } from 'node:crypto'

export const NONCE_LENGTH = 12
export const TAG_LENGTH = 16

const POOLED_NONCES = 512
const pool = Buffer.alloc(NONCE_LENGTH * POOLED_NONCES)
let next = pool.length

/**
 * Writes 12 fresh random bytes into `out` at `offset`. One call to the system's generator serves 512 nonces:
 * randomBytes(12) per seal costs about as much as the encryption of a short field.
 */
export function writeNonce(out: Buffer, offset: number): void {
  if (next === pool.length) {
    randomFillSync(pool)
    next = 0
  }
  pool.copy(out, offset, next, next + NONCE_LENGTH)
  next += NONCE_LENGTH
}

/** AES-256-GCM (SP 800-38D, 96-bit nonce): writes ciphertext then tag into `out` at `offset`. */
export function encryptInto(
  out: Buffer,
  offset: number,
  from: {
    readonly key: KeyObject
    readonly nonce: Uint8Array
    readonly aad: Uint8Array
    readonly plaintext: Uint8Array
  },
): void {
  const cipher = createCipheriv('aes-256-gcm', from.key, from.nonce, { authTagLength: TAG_LENGTH })
  cipher.setAAD(from.aad)
  out.set(cipher.update(from.plaintext), offset)
  cipher.final() // GCM is a stream: nothing is left to write
  out.set(cipher.getAuthTag(), offset + from.plaintext.length)
}

/** The plaintext of `sealed` (ciphertext, then 16 bytes of tag), or undefined where the tag does not match. */
export function decrypt(from: {
  readonly key: KeyObject
  readonly nonce: Uint8Array
  readonly aad: Uint8Array
  readonly sealed: Uint8Array
}): Buffer | undefined {
  const end = from.sealed.length - TAG_LENGTH
  if (end < 0) return undefined
  // Without authTagLength Node accepts tags of 4 bytes, which can be forged in 2^32 tries.
  const decipher = createDecipheriv('aes-256-gcm', from.key, from.nonce, { authTagLength: TAG_LENGTH })
  decipher.setAAD(from.aad)
  decipher.setAuthTag(from.sealed.subarray(end))
  const plaintext = decipher.update(from.sealed.subarray(0, end))
  try {
    decipher.final()
  } catch {
    plaintext.fill(0)
    return undefined
  }
  return plaintext
}
