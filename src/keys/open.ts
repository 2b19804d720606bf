import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { ensureKeysIn } from './development.ts'
import type { KeyProvider } from './provider.ts'
import { openFileProvider, readPassphrase } from './providers/file.ts'

export interface KeySettings {
  /** WEIR_KEYS: `file:` and the directory that holds keyset.json. */
  readonly uri: string
  /** WEIR_KEYS_PASSPHRASE_FILE; in development the directory's own `passphrase` where it is not set. */
  readonly passphraseFile?: string | undefined
  readonly mode: 'development' | 'production'
}

/**
 * Opens the keys that the configuration names. Development makes them where absent; production never does, and says
 * how (`weir keys init`). Throws AppError with one line that says what to fix.
 */
export async function openKeyProvider(settings: KeySettings): Promise<KeyProvider> {
  const directory = keyDirectory(settings.uri)
  if (settings.mode === 'development') {
    return openFileProvider(await ensureKeysIn(directory, { passphraseFile: settings.passphraseFile }))
  }
  return openFileProvider({ path: keysetPath(settings.uri), passphrase: await passphraseFor(settings) }).catch(
    (error: unknown) => {
      if (!(error instanceof AppError) || error.code !== 'secret-file-missing') throw error
      const message = `${error.message}: restore it, or make one for a new database with weir keys init`
      throw new AppError('invalid', message, { code: error.code, cause: error })
    },
  )
}

/** The keyset file of a `file:` URI. */
export function keysetPath(uri: string): string {
  return join(keyDirectory(uri), 'keyset.json')
}

/** The passphrase of an existing keyset, or for one that is asked for by name: read, never made. */
export async function passphraseFor(settings: KeySettings): Promise<Buffer> {
  if (settings.passphraseFile !== undefined) return readPassphrase(settings.passphraseFile)
  if (settings.mode === 'development') return readPassphrase(join(keyDirectory(settings.uri), 'passphrase'))
  throw new AppError('invalid', 'WEIR_KEYS_PASSPHRASE_FILE must name the file with the passphrase of the keys', {
    code: 'config',
  })
}

function keyDirectory(uri: string): string {
  if (!uri.startsWith('file:')) {
    throw new AppError('invalid', 'WEIR_KEYS must be file: with a directory, for instance file:/etc/weir/keys', {
      code: 'config',
    })
  }
  // Taken as it stands, not as a URL: a data directory may have a blank or a percent sign in its name.
  return uri.slice('file:'.length).replace(/^\/\/(?=\/)/, '')
}
