import { createHash, randomUUID } from 'node:crypto'
import type { JsonObject } from '../../src/event/event.ts'
import type { Retail, RetailOrder } from './retail.ts'

// The real shop as it would call Weir, and what must come of it, computed from the file and nothing else.

const DAY_MS = 86_400_000

/** What the customers of the file are made to have chosen: a third each. */
export type Share = 'consented' | 'refusing' | 'undecided'
const SHARES = ['consented', 'refusing', 'undecided'] as const

/** By a hash of the customer's number, so that every run splits alike. Who ordered without an account was never asked. */
export function shareOf({ customer }: Pick<RetailOrder, 'customer'>): Share {
  if (customer === undefined) return 'undecided'
  return SHARES[createHash('sha256').update(`retail ${customer}`).digest().readUInt32BE() % 3]!
}

/** Whole days to add to the file's times so that its last order was three days before `now`: else it would have expired. */
export function daysToShift({ orders }: Retail, now: number): number {
  const last = Math.max(...orders.map(({ day }) => Date.parse(day)))
  return Math.floor(now / DAY_MS) - 3 - last / DAY_MS
}

export function shiftedDay(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10)
}

/** Customers with a share of that kind, each once. */
export function customersOf(retail: Retail, share: Share): string[] {
  const all = [...retail.orders, ...retail.cancellations].filter((order) => shareOf(order) === share)
  return [...new Set(all.flatMap(({ customer }) => (customer === undefined ? [] : [customer])))]
}

/** A message of `/v1/batch` with the share of the one who caused it. */
export interface RetailMessage {
  readonly share: Share
  readonly body: JsonObject
  readonly bytes: number
}

/** Every order and every cancellation of the file as a message, in the order of time. */
export function messagesOf(retail: Retail, days: number): RetailMessage[] {
  const all = [
    ...retail.orders.map((order) => ({ order, event: 'Order Completed' })),
    ...retail.cancellations.map((order) => ({ order, event: 'Order Refunded' })),
  ].sort((a, b) => (a.order.at < b.order.at ? -1 : a.order.at > b.order.at ? 1 : 0))
  return all.map(({ order, event }) => {
    const body = messageOf(order, event, days)
    return { share: shareOf(order), body, bytes: Buffer.byteLength(JSON.stringify(body)) }
  })
}

function messageOf(order: RetailOrder, event: string, days: number): JsonObject {
  return {
    messageId: `retail-${order.invoice}`,
    type: 'track',
    event,
    ...(order.customer === undefined ? { anonymousId: randomUUID() } : { userId: customerId(order.customer) }),
    timestamp: new Date(Date.parse(order.at) + days * DAY_MS).toISOString(),
    properties: { order_id: order.invoice, currency: 'GBP', products: order.lines.map(productOf) },
  }
}

export function customerId(customer: string): string {
  return `customer-${customer}`
}

/** A missing quantity is one: without this an invoice of 674 lines would be over the 32 KB that a message may have. */
function productOf(line: RetailOrder['lines'][number]): JsonObject {
  const { product_id, quantity } = line
  return { product_id, ...(quantity === 1 ? {} : { quantity }), price: Number(line.price) }
}

const BATCH_BYTES = 400_000 // of the 500 KB that the protocol allows
const BATCH_EVENTS = 100

/** Packs messages as an SDK does, in order. */
export function batchesOf(messages: readonly RetailMessage[]): RetailMessage[][] {
  const batches: RetailMessage[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const message of messages) {
    if (bytes + message.bytes > BATCH_BYTES || batches.at(-1)!.length >= BATCH_EVENTS) {
      batches.push([])
      bytes = 0
    }
    batches.at(-1)!.push(message)
    bytes += message.bytes
  }
  return batches
}

/** The distinct items of an order as the module counts them: at most 100, the smallest codes first. */
export function itemsOf(order: RetailOrder): string[] {
  return [...new Set(order.lines.map((line) => line.product_id))].sort().slice(0, 100)
}

/** What the shop sold, whoever bought it. */
export interface Sold {
  readonly orders: number
  readonly units: number
  /** Pence: the prices of the file have at most two places, so this is exact. */
  readonly pence: bigint
}

/** By the file's day. */
export function soldByDay(orders: readonly RetailOrder[]): Map<string, Sold> {
  const days = new Map<string, Sold>()
  for (const order of orders) {
    const day = days.get(order.day) ?? { orders: 0, units: 0, pence: 0n }
    days.set(order.day, {
      orders: day.orders + 1,
      units: order.lines.reduce((sum, line) => sum + line.quantity, day.units),
      pence: order.lines.reduce((sum, line) => sum + pence(line.price) * BigInt(line.quantity), day.pence),
    })
  }
  return days
}

/** Decimal text with at most two places, of the file or of an answer. */
export function pence(text: string): bigint {
  const [pounds, fraction = ''] = text.split('.') as [string, string?]
  if (fraction.length > 2) throw new Error('a price has more than two places')
  return BigInt(pounds) * 100n + BigInt(fraction.padEnd(2, '0'))
}

export type Companion = [item: string, together: number, of: number, score: number]

/** also_bought by its definition: shrunk cosine over orders, pairs of at least five buyers, best first. */
export function companionsOf(orders: readonly RetailOrder[], code: string): Companion[] {
  const held = new Map<string, number>()
  const pairs = new Map<string, { together: number; buyers: Set<string> }>()
  for (const order of orders) {
    const items = itemsOf(order)
    for (const item of items) held.set(item, (held.get(item) ?? 0) + 1)
    if (!items.includes(code)) continue
    for (const item of items) {
      const pair = pairs.get(item) ?? { together: 0, buyers: new Set<string>() }
      pairs.set(item, { together: pair.together + 1, buyers: pair.buyers.add(order.customer ?? order.invoice) })
    }
  }
  pairs.delete(code)
  const of = held.get(code) ?? 0
  return [...pairs]
    .filter(([, { buyers }]) => buyers.size >= 5)
    .map(([item, { together }]): Companion => {
      const cosine = together / Math.sqrt(of * held.get(item)!)
      return [item, together, of, cosine * (together / (together + 20))]
    })
    .sort(([a, m, , x], [b, n, , y]) => y - x || n - m || (a < b ? -1 : 1))
}

/** What the shop calls some of its goods; the file itself holds codes only. */
const NAMES: Readonly<Record<string, string>> = {
  '85123A': 'white hanging heart T-light holder',
  '21733': 'red hanging heart T-light holder',
  '84970S': 'hanging heart zinc T-light holder',
  '22189': 'cream heart card holder',
  '84406B': 'cream cupid hearts coat hanger',
  '84836': 'zinc metal heart decoration',
  '22469': 'heart of wicker, small',
  '22470': 'heart of wicker, large',
  '82482': 'wooden picture frame, white finish',
  '82494L': 'wooden frame, antique white',
  '84879': 'assorted colour bird ornament',
  '71477': 'colour glass star T-light holder',
  '21232': 'strawberry ceramic trinket box',
  '21212': 'pack of 72 retro spot cake cases',
  '22111': 'Scottie dog hot water bottle',
  '85099B': 'jumbo bag, red retrospot',
}

export function named(code: string): string {
  return NAMES[code] === undefined ? code : `${code} ${NAMES[code]}`
}
