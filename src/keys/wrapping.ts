import type { KeyObject } from 'node:crypto'
import { decrypt, encryptInto, NONCE_LENGTH, TAG_LENGTH, writeNonce } from '../protect/aes-gcm.ts'
import { lpAfter } from '../protect/layouts.ts'
import { ProtectError } from '../protect/protect-error.ts'
import type { WrapContext } from './provider.ts'

/**
 * Key wrapped by a root, v1, 34 bytes beside the key:
 *
 *     0 version 0xE1 · 1 suite 0x01 AES-256-GCM · 2 kid of the root u32BE · 6 nonce, 12 · 18 ciphertext · last 16 tag
 *     AAD = bytes 0…5 ‖ LP("gw/v1/kek") ‖ LP(name) ‖ LP(value) of each context entry, names ascending
 */
const VERSION = 0xe1
const SUITE_AES_256_GCM = 0x01
const HEADER_LENGTH = 6
const CIPHERTEXT_AT = HEADER_LENGTH + NONCE_LENGTH

/** Wraps key material under the root `key` number `kid`, bound to `context`. */
export function wrapUnderRoot(key: KeyObject, kid: number, context: WrapContext, plaintext: Uint8Array): Buffer {
  const out = Buffer.alloc(CIPHERTEXT_AT + plaintext.length + TAG_LENGTH)
  out[0] = VERSION
  out[1] = SUITE_AES_256_GCM
  out.writeUInt32BE(kid, 2)
  writeNonce(out, HEADER_LENGTH)
  const nonce = out.subarray(HEADER_LENGTH, CIPHERTEXT_AT)
  encryptInto(out, CIPHERTEXT_AT, { key, nonce, aad: aadOf(out, context), plaintext })
  return out
}

/** What was wrapped. Throws ProtectError `short`, `version`, `suite` or `authentication`. */
export function unwrapUnderRoot(key: KeyObject, context: WrapContext, wrapped: Uint8Array): Buffer {
  checkShape(wrapped)
  const plaintext = decrypt({
    key,
    nonce: wrapped.subarray(HEADER_LENGTH, CIPHERTEXT_AT),
    aad: aadOf(wrapped, context),
    sealed: wrapped.subarray(CIPHERTEXT_AT),
  })
  if (plaintext === undefined) throw new ProtectError('authentication', 'wrapped key')
  return plaintext
}

/** Number of the root that wrapped it, not yet authenticated. Throws ProtectError. */
export function readRootKid(wrapped: Uint8Array): number {
  checkShape(wrapped)
  return new DataView(wrapped.buffer, wrapped.byteOffset, wrapped.byteLength).getUint32(2)
}

function checkShape(wrapped: Uint8Array): void {
  if (wrapped.length < CIPHERTEXT_AT + TAG_LENGTH) throw new ProtectError('short', 'wrapped key')
  if (wrapped[0] !== VERSION) throw new ProtectError('version', 'wrapped key')
  if (wrapped[1] !== SUITE_AES_256_GCM) throw new ProtectError('suite', 'wrapped key')
}

function aadOf(wrapped: Uint8Array, context: WrapContext): Uint8Array {
  const entries = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))
  return lpAfter(wrapped.subarray(0, HEADER_LENGTH), ['gw/v1/kek', ...entries.flat()])
}
