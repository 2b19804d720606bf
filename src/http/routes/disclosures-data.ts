import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { disclosureSchema, paramsSchema } from './disclosure-fields.ts'
import { dpoAnswer, officerOf, SESSION_ONLY } from './disclosures.ts'
import type { Route } from './route.ts'

const read = {
  id: z.uuid(),
  read: z.int().describe('Number of this read, from 1.'),
  reads: z.int(),
  expiresAt: z.iso.datetime().nullable(),
}

const dataSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      ...read,
      kind: z.literal('fields'),
      events: z
        .array(
          z.strictObject({
            at: z.iso.datetime(),
            event: z.string(),
            fields: z.record(z.string(), z.record(z.string(), z.unknown())).describe('By field class.'),
          }),
        )
        .describe('Newest first, at most 500; what was not approved is not there.'),
      more: z.boolean().describe('There are older ones.'),
    }),
    z.strictObject({
      ...read,
      kind: z.literal('reidentify'),
      identifiers: z.array(z.strictObject({ type: z.string(), value: z.string() })),
    }),
    z.strictObject({ ...read, kind: z.literal('translate'), pseudonym: z.string().nullable() }),
  ])
  .meta({ id: 'DisclosureData' })

/** GET /api/disclosures/:id/data */
export function readDisclosure(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/disclosures/:id/data',
    surface: 'api',
    summary: 'Read what was approved',
    description:
      'For who asked. Each call uses one read up and is in the audit log, about the person, before it is answered; one that fails after that stays used.',
    params: paramsSchema,
    answers: {
      200: {
        description: 'What was approved, and nothing else. Of nobody: the same with nothing in it.',
        schema: dataSchema,
      },
      404: { description: 'No request has this id.' },
      409: { description: 'Not approved, used up, over, or the person was erased since.' },
      ...dpoAnswer,
    },
    access: {
      who: 'role',
      roles: ['compliance'],
      action: 'disclosure.read',
      stepUp: SESSION_ONLY,
      async handle({ params, session }) {
        const { id } = params as z.infer<typeof paramsSchema>
        return { json: await deps.disclosures.data({ officer: officerOf(session), id }) }
      },
    },
  }
}

const reviewSchema = z
  .strictObject({ outcome: z.enum(['justified', 'not-justified']) })
  .meta({ id: 'DisclosureReview', examples: [{ outcome: 'justified' }] })

/** POST /api/disclosures/:id/review */
export function reviewDisclosure(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/disclosures/:id/review',
    surface: 'api',
    summary: 'Review an emergency of another officer, within 24 hours',
    params: paramsSchema,
    body: { schema: reviewSchema, limit: 1_024 },
    answers: {
      200: { description: 'Reviewed.', schema: disclosureSchema },
      404: { description: 'No request has this id.' },
      409: { description: 'It is no emergency, or was reviewed already.' },
    },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'disclosure.review',
      stepUp: SESSION_ONLY,
      async handle({ params, body, session }) {
        const { id } = params as z.infer<typeof paramsSchema>
        const { outcome } = body as z.infer<typeof reviewSchema>
        return { json: await deps.disclosures.review({ officer: officerOf(session), id, outcome }) }
      },
    },
  }
}
