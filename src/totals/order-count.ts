import type { IncomingEvent, Json, JsonObject } from '../event/event.ts'
import { currencyOf, type Decimal, decimalOf, exponentOf, MAX_ORDER_VALUE, times, toMinor } from '../event/money.ts'

/** What is counted of one order: nothing of it says whose it is or which. */
export interface OrderCount {
  /** When it happened, cut to the day: milliseconds since 1970 of its midnight, UTC. */
  readonly day: number
  readonly shop: string
  readonly currency: string
  readonly newCustomer: boolean
  /** At least one, a product at most once. */
  readonly lines: readonly LineCount[]
}

export interface LineCount {
  /** '' where no product is named: part of `other` when read. */
  readonly productId: string
  readonly units: bigint
  /** Minor units. */
  readonly value: bigint
}

const DAY_MS = 86_400_000
const MAX_UNITS = { digits: 1_000_000n, scale: 0 }

/**
 * Counts an order as person-free sums. For events that the policy marks as orders; undefined for what is no track
 * call. The value is that of the goods (price × quantity of each product); where the products have none, the order's
 * `total`, `revenue` or `value`. Nobody is recognised as new: only what the shop says itself counts
 * (`new_customer` or `first_order`, true).
 */
export function orderCountOf(event: IncomingEvent, shop: string): OrderCount | undefined {
  if (event.type !== 'track') return undefined
  const properties = event.properties
  const currency = currencyOf(properties.currency)
  return {
    day: Math.floor(event.occurredAt / DAY_MS) * DAY_MS,
    shop,
    currency,
    newCustomer: properties.new_customer === true || properties.first_order === true,
    lines: bounded(withTotal(linesOf(properties.products, currency), properties, currency)),
  }
}

function linesOf(products: Json | undefined, currency: string): LineCount[] {
  const lines = new Map<string, LineCount>()
  for (const product of Array.isArray(products) ? (products as readonly Json[]) : []) {
    if (typeof product !== 'object' || product === null || Array.isArray(product)) continue
    const line = lineOf(product as JsonObject, currency)
    const same = lines.get(line.productId)
    if (same === undefined) lines.set(line.productId, line)
    else lines.set(line.productId, { ...line, units: same.units + line.units, value: same.value + line.value })
  }
  return [...lines.values()]
}

function lineOf(product: JsonObject, currency: string): LineCount {
  const quantity = product.quantity === undefined ? { digits: 1n, scale: 0 } : quantityOf(product.quantity)
  const price = notNegative(decimalOf(product.price))
  return {
    productId: productIdOf(product.product_id),
    units: toMinor(quantity, 0),
    value: toMinor(times(price, quantity), exponentOf(currency)),
  }
}

function quantityOf(value: Json): Decimal {
  const quantity = notNegative(decimalOf(value))
  return quantity.digits > MAX_UNITS.digits * 10n ** BigInt(quantity.scale) ? NOTHING : quantity
}

/** The order's own total where its products have no value, as a line that names no product. */
function withTotal(lines: LineCount[], properties: JsonObject, currency: string): LineCount[] {
  if (lines.some((line) => line.value > 0n)) return lines
  const total = notNegative(decimalOf(properties.total ?? properties.revenue ?? properties.value))
  const value = toMinor(total, exponentOf(currency))
  if (value === 0n && lines.length > 0) return lines
  const named = lines.filter((line) => line.productId !== '')
  const units = lines.find((line) => line.productId === '')?.units ?? 0n
  return [...named, { productId: '', units, value }]
}

function bounded(lines: LineCount[]): LineCount[] {
  const sum = lines.reduce((value, line) => value + line.value, 0n)
  return sum <= MAX_ORDER_VALUE ? lines : lines.map((line) => ({ ...line, value: 0n }))
}

const NOTHING: Decimal = { digits: 0n, scale: 0 }

function notNegative(value: Decimal | undefined): Decimal {
  return value === undefined || value.digits < 0n ? NOTHING : value
}

// Letters, digits and what article numbers are written with: no address, no sentence. `other` is our own word.
const PRODUCT_ID = /^(?!other$)[\p{L}\p{N}][\p{L}\p{N}._:/+-]{0,99}$/u

/** A product id that may stand in a table that everybody's orders are counted in, else ''. */
export function productIdOf(value: Json | undefined): string {
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && PRODUCT_ID.test(text) && !looksPersonal(text) ? text : ''
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const PHONE = /(?<!\p{Nd})\d{3}[-. ]\d{3,4}[-. ]\d{4}(?!\p{Nd})/u
const YEAR = '(?:19|20)\\d\\d'
const MONTH = '(?:0?[1-9]|1[0-2])'
const DAY = '(?:0?[1-9]|[12]\\d|3[01])'
const DATE = new RegExp(`(?<!\\d)(?:${YEAR}[-./_]${MONTH}[-./_]${DAY}|${DAY}[-./_]${MONTH}[-./_]${YEAR})(?!\\d)`)
const COMPACT_DATE = /(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)/

/**
 * Numbers of people: of residents (18 digits), of cards (13 to 19), of phones (10 or 11), dates of birth beside a name.
 * An article's number that is as long is a GTIN (8, 12, 13 or 14 digits) and proves it by its check digit.
 */
function looksPersonal(text: string): boolean {
  if (UUID.test(text) || isGtin(text)) return false
  const digits = text.match(/\p{Nd}/gu)?.length ?? 0
  if (digits >= 13 || /\p{Nd}{11}/u.test(text) || PHONE.test(text) || DATE.test(text)) return true
  return text.includes('/') && COMPACT_DATE.test(text)
}

/** GS1 General Specifications §7.9: weights 3 and 1 from the right, the sum a multiple of ten. */
function isGtin(text: string): boolean {
  if (!/^(\d{8}|\d{12,14})$/.test(text)) return false
  const sum = text
    .split('')
    .reverse()
    .reduce((total, digit, i) => total + Number(digit) * (i % 2 === 0 ? 1 : 3), 0)
  return sum % 10 === 0
}
