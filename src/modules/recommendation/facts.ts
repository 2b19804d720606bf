import type { Delivered, Json, JsonObject } from '../../event/event.ts'

/** What one batch says, as columns-to-be of the base tables. Order within an array carries no meaning. */
export interface Facts {
  readonly views: View[]
  readonly cartChanges: CartChange[]
  readonly lines: OrderLine[]
  readonly returns: OrderReturn[]
}

interface Base {
  readonly subject: string
  readonly eventKey: string
  readonly item: string
}
export interface View extends Base {
  readonly day: string
}
export interface CartChange extends Base {
  readonly day: string
  readonly step: 1 | -1
}
export interface OrderLine extends Base {
  readonly order: string
  readonly day: string
}
/** `item` is '' where the whole order is taken back. */
export interface OrderReturn extends Base {
  readonly order: string
  readonly day: string
}

/** One basket of 650 items would make 200,000 pairs; the smallest item keys stay, whatever order they came in. */
const MAX_ITEMS = 100
const MAX_TEXT = 200

/**
 * Reads a batch. An event that is of no use here (another name, no product, an unreadable day) adds nothing and is no
 * error: it must not stop the events beside it.
 */
export function factsOf(batch: readonly Delivered[]): Facts {
  const facts: Facts = { views: [], cartChanges: [], lines: [], returns: [] }
  for (const event of batch) readers[event.name]?.(event, objectIn(event.fields, 'properties'), facts)
  return facts
}

type Reader = (event: Delivered, properties: JsonObject, facts: Facts) => void

const readers: Record<string, Reader | undefined> = Object.assign(Object.create(null) as Record<string, Reader>, {
  'Product Viewed': readView,
  'Product Clicked': readView,
  'Product Added': cartReader(1),
  'Product Removed': cartReader(-1),
  'Order Completed': readOrder,
  'Order Cancelled': readReturn,
  'Order Refunded': readReturn,
})

function readView(event: Delivered, properties: JsonObject, { views }: Facts): void {
  const item = textOf(properties.product_id)
  const day = dayOf(event.at)
  if (item !== undefined && day !== undefined) views.push({ ...keyOf(event), item, day })
}

function cartReader(step: 1 | -1): Reader {
  return (event, properties, { cartChanges }) => {
    const item = textOf(properties.product_id)
    const day = dayOf(event.at)
    if (item !== undefined && day !== undefined) cartChanges.push({ ...keyOf(event), item, day, step })
  }
}

function readOrder(event: Delivered, properties: JsonObject, { lines }: Facts): void {
  const day = dayOf(event.at)
  if (day === undefined) return
  // An order without an id is an order of its own: nothing can be added to it or taken back.
  const order = textOf(properties.order_id) ?? event.eventKey
  for (const item of itemsOf(properties.products)) lines.push({ ...keyOf(event), order, item, day })
}

function readReturn(event: Delivered, properties: JsonObject, { returns }: Facts): void {
  const order = textOf(properties.order_id)
  const day = dayOf(event.at)
  if (order === undefined || day === undefined) return
  const products = properties.products
  const whole = !Array.isArray(products) || products.length === 0
  for (const item of whole ? [''] : itemsOf(products)) returns.push({ ...keyOf(event), order, item, day })
}

function keyOf(event: Delivered): { subject: string; eventKey: string } {
  return { subject: event.subject, eventKey: event.eventKey }
}

/** The distinct items of a `products` array, at most MAX_ITEMS; lines whose quantity is not above zero are no purchase. */
function itemsOf(products: Json | undefined): string[] {
  if (!Array.isArray(products)) return []
  const items = new Set<string>()
  for (const product of products as readonly Json[]) {
    if (!isObject(product) || (typeof product.quantity === 'number' && product.quantity <= 0)) continue
    const item = textOf(product.product_id)
    if (item !== undefined) items.add(item)
  }
  return [...items].sort().slice(0, MAX_ITEMS)
}

// Ids only: what holds an at sign or a control character is no product id, and could be somebody's address.
const NOT_AN_ID = /[@\p{Cc}]/u

function textOf(value: Json | undefined): string | undefined {
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value
  if (typeof text !== 'string' || text === '' || text.length > MAX_TEXT) return undefined
  return NOT_AN_ID.test(text) || !text.isWellFormed() ? undefined : text
}

const DAY = /^(?!0000)\d{4}-\d{2}-\d{2}/

function dayOf(at: string): string | undefined {
  const day = DAY.exec(at)?.[0]
  if (day === undefined) return undefined
  const ms = Date.parse(`${day}T00:00:00Z`) // 30 February becomes a day in March: not the day that was written
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(day) ? day : undefined
}

function objectIn(fields: JsonObject, name: string): JsonObject {
  const value = fields[name]
  return isObject(value) ? value : {}
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
