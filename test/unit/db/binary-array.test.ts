import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  byteaArray,
  dateArray,
  int2Array,
  int4Array,
  int8Array,
  postgresDay,
  postgresDayStart,
  textArray,
  uuidArray,
} from '../../../src/db/binary-array.ts'

/** array_recv of Postgres, said again: dimensions, flags, element type, then (length, bound) and the elements. */
function decode(array: Buffer): { oid: number; elements: (Buffer | null)[] } {
  const dimensions = array.readInt32BE(0)
  const hasNull = array.readInt32BE(4)
  const oid = array.readInt32BE(8)
  if (dimensions === 0) {
    expect(array.length).toBe(12)
    return { oid, elements: [] }
  }
  expect(dimensions).toBe(1)
  const count = array.readInt32BE(12)
  expect(array.readInt32BE(16)).toBe(1)
  const elements: (Buffer | null)[] = []
  let at = 20
  for (let i = 0; i < count; i++) {
    const size = array.readInt32BE(at)
    at += 4
    elements.push(size === -1 ? null : array.subarray(at, at + size))
    at += Math.max(0, size)
  }
  expect(at).toBe(array.length)
  expect(hasNull).toBe(elements.includes(null) ? 1 : 0)
  return { oid, elements }
}

test('one of each, byte for byte', () => {
  expect(int2Array([-1, 7]).toString('hex')).toBe(
    '00000001' + '00000000' + '00000015' + '00000002' + '00000001' + '00000002ffff' + '000000020007',
  )
  expect(uuidArray(['00112233-4455-6677-8899-aabbccddeeff', null]).toString('hex')).toBe(
    '00000001' +
      '00000001' +
      '00000b86' +
      '00000002' +
      '00000001' +
      '0000001000112233445566778899aabbccddeeff' +
      'ffffffff',
  )
  expect(textArray([]).toString('hex')).toBe('00000000' + '00000000' + '00000019')
})

test('numbers come back as they went in', () => {
  const whole = (bits: number): fc.Arbitrary<number> =>
    fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
  fc.assert(
    fc.property(
      fc.array(whole(16)),
      fc.array(whole(32)),
      fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      (a, b, c) => {
        expect(decode(int2Array(a)).elements.map((e) => e!.readInt16BE())).toEqual(a)
        expect(decode(int4Array(b)).elements.map((e) => e!.readInt32BE())).toEqual(b)
        expect(decode(dateArray(b)).elements.map((e) => e!.readInt32BE())).toEqual(b)
        expect(decode(int8Array(c)).elements.map((e) => e!.readBigInt64BE())).toEqual(c)
      },
    ),
  )
})

test('bytes, texts and absent elements come back as they went in', () => {
  const text = fc.string({ unit: 'grapheme' })
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.uint8Array())),
      fc.array(fc.option(text)),
      fc.array(fc.option(fc.uuid())),
      (bytes, texts, ids) => {
        expect(decode(byteaArray(bytes)).elements.map((e) => (e === null ? null : [...e]))).toEqual(
          bytes.map((b) => (b === null ? null : [...b])),
        )
        expect(decode(textArray(texts)).elements.map((e) => (e === null ? null : e.toString('utf8')))).toEqual(texts)
        expect(decode(uuidArray(ids)).elements.map((e) => (e === null ? null : e.toString('hex')))).toEqual(
          ids.map((id) => (id === null ? null : id.replaceAll('-', ''))),
        )
      },
    ),
  )
})

test('a number that does not fit is an error, never another number', () => {
  expect(() => int2Array([32_768])).toThrow(RangeError)
  expect(() => int4Array([2 ** 31])).toThrow(RangeError)
  expect(() => int8Array([2n ** 63n])).toThrow(RangeError)
})

test('days count from 2000-01-01 in UTC, on both sides of it', () => {
  expect(postgresDay(Date.UTC(2000, 0, 1))).toBe(0)
  expect(postgresDay(Date.UTC(1999, 11, 31, 23, 59))).toBe(-1)
  fc.assert(
    fc.property(fc.integer({ min: -20_000, max: 60_000 }), fc.integer({ min: 0, max: 86_399_999 }), (day, ms) => {
      expect(postgresDay(postgresDayStart(day) + ms)).toBe(day)
    }),
  )
})
