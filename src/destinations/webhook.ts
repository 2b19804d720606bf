import type { Endpoint } from './endpoints.ts'
import { partsOf } from './identifier-form.ts'
import type { MessageKind } from './outbox.ts'
import type { SafeCall, SafeRequest } from './safe-call.ts'
import { signedHeaders } from './standard-webhooks.ts'
import { acknowledged, answeredWith, refusedBy, type Told, type ToTell } from './told.ts'

/** As Ketch's Forwarder names the kinds that it has; the others in its manner. */
const KIND: Readonly<Record<MessageKind, string>> = {
  erasure: 'DeleteRequest',
  correction: 'CorrectionRequest',
  restriction: 'RestrictProcessingRequest',
  'restriction-lifted': 'LiftRestrictionRequest',
  objection: 'ObjectionRequest',
  withdrawal: 'WithdrawalRequest',
}

/**
 * What a signed webhook is sent: in the manner of Ketch's Forwarder, with its dueTimestamp, but with the one identifier
 * that this recipient was given, and without a name, an address or anything else of the person.
 */
export function webhookRequest({ url, secret }: Endpoint, told: ToTell, now: number): SafeRequest {
  const { space, format } = partsOf(told.content.identifierForm)
  const { changes } = told.content
  const document = {
    apiVersion: 'weir/v1',
    kind: KIND[told.kind],
    metadata: { uid: told.id },
    request: {
      identities: [{ identitySpace: space, identityFormat: format, identityValue: told.content.identifier }],
      submittedTimestamp: Math.floor(told.madeAt / 1000),
      dueTimestamp: Math.floor(told.dueAt / 1000),
      callbacks: [{ url: told.callbackUrl }],
      ...(changes === undefined ? {} : { changes }),
    },
  }
  const body = Buffer.from(JSON.stringify(document), 'utf8')
  const headers = { 'content-type': 'application/json', ...signedHeaders(secret, { id: told.id, at: now, body }) }
  return { method: 'POST', url, headers, body }
}

/** Tells a webhook: any 2xx says that it has it. */
export async function tellWebhook(call: SafeCall, endpoint: Endpoint, told: ToTell, now: number): Promise<Told> {
  try {
    const answer = await call(webhookRequest(endpoint, told, now))
    return answer.status < 300 ? acknowledged(answer) : answeredWith(answer.status)
  } catch (error) {
    return refusedBy(error)
  }
}
