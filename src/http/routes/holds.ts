import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { factorSchema, shownIn } from './approvals.ts'
import { caseId, limitOf } from './audit-fields.ts'
import { officerOf, SESSION_ONLY } from './disclosures.ts'
import { extensionSchema, holdSchema, placeSchema, shownHoldSchema } from './hold-fields.ts'
import type { Route } from './route.ts'

const paramsSchema = z.strictObject({ id: z.uuid().describe('Of the hold.') })
const unknown = { 404: { description: 'No hold has this id.' } }
const behind = { 503: { description: 'The audit log does not take entries in: nothing is done or shown.' } }
const over = { 409: { description: 'The hold is over, or its release is asked for already, or by nobody.' } }

/** What an authority orders to be kept. */
export function holdRoutes(deps: HttpDeps): Route[] {
  return [
    listHolds(deps),
    placeHold(deps),
    showHold(deps),
    extendHold(deps),
    askRelease(deps),
    approveRelease(deps),
    askExport(deps),
    approveExport(deps),
  ]
}

const querySchema = z.strictObject({ limit: limitOf(500).describe('How many, newest first.') })

function listHolds(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/holds',
    surface: 'api',
    summary: 'Holds, newest first',
    description: 'They name nobody. Entered in the audit log.',
    query: querySchema,
    answers: { 200: { description: 'Holds.', schema: z.strictObject({ holds: z.array(holdSchema) }) }, ...behind },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'hold.list',
      async handle({ query, actor: by }) {
        const { limit } = query as z.infer<typeof querySchema>
        return { json: await deps.holds.list({ by, limit }) }
      },
    },
  }
}

function placeHold(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/holds',
    surface: 'api',
    summary: 'Keep what is held of one person because an authority orders it',
    description:
      'A copy of its scope is set aside at once, and what comes later is added; everything else is erased as ever. Entered in the audit log with it.',
    body: { schema: placeSchema, limit: 4_096 },
    answers: {
      201: { description: 'The hold.', schema: holdSchema },
      404: { description: 'Nobody is known by this identifier.' },
      409: { description: 'The person is being erased at this moment.' },
      ...behind,
    },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'hold.place',
      async handle({ body, actor: by }) {
        return { status: 201, json: await deps.holds.place({ by, ...(body as z.infer<typeof placeSchema>) }) }
      },
    },
  }
}

function showHold(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/holds/:id',
    surface: 'api',
    summary: 'One hold, with what to sign to approve its release',
    description: 'Entered in the audit log.',
    params: paramsSchema,
    answers: { 200: { description: 'The hold.', schema: shownHoldSchema }, ...unknown, ...behind },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'hold.show',
      async handle({ params, actor: by }) {
        const { id } = params as z.infer<typeof paramsSchema>
        return { json: await deps.holds.show({ by, id }) }
      },
    },
  }
}

function extendHold(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/holds/:id/extension',
    surface: 'api',
    summary: 'Keep it for longer, a year from today at most',
    params: paramsSchema,
    body: { schema: extensionSchema, limit: 1_024 },
    answers: { 200: { description: 'The hold.', schema: holdSchema }, ...unknown, ...over },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'hold.extend',
      async handle({ params, body, actor: by }) {
        const { id } = params as z.infer<typeof paramsSchema>
        return { json: await deps.holds.extend({ by, id, ...(body as z.infer<typeof extensionSchema>) }) }
      },
    },
  }
}

const releaseSchema = z.strictObject({ caseId: caseId.describe('Stands in the audit log.') })

function askRelease(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/holds/:id/release',
    surface: 'api',
    summary: 'Ask that a hold ends before its day: the first of two officers',
    description: 'Good for seven days. Entered in the audit log with it.',
    params: paramsSchema,
    body: { schema: releaseSchema, limit: 1_024 },
    answers: { 200: { description: 'The hold.', schema: holdSchema }, ...unknown, ...over },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'hold.ask-release',
      async handle({ params, body, actor: by }) {
        const { id } = params as z.infer<typeof paramsSchema>
        const asked = body as z.infer<typeof releaseSchema>
        return { json: await deps.holds.askRelease({ by, id, caseId: asked.caseId }) }
      },
    },
  }
}

function approveRelease(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/holds/:id/release/approval',
    surface: 'api',
    summary: 'Approve the release that another asked for: what the hold kept goes at once',
    description:
      'With an assertion over its `challenge`; with `totp` only where you have no authenticator. The evidence stands in the audit log’s leaf.',
    params: paramsSchema,
    body: { schema: factorSchema, limit: 65_536 },
    answers: { 200: { description: 'The hold, released.', schema: holdSchema }, ...unknown, ...over },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'hold.release',
      stepUp: SESSION_ONLY,
      async handle({ params, body, session }) {
        const { id } = params as z.infer<typeof paramsSchema>
        const shown = shownIn(body as z.infer<typeof factorSchema>)
        return { json: await deps.holds.approveRelease({ officer: officerOf(session), id, shown }) }
      },
    },
  }
}

function askExport(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/holds/:id/exports',
    surface: 'api',
    summary: 'Ask that what a hold kept is handed to its authority',
    description:
      'The first of two officers; once another approves, the operator carries it out with `weir hold export`, once, within a day. Entered in the audit log with it.',
    params: paramsSchema,
    body: { schema: releaseSchema, limit: 1_024 },
    answers: { 201: { description: 'The hold.', schema: holdSchema }, ...unknown, ...over },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'hold.ask-export',
      async handle({ params, body, actor: by }) {
        const { id } = params as z.infer<typeof paramsSchema>
        const asked = body as z.infer<typeof releaseSchema>
        return { status: 201, json: await deps.holds.askExport({ by, id, caseId: asked.caseId }) }
      },
    },
  }
}

const exportParams = z.strictObject({ ...paramsSchema.shape, exportId: z.uuid().describe('Of the export.') })

function approveExport(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/holds/:id/exports/:exportId/approval',
    surface: 'api',
    summary: 'Approve the export that another asked for',
    description: 'With a second factor over its `challenge`. The evidence stands in the audit log’s leaf.',
    params: exportParams,
    body: { schema: factorSchema, limit: 65_536 },
    answers: { 200: { description: 'The hold.', schema: holdSchema }, ...unknown, ...over },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'hold.approve-export',
      stepUp: SESSION_ONLY,
      async handle({ params, body, session }) {
        const { id, exportId } = params as z.infer<typeof exportParams>
        const shown = shownIn(body as z.infer<typeof factorSchema>)
        return { json: await deps.holds.approveExport({ officer: officerOf(session), id, exportId, shown }) }
      },
    },
  }
}
