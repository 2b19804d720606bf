import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { text } from './fields.ts'
import type { Route } from './route.ts'

const time = z.iso
  .datetime({ offset: true })
  .transform((iso) => Date.parse(iso))
  .refine((ms) => ms >= 0, 'write a time since 1970-01-01T00:00:00Z')
  .optional()

const querySchema = z.strictObject({
  cursor: z
    .string()
    .regex(/^\d{1,18}$/, 'write the `next` of an earlier answer')
    .optional()
    .describe('Where to go on: the `next` of the page before.'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100).describe('Entries of a page.'),
  action: z
    .string()
    .regex(/^[a-z][a-z.-]{0,63}$/, 'write an action such as consent.read')
    .optional()
    .describe('Only this action, such as `decision.read` or `consent.read`.'),
  actor: text(100).optional().describe('Only this actor: `token:<id>`, `source:<id>`, `cli` or `weir`.'),
  from: time.describe('Not before this time, such as `2026-01-31T12:00:00Z`.'),
  to: time.describe('Before this time.'),
})

const answerSchema = z
  .strictObject({
    entries: z.array(
      z.strictObject({
        index: z.int(),
        at: z.iso.datetime(),
        actor: z.string().describe('`token:<id>`, `source:<id>`, `cli` or `weir`.'),
        action: z.string(),
        resource: z.string().describe('A kind and a reference, never a value.'),
        purpose: z.string(),
        caseId: z.string().nullable(),
        outcome: z.enum(['released', 'refused', 'done']),
      }),
    ),
    next: z.string().nullable().describe('The cursor of the next page.'),
  })
  .meta({ id: 'AuditEntries' })

/** GET /api/audit/entries */
export function auditEntries(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/audit/entries',
    surface: 'api',
    summary: 'Who looked at what, and who changed what',
    description: 'Reading the log is entered in the log.',
    query: querySchema,
    answers: {
      200: { description: 'A page of entries and the next cursor.', schema: answerSchema },
    },
    access: {
      who: 'role',
      roles: ['auditor', 'compliance'],
      action: 'audit.read',
      async handle({ query, actor: by }) {
        const { limit, ...filter } = query as z.infer<typeof querySchema>
        return { json: await deps.auditEntries({ by, limit, ...present(filter) }) }
      },
    },
  }
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function present<T extends object>(filter: T): Present<T> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as Present<T>
}
