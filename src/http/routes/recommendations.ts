import { z } from 'zod'
import { isGpc } from '../../consent/signals/gpc.ts'
import type { HttpDeps } from '../deps.ts'
import { identityHeaderDocs, identityHeaders } from '../identity-headers.ts'
import { text } from './fields.ts'
import type { Route } from './route.ts'

const MAX_ITEMS = 100
// A text, not an enum: which there are is the module's to say.
const PLACEMENTS = 'write also_bought, popular or for_you'

const querySchema = z.strictObject({
  placement: z
    .string({ error: ({ input }) => (input === undefined ? `is missing: ${PLACEMENTS}` : undefined) })
    .regex(/^[a-z][a-z_]{0,40}$/, PLACEMENTS)
    .describe('`also_bought`, `for_you` or `popular`.'),
  product_id: text(128).optional().describe('The product that `also_bought` is about.'),
  n: z.coerce.number().int().min(1).max(MAX_ITEMS).default(10).describe('Items at most.'),
})

const answerSchema = z
  .strictObject({
    mode: z.enum(['context', 'personal']),
    placement: z.string(),
    items: z.array(
      z.strictObject({
        product_id: z.string(),
        score: z.number(),
        stage: z.string(),
        why: z.unknown(),
      }),
    ),
    snapshot: z.unknown(),
  })
  .meta({ id: 'Recommendations' })

/** GET /v1/recommendations */
export function recommendations(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/v1/recommendations',
    surface: 'ingest',
    summary: 'What others bought with a product, or what this person may need',
    description: 'Without headers, or without consent to personalisation, the module receives no identifier at all.',
    query: querySchema,
    headers: identityHeaderDocs,
    answers: {
      200: { description: 'The list, and in which mode it was made.', schema: answerSchema },
      400: { description: 'Unknown placement, or an identifier in the URL.' },
      401: { description: 'No or unknown write key.' },
      403: { description: 'The origin is not listed, or the caller may not speak for this person.' },
    },
    access: {
      who: 'source',
      async handle({ source, query, request, addressPrefix }) {
        const { placement, product_id, n } = query as z.infer<typeof querySchema>
        return {
          json: await deps.recommend({
            source,
            placement,
            n,
            addressPrefix,
            gpc: isGpc(request.headers['sec-gpc']),
            ...(product_id === undefined ? {} : { productId: product_id }),
            ...identityHeaders(request),
          }),
        }
      },
    },
  }
}
