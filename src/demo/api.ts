import { z } from 'zod'
import { AppError } from '../errors.ts'
import type { Choice, CostRow } from './shop.ts'

/** The routes of the gateway that the demo uses, each with the credential of who would use it. */
export interface Api {
  choose(choice: Omit<Choice, 'at' | 'person'> & { readonly at?: number }): Promise<void>
  addCosts(rows: readonly CostRow[]): Promise<void>
  credit(model: 'first' | 'last'): Promise<Credit>
  /** For a person where `userId` is given. */
  recommend(ask: {
    readonly placement: string
    readonly productId?: string
    readonly userId?: string
  }): Promise<Recommendations>
  decision(messageId: string): Promise<Decision>
  /** The value of each series of `/metrics` that starts with weir_, as `name{label}`. */
  metrics(): Promise<ReadonlyMap<string, number>>
}

export interface ApiInput {
  readonly url: string
  readonly writeKey: string
  readonly analystToken: string
  readonly complianceToken: string
  /** First and last day of the credit reports. */
  readonly range: { readonly from: string; readonly to: string }
}

const creditSchema = z.looseObject({
  model: z.string(),
  currency: z.string().nullable(),
  channels: z.array(
    z.looseObject({
      channel: z.string(),
      conversions: z.number(),
      value: z.string().nullable(),
      cost: z.string().nullable(),
      roi: z.number().nullable(),
      cac: z.string().nullable(),
    }),
  ),
  unattributed: z.looseObject({ conversions: z.number().nullable(), value: z.string().nullable() }),
})
export type Credit = z.infer<typeof creditSchema>
export type CreditRow = Credit['channels'][number]

const recommendationsSchema = z.looseObject({
  mode: z.string(),
  items: z.array(
    z.looseObject({
      product_id: z.string(),
      stage: z.string(),
      why: z.looseObject({ together: z.number(), of: z.number().nullable() }),
    }),
  ),
})
export type Recommendations = z.infer<typeof recommendationsSchema>

const changeSchema = z.looseObject({ choices: z.array(z.looseObject({ purpose: z.string(), act: z.string() })) })
const decisionSchema = z.looseObject({
  messageId: z.string(),
  event: z.string(),
  outcome: z.string(),
  reason: z.string().optional(),
  policy: z.looseObject({ version: z.number() }),
  destinations: z.array(
    z.looseObject({
      destination: z.string(),
      purpose: z.string(),
      permitted: z.boolean(),
      clauses: z.array(z.looseObject({ clause: z.string(), says: z.string(), line: z.number() })),
      fields: z.array(z.string()),
      wouldPermit: changeSchema.optional(),
    }),
  ),
  fields: z.looseObject({ removed: z.array(z.string()) }),
})
export type Decision = z.infer<typeof decisionSchema>

// Ctrl-C does not cut a request off: a connection without one would hold up the gateway's end.
const REQUEST_MS = 30_000

/** @throws AppError naming the route and the code of its answer, never what was sent */
export function openApi(input: ApiInput): Api {
  const { url, range } = input
  const shop = { authorization: `Basic ${Buffer.from(`${input.writeKey}:`).toString('base64')}` }
  const analyst = { authorization: `Bearer ${input.analystToken}` }
  const compliance = { authorization: `Bearer ${input.complianceToken}` }

  async function ask(path: string, headers: Record<string, string>, body?: unknown): Promise<string> {
    const json = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(url + path, {
      ...json,
      headers: { ...headers, ...type },
      signal: AbortSignal.timeout(REQUEST_MS),
    })
    const text = await answer.text()
    if (answer.ok) return text
    const code = /"code":"([a-z-]+)"/.exec(text)?.[1] ?? ''
    throw new AppError('conflict', `${path.split('?')[0]} was answered ${answer.status} ${code}`.trimEnd())
  }

  return {
    async choose({ userId, anonymousId, choices, at }) {
      const time = at === undefined ? {} : { at: new Date(at).toISOString() }
      await ask('/v1/consent', shop, { userId, anonymousId, choices, ...time })
    },
    async addCosts(rows) {
      await ask('/api/attribution/costs', analyst, { batchId: 'demo', rows })
    },
    async credit(model) {
      const query = new URLSearchParams({ model, ...range })
      return creditSchema.parse(JSON.parse(await ask(`/api/attribution/credit?${query.toString()}`, analyst)))
    },
    async recommend({ placement, productId, userId }) {
      const query = new URLSearchParams({
        placement,
        n: '3',
        ...(productId === undefined ? {} : { product_id: productId }),
      })
      const who = userId === undefined ? {} : { 'Weir-User-Id': userId }
      return recommendationsSchema.parse(
        JSON.parse(await ask(`/v1/recommendations?${query.toString()}`, { ...shop, ...who })),
      )
    },
    async decision(messageId) {
      return decisionSchema.parse(JSON.parse(await ask(`/api/decisions/${encodeURIComponent(messageId)}`, compliance)))
    },
    metrics: async () => seriesOf(await ask('/metrics', {})),
  }
}

/** `weir_delivered_total{destination="x"} 3` becomes `weir_delivered_total{x}` → 3. */
function seriesOf(text: string): Map<string, number> {
  const lines = text.matchAll(/^(weir_\w+)(?:\{\w+="([^"]*)"\})? (\S+)$/gm)
  return new Map(
    [...lines].map(([, name, label, value]) => [label === undefined ? name! : `${name}{${label}}`, Number(value)]),
  )
}
