import { AppError } from '../../errors.ts'
import { readSecretFile } from '../secret-file.ts'
import { CallFailed, type CallTiming, callRemote, systemCode, unavailable } from './remote-call.ts'

export interface VaultHttpOptions {
  /** Names the provider in errors. */
  readonly uri: string
  /** `https://host:8200/v1/transit/`, with the slash. */
  readonly mount: URL
  /** A file of mode 0600 that holds the token alone; something else may renew it there. */
  readonly tokenFile: string
  readonly namespace: string | undefined
  readonly timing: CallTiming
}

export interface VaultRequest {
  readonly method: 'GET' | 'POST'
  /** Below the mount. */
  readonly path: string
  readonly body?: Readonly<Record<string, string | number>>
  /** See CallOptions. */
  readonly repeatable?: boolean
}

/** Resolves with `data` of the answer, undefined where it has none. Throws VaultRefused, AppError as KeyProvider does. */
export type VaultHttp = (request: VaultRequest) => Promise<unknown>

/** 400 or 404: the request was understood, and is not done. The text of the answer is not ours to show. */
export class VaultRefused extends Error {
  readonly status: number

  constructor(status: number) {
    super(`the answer is ${status}`)
    this.name = 'VaultRefused'
    this.status = status
  }
}

const MAX_BODY = 65_536
const SHOWN_TOKEN = /^[\x21-\x7e]{8,4096}$/

/** The HTTP API of Vault and OpenBao, as far as transit needs it. Reads the token file at once, and again after a 403. */
export async function openVaultHttp(options: VaultHttpOptions): Promise<VaultHttp> {
  const { uri, timing } = options
  let token = await readToken(options.tokenFile)
  return async function request(asked) {
    const ask = (): Promise<unknown> =>
      callRemote((signal) => attempt(options, token, asked, signal), {
        uri,
        timing,
        repeatable: asked.repeatable ?? true,
      })
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof Forbidden)) throw error
      // Tokens are renewed by replacing the file, and the old one ends without notice.
      token = await readToken(options.tokenFile)
    }
    return ask().catch((error: unknown) => {
      if (!(error instanceof Forbidden)) throw error
      throw unavailable(
        uri,
        'refuses the token: renew it in WEIR_VAULT_TOKEN_FILE and compare its policy with docs/keys-providers.md',
      )
    })
  }
}

class Forbidden extends Error {}

async function attempt(
  { uri, mount, namespace }: VaultHttpOptions,
  token: string,
  { method, path, body }: VaultRequest,
  signal: AbortSignal,
): Promise<unknown> {
  const headers: Record<string, string> = { 'x-vault-token': token, 'x-vault-request': 'true' }
  if (namespace !== undefined) headers['x-vault-namespace'] = namespace
  if (body !== undefined) headers['content-type'] = 'application/json'
  const init: RequestInit = { method, headers, signal, redirect: 'manual' } // a token goes where it was told to go
  if (body !== undefined) init.body = JSON.stringify(body)
  const response = await fetch(new URL(path, mount), init).catch((cause: unknown) => {
    throw new CallFailed('no-answer', systemCode(cause))
  })
  const { status } = response
  if (status === 200) return dataOf(uri, await boundedText(uri, response))
  await response.body?.cancel().catch(() => undefined)
  if (status === 204) return undefined
  if (status === 429) throw new CallFailed('throttled')
  if (status >= 500) throw new CallFailed('broken')
  if (status === 403) throw new Forbidden()
  if (status === 400 || status === 404) throw new VaultRefused(status)
  if (status >= 300 && status < 400)
    throw unavailable(uri, 'answers with a redirect: name the address of the active node')
  throw unavailable(uri, `answers with status ${status}`)
}

async function boundedText(uri: string, response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length
      if (length > MAX_BODY) throw unavailable(uri, 'answers with more than 64 KiB')
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new CallFailed('no-answer', systemCode(error))
  }
  return Buffer.concat(chunks).toString('utf8')
}

function dataOf(uri: string, text: string): unknown {
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === 'object' && json !== null ? Reflect.get(json, 'data') : undefined
  } catch {
    throw unavailable(uri, 'answers with what is no JSON') // without the cause: it quotes the answer
  }
}

async function readToken(path: string): Promise<string> {
  const token = (await readSecretFile(path, 'Vault token file')).toString('latin1').trim()
  if (SHOWN_TOKEN.test(token)) return token
  throw new AppError('invalid', `the Vault token file ${path} must hold one token and nothing else`, {
    code: 'vault-token-file',
  })
}
