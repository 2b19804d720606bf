import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Witness, WitnessAnswer } from './witness.ts'

/** Bytes of a request: 63 lines of proof, and a checkpoint with many signatures of the longest kind. */
const MAX_BODY = 128 * 1024
/** Requests at once; more are told to come back. */
const MAX_WAITING = 100

type Answer = Omit<WitnessAnswer, 'status'> & { readonly status: number }

/**
 * C2SP tlog-witness over HTTP: `POST /add-checkpoint` and nothing else. `onError` hears what the witness could not read
 * or write; who asked gets a 500 and no cosignature.
 */
export function createWitnessServer(witness: Witness, onError: (error: unknown) => void): Server {
  let waiting = 0
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (waiting >= MAX_WAITING) return send(response, plain(503, 'too many requests at once'), { 'retry-after': '1' })
    waiting++
    try {
      send(response, await route(witness, request))
    } catch (error) {
      onError(error)
      send(response, plain(500, 'the witness cannot answer now'))
    } finally {
      waiting--
    }
  }
  const server = createServer({ maxHeaderSize: 8192, connectionsCheckingInterval: 5000 }, (request, response) => {
    void answer(request, response) // answers whatever happens
  })
  server.headersTimeout = 10_000
  server.requestTimeout = 15_000
  server.keepAliveTimeout = 65_000
  server.maxHeadersCount = 64
  server.maxConnections = 256
  return server
}

async function route(witness: Witness, request: IncomingMessage): Promise<Answer> {
  if (request.url !== '/add-checkpoint') return plain(404, 'there is nothing here')
  if (request.method !== 'POST') return plain(405, 'a checkpoint is sent with POST')
  const body = await readBody(request)
  if (body === undefined) return plain(413, 'the request is too large')
  const text = decode(body)
  return text === undefined ? plain(400, 'the request is no text') : witness.addCheckpoint(text)
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  // Not destroyed where we leave off: the answer goes over the same connection.
  const body = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  for await (const chunk of body) {
    length += chunk.length
    if (length > MAX_BODY) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function decode(body: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    return undefined
  }
}

function plain(status: number, text: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` }
}

function send(response: ServerResponse, { status, type, body }: Answer, headers: Record<string, string> = {}): void {
  const close = status === 413 ? { connection: 'close' } : {} // the rest of the body is not read
  response.writeHead(status, { ...headers, ...close, 'content-type': type, 'cache-control': 'no-store' })
  response.end(body)
}
