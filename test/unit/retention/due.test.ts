import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FieldClass } from '../../../src/policy/compiled.ts'
import { dueOf, isExpired } from '../../../src/retention/due.ts'

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
