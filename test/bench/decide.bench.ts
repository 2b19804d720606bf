import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BenchResult } from '../../src/cli/bench.ts'
import { decide } from '../../src/consent/decide.ts'
import type { JsonObject } from '../../src/event/event.ts'
import { maskOf } from '../../src/event/purpose.ts'
import { compile } from '../../src/policy/compile.ts'
import type { CompiledPolicy, ConsentView } from '../../src/policy/compiled.ts'
import { mergeClasses, project, projectForRoute } from '../../src/policy/project.ts'
import { problemLine, readPolicy } from '../../src/policy/read.ts'

const GOAL = 250_000
const ROUNDS = 5
const CPU_SECONDS = 1
const VARIANTS = 64

type Subject = {
  readonly type: 'track'
  readonly name: string
  readonly properties: JsonObject
  readonly context: JsonObject
}

/**
 * decide(), the projection of intake and that of delivery to each of three destinations, per second of CPU on one core;
 * the median of five rounds. The goal is for what shops send most, a product view with a usual context, everything granted.
 */
export async function run(): Promise<BenchResult> {
  const policy = await policyOfThree()
  const granted = { granted: maskOf(['analytics', 'attribution', 'personalisation']), refused: 0, narrowed: 0 }
  const refused = { ...granted, refused: maskOf(['analytics', 'attribution', 'personalisation']) }
  const views = variants(productView)
  const orders = variants(orderOfThree)
  const viewed = perSecond(policy, views, granted)
  const figures = {
    product_view_per_second: viewed,
    order_of_three_per_second: perSecond(policy, orders, granted),
    product_view_refused_per_second: perSecond(policy, views, refused),
    decide_alone_per_second: median(() => rate((i) => decide(policy, views[i % VARIANTS]!, granted).permitted)),
  }
  const what = 'decide with field projection for three destinations, a second of one core'
  return { name: 'decide', figures, goals: [{ what, goal: GOAL, value: viewed, met: viewed >= GOAL }] }
}

function perSecond(policy: CompiledPolicy, events: readonly Subject[], view: ConsentView): number {
  return median(() => rate((i) => through(policy, events[i % VARIANTS]!, view)))
}

/** What happens to one event on its way, but for keys and the database. Returns something of it, so that none is left out. */
function through(policy: CompiledPolicy, event: Subject, view: ConsentView): number {
  const { rule, permitted } = decide(policy, event, view)
  if (rule === undefined || permitted === 0) return 0
  const { byClass, removed } = project(rule, permitted, { properties: event.properties, context: event.context })
  let handed = removed.length
  for (const route of rule.routes) {
    // Each destination puts the classes together for itself: it is delivered to in a transaction of its own.
    if ((permitted & route.bit) !== 0 && projectForRoute(route, mergeClasses(byClass)).properties !== undefined)
      handed++
  }
  return handed
}

let sink = 0

/** Calls per second of CPU time of this process: what other processes take meanwhile does not count. */
function rate(step: (i: number) => number): number {
  const began = process.cpuUsage()
  let calls = 0
  for (;;) {
    for (let i = 0; i < 10_000; i++) sink = (sink + step(calls + i)) | 0
    calls += 10_000
    const { user, system } = process.cpuUsage(began)
    const seconds = (user + system) / 1e6
    if (seconds >= CPU_SECONDS) return Math.round(calls / seconds)
  }
}

function median(measure: () => number): number {
  measure() // warm up
  return Array.from({ length: ROUNDS }, measure).sort((a, b) => a - b)[ROUNDS >> 1]!
}

/** The shop's own policy with a third module, with routes for views and orders. */
async function policyOfThree(): Promise<CompiledPolicy> {
  const file = join(import.meta.dirname, '..', '..', 'policies', 'shop.policy.yaml')
  const shop = await readFile(file, 'utf8')
  const text = [
    ['\ndestinations:\n', `\ndestinations:\n${DESTINATIONS}`],
    [
      '    Product Viewed:\n      fields: {include: [product]}\n      routes:\n',
      (found: string) => found + VIEW_ROUTES,
    ],
    ['      totals: true\n      routes:\n', (found: string) => found + ORDER_ROUTES],
  ].reduce((policy, [piece, by]) => {
    if (!policy.includes(piece as string)) throw new Error('the shop policy has changed: this bench no longer fits it')
    return policy.replace(piece as string, by as string)
  }, shop)
  const { source, problems } = readPolicy(text)
  if (source === undefined) throw new Error(problems.map((problem) => problemLine('bench', problem)).join('\n'))
  return compile(source)
}

const DESTINATIONS = `  reports: {kind: module, purpose: analytics, role: self, region: CN, time: day}
`
const VIEW_ROUTES = `        reports: {purpose: analytics, fields: [properties.product_id, properties.category, properties.price, properties.currency, context.page.path]}
`
const ORDER_ROUTES = `        reports: {purpose: analytics, fields: [properties.total, properties.currency, 'properties.products[].product_id', 'properties.products[].price', 'properties.products[].quantity']}
`

/** Each parsed from its own text, as they come in. */
function variants(make: (i: number) => object): Subject[] {
  return Array.from(
    { length: VARIANTS },
    (_, i) => JSON.parse(JSON.stringify({ type: 'track', ...make(i) })) as Subject,
  )
}

const context = (i: number): object => ({
  ipPrefix: '203.0.113.0/24',
  userAgent: 'Chrome/141 (macOS)',
  locale: 'zh-CN',
  visitId: `visit-${i}`,
  page: { origin: 'https://shop.example', path: `/p/${i}` },
  referrer: { origin: 'https://m.example', path: '/' },
  campaign: { source: 'xiaohongshu', medium: 'kol', name: 'spring' },
})

const product = (i: number): object => ({
  product_id: `sku-${i}`,
  sku: `G-${i}`,
  name: 'Longjing',
  price: 128.5,
  quantity: 1,
})

const productView = (i: number): object => ({
  name: 'Product Viewed',
  properties: {
    ...product(i),
    category: 'Tea',
    brand: 'West Lake',
    currency: 'CNY',
    url: 'https://shop.example/p/longjing',
  },
  context: context(i),
})

const orderOfThree = (i: number): object => ({
  name: 'Order Completed',
  properties: {
    order_id: `o-${i}`,
    currency: 'CNY',
    total: 385.5,
    shipping: 12,
    coupon: 'SPRING',
    products: [product(i), product(i + 1), product(i + 2)],
  },
  context: context(i),
})
