import { FormatError } from './format-error.ts'

/** What the log writes: no fractions, for their text is the one hard part of RFC 8785 and no entry needs any. */
export type CanonicalValue =
  | string
  | boolean
  | null
  | number
  | readonly CanonicalValue[]
  | { readonly [name: string]: CanonicalValue }

/** Deeper values are refused, long before the stack ends. */
const MAX_DEPTH = 32

/**
 * The one JSON text of a value (RFC 8785): members sorted by the UTF-16 units of their names, no spaces, strings as
 * ECMAScript writes them. A FormatError for a fraction, a number beyond ±(2^53 − 1), a lone surrogate, undefined, and
 * whatever is no plain object.
 */
export function canonicalJson(value: CanonicalValue): string {
  return write(value, 0)
}

/** What a canonical text says; undefined for a text that is not the one of its value. */
export function parseCanonical(text: string): CanonicalValue | undefined {
  try {
    const value = JSON.parse(text) as CanonicalValue
    return isPlainlyCanonical(value, text) || write(value, 0) === text ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof FormatError) return undefined
    throw error
  }
}

/**
 * The same answer for most texts in a third of the time: what JSON.stringify gives back is canonical where members are
 * sorted and numbers whole. False also where it cannot tell: of escaped surrogates, and names that look like indexes.
 */
function isPlainlyCanonical(value: CanonicalValue, text: string): boolean {
  return !text.includes('\\ud') && isSorted(value, 0) && JSON.stringify(value) === text
}

function isSorted(value: CanonicalValue, depth: number): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value)
  if (typeof value !== 'object' || value === null) return true
  if (depth === MAX_DEPTH) return false
  let before: string | undefined
  for (const name of Object.keys(value)) {
    if (before !== undefined && !Array.isArray(value) && name <= before) return false
    if (!isSorted(Reflect.get(value, name) as CanonicalValue, depth + 1)) return false
    before = name
  }
  return true
}

function write(value: unknown, depth: number): string {
  if (typeof value === 'string') return writeString(value)
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value) // −0 is 0 (RFC 8785 §3.2.2.3)
  if (typeof value !== 'object') throw new FormatError('only strings, booleans, null and whole numbers are canonical')
  if (depth === MAX_DEPTH) throw new FormatError('the value is too deep')
  if (Array.isArray(value)) return `[${Array.from(value, (one) => write(one, depth + 1)).join(',')}]`
  return writeObject(value, depth)
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new FormatError('only plain objects are canonical')
  // The default order of sort() is that of UTF-16 units, which RFC 8785 §3.2.3 asks for.
  const members = Object.keys(value)
    .sort()
    .map((name) => `${writeString(name)}:${write(Reflect.get(value, name), depth + 1)}`)
  return `{${members.join(',')}}`
}

function writeString(text: string): string {
  if (!text.isWellFormed()) throw new FormatError('a string has a lone surrogate')
  return JSON.stringify(text)
}
