import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { text } from './fields.ts'
import type { Route } from './route.ts'

const paramsSchema = z.strictObject({ messageId: text(100) })
const querySchema = z.strictObject({
  source: text(64).optional().describe('Name of the source, where several sent it.'),
})

const answerSchema = z
  .looseObject({
    messageId: z.string(),
    source: z.string(),
    position: z.int().describe('Place in the log: the audit entry of this look names it as `decision:<position>`.'),
    receivedAt: z.iso.datetime(),
    outcome: z.string(),
    reason: z.string().optional(),
    destinations: z.array(z.looseObject({ destination: z.string(), permitted: z.boolean() })),
  })
  .meta({ id: 'Decision' })

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
      200: { description: 'The explanation.', schema: answerSchema },
      404: { description: 'No decision is kept about this message.' },
    },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'decision.read',
      async handle({ params, query, actor }) {
        const { messageId } = params as z.infer<typeof paramsSchema>
        const { source } = query as z.infer<typeof querySchema>
        return { json: await deps.explainDecision({ messageId, actor, ...(source === undefined ? {} : { source }) }) }
      },
    },
  }
}
