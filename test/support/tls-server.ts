import { generateKeyPairSync } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { selfSignedCertificate } from '../../src/rights/protocols/self-signed.ts'

export interface TlsServer {
  readonly port: number
  /** Its certificate, which signs itself: what a client trusts in place of the system's. */
  readonly certificate: string
  /** The names that clients asked for (SNI), in order. */
  readonly names: readonly (string | false)[]
  close(): Promise<void>
}

/** A real HTTPS server for `host` on 127.0.0.1. */
export async function startTlsServer(host: string, answer: RequestListener): Promise<TlsServer> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = await selfSignedCertificate(privateKey, { host, now: Date.now() })
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' })
  const names: (string | false)[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ key, cert: certificate }, answer)
  server.on('secureConnection', (socket: TLSSocket) => names.push(socket.servername || false))
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    certificate,
    names,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
