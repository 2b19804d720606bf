import { createHash, X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { isSignedBy } from '../rights/protocols/opendsr-signature.ts'
import type { Endpoint } from './endpoints.ts'
import { type IdentifierForm, partsOf } from './identifier-form.ts'
import type { MessageKind } from './outbox.ts'
import { CallRefused, type SafeAnswer, type SafeCall, type SafeRequest } from './safe-call.ts'
import { acknowledged, answeredWith, refusedBy, type Told, type ToTell } from './told.ts'

/** What OpenDSR can say of what recipients are told: of a purpose that was withdrawn, nothing may stay there either. */
const ERASES: ReadonlySet<MessageKind> = new Set(['erasure', 'withdrawal'])

/** §5.1. The customer's id at the controller is whatever id we gave; other spaces have no type. */
const IDENTITY_TYPE: Readonly<Record<string, string>> = {
  pseudonym: 'controller_customer_id',
  user_id: 'controller_customer_id',
  email: 'email',
}

export interface OpenDsrRequest {
  /** UUID v4, lower case. */
  readonly id: string
  readonly type: 'erasure' | 'access'
  readonly identifierForm: IdentifierForm
  readonly identifier: string
  /** When the person asked, as far as is known; milliseconds since 1970. */
  readonly submittedAt: number
  readonly regime: string | undefined
  readonly callbackUrl: string
}

/** Undefined where the protocol has no type for the identifier. */
export function opendsrRequest({ url, secret }: Endpoint, asked: OpenDsrRequest): SafeRequest | undefined {
  const { space, format } = partsOf(asked.identifierForm)
  const type = IDENTITY_TYPE[space]
  if (type === undefined) return undefined
  const document = {
    regulation: asked.regime === 'CCPA' ? 'ccpa' : 'gdpr', // §7.1.1 knows the two; PIPL's is nearest to the latter
    subject_request_id: asked.id,
    subject_request_type: asked.type,
    submitted_time: new Date(asked.submittedAt).toISOString(),
    subject_identities: [{ identity_type: type, identity_value: asked.identifier, identity_format: format }],
    api_version: '2.0',
    status_callback_urls: [asked.callbackUrl],
  }
  const headers = { ...credentials(secret), 'content-type': 'application/json' }
  return { method: 'POST', url: `${base(url)}/requests`, headers, body: Buffer.from(JSON.stringify(document), 'utf8') }
}

/** Sends an erasure. 201, signed where the processor's certificate is known, says that the processor has it. */
export async function tellOpenDsr(call: SafeCall, endpoint: Endpoint, told: ToTell, now: number): Promise<Told> {
  if (!ERASES.has(told.kind)) return { outcome: 'impossible', failure: 'not-in-protocol' }
  const { id, content, madeAt: submittedAt, regime, callbackUrl } = told
  return submit(call, endpoint, { id, type: 'erasure', ...content, submittedAt, regime, callbackUrl }, now)
}

/** Sends any request: an access after the erasure is the probe. */
export async function submit(call: SafeCall, endpoint: Endpoint, asked: OpenDsrRequest, now: number): Promise<Told> {
  const request = opendsrRequest(endpoint, asked)
  if (request === undefined) return { outcome: 'impossible', failure: 'identifier-not-in-protocol' }
  try {
    const answer = await call(request)
    if (answer.status !== 201) return answeredWith(answer.status)
    return holds(endpoint, answer, now) ? acknowledged(answer) : { outcome: 'sent', failure: 'signature' }
  } catch (error) {
    return refusedBy(error)
  }
}

const Status = z.object({
  subject_request_id: z.string(),
  request_status: z.enum(['pending', 'in_progress', 'completed', 'cancelled']),
  results_count: z.int().min(0).optional(),
  results_url: z.string().max(2048).nullish(),
})

export interface Progress {
  readonly status: 'pending' | 'in_progress' | 'completed' | 'cancelled'
  /** Of an access: how much there was. Undefined where the processor does not say. */
  readonly found: number | undefined
  readonly sha256: Buffer
}

/** Where a request is. A code where it cannot be known now: `http-404` where the processor does not know the request. */
export async function statusOf(
  call: SafeCall,
  endpoint: Endpoint,
  id: string,
  now: number,
): Promise<Progress | string> {
  const request: SafeRequest = {
    method: 'GET',
    url: `${base(endpoint.url)}/requests/${id}`,
    headers: credentials(endpoint.secret),
  }
  try {
    const answer = await call(request)
    if (answer.status !== 200) return `http-${answer.status}`
    if (!holds(endpoint, answer, now)) return 'signature'
    return readStatus(answer, id) ?? 'answer-unreadable'
  } catch (error) {
    if (error instanceof CallRefused) return error.code
    throw error
  }
}

function readStatus({ body }: SafeAnswer, id: string): Progress | undefined {
  const parsed = Status.safeParse(parsedJson(body))
  if (!parsed.success || parsed.data.subject_request_id !== id) return undefined
  const { request_status: status, results_count, results_url } = parsed.data
  const found = results_count ?? (typeof results_url === 'string' && results_url !== '' ? 1 : undefined)
  return { status, found, sha256: createHash('sha256').update(body).digest() }
}

const Discovery = z.object({
  api_version: z.string().max(20),
  supported_subject_request_types: z.array(z.string().max(40)).max(20),
  supported_identities: z
    .array(z.object({ identity_type: z.string().max(60), identity_format: z.string().max(20) }))
    .max(100),
})
export type Discovered = z.infer<typeof Discovery>

/** What a processor says that it can do (§6). A code where it cannot be asked. */
export async function discover(call: SafeCall, endpoint: Endpoint): Promise<Discovered | string> {
  try {
    const answer = await call({
      method: 'GET',
      url: `${base(endpoint.url)}/discovery`,
      headers: credentials(endpoint.secret),
    })
    if (answer.status !== 200) return `http-${answer.status}`
    const parsed = Discovery.safeParse(parsedJson(answer.body))
    return parsed.success ? parsed.data : 'answer-unreadable'
  } catch (error) {
    if (error instanceof CallRefused) return error.code
    throw error
  }
}

/** Without a certificate TLS alone says who answers. */
function holds({ certificate }: Endpoint, { headers, body }: SafeAnswer, now: number): boolean {
  return certificate === undefined || isSignedBy(new X509Certificate(certificate), { headers, body, now })
}

function credentials(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}`, accept: 'application/json' }
}

function base(url: string): string {
  return url.replace(/\/+$/, '')
}

function parsedJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
