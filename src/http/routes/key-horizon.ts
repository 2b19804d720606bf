import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import type { Route } from './route.ts'

const answerSchema = z
  .strictObject({
    unrecoverableAfter: z.iso
      .datetime()
      .describe('After this moment nobody, the operator included, can decrypt what is erased now, in whatever backup.'),
    erasedBefore: z.iso
      .datetime()
      .nullable()
      .describe('Whoever was erased before this moment is beyond reach already; null where nobody is.'),
    epochs: z
      .array(
        z.strictObject({
          kid: z.int(),
          erasedBefore: z.iso
            .datetime()
            .nullable()
            .describe('When the next epoch took its place; null while it is in use.'),
          unrecoverableAfter: z.iso.datetime(),
        }),
      )
      .describe('For each key epoch, oldest first: who was erased before that moment is beyond reach from then on.'),
  })
  .meta({ id: 'KeyHorizon' })

/** GET /api/keys/horizon */
export function keyHorizon(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/keys/horizon',
    surface: 'api',
    summary: 'When what was erased is beyond reach in every backup',
    description:
      'Counted from the key epochs, from how long the policy keeps old ones, and from the copies of the keys.',
    answers: { 200: { description: 'The horizon.', schema: answerSchema } },
    access: {
      who: 'role',
      roles: ['auditor', 'compliance', 'operator'],
      action: 'keys.horizon',
      handle: async () => ({ json: { ...(await deps.keyHorizon()) } }),
    },
  }
}
