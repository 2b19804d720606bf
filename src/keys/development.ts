import { randomBytes } from 'node:crypto'
import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { createKeyset, type KeysetLocation, readPassphrase } from './providers/file.ts'
import type { KdfParameters } from './providers/keyset-file.ts'
import { createSecretFile } from './secret-file.ts'

interface EnsureOptions {
  readonly kdf?: KdfParameters
  /** A passphrase file of the developer's own; it must exist. */
  readonly passphraseFile?: string | undefined
}

type Ensured = KeysetLocation & { readonly created: boolean }

/** Development keys under a data directory, in `keys/`: one directory, so that it can be backed up apart. */
export async function ensureDevelopmentKeys(dataDir: string, options: EnsureOptions = {}): Promise<Ensured> {
  return ensureKeysIn(join(dataDir, 'keys'), options)
}

/**
 * For development alone: `passphrase` (random) and `keyset.json` in `directory`, made where absent. Several processes
 * may start at once; all of them get the same. Throws AppError where a keyset is there and its passphrase is not.
 */
export async function ensureKeysIn(directory: string, options: EnsureOptions = {}): Promise<Ensured> {
  const path = join(directory, 'keyset.json')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const passphrase =
    options.passphraseFile === undefined
      ? await ensurePassphrase(join(directory, 'passphrase'), path)
      : await readPassphrase(options.passphraseFile)
  if (await exists(path)) return { path, passphrase, created: false }
  const kdf = options.kdf === undefined ? {} : { kdf: options.kdf }
  const made = await createKeyset({ path, passphrase, mode: 'development', ...kdf })
  return { path, passphrase, created: made === 'created' }
}

/** For `weir keys init` in development, where nobody names a passphrase: as a start makes one. Never replaces. */
export async function makeDevelopmentPassphrase(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await ensurePassphrase(join(directory, 'passphrase'), join(directory, 'keyset.json'))
}

async function ensurePassphrase(path: string, keyset: string): Promise<Buffer> {
  // The keyset is looked for first and made last: one without a passphrase was separated from it by somebody.
  if ((await exists(keyset)) && !(await exists(path))) {
    throw new AppError('invalid', `the keyset ${keyset} is there but its passphrase ${path} is not: restore it`, {
      code: 'secret-file-missing',
    })
  }
  if (!(await exists(path))) await createSecretFile(path, Buffer.from(`${randomBytes(32).toString('base64url')}\n`))
  return readPassphrase(path)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
