import type { Api, Credit, Decision } from './api.ts'
import { productName } from './catalogue.ts'
import type { Answered, ShopSdk } from './sdk.ts'
import type { Shop } from './shop.ts'
import { CLOSES, OPENS, partlyPermitted, SHOWN_PRODUCTS } from './story.ts'
import { conversionsOf, type Withdrawal } from './withdraw.ts'

/** A product of the shop with its names. */
export interface Named {
  readonly product_id: string
  readonly en: string
  readonly zh: string
}

/** Everything that the demo found, as `--json` prints it and the tables show it. */
export interface DemoDocument {
  /** Nobody in it is real. */
  readonly synthetic: true
  readonly shop: { readonly seed: number; readonly people: number; readonly from: string; readonly to: string }
  /** As the SDK was answered, message by message. */
  readonly events: { readonly received: number; readonly outcomes: Readonly<Record<string, number>> }
  /** All reasons, the commonest first. */
  readonly refused: readonly { readonly reason: string; readonly events: number }[]
  /** By /metrics: handed over, and withheld because consent had gone meanwhile. */
  readonly delivered: readonly { readonly module: string; readonly events: number; readonly withheld: number }[]
  readonly credit: { readonly first: Credit; readonly last: Credit }
  /** The planted story: orders by the first and by the last touch. */
  readonly story: Readonly<Record<'opens' | 'closes', { channel: string; first: number; last: number }>>
  readonly alsoBought: readonly (Named & { readonly items: readonly (Named & { together: number; of: number })[] })[]
  readonly decision: Decision
  readonly withdrawal: Withdrawal
  readonly seconds: { readonly total: number }
}

export type Findings = Omit<DemoDocument, 'withdrawal' | 'seconds'>

/** Asks the gateway for everything but the withdrawal, which changes it. */
export async function observe(
  shop: Shop,
  { api, sdk }: { readonly api: Api; readonly sdk: ShopSdk },
): Promise<Findings> {
  const answers = [...sdk.answers.values()]
  const [first, last, decision, series] = await Promise.all([
    api.credit('first'),
    api.credit('last'),
    api.decision(partlyPermitted(shop).messageId),
    api.metrics(),
  ])
  const storyOf = (channel: string): { channel: string; first: number; last: number } => {
    return { channel, first: conversionsOf(first, channel), last: conversionsOf(last, channel) }
  }
  return {
    synthetic: true,
    shop: { seed: shop.seed, people: shop.people.length, from: shop.days[0]!.day, to: shop.days.at(-1)!.day },
    events: { received: answers.length, outcomes: count(answers, ({ outcome }) => outcome) },
    refused: reasonsOf(answers),
    delivered: deliveredOf(series),
    credit: { first, last },
    story: { opens: storyOf(OPENS), closes: storyOf(CLOSES) },
    alsoBought: await Promise.all(SHOWN_PRODUCTS.map(({ id }) => alsoBought(api, id))),
    decision,
  }
}

function reasonsOf(answers: readonly Answered[]): DemoDocument['refused'] {
  const refused = answers.filter(({ outcome }) => outcome === 'refused')
  return Object.entries(count(refused, ({ reason }) => reason ?? 'no reason'))
    .map(([reason, events]) => ({ reason, events }))
    .toSorted((a, b) => b.events - a.events || (a.reason < b.reason ? -1 : 1))
}

function count<T>(list: readonly T[], nameOf: (one: T) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const one of list) counts[nameOf(one)] = (counts[nameOf(one)] ?? 0) + 1
  return counts
}

function deliveredOf(series: ReadonlyMap<string, number>): DemoDocument['delivered'] {
  const modules = [...series].flatMap(([name, events]) => {
    const module = /^weir_delivered_total\{(.+)\}$/.exec(name)?.[1]
    if (module === undefined || module === 'flow_probe') return []
    return [{ module, events, withheld: series.get(`weir_withheld_total{${module}}`) ?? 0 }]
  })
  // /metrics names a module when it is first handed something: which one that is differs.
  return modules.toSorted((a, b) => (a.module < b.module ? -1 : 1))
}

async function alsoBought(api: Api, id: string): Promise<DemoDocument['alsoBought'][number]> {
  const { items } = await api.recommend({ placement: 'also_bought', productId: id })
  const near = items.filter(({ stage }) => stage === 'also_bought') // what is only popular says nothing about this one
  return {
    ...named(id),
    items: near.map(({ product_id, why }) => ({ ...named(product_id), together: why.together, of: why.of ?? 0 })),
  }
}

function named(id: string): Named {
  return { product_id: id, en: productName(id, 'en'), zh: productName(id, 'zh') }
}
