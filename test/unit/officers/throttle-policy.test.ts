import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Counters, remaining, waitFor, waitForFactor } from '../../../src/officers/throttle-policy.ts'

const NOW = 1_800_000_000_000
const counter = fc.record({ failures: fc.nat(10_000), lastAt: fc.integer({ min: NOW - 10 ** 8, max: NOW + 1_000 }) })
const counters = fc.record({
  pair: fc.record({
    failures: fc.nat(10_000),
    lastAt: counter.map((one) => one.lastAt),
    trustedUntil: fc.nat(NOW * 2),
  }),
  account: counter,
  prefix: counter,
})
const none = { failures: 0, lastAt: NOW }
const fresh: Counters = { pair: { ...none, trustedUntil: 0 }, account: none, prefix: none }

test('waits are between none and a quarter of an hour, and over when they were waited for', () => {
  fc.assert(
    fc.property(counters, (given) => {
      const { ms } = waitFor(given, NOW)
      expect(ms).toBeGreaterThanOrEqual(0)
      expect(ms).toBeLessThanOrEqual(900_000)
      expect(waitFor(given, NOW + ms + 1_000).ms).toBe(0)
    }),
  )
})

test('more failures never make a wait shorter', () => {
  fc.assert(
    fc.property(counters, fc.nat(100), (given, more) => {
      const worse = { ...given, pair: { ...given.pair, failures: given.pair.failures + more } }
      expect(waitFor(worse, NOW).ms).toBeGreaterThanOrEqual(waitFor(given, NOW).ms)
    }),
  )
})

test('whatever happens elsewhere, an officer who comes from a new network waits half a minute at the most', () => {
  fc.assert(
    fc.property(counter, (account) => {
      const elsewhere = { ...fresh, account: { ...account, lastAt: NOW } }
      expect(waitFor(elsewhere, NOW).ms).toBeLessThanOrEqual(30_000)
      // Further attempts of others, while the officer waits, change nothing.
      const busier = { ...elsewhere, account: { failures: account.failures + 10_000, lastAt: NOW + 30_000 } }
      expect(waitFor(busier, NOW + 30_000).ms).toBe(0)
    }),
  )
})

test('where both factors were right lately, failures from elsewhere and of neighbours slow nobody', () => {
  fc.assert(
    fc.property(counter, counter, (account, prefix) => {
      const known = { ...fresh, pair: { ...fresh.pair, trustedUntil: NOW + 1 }, account, prefix }
      expect(waitFor(known, NOW)).toMatchObject({ ms: 0 })
    }),
  )
})

test.each([
  [0, 0],
  [4, 0],
  [5, 1_000],
  [6, 2_000],
  [10, 32_000],
  [15, 900_000],
  [1_000, 900_000],
])('after %i failures in a row the next attempt waits %i ms', (failures, ms) => {
  for (const elapsed of [0, 1, 17]) {
    const lastAt = NOW - elapsed
    const expected = Math.max(0, ms - elapsed)
    expect(waitFor({ ...fresh, pair: { failures, lastAt, trustedUntil: NOW * 2 } }, NOW).ms).toBe(expected)
    expect(waitForFactor({ failures, lastAt }, NOW)).toBe(expected)
  }
})

test('failures are forgotten by half in an hour', () => {
  const HOUR = 3_600_000
  const at = (elapsed: number): number => remaining({ failures: 9, lastAt: NOW - elapsed }, NOW)
  expect([0, 1, HOUR - 1, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR].map(at)).toEqual([9, 9, 9, 4, 2, 1, 0])
})
