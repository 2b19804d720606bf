import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { cursor, limitOf, next, present } from './audit-fields.ts'
import { actSchema, incidentSchema, law, openSchema, paramsSchema, summarySchema, whom } from './incident-fields.ts'
import type { Route } from './route.ts'

const behind = { 503: { description: 'The audit log does not take entries in: nothing is done or shown.' } }
const unknown = { 404: { description: 'No incident has this id.' } }

/** Files of incidents. */
export function incidentRoutes(deps: HttpDeps): Route[] {
  return [listIncidents(deps), openIncident(deps), showIncident(deps), addToIncident(deps), incidentNotice(deps)]
}

const querySchema = z.strictObject({
  state: z.enum(['open', 'closed']).optional(),
  cursor,
  limit: limitOf(500),
})

function listIncidents(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/incidents',
    surface: 'api',
    summary: 'Incidents, newest first',
    description: 'Without their notes. Entered in the audit log.',
    query: querySchema,
    answers: {
      200: { description: 'A page.', schema: z.strictObject({ incidents: z.array(summarySchema), next }) },
      ...behind,
    },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'incident.list',
      async handle({ query, actor: by }) {
        const { limit, ...filter } = query as z.infer<typeof querySchema>
        return { json: await deps.incidents.list({ by, limit, ...present(filter) }) }
      },
    },
  }
}

function openIncident(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/incidents',
    surface: 'api',
    summary: 'Open an incident: count whom it touches, start the clocks',
    description:
      'Counting reads the log and opens phone numbers for their countries; it answers sums. Entered in the audit log before it counts.',
    body: { schema: openSchema, limit: 32_768 },
    answers: { 201: { description: 'The file.', schema: incidentSchema }, ...behind },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'incident.open',
      async handle({ body, actor: by }) {
        const { scope, ...rest } = body as z.infer<typeof openSchema>
        const { kind, target, ...times } = scope
        const asked = { ...present(rest), caseId: rest.caseId, scope: { kind, target, ...present(times) } }
        return { status: 201, json: await deps.incidents.open({ by, ...asked }) }
      },
    },
  }
}

function showIncident(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/incidents/:id',
    surface: 'api',
    summary: 'One incident: counts, clocks, what was done',
    description: 'With its notes. Entered in the audit log.',
    params: paramsSchema,
    answers: { 200: { description: 'The file.', schema: incidentSchema }, ...unknown, ...behind },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'incident.show',
      async handle({ params, actor: by }) {
        const { id } = params as z.infer<typeof paramsSchema>
        return { json: await deps.incidents.show({ by, id }) }
      },
    },
  }
}

function addToIncident(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/incidents/:id/events',
    surface: 'api',
    summary: 'Count again, say who was told, add a note, close',
    description: 'Nothing of a file is ever changed. Closing it while somebody may have to be told needs a note.',
    params: paramsSchema,
    body: { schema: actSchema, limit: 32_768 },
    answers: {
      201: { description: 'The file with it.', schema: incidentSchema },
      ...unknown,
      409: { description: 'The file is closed, or is to be while a clock waits.' },
      ...behind,
    },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'incident.add',
      async handle({ params, body, actor: by }) {
        const { id } = params as z.infer<typeof paramsSchema>
        const act = body as z.infer<typeof actSchema>
        return { status: 201, json: await deps.incidents.act({ by, id, act: actOf(act) }) }
      },
    },
  }
}

function actOf(act: z.infer<typeof actSchema>): Parameters<HttpDeps['incidents']['act']>[0]['act'] {
  switch (act.kind) {
    case 'told': {
      const { kind, law: under, to, ...rest } = act
      return { kind, law: under, to, ...present(rest) }
    }
    case 'closed': {
      const { kind, ...rest } = act
      return { kind, ...present(rest) }
    }
    default:
      return act
  }
}

const noticeParams = z.strictObject({ id: paramsSchema.shape.id, law, to: whom })
const noticeQuery = z.strictObject({ lang: z.enum(['zh-CN', 'en']).default('zh-CN') })

function incidentNotice(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/incidents/:id/notices/:law/:to',
    surface: 'api',
    summary: 'A draft of what is written to an authority, or to people',
    description: 'Figures filled in, `[… what]` for what only people know. Sent to nobody. Entered in the audit log.',
    params: noticeParams,
    query: noticeQuery,
    answers: { 200: { description: 'text/plain.' }, ...unknown, ...behind },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'incident.notice',
      async handle({ params, query, actor: by }) {
        const asked = params as z.infer<typeof noticeParams>
        const { lang } = query as z.infer<typeof noticeQuery>
        return { text: await deps.incidents.notice({ by, ...asked, lang }), type: 'text/plain; charset=utf-8' }
      },
    },
  }
}
