import { createHmac, createSecretKey, type KeyObject, randomFillSync, timingSafeEqual } from 'node:crypto'
import type { SubjectId } from '../event/ids.ts'
import { decrypt, encryptInto, NONCE_LENGTH, TAG_LENGTH, writeNonce } from './aes-gcm.ts'
import { expandKey } from './expand.ts'
import { lpAfter, lpConcat, TENANT, uuidBytes } from './layouts.ts'
import { ProtectError } from './protect-error.ts'

/**
 * Wrapped subject key v1, 100 bytes:
 *
 *     0 version 0xD1 · 1 suite 0x01 · 2 kid of the key epoch u32BE · 6 key version u16BE
 *     8 nonce, 12 · 20 ciphertext, 32 · 52 tag, 16 · 68 commitment, 32
 *     AAD = bytes 0…7 ‖ LP(tenant) ‖ LP(subject); commitment = HMAC-SHA-256(subject key, LP("gw/v1/commit") ‖ AAD)
 *
 * GCM commits to no key; the commitment, once per key, does.
 */
const VERSION = 0xd1
const SUITE_AES_256_GCM = 0x01
const HEADER_LENGTH = 8
const KEY_LENGTH = 32
const CIPHERTEXT_AT = HEADER_LENGTH + NONCE_LENGTH
const COMMITMENT_AT = CIPHERTEXT_AT + KEY_LENGTH + TAG_LENGTH
export const WRAPPED_LENGTH = COMMITMENT_AT + 32

export interface WrapHeader {
  /** Number of the key epoch whose key wraps. */
  readonly kid: number
  /** Version of the subject's key, 0…65,535. */
  readonly keyVersion: number
}

/** The keys of one subject that seal its fields, derived when first asked for and kept with it. */
export interface SubjectKeys {
  readonly keyVersion: number
  /** The subject key itself, for wrapping it again under another epoch. */
  readonly key: KeyObject
  /** The key that seals `group` of `table`. */
  group(table: string, group: string): KeyObject
}

/** A new random subject key. */
export function generateSubjectKey(): KeyObject {
  const bytes = randomFillSync(Buffer.alloc(KEY_LENGTH))
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

/** Wraps a subject key under the key of an epoch, bound to its subject. 100 bytes. */
export function wrapSubjectKey(epochKey: KeyObject, header: WrapHeader, subject: SubjectId, key: KeyObject): Buffer {
  const out = Buffer.alloc(WRAPPED_LENGTH)
  writeNonce(out, HEADER_LENGTH)
  return wrapInto(out, epochKey, header, subject, key)
}

/** wrapSubjectKey with a given nonce: for test vectors alone. */
export function wrapSubjectKeyWithNonce(
  epochKey: KeyObject,
  header: WrapHeader,
  subject: SubjectId,
  key: KeyObject,
  nonce: Uint8Array,
): Buffer {
  const out = Buffer.alloc(WRAPPED_LENGTH)
  out.set(nonce, HEADER_LENGTH)
  return wrapInto(out, epochKey, header, subject, key)
}

function wrapInto(out: Buffer, epochKey: KeyObject, header: WrapHeader, subject: SubjectId, key: KeyObject): Buffer {
  out[0] = VERSION
  out[1] = SUITE_AES_256_GCM
  out.writeUInt32BE(header.kid, 2)
  out.writeUInt16BE(header.keyVersion, 6)
  const aad = aadOf(out, subject)
  const plaintext = key.export()
  encryptInto(out, CIPHERTEXT_AT, {
    key: epochKey,
    nonce: out.subarray(HEADER_LENGTH, CIPHERTEXT_AT),
    aad,
    plaintext,
  })
  plaintext.fill(0)
  out.set(commitment(key, aad), COMMITMENT_AT)
  return out
}

/** The subject key that was wrapped for this subject. Throws ProtectError `short`, `version`, `suite`, `authentication`, `commitment`. */
export function unwrapSubjectKey(epochKey: KeyObject, subject: SubjectId, wrapped: Uint8Array): KeyObject {
  checkShape(wrapped)
  const aad = aadOf(wrapped, subject)
  const bytes = decrypt({
    key: epochKey,
    nonce: wrapped.subarray(HEADER_LENGTH, CIPHERTEXT_AT),
    aad,
    sealed: wrapped.subarray(CIPHERTEXT_AT, COMMITMENT_AT),
  })
  if (bytes === undefined) throw new ProtectError('authentication', 'subject key')
  const key = createSecretKey(bytes)
  bytes.fill(0)
  const same = timingSafeEqual(commitment(key, aad), wrapped.subarray(COMMITMENT_AT))
  if (!same) throw new ProtectError('commitment', 'subject key')
  return key
}

/** Which epoch wrapped it and which version it is, not yet authenticated. Throws ProtectError. */
export function readWrapHeader(wrapped: Uint8Array): WrapHeader {
  checkShape(wrapped)
  const view = new DataView(wrapped.buffer, wrapped.byteOffset, wrapped.byteLength)
  return { kid: view.getUint32(2), keyVersion: view.getUint16(6) }
}

/** The key for one column group of one table: HKDF-Expand of the subject key. */
export function deriveGroupKey(subjectKey: KeyObject, table: string, group: string): KeyObject {
  return expandKey(subjectKey, lpConcat('gw/v1/enc', TENANT, table, group))
}

/** Holds a subject key with the group keys derived from it. */
export function subjectKeys(key: KeyObject, keyVersion: number): SubjectKeys {
  const derived = new Map<string, KeyObject>()
  return {
    key,
    keyVersion,
    group(table, group) {
      const name = `${table}\0${group}`
      let groupKey = derived.get(name)
      if (groupKey === undefined) {
        groupKey = deriveGroupKey(key, table, group)
        derived.set(name, groupKey)
      }
      return groupKey
    },
  }
}

function checkShape(wrapped: Uint8Array): void {
  if (wrapped.length !== WRAPPED_LENGTH) throw new ProtectError('short', 'subject key')
  if (wrapped[0] !== VERSION) throw new ProtectError('version', 'subject key')
  if (wrapped[1] !== SUITE_AES_256_GCM) throw new ProtectError('suite', 'subject key')
}

function commitment(key: KeyObject, aad: Uint8Array): Buffer {
  return createHmac('sha256', key).update(lpConcat('gw/v1/commit')).update(aad).digest()
}

function aadOf(wrapped: Uint8Array, subject: SubjectId): Uint8Array {
  return lpAfter(wrapped.subarray(0, HEADER_LENGTH), [TENANT, uuidBytes(subject)])
}
