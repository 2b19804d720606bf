import { createSecretKey, type KeyObject, randomFillSync } from 'node:crypto'
import argon2 from 'argon2'
import { z } from 'zod'
import { AppError } from '../../errors.ts'
import { decrypt, encryptInto, NONCE_LENGTH, TAG_LENGTH, writeNonce } from '../../protect/aes-gcm.ts'
import { lpConcat, u32 } from '../../protect/layouts.ts'

/**
 * Keyset file v1, JSON:
 *
 *     {"v":1,"kdf":{"alg":"argon2id","m":…,"t":…,"p":…,"salt":…},"aead":"A256GCM","nonce":…,"ct":…}
 *
 * Bytes in base64url; ct ends with the tag. AAD = LP("gw/v1/keyset") ‖ LP(v) ‖ LP("argon2id") ‖ LP(m) ‖ LP(t) ‖ LP(p)
 * ‖ LP(salt) ‖ LP("A256GCM"), numbers as u32BE.
 */
export interface KdfParameters {
  /** KiB of memory. */
  readonly m: number
  /** Passes. */
  readonly t: number
  /** Lanes. */
  readonly p: number
}

// Floor: OWASP Password Storage. Cap: a file that somebody put there must not take the machine's memory or minutes.
const FLOOR = { m: 19_456, t: 2, p: 1 }
const CAP = { m: 1_048_576, t: 16, p: 8 }
const SALT_LENGTH = 16
const MIN_PASSPHRASE = 16

// Canonical only: leftover bits of the last character would be bits of the file that nothing guards.
const base64url = z.string().refine((text) => Buffer.from(text, 'base64url').toString('base64url') === text)
const KeysetFile = z.strictObject({
  v: z.literal(1),
  kdf: z.strictObject({
    alg: z.literal('argon2id'),
    m: z.int(),
    t: z.int(),
    p: z.int(),
    salt: base64url,
  }),
  aead: z.literal('A256GCM'),
  nonce: base64url,
  ct: base64url,
})
type KeysetFile = z.infer<typeof KeysetFile>

/** Seals keyset content under a passphrase; the file's bytes. Throws AppError for a short passphrase or weak parameters. */
export async function sealKeyset(content: Uint8Array, passphrase: Uint8Array, kdf: KdfParameters): Promise<Buffer> {
  if (passphrase.length < MIN_PASSPHRASE) {
    throw new AppError('invalid', 'the passphrase of the keyset is shorter than 16 bytes: take a longer one', {
      code: 'keyset-passphrase-short',
    })
  }
  checkParameters(kdf, 'the new keyset')
  const salt = randomFillSync(Buffer.alloc(SALT_LENGTH))
  const key = await deriveKey(passphrase, salt, kdf)
  const nonce = Buffer.alloc(NONCE_LENGTH)
  writeNonce(nonce, 0)
  const ct = Buffer.alloc(content.length + TAG_LENGTH)
  encryptInto(ct, 0, { key, nonce, aad: aadOf(kdf, salt), plaintext: content })
  const file: KeysetFile = {
    v: 1,
    kdf: { alg: 'argon2id', m: kdf.m, t: kdf.t, p: kdf.p, salt: salt.toString('base64url') },
    aead: 'A256GCM',
    nonce: nonce.toString('base64url'),
    ct: ct.toString('base64url'),
  }
  return Buffer.from(`${JSON.stringify(file)}\n`)
}

/**
 * The content of a keyset file. `path` is for the message only. Throws AppError `keyset-damaged`, `keyset-version`,
 * `keyset-parameters` or `keyset-passphrase`, each one line that says what to do.
 */
export async function unsealKeyset(bytes: Buffer, passphrase: Uint8Array, path: string): Promise<Buffer> {
  const file = parseFile(bytes, path)
  checkParameters(file.kdf, `the keyset ${path}`)
  const salt = Buffer.from(file.kdf.salt, 'base64url')
  const nonce = Buffer.from(file.nonce, 'base64url')
  const sealed = Buffer.from(file.ct, 'base64url')
  if (salt.length !== SALT_LENGTH || nonce.length !== NONCE_LENGTH || sealed.length < TAG_LENGTH) throw damaged(path)
  const key = await deriveKey(passphrase, salt, file.kdf)
  const content = decrypt({ key, nonce, aad: aadOf(file.kdf, salt), sealed })
  if (content === undefined) {
    throw new AppError('invalid', `the keyset ${path} does not open: the passphrase is wrong or the file was changed`, {
      code: 'keyset-passphrase',
    })
  }
  return content
}

/** The parameters that a keyset file was sealed with. Throws AppError like unsealKeyset. */
export function readKdf(bytes: Buffer, path: string): KdfParameters {
  const { m, t, p } = parseFile(bytes, path).kdf
  return { m, t, p }
}

function parseFile(bytes: Buffer, path: string): KeysetFile {
  let json: unknown
  try {
    json = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw damaged(path) // without the cause: it quotes the file
  }
  const version: unknown = typeof json === 'object' && json !== null ? Reflect.get(json, 'v') : undefined
  if (typeof version === 'number' && version !== 1) {
    throw new AppError('invalid', `the keyset ${path} has an unknown version: open it with the Weir that wrote it`, {
      code: 'keyset-version',
    })
  }
  const parsed = KeysetFile.safeParse(json)
  if (!parsed.success) throw damaged(path)
  return parsed.data
}

/** A keyset file that cannot be read as one. */
export function damaged(path: string): AppError {
  return new AppError('invalid', `the keyset ${path} is cut off or damaged: restore it from its backup`, {
    code: 'keyset-damaged',
  })
}

function checkParameters(kdf: KdfParameters, what: string): void {
  const fits = (['m', 't', 'p'] as const).every((name) => {
    const value = kdf[name]
    return Number.isInteger(value) && value >= FLOOR[name] && value <= CAP[name]
  })
  if (!fits) {
    const message = `${what} asks for argon2id outside m 19456…1048576, t 2…16, p 1…8: seal it with parameters within`
    throw new AppError('invalid', message, { code: 'keyset-parameters' })
  }
}

async function deriveKey(passphrase: Uint8Array, salt: Buffer, kdf: KdfParameters): Promise<KeyObject> {
  const bytes = await argon2.hash(Buffer.from(passphrase), {
    type: argon2.argon2id,
    memoryCost: kdf.m,
    timeCost: kdf.t,
    parallelism: kdf.p,
    hashLength: 32,
    salt,
    raw: true,
  })
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

function aadOf(kdf: KdfParameters, salt: Uint8Array): Uint8Array {
  return lpConcat('gw/v1/keyset', u32(1), 'argon2id', u32(kdf.m), u32(kdf.t), u32(kdf.p), salt, 'A256GCM')
}
