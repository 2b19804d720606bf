import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { noSessionCookie } from '../session-cookie.ts'
import type { Route } from './route.ts'

const answerSchema = z.strictObject({
  sessions: z.array(
    z.strictObject({
      id: z.uuid(),
      current: z.boolean(),
      amr: z.array(z.string()),
      startedAt: z.iso.datetime(),
      seenAt: z.iso.datetime().describe('To half a minute.'),
      expiresAt: z.iso.datetime(),
    }),
  ),
})

/** GET /api/sessions */
export function ownSessions(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/sessions',
    surface: 'api',
    summary: 'Where you are signed in',
    answers: { 200: { description: 'Your open sessions, latest first.', schema: answerSchema } },
    access: {
      who: 'officer',
      action: 'session.list',
      async handle({ session }) {
        const open = await deps.officers.sessions(session)
        const sessions = open.map(({ id, amr, startedAt, seenAt, expiresAt }) => ({
          id,
          current: id === session.id,
          amr,
          startedAt: new Date(startedAt).toISOString(),
          seenAt: new Date(seenAt).toISOString(),
          expiresAt: new Date(expiresAt).toISOString(),
        }))
        return { json: { sessions } }
      },
    },
  }
}

const paramsSchema = z.strictObject({ id: z.uuid() })

/** DELETE /api/sessions/:id */
export function endOwnSession(deps: HttpDeps): Route {
  return {
    method: 'delete',
    path: '/api/sessions/:id',
    surface: 'api',
    summary: 'End one of your sessions',
    params: paramsSchema,
    answers: { 200: { description: 'Ended.' }, 404: { description: 'You have no session of this id.' } },
    access: {
      who: 'officer',
      action: 'session.end',
      async handle({ params, session }) {
        const { id } = params as z.infer<typeof paramsSchema>
        await deps.officers.endSession(session, id)
        return { json: { ended: true }, headers: id === session.id ? noSessionCookie() : {} }
      },
    },
  }
}

/** DELETE /api/sessions */
export function signOutEverywhere(deps: HttpDeps): Route {
  return {
    method: 'delete',
    path: '/api/sessions',
    surface: 'api',
    summary: 'Sign out everywhere, here too',
    answers: { 200: { description: 'Every session of yours has ended.' } },
    access: {
      who: 'officer',
      action: 'session.end',
      async handle({ session }) {
        await deps.officers.endAllSessions(session)
        return { json: { ended: true }, headers: noSessionCookie() }
      },
    },
  }
}
