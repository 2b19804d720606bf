import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { cursor, entry, filter, limitOf, next, present } from './audit-fields.ts'
import type { Route } from './route.ts'

const querySchema = z.strictObject({ cursor, limit: limitOf(1_000).describe('Entries of a page.'), ...filter })

const answerSchema = z
  .strictObject({
    entries: z.array(entry),
    next,
    checkpoint: z.string().nullable().describe('The newest signed checkpoint: a C2SP signed note.'),
  })
  .meta({ id: 'AuditEntries' })

const exportSchema = z.strictObject({
  format: z.enum(['ndjson', 'csv']).default('ndjson').describe('One JSON object a line, or a spreadsheet’s text.'),
  cursor,
  limit: limitOf(10_000).describe('Lines of an answer.'),
  ...filter,
})

/** GET /api/audit/entries */
export function auditEntries(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/audit/entries',
    surface: 'api',
    summary: 'Who looked at what, and who changed what',
    description: 'Reading the log is entered in the log, and waits until that entry is signed.',
    query: querySchema,
    answers: {
      200: { description: 'A page of entries and the next cursor.', schema: answerSchema },
      503: { description: 'The log does not take entries in: nothing of it is shown.' },
    },
    access: {
      who: 'role',
      roles: ['auditor', 'compliance'],
      action: 'audit.read',
      async handle({ query, actor: by }) {
        const { limit, ...rest } = query as z.infer<typeof querySchema>
        return { json: await deps.auditEntries({ by, limit, ...present(rest) }) }
      },
    },
  }
}

/** GET /api/audit/export */
export function auditExport(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/audit/export',
    surface: 'api',
    summary: 'Entries to take away, as NDJSON or CSV',
    description:
      'One entry a line. `Weir-Next` names the cursor of the next part; it is absent at the end. No cell of the CSV is a formula.',
    query: exportSchema,
    answers: { 200: { description: 'application/x-ndjson, or text/csv (RFC 4180) with a header in its first part.' } },
    access: {
      who: 'role',
      roles: ['auditor', 'compliance'],
      action: 'audit.read',
      async handle({ query, actor: by }) {
        const { limit, format, ...rest } = query as z.infer<typeof exportSchema>
        const { text, next: following } = await deps.audit.export({ by, limit, format, ...present(rest) })
        const type = format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8'
        return {
          text,
          type,
          headers: {
            'Content-Disposition': `attachment; filename="audit.${format}"`,
            ...(following === null ? {} : { 'Weir-Next': following }),
          },
        }
      },
    },
  }
}
