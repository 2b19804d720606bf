import type { EventType } from '../../event/event.ts'
import type { IngestKind } from '../messages.ts'
import { batchSchema, messageSchema, resultsSchema } from '../protocols/schema.ts'
import type { Route } from './route.ts'

const types: Readonly<Record<string, EventType>> = {
  track: 'track',
  identify: 'identify',
  page: 'page',
  screen: 'screen',
  group: 'group',
  alias: 'alias',
  t: 'track',
  i: 'identify',
  p: 'page',
  s: 'screen',
  g: 'group',
  a: 'alias',
}

/** Every POST path of the wire protocol: answered by a look-up here, before the router. */
export const wirePaths: ReadonlyMap<string, IngestKind> = new Map<string, IngestKind>([
  ...Object.entries(types).map(([name, type]): [string, IngestKind] => [`/v1/${name}`, { takes: 'message', type }]),
  ['/v1/batch', { takes: 'batch', keyInQuery: false }],
  ['/v1/import', { takes: 'batch', keyInQuery: false }],
  ['/v1/b', { takes: 'batch', keyInQuery: false }],
  ['/beacon/v1/batch', { takes: 'batch', keyInQuery: true }],
  ['/v1/m', { takes: 'nothing' }],
])

export function wireRoutes(): Route[] {
  return [...wirePaths].map(([path, kind]) => ({
    method: 'post',
    path,
    surface: 'ingest',
    summary: summaryOf(kind),
    access: { who: 'ingest' },
    ...(kind.takes === 'nothing' ? {} : { body: { schema: kind.takes === 'batch' ? batchSchema : messageSchema } }),
    answers: {
      200: { description: 'Stored, or refused: an outcome per message, in order.', schema: resultsSchema },
      400: { description: 'The body cannot be read: SDKs drop it.' },
      401: { description: 'No, unknown or disagreeing write keys.' },
      403: { description: 'The origin is not listed, or a server key came from a browser.' },
      413: { description: 'More than 512,000 bytes after inflation or more than 2,500 messages.' },
      415: { description: 'An encoding other than gzip.' },
      429: { description: 'Too many events: wait Retry-After seconds.' },
      503: { description: 'Overloaded: wait Retry-After seconds.' },
    },
  }))
}

function summaryOf(kind: IngestKind): string {
  if (kind.takes === 'nothing') return 'Metrics of Segment’s browser library: accepted and dropped'
  return kind.takes === 'batch' ? 'Send up to 2,500 messages' : `Send one ${kind.type} message`
}
