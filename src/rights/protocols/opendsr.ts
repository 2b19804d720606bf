import { z } from 'zod'
import { wordingOf } from '../../http/wording.ts'
import { normalise } from '../../identity/normalise.ts'
import type { GivenIdentifier, Request } from '../request.ts'
import { openDsrState } from '../state.ts'
import type { Incoming, Loss } from './door.ts'

/** OpenDSR 2.0, the processor's side: what a controller sends becomes a request, and a request's state its answer. */
export const API_VERSION = '2.0'

const IDENTITY_TYPES = [
  'controller_customer_id',
  'email',
  'android_advertising_id',
  'android_id',
  'fire_advertising_id',
  'ios_advertising_id',
  'ios_vendor_id',
  'microsoft_advertising_id',
  'microsoft_publisher_id',
  'roku_publisher_id',
  'roku_advertising_id',
] as const
const OURS: Readonly<Partial<Record<(typeof IDENTITY_TYPES)[number], GivenIdentifier['type']>>> = {
  controller_customer_id: 'user_id',
  email: 'email',
}
/** Of the controller's own choice; the version is written into the id, and in lower case (§1.1). */
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const MAX_EXTENSIONS = 8_192
const TEN_YEARS_MS = 3_653 * 86_400_000

export const isSubjectRequestId = (text: string): boolean => UUID_V4.test(text)

const Identity = z.strictObject({
  identity_type: z.enum(IDENTITY_TYPES),
  identity_value: z.string().min(1).max(512),
  identity_format: z.enum(['raw', 'sha1', 'md5', 'sha256']),
})
const OpenDsrRequest = z.strictObject({
  regulation: z.enum(['gdpr', 'ccpa']),
  subject_request_id: z.string().regex(UUID_V4, 'write a UUID of version 4 in lower case'),
  subject_request_type: z.enum(['access', 'portability', 'erasure']),
  subject_identities: z.array(Identity).min(1).max(20).optional(),
  submitted_time: z.iso.datetime({ offset: true }),
  api_version: z
    .string()
    .regex(/^2(\.\d{1,3})?$/, 'write 2.0')
    .optional(),
  status_callback_urls: z.array(z.url().max(2048)).max(5).optional(),
  // Processors' own members, by domain: of any shape, so bounded by size alone.
  extensions: z
    .record(z.string().max(253), z.json())
    .refine((value) => JSON.stringify(value).length <= MAX_EXTENSIONS, `write at most ${MAX_EXTENSIONS} characters`)
    .optional(),
})

/** Why a request is answered 400: places and words, never a value (§7.6). */
export interface Refusal {
  readonly errors: readonly { readonly reason: string; readonly message: string }[]
}

