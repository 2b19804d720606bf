import type { Json } from './event.ts'

/** A decimal number, exactly: digits / 10^scale. */
export interface Decimal {
  readonly digits: bigint
  readonly scale: number
}

/** Of an order, in minor units. What says more is no price: it would drown the sums. */
export const MAX_ORDER_VALUE = 1_000_000_000_000n

/** ISO 4217: no currency. */
export const NO_CURRENCY = 'XXX'

// ISO 4217 table A.1, the minor units that are not 2. Intl's own are those in everyday use, which differ (IQD, LAK…).
const EXPONENTS = new Map<string, number>([
  ...'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' ').map((c) => [c, 0] as const),
  ...'BHD IQD JOD KWD LYD OMR TND'.split(' ').map((c) => [c, 3] as const),
  ...'CLF UYW'.split(' ').map((c) => [c, 4] as const),
])
const CURRENCIES = new Set(Intl.supportedValuesOf('currency'))

/** The code in capitals where it is one of ISO 4217, else XXX: nobody can make cells of invented currencies. */
export function currencyOf(value: Json | undefined): string {
  if (typeof value !== 'string' || value.length !== 3) return NO_CURRENCY
  const code = value.toUpperCase()
  return CURRENCIES.has(code) ? code : NO_CURRENCY
}

export function exponentOf(currency: string): number {
  return EXPONENTS.get(currency) ?? 2
}

const DECIMAL = /^(-?)(\d{1,18})(?:\.(\d{1,20}))?$/

/** A JSON number or decimal text, read without floating point; undefined for anything else (`1e21`, `1,50`, `£3`). */
export function decimalOf(value: Json | undefined): Decimal | undefined {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : ''
  const match = DECIMAL.exec(text)
  if (match === null) return undefined
  const [, sign, whole, fraction = ''] = match
  const digits = BigInt(whole! + fraction)
  return { digits: sign === '-' ? -digits : digits, scale: fraction.length }
}

export function times(a: Decimal, b: Decimal): Decimal {
  return { digits: a.digits * b.digits, scale: a.scale + b.scale }
}

/** In units of 10^-exponent; a half is rounded away from zero. */
export function toMinor(amount: Decimal, exponent: number): bigint {
  if (amount.scale <= exponent) return amount.digits * 10n ** BigInt(exponent - amount.scale)
  const divisor = 10n ** BigInt(amount.scale - exponent)
  const half = amount.digits < 0n ? -divisor / 2n : divisor / 2n
  return (amount.digits + half) / divisor
}

/** Minor units as decimal text: 1234 GBP → `12.34`, 1234 JPY → `1234`. */
export function minorToText(minor: bigint, currency: string): string {
  const exponent = exponentOf(currency)
  if (exponent === 0) return String(minor)
  const digits = String(minor < 0n ? -minor : minor).padStart(exponent + 1, '0')
  return `${minor < 0n ? '-' : ''}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`
}
