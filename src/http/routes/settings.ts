import { z } from 'zod'
import { AppError } from '../../errors.ts'
import type { HttpDeps } from '../deps.ts'
import type { Route } from './route.ts'

const settingsSchema = z.looseObject({
  integrations: z.record(z.string(), z.unknown()),
  consentSettings: z.strictObject({ allCategories: z.array(z.string()), hasUnmappedDestinations: z.boolean() }),
  metrics: z.strictObject({ sampleRate: z.literal(0) }),
})

/**
 * GET /v1/projects/:writeKey/settings, and without /v1 as some loaders ask: the first request of Segment's browser
 * library. Anything but 2xx, and it never sends an event.
 */
export function segmentSettings(deps: HttpDeps): Route[] {
  return ['/v1/projects/:writeKey/settings', '/projects/:writeKey/settings'].map((path) => ({
    method: 'get',
    path,
    surface: 'ingest',
    summary: 'Settings of Segment’s browser library',
    params: z.strictObject({ writeKey: z.string().max(200) }),
    answers: {
      200: {
        description: 'Points the library here, with the consent categories of the policy.',
        schema: settingsSchema,
      },
      401: { description: 'Unknown write key.' },
      403: { description: 'The origin is not listed, or the key is a server key.' },
    },
    access: {
      who: 'source',
      keyIn: 'path',
      handle({ source, params }) {
        if (source.kind === 'server') {
          throw new AppError('forbidden', 'A server key has no place in a URL: revoke it and use a browser key.', {
            code: 'server-key-in-browser',
          })
        }
        const { writeKey } = params as { writeKey: string }
        return { json: settingsOf(deps, writeKey), headers: { 'Cache-Control': 'private, max-age=60' } }
      },
    },
  }))
}

function settingsOf({ config, policy }: HttpDeps, writeKey: string): object {
  const url = new URL(config.publicUrl)
  const base = url.pathname.replace(/\/$/, '')
  return {
    integrations: {
      // apiHost has no scheme and includes /v1; protocol is read beside it.
      'Segment.io': { apiKey: writeKey, apiHost: `${url.host}${base}/v1`, protocol: url.protocol.slice(0, -1) },
    },
    plan: {},
    middlewareSettings: {},
    enabledMiddleware: {},
    // Segment.io itself is mapped to no category: the gate is here, so the library need not switch itself off.
    consentSettings: { allCategories: policy().categoryNames, hasUnmappedDestinations: true },
    metrics: { sampleRate: 0 },
  }
}
