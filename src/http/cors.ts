import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SourceCache } from './source-cache.ts'

/** What the clients of the field send. `*` would never cover Authorization (Fetch §4.8), so each is named. */
const segmentHeaders = 'Authorization, Content-Type, Content-Encoding, X-Retry-Count, X-Write-Key, X-IP-Policy'
const rudderHeaders =
  'AnonymousId, SentAt, Rsa-Retry-Attempt, Rsa-Retry-Reason, Rsa-Since-Last-Attempt, Rsa-Recovered, SP-Anonymous'
const ownHeaders = 'Weir-User-Id, Weir-Anonymous-Id, Weir-Anonymous-Secret, Weir-Subject-Token, Weir-Request-Secret'
const requestHeaders = `${segmentHeaders}, ${rudderHeaders}, ${ownHeaders}`

/** Headers of an answer that a page may read; never credentials: no cookie of ours is for another site's pages. */
export function corsHeaders(origin: string | undefined, { allowed }: { allowed: boolean }): Record<string, string> {
  if (origin === undefined || !allowed) return { Vary: 'Origin' }
  return { Vary: 'Origin', 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': 'Retry-After' }
}

/**
 * Answers a preflight. It carries no key, so any active browser source that lists the origin will do; the request that
 * follows is held to its own source's list.
 */
export async function answerPreflight(
  cache: SourceCache,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { origin } = request.headers
  const allowed = origin !== undefined && (await cache.listsOrigin(origin))
  response.writeHead(204, {
    'Cache-Control': 'no-store',
    ...corsHeaders(origin, { allowed }),
    Vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    ...(allowed
      ? {
          'Access-Control-Allow-Methods': 'GET, POST, OPTIONS',
          'Access-Control-Allow-Headers': requestHeaders,
          'Access-Control-Max-Age': '86400',
        }
      : {}),
  })
  response.end()
}
