import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FieldClass } from '../../../src/policy/compiled.ts'
import {
  daysAfter,
  dueOf,
  endOfAll,
  endOfUse,
  firstDayDueOn,
  firstDayInUse,
  isExpired,
  isRestricted,
  lastDayDueOn,
  shortenedBy,
  startOfDay,
} from '../../../src/retention/due.ts'

const DAY = 86_400_000

function fieldClass(what: Partial<FieldClass>): FieldClass {
  return { name: 'x', retainDays: 30, step: 'day', reach: 'ourselves', separateConsent: false, ...what }
}

const day = (ms: number): string => new Date(ms).toISOString()
const at = (iso: string): number => Date.parse(iso)

test('due days, by the calendar', () => {
  const cases: [Partial<FieldClass>, string, string][] = [
    [{ retainDays: 7 }, '2026-01-01T23:59:59Z', '2026-01-08T00:00:00.000Z'],
    [{ retainDays: 7 }, '2026-01-02T00:00:00Z', '2026-01-09T00:00:00.000Z'],
    [{ retainDays: 180, step: 'month' }, '2026-01-15T10:00:00Z', '2026-07-01T00:00:00.000Z'],
    [{ retainDays: 31, step: 'month' }, '2026-01-01T00:00:00Z', '2026-02-01T00:00:00.000Z'],
    [{ retainDays: 1095, floorDays: 1095, step: 'month' }, '2026-01-15T10:00:00Z', '2029-02-01T00:00:00.000Z'],
    [{ retainDays: 30, floorDays: 60 }, '2026-01-01T12:00:00Z', '2026-03-03T00:00:00.000Z'],
    [{ retainDays: 90, step: 'month' }, '2024-02-29T00:00:00Z', '2024-05-01T00:00:00.000Z'],
  ]
  expect(cases.map(([what, occurred]) => day(dueOf(fieldClass(what), at(occurred))))).toEqual(cases.map((c) => c[2]))
})

const anyClass = fc
  .record({
    retainDays: fc.integer({ min: 1, max: 2_000 }),
    step: fc.constantFrom('day' as const, 'month' as const),
    floor: fc.option(fc.integer({ min: 1, max: 2_000 }), { nil: undefined }),
  })
  .map(({ floor, ...rest }) => fieldClass({ ...rest, ...(floor === undefined ? {} : { floorDays: floor }) }))
const anyTime = fc.integer({ min: at('2000-01-01T00:00:00Z'), max: at('2099-12-31T23:59:59Z') })

test('without a floor it is never late, and early by less than a step', () => {
  fc.assert(
    fc.property(anyClass, anyTime, (one, occurred) => {
      fc.pre(one.floorDays === undefined)
      const exact = occurred + one.retainDays * DAY
      const due = dueOf(one, occurred)
      expect(due).toBeLessThanOrEqual(exact)
      expect(exact - due).toBeLessThan((one.step === 'day' ? 1 : 32) * DAY)
    }),
  )
})

test('a statutory floor is met in full, and by at most a step more', () => {
  fc.assert(
    fc.property(anyClass, anyTime, (one, occurred) => {
      fc.pre(one.floorDays !== undefined)
      const exact = occurred + Math.max(one.floorDays!, one.retainDays) * DAY
      const due = dueOf(one, occurred)
      expect(due).toBeGreaterThanOrEqual(exact)
      expect(due - exact).toBeLessThanOrEqual((one.step === 'day' ? 1 : 32) * DAY)
    }),
  )
})

test('due days are midnights, and month steps begin months', () => {
  fc.assert(
    fc.property(anyClass, anyTime, (one, occurred) => {
      const due = new Date(dueOf(one, occurred))
      expect(due.getTime() % DAY).toBe(0)
      if (one.step === 'month') expect(due.getUTCDate()).toBe(1)
    }),
  )
})

test('expired is what would be dropped today or before', () => {
  const week = fieldClass({ retainDays: 7 })
  const occurred = at('2026-01-01T12:00:00Z')
  expect(isExpired(week, occurred, at('2026-01-07T23:59:59Z'))).toBe(false)
  expect(isExpired(week, occurred, at('2026-01-08T00:00:00Z'))).toBe(true)
})

/** Periods as policies have them: a step of its own for what is kept in all. */
const anyPeriod = fc
  .record({
    retainDays: fc.integer({ min: 1, max: 2_000 }),
    floor: fc.option(fc.integer({ min: 1, max: 2_000 }), { nil: undefined }),
  })
  .map(({ retainDays, floor }) => {
    const step = Math.max(retainDays, floor ?? 0) <= 31 ? ('day' as const) : ('month' as const)
    return fieldClass({ retainDays, step, ...(floor === undefined ? {} : { floorDays: floor }) })
  })

