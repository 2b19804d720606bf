import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import type { ShownFactor } from '../disclosures-api.ts'
import { disclosureSchema, paramsSchema } from './disclosure-fields.ts'
import { dpoAnswer, officerOf, SESSION_ONLY } from './disclosures.ts'
import type { Route } from './route.ts'
import { totp } from './session.ts'
import { assertionSchema } from './webauthn-schema.ts'

export const factorSchema = z
  .strictObject({ totp: totp.optional(), assertion: assertionSchema.optional() })
  .refine((given) => given.totp === undefined || given.assertion === undefined, 'send assertion or totp, not both')
  .meta({ id: 'Approval', examples: [{ totp: '123456' }] })

export function shownIn({ assertion, totp: code }: z.infer<typeof factorSchema>): ShownFactor {
  if (assertion !== undefined) return { assertion }
  return code === undefined ? undefined : { totp: code }
}

const answers = {
  200: { description: 'Decided.', schema: disclosureSchema },
  404: { description: 'No request has this id.' },
  409: { description: 'It was decided already, or is over.' },
}

/** POST /api/disclosures/:id/approval */
export function approveDisclosure(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/disclosures/:id/approval',
    surface: 'api',
    summary: 'Approve another officer’s request',
    description:
      'With an assertion over its `challenge`; with `totp` only where you have no authenticator. The evidence stands in the audit log’s leaf, and the data protection officer is told.',
    params: paramsSchema,
    body: { schema: factorSchema, limit: 65_536 },
    answers: { ...answers, ...dpoAnswer },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'disclosure.approve',
      stepUp: SESSION_ONLY,
      async handle({ params, body, session }) {
        const { id } = params as z.infer<typeof paramsSchema>
        const shown = shownIn(body as z.infer<typeof factorSchema>)
        return { json: await deps.disclosures.approve({ officer: officerOf(session), id, shown }) }
      },
    },
  }
}

/** POST /api/disclosures/:id/refusal */
export function refuseDisclosure(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/disclosures/:id/refusal',
    surface: 'api',
    summary: 'Refuse another officer’s request, or stop their emergency',
    params: paramsSchema,
    answers,
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'disclosure.refuse',
      stepUp: SESSION_ONLY,
      async handle({ params, session }) {
        const { id } = params as z.infer<typeof paramsSchema>
        return { json: await deps.disclosures.refuse({ officer: officerOf(session), id }) }
      },
    },
  }
}
