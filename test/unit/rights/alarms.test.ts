import fc from 'fast-check'
import { expect, test } from 'vitest'
import { alarmAt } from '../../../src/rights/alarms.ts'

const request = (gives: { readonly extendedUntil?: number; readonly legalDueAt?: number } = {}) => ({
  receivedAt: 1_000,
  targetAt: 2_000,
  legalDueAt: undefined,
  extendedUntil: undefined,
  ...gives,
})

test.each([
  [1_000, 0],
  [1_499, 0],
  [1_500, 50],
  [1_799, 50],
  [1_800, 80],
  [1_999, 80],
  [2_000, 100],
  [9_000, 100],
])('at %i of 1,000 to 2,000 the alarm is %i', (now, percent) => {
  expect(alarmAt(request(), now)).toBe(percent)
})

test('counts to the extended end, and to the law’s where it is sooner than our promise', () => {
  expect(alarmAt(request({ extendedUntil: 3_000 }), 2_000)).toBe(50)
  expect(alarmAt(request({ legalDueAt: 1_500 }), 1_500)).toBe(100)
  expect(alarmAt(request({ legalDueAt: 5_000 }), 2_000)).toBe(100)
})

test('never falls while time passes', () => {
  const time = fc.integer({ min: 0, max: 5_000 })
  fc.assert(fc.property(time, time, (a, b) => alarmAt(request(), Math.min(a, b)) <= alarmAt(request(), Math.max(a, b))))
})
