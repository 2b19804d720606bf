import type { IncomingMessage } from 'node:http'

/**
 * What RudderStack's clients put beside the body. `SentAt` is when the request was sent, as ISO 8601. Their
 * `AnonymousId` header is the id in base64: it is not read and never logged, the message carries it too.
 */
export function sentAtHeader(request: IncomingMessage): string | undefined {
  const header = request.headers.sentat
  return typeof header === 'string' ? header : undefined
}
