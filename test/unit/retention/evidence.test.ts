import { expect, test } from 'vitest'
import { dayOf } from '../../../src/retention/due.ts'
import { endOf, oldestDay, oldestOfAll, type Sealed } from '../../../src/retention/evidence.ts'
import type { Ruling } from '../../../src/retention/stores.ts'
import { changed, compiled } from '../policy/small-policy.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const LONG = compiled() // behaviour: 180 days, by the month
const SHORT = compiled(changed('behaviour: {retain_days: 180}', 'behaviour: {retain_days: 30}'))
const versions = [LONG, SHORT].map((policy, i) => ({ version: i + 1, period: policy.classes.get('behaviour')! }))
const ruling: Ruling = { policy: SHORT, history: new Map([['behaviour', versions]]), modules: [], now: NOW }

function sealed(due: string, received: string | undefined, version: number | null = 1): Sealed {
  return {
    class: 'behaviour',
    version,
    due,
    received: received === undefined ? null : { first: received, last: received },
  }
}

test('what was sealed for longer ends by the shorter period, counted from the first day that its own version allows', () => {
  // Of 28 July, received today: due on 1 January under 180 days, which is what happened from 5 July on.
  const late = sealed('2027-01-01', '2026-11-22')
  expect([oldestDay(ruling, late), endOf(ruling, late)].map(dayOf)).toEqual(['2026-07-05', '2026-08-04'])
  // Of today: the day of receipt is the day of the event, where its due day allows that.
  const fresh = sealed('2027-05-01', '2026-11-22')
  expect([oldestDay(ruling, fresh), endOf(ruling, fresh)].map(dayOf)).toEqual(['2026-11-22', '2026-12-02'])
})

test('what was sealed under the period of today ends on its own day, or on that which its receipt allows', () => {
  expect(dayOf(endOf(ruling, sealed('2026-12-22', '2026-11-22', 2)))).toBe('2026-12-22')
  expect(dayOf(endOf(ruling, sealed('2029-01-01', '2026-01-01', 2)))).toBe('2026-02-01')
})

test('nothing is older than its first possible day or from the future, and of nothing there is no oldest', () => {
  expect(oldestOfAll(ruling, [])).toBeNull()
  expect(oldestOfAll(ruling, [sealed('2099-01-01', '2098-12-02', 2)])).toBe('2026-11-22')
  expect(oldestOfAll(ruling, [sealed('2026-12-22', undefined, 2), sealed('2027-05-01', '2026-11-20')])).toBe(
    '2026-11-20',
  )
})
