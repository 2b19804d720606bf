import { z } from 'zod'
import { KINDS } from '../../disclosures/state.ts'
import { LONGEST_MS, type Session, sessionEnded } from '../../officers/sessions.ts'
import type { HttpDeps } from '../deps.ts'
import { caseId, cursor, limitOf, next, present } from './audit-fields.ts'
import { askSchema, disclosureSchema, paramsSchema, shownSchema } from './disclosure-fields.ts'
import { FRESH_MS } from './own-account.ts'
import type { Route } from './route.ts'

/** No token will do, and no session is older: its second factor was shown when it began. */
export const SESSION_ONLY = LONGEST_MS

export const dpoAnswer = {
  503: { description: 'The data protection officer cannot be told, or the audit log does not take entries in.' },
}

/** Routes with `stepUp` are handed a session. */
export function officerOf(session: Session | undefined): string {
  if (session === undefined) throw sessionEnded()
  return session.officer
}

/** POST /api/disclosures */
export function askDisclosure(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/disclosures',
    surface: 'api',
    summary: 'Ask to see what is sealed, or to do what is dangerous',
    description:
      'Another officer has to approve it. Answered alike whether or not anybody is known by the identifier. Needs a second factor shown within ten minutes.',
    body: { schema: askSchema, limit: 32_768 },
    answers: {
      201: { description: 'Asked.', schema: disclosureSchema },
      409: { description: 'An emergency of yours waits for its review.' },
      ...dpoAnswer,
    },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'disclosure.ask',
      stepUp: FRESH_MS,
      async handle({ body, session }) {
        const asked = body as z.infer<typeof askSchema>
        return { status: 201, json: await deps.disclosures.ask({ officer: officerOf(session), asked }) }
      },
    },
  }
}

const querySchema = z.strictObject({
  kind: z.enum(KINDS).optional().describe('Only those of this kind.'),
  caseId: caseId.optional().describe('Only those of this case.'),
  askedBy: z.uuid().optional().describe('Only those of this officer.'),
  waiting: z.enum(['decision', 'review']).optional().describe('Only those that another officer has to look at.'),
  cursor,
  limit: limitOf(500).describe('Requests of a page.'),
})

/** GET /api/disclosures */
export function listDisclosures(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/disclosures',
    surface: 'api',
    summary: 'Requests for disclosure, newest first',
    description: 'Without reasons, and without whom they are about. Entered in the audit log.',
    query: querySchema,
    answers: {
      200: {
        description: 'A page.',
        schema: z.strictObject({ disclosures: z.array(disclosureSchema), next }),
      },
    },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'disclosure.list',
      stepUp: SESSION_ONLY,
      async handle({ query, session }) {
        const { limit, ...filter } = query as z.infer<typeof querySchema>
        return { json: await deps.disclosures.list({ officer: officerOf(session), limit, ...present(filter) }) }
      },
    },
  }
}

/** GET /api/disclosures/:id */
export function showDisclosure(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/disclosures/:id',
    surface: 'api',
    summary: 'One request, with its reason and what to sign to approve it',
    description: 'Entered in the audit log, about the same person.',
    params: paramsSchema,
    answers: {
      200: { description: 'The request.', schema: shownSchema },
      404: { description: 'No request has this id.' },
    },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'disclosure.show',
      stepUp: SESSION_ONLY,
      async handle({ params, session }) {
        const { id } = params as z.infer<typeof paramsSchema>
        return { json: await deps.disclosures.show({ officer: officerOf(session), id }) }
      },
    },
  }
}
