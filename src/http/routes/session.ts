import { z } from 'zod'
import { ROLES } from '../../officers/roles.ts'
import type { Session } from '../../officers/sessions.ts'
import type { SignedIn } from '../../officers/sign-in.ts'
import type { HttpDeps } from '../deps.ts'
import { refuseForeignPage } from '../own-pages.ts'
import { noSessionCookie, sessionCookie, sessionTokenOf } from '../session-cookie.ts'
import type { Answer, Route } from './route.ts'
import { assertionSchema, optionsSchema } from './webauthn-schema.ts'

const email = z.string().min(1).max(320)
const password = z.string().min(1).max(512)
const BODY = 65_536

/** Six digits; apps show them in two groups. */
export const totp = z
  .string()
  .regex(/^\d{3} ?\d{3}$/, 'write the six digits of your authenticator app')
  .describe('Good once, for 30 s and the 30 s before and after.')

const bodySchema = z
  .strictObject({
    email: email.optional(),
    password: password.optional(),
    totp: totp.optional(),
    recoveryCode: z.string().min(1).max(64).optional().describe('Instead of `totp`; good once.'),
    ticket: z.string().max(64).optional().describe('From POST /api/session/authenticator, with `assertion`.'),
    assertion: assertionSchema.optional(),
  })
  .refine(
    (given) => waysOf(given) === 1,
    'send email and password with totp or recoveryCode, or ticket with assertion, and nothing else',
  )
  .meta({
    id: 'SignIn',
    examples: [{ email: 'you@shop.example', password: 'k7mq2x-…', totp: '123456' }],
  })

function waysOf(given: Record<string, unknown>): number {
  const names = Object.keys(given)
    .filter((name) => given[name] !== undefined)
    .toSorted()
    .join()
  return ['email,password,totp', 'email,password,recoveryCode', 'assertion,ticket'].filter((way) => way === names)
    .length
}

const sessionSchema = z
  .strictObject({
    csrf: z.string().describe('Send it as `Weir-Csrf` with every request that changes something.'),
    officer: z.uuid(),
    role: z.enum(ROLES),
    amr: z
      .array(z.string())
      .describe('How it was proved (RFC 8176): `pwd`, then `otp`, `hwk` or `swk` with `user`, `rec`.'),
    expiresAt: z.iso.datetime().describe('However busy it is; idle, it ends after 15 minutes.'),
    steppedUpAt: z.iso.datetime().describe('When a second factor was last shown.'),
  })
  .meta({ id: 'Session' })

/** What a session tells of itself. */
export function sessionAnswer(deps: HttpDeps, session: Session): object {
  return {
    csrf: deps.officers.csrfToken(session),
    officer: session.officer,
    role: session.role,
    amr: session.amr,
    expiresAt: new Date(session.expiresAt).toISOString(),
    steppedUpAt: new Date(session.steppedUpAt).toISOString(),
  }
}

export function signedIn(deps: HttpDeps, { token, session }: SignedIn): Answer {
  return { json: sessionAnswer(deps, session), headers: sessionCookie(token) }
}

/** POST /api/session */
export function signIn(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/session',
    surface: 'api',
    summary: 'Sign in',
    description:
      'Password and second factor; every failure is answered alike. The session is the cookie `__Host-weir`; one that came with the request is never taken over.',
    body: { schema: bodySchema, limit: BODY },
    answers: {
      200: { description: 'Signed in: the cookie, and this.', schema: sessionSchema },
      401: { description: 'The address, the password or the second factor is not right.' },
      403: { description: 'Asked by a page of another origin.' },
      429: { description: 'Too many attempts: wait Retry-After seconds.' },
      503: { description: 'Too many at once: wait Retry-After seconds.' },
    },
    access: {
      who: 'anyone',
      async handle({ body, request, addressPrefix }) {
        refuseForeignPage(request, deps.config.publicUrl)
        const given = body as z.infer<typeof bodySchema>
        const where = { addressPrefix, presented: sessionTokenOf(request) }
        const { ticket, assertion } = given
        if (ticket !== undefined && assertion !== undefined) {
          return signedIn(deps, await deps.officers.signInWithAssertion({ ticket, assertion }, where))
        }
        const first = { email: given.email!, password: given.password! }
        const second = given.totp === undefined ? { recoveryCode: given.recoveryCode! } : { totp: given.totp }
        return signedIn(deps, await deps.officers.signIn({ ...first, ...second }, where))
      },
    },
  }
}

const firstSchema = z.strictObject({ email, password }).meta({ id: 'FirstFactor' })

/** POST /api/session/authenticator */
export function askAuthenticator(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/session/authenticator',
    surface: 'api',
    summary: 'Begin to sign in with an authenticator',
    description:
      'The password first: this answers what to sign, and a ticket that is good for one answer within five minutes.',
    body: { schema: firstSchema, limit: BODY },
    answers: {
      200: { description: 'What to sign.', schema: z.strictObject({ ticket: z.string(), options: optionsSchema }) },
      401: { description: 'The address or the password is not right, or there is no authenticator.' },
      403: { description: 'Asked by a page of another origin.' },
      409: { description: 'The gateway has no name yet that authenticators could be bound to.' },
      429: { description: 'Too many attempts: wait Retry-After seconds.' },
      503: { description: 'Too many at once: wait Retry-After seconds.' },
    },
    access: {
      who: 'anyone',
      async handle({ body, request, addressPrefix }) {
        refuseForeignPage(request, deps.config.publicUrl)
        const given = body as z.infer<typeof firstSchema>
        return { json: await deps.officers.askAuthenticator(given, { addressPrefix, presented: undefined }) }
      },
    },
  }
}

/** GET /api/session */
export function readSession(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/session',
    surface: 'api',
    summary: 'Who is signed in',
    answers: { 200: { description: 'The session, its csrf again.', schema: sessionSchema } },
    access: {
      who: 'officer',
      action: 'session.read',
      handle: async ({ session }) => ({ json: sessionAnswer(deps, session) }),
    },
  }
}

/** DELETE /api/session */
export function signOut(deps: HttpDeps): Route {
  return {
    method: 'delete',
    path: '/api/session',
    surface: 'api',
    summary: 'Sign out',
    answers: { 200: { description: 'Signed out; the cookie is taken back.' } },
    access: {
      who: 'officer',
      action: 'session.end',
      async handle({ session }) {
        await deps.officers.endSession(session, session.id)
        return { json: { ended: true }, headers: noSessionCookie() }
      },
    },
  }
}
