import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { text } from './fields.ts'
import type { Route } from './route.ts'

const paramsSchema = z.strictObject({ messageId: text(100) })
const querySchema = z.strictObject({
  source: text(64).optional().describe('Name of the source, where several sent it.'),
})

/** GET /api/decisions/:messageId */
export function explainDecision(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/decisions/:messageId',
    surface: 'api',
    summary: 'What was decided about one message, and why',
    description:
      'Per destination: permitted or not, which clause, which fields were removed. Entered in the audit log.',
    params: paramsSchema,
    query: querySchema,
    answers: {
      200: { description: 'The explanation.', schema: z.record(z.string(), z.unknown()) },
      404: { description: 'No decision is kept about this message.' },
    },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      async handle({ params, query, actor }) {
        const { messageId } = params as z.infer<typeof paramsSchema>
        const { source } = query as z.infer<typeof querySchema>
        return { json: await deps.explainDecision({ messageId, actor, ...(source === undefined ? {} : { source }) }) }
      },
    },
  }
}
