import type { KMSClient } from '@aws-sdk/client-kms'
import { AppError } from '../../errors.ts'
import type { KmsPlace } from './kms-uri.ts'
import { CallFailed, type CallTiming, callRemote, systemCode, unavailable } from './remote-call.ts'

export interface KmsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

type Sdk = typeof import('@aws-sdk/client-kms')

export interface Kms {
  readonly uri: string
  /** Sends one command. Throws KmsRefused, AppError as KeyProvider does. */
  call<T>(
    send: (client: KMSClient, sdk: Sdk, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
    options?: { readonly repeatable: boolean },
  ): Promise<T>
}

/** What KMS says about a key or a ciphertext: the name of its exception; its text is not ours to show. */
export class KmsRefused extends Error {
  readonly reason: Refusal

  constructor(reason: Refusal) {
    super(reason)
    this.name = 'KmsRefused'
    this.reason = reason
  }
}

const REFUSALS = [
  'AlreadyExistsException',
  'DisabledException',
  'IncorrectKeyException',
  'InvalidCiphertextException',
  'KMSInvalidStateException',
  'NotFoundException',
] as const
export type Refusal = (typeof REFUSALS)[number]

/**
 * The SDK's client. It is loaded here and not at start: that takes about 75 ms and 28 MiB, for nothing where the keys
 * lie elsewhere. Retries are ours, so that all of them together have one bound.
 */
export async function openKms(
  uri: string,
  place: KmsPlace,
  options: { readonly timing: CallTiming; readonly credentials?: KmsCredentials | undefined },
): Promise<Kms> {
  const sdk = await import('@aws-sdk/client-kms')
  const { timing, credentials } = options
  const client = new sdk.KMSClient({
    region: place.region,
    maxAttempts: 1,
    ...(place.endpoint === undefined ? {} : { endpoint: place.endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  })
  return {
    uri,
    call: (send, { repeatable } = { repeatable: true }) =>
      callRemote(
        (abortSignal) =>
          send(client, sdk, { abortSignal }).catch((error: unknown) => {
            throw classify(uri, error)
          }),
        { uri, timing, repeatable },
      ),
  }
}

function classify(uri: string, error: unknown): Error {
  const name = nameOf(error)
  const status = statusOf(error)
  const known = REFUSALS.find((one) => one === name)
  if (known !== undefined) return new KmsRefused(known)
  if (THROTTLED.test(name) || status === 429) return new CallFailed('throttled', name)
  if (name === 'CredentialsProviderError') {
    return unavailable(uri, 'cannot be asked: no AWS credentials were found')
  }
  if (status === undefined || status < 300) return new CallFailed('no-answer', systemCode(error) ?? name)
  if (status >= 500) return new CallFailed('broken', name)
  return unavailable(uri, `refuses the request (${name}): compare its permissions with docs/keys-providers.md`)
}

const THROTTLED = /^(Throttling|ThrottlingException|ThrottledException|RequestLimitExceeded|TooManyRequestsException)$/

/** The SDK's own error holds the answer and the text of the service: only its name goes on. */
function nameOf(error: unknown): string {
  const name = error instanceof Error ? error.name : ''
  return /^[A-Za-z]{1,64}$/.test(name) ? name : 'unknown error'
}

function statusOf(error: unknown): number | undefined {
  const metadata: unknown = error instanceof Error ? Reflect.get(error, '$metadata') : undefined
  const status: unknown =
    typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'httpStatusCode') : undefined
  return typeof status === 'number' ? status : undefined
}

/** There is no root yet, or its alias was removed. */
export function rootMissing(uri: string): AppError {
  return new AppError(
    'conflict',
    `the key provider ${uri} has no such alias: make the root of a new database with weir keys init`,
    {
      code: 'key-root-missing',
    },
  )
}
