import { AppError } from '../../errors.ts'
import { ProtectError } from '../../protect/protect-error.ts'
import type { KeyClass, KeyProvider } from '../provider.ts'
import { createSecretFile, readSecretFile, replaceSecretFile } from '../secret-file.ts'
import { readRootKid, unwrapUnderRoot, wrapUnderRoot } from '../wrapping.ts'
import { firstRoot, type KeysetKey, nextRoot, readContent, writeContent } from './keyset-content.ts'
import { damaged, type KdfParameters, readKdf, sealKeyset, unsealKeyset } from './keyset-file.ts'

export interface KeysetLocation {
  readonly path: string
  readonly passphrase: Uint8Array | string
}

/** argon2id for a new keyset: about 0.3 s and 64 MiB in development, 2 s and 256 MiB in production, once per start. */
export const KDF_DEFAULTS: Readonly<Record<'development' | 'production', KdfParameters>> = {
  development: { m: 65_536, t: 3, p: 1 },
  production: { m: 262_144, t: 4, p: 1 },
}

/** The file's provider: it may hold keys of a keyset that was made before they lay in the database. */
export interface FileProvider extends KeyProvider {
  readonly inherited: ReadonlyMap<KeyClass, KeysetKey>
}

/**
 * Opens the sealed keyset: every version of the root as a KeyObject in memory. A version that another process made
 * meanwhile is found by reading the file again. The passphrase stays in memory for that, and for making a new version.
 * Throws AppError with a one-line message when it is missing, open to others, damaged, or the passphrase is wrong; later
 * `keyset-older` where an older copy was put in its place.
 */
export async function openFileProvider(location: KeysetLocation): Promise<FileProvider> {
  const { path } = location
  let keys: readonly KeysetKey[] = await readKeys(location)
  let reading: Promise<void> | undefined
  const readAgain = (): Promise<void> => {
    reading ??= readKeys(location)
      .then((found) => {
        refuseOlder(found, keys, path)
        keys = found
      })
      .finally(() => {
        reading = undefined
      })
    return reading
  }
  const change = async (next: (held: readonly KeysetKey[]) => readonly KeysetKey[]): Promise<void> => {
    const held = await readKeys(location)
    refuseOlder(held, keys, path)
    const made = next(held)
    await reseal(location, made).catch((cause: unknown) => {
      throw unwritable(path, cause)
    })
    keys = [...made] // not before: what the disk did not take must never wrap anything
  }
  const provider: FileProvider = {
    uri: `file:${path}`,
    destroyDelayDays: 0,
    inherited: new Map(keys.flatMap((one) => (one.keyClass === 'wrap' ? [] : [[one.keyClass, one] as const]))),
    async wrap(plaintext, context) {
      const { kid, key } = newest(keys)
      return wrapUnderRoot(key, kid, context, plaintext)
    },
    async unwrap(wrapped, context) {
      const kid = readRootKid(wrapped)
      if (rootOf(keys, kid) === undefined) await readAgain()
      const root = rootOf(keys, kid)
      if (root !== undefined) return unwrapUnderRoot(root.key, context, wrapped)
      if (kid > newest(keys).kid) throw new ProtectError('authentication', 'wrapped key')
      throw new AppError('conflict', `version ${kid} of the root in ${provider.uri} is destroyed`, {
        code: 'key-root-destroyed',
      })
    },
    rootVersion: (wrapped) => String(readRootKid(wrapped)),
    async rotate() {
      await change((held) => [...held, nextRoot(held)])
      return String(newest(keys).kid)
    },
    async destroy(version) {
      const last = Number(version)
      // With the first version goes what the keyset inherited: a database from before has nothing left to open it with.
      const kept = (held: readonly KeysetKey[]): KeysetKey[] =>
        held.filter((one) => one.keyClass === 'wrap' && one.kid > last)
      if (rootOf(kept(keys), newest(keys).kid) === undefined) {
        throw new AppError('conflict', `version ${last} is the newest of the root: make a new one first`, {
          code: 'key-root-in-use',
        })
      }
      await change(kept)
      return { effectiveAt: new Date() }
    },
    async health() {
      const probe = await provider.wrap(Buffer.from('probe'), { class: 'health' })
      await provider.unwrap(probe, { class: 'health' })
    },
  }
  return provider
}

/**
 * Makes a keyset with a first version of the root. Never replaces: `exists` says that the file was there (or
 * that another process was faster), and it is as it was.
 */
export async function createKeyset(
  options: KeysetLocation & { readonly mode: 'development' | 'production'; readonly kdf?: KdfParameters },
): Promise<'created' | 'exists'> {
  const content = writeContent([firstRoot()])
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

async function readKeys(location: KeysetLocation): Promise<KeysetKey[]> {
  const content = await readKeyset(location)
  const keys = readContent(content)
  content.fill(0)
  if (keys === undefined) throw damaged(location.path)
  return keys
}

/** Other keys under the same passphrase and parameters. */
async function reseal({ path, passphrase }: KeysetLocation, keys: readonly KeysetKey[]): Promise<void> {
  const kdf = readKdf(await readSecretFile(path, 'keyset'), path)
  const content = writeContent(keys)
  try {
    await replaceSecretFile(path, await sealKeyset(content, bytesOf(passphrase), kdf))
  } finally {
    content.fill(0)
  }
}

async function readKeyset({ path, passphrase }: KeysetLocation): Promise<Buffer> {
  return unsealKeyset(await readSecretFile(path, 'keyset'), bytesOf(passphrase), path)
}

/**
 * A copy of the file from before the newest version was made must not be gone on with: the next version would get the
 * number of one that wraps keys in use, and nothing would open them any more.
 */
function refuseOlder(found: readonly KeysetKey[], known: readonly KeysetKey[], path: string): void {
  const last = newest(known)
  const same = rootOf(found, last.kid)
  if (newest(found).kid > last.kid || same?.key.equals(last.key) === true) return
  const message = `the keyset ${path} is not the one that this process opened, or an older copy of it: put back the newest`
  throw new AppError('conflict', message, { code: 'keyset-older' })
}

function unwritable(path: string, cause: unknown): unknown {
  const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined
  if (cause instanceof AppError || typeof code !== 'string') return cause
  const message = `the keyset ${path} cannot be written (${code}): nothing was changed`
  return new AppError('conflict', message, { code: 'keyset-unwritable', cause })
}

function newest(keys: readonly KeysetKey[]): KeysetKey {
  return keys.filter(({ keyClass }) => keyClass === 'wrap').reduce((high, one) => (one.kid > high.kid ? one : high))
}

function rootOf(keys: readonly KeysetKey[], kid: number): KeysetKey | undefined {
  return keys.find((one) => one.keyClass === 'wrap' && one.kid === kid)
}

function bytesOf(passphrase: Uint8Array | string): Uint8Array {
  return typeof passphrase === 'string' ? Buffer.from(passphrase, 'utf8') : passphrase
}
