import { lookup as systemLookup } from 'node:dns/promises'
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { systemCode } from '../keys/providers/remote-call.ts'
import { isLoopback, isPublicAddress } from './public-address.ts'

export interface SafeRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

export interface SafeAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export type CallRefusal =
  | 'url-forbidden' // not https, or with a user or a password
  | 'unresolved' // no address has this name
  | 'address-forbidden' // an address that is not on the Internet
  | 'unreachable' // no connection, or it broke before the request was out
  | 'tls' // the certificate does not hold
  | 'no-answer' // the request went out, the answer did not come in time, or not whole
  | 'answer-too-large'
  | 'redirect' // never followed: who is told was decided when the address was checked

/** Why there is no answer. `sent`: whether the request may have been taken nonetheless. */
export class CallRefused extends Error {
  readonly code: CallRefusal
  readonly sent: boolean

  constructor(
    code: CallRefusal,
    { sent = false, hint }: { readonly sent?: boolean; readonly hint?: string | undefined } = {},
  ) {
    super(hint === undefined ? code : `${code} (${hint})`)
    this.name = 'CallRefused'
    this.code = code
    this.sent = sent
  }
}

export type Resolve = (host: string) => Promise<readonly string[]>

export interface SafeCallOptions {
  /** Development lets this machine be called, also without TLS: what stands at a developer's desk. */
  readonly mode: 'development' | 'production'
  /** All addresses of a name; the system's resolver where nothing is said. Asked once for each call. */
  readonly resolve?: Resolve
  /** Milliseconds for everything, from the name to the last byte. */
  readonly totalMs?: number
  readonly maxAnswer?: number
  /** Certificates to trust in place of the system's, in PEM. */
  readonly ca?: string
}

export type SafeCall = (request: SafeRequest) => Promise<SafeAnswer>

const TOTAL_MS = 10_000
const MAX_ANSWER = 64 * 1024
const MAX_HEADERS = 16 * 1024

/**
 * A client for addresses that others name (an operator, a controller in its request), so that none of them makes the
 * gateway speak to what only the gateway can reach. Every address of the name must be on the Internet, and the connection
 * goes to one of those that were looked at: a resolver that changes its mind is not asked again. TLS is verified against
 * the name; no redirect is followed, no proxy of the environment is used, and time and size have an end.
 * The answer may have any status but a redirect's. Throws CallRefused.
 */
export function createSafeCall(options: SafeCallOptions): SafeCall {
  const resolve = options.resolve ?? resolveAll
  const { totalMs = TOTAL_MS, maxAnswer = MAX_ANSWER } = options
  return async function call(request) {
    const url = checkedUrl(request.url, options.mode)
    const until = performance.now() + totalMs
    const addresses = await inTime(addressesOf(url, resolve, options.mode), until)
    return exchange(url, request, { addresses, until, maxAnswer, ca: options.ca })
  }
}

function checkedUrl(text: string, mode: SafeCallOptions['mode']): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const permitted = mode === 'development' ? ['https:', 'http:'] : ['https:']
  if (url === undefined || !permitted.includes(url.protocol)) throw new CallRefused('url-forbidden')
  if (url.username !== '' || url.password !== '' || url.hostname === '') throw new CallRefused('url-forbidden')
  return url
}

/** One forbidden address among them is enough: whoever answers so is not to be spoken to. */
async function addressesOf(url: URL, resolve: Resolve, mode: SafeCallOptions['mode']): Promise<readonly string[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const found = isIP(host) === 0 ? await resolve(host).catch(() => []) : [host]
  if (found.length === 0) throw new CallRefused('unresolved')
  const local = mode === 'development' && found.every(isLoopback)
  if (!local && !found.every(isPublicAddress)) throw new CallRefused('address-forbidden')
  if (!local && url.protocol === 'http:') throw new CallRefused('url-forbidden')
  return found
}

async function resolveAll(host: string): Promise<string[]> {
  return (await systemLookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address)
}

interface Exchange {
  readonly addresses: readonly string[]
  /** On the clock of performance.now(). */
  readonly until: number
  readonly maxAnswer: number
  readonly ca: string | undefined
}

function exchange(url: URL, { method, headers, body }: SafeRequest, how: Exchange): Promise<SafeAnswer> {
  return new Promise((resolve, reject) => {
    let sent = false
    const connection = {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(body.length) }) },
      lookup: pinnedTo(how.addresses),
      maxHeaderSize: MAX_HEADERS,
    }
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...connection, agent: new HttpsAgent(), rejectUnauthorized: true, ...trusting(how.ca) })
        : httpRequest(url, { ...connection, agent: new HttpAgent() }) // an agent of its own: no proxy, no pool
    const timer = setTimeout(() => fail(new CallRefused(sent ? 'no-answer' : 'unreachable', { sent })), left(how.until))
    const fail = (refused: CallRefused): void => {
      clearTimeout(timer)
      reject(refused)
      request.destroy()
    }
    refuseOtherPeers(request, how.addresses, fail)
    request.on('finish', () => {
      sent = true
    })
    request.on('error', (error) => fail(refusalOf(error, sent)))
    request.on('response', (response) => {
      if (response.statusCode! >= 300 && response.statusCode! < 400)
        return fail(new CallRefused('redirect', { sent: true }))
      readAnswer(response, how.maxAnswer).then((answer) => {
        clearTimeout(timer)
        resolve(answer)
        request.destroy()
      }, fail)
    })
    request.end(body)
  })
}

function trusting(ca: string | undefined): { readonly ca?: string } {
  return ca === undefined ? {} : { ca }
}

/** Answers with the addresses that were checked, whatever is asked. */
function pinnedTo(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_host, options, done) => {
    if (options.all === true) done(null, all)
    else done(null, all[0]!.address, all[0]!.family)
  }
}

/** Looked at once more on the socket itself, before a byte goes out over it. */
function refuseOtherPeers(
  request: ClientRequest,
  addresses: readonly string[],
  fail: (refused: CallRefused) => void,
): void {
  request.on('socket', (socket) => {
    socket.once('connect', () => {
      if (!addresses.includes(socket.remoteAddress ?? '')) fail(new CallRefused('address-forbidden'))
    })
  })
}

function readAnswer(response: IncomingMessage, limit: number): Promise<SafeAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) reject(new CallRefused('answer-too-large', { sent: true }))
      else chunks.push(chunk)
    })
    response.on('end', () => {
      if (!response.complete) return reject(new CallRefused('no-answer', { sent: true }))
      resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) })
    })
    response.on('error', (error) => reject(refusalOf(error, true)))
    response.on('aborted', () => reject(new CallRefused('no-answer', { sent: true })))
  })
}

const TLS_CODES = /^(ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_SSL_|HOSTNAME_MISMATCH|EPROTO)/

function refusalOf(error: Error, sent: boolean): CallRefused {
  if (error instanceof CallRefused) return error
  const hint = systemCode(error)
  if (hint === 'HPE_HEADER_OVERFLOW') return new CallRefused('answer-too-large', { sent: true })
  if (hint !== undefined && TLS_CODES.test(hint)) return new CallRefused('tls', { hint })
  return new CallRefused(sent ? 'no-answer' : 'unreachable', { sent, hint })
}

function left(until: number): number {
  return Math.max(1, Math.ceil(until - performance.now()))
}

/** A resolver that hangs is one that does not answer. */
async function inTime<T>(work: Promise<T>, until: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new CallRefused('unresolved')), left(until))
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
