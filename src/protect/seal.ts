import type { KeyObject } from 'node:crypto'
import { decrypt, encryptInto, NONCE_LENGTH, TAG_LENGTH, writeNonce } from './aes-gcm.ts'
import { lpAfter, TENANT, uuidBytes } from './layouts.ts'
import { pad, unpad } from './padding.ts'
import { ProtectError } from './protect-error.ts'

/**
 * Field ciphertext v1, 36 bytes beside the content:
 *
 *     0 version 0xC1 · 1 suite 0x01 AES-256-GCM · 2 key version u16BE · 4 context id u16BE · 6 flags u16BE
 *     8 nonce, 12 bytes · 20 ciphertext · last 16 bytes tag
 *     AAD = bytes 0…7 ‖ LP("gw/v1/fld") ‖ LP(tenant) ‖ LP(subject) ‖ LP(table) ‖ LP(group) ‖ LP(record)
 */
const VERSION = 0xc1
const SUITE_AES_256_GCM = 0x01
const HEADER_LENGTH = 8
const CIPHERTEXT_AT = HEADER_LENGTH + NONCE_LENGTH
const FLAG_PADDED = 1
const FLAG_PACKED = 2
const KNOWN_FLAGS = FLAG_PADDED | FLAG_PACKED

/** Where a record stands. It opens only for the same subject, in the same place. */
export interface SealPlace {
  /** UUID of the subject, in its text form. */
  readonly subject: string
  readonly table: string
  /** Column group, for instance the field class. */
  readonly group: string
  /** What tells this record from others of the subject in this table and group, for instance its event key. */
  readonly record: Uint8Array
}

export interface SealHeader {
  /** Version of the subject's key, 0…65,535. */
  readonly keyVersion: number
  /** Number of (table, group, padding class), 0…65,535. Never given twice. */
  readonly contextId: number
}

/** Seals several fields packed into one plaintext, padded to a bucket, under a group key of the subject. */
export function sealRecord(key: KeyObject, place: SealPlace, header: SealHeader, plaintext: Uint8Array): Buffer {
  const padded = pad(plaintext)
  const out = Buffer.allocUnsafe(CIPHERTEXT_AT + padded.length + TAG_LENGTH)
  writeNonce(out, HEADER_LENGTH)
  return sealPadded(key, place, header, padded, out)
}

/** sealRecord with a given nonce: for test vectors alone. The same nonce twice under one key gives the key stream away. */
export function sealRecordWithNonce(
  key: KeyObject,
  place: SealPlace,
  header: SealHeader,
  plaintext: Uint8Array,
  nonce: Uint8Array,
): Buffer {
  const padded = pad(plaintext)
  const out = Buffer.alloc(CIPHERTEXT_AT + padded.length + TAG_LENGTH)
  out.set(nonce, HEADER_LENGTH)
  return sealPadded(key, place, header, padded, out)
}

function sealPadded(key: KeyObject, place: SealPlace, header: SealHeader, padded: Buffer, out: Buffer): Buffer {
  out[0] = VERSION
  out[1] = SUITE_AES_256_GCM
  out.writeUInt16BE(header.keyVersion, 2)
  out.writeUInt16BE(header.contextId, 4)
  out.writeUInt16BE(FLAG_PADDED | FLAG_PACKED, 6)
  const nonce = out.subarray(HEADER_LENGTH, CIPHERTEXT_AT)
  encryptInto(out, CIPHERTEXT_AT, { key, nonce, aad: aadOf(out, place), plaintext: padded })
  return out
}

/**
 * What was sealed at this place. Throws ProtectError: `short`, `version`, `suite`, `flags`, `authentication`, `padding`.
 * Never tries a second key: readHeader says which key version to take.
 */
export function openRecord(key: KeyObject, place: SealPlace, sealed: Uint8Array): Buffer {
  const { flags } = readFlags(sealed)
  const plaintext = decrypt({
    key,
    nonce: sealed.subarray(HEADER_LENGTH, CIPHERTEXT_AT),
    aad: aadOf(sealed, place),
    sealed: sealed.subarray(CIPHERTEXT_AT),
  })
  if (plaintext === undefined) throw new ProtectError('authentication', 'record')
  return (flags & FLAG_PADDED) === 0 ? plaintext : unpad(plaintext)
}

/** The header as it stands, not yet authenticated: enough to choose the key. Throws like openRecord. */
export function readHeader(sealed: Uint8Array): SealHeader {
  const { view } = readFlags(sealed)
  return { keyVersion: view.getUint16(2), contextId: view.getUint16(4) }
}

function readFlags(sealed: Uint8Array): { view: DataView; flags: number } {
  if (sealed.length < CIPHERTEXT_AT + TAG_LENGTH) throw new ProtectError('short', 'record')
  if (sealed[0] !== VERSION) throw new ProtectError('version', 'record')
  if (sealed[1] !== SUITE_AES_256_GCM) throw new ProtectError('suite', 'record')
  const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  const flags = view.getUint16(6)
  if ((flags & ~KNOWN_FLAGS) !== 0) throw new ProtectError('flags', 'record')
  return { view, flags }
}

function aadOf(sealed: Uint8Array, place: SealPlace): Uint8Array {
  const parts = ['gw/v1/fld', TENANT, uuidBytes(place.subject), place.table, place.group, place.record]
  return lpAfter(sealed.subarray(0, HEADER_LENGTH), parts)
}
