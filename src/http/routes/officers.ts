import { z } from 'zod'
import { ROLES } from '../../officers/roles.ts'
import type { HttpDeps } from '../deps.ts'
import { FRESH_MS } from './own-account.ts'
import type { Route } from './route.ts'

const listSchema = z.strictObject({
  officers: z.array(
    z.strictObject({
      officer: z.uuid().describe('As the audit log names them: `officer:<id>`.'),
      email: z.string(),
      role: z.enum(ROLES),
      createdAt: z.iso.datetime(),
      disabledAt: z.iso.datetime().nullable(),
      authenticators: z.int(),
      sessions: z.int(),
    }),
  ),
})

const ALONE = 'Needs a second factor shown within ten minutes; nobody does it to their own account.'
const paramsSchema = z.strictObject({ id: z.uuid() })
const roleSchema = z.strictObject({ role: z.enum(ROLES) }).meta({ id: 'RoleChange', examples: [{ role: 'auditor' }] })
const gone = { 404: { description: 'No officer has this id.' } }
const last = { 409: { description: 'The last compliance officer stays.' } }

function idOf(params: unknown): string {
  return (params as z.infer<typeof paramsSchema>).id
}

/** GET /api/officers */
export function listOfficers(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/officers',
    surface: 'api',
    summary: 'Every officer, with address and role',
    description: 'Entered in the audit log. Accounts are made with `weir officer add`.',
    answers: { 200: { description: 'Oldest first.', schema: listSchema } },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'officer.list',
      handle: async ({ actor }) => ({ json: { officers: await deps.officers.list(actor) } }),
    },
  }
}

/** PUT /api/officers/:id/role */
export function changeRole(deps: HttpDeps): Route {
  return {
    method: 'put',
    path: '/api/officers/:id/role',
    surface: 'api',
    summary: 'Give an officer another role; their sessions end',
    description: ALONE,
    params: paramsSchema,
    body: { schema: roleSchema, limit: 1_024 },
    answers: { 200: { description: 'Changed.' }, ...gone, ...last },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'officer.role',
      stepUp: FRESH_MS,
      async handle({ params, body, actor }) {
        await deps.officers.changeRole(actor, idOf(params), (body as z.infer<typeof roleSchema>).role)
        return { json: { changed: true } }
      },
    },
  }
}

/** POST /api/officers/:id/disable */
export function disableOfficer(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/officers/:id/disable',
    surface: 'api',
    summary: 'Disable an account; its sessions end',
    description: ALONE,
    params: paramsSchema,
    answers: { 200: { description: 'Disabled.' }, ...gone, ...last },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'officer.disable',
      stepUp: FRESH_MS,
      async handle({ params, actor }) {
        await deps.officers.disable(actor, idOf(params))
        return { json: { disabled: true } }
      },
    },
  }
}

/** DELETE /api/officers/:id/sessions */
export function endSessionsOf(deps: HttpDeps): Route {
  return {
    method: 'delete',
    path: '/api/officers/:id/sessions',
    surface: 'api',
    summary: 'Sign an officer out everywhere',
    params: paramsSchema,
    answers: { 200: { description: 'Every session of theirs has ended.' }, ...gone },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'officer.sessions.end',
      stepUp: FRESH_MS,
      async handle({ params, actor }) {
        await deps.officers.endSessionsOf(actor, idOf(params))
        return { json: { ended: true } }
      },
    },
  }
}
