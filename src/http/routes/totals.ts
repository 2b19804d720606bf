import { z } from 'zod'
import type { HttpDeps } from '../deps.ts'
import { day, text } from './fields.ts'
import type { Route } from './route.ts'

const MAX_ROWS = 10_000
const MAX_DAYS = 800

const querySchema = z
  .strictObject({ from: day, to: day })
  .refine(({ from, to }) => from <= to, 'from must not be after to')
  .refine(({ from, to }) => Date.parse(to) - Date.parse(from) <= MAX_DAYS * 86_400_000, `at most ${MAX_DAYS} days`)

const count = z.int().min(0).max(1_000_000_000)

const bodySchema = z
  .strictObject({
    batchId: text(100).describe('Names the delivery: the same one again changes nothing.'),
    rows: z
      .array(
        z.strictObject({
          day,
          shop: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be the name of a shop'),
          currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
          productId: text(128),
          orders: count,
          units: count,
          value: z.string().regex(/^-?\d{1,15}(\.\d{1,4})?$/, 'must be a decimal text with at most four places'),
          newCustomers: count.optional(),
        }),
      )
      .min(1)
      .max(MAX_ROWS),
  })
  .meta({ id: 'TotalsDelivery' })

/** GET /api/totals */
export function readTotals(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/totals',
    surface: 'api',
    summary: 'Person-free sums of orders: day × shop × currency × product',
    description:
      'Counted of all orders, also of those who refused; cells under k are merged. Nobody can be found in it.',
    query: querySchema,
    answers: { 200: { description: 'The sums.', schema: z.record(z.string(), z.unknown()) } },
    access: {
      who: 'role',
      roles: ['analyst', 'merchandiser', 'compliance', 'auditor'],
      async handle({ query, actor }) {
        const { from, to } = query as z.infer<typeof querySchema>
        return { json: await deps.readTotals({ from, to, actor }) }
      },
    },
  }
}

/** POST /api/totals */
export function addTotals(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/totals',
    surface: 'api',
    summary: 'Add sums that an ERP counted itself',
    body: { schema: bodySchema, limit: 4_000_000 },
    answers: {
      200: { description: 'Added, or added before under the same batchId.', schema: z.record(z.string(), z.unknown()) },
      413: { description: 'More than 4,000,000 bytes.' },
    },
    access: {
      who: 'role',
      roles: ['operator', 'compliance'],
      async handle({ body, actor }) {
        const { batchId, rows } = body as z.infer<typeof bodySchema>
        const given = rows.map(({ newCustomers, ...row }) =>
          newCustomers === undefined ? row : { ...row, newCustomers },
        )
        return { json: await deps.addTotals({ batchId, rows: given, actor }) }
      },
    },
  }
}
