import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nearMatches } from '../../../src/policy/near-match.ts'

const NAMES = ['Order Completed', 'Order Cancelled', 'Order Refunded', 'Product Viewed', 'identify', 'page']

test.each([
  ['Order Complted', ['Order Completed']],
  ['order_completed', ['Order Completed']],
  ['ORDER COMPLETED', ['Order Completed']],
  ['Order Canceled', ['Order Cancelled']],
  ['Product View', ['Product Viewed']],
  ['pages', ['page']],
  ['Coupon Entered', []],
  ['', []],
])('%s may have meant %s', (written, meant) => {
  expect(nearMatches(written, NAMES)).toEqual(meant)
})

test('whatever is written, each answer is one of the names, once, and at most three', () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.string(), { maxLength: 20 }), (written, names) => {
      const near = nearMatches(written, names)
      expect(near.length).toBeLessThanOrEqual(3)
      expect(new Set(near).size).toBe(near.length)
      for (const name of near) expect(names).toContain(name)
    }),
  )
})
