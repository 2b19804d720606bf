import { z } from 'zod'
import { PASSWORD_MAX, PASSWORD_MIN } from '../../officers/password-rules.ts'
import type { HttpDeps } from '../deps.ts'
import type { Route } from './route.ts'
import { totp } from './session.ts'

/** How fresh the second factor has to be for a change of what proves an officer. */
export const FRESH_MS = 10 * 60_000

const STEP_UP = 'Needs a second factor shown within ten minutes (POST /api/session/step-up).'

const passwordSchema = z.strictObject({
  current: z.string().min(1).max(512),
  next: z
    .string()
    .min(1)
    .max(512)
    .describe(`${PASSWORD_MIN} to ${PASSWORD_MAX} characters, any; not one that is tried first.`),
})

/** PUT /api/password */
export function changePassword(deps: HttpDeps): Route {
  return {
    method: 'put',
    path: '/api/password',
    surface: 'api',
    summary: 'Change your password',
    description: `Your other sessions end. ${STEP_UP}`,
    body: { schema: passwordSchema, limit: 8_192 },
    answers: {
      200: { description: 'Changed.' },
      403: { description: 'The current password is not right, or no fresh second factor.' },
      429: { description: 'Too many attempts: wait Retry-After seconds.' },
    },
    access: {
      who: 'officer',
      action: 'officer.password',
      stepUp: FRESH_MS,
      async handle({ body, session }) {
        await deps.officers.changePassword(session, body as z.infer<typeof passwordSchema>)
        return { json: { changed: true } }
      },
    },
  }
}

/** POST /api/totp */
export function renewTotp(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/totp',
    surface: 'api',
    summary: 'Ask for a new TOTP seed',
    description: `Shown once; the old one stands until PUT /api/totp showed a code of it. ${STEP_UP}`,
    answers: {
      200: {
        description: 'For an authenticator app.',
        schema: z.strictObject({ totpUri: z.string().describe('otpauth://totp/…') }),
      },
    },
    access: {
      who: 'officer',
      action: 'officer.totp',
      stepUp: FRESH_MS,
      handle: async ({ session }) => ({ json: await deps.officers.renewTotp(session) }),
    },
  }
}

const confirmSchema = z.strictObject({ totp })

/** PUT /api/totp */
export function confirmTotp(deps: HttpDeps): Route {
  return {
    method: 'put',
    path: '/api/totp',
    surface: 'api',
    summary: 'Show the first code of the new seed',
    description: `From now on it is the one; your other sessions end. ${STEP_UP}`,
    body: { schema: confirmSchema, limit: 1_024 },
    answers: {
      200: { description: 'The new seed is in force.' },
      403: { description: 'No code of it, or no fresh second factor.' },
      429: { description: 'Too many attempts: wait Retry-After seconds.' },
    },
    access: {
      who: 'officer',
      action: 'officer.totp',
      stepUp: FRESH_MS,
      async handle({ body, session }) {
        await deps.officers.confirmTotp(session, (body as z.infer<typeof confirmSchema>).totp)
        return { json: { changed: true } }
      },
    },
  }
}

/** POST /api/recovery-codes */
export function newRecoveryCodes(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/recovery-codes',
    surface: 'api',
    summary: 'Make new recovery codes',
    description: `Shown once; the old ones are worth nothing. ${STEP_UP}`,
    answers: {
      200: { description: 'Ten, each good once.', schema: z.strictObject({ recoveryCodes: z.array(z.string()) }) },
    },
    access: {
      who: 'officer',
      action: 'officer.recovery',
      stepUp: FRESH_MS,
      handle: async ({ session }) => ({ json: { recoveryCodes: await deps.officers.newRecoveryCodes(session) } }),
    },
  }
}
