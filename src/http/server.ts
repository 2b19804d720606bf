import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { createCallerPrefix } from './address.ts'
import { answerPreflight } from './cors.ts'
import type { HttpDeps } from './deps.ts'
import { type Edge, ingest } from './ingest.ts'
import { PROBLEM_TYPE, problem } from './problem.ts'
import { createRateLimit } from './rate-limit.ts'
import { createRouter } from './router.ts'
import { wirePaths } from './routes/wire.ts'
import { createSourceCache } from './source-cache.ts'
import { readSources } from './sources.ts'

// Node's own are 60 s, 300 s, 5 s, 16 KiB and 2,000: made for uploads, too patient with a slowloris. Keep-alive
// outlives the idle time of the usual load balancers (60 s), or they would send into a closing connection.
const patience = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 8_192,
}

/**
 * The HTTP server, not yet listening. Closing it is the caller's: close(), then closeIdleConnections().
 * Tests shorten the timeouts through `lessPatient`.
 */
export function createHttp(deps: HttpDeps, lessPatient: Partial<typeof patience> = {}): Server {
  const edge: Edge = {
    deps,
    cache: createSourceCache(() => readSources(deps.db)),
    limit: createRateLimit(deps.config.rateLimits, deps.now),
    callerPrefix: createCallerPrefix(deps.config.trustProxy),
  }
  const router = createRouter(edge)
  const server = createServer({ ...patience, ...lessPatient }, (request, response) =>
    answer(edge, router, request, response),
  )
  server.maxHeadersCount = MAX_HEADERS + 1
  server.timeout = 60_000 // a client that does not read its answer
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  connections.set(server, open)
  return server
}

const connections = new WeakMap<Server, ReadonlySet<Socket>>()

/** Ends connections on which nothing was sent yet: browsers open some ahead, and Node does not count them as idle. */
export function closeSilentConnections(server: Server): void {
  for (const socket of connections.get(server) ?? []) if (socket.bytesRead === 0) socket.destroy()
}

// Older Node 24 drops what is over its count without a word (newer ones answer 431), and what is dropped may be Sec-GPC.
const MAX_HEADERS = 64

type Listener = (request: IncomingMessage, response: ServerResponse) => void

function answer(edge: Edge, router: Listener, request: IncomingMessage, response: ServerResponse): void {
  const kind = request.method === 'POST' ? wirePaths.get(pathOf(request.url ?? '')) : undefined
  if (request.rawHeaders.length > MAX_HEADERS * 2) refuseHeaders(response)
  else if (kind !== undefined) {
    void ingest(edge, kind, request, response) // answers its own errors
  } else if (request.method === 'OPTIONS') {
    answerPreflight(edge.cache, request, response).catch((error: unknown) => {
      edge.deps.log.error({ err: error }, 'preflight failed')
      response.destroy()
    })
  } else {
    router(request, response)
  }
}

/** Without the query, and without the one trailing slash that a base URL ending in `/` leaves behind. */
function pathOf(url: string): string {
  // RFC 9112 §3.2.2: a server takes the absolute form too, which some proxies send.
  const origin = url.startsWith('/') ? undefined : /^https?:\/\/[^/?#]*/i.exec(url)?.[0]
  const target = origin === undefined ? url : url.slice(origin.length)
  const query = target.indexOf('?')
  const path = query === -1 ? target : target.slice(0, query)
  return path.endsWith('/') ? path.slice(0, -1) : path
}

function refuseHeaders(response: ServerResponse): void {
  const { status, body } = problem(431, 'too-many-headers', `Send at most ${MAX_HEADERS} headers.`)
  response.writeHead(status, { 'Content-Type': PROBLEM_TYPE, 'Cache-Control': 'no-store' })
  response.end(JSON.stringify(body))
}
