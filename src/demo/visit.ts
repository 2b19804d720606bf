import { KITS, type Kit, PRODUCTS, type Product } from './catalogue.ts'
import { type Landing, landingOf } from './channels.ts'
import type { Person, Visit } from './people.ts'
import type { Random } from './random.ts'

const SHOP = 'https://tea-shop.example'
const DAY_MS = 86_400_000

/** A message as the shop's backend gives it to its SDK; which person it is of stands beside it, for the story. */
export interface Message {
  readonly type: 'page' | 'track' | 'identify'
  readonly messageId: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly person: number
  readonly anonymousId: string
  readonly userId?: string
  /** Of a track call. */
  readonly event?: string
  /** Properties, or the traits of an identify call. */
  readonly properties: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
}

export interface VisitInput {
  readonly person: Person
  readonly visit: Visit
  /** Midnight (UTC) of the sample's first day. */
  readonly firstDay: number
  /** Whether the person has ordered in an earlier visit. */
  readonly hasOrdered: boolean
}

type Draft = Omit<Message, 'messageId'>

/** One visit as messages in order: the landing, some looking around, perhaps an order. Message ids come later. */
export function draftVisit(random: Random, input: VisitInput): Draft[] {
  const { person, visit, firstDay, hasOrdered } = input
  const landing = landingOf(visit.way, random)
  const basket = basketOf(random)
  const drafts: Draft[] = []
  let signedIn = visit.signedIn
  // Between 9 in the morning and 10 in the evening in China.
  let at = firstDay + visit.day * DAY_MS + random.between(60, 14 * 60 - 30) * 60_000
  const add = (type: Draft['type'], properties: object, more: { event?: string; landing?: Landing; path: string }) => {
    const { event, path } = more
    drafts.push({
      type,
      at,
      person: person.number,
      anonymousId: person.devices[visit.device]!,
      ...(signedIn ? { userId: person.userId } : {}),
      ...(event === undefined ? {} : { event }),
      properties: { ...properties },
      context: contextOf(path, more.landing),
    })
    at += random.between(15, 150) * 1_000
  }
  const track = (event: string, properties: object, path: string, from?: Landing): void =>
    add('track', properties, { event, path, ...(from === undefined ? {} : { landing: from }) })

  add('page', { name: 'Tea' }, { path: '/tea', landing })
  if (random.chance(0.55)) track('Product List Viewed', { list_id: 'tea', category: 'tea' }, '/tea', landing)
  const looks = [...basket, ...Array.from({ length: random.between(1, 3) }, () => random.pick(PRODUCTS))]
  for (const [i, product] of looks.entries()) {
    track('Product Viewed', seen(product), `/p/${product.id}`, i === 0 ? landing : undefined)
  }
  // A colleague has built a quiz and told nobody: the policy does not know the event, so it goes nowhere.
  if (random.chance(0.08)) track('Tea Quiz Finished', { score: random.between(1, 10) }, '/quiz')
  const carts = visit.orders ? basket : random.chance(0.2) ? basket.slice(0, 1) : []
  for (const product of carts) track('Product Added', { ...seen(product), quantity: 1 }, `/p/${product.id}`)
  if (!visit.orders) return drafts

  track('Checkout Started', { products: basket.map(line) }, '/checkout')
  signedIn = true
  if (!hasOrdered) add('identify', traitsOf(person), { path: '/account' })
  track('Order Completed', orderOf(person, visit, basket, hasOrdered), '/thanks')
  return drafts
}

function contextOf(path: string, landing: Landing | undefined): Record<string, unknown> {
  const page = {
    url: `${SHOP}${path}`,
    path,
    ...(landing?.referrer === undefined ? {} : { referrer: landing.referrer }),
  }
  return landing?.campaign === undefined ? { page } : { page, campaign: tagsOf(landing.campaign) }
}

function tagsOf(campaign: NonNullable<Landing['campaign']>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(campaign).flatMap(([tag, value]) => (value === undefined ? [] : [[tag, value]])),
  )
}

/** Mostly the thing that people come for and what goes with it, now and then something else as well. */
function basketOf(random: Random): Product[] {
  const kit: Kit = random.weighted(KITS)
  const [main, ...others] = kit
  const odds = [0.75, 0.4, 0.3]
  const chosen = others.filter((_, i) => random.chance(odds[i]!))
  if (random.chance(0.85) || chosen.length === 0) chosen.unshift(main)
  if (random.chance(0.15)) chosen.push(random.pick(PRODUCTS))
  return [...new Set(chosen)]
}

function seen(product: Product): Record<string, unknown> {
  return { product_id: product.id, name: product.zh, price: product.price / 100, currency: 'CNY' }
}

function line(product: Product): Record<string, unknown> {
  return { product_id: product.id, name: product.zh, price: product.price / 100, quantity: 1 }
}

function orderOf(
  person: Person,
  visit: Visit,
  basket: readonly Product[],
  hasOrdered: boolean,
): Record<string, unknown> {
  return {
    order_id: `T${String(person.number).padStart(3, '0')}-${String(visit.day).padStart(2, '0')}`,
    currency: 'CNY',
    total: basket.reduce((sum, { price }) => sum + price, 0) / 100,
    first_order: !hasOrdered,
    products: basket.map(line),
  }
}

/** Nobody's: example.com is reserved (RFC 2606). */
function traitsOf({ number }: Person): Record<string, unknown> {
  return { email: `person-${number}@example.com`, name: `Sample Person ${number}` }
}
