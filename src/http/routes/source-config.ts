import { z } from 'zod'
import type { Source } from '../../event/event.ts'
import type { HttpDeps } from '../deps.ts'
import type { Route } from './route.ts'

const answerSchema = z.looseObject({ source: z.record(z.string(), z.unknown()) })

/** GET /sourceConfig/: RudderStack's browser SDK asks before it sends, with Basic and the key in the query again. */
export function rudderSourceConfig(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/sourceConfig',
    surface: 'ingest',
    summary: 'Configuration of RudderStack’s browser SDK',
    answers: {
      200: { description: 'No destination: the gate is here.', schema: answerSchema },
      401: { description: 'No, unknown or disagreeing write keys.' },
      403: { description: 'The origin is not listed.' },
    },
    access: {
      who: 'source',
      keyIn: 'query',
      handle({ source }) {
        return {
          json: configOf(source, deps.policy().categoryNames),
          headers: { 'Cache-Control': 'private, max-age=60' },
        }
      },
    },
  }
}

/** The least that the SDK accepts (its own validation wants id, name, workspaceId, enabled, config, destinations). */
function configOf(source: Source, categories: readonly string[]): object {
  const quiet = { errors: { enabled: false }, metrics: { enabled: false } }
  return {
    source: {
      id: String(source.id),
      name: source.name,
      workspaceId: source.shop,
      enabled: true,
      config: { statsCollection: quiet },
      destinations: [],
    },
    consentManagementMetadata: { providers: [{ provider: 'custom', resolutionStrategy: 'and' }], categories },
  }
}
