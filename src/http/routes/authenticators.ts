import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { FRESH_MS } from './own-account.ts'
import type { Route } from './route.ts'
import { optionsSchema, registrationSchema } from './webauthn-schema.ts'

const listSchema = z.strictObject({
  authenticators: z.array(
    z.strictObject({
      id: z.uuid(),
      deviceType: z.enum(['singleDevice', 'multiDevice']).describe('`multiDevice`: its key is synchronised.'),
      transports: z.array(z.string()),
      createdAt: z.iso.datetime(),
      usedAt: z.iso.datetime().nullable(),
    }),
  ),
})

/** GET /api/authenticators */
export function ownAuthenticators(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/authenticators',
    surface: 'api',
    summary: 'Your authenticators',
    answers: { 200: { description: 'Oldest first.', schema: listSchema } },
    access: {
      who: 'officer',
      action: 'officer.authenticator.list',
      handle: async ({ session }) => ({ json: { authenticators: await deps.officers.authenticators(session) } }),
    },
  }
}

/** POST /api/authenticators/challenge */
export function askNewAuthenticator(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/authenticators/challenge',
    surface: 'api',
    summary: 'What to make a new authenticator with',
    description: 'Needs a second factor shown within ten minutes.',
    answers: {
      200: {
        description: 'Good once, five minutes, for this session.',
        schema: z.strictObject({ options: optionsSchema }),
      },
      409: { description: 'The gateway has no name yet that authenticators could be bound to.' },
    },
    access: {
      who: 'officer',
      action: 'officer.authenticator.add',
      stepUp: FRESH_MS,
      handle: async ({ session }) => ({ json: { options: await deps.officers.askNewAuthenticator(session) } }),
    },
  }
}

/** POST /api/authenticators */
export function registerAuthenticator(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/authenticators',
    surface: 'api',
    summary: 'Register an authenticator',
    description: 'User verification is required. Register two, so that one may be lost.',
    body: { schema: z.strictObject({ credential: registrationSchema }), limit: 131_072 },
    answers: {
      200: { description: 'Registered.', schema: z.strictObject({ id: z.uuid() }) },
      409: { description: 'The challenge is gone, the authenticator is known, or there are ten.' },
    },
    access: {
      who: 'officer',
      action: 'officer.authenticator.add',
      stepUp: FRESH_MS,
      async handle({ body, session }) {
        const { credential } = body as { credential: z.infer<typeof registrationSchema> }
        return { json: { id: await deps.officers.registerAuthenticator(session, credential) } }
      },
    },
  }
}

const paramsSchema = z.strictObject({ id: z.uuid() })

/** DELETE /api/authenticators/:id */
export function removeAuthenticator(deps: HttpDeps): Route {
  return {
    method: 'delete',
    path: '/api/authenticators/:id',
    surface: 'api',
    summary: 'Remove an authenticator',
    description: 'Needs a second factor shown within ten minutes.',
    params: paramsSchema,
    answers: { 200: { description: 'Removed.' }, 404: { description: 'You have no authenticator of this id.' } },
    access: {
      who: 'officer',
      action: 'officer.authenticator.remove',
      stepUp: FRESH_MS,
      async handle({ params, session }) {
        await deps.officers.removeAuthenticator(session, (params as z.infer<typeof paramsSchema>).id)
        return { json: { removed: true } }
      },
    },
  }
}
