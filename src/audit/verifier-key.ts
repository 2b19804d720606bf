import * as crypto from 'node:crypto'
import { FormatError } from './format-error.ts'

/** Types of signatures that we make and check (C2SP signed-note, Signature types). */
export const ED25519 = 0x01
export const COSIGNATURE = 0x04
export type SignatureType = typeof ED25519 | typeof COSIGNATURE

/** Who may have signed: a key's name and the public half. */
export interface VerifierKey {
  readonly name: string
  readonly type: SignatureType
  /** Name and id together say which key signed (C2SP signed-note, Signatures). */
  readonly id: number
  readonly publicKey: crypto.KeyObject
}

/** A log, or a witness, that signs under a name. */
export interface Signer {
  readonly name: string
  /** An Ed25519 private key. */
  readonly key: crypto.KeyObject
}

/** PKCS #8 and SPKI of an Ed25519 key up to the key itself (RFC 8410 §7 and §4). */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** An Ed25519 private key from its 32-byte seed (RFC 8032 §5.1.5). A FormatError for another length. */
export function ed25519FromSeed(seed: Uint8Array): crypto.KeyObject {
  if (seed.length !== 32) throw new FormatError('an Ed25519 seed is 32 bytes')
  return crypto.createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: 'der', type: 'pkcs8' })
}

/** The verifier key of a public or private Ed25519 key under a name. A FormatError where the name is none. */
export function verifierKey(name: string, key: crypto.KeyObject, type: SignatureType): VerifierKey {
  if (!isKeyName(name)) throw new FormatError('a key name is not empty, and has no space and no plus')
  if (key.asymmetricKeyType !== 'ed25519') throw new FormatError('the key is not an Ed25519 key')
  const publicKey = key.type === 'private' ? crypto.createPublicKey(key) : key
  return { name, type, id: keyId(name, type, rawKey(publicKey)), publicKey }
}

/** `name+hexid+base64(type ‖ public key)`, as C2SP signed-note and golang.org/x/mod/sumdb/note write it. */
export function formatVerifierKey({ name, type, id, publicKey }: VerifierKey): string {
  const encoded = Buffer.concat([Buffer.of(type), rawKey(publicKey)]).toString('base64')
  return `${name}+${id.toString(16).padStart(8, '0')}+${encoded}`
}

/** Reads a verifier key, strictly: the id must be that of the key. A FormatError says what is wrong. */
export function parseVerifierKey(text: string): VerifierKey {
  const match = /^([^+]+)\+([0-9a-f]{8})\+([^+].*)$/.exec(text)
  const [, name, id, encoded] = match ?? []
  const bytes = encoded === undefined ? undefined : decodeBase64(encoded)
  if (name === undefined || bytes === undefined) throw new FormatError('a verifier key is name+id+key')
  const type = bytes[0]
  if (type !== ED25519 && type !== COSIGNATURE) throw new FormatError('a verifier key of a type that is not known')
  if (bytes.length !== 33) throw new FormatError('a verifier key with a key of the wrong length')
  const der = Buffer.concat([PUBLIC_PREFIX, bytes.subarray(1)])
  const key = verifierKey(name, crypto.createPublicKey({ key: der, format: 'der', type: 'spki' }), type)
  if (key.id !== Number.parseInt(id!, 16)) throw new FormatError('a verifier key whose id is not that of the key')
  return key
}

/** Non-empty, without Unicode spaces, control characters and plus (C2SP signed-note, Format). */
export function isKeyName(name: string): boolean {
  return name.length > 0 && name.isWellFormed() && !/[\p{White_Space}\p{Cc}+]/u.test(name)
}

/** SHA-256(name ‖ 0x0A ‖ type ‖ public key)[:4], big-endian (C2SP signed-note, Signatures). */
function keyId(name: string, type: SignatureType, publicKey: Buffer): number {
  const digest = crypto.createHash('sha256').update(`${name}\n`).update(Buffer.of(type)).update(publicKey).digest()
  return digest.readUInt32BE(0)
}

function rawKey(publicKey: crypto.KeyObject): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(PUBLIC_PREFIX.length)
}

/** Standard base64 (RFC 4648 §4) written in the one canonical way; undefined otherwise. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
