import { pipeline } from 'node:stream/promises'
import type { RequestHandler } from 'express'
import { authenticateSource, credentialsOf } from './authenticate.ts'
import { readBody } from './body.ts'
import type { Edge } from './ingest.ts'

/** Hands everything below /privacy to the privacy centre: it routes, and answers in HTML, by itself. */
export function privacyPages({ deps, cache, callerPrefix }: Edge): RequestHandler {
  return async (request, response) => {
    const { status, headers, body } = await deps.privacy.answer({
      method: request.method,
      url: request.url,
      headers: request.headers,
      addressPrefix: callerPrefix(request),
      read: (limit) => readBody(request, limit),
      sourceOf: (writeKey, origin) => authenticateSource(cache, credentialsOf(writeKey), origin),
    })
    response.status(status).set(headers)
    if (typeof body === 'string') response.end(request.method === 'HEAD' ? undefined : body)
    else await pipeline(body, response).catch(() => response.destroy()) // whoever hung up; what failed logged itself
  }
}
