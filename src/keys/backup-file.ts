import { createSecretKey, type KeyObject } from 'node:crypto'
import { open } from 'node:fs/promises'
import { GeneralEncrypt, generalDecrypt, importJWK, type JWK } from 'jose'
import { z } from 'zod'
import { AppError } from '../errors.ts'
import { lp, u16, u32 } from '../protect/layouts.ts'
import { KEY_CLASSES, type KeyClass } from './provider.ts'
import { KDF_DEFAULTS } from './providers/file.ts'
import { type KdfParameters, sealKeyset, unsealKeyset } from './providers/keyset-file.ts'

export type { JWK } from 'jose'

export interface BackedUpKey {
  readonly keyClass: KeyClass
  readonly kid: number
  readonly key: KeyObject
}

/** What a key backup says of itself in clear; the sealed content repeats it, so that none of it can be changed. */
export interface BackupHeader {
  readonly backupId: string
  readonly madeAt: string
  readonly expiresAt: string
  /** `class/kid` of each key. */
  readonly keys: readonly string[]
}

/** Who can open it: whoever knows a passphrase, or any of several officers by a private key of theirs. */
export type SealTo =
  | { readonly passphrase: Uint8Array; readonly kdf?: KdfParameters }
  | { readonly publicKeys: readonly JWK[] }
export type OpenWith = { readonly passphrase: Uint8Array } | { readonly privateKey: JWK }

const FORMAT = 'weir-key-backup/1'
const VERSION = 0x02
const KEY_LENGTH = 32
const OFFICER_KEYS = ['EC P-256', 'OKP X25519']
const HEADER_FIELDS = {
  backupId: z.uuid(),
  madeAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  keys: z.array(z.string()),
}
const BackupFile = z.strictObject({
  format: z.literal(FORMAT),
  ...HEADER_FIELDS,
  sealed: z.discriminatedUnion('to', [
    z.strictObject({ to: z.literal('passphrase'), keyset: z.string() }),
    z.strictObject({ to: z.literal('public-keys'), jwe: z.looseObject({ ciphertext: z.string() }) }),
  ]),
})
export type BackupFile = z.infer<typeof BackupFile>

/**
 * The bytes of a key backup: JSON with a header in clear and content v2 sealed by argon2id and AES-256-GCM like a keyset
 * file, or as a JWE (RFC 7516, general JSON) with ECDH-ES+A256KW and A256GCM to each officer's public key (P-256 or
 * X25519). Content: 0x02 ‖ LP(header as JSON) ‖ number u16BE ‖ for each LP(class) ‖ kid u32BE ‖ key, 32 bytes.
 */
export async function sealBackup(header: BackupHeader, keys: readonly BackedUpKey[], to: SealTo): Promise<Buffer> {
  const content = writeContent(header, keys)
  try {
    const sealed =
      'passphrase' in to
        ? {
            to: 'passphrase' as const,
            keyset: (await sealKeyset(content, to.passphrase, to.kdf ?? KDF_DEFAULTS.production)).toString('base64url'),
          }
        : { to: 'public-keys' as const, jwe: await encryptTo(to.publicKeys, content) }
    return Buffer.from(`${JSON.stringify({ format: FORMAT, ...header, sealed }, undefined, 2)}\n`)
  } finally {
    content.fill(0)
  }
}

async function encryptTo(publicKeys: readonly JWK[], content: Uint8Array): Promise<object> {
  const jwe = new GeneralEncrypt(content).setProtectedHeader({ enc: 'A256GCM' })
  for (const jwk of publicKeys) {
    if (jwk.d !== undefined) throw refuse('a private key was given where public ones seal: keep it with its officer')
    if ((jwk.use ?? 'enc') !== 'enc')
      throw refuse('a public key says that it is for signatures: name one for encryption')
    const key = await importOfficer(jwk, 'a public key')
    jwe.addRecipient(key).setUnprotectedHeader({ alg: 'ECDH-ES+A256KW' })
  }
  return jwe.encrypt().catch(() => {
    throw refuse('a public key cannot be sealed to: it is one that anybody could open') // a point of low order
  })
}

async function importOfficer(jwk: JWK, what: string): Promise<Awaited<ReturnType<typeof importJWK>>> {
  const wrong = refuse(`${what} is no JWK of an EC P-256 or OKP X25519 key`)
  if (!OFFICER_KEYS.includes(`${jwk.kty} ${jwk.crv}`)) throw wrong
  return importJWK({ ...jwk, alg: 'ECDH-ES+A256KW' }).catch(() => {
    throw wrong
  })
}

