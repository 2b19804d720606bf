import { createSecretKey, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { askingKeys, cancelToken } from '../../../src/rights/asking-keys.ts'
import { WAYS } from '../../../src/rights/verify/levels.ts'
import { readCode, tokenOf } from '../../../src/rights/verify/proofs.ts'

const keys = askingKeys(createSecretKey(Buffer.alloc(32, 1)))
const others = askingKeys(createSecretKey(Buffer.alloc(32, 2)))

test('what is sent is the same for one proof, another for each, another under another key', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.uuid(), (one, other) => {
      fc.pre(one !== other)
      const [link, mail, sms] = WAYS.map((way) => tokenOf(keys, { id: one, way })) as [string, string, string]
      expect(link).toMatch(/^[\w-]{43}$/)
      expect(mail).toMatch(/^[2-9A-HJKMNP-TV-Z]{8}$/)
      expect(sms).toMatch(/^\d{6}$/)
      expect(tokenOf(keys, { id: one, way: 'mail-link' })).toBe(link)
      expect(tokenOf(keys, { id: other, way: 'mail-link' })).not.toBe(link)
      expect(tokenOf(others, { id: one, way: 'mail-link' })).not.toBe(link)
      expect(cancelToken(keys, one)).not.toBe(link)
    }),
  )
})

test('characters of codes are spread evenly', () => {
  const counts = new Map<string, number>()
  const n = 4_000
  for (let i = 0; i < n; i++) {
    for (const one of tokenOf(keys, { id: randomUUID(), way: 'mail-code' })) counts.set(one, (counts.get(one) ?? 0) + 1)
  }
  const expected = (n * 8) / 30
  const chi = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  expect(counts.size).toBe(30)
  expect(chi).toBeLessThan(80) // 29 degrees of freedom: beyond 80 once in a million
})

test('blanks, hyphens and small letters of who types mean nothing', () => {
  expect(readCode(' k7m2-qx wp\u00a0')).toBe('K7M2QXWP')
})
