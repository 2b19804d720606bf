import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import type { Route } from './route.ts'

const position = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).transform(BigInt).optional()

const querySchema = z.strictObject({
  n: z.coerce.number().int().min(1).max(500).default(60).describe('How many decisions.'),
  seed: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'write letters, digits, dots, hyphens and underscores, at most 64')
    .describe('The same seed draws the same decisions from the same range.'),
  from: position.describe('First position of the range; absent: the first there is.'),
  to: position.describe('Last position of the range; absent: the newest.'),
})

const answerSchema = z
  .strictObject({
    seed: z.string(),
    from: z.int(),
    to: z.int(),
    decisions: z.array(
      z.strictObject({
        position: z.int(),
        day: z.iso.date(),
        source: z.string(),
        event: z.string(),
        policy: z.int(),
        outcome: z.enum(['permitted', 'refused']),
        destinations: z.array(
          z.strictObject({ destination: z.string(), permitted: z.boolean(), erasedSince: z.boolean() }),
        ),
        kept: z.boolean().describe('Whether it is held for somebody.'),
        fields: z
          .array(z.strictObject({ class: z.string(), path: z.string(), kind: z.string() }))
          .describe('What is kept of it: path and kind, never a value.'),
      }),
    ),
  })
  .meta({ id: 'AuditSample' })

/** GET /api/audit/sample */
export function auditSample(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/audit/sample',
    surface: 'api',
    summary: 'A random sample of decisions, without values',
    description: 'Drawn by a seed, so that somebody else can draw it again. Every draw is entered in the log.',
    query: querySchema,
    answers: { 200: { description: 'The decisions, in the order in which they were drawn.', schema: answerSchema } },
    access: {
      who: 'role',
      roles: ['auditor', 'compliance'],
      action: 'audit.sample',
      async handle({ query, actor: by }) {
        const { n, seed, from, to } = query as z.infer<typeof querySchema>
        const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
        return { json: await deps.audit.sample({ n, seed, by, ...range }) }
      },
    },
  }
}