test('use ends no later than its days allow, and by the end of use at the latest it is dropped or restricted', () => {
  fc.assert(
    fc.property(anyPeriod, anyTime, (one, occurred) => {
      const end = endOfUse(one, occurred)
      expect(end).toBeLessThanOrEqual(occurred + one.retainDays * DAY)
      expect(end).toBeGreaterThan(startOfDay(occurred))
      if (one.floorDays === undefined) expect(dueOf(one, occurred)).toBe(end)
      else expect(dueOf(one, occurred)).toBeGreaterThanOrEqual(end)
    }),
  )
})

test('what happened later ends later or at the same time, and so does what is kept for longer', () => {
  fc.assert(
    fc.property(anyPeriod, anyTime, fc.nat({ max: 900 }), fc.nat({ max: 900 }), (one, occurred, days, more) => {
      const later = occurred + days * DAY
      expect(dueOf(one, later)).toBeGreaterThanOrEqual(dueOf(one, occurred))
      expect(endOfUse(one, later)).toBeGreaterThanOrEqual(endOfUse(one, occurred))
      const kept = { ...one, retainDays: one.retainDays + more, step: 'month' as const }
      fc.pre(one.step === 'month')
      expect(dueOf(kept, occurred)).toBeGreaterThanOrEqual(dueOf(one, occurred))
      expect(endOfAll([one, kept], occurred)).toBe(dueOf(kept, occurred))
    }),
  )
})

test('the first day in use is the first whose end is still to come', () => {
  fc.assert(
    fc.property(anyPeriod, anyTime, (one, now) => {
      const first = firstDayInUse(one, now)
      expect(isExpired(one, first, now)).toBe(false)
      expect(isExpired(one, daysAfter(first, -1), now)).toBe(true)
      expect(first).toBeLessThanOrEqual(now)
    }),
  )
})

test('a partition is closed only when the last that can lie in it is past its use, and never where no statute says so', () => {
  fc.assert(
    fc.property(anyPeriod, anyTime, anyTime, (one, occurred, now) => {
      const due = dueOf(one, occurred)
      const last = lastDayDueOn(one, due)
      expect(last).toBeGreaterThanOrEqual(startOfDay(occurred))
      expect(dueOf(one, last)).toBe(due)
      expect(dueOf(one, daysAfter(last, 1))).toBeGreaterThan(due)
      if (isRestricted(one, due, now)) expect(isExpired(one, occurred, now)).toBe(true)
      if (one.floorDays === undefined) expect(isRestricted(one, due, now)).toBe(false)
    }),
  )
})

test('the first and the last day of a due day are the days that fall due on it', () => {
  fc.assert(
    fc.property(anyPeriod, anyTime, (one, occurred) => {
      const due = dueOf(one, occurred)
      const first = firstDayDueOn(one, due)
      expect(first).toBeLessThanOrEqual(startOfDay(occurred))
      expect(dueOf(one, first)).toBe(due)
      expect(dueOf(one, daysAfter(first, -1))).toBeLessThan(due)
    }),
  )
})

test('what was sealed for longer ends within its new period, early by a step at most, and no statute is cut short', () => {
  fc.assert(
    fc.property(anyPeriod, anyPeriod, anyTime, (now, before, occurred) => {
      const shift = shortenedBy(now, before)
      fc.pre(shift > 0)
      const end = daysAfter(dueOf(before, occurred), -shift)
      const kept = Math.max(now.retainDays, now.floorDays ?? 0)
      const exact = daysAfter(occurred, kept)
      if (now.floorDays === undefined) {
        expect(end).toBeLessThanOrEqual(exact)
        expect(exact - end).toBeLessThanOrEqual(31 * DAY)
      } else {
        expect(end).toBeGreaterThan(exact)
        expect(end - exact).toBeLessThanOrEqual(62 * DAY)
      }
    }),
  )
})

test('a class whose floor is longer is restricted in between', () => {
  const order = fieldClass({ retainDays: 365, floorDays: 1095, step: 'month' })
  const sold = at('2026-01-15T10:00:00Z')
  expect(day(endOfUse(order, sold))).toBe('2027-01-01T00:00:00.000Z')
  expect(day(dueOf(order, sold))).toBe('2029-02-01T00:00:00.000Z')
  // The whole partition a month later: it holds what was sold until 1 February.
  expect(isRestricted(order, dueOf(order, sold), at('2027-01-31T23:00:00Z'))).toBe(false)
  expect(isRestricted(order, dueOf(order, sold), at('2027-02-01T00:00:00Z'))).toBe(true)
})
