import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import type { Route } from './route.ts'
import { signedIn, totp } from './session.ts'
import { assertionSchema, optionsSchema } from './webauthn-schema.ts'

const bodySchema = z
  .strictObject({ totp: totp.optional(), assertion: assertionSchema.optional() })
  .refine((given) => (given.totp === undefined) !== (given.assertion === undefined), 'send totp or assertion')
  .meta({ id: 'StepUp', examples: [{ totp: '123456' }] })

/** POST /api/session/step-up */
export function stepUp(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/session/step-up',
    surface: 'api',
    summary: 'Show a second factor again, for what asks for a fresh one',
    description: 'The session goes on under a new cookie; it ends when it would have ended.',
    body: { schema: bodySchema, limit: 65_536 },
    answers: {
      200: { description: 'As POST /api/session answers.' },
      403: { description: 'The factor does not hold, or was used before.' },
      429: { description: 'Too many attempts: wait Retry-After seconds.' },
    },
    access: {
      who: 'officer',
      action: 'session.step-up',
      async handle({ body, session }) {
        const given = body as z.infer<typeof bodySchema>
        const shown = given.assertion === undefined ? { totp: given.totp! } : { assertion: given.assertion }
        return signedIn(deps, await deps.officers.stepUp(session, shown))
      },
    },
  }
}

/** POST /api/session/step-up/challenge */
export function askStepUp(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/session/step-up/challenge',
    surface: 'api',
    summary: 'What an authenticator is to sign for a step-up',
    answers: {
      200: {
        description: 'Good once, five minutes, for this session.',
        schema: z.strictObject({ options: optionsSchema }),
      },
      409: { description: 'You have no authenticator, or the gateway has no name.' },
    },
    access: {
      who: 'officer',
      action: 'session.step-up',
      handle: async ({ session }) => ({ json: { options: await deps.officers.askStepUp(session) } }),
    },
  }
}
