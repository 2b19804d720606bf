import type { KeyObject } from 'node:crypto'
import { AppError } from '../../errors.ts'
import { ProtectError } from '../../protect/protect-error.ts'
import type { KeyProvider, RootClass } from '../provider.ts'
import { createSecretFile, readSecretFile, replaceSecretFile } from '../secret-file.ts'
import { readRootKid, unwrapUnderRoot, wrapUnderRoot } from '../wrapping.ts'
import { generateContent, type Root, readContent } from './keyset-content.ts'
import { damaged, type KdfParameters, sealKeyset, unsealKeyset } from './keyset-file.ts'

export interface KeysetLocation {
  readonly path: string
  readonly passphrase: Uint8Array | string
}

/** argon2id for a new keyset: about 0.3 s and 64 MiB in development, 2 s and 256 MiB in production, once per start. */
export const KDF_DEFAULTS: Readonly<Record<'development' | 'production', KdfParameters>> = {
  development: { m: 65_536, t: 3, p: 1 },
  production: { m: 262_144, t: 4, p: 1 },
}

/**
 * Opens the sealed keyset: every root as a KeyObject in memory, the file untouched afterwards.
 * Throws AppError with a one-line message when it is missing, open to others, damaged, or the passphrase is wrong.
 */
export async function openFileProvider(location: KeysetLocation): Promise<KeyProvider> {
  const { path } = location
  const content = await readKeyset(location)
  const roots = readContent(content)
  content.fill(0)
  if (roots === undefined) throw damaged(path)
  const wrapRoots = new Map(roots.filter(({ rootClass }) => rootClass === 'wrap').map(({ kid, key }) => [kid, key]))
  const provider: KeyProvider = {
    uri: `file:${path}`,
    async wrap(plaintext, context) {
      const { kid, key } = current(roots, 'wrap')
      return wrapUnderRoot(key, kid, context, plaintext)
    },
    async unwrap(wrapped, context) {
      return unwrapUnderRoot(rootNumber(wrapRoots, readRootKid(wrapped)), context, wrapped)
    },
    root: (rootClass) => current(roots, rootClass).key,
    kid: (rootClass) => current(roots, rootClass).kid,
    async health() {
      const probe = await provider.wrap(Buffer.from('probe'), { class: 'health' })
      await provider.unwrap(probe, { class: 'health' })
    },
  }
  return provider
}

/**
 * Makes a keyset with fresh random roots of every class. Never replaces: `exists` says that the file was there (or
 * that another process was faster), and it is as it was.
 */
export async function createKeyset(
  options: KeysetLocation & { readonly mode: 'development' | 'production'; readonly kdf?: KdfParameters },
): Promise<'created' | 'exists'> {
  const content = generateContent()
  try {
    const kdf = options.kdf ?? KDF_DEFAULTS[options.mode]
    return await createSecretFile(options.path, await sealKeyset(content, bytesOf(options.passphrase), kdf))
  } finally {
    content.fill(0)
  }
}

/** Seals the same roots under another passphrase or other parameters; a crash leaves the old file or the new one. */
export async function resealKeyset(
  options: KeysetLocation & { readonly newPassphrase: Uint8Array | string; readonly kdf: KdfParameters },
): Promise<void> {
  const content = await readKeyset(options)
  try {
    await replaceSecretFile(options.path, await sealKeyset(content, bytesOf(options.newPassphrase), options.kdf))
  } finally {
    content.fill(0)
  }
}

/** The passphrase in a 0600 file, without the line end that editors add. Throws AppError like readSecretFile. */
export async function readPassphrase(path: string): Promise<Buffer> {
  const bytes = await readSecretFile(path, 'passphrase file')
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--
  if (end === 0)
    throw new AppError('invalid', `the passphrase file ${path} is empty`, { code: 'keyset-passphrase-short' })
  return bytes.subarray(0, end)
}

async function readKeyset({ path, passphrase }: KeysetLocation): Promise<Buffer> {
  return unsealKeyset(await readSecretFile(path, 'keyset'), bytesOf(passphrase), path)
}

function current(roots: readonly Root[], rootClass: RootClass): Root {
  const ofClass = roots.filter((root) => root.rootClass === rootClass)
  return ofClass.reduce((highest, root) => (root.kid > highest.kid ? root : highest))
}

function rootNumber(wrapRoots: ReadonlyMap<number, KeyObject>, kid: number): KeyObject {
  const key = wrapRoots.get(kid)
  if (key === undefined) throw new ProtectError('authentication', 'wrapped key')
  return key
}

function bytesOf(passphrase: Uint8Array | string): Uint8Array {
  return typeof passphrase === 'string' ? Buffer.from(passphrase, 'utf8') : passphrase
}
