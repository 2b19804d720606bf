import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lp, lpAfter, lpConcat, u16, u32, uuidBytes } from '../../../src/protect/layouts.ts'

test('a part is its length in two bytes, then itself', () => {
  expect(Buffer.from(lp('é')).toString('hex')).toBe('0002c3a9')
  expect(Buffer.from(lp(Uint8Array.of(9))).toString('hex')).toBe('000109')
  expect(Buffer.from(lpConcat('', 'a')).toString('hex')).toBe('0000000161')
  expect(Buffer.from(lpAfter(Uint8Array.of(7), ['a'])).toString('hex')).toBe('07000161')
})

test('no two lists of parts give the same bytes', () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 4 })
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const same = JSON.stringify(a.map((x) => [...x])) === JSON.stringify(b.map((x) => [...x]))
      return same === (Buffer.compare(lpConcat(...a), lpConcat(...b)) === 0)
    }),
  )
})

test('a part of 65,535 bytes fits, a longer one is refused', () => {
  expect(lp(new Uint8Array(65_535))).toHaveLength(65_537)
  expect(() => lp(new Uint8Array(65_536))).toThrow(RangeError)
  expect(() => lp('é'.repeat(40_000))).toThrow(RangeError)
})

test('numbers out of range are refused instead of being cut', () => {
  expect(() => u16(65_536)).toThrow(RangeError)
  expect(() => u32(-1)).toThrow(RangeError)
})

test('a UUID is 16 bytes in any case, and anything else is refused without being quoted', () => {
  const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e'
  expect(uuidBytes(uuid)).toEqual(uuidBytes(uuid.toUpperCase()))
  expect(Buffer.from(uuidBytes(uuid)).toString('hex')).toBe(uuid.replaceAll('-', ''))
  for (const bad of [
    '',
    uuid.slice(1),
    `${uuid}0`,
    uuid.replace('b', 'g'),
    uuid.replaceAll('-', ''),
    'alice@example.com',
  ]) {
    expect(() => uuidBytes(bad)).toThrow(/^not a UUID in its text form$/)
  }
})
