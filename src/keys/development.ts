import { randomBytes } from 'node:crypto'
import { access, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError } from '../errors.ts'
import { createKeyset, type KeysetLocation, readPassphrase } from './providers/file.ts'
import type { KdfParameters } from './providers/keyset-file.ts'
import { createSecretFile } from './secret-file.ts'

/** Where `file:` keys lie unless WEIR_KEYS says otherwise: one directory, so that it can be backed up apart. */
export function defaultKeyPaths(dataDir: string): { keyset: string; passphrase: string } {
  return { keyset: join(dataDir, 'keys', 'keyset.json'), passphrase: join(dataDir, 'keys', 'passphrase') }
}

/**
 * For development alone: a random passphrase and a keyset in the data directory, made where absent. Several processes
 * may start at once; all of them get the same. Throws AppError where a keyset is there and its passphrase is not.
 */
export async function ensureDevelopmentKeys(
  dataDir: string,
  options: { readonly kdf?: KdfParameters } = {},
): Promise<KeysetLocation & { readonly created: boolean }> {
  const paths = defaultKeyPaths(dataDir)
  await mkdir(dirname(paths.keyset), { recursive: true, mode: 0o700 })
  // Order matters: the passphrase always comes first, so a keyset without one was separated from it by somebody.
  if ((await exists(paths.keyset)) && !(await exists(paths.passphrase))) {
    const message = `the keyset ${paths.keyset} is there but its passphrase file ${paths.passphrase} is not: restore it`
    throw new AppError('invalid', message, { code: 'secret-file-missing' })
  }
  await ensurePassphrase(paths.passphrase)
  const passphrase = await readPassphrase(paths.passphrase)
  if (await exists(paths.keyset)) return { path: paths.keyset, passphrase, created: false }
  const made = await createKeyset({ path: paths.keyset, passphrase, mode: 'development', ...options })
  return { path: paths.keyset, passphrase, created: made === 'created' }
}

async function ensurePassphrase(path: string): Promise<void> {
  if (await exists(path)) return
  await createSecretFile(path, Buffer.from(`${randomBytes(32).toString('base64url')}\n`))
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
