import { randomUUID } from 'node:crypto'
import type { Endpoint } from './endpoints.ts'
import { discover } from './opendsr-client.ts'
import type { SafeCall } from './safe-call.ts'
import { signedHeaders } from './standard-webhooks.ts'
import { refusedBy } from './told.ts'

export interface Tried {
  readonly ok: boolean
  /** `http-200`, or a code of docs/recipients.md. */
  readonly code: string
  /** Of an OpenDSR processor: which requests it takes. */
  readonly takes?: readonly string[]
}

/** Whether a recipient can be told, without telling it of anybody. */
export async function tryEndpoint(call: SafeCall, endpoint: Endpoint, now: number): Promise<Tried> {
  if (endpoint.protocol === 'opendsr') return tryOpenDsr(call, endpoint)
  const id = randomUUID()
  const document = { apiVersion: 'weir/v1', kind: 'TestRequest', metadata: { uid: id } }
  const body = Buffer.from(JSON.stringify(document), 'utf8')
  const headers = { 'content-type': 'application/json', ...signedHeaders(endpoint.secret, { id, at: now, body }) }
  try {
    const { status } = await call({ method: 'POST', url: endpoint.url, headers, body })
    return { ok: status < 300, code: `http-${status}` }
  } catch (error) {
    const told = refusedBy(error)
    return { ok: false, code: told.outcome === 'acknowledged' ? 'http-200' : told.failure }
  }
}

/** Without erasure it cannot be told, without access it cannot be asked whether it did. */
async function tryOpenDsr(call: SafeCall, endpoint: Endpoint): Promise<Tried> {
  const found = await discover(call, endpoint)
  if (typeof found === 'string') return { ok: false, code: found }
  const takes = found.supported_subject_request_types
  return { ok: takes.includes('erasure'), code: takes.includes('erasure') ? 'http-200' : 'no-erasure', takes }
}
