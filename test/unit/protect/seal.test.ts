import { createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucketFor } from '../../../src/protect/padding.ts'
import { ProtectError } from '../../../src/protect/protect-error.ts'
import { openRecord, type SealPlace, sealRecord } from '../../../src/protect/seal.ts'

const key = createSecretKey(randomBytes(32))
const header = { keyVersion: 1, contextId: 2 }
const place: SealPlace = {
  subject: '0f8fad5b-d9cb-469f-a165-70867728950e',
  table: 'sealed_behaviour',
  group: 'behaviour',
  record: Buffer.alloc(16, 7),
}

test('what is sealed opens again, and every length around the buckets comes back exactly', () => {
  const edges = [0, 32, 64, 128, 256, 512, 1024, 1536, 32_768].flatMap((edge) => [edge - 2, edge - 1, edge, edge + 1])
  for (const length of edges.filter((n) => n >= 0)) {
    const plaintext = randomBytes(length)
    const sealed = sealRecord(key, place, header, plaintext)
    expect(sealed.length).toBe(36 + bucketFor(length))
    expect(openRecord(key, place, sealed).equals(plaintext)).toBe(true)
  }
})

test('the length of a record shows its bucket and nothing more', () => {
  const lengths = new Set<number>()
  for (let n = 0; n < 1100; n++) lengths.add(sealRecord(key, place, header, new Uint8Array(n)).length - 36)
  expect([...lengths]).toEqual([32, 64, 128, 256, 512, 1024, 1536])
})

test('plaintexts that look like padding come back exactly', () => {
  const tail = fc.array(fc.constantFrom(0, 0x80), { maxLength: 70 })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), tail, (head, end) => {
      const plaintext = Buffer.concat([head, Uint8Array.from(end)])
      return openRecord(key, place, sealRecord(key, place, header, plaintext)).equals(plaintext)
    }),
  )
})

const uuid = fc.uuid({ version: 4 })
const anyPlace: fc.Arbitrary<SealPlace> = fc.record({
  subject: uuid,
  table: fc.string({ maxLength: 8 }),
  group: fc.string({ maxLength: 8 }),
  record: fc.uint8Array({ maxLength: 8 }),
})

test('a record opens only in its own place, whichever parts are exchanged', () => {
  fc.assert(
    fc.property(
      anyPlace,
      anyPlace,
      fc.subarray(['subject', 'table', 'group', 'record'] as const),
      (own, other, taken) => {
        const moved = { ...own, ...Object.fromEntries(taken.map((part) => [part, other[part]])) }
        const sealed = sealRecord(key, own, header, Buffer.from('x'))
        expect(opens(moved, sealed)).toBe(samePlace(own, moved))
      },
    ),
  )
})

test('text moved from one part to its neighbour does not open', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 12 }), fc.nat(11), fc.nat(11), (text, first, second) => {
      const split = (at: number): SealPlace => ({ ...place, table: text.slice(0, at), group: text.slice(at) })
      const sealed = sealRecord(key, split(first), header, Buffer.from('x'))
      expect(opens(split(second), sealed)).toBe(samePlace(split(first), split(second)))
    }),
  )
})

test('no changed bit goes unnoticed', () => {
  const sealed = sealRecord(key, place, header, Buffer.from('{"product_id":"85123A"}'))
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Buffer.from(sealed)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    expect(opens(place, changed), `bit ${bit}`).toBe(false)
  }
})

test('a record that is cut anywhere, or has bytes after it, does not open', () => {
  const sealed = sealRecord(key, place, header, Buffer.from('x'))
  for (let length = 0; length < sealed.length; length++) expect(opens(place, sealed.subarray(0, length))).toBe(false)
  expect(opens(place, Buffer.concat([sealed, Buffer.alloc(1)]))).toBe(false)
})

test('another key does not open it', () => {
  const sealed = sealRecord(key, place, header, Buffer.from('x'))
  expect(() => openRecord(createSecretKey(randomBytes(32)), place, sealed)).toThrow('authentication')
})

test('no nonce comes twice, also over refills of the pool', () => {
  const nonces = new Set<string>()
  for (let i = 0; i < 5_000; i++) {
    nonces.add(sealRecord(key, place, header, new Uint8Array(0)).toString('hex', 8, 20))
  }
  expect(nonces.size).toBe(5_000)
})

test('a header number that does not fit is refused instead of being cut', () => {
  expect(() => sealRecord(key, place, { keyVersion: 65_536, contextId: 1 }, Buffer.from('x'))).toThrow(RangeError)
  expect(() => sealRecord(key, place, { keyVersion: 1, contextId: -1 }, Buffer.from('x'))).toThrow(RangeError)
})

function opens(at: SealPlace, sealed: Buffer): boolean {
  try {
    openRecord(key, at, sealed)
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(ProtectError)
    return false
  }
}

function samePlace(a: SealPlace, b: SealPlace): boolean {
  // Unpaired surrogates never get here; UTF-8 tells all other strings apart.
  const strings = a.subject === b.subject && a.table === b.table && a.group === b.group
  return strings && Buffer.compare(a.record, b.record) === 0
}
