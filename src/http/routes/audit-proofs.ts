import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { cursor, limitOf, next } from './audit-fields.ts'
import { text } from './fields.ts'
import type { Route } from './route.ts'

const indexSchema = z.strictObject({ index: z.string().regex(/^(0|[1-9]\d{0,17})$/, 'write the index of an entry') })
const pageSchema = z.strictObject({ cursor, limit: limitOf(1_000).describe('Checkpoints of a page.') })
const messageSchema = z.strictObject({ messageId: text(100) })
const sourceSchema = z.strictObject({
  source: text(64).optional().describe('Name of the source, where several sent it.'),
})

const NOTE = 'text/plain; charset=utf-8'

/** GET /api/audit/entries/:index/proof */
export function auditProof(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/audit/entries/:index/proof',
    surface: 'api',
    summary: 'A receipt of one entry, to be checked without us',
    description:
      'C2SP tlog-proof@v1: the entry’s body as extra data, its place in its year’s tree, the signed checkpoint and its witnesses. `weir audit verify-receipt FILE` checks it.',
    params: indexSchema,
    answers: {
      200: { description: 'The receipt, as text.' },
      404: { description: 'The log has no entry of this index.' },
      409: { description: 'No signature covers the entry yet: ask again in a second.' },
    },
    access: {
      who: 'role',
      roles: ['auditor', 'compliance'],
      action: 'audit.read',
      async handle({ params, actor: by }) {
        const { index } = params as z.infer<typeof indexSchema>
        return { text: await deps.audit.proof({ index, by }), type: NOTE }
      },
    },
  }
}

/** GET /api/audit/checkpoint */
export function auditCheckpoint(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/audit/checkpoint',
    surface: 'api',
    summary: 'The newest signed checkpoint of the audit log',
    description:
      'A C2SP signed note with the cosignatures of witnesses. Keep some: a log that was rewritten disagrees with them.',
    answers: { 200: { description: 'The note, as text.' }, 404: { description: 'Nothing was entered yet.' } },
    access: {
      who: 'role',
      roles: ['auditor', 'compliance', 'operator'],
      action: 'audit.checkpoint',
      handle: async () => ({ text: await deps.audit.checkpoint(), type: NOTE }),
    },
  }
}

const historySchema = z
  .strictObject({
    checkpoints: z.array(
      z.strictObject({
        origin: z.string(),
        size: z.int(),
        at: z.iso.datetime(),
        witnesses: z.array(z.string()),
        note: z.string(),
      }),
    ),
    next,
  })
  .meta({ id: 'AuditCheckpoints' })

/** GET /api/audit/checkpoints */
export function auditCheckpoints(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/audit/checkpoints',
    surface: 'api',
    summary: 'Every signed checkpoint, newest first',
    query: pageSchema,
    answers: { 200: { description: 'A page of checkpoints.', schema: historySchema } },
    access: {
      who: 'role',
      roles: ['auditor', 'compliance', 'operator'],
      action: 'audit.checkpoint',
      async handle({ query }) {
        const { cursor: before, limit } = query as z.infer<typeof pageSchema>
        return { json: await deps.audit.checkpoints({ limit, ...(before === undefined ? {} : { cursor: before }) }) }
      },
    },
  }
}

const decisionSchema = z
  .strictObject({
    record: z.string().describe('What was decided, base64: the layout is in docs/audit.md.'),
    salt: z.string(),
    leaf: z.int(),
    leaves: z.int(),
    path: z.array(z.string()),
    root: z.string().describe('Of the group’s tree: stands in the entry.'),
    entry: z.int(),
    receipt: z.string().describe('Of the entry: C2SP tlog-proof@v1.'),
  })
  .meta({ id: 'DecisionProof' })

/** GET /api/decisions/:messageId/proof */
export function decisionProof(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/decisions/:messageId/proof',
    surface: 'api',
    summary: 'Proof that this is what was decided about one message',
    description: 'Record and salt hash to a leaf of its group’s tree, whose root is in an entry of the audit log.',
    params: messageSchema,
    query: sourceSchema,
    answers: {
      200: { description: 'Everything that a verifier needs.', schema: decisionSchema },
      404: { description: 'No decision of this message is kept, or it was erased.' },
    },
    access: {
      who: 'role',
      roles: ['compliance', 'auditor'],
      action: 'decision.read',
      async handle({ params, query, actor: by }) {
        const { messageId } = params as z.infer<typeof messageSchema>
        const { source } = query as z.infer<typeof sourceSchema>
        return { json: await deps.audit.decisionProof({ messageId, by, ...(source === undefined ? {} : { source }) }) }
      },
    },
  }
}
