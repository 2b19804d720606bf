import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { TOLD } from '../lift-api.ts'
import { secretOf } from './requests.ts'
import type { Route } from './route.ts'

const paramsSchema = z.strictObject({ id: z.uuid().describe('Of the request that asked for the restriction.') })
const liftedSchema = z
  .strictObject({ requestId: z.uuid(), liftedAt: z.iso.datetime().nullable().describe('Null: not yet.') })
  .meta({ id: 'RestrictionEnd' })
const nothingToLift = { 409: { description: 'The request restricts nobody, or not any more.' } }

/** The end of a restriction: by whom it is about, or by an officer who tells them first. */
export function liftRoutes(deps: HttpDeps): Route[] {
  return [liftOwn(deps), liftByOfficer(deps)]
}

/** POST /v1/requests/:id/lift */
function liftOwn(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/v1/requests/:id/lift',
    surface: 'ingest',
    summary: 'End a restriction that you asked for',
    description: 'At once: what was kept is used again, as far as you permit it now.',
    params: paramsSchema,
    query: z.strictObject({}),
    headers: {
      'Weir-Request-Secret': 'The secret of the request; or `Authorization: Bearer SECRET`. Never in the URL.',
    },
    body: { schema: z.strictObject({}), limit: 1_024 },
    answers: {
      200: { description: 'It is over.', schema: liftedSchema },
      404: { description: 'No request has this number and this secret: which of the two is not said.' },
      ...nothingToLift,
    },
    access: {
      who: 'anyone',
      async handle({ params, request }) {
        const { id } = params as z.infer<typeof paramsSchema>
        return { json: await deps.lift.own({ id, secret: secretOf(request) }) }
      },
    },
  }
}

const tellingSchema = z
  .strictObject({
    told: z
      .enum(TOLD)
      .describe(
        '`message`: they are written to, and it ends once that was sent; `otherwise`: you say that they were told.',
      ),
  })
  .meta({ id: 'RestrictionEnding', examples: [{ told: 'message' }] })

/** POST /api/requests/:id/lift */
function liftByOfficer(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/requests/:id/lift',
    surface: 'api',
    summary: 'End a restriction, once the person was told',
    description: 'Whoever obtained it is told before it ends (GDPR art. 18(3)). Entered in the audit log with it.',
    params: paramsSchema,
    body: { schema: tellingSchema, limit: 1_024 },
    answers: {
      200: { description: 'It is over, or announced.', schema: liftedSchema },
      404: { description: 'No request has this id.' },
      409: { description: 'The request restricts nobody, or nobody can be written to.' },
    },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'request.lift',
      async handle({ params, body, actor: by }) {
        const { id } = params as z.infer<typeof paramsSchema>
        const { told } = body as z.infer<typeof tellingSchema>
        return { json: await deps.lift.byOfficer({ by, id, told }) }
      },
    },
  }
}
