import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the server does instead of, or to, its next answers. */
export type Fault =
  | {
      readonly kind: 'status'
      readonly status: number
      readonly body?: unknown
      readonly headers?: Record<string, string>
    }
  | { readonly kind: 'hang' } // takes the request and never answers
  | { readonly kind: 'cut' } // ends the connection
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'raw'; readonly body: string }
  | { readonly kind: 'lost' } // does what was asked, and answers with an error

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Answer {
  readonly status: number
  readonly body?: unknown
}

export interface FaultyServer {
  /** `http://127.0.0.1:port` */
  readonly url: string
  readonly asked: readonly Asked[]
  /** The next `times` requests that `only` takes meet this fault. */
  fail(fault: Fault, times?: number, only?: (asked: Asked) => boolean): void
  close(): Promise<void>
}

/** A real HTTP server for a service that we cannot run here: `answer` is the service, faults come before it. */
export async function startFaultyServer(
  contentType: string,
  answer: (asked: Asked) => Answer,
  /** Headers over the bytes of an answer, such as its signature. */
  over: (body: Buffer) => Record<string, string> = () => ({}),
): Promise<FaultyServer> {
  const asked: Asked[] = []
  const faults: { fault: Fault; left: number; only: (asked: Asked) => boolean }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one: Asked = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        text: Buffer.concat(chunks).toString('utf8'),
      }
      asked.push(one)
      const hit = faults.find((next) => next.left > 0 && next.only(one))
      if (hit !== undefined) hit.left--
      const send = (status: number, body: unknown, headers: Record<string, string> = {}): void => {
        const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body))
        response.writeHead(status, { 'content-type': contentType, ...over(bytes), ...headers })
        response.end(bytes)
      }
      const served = (): void => {
        const { status, body } = answer(one)
        send(status, body)
      }
      const fault = hit?.fault
      if (fault === undefined) return served()
      if (fault.kind === 'status') return send(fault.status, fault.body, fault.headers)
      if (fault.kind === 'lost') {
        answer(one)
        return send(502, undefined)
      }
      if (fault.kind === 'raw') return void response.writeHead(200, { 'content-type': contentType }).end(fault.body)
      if (fault.kind === 'slow') return void setTimeout(served, fault.ms)
      if (fault.kind === 'cut') return void request.socket.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    fail: (fault, times = 1, only = () => true) => void faults.push({ fault, left: times, only }),
    close: () => stop(server),
  }
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
