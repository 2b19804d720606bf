import { isUtf8 } from 'node:buffer'
import { AppError } from '../errors.ts'

/** Deeper JSON is refused before JSON.parse: every recursive walk behind the edge may rely on it. */
export const MAX_DEPTH = 32
/** Commas and colons in one body: bounds the objects that a body of half a megabyte can turn into. */
export const MAX_PARTS = 100_000

export interface ParsedJson {
  readonly value: unknown
  /** Bytes as sent. */
  readonly length: number
  /** Bytes as sent of each element of the top-level array `batch`; absent where an element is not a container. */
  readonly sizes: readonly (number | undefined)[]
  /** Set where NUL, a lone surrogate or a key such as `__proto__` may occur: only then a walk is needed. */
  readonly suspicious: boolean
}

/**
 * Parses a body: UTF-8 (a byte order mark is tolerated), depth and parts bounded on the raw bytes. Of duplicate keys
 * the last one counts, here and everywhere behind. Throws AppError 400 `not-utf8`, `too-deep`, `too-complex`,
 * `invalid-json`.
 */
export function parseJson(bytes: Buffer, maxParts: number = MAX_PARTS): ParsedJson {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  const body = hasMark ? bytes.subarray(3) : bytes
  if (!isUtf8(body)) throw new AppError('invalid', 'The body is not valid UTF-8.', { code: 'not-utf8' })
  const scan = scanJson(body, maxParts)
  return { value: parse(body.toString('utf8')), length: body.length, ...scan }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The cause is left out: the message of JSON.parse quotes what was sent.
    throw new AppError('invalid', 'The body is not valid JSON.', { code: 'invalid-json' })
  }
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** One pass over the bytes. What it says holds for valid JSON; anything else JSON.parse refuses afterwards. */
function scanJson(bytes: Buffer, maxParts: number): Pick<ParsedJson, 'sizes' | 'suspicious'> {
  let depth = 0
  let parts = 0
  let suspicious = false
  let keyStart = 0 // last string at depth 1: the key, when a container follows
  let keyEnd = 0
  let inBatch = false
  let elementStart = 0
  let index = 0
  let sizes: (number | undefined)[] = []
  const end = bytes.length
  for (let i = 0; i < end; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) {
      const start = i + 1
      for (i = start; i < end && bytes[i] !== QUOTE; i++) {
        if (bytes[i] !== BACKSLASH) continue
        i++
        if (bytes[i] === 0x75 && isSuspiciousEscape(bytes, i + 1)) suspicious = true
      }
      if (isDangerous(bytes, start, i)) suspicious = true
      if (depth === 1) {
        keyStart = start
        keyEnd = i
      }
    } else if (byte === COMMA || byte === COLON) {
      if (++parts > maxParts) throw tooComplex(maxParts)
      if (inBatch && depth === 2) index++
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (++depth > MAX_DEPTH) throw tooDeep()
      if (depth === 2 && byte === OPEN_ARRAY && isBatch(bytes, keyStart, keyEnd)) {
        inBatch = true
        sizes = []
        index = 0
      } else if (depth === 3) {
        elementStart = i
      }
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (depth === 3 && inBatch) sizes[index] = i + 1 - elementStart
      if (--depth === 1) inBatch = false
    }
  }
  return { sizes, suspicious }
}

const dangerous = new Set(['__proto__', 'constructor', 'prototype'])

/** By length and last byte first: a look at each string must cost nothing. */
function isDangerous(bytes: Buffer, start: number, end: number): boolean {
  const length = end - start
  if (length !== 9 && length !== 11) return false
  const last = bytes[end - 1]
  if (last !== 0x5f && last !== 0x72 && last !== 0x65) return false // _ r e
  return dangerous.has(bytes.toString('latin1', start, end))
}

/** `\u00..` may be NUL or spell a dangerous key; `\ud8..` to `\udf..` may be a lone surrogate. */
function isSuspiciousEscape(bytes: Buffer, at: number): boolean {
  const first = bytes[at]
  const second = bytes[at + 1] ?? 0
  if (first === 0x30) return second === 0x30
  return (first === 0x64 || first === 0x44) && second >= 0x38
}

function isBatch(bytes: Buffer, start: number, end: number): boolean {
  const key = bytes.toString('latin1', start, end)
  if (!key.includes('\\')) return key === 'batch'
  try {
    return JSON.parse(`"${key}"`) === 'batch'
  } catch {
    return false
  }
}

function tooDeep(): AppError {
  return new AppError('invalid', `JSON may be nested ${MAX_DEPTH} levels deep.`, { code: 'too-deep' })
}

function tooComplex(maxParts: number): AppError {
  return new AppError('invalid', `A body may hold ${maxParts} keys and values: send smaller batches.`, {
    code: 'too-complex',
  })
}
