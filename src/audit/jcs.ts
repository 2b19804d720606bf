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

/** Whether a text is the canonical one of what it says. */
export function isCanonicalJson(text: string): boolean {
  try {
    return write(JSON.parse(text), 0) === text
  } catch {
    return false
  }
}

function write(value: unknown, depth: number): string {
  if (typeof value === 'string') return writeString(value)
  if (value === null || typeof value === 'boolean') return String(value)
  if (Number.isSafeInteger(value)) return String(value) // −0 is written 0 (RFC 8785 §3.2.2.3)
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
