import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError } from '../errors.ts'
import type { IncomingEvent, Source } from '../event/event.ts'
import { authenticateSource, presented, withBodyKeys } from './authenticate.ts'
import { ClientGone, readBody } from './body.ts'
import { corsHeaders } from './cors.ts'
import type { HttpDeps, MessageResult } from './deps.ts'
import { ingestHeaders } from './headers.ts'
import { identityHeaders } from './identity-headers.ts'
import { parseJson } from './json.ts'
import {
  batchOf,
  envelopeOf,
  type IngestKind,
  type Read,
  readMessages,
  subjectTokenOf,
  writeKeysOf,
} from './messages.ts'
import { ingestProblemOf, PROBLEM_TYPE } from './problem.ts'
import { isFields } from './protocols/segment.ts'
import type { RateLimit } from './rate-limit.ts'
import { showResult, type WireResult } from './results.ts'
import type { SourceCache } from './source-cache.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

export interface Edge {
  readonly deps: HttpDeps
  readonly cache: SourceCache
  readonly limit: RateLimit
  readonly callerPrefix: (request: IncomingMessage) => string
}

/**
 * Answers one request of the wire protocol, before and without Express (whose router costs more than all that is done
 * here). 200 with an outcome per message; 4xx and 503 as in docs/api.md.
 */
export async function ingest(edge: Edge, kind: IngestKind, request: IncomingMessage, response: ServerResponse) {
  const { origin } = request.headers
  try {
    const { source, results } = await take(edge, kind, request)
    const allowed = source === undefined ? await mayRead(edge, origin) : origin !== undefined
    const body = source === undefined ? { success: true } : { success: true, results }
    send(response, 200, body, { 'content-type': JSON_TYPE, ...corsHeaders(origin, { allowed }) })
  } catch (error) {
    if (error instanceof ClientGone) {
      response.destroy()
      return
    }
    if (!(error instanceof AppError)) edge.deps.log.error({ err: error }, 'ingest failed')
    const problem = ingestProblemOf(error)
    // An error that a page may not read looks like a broken network, which makes its SDK send again and again.
    const cors = corsHeaders(origin, { allowed: await mayRead(edge, origin) })
    send(response, problem.status, problem.body, { ...cors, ...problem.headers, 'content-type': PROBLEM_TYPE })
  }
}

async function mayRead({ cache }: Edge, origin: string | undefined): Promise<boolean> {
  return origin !== undefined && (await cache.listsOrigin(origin).catch(() => false))
}

interface Taken {
  readonly source: Source | undefined
  readonly results: readonly WireResult[]
}

async function take(edge: Edge, kind: IngestKind, request: IncomingMessage): Promise<Taken> {
  const { deps, cache, limit } = edge
  if (kind.takes === 'nothing') {
    await readBody(request)
    return { source: undefined, results: [] }
  }
  const receivedAt = deps.now()
  const addressPrefix = edge.callerPrefix(request)
  const { origin } = request.headers
  const inHeaders = presented(request, kind.takes === 'batch' && kind.keyInQuery ? keyInQuery(request) : undefined)
  let source = inHeaders === undefined ? undefined : await authenticateSource(cache, inHeaders, origin)
  if (source !== undefined) limit(source, addressPrefix, 1)

  const parsed = parseJson(await readBody(request))
  const body = parsed.value
  if (!isFields(body)) throw new AppError('invalid', 'The body must be a JSON object.', { code: 'body-not-object' })
  const messages = kind.takes === 'batch' ? batchOf(body) : [body]
  const credentials = withBodyKeys(inHeaders, writeKeysOf(body, messages))
  source ??= await authenticateSource(cache, credentials, origin)
  if (messages.length > 1 || inHeaders === undefined) {
    limit(source, addressPrefix, inHeaders === undefined ? Math.max(1, messages.length) : messages.length - 1)
  }

  const proofs = identityHeaders(request)
  const { categories } = deps.policy()
  const envelope = envelopeOf({ kind, request, source, body, parsed, receivedAt, addressPrefix, proofs, categories })
  const read = readMessages(messages, parsed, kind, envelope)
  const subjectToken = subjectTokenOf(proofs.subjectToken, body)
  const accepted = await submit(edge, source, read, { receivedAt, addressPrefix, subjectToken })
  return { source, results: merge(read, accepted, source) }
}

function keyInQuery(request: IncomingMessage): string[] {
  const query = request.url?.split('?', 2)[1]
  return query === undefined ? [] : new URLSearchParams(query).getAll('writeKey')
}

interface Circumstances {
  readonly receivedAt: number
  readonly addressPrefix: string
  readonly subjectToken: string | undefined
}

async function submit(
  { deps }: Edge,
  source: Source,
  read: readonly Read[],
  { subjectToken, ...rest }: Circumstances,
): Promise<readonly MessageResult[]> {
  const events = read.filter((message): message is IncomingEvent => !('invalid' in message))
  if (events.length < read.length) deps.countInvalid?.(source, read.length - events.length)
  if (events.length === 0) return []
  const results = await deps.submit({
    source,
    events,
    ...rest,
    ...(subjectToken === undefined ? {} : { subjectToken }),
  })
  if (results.length !== events.length) throw new Error('submit() must answer every event')
  return results
}

function merge(read: readonly Read[], accepted: readonly MessageResult[], source: Source): WireResult[] {
  let next = 0
  return read.map((message) => {
    if ('invalid' in message) return { messageId: message.messageId, outcome: 'invalid', reason: message.invalid }
    return showResult(accepted[next++] as MessageResult, source)
  })
}

/** Flat arrays: Node writes them as they are, without a look-up for each name. */
function send(response: ServerResponse, status: number, body: object, headers: Record<string, string>): void {
  const text = JSON.stringify(body)
  const all = ['content-length', String(Buffer.byteLength(text)), ...ingestHeaders]
  for (const name in headers) all.push(name, headers[name] as string)
  response.writeHead(status, all)
  response.end(text)
}