const HEAD = 256

/** Whether a file says that it is a copy of the keys; false for what cannot be read. */
export async function isKeyCopy(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined)
  try {
    const read = await file?.read(Buffer.alloc(HEAD), 0, HEAD, 0).catch(() => undefined)
    return read?.buffer.toString('latin1').includes(FORMAT) ?? false
  } finally {
    await file?.close()
  }
}

/** The file as it says it is, unopened. @throws AppError `key-backup-damaged` */
export function parseBackup(bytes: Buffer): BackupFile {
  try {
    return BackupFile.parse(JSON.parse(bytes.toString('utf8')))
  } catch {
    throw damagedBackup() // without the cause: it quotes the file
  }
}

/** Opens a backup and proves that its header is the one that was sealed. @throws AppError `key-backup-damaged`, `keyset-passphrase` */
export async function openBackup(
  bytes: Buffer,
  withKey: OpenWith,
  path: string,
): Promise<{ header: BackupHeader; keys: BackedUpKey[] }> {
  const file = parseBackup(bytes)
  const content = await contentOf(file, withKey, path)
  try {
    const opened = readContent(content)
    const { sealed: _, format: __, ...header } = file
    if (opened === undefined || JSON.stringify(header) !== opened.header) throw damagedBackup()
    return { header, keys: opened.keys }
  } finally {
    content.fill(0)
  }
}

async function contentOf({ sealed }: BackupFile, withKey: OpenWith, path: string): Promise<Buffer> {
  if (sealed.to === 'passphrase') {
    if (!('passphrase' in withKey)) throw refuse('this key backup is sealed to a passphrase: name its file')
    return unsealKeyset(Buffer.from(sealed.keyset, 'base64url'), withKey.passphrase, path)
  }
  if (!('privateKey' in withKey))
    throw refuse("this key backup is sealed to officers' keys: name the file of a private key")
  if (withKey.privateKey.d === undefined) throw refuse('that is a public key: name the file of the private one')
  const key = await importOfficer(withKey.privateKey, 'the private key')
  const opened = await generalDecrypt(sealed.jwe as never, key, {
    keyManagementAlgorithms: ['ECDH-ES+A256KW'],
    contentEncryptionAlgorithms: ['A256GCM'],
  }).catch(() => undefined)
  if (opened === undefined)
    throw refuse('the private key does not open this key backup: it was sealed to other officers')
  return Buffer.from(opened.plaintext)
}

function writeContent(header: BackupHeader, keys: readonly BackedUpKey[]): Buffer {
  const parts: Uint8Array[] = [Uint8Array.of(VERSION), lp(JSON.stringify(header)), u16(keys.length)]
  for (const { keyClass, kid, key } of keys) parts.push(lp(keyClass), u32(kid), key.export())
  const content = Buffer.concat(parts)
  for (const part of parts) part.fill(0)
  return content
}

function readContent(content: Buffer): { header: string; keys: BackedUpKey[] } | undefined {
  try {
    if (content.readUInt8(0) !== VERSION) return undefined
    const headerEnd = 3 + content.readUInt16BE(1)
    const header = content.toString('utf8', 3, headerEnd)
    const keys: BackedUpKey[] = []
    let at = headerEnd + 2
    for (let left = content.readUInt16BE(headerEnd); left > 0; left--) {
      const nameEnd = at + 2 + content.readUInt16BE(at)
      const keyClass = KEY_CLASSES.find((known) => known === content.toString('utf8', at + 2, nameEnd))
      const keyAt = nameEnd + 4
      if (keyClass === undefined || keyAt + KEY_LENGTH > content.length) return undefined
      keys.push({
        keyClass,
        kid: content.readUInt32BE(nameEnd),
        key: createSecretKey(content.subarray(keyAt, keyAt + KEY_LENGTH)),
      })
      at = keyAt + KEY_LENGTH
    }
    return at === content.length ? { header, keys } : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined // read beyond the end
    throw error
  }
}

function damagedBackup(): AppError {
  return refuse('this is no key backup, or it was changed or cut off: take another copy', 'key-backup-damaged')
}

function refuse(message: string, code = 'key-backup'): AppError {
  return new AppError('invalid', message, { code })
}
