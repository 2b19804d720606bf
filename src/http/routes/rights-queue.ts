import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import type { RequestQueueApi } from '../request-queue-api.ts'
import { next, present } from './audit-fields.ts'
import {
  contentSchema,
  extensionSchema,
  nothingSchema,
  openSchema,
  paramsSchema,
  querySchema,
  refusalSchema,
  requestSchema,
  summarySchema,
  whatIfAnswer,
  whatIfSchema,
} from './rights-queue-fields.ts'
import type { Route } from './route.ts'

const behind = { 503: { description: 'The audit log does not take entries in: nothing is done or shown.' } }
const unknown = { 404: { description: 'No request has this id.' } }

/** Requests of people, as officers work on them. */
export function requestQueueRoutes(deps: HttpDeps): Route[] {
  return [
    listRequests(deps),
    whatIf(deps), // before the one by id
    showRequest(deps),
    openRequest(deps),
    actRoute(deps, {
      name: 'accept',
      summary: 'Agree to what waits for an officer',
      description: 'The request goes on at once. Entered in the audit log with it.',
      schema: nothingSchema,
      conflict: 'Nothing waits for an officer, or it is in another state.',
      act: (queue, acting) => queue.accept(acting),
    }),
    actRoute(deps, {
      name: 'refuse',
      summary: 'Refuse a request, for a reason that its law knows',
      description:
        'The person is told why in their language, by which article, and where to complain or sue. What the request restricted is free again. Entered in the audit log with it.',
      schema: refusalSchema,
      conflict: 'It is over, or has begun: then it is too late.',
      act: (queue, acting, { words, reason }) => queue.refuse({ ...acting, reason, ...present({ words }) }),
    }),
    actRoute(deps, {
      name: 'extend',
      summary: 'Take longer for a request: once, before its end, within what its law allows',
      description:
        'Without `until` the whole of what the law allows is taken: `extendedUntil` of the answer says until when. The person is told why. Entered in the audit log with it.',
      schema: extensionSchema,
      conflict: 'Its law knows no extension, it had one, its end is past, or it is over.',
      act: (queue, acting, { reason, until }) => queue.extend({ ...acting, reason, ...present({ until }) }),
    }),
    actRoute(deps, {
      name: 'acknowledge',
      summary: 'Tell the person that the request is here',
      description: 'What some laws give days of their own for. Entered in the audit log with it.',
      schema: nothingSchema,
      conflict: 'The person was told, or the request is over.',
      act: (queue, acting) => queue.acknowledge(acting),
    }),
  ]
}

function listRequests(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/requests',
    surface: 'api',
    summary: 'Requests of people, newest first',
    description: 'They name nobody. Entered in the audit log.',
    query: querySchema,
    answers: {
      200: { description: 'A page.', schema: z.strictObject({ requests: z.array(summarySchema), next }) },
      ...behind,
    },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'request.list',
      async handle({ query, actor: by }) {
        const { limit, overdue, needs_officer, ...filter } = query as z.infer<typeof querySchema>
        const only = { overdue: overdue === 'true', needsOfficer: needs_officer === 'true' }
        return { json: await deps.requestQueue.list({ by, limit, ...only, ...present(filter) }) }
      },
    },
  }
}

function whatIf(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/requests/what-if',
    surface: 'api',
    summary: 'When a request would be due, under every law',
    description: 'With what each date rests on. It shows nobody.',
    query: whatIfSchema,
    answers: { 200: { description: 'The clocks.', schema: whatIfAnswer } },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'request.what-if',
      async handle({ query }) {
        const { received_at: receivedAt, right } = query as z.infer<typeof whatIfSchema>
        return { json: deps.requestQueue.whatIf({ receivedAt, right }) }
      },
    },
  }
}

function showRequest(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/requests/:id',
    surface: 'api',
    summary: 'One request: state, clocks, history, recipients',
    description: 'Without what was written in it. Entered in the audit log.',
    params: paramsSchema,
    answers: { 200: { description: 'The request.', schema: requestSchema }, ...unknown, ...behind },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'request.show',
      async handle({ params, actor: by }) {
        const { id } = params as z.infer<typeof paramsSchema>
        return { json: await deps.requestQueue.show({ by, id }) }
      },
    },
  }
}

function openRequest(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/requests/:id/open',
    surface: 'api',
    summary: 'What the person wrote in a request',
    description: 'Entered in the audit log, with the case, before it is opened. Gone once the request is over.',
    params: paramsSchema,
    body: { schema: openSchema },
    answers: { 200: { description: 'In clear.', schema: contentSchema }, ...unknown, ...behind },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'request.open',
      async handle({ params, body, actor: by }) {
        const { id } = params as z.infer<typeof paramsSchema>
        const { caseId } = body as z.infer<typeof openSchema>
        return { json: await deps.requestQueue.open({ by, id, caseId }) }
      },
    },
  }
}

interface ActDocs<Schema extends z.ZodType> {
  readonly name: 'accept' | 'refuse' | 'extend' | 'acknowledge'
  readonly summary: string
  readonly description: string
  readonly schema: Schema
  readonly conflict: string
  act(
    queue: RequestQueueApi,
    acting: { readonly by: { readonly kind: string; readonly id: string }; readonly id: string },
    body: z.infer<Schema>,
  ): Promise<object>
}

function actRoute<Schema extends z.ZodType>(deps: HttpDeps, docs: ActDocs<Schema>): Route {
  const { name, summary, description, schema, conflict } = docs
  return {
    method: 'post',
    path: `/api/requests/:id/${name}`,
    surface: 'api',
    summary,
    description,
    params: paramsSchema,
    body: { schema, limit: 32_768 },
    answers: {
      200: { description: 'The request as it is now.', schema: requestSchema },
      ...unknown,
      409: { description: conflict },
      ...behind,
    },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: `request.${name}`,
      async handle({ params, body, actor: by }) {
        const { id } = params as z.infer<typeof paramsSchema>
        return { json: await docs.act(deps.requestQueue, { by, id }, body as z.infer<Schema>) }
      },
    },
  }
}
