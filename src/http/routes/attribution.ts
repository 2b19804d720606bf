import { z } from 'zod'
import { currencyOf, NO_CURRENCY } from '../../event/money.ts'
import type { HttpDeps } from '../deps.ts'
import { currency, day, text } from './fields.ts'
import type { Route } from './route.ts'

const MAX_ROWS = 10_000
const MAX_DAYS = 800

const querySchema = z
  .strictObject({
    model: z
      .enum(['first', 'last', 'linear', 'position'])
      .default('last')
      .describe('Which touches an order is credited to; `position`: 40 % first, 40 % last, 20 % those between.'),
    from: day.optional().describe('First day; 89 days before `to` where it is not given.'),
    to: day.optional().describe('Last day; today where it is not given.'),
    by: z
      .enum(['channel', 'source', 'campaign'])
      .default('channel')
      .describe('A line for each channel, or within it for each source or campaign.'),
    currency: currency
      .refine(
        (code) => code === NO_CURRENCY || currencyOf(code) !== NO_CURRENCY,
        'write an ISO 4217 code, such as CNY, or XXX for orders that named none',
      )
      .optional()
      .describe('That of most conversions where it is not given; `XXX`: orders that named none.'),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from <= to, 'from must not be after to')
  .refine(
    ({ from, to }) =>
      from === undefined || to === undefined || Date.parse(to) - Date.parse(from) <= MAX_DAYS * 86_400_000,
    `at most ${MAX_DAYS} days`,
  )

const money = z.string().describe('Decimal text in the currency.')
const lineSchema = z
  .strictObject({
    channel: z.string().describe('`Direct`: no touch in the 90 days before. `Unassigned`: no rule takes it.'),
    source: z.string().nullable().optional().describe('Asked for `by=source`.'),
    campaign: z.string().nullable().optional().describe('Asked for `by=campaign`.'),
    conversions: z
      .number()
      .describe(
        'Credited orders, exact to a millionth, so that all lines add up to the orders delivered; round for display.',
      ),
    new_customers: z.number().describe("The part of them that are a person's first order known here."),
    value: money,
    cost: money.nullable(),
    roi: z.number().nullable().describe('(value - cost) / cost.'),
    cac: money.nullable().describe('cost / new_customers.'),
  })
  .meta({ id: 'Credit' })
const answerSchema = z
  .strictObject({
    model: z.string(),
    by: z.string(),
    from: day,
    to: day,
    currency: z.string().nullable().describe('Null where there is neither an order nor a cost.'),
    lookback_days: z.int(),
    channels: z.array(lineSchema),
    unattributed: z
      .strictObject({
        conversions: z.int().nullable(),
        value: money.nullable(),
        complete: z
          .boolean()
          .describe(
            'False: orders of the range are not published yet, or only within a month or year that reaches over an end of it. There are at least so many; null: not known.',
          ),
      })
      .describe('Orders of the person-free totals that nobody permitted to attribute.'),
    other_currencies: z.array(z.strictObject({ currency: z.string(), conversions: z.int() })),
  })
  .meta({ id: 'CreditReport' })

/** GET /api/attribution/credit */
export function readCredit(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/api/attribution/credit',
    surface: 'api',
    summary: 'Which channels the orders of a range are credited to, and what they cost',
    description: 'Of those who permit attribution. What the others ordered is `unattributed`, never spread.',
    query: querySchema,
    answers: { 200: { description: 'The credit, most conversions first.', schema: answerSchema } },
    access: {
      who: 'role',
      roles: ['analyst', 'compliance', 'auditor'],
      action: 'attribution.read',
      async handle({ query, actor }) {
        const { from, to, currency: asked, ...rest } = query as z.infer<typeof querySchema>
        const given = {
          ...(from === undefined ? {} : { from }),
          ...(to === undefined ? {} : { to }),
          ...(asked === undefined ? {} : { currency: asked }),
        }
        return { json: await deps.readCredit({ ...rest, ...given, actor }) }
      },
    },
  }
}

/** A name as touches have them: what could be somebody's address is none. */
const name = text(100).regex(/^[^@\p{Cc}]*$/u, 'write a name without @ and control characters')

const bodySchema = z
  .strictObject({
    batchId: text(100).describe('Names the delivery: the same one again changes nothing.'),
    rows: z
      .array(
        z.strictObject({
          day,
          channel: name
            .regex(/\S/, 'write the name of a channel')
            .describe('As the credit report names it, such as `Paid Search`.'),
          source: name.optional().describe('As in utm_source.'),
          campaign: name.optional().describe('As in utm_campaign.'),
          currency,
          cost: z
            .string('write a decimal number as a text, such as "19.90"')
            .regex(/^-?\d{1,15}(\.\d{1,4})?$/, 'write a decimal number with at most four places, such as "19.90"')
            .describe("Rounded to the currency's minor unit; below zero takes back."),
        }),
      )
      .min(1)
      .max(MAX_ROWS),
  })
  .meta({
    id: 'CostsDelivery',
    examples: [
      {
        batchId: 'ads-2026-11-20',
        rows: [{ day: '2026-11-20', channel: 'Influencer', source: 'xiaohongshu', currency: 'CNY', cost: '900.00' }],
      },
    ],
  })

/** POST /api/attribution/costs */
export function addCosts(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/api/attribution/costs',
    surface: 'api',
    summary: 'Add what marketing cost, by day and channel',
    description:
      'A known batchId changes nothing. To correct: a new batchId with the negative of the old row, then the right one.',
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
      roles: ['operator', 'compliance', 'analyst'],
      action: 'costs.add',
      async handle({ body, actor }) {
        const { batchId, rows } = body as z.infer<typeof bodySchema>
        return { json: await deps.addCosts({ batchId, rows: rows.map(rowOf), actor }) }
      },
    },
  }
}

type GivenRow = z.infer<typeof bodySchema>['rows'][number]

function rowOf({ source = '', campaign = '', ...row }: GivenRow): GivenRow & { source: string; campaign: string } {
  return { ...row, source, campaign }
}
