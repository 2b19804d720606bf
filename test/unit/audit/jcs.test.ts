import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FormatError } from '../../../src/audit/format-error.ts'
import { type CanonicalValue, canonicalJson, parseCanonical } from '../../../src/audit/jcs.ts'

const isCanonicalJson = (text: string): boolean => parseCanonical(text) !== undefined

test('names are sorted as the example of RFC 8785 §3.2.3 has them', () => {
  const value = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  }
  const names = [...canonicalJson(value).matchAll(/:"([^"]+)"/g)].map(([, text]) => text)
  expect(names).toEqual([
    'Carriage Return',
    'One',
    'Control',
    'Latin Small Letter O With Diaeresis',
    'Euro Sign',
    'Emoji: Grinning Face',
    'Hebrew Letter Dalet With Dagesh',
  ])
})

test('literals, strings and whole numbers are written as RFC 8785 §3.2.2 says', () => {
  expect(canonicalJson({ string: '€$\u000f\nA\'B"\\\\"/', literals: [null, true, false] })).toBe(
    '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  )
  expect(canonicalJson([0, -0, 9007199254740991, -9007199254740991, 10])).toBe(
    '[0,0,9007199254740991,-9007199254740991,10]',
  )
  expect(canonicalJson('')).toBe('""')
})

const { value: anyValue } = fc.letrec<{ value: CanonicalValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger(),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value'), { maxKeys: 8 }),
  ),
}))

/** The same value with the members of every object in another order. */
function shuffled(value: CanonicalValue): CanonicalValue {
  if (Array.isArray(value)) return value.map(shuffled)
  if (value === null || typeof value !== 'object') return value
  const members = Object.entries(value).map(([name, one]) => [name, shuffled(one)] as const)
  return Object.fromEntries(members.reverse()) as CanonicalValue
}

test('what is written is JSON of the same value, sorted by UTF-16 units, one text whatever the order', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const text = canonicalJson(value)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(canonicalJson(shuffled(value))).toBe(text)
      expect(canonicalJson(JSON.parse(text))).toBe(text)
      expect(isCanonicalJson(text)).toBe(true)
      if (value === null || typeof value !== 'object' || Array.isArray(value)) return
      const units = Object.keys(value).map((name) => Array.from({ length: name.length }, (_, i) => name.charCodeAt(i)))
      const sorted = units.toSorted((a, b) => {
        const at = a.findIndex((unit, i) => unit !== b[i])
        return at === -1 ? a.length - b.length : a[at]! - (b[at] ?? -1)
      })
      const names = sorted.map((name) => String.fromCharCode(...name))
      expect(text.startsWith(`{${names.length === 0 ? '' : JSON.stringify(names[0])}`)).toBe(true)
      expect(text).toBe(
        `{${names.map((name) => `${JSON.stringify(name)}:${canonicalJson(Reflect.get(value, name))}`).join(',')}}`,
      )
    }),
  )
})

test.each([
  ['a fraction', 1.5],
  ['an infinite number', Number.POSITIVE_INFINITY],
  ['no number', Number.NaN],
  ['a number beyond 2^53 − 1', 2 ** 53],
  ['undefined', undefined],
  ['a member that is undefined', { a: undefined }],
  ['a hole in an array', new Array(1)],
  ['a bigint', 1n],
  ['a function', () => 1],
  ['a date', new Date(0)],
  ['bytes', Buffer.from('a')],
  ['a map', new Map()],
  ['a lone surrogate', '\ud800'],
  ['a lone surrogate in a name', { '\udc00': 1 }],
])('%s is an error', (_, value) => {
  expect(() => canonicalJson(value as CanonicalValue)).toThrow(FormatError)
})

test('what is too deep is an error, not the end of the stack', () => {
  expect(() => canonicalJson(JSON.parse('['.repeat(33) + ']'.repeat(33)))).toThrow(FormatError)
  expect(isCanonicalJson('['.repeat(30_000) + ']'.repeat(30_000))).toBe(false)
  expect(isCanonicalJson('['.repeat(32) + ']'.repeat(32))).toBe(true)
})

test.each([
  ['{"b":1,"a":2}'],
  ['{"a":1, "b":2}'],
  ['{"a":1,"a":1}'],
  ['{"a":1.0}'],
  ['{"a":1e3}'],
  ['{"a":"\\u0041"}'],
  ['{"a":"\\/"}'],
  ['{"a":-0}'],
  ['{"a":1}\n'],
  [''],
  ['{"a"'],
])('%s is not canonical', (text) => {
  expect(isCanonicalJson(text)).toBe(false)
})

test('names that look like indexes, and escapes that look like surrogates, are told apart', () => {
  expect(isCanonicalJson('{"10":1,"9":2}')).toBe(true)
  expect(isCanonicalJson('{"9":2,"10":1}')).toBe(false)
  expect(isCanonicalJson('{"a":"\\\\ud800"}')).toBe(true) // a backslash and letters
  expect(isCanonicalJson('{"a":"\\ud800"}')).toBe(false) // a lone surrogate
})

test('a member named __proto__ is one like any other', () => {
  expect(isCanonicalJson('{"__proto__":{"a":1}}')).toBe(true)
  expect(isCanonicalJson('{"a":1,"__proto__":1}')).toBe(false)
})
