import { AppError } from '../../errors.ts'
import { ProtectError } from '../../protect/protect-error.ts'
import type { KeyProvider } from '../provider.ts'
import { type Kms, type KmsCredentials, KmsRefused, openKms, rootMissing } from './kms-client.ts'
import { isKeyArn, onRefusal, PENDING_DAYS, type RootKeys, rootKeys } from './kms-keys.ts'
import { readKmsUri } from './kms-uri.ts'
import { CALL_TIMING, type CallTiming, rootDestroyed, unavailable } from './remote-call.ts'
import { createRemoteProvider, type RemoteRoot } from './remote-provider.ts'

export interface AwsKmsSettings {
  /** `aws-kms:alias/NAME`, with `?region=` and `&endpoint=` where they are not the environment's. */
  readonly uri: string
  /** AWS_REGION */
  readonly region?: string | undefined
  /** Those that the SDK finds by itself, where none are given. */
  readonly credentials?: KmsCredentials
  readonly timing?: CallTiming
}

/**
 * The root is the keys behind an alias of AWS KMS. A version is a key of its own, since KMS destroys keys and never
 * a version of one; the first is made by makeAwsKmsRoot. Throws AppError with one line where the settings or the key are
 * not as they must be.
 */
export async function openAwsKmsProvider(settings: AwsKmsSettings): Promise<KeyProvider> {
  const { kms, keys, alias } = await openKeys(settings)
  await keys.current().catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'key-root-missing') throw error // else it is not made yet
  })
  return createRemoteProvider(kmsRoot(kms, keys, alias))
}

/**
 * Makes the first key and its alias: what an operator asks for by name, never what a start does. Resolves with the
 * key's ARN. Throws AppError `keyset-exists` where the alias is there, and leaves it as it is.
 */
export async function makeAwsKmsRoot(settings: AwsKmsSettings): Promise<string> {
  const { keys } = await openKeys(settings)
  const found = await keys.current().catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'key-root-missing') return undefined
    throw error
  })
  if (found === undefined) return keys.rotate()
  throw new AppError('conflict', `there is a root at ${settings.uri} already: it was left as it is`, {
    code: 'keyset-exists',
  })
}

async function openKeys(settings: AwsKmsSettings): Promise<{ kms: Kms; keys: RootKeys; alias: string }> {
  const { uri, credentials, timing = CALL_TIMING } = settings
  const place = readKmsUri(uri, settings.region)
  const kms = await openKms(uri, place, { timing, credentials })
  return { kms, keys: rootKeys(kms, place.alias), alias: place.alias }
}

function kmsRoot(kms: Kms, keys: RootKeys, alias: string): RemoteRoot {
  const { uri } = kms
  let home: Promise<string> | undefined
  const homePrefix = (): Promise<string> => {
    home ??= keys.current().then(({ prefix }) => prefix)
    home.catch(() => {
      home = undefined
    })
    return home
  }
  return {
    uri,
    suite: 'aws-kms',
    destroyDelayDays: PENDING_DAYS,
    isVersion: isKeyArn,
    async encrypt(key, context) {
      const first = await encryptUnder(kms, alias, key, context)
      const newest = keys.newest(first.version)
      return newest === first.version ? first : encryptUnder(kms, newest, key, context)
    },
    async decrypt({ version, ciphertext }, context) {
      // Whoever can write into the database shall not name a key of his own account.
      if (!version.startsWith(await homePrefix())) throw new ProtectError('authentication', 'wrapped key')
      const { Plaintext: plaintext } = await kms
        .call((client, sdk, options) => {
          const input = { CiphertextBlob: ciphertext, KeyId: version, EncryptionContext: { ...context } }
          return client.send(new sdk.DecryptCommand(input), options)
        })
        .catch(async (error: unknown) => {
          throw error instanceof KmsRefused ? await whyNot(uri, version, error, keys) : error
        })
      if (plaintext === undefined) throw unavailable(uri, 'answers with other fields than it should')
      return Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength)
    },
    rotate: () => keys.rotate(),
    destroy: (version) => keys.destroy(version),
  }
}

async function encryptUnder(
  kms: Kms,
  keyId: string,
  key: Uint8Array,
  context: Readonly<Record<string, string>>,
): Promise<{ version: string; ciphertext: Uint8Array }> {
  const { CiphertextBlob: ciphertext, KeyId: version } = await kms
    .call((client, sdk, options) => {
      const input = { KeyId: keyId, Plaintext: key, EncryptionContext: { ...context } }
      return client.send(new sdk.EncryptCommand(input), options)
    })
    .catch(
      onRefusal('NotFoundException', () => {
        throw rootMissing(kms.uri)
      }),
    )
    .catch((error: unknown) => {
      throw error instanceof KmsRefused ? unavailable(kms.uri, `refuses to encrypt (${error.reason})`) : error
    })
  if (ciphertext !== undefined && version !== undefined && ciphertext.length <= MAX_CIPHERTEXT) {
    return { version, ciphertext }
  }
  throw unavailable(kms.uri, 'answers with other fields than it should')
}

const MAX_CIPHERTEXT = 6_144 // as the API says

async function whyNot(uri: string, version: string, refused: KmsRefused, keys: RootKeys): Promise<Error> {
  if (refused.reason === 'NotFoundException') return rootDestroyed(uri, version)
  if (refused.reason === 'KMSInvalidStateException') {
    const state = (await keys.describe(version))?.KeyState
    if (state === undefined || state === 'PendingDeletion') return rootDestroyed(uri, version)
  }
  if (refused.reason === 'InvalidCiphertextException' || refused.reason === 'IncorrectKeyException') {
    return new ProtectError('authentication', 'wrapped key')
  }
  return unavailable(uri, `does not open with ${version} (${refused.reason})`)
}
