import { z } from 'zod'
import type { HttpDeps, TotalsRow } from '../deps.ts'
import { currency, day, text } from './fields.ts'
import type { Route } from './route.ts'

const MAX_ROWS = 10_000
const MAX_DAYS = 800

const querySchema = z
  .strictObject({
    from: day.describe('First day, UTC.'),
    to: day.describe('Last day, included; at most 800 after the first.'),
  })
  .refine(({ from, to }) => from <= to, 'from must not be after to')
  .refine(({ from, to }) => Date.parse(to) - Date.parse(from) <= MAX_DAYS * 86_400_000, `at most ${MAX_DAYS} days`)

const onlyOne =
  <Name extends string>(a: Name, b: Name) =>
  (row: { readonly [name in Name]?: unknown }): boolean =>
    (row[a] === undefined) !== (row[b] === undefined)
const count = z.int().min(0).max(1_000_000_000)

const bodySchema = z
  .strictObject({
    batchId: text(100).describe('Names the delivery: the same one again changes nothing.'),
    rows: z
      .array(
        z
          .strictObject({
            day,
            shop: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'write the name of a shop, such as main'),
            currency,
            product_id: text(128).optional(),
            orders: count,
            units: count,
            value: z
              .string('write a decimal number as a text, such as "19.90"')
              .regex(/^-?\d{1,15}(\.\d{1,4})?$/, 'write a decimal number with at most four places, such as "19.90"'),
            new_customers: count.optional(),
            productId: text(128).optional().describe('The same as product_id.').meta({ deprecated: true }),
            newCustomers: count.optional().describe('The same as new_customers.').meta({ deprecated: true }),
          })
          .refine(onlyOne('product_id', 'productId'), { path: ['product_id'], error: 'is missing, or stands twice' })
          .refine((row) => row.new_customers === undefined || row.newCustomers === undefined, {
            path: ['new_customers'],
            error: 'stands twice',
          }),
      )
      .min(1)
      .max(MAX_ROWS),
  })
  .meta({
    id: 'TotalsDelivery',
    examples: [
      {
        batchId: 'erp-2026-01-02',
        rows: [
          {
            day: '2026-01-02',
            shop: 'main',
            currency: 'CNY',
            product_id: 'sku-1',
            orders: 2,
            units: 3,
            value: '19.90',
          },
        ],
      },
    ],
  })

const sumSchema = {
  from: day.describe('First day of the span; equal to `to` for a day.'),
  to: day,
  shop: z.string(),
  currency: z.string(),
  orders: z.int(),
  units: z.int(),
  value: z.string().describe('Decimal text in the currency.'),
  new_customers: z.int().describe('Orders that said `new_customer: true` or `first_order: true`.'),
}
const answerSchema = z
  .strictObject({
    k: z.int().describe('Nothing is shown of fewer orders than this.'),
    rows: z
      .array(z.strictObject({ ...sumSchema, product_id: z.string().describe('`other`: all that have no row.') }))
      .describe('By product; an order of two products is in both.'),
    sums: z.array(z.strictObject(sumSchema)).describe('Each order once.'),
    withheld: z
      .strictObject({ cells: z.int() })
      .describe('Days, by shop and currency, of which some orders are not shown yet: fewer than k.'),
    wider: z.int().describe('Months and years that reach over an end of the range, and are therefore not in it.'),
  })
  .meta({ id: 'Totals' })

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
    answers: { 200: { description: 'The sums.', schema: answerSchema } },
    access: {
      who: 'role',
      roles: ['analyst', 'merchandiser', 'compliance', 'auditor'],
      action: 'totals.read',
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
      200: {
        description: '`added` is false where this batchId was added before.',
        schema: z.strictObject({ added: z.boolean(), rows: z.int() }),
      },
      413: { description: 'More than 4,000,000 bytes.' },
    },
    access: {
      who: 'role',
      roles: ['operator', 'compliance'],
      action: 'totals.add',
      async handle({ body, actor }) {
        const { batchId, rows } = body as z.infer<typeof bodySchema>
        return { json: await deps.addTotals({ batchId, rows: rows.map(rowOf), actor }) }
      },
    },
  }
}

type GivenRow = z.infer<typeof bodySchema>['rows'][number]

/** Rows are written with the names that GET answers; the first release took camelCase, and still may be given it. */
function rowOf({
  product_id,
  productId = '',
  new_customers,
  newCustomers = new_customers,
  ...row
}: GivenRow): TotalsRow {
  return { ...row, productId: product_id ?? productId, ...(newCustomers === undefined ? {} : { newCustomers }) }
}
