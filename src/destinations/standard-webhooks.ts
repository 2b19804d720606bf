import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/**
 * Signatures of Standard Webhooks (standardwebhooks.com, version 1): HMAC-SHA-256 over `id.timestamp.body`, so that a
 * message is good for its id, for five minutes, and for these bytes alone. Libraries that check it are there for most
 * languages. The secret is `whsec_` and base64.
 */
export const SIGNED_HEADERS = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const

const TOLERANCE_S = 300

/** The headers of a message. `at` in milliseconds since 1970. */
export function signedHeaders(
  secret: string,
  { id, at, body }: { readonly id: string; readonly at: number; readonly body: Uint8Array },
): Record<(typeof SIGNED_HEADERS)[number], string> {
  const timestamp = String(Math.floor(at / 1000))
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature(secret, id, timestamp, body).toString('base64')}`,
  }
}

/** Whether a message was signed with the secret, within five minutes of now. In constant time for each signature given. */
export function isSigned(
  secret: string,
  { headers, body, now }: { readonly headers: IncomingHttpHeaders; readonly body: Uint8Array; readonly now: number },
): boolean {
  const [id, timestamp, signatures] = SIGNED_HEADERS.map((name) => headers[name])
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') return false
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now / 1000 - Number(timestamp)) > TOLERANCE_S) return false
  const wanted = signature(secret, id, timestamp, body)
  return signatures
    .split(' ', 10)
    .map((one) => Buffer.from(/^v1,(.+)$/.exec(one)?.[1] ?? '', 'base64'))
    .some((given) => given.length === wanted.length && timingSafeEqual(given, wanted))
}

function signature(secret: string, id: string, timestamp: string, body: Uint8Array): Buffer {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()
}
