import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { identityHeaderDocs, identityHeaders } from '../identity-headers.ts'
import { caseId, cursor, entry, from, limitOf, next, present, to } from './audit-fields.ts'
import { text } from './fields.ts'
import type { Route } from './route.ts'

const bodySchema = z
  .strictObject({
    identifier: z.strictObject({ type: z.enum(['user_id', 'anonymous_id', 'email', 'phone']), value: text(320) }),
    caseId: caseId.describe('Why somebody is looked up: entered in the log.'),
    cursor,
    limit: limitOf(1_000),
  })
  .meta({ id: 'AuditPersonSearch' })

const foundSchema = z.strictObject({ entries: z.array(entry), next }).meta({ id: 'AuditEntriesAbout' })

/** POST /api/audit/search */
export function auditSearch(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/audit/search',
    surface: 'api',
    summary: 'Entries about one person',
    description:
      'The identifier stands in the body, never in a URL. The search is itself entered, about the same person. Of whoever was erased nothing is found.',
    body: { schema: bodySchema },
    answers: { 200: { description: 'A page of entries; none also where nobody is known by it.', schema: foundSchema } },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'audit.search',
      async handle({ body, actor: by }) {
        const { cursor: after, ...rest } = body as z.infer<typeof bodySchema>
        return {
          json: await deps.audit.aboutPerson({ ...rest, by, ...(after === undefined ? {} : { cursor: after }) }),
        }
      },
    },
  }
}

const timesSchema = z.strictObject({ from, to })

const statisticsSchema = z
  .strictObject({
    actors: z.array(
      z.strictObject({
        actor: z.string(),
        entries: z.int(),
        people: z.int().describe('Mentions of people: the same one twice counts twice.'),
        lastAt: z.iso.datetime(),
        actions: z.array(
          z.strictObject({ action: z.string(), outcome: z.string(), entries: z.int(), people: z.int() }),
        ),
      }),
    ),
  })
  .meta({ id: 'AuditStatistics' })

/** GET /api/audit/statistics */
export function auditStatistics(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/audit/statistics',
    surface: 'api',
    summary: 'What each officer, token and source did',
    query: timesSchema,
    answers: { 200: { description: 'Counts by actor, action and outcome.', schema: statisticsSchema } },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'audit.read',
      async handle({ query, actor: by }) {
        return { json: await deps.audit.statistics({ by, ...present(query as z.infer<typeof timesSchema>) }) }
      },
    },
  }
}

const pageSchema = z.strictObject({ cursor, limit: limitOf(1_000).describe('Accesses of a page.') })

const accessesSchema = z
  .strictObject({
    accesses: z.array(
      z.strictObject({
        index: z.int(),
        at: z.iso.datetime(),
        by: z.string().describe('`officer`, `token`, `service`, `source`, `cli` or `weir`: never who.'),
        action: z.string(),
        purpose: z.string(),
        outcome: z.string(),
      }),
    ),
    next,
  })
  .meta({ id: 'Accesses' })

/** GET /v1/accesses */
export function ownAccesses(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/v1/accesses',
    surface: 'ingest',
    summary: 'Who looked at what is held of the person who asks',
    query: pageSchema,
    headers: identityHeaderDocs,
    answers: {
      200: { description: 'A page, oldest first.', schema: accessesSchema },
      401: { description: 'No or unknown write key.' },
      403: { description: 'The caller does not prove that it may speak for this person.' },
    },
    access: {
      who: 'source',
      async handle({ query, request, source }) {
        const { cursor: after, limit } = query as z.infer<typeof pageSchema>
        const page = { limit, ...(after === undefined ? {} : { cursor: after }) }
        return { json: await deps.audit.ownAccesses({ source, ...identityHeaders(request), ...page }) }
      },
    },
  }
}
