import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { transaction } from '../../src/db/transaction.ts'
import { addEndpoint, type NewEndpoint } from '../../src/destinations/endpoints.ts'
import type { IdentifierForm } from '../../src/destinations/identifier-form.ts'
import { noteSent } from '../../src/destinations/register.ts'
import { createSafeCall } from '../../src/destinations/safe-call.ts'
import { isSigned, signedHeaders } from '../../src/destinations/standard-webhooks.ts'
import type { TellingDeps } from '../../src/destinations/tell.ts'
import type { JsonObject } from '../../src/event/event.ts'
import type { SubjectId } from '../../src/event/ids.ts'
import { withActiveEpoch } from '../../src/keys/subject-keys.ts'
import { createLog } from '../../src/log.ts'
import { signatureHeaders } from '../../src/rights/protocols/opendsr-signature.ts'
import { selfSignedCertificate } from '../../src/rights/protocols/self-signed.ts'
import { type Asked, type FaultyServer, startFaultyServer } from './faulty-server.ts'
import type { Answer, TestApp } from './test-app.ts'

export interface Recipient extends FaultyServer {
  readonly name: string
  readonly destinationId: number
  readonly secret: string
  /** Messages that were signed as they should be, by their uid, each as often as it came. */
  readonly told: JsonObject[]
  /** Says, signed, how far it is. */
  say(uid: string, status: string, how?: { readonly at?: number; readonly secret?: string }): Promise<Answer>
}

/** A webhook of somebody's, over real HTTP. Checks what it is told before it answers. */
export async function startRecipient(weir: TestApp, name: string, more: Partial<NewEndpoint> = {}): Promise<Recipient> {
  const told: JsonObject[] = []
  const server = await startFaultyServer('application/json', ({ headers, text }) => {
    const body = Buffer.from(text)
    if (!isSigned(added.secret, { headers, body, now: Date.now() + shift() })) return { status: 401 }
    told.push(JSON.parse(text) as JsonObject)
    return { status: 202, body: { taken: true } }
  })
  const shift = (): number => deps(weir).now() - Date.now()
  const endpoint = {
    name,
    protocol: 'webhook',
    url: `${server.url}/privacy`,
    slaDays: 10,
    region: 'CN',
    role: 'entrusted',
  } as const
  const added = await transaction(weir.owner, (tx) => addEndpoint(tx, weir.keyring, { ...endpoint, ...more }))
  return {
    ...server,
    ...added,
    name,
    told,
    async say(uid, status, { at = Date.now(), secret = added.secret } = {}) {
      const body = JSON.stringify({ metadata: { uid }, event: { status } })
      const headers = signedHeaders(secret, { id: `e-${uid}`, at, body: Buffer.from(body) })
      return weir.server.post(`/v1/recipients/${name}/callback`, body, { ...headers, authorization: '' })
    },
  }
}

const clocks = new WeakMap<TestApp, number>()

/** Moves the clock of these workers alone. */
export function wait(weir: TestApp, ms: number): void {
  clocks.set(weir, (clocks.get(weir) ?? 0) + ms)
}

/** What a worker is made with. */
export function deps(weir: TestApp): TellingDeps {
  return {
    db: weir.db,
    keyring: weir.keyring,
    call: createSafeCall({ mode: 'development', totalMs: 400 }),
    now: () => Date.now() + (clocks.get(weir) ?? 0),
    publicUrl: 'http://weir.test',
    log: createLog({ level: 'silent', to: { write: () => true } }),
  }
}

/** Notes that a recipient is sent something of somebody. */
export async function sent(
  weir: TestApp,
  subject: SubjectId,
  destinationId: number,
  [identifierForm, identifier]: readonly [IdentifierForm, string],
  more: { readonly fields?: readonly string[]; readonly at?: number; readonly recordId?: string } = {},
): Promise<void> {
  const { fields = ['properties.total'], at = Date.now(), recordId = 'record-1' } = more
  await withActiveEpoch(weir.keyring, () =>
    transaction(weir.db, (tx) =>
      noteSent(tx, weir.keyring, { subject, destinationId, fields, at, recordId, identifierForm, identifier }),
    ),
  )
}

export interface Processor extends FaultyServer {
  readonly name: string
  readonly destinationId: number
  readonly token: string
  /** What it was asked, by subject_request_id. */
  readonly requests: Map<string, ProcessorRequest>
  /** Signs with this instead of with its own key. */
  signWith: KeyObject
}

export interface ProcessorRequest {
  readonly document: JsonObject
  status: 'pending' | 'in_progress' | 'completed' | 'cancelled'
  found?: number
  /** How often it was asked for. */
  times: number
}

/** An OpenDSR 2.0 processor of somebody's, which signs what it answers. `statuses`: of the requests that come, by type. */
export async function startProcessor(
  weir: TestApp,
  name: string,
  rule: (type: string) => Pick<ProcessorRequest, 'status' | 'found'>,
): Promise<Processor> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = await selfSignedCertificate(privateKey, { host: 'processor.test', now: Date.now() })
  const requests = new Map<string, ProcessorRequest>()
  const answer = ({ method, path, headers, text }: Asked): { status: number; body: object } => {
    if (headers.authorization !== `Bearer ${added.secret}`) return { status: 401, body: {} }
    if (method === 'GET' && path === '/v2/discovery') {
      return {
        status: 200,
        body: {
          api_version: '2.0',
          supported_identities: [{ identity_type: 'email', identity_format: 'sha256' }],
          supported_subject_request_types: ['access', 'erasure'],
          processor_certificate: 'https://processor.test/cert.pem',
        },
      }
    }
    if (method === 'POST') {
      const document = JSON.parse(text) as JsonObject & { subject_request_id: string; subject_request_type: string }
      const id = document.subject_request_id
      const known = requests.get(id)
      if (known === undefined) requests.set(id, { document, times: 1, ...rule(document.subject_request_type) })
      else known.times++
      const time = new Date().toISOString()
      return {
        status: 201,
        body: {
          controller_id: 'weir',
          expected_completion_time: time,
          received_time: time,
          encoded_request: Buffer.from(text).toString('base64'),
          subject_request_id: id,
        },
      }
    }
    const id = path.split('/').at(-1) ?? ''
    const request = requests.get(id)
    if (request === undefined) return { status: 404, body: { error: { code: 404 } } }
    const { status: request_status, found } = request
    const body = { controller_id: 'weir', subject_request_id: id, request_status, api_version: '2.0' }
    return { status: 200, body: found === undefined ? body : { ...body, results_count: found } }
  }
  const server = await startFaultyServer('application/json', answer, (body) =>
    signatureHeaders(processor.signWith, { domain: 'processor.test', body }),
  )
  const endpoint = {
    name,
    protocol: 'opendsr',
    url: `${server.url}/v2`,
    slaDays: 10,
    region: 'DE',
    role: 'entrusted',
    certificate,
  } as const
  const added = await transaction(weir.owner, (tx) => addEndpoint(tx, weir.keyring, endpoint))
  const processor: Processor = {
    ...server,
    name,
    destinationId: added.destinationId,
    token: added.secret,
    requests,
    signWith: privateKey,
  }
  return processor
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Somebody else's key. */
export function otherKey(): KeyObject {
  return createPrivateKey(
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
  )
}
