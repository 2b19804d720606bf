import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { ensureKeysIn } from './development.ts'
import type { KeyProvider } from './provider.ts'
import { makeAwsKmsRoot, openAwsKmsProvider } from './providers/aws-kms.ts'
import { openFileProvider, readPassphrase } from './providers/file.ts'
import { openVaultProvider } from './providers/vault.ts'

export interface KeySettings {
  /** WEIR_KEYS: `file:` and the directory that holds keyset.json, `vault:https://…` or `aws-kms:alias/…`. */
  readonly uri: string
  /** WEIR_KEYS_PASSPHRASE_FILE; in development the directory's own `passphrase` where it is not set. */
  readonly passphraseFile?: string | undefined
  /** WEIR_VAULT_TOKEN_FILE */
  readonly vaultTokenFile?: string | undefined
  /** WEIR_VAULT_NAMESPACE */
  readonly vaultNamespace?: string | undefined
  /** AWS_REGION */
  readonly awsRegion?: string | undefined
  readonly mode: 'development' | 'production'
}

/**
 * Opens the root where the configuration says it is. Throws AppError with one line that says what to fix.
 * Of a file, development makes one where it is absent; production never does, and says how (`weir keys init`).
 */
export async function openKeyProvider(settings: KeySettings): Promise<KeyProvider> {
  const { uri } = settings
  switch (uri.slice(0, uri.indexOf(':') + 1)) {
    case 'file:':
      return openKeyFile(settings)
    case 'vault:':
      return openVaultProvider({ uri, tokenFile: settings.vaultTokenFile, namespace: settings.vaultNamespace })
    case 'aws-kms:':
      return openAwsKmsProvider({ uri, region: settings.awsRegion })
    case 'aliyun-kms:':
      throw config('WEIR_KEYS: aliyun-kms: is not there yet: take file:, vault: or aws-kms:')
    default:
      throw config('WEIR_KEYS must be file:, vault: or aws-kms:, for instance file:/etc/weir/keys')
  }
}

/**
 * Makes the root of a new installation at a service, for `weir keys init`; resolves with its first version. A file is
 * made by initKeys. Throws AppError `keyset-exists` where there is one, `config` where Weir does not make it.
 */
export async function makeRemoteRoot(settings: KeySettings): Promise<string> {
  const { uri } = settings
  if (uri.startsWith('aws-kms:')) return makeAwsKmsRoot({ uri, region: settings.awsRegion })
  if (!uri.startsWith('vault:'))
    throw config('WEIR_KEYS must be vault: or aws-kms: here, since a file is made otherwise')
  throw config('WEIR_KEYS: a transit key is made by an operator of Vault, not by Weir: see docs/keys-providers.md')
}

async function openKeyFile(settings: KeySettings): Promise<KeyProvider> {
  if (settings.mode === 'development') {
    return openFileProvider(await ensureKeysIn(keyDirectory(settings.uri), { passphraseFile: settings.passphraseFile }))
  }
  return openFileProvider({ path: keysetPath(settings.uri), passphrase: await passphraseFor(settings) }).catch(
    (error: unknown) => {
      if (!(error instanceof AppError) || error.code !== 'secret-file-missing') throw error
      const message = `${error.message}: restore it, or make one for a new database with weir keys init`
      throw new AppError('invalid', message, { code: error.code, cause: error })
    },
  )
}

/** The keyset file of a `file:` URI. Throws AppError `config` for another one. */
export function keysetPath(uri: string): string {
  return join(keyDirectory(uri), 'keyset.json')
}

/** The passphrase of an existing keyset, or for one that is asked for by name: read, never made. */
export async function passphraseFor(settings: KeySettings): Promise<Buffer> {
  if (settings.passphraseFile !== undefined) return readPassphrase(settings.passphraseFile)
  if (settings.mode === 'development') return readPassphrase(join(keyDirectory(settings.uri), 'passphrase'))
  throw config('WEIR_KEYS_PASSPHRASE_FILE must name the file with the passphrase of the keys')
}

function keyDirectory(uri: string): string {
  if (!uri.startsWith('file:')) throw config('WEIR_KEYS must be file: with a directory here, since only that is a file')
  // Taken as it stands, not as a URL: a data directory may have a blank or a percent sign in its name.
  return uri.slice('file:'.length).replace(/^\/\/(?=\/)/, '')
}

function config(message: string): AppError {
  return new AppError('invalid', message, { code: 'config' })
}
