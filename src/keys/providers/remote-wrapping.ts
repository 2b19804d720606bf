import { createHmac, timingSafeEqual } from 'node:crypto'
import { lp, lpConcat } from '../../protect/layouts.ts'
import { ProtectError } from '../../protect/protect-error.ts'
import type { WrapContext } from '../provider.ts'

/**
 * Key wrapped by a key management service, v1:
 *
 *     0 version 0xE2 · 1 suite, who wrapped it · 2 reserved u16BE, 0 · 4 LP(version of the root)
 *     then the ciphertext as the service gave it, at least 1 byte · last 32 bytes commitment
 *     suite 0x10 Vault transit aes256-gcm96 · 0x20 AWS KMS SYMMETRIC_DEFAULT · 0x30 kept for Aliyun KMS
 *     commitment = HMAC-SHA-256(key, LP("gw/v1/rkek") ‖ LP(bytes 0…3) ‖ LP(version) ‖ LP(ciphertext) ‖ LP(name) ‖
 *     LP(value) of each context entry, names ascending)
 *
 * The service authenticates the context too. The commitment is what can be checked here: an answer with another key,
 * or given for another context, is not believed. What is wrapped is a random key: of a word that can be guessed the
 * commitment would tell that the guess was right.
 */
const VERSION = 0xe2
export const REMOTE_SUITES = { vault: 0x10, 'aws-kms': 0x20 } as const
export type RemoteSuite = keyof typeof REMOTE_SUITES

const HEADER_LENGTH = 4
const COMMITMENT_LENGTH = 32
const MIN_KEY = 16
const MAX_KEY = 1024

export interface RemoteWrapped {
  /** Version of the root, as its service names it. Not authenticated until the key is open. */
  readonly version: string
  readonly ciphertext: Buffer
}

/** Lays out what a service wrapped. `key` is 16 to 1,024 random bytes; RangeError otherwise. */
export function composeRemote(
  suite: RemoteSuite,
  { version, ciphertext }: { readonly version: string; readonly ciphertext: Uint8Array },
  key: Uint8Array,
  context: WrapContext,
): Buffer {
  checkKeyLength(key)
  const header = headerOf(suite)
  const committed = commitment(key, header, { version, ciphertext }, context)
  return Buffer.concat([header, lp(version), ciphertext, committed])
}

/** What the service needs to open it. Throws ProtectError `short`, `version`, `suite` or `flags`. */
export function parseRemote(suite: RemoteSuite, wrapped: Uint8Array): RemoteWrapped {
  const bytes = Buffer.from(wrapped.buffer, wrapped.byteOffset, wrapped.byteLength)
  if (bytes.length < HEADER_LENGTH + 2) throw new ProtectError('short', 'wrapped key')
  if (bytes[0] !== VERSION) throw new ProtectError('version', 'wrapped key')
  if (bytes[1] !== REMOTE_SUITES[suite]) throw new ProtectError('suite', 'wrapped key')
  if (bytes.readUInt16BE(2) !== 0) throw new ProtectError('flags', 'wrapped key')
  const versionAt = HEADER_LENGTH + 2
  const versionEnd = versionAt + bytes.readUInt16BE(HEADER_LENGTH)
  const ciphertextEnd = bytes.length - COMMITMENT_LENGTH
  if (ciphertextEnd <= versionEnd) throw new ProtectError('short', 'wrapped key')
  const version = bytes.toString('latin1', versionAt, versionEnd)
  return { version, ciphertext: bytes.subarray(versionEnd, ciphertextEnd) }
}

/** Whether `key` is the one that was wrapped, for this context. Throws ProtectError `commitment`. */
export function checkRemote(suite: RemoteSuite, wrapped: Uint8Array, key: Uint8Array, context: WrapContext): void {
  const parsed = parseRemote(suite, wrapped)
  const fits = key.length >= MIN_KEY && key.length <= MAX_KEY
  const expected = wrapped.subarray(wrapped.length - COMMITMENT_LENGTH)
  if (fits && timingSafeEqual(commitment(key, headerOf(suite), parsed, context), expected)) return
  throw new ProtectError('commitment', 'wrapped key')
}

/** The context as bytes, for a service that authenticates bytes: LP("gw/v1/kek") ‖ LP(name) ‖ LP(value) … */
export function contextBytes(context: WrapContext): Uint8Array {
  return lpConcat('gw/v1/kek', ...sortedParts(context))
}

/** Throws RangeError for what is no key: see the commitment. */
export function checkKeyLength(key: Uint8Array): void {
  if (key.length < MIN_KEY || key.length > MAX_KEY) throw new RangeError('a key to wrap has 16 to 1,024 bytes')
}

function commitment(
  key: Uint8Array,
  header: Uint8Array,
  { version, ciphertext }: { readonly version: string; readonly ciphertext: Uint8Array },
  context: WrapContext,
): Buffer {
  return createHmac('sha256', key)
    .update(lpConcat('gw/v1/rkek', header, version, ciphertext, ...sortedParts(context)))
    .digest()
}

function headerOf(suite: RemoteSuite): Uint8Array {
  return Uint8Array.of(VERSION, REMOTE_SUITES[suite], 0, 0)
}

function sortedParts(context: WrapContext): string[] {
  return Object.entries(context)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flat()
}
