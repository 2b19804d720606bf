import { z } from 'zod'
import { PURPOSES } from '../../event/purpose.ts'
import type { HttpDeps } from '../deps.ts'
import { text } from './fields.ts'
import type { Route } from './route.ts'

const paramsSchema = z.strictObject({ messageId: text(100) })
const querySchema = z.strictObject({
  source: text(64).optional().describe('Name of the source, where several sent it.'),
})

const change = z
  .strictObject({
    choices: z
      .array(
        z.strictObject({
          purpose: z.enum(PURPOSES),
          act: z.enum(['grant', 'take-back-refusal', 'send-without-signal', 'refuse']),
        }),
      )
      .describe('All of these together.'),
    destinations: z.array(z.string()).describe('Whom they would have opened, or closed.'),
  })
  .meta({ id: 'Change' })

const destination = z.strictObject({
  destination: z.string(),
  purpose: z.enum(PURPOSES),
  basis: z.string().describe('`consent`, or what the purpose rests on instead.'),
  permitted: z.boolean(),
  clauses: z
    .array(z.strictObject({ clause: z.string(), says: z.string(), line: z.int().optional() }))
    .describe('`line` is of the policy file; absent where something else than the policy closed the event.'),
  fields: z
    .array(z.string())
    .describe('Paths that the policy lets this destination have, or would; a path that the event did not bring, too.'),
  wouldPermit: change.optional(),
})

export const answerSchema = z
  .strictObject({
    messageId: z.string(),
    source: z.string(),
    position: z.int().describe('Place in the log: the audit entry of this look names it as `decision:<position>`.'),
    receivedAt: z.iso.datetime(),
    event: z.string().describe('As the policy names it; `unknown` where it does not.'),
    outcome: z
      .enum(['permitted', 'refused'])
      .describe('`permitted` where the sender was told `accepted`. A browser key is told `accepted` for both.'),
    reason: z.string().optional().describe('As in the answer to a server key; only where it was refused.'),
    policy: z
      .strictObject({ name: z.string(), version: z.int(), fingerprint: z.string() })
      .describe('The one that decided then, not the one of today.'),
    line: z.int().optional().describe('Line of the policy file that lists the event.'),
    consent: z
      .strictObject({
        granted: z.array(z.enum(PURPOSES)),
        refused: z.array(z.enum(PURPOSES)),
        refusedBySignal: z.array(z.enum(PURPOSES)),
      })
      .describe('What stood when the event came.'),
    destinations: z.array(destination),
    fields: z
      .strictObject({
        removed: z
          .array(z.string())
          .describe('Paths that the event brought and that were dropped: no open route reads them.'),
        unclassified: z.int().describe('Fields that the policy does not know: sealed, handed to nobody.'),
      })
      .describe('Of a refused event nothing is kept, so nothing stands here.'),
    wouldPermit: change.optional().describe('The fewest choices that would have opened any closed destination.'),
    wouldRefuse: change.optional().describe('The fewest refusals that would have closed any open destination.'),
    consentRecord: z.string().nullable().describe('The `recordId` that decided; null where nothing was recorded.'),
    consentEpoch: z
      .int()
      .nullable()
      .describe(
        'How often consent had changed; null where nobody holds the event (it was refused) or nothing was recorded.',
      ),
    erasedSince: z.array(z.string()).describe('Destinations that were permitted and lost it to a later withdrawal.'),
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