export interface ParseContext {
  readonly controller: string
  /** Hosts that this controller may be called back at. */
  readonly callbackHosts: readonly string[]
  /** The domain under which extensions are ours. */
  readonly domain: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Reads a request strictly; what it says beyond our words is a loss, what cannot be acted on at all a refusal. */
export function parseOpenDsr(document: unknown, context: ParseContext): Incoming | Refusal {
  const parsed = OpenDsrRequest.safeParse(document, { error: wordingOf })
  if (!parsed.success) {
    const errors = parsed.error.issues.slice(0, 10).map(({ path, message }) => ({
      reason: 'invalid',
      message: `${path.map(String).filter(isKnownStep).join('.') || 'body'}: ${message}`,
    }))
    return { errors }
  }
  const { data } = parsed
  const { identifiers, losses } = readIdentities(data.subject_identities ?? [])
  const problem = problemWith(data, identifiers, context)
  if (problem !== undefined) return { errors: [problem] }
  const submitted = Date.parse(data.submitted_time)
  const { [context.domain]: ownExtension } = data.extensions ?? {}
  return {
    protocol: 'opendsr',
    controller: context.controller,
    foreignId: data.subject_request_id,
    right: data.subject_request_type,
    regime: data.regulation === 'ccpa' ? 'CCPA' : 'GDPR',
    language: 'en',
    receivedAt: Math.min(submitted, context.now),
    identifiers,
    losses: [
      ...losses,
      'language',
      ...(submitted > context.now ? (['submitted-time-future'] as const) : []),
      ...(ownExtension === undefined ? [] : (['extension'] as const)),
      ...(data.subject_request_type === 'erasure' ? [] : (['results-by-officer'] as const)),
    ],
    callbackUrls: [...new Set(data.status_callback_urls ?? [])],
    byOfficer: false,
  }
}

/** A step of a path that the protocol names, or an index: nothing that the sender made up. */
function isKnownStep(step: string): boolean {
  return /^\d+$/.test(step) || step in OpenDsrRequest.shape || step in Identity.shape
}

function problemWith(
  { submitted_time, status_callback_urls = [] }: z.infer<typeof OpenDsrRequest>,
  identifiers: readonly GivenIdentifier[],
  { callbackHosts, now }: ParseContext,
): Refusal['errors'][number] | undefined {
  if (identifiers.length === 0) {
    const message = 'subject_identities: none of them can be looked for; /discovery lists what can'
    return { reason: 'no-usable-identity', message }
  }
  if (now - Date.parse(submitted_time) > TEN_YEARS_MS) {
    return { reason: 'invalid', message: 'submitted_time: write when the person asked' }
  }
  if (status_callback_urls.some((url) => !callbackHosts.includes(new URL(url).host))) {
    return { reason: 'callback-host', message: 'status_callback_urls: a host that the processor has not on its list' }
  }
  return undefined
}

/** The controller vouches for each of them: together they are the person. */
function readIdentities(given: readonly z.infer<typeof Identity>[]): {
  readonly identifiers: readonly GivenIdentifier[]
  readonly losses: readonly Loss[]
} {
  const identifiers: GivenIdentifier[] = []
  const losses: Loss[] = []
  for (const { identity_type, identity_value: value, identity_format } of given) {
    const type = OURS[identity_type]
    if (type === undefined) losses.push('identity-type')
    else if (identity_format !== 'raw') losses.push('identity-format')
    else if (!normalise(type, value).ok) losses.push('identity-unreadable')
    else identifiers.push({ type, value, verified: true })
  }
  return { identifiers, losses }
}

/** What we offer (§6). */
export function discoveryDocument(publicUrl: string): object {
  return {
    api_version: API_VERSION,
    supported_identities: [
      { identity_type: 'controller_customer_id', identity_format: 'raw' },
      { identity_type: 'email', identity_format: 'raw' },
    ],
    supported_subject_request_types: ['access', 'portability', 'erasure'],
    processor_certificate: `${publicUrl}/.well-known/opendsr-cert.pem`,
  }
}

/** Of which request, and by whom. */
export interface Told {
  readonly controller: string
  readonly foreignId: string
}

/** §7.3. `processor_signature` stands in the header alone: a body cannot sign itself. */
export function submittedDocument(
  request: Request,
  { controller, foreignId }: Told,
  { raw, now }: { readonly raw: Buffer; readonly now: number },
): object {
  return {
    controller_id: controller,
    expected_completion_time: expected(request),
    received_time: new Date(now).toISOString(),
    encoded_request: raw.toString('base64'),
    subject_request_id: foreignId,
  }
}

export interface StatusMore {
  /** The domain under which extensions are ours. */
  readonly domain: string
  /** An access that found nobody: what a controller asks for that wants to know whether somebody is gone. */
  readonly foundNobody: boolean
  /** Identities that could not be looked for (kinds or formats that cannot be matched): nothing was done about those. */
  readonly dropped?: readonly string[]
}

/** §8.3. Who was refused is told `cancelled`, never `completed`, and why in an extension member. */
export function statusDocument(
  request: Request,
  { controller, foreignId }: Told,
  { domain, foundNobody, dropped = [] }: StatusMore,
): object {
  const extension = extensionOf(request, dropped)
  return {
    controller_id: controller,
    expected_completion_time: expected(request),
    subject_request_id: foreignId,
    request_status: openDsrState(request.state).state,
    api_version: API_VERSION,
    // Of somebody who was not looked for nobody says that there is nothing.
    ...(foundNobody && dropped.length === 0 ? { results_count: 0 } : {}),
    ...(extension === undefined ? {} : { extensions: { [domain]: extension } }),
  }
}

/** §8.6: the same, and where it was sent. */
export function callbackDocument(request: Request, told: Told, more: StatusMore & { readonly url: string }): object {
  return { ...statusDocument(request, told, more), status_callback_url: more.url }
}

/** §9.2 */
export function cancelledDocument({ controller, foreignId }: Told, now: number): object {
  return {
    controller_id: controller,
    subject_request_id: foreignId,
    received_time: new Date(now).toISOString(),
    api_version: API_VERSION,
  }
}

/** §7.6 */
export function errorDocument(code: number, message: string, { errors }: Refusal = { errors: [] }): object {
  return { error: { code, message, errors: errors.map((one) => ({ domain: 'weir', ...one })) } }
}

/** What the protocol has no word for: refused, expired, kept in part (the receipt says by which law, until when). */
function extensionOf({ state, reason, receipt }: Request, dropped: readonly string[]): object | undefined {
  const { loss } = openDsrState(state)
  const proof = state === 'completed' || state === 'completed_partial' ? receipt : undefined
  if (loss === undefined && proof === undefined && dropped.length === 0) return undefined
  return {
    ...(loss === undefined ? {} : { state: loss }),
    ...(state === 'denied' ? { denial_reason: reason ?? 'other' } : {}),
    ...(proof === undefined ? {} : { receipt: proof }),
    ...(dropped.length === 0 ? {} : { identities_not_looked_for: dropped }),
  }
}

/** What the person, or the law, was promised: the later promise where somebody decided to take longer. */
function expected({ extendedUntil, targetAt }: Request): string {
  return new Date(extendedUntil ?? targetAt).toISOString()
}
