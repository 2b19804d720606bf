import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ANSWER_MS,
  approvalObstacle,
  type Course,
  DELAY_MS,
  expiryOf,
  isReviewOverdue,
  opensAt,
  REVIEW_MS,
  readObstacle,
  refusalObstacle,
  reviewObstacle,
  stateOf,
} from '../../../src/disclosures/state.ts'

const ASKED = Date.parse('2026-11-23T08:00:00Z')
const MINUTE = 60_000

const fresh: Course = {
  emergency: false,
  askedBy: 'ann',
  askedAt: ASKED,
  minutes: 10,
  reads: 2,
  used: 0,
  decision: undefined,
  expiresAt: undefined,
  voided: false,
  reviewed: false,
}
const approvedAt = ASKED + 5 * MINUTE
const approved: Course = { ...fresh, decision: 'approved', expiresAt: expiryOf(fresh, approvedAt) }
const emergency: Course = { ...fresh, emergency: true, expiresAt: expiryOf(fresh, opensAt(fresh)) }

test.each([
  ['asked', fresh, ASKED + ANSWER_MS - 1, 'asked'],
  ['nobody decided for a day', fresh, ASKED + ANSWER_MS, 'expired'],
  ['approved', approved, approvedAt + 10 * MINUTE - 1, 'approved'],
  ['its minutes are over', approved, approvedAt + 10 * MINUTE, 'expired'],
  ['every read is used', { ...approved, used: 2 }, approvedAt, 'used-up'],
  ['used up, and then its time over', { ...approved, used: 2 }, approvedAt + 20 * MINUTE, 'used-up'],
  ['refused', { ...fresh, decision: 'refused' }, ASKED, 'refused'],
  ['the approver is gone', { ...approved, voided: true }, approvedAt, 'void'],
  ['an emergency', emergency, ASKED + DELAY_MS - 1, 'delayed'],
  ['an emergency that opens', emergency, ASKED + DELAY_MS, 'released'],
  ['an emergency whose minutes are over', emergency, ASKED + DELAY_MS + 10 * MINUTE, 'expired'],
  ['an emergency that was stopped', { ...emergency, decision: 'refused' }, ASKED + DELAY_MS, 'refused'],
] as [string, Course, number, string][])('%s', (_name, course, now, state) => {
  expect(stateOf(course, now)).toBe(state)
})

const course = fc.record({
  emergency: fc.boolean(),
  askedBy: fc.constant('ann'),
  askedAt: fc.constant(ASKED),
  minutes: fc.integer({ min: 1, max: 15 }),
  reads: fc.integer({ min: 1, max: 20 }),
  used: fc.integer({ min: 0, max: 20 }),
  decision: fc.constantFrom('approved' as const, 'refused' as const, undefined),
  expiresAt: fc.option(fc.integer({ min: ASKED, max: ASKED + 2 * ANSWER_MS }), { nil: undefined }),
  voided: fc.boolean(),
  reviewed: fc.boolean(),
})
const now = fc.integer({ min: ASKED, max: ASKED + 3 * ANSWER_MS })

describe('whatever its course', () => {
  test('nobody decides about or reviews their own request, and nobody else reads', () => {
    fc.assert(
      fc.property(course, now, (one, at) => {
        expect(approvalObstacle(one, 'ann', at)).toBe('own-request')
        expect(refusalObstacle(one, 'ann', at)).toBe('own-request')
        expect(reviewObstacle(one, 'ann', at)).toBe('own-request')
        expect(readObstacle(one, 'ben', at)).toBe('not-your-request')
      }),
    )
  })

  test('what is read was approved or is an emergency that opened, in its time, with a read left, by officers in office', () => {
    fc.assert(
      fc.property(course, now, (one, at) => {
        if (readObstacle(one, 'ann', at) !== undefined) return
        expect(one).toMatchObject({ voided: false })
        expect(one.used).toBeLessThan(one.reads)
        expect(one.decision).not.toBe('refused')
        if (one.emergency) expect(at).toBeGreaterThanOrEqual(ASKED + DELAY_MS)
        else expect(one.decision).toBe('approved')
        if (one.expiresAt !== undefined) expect(at).toBeLessThan(one.expiresAt)
      }),
    )
  })

  test('an emergency is approved by nobody, and nothing is decided twice', () => {
    fc.assert(
      fc.property(course, now, (one, at) => {
        if (approvalObstacle(one, 'ben', at) === undefined)
          expect(one).toMatchObject({ emergency: false, decision: undefined })
        if (refusalObstacle(one, 'ben', at) === undefined)
          expect(one.decision === undefined || one.emergency).toBe(true)
      }),
    )
  })

  test('what has ended does not begin again', () => {
    const over = ['refused', 'used-up', 'expired', 'void']
    fc.assert(
      fc.property(course, now, now, (one, a, b) => {
        const [before, after] = [Math.min(a, b), Math.max(a, b)]
        if (over.includes(stateOf(one, before))) expect(stateOf(one, after)).toBe(stateOf(one, before))
      }),
    )
  })
})

test('only an emergency is reviewed, once, and overdue after a day', () => {
  expect(reviewObstacle(fresh, 'ben', ASKED)).toBe('no-emergency')
  expect(reviewObstacle(emergency, 'ben', ASKED)).toBe('not-over-yet')
  expect(reviewObstacle(emergency, 'ben', ASKED + REVIEW_MS)).toBeUndefined()
  expect(reviewObstacle({ ...emergency, used: emergency.reads }, 'ben', ASKED)).toBeUndefined()
  expect(reviewObstacle({ ...emergency, reviewed: true }, 'ben', ASKED)).toBe('reviewed-already')
  expect(isReviewOverdue(emergency, ASKED + REVIEW_MS - 1)).toBe(false)
  expect(isReviewOverdue(emergency, ASKED + REVIEW_MS)).toBe(true)
  expect(isReviewOverdue({ ...emergency, reviewed: true }, ASKED + REVIEW_MS)).toBe(false)
  expect(isReviewOverdue(fresh, ASKED + REVIEW_MS)).toBe(false)
})
