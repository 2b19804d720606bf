import fc from 'fast-check'
import { expect, test } from 'vitest'
import { horizon } from '../../../src/keys/horizon.ts'
import type { KeyRow, KeyState } from '../../../src/keys/key-table.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 22)
const TIMES = { epochDays: 30, backupDays: 35, keyBackupDays: 35, overlapDays: 7, destroyDelayDays: 0 }

function epoch(kid: number, state: KeyState, days: { made: number; retired?: number; gone?: number }): KeyRow {
  const at = (day: number | undefined): Date | null => (day === undefined ? null : new Date(NOW + day * DAY))
  return {
    class: 'epoch',
    kid,
    state,
    wrapped: state === 'destroyed' ? null : Buffer.alloc(1),
    check_value: null,
    made_at: at(days.made)!,
    activated_at: at(days.made),
    retired_at: at(days.retired),
    destroyed_at: state === 'destroyed' ? at(days.gone ?? 0) : null,
    root_version: state === 'destroyed' ? String(kid) : null,
    unrecoverable_at: at(days.gone),
  }
}
const copy = (keys: string[], expiresIn: number) => ({ keys, expires_at: new Date(NOW + expiresIn * DAY) })
const inDays = (iso: string): number => (Date.parse(iso) - NOW) / DAY

test('who is erased now waits for the epoch of now to be replaced, destroyed, and out of the last copy', () => {
  const rows = [epoch(1, 'active', { made: -10 })]
  expect(horizon(rows, [], TIMES, NOW)).toEqual({
    unrecoverableAfter: new Date(NOW + (20 + 35 + 35) * DAY).toISOString(),
    erasedBefore: null,
    epochs: [{ kid: 1, erasedBefore: null, unrecoverableAfter: new Date(NOW + (20 + 35 + 35) * DAY).toISOString() }],
  })
})

test('an epoch that is overdue counts from now, never from the past', () => {
  const rows = [epoch(1, 'active', { made: -300 })]
  expect(inDays(horizon(rows, [], TIMES, NOW).unrecoverableAfter)).toBe(70)
})

test('who was erased before a destroyed epoch was replaced is beyond reach, unless a copy of its key is left', () => {
  const rows = [epoch(1, 'destroyed', { made: -90, retired: -60, gone: -20 }), epoch(2, 'active', { made: -60 })]
  expect(inDays(horizon(rows, [], TIMES, NOW).erasedBefore!)).toBe(-60)
  expect(horizon(rows, [copy(['epoch/1', 'index/1'], 5)], TIMES, NOW).erasedBefore).toBeNull()
  expect(inDays(horizon(rows, [copy(['epoch/2'], 5)], TIMES, NOW).erasedBefore!)).toBe(-60)
})

test('a destruction that the provider has scheduled, or was not told of yet, is none', () => {
  const scheduled = [epoch(1, 'destroyed', { made: -90, retired: -60, gone: 6 }), epoch(2, 'active', { made: -60 })]
  expect(horizon(scheduled, [], TIMES, NOW).erasedBefore).toBeNull()
  const untold = [{ ...scheduled[0]!, unrecoverable_at: null }, scheduled[1]!]
  expect(horizon(untold, [], TIMES, NOW).erasedBefore).toBeNull()
  expect(Date.parse(horizon(untold, [], TIMES, NOW).unrecoverableAfter)).toBeGreaterThan(NOW)
})

test('an older epoch that lives keeps everybody within reach, whatever was destroyed after it', () => {
  const rows = [
    epoch(1, 'decrypt-only', { made: -90, retired: -60 }),
    epoch(2, 'destroyed', { made: -60, retired: -30, gone: -1 }),
    epoch(3, 'active', { made: -30 }),
  ]
  expect(horizon(rows, [], TIMES, NOW).erasedBefore).toBeNull()
})

test('whatever keys and copies there are: the horizon lies ahead, is no earlier for more copies, longer times or later looks', () => {
  const anyTimes = fc.record({
    epochDays: fc.integer({ min: 1, max: 400 }),
    backupDays: fc.integer({ min: 1, max: 400 }),
    keyBackupDays: fc.integer({ min: 1, max: 400 }),
    overlapDays: fc.constant(7),
    destroyDelayDays: fc.integer({ min: 0, max: 30 }),
  })
  const anyRows = fc
    .array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 })
    .chain((gaps) => fc.tuple(fc.constant(gaps), fc.integer({ min: 0, max: gaps.length - 1 })))
    .map(([gaps, destroyed]) => {
      let day = -gaps.reduce((sum, gap) => sum + gap, 0)
      return gaps.map((gap, i) => {
        const made = day
        day += gap
        if (i === gaps.length - 1) return epoch(i + 1, 'active', { made })
        return i < destroyed
          ? epoch(i + 1, 'destroyed', { made, retired: day, gone: day + 1 })
          : epoch(i + 1, 'decrypt-only', { made, retired: day })
      })
    })
  const anyCopies = fc.array(
    fc.record({ kid: fc.integer({ min: 1, max: 6 }), days: fc.integer({ min: 1, max: 500 }) }),
    { maxLength: 4 },
  )
  fc.assert(
    fc.property(anyRows, anyTimes, anyCopies, fc.integer({ min: 1, max: 90 }), (rows, times, copies, more) => {
      const backups = copies.map((one) => copy([`epoch/${one.kid}`], one.days))
      const base = horizon(rows, [], times, NOW)
      const withCopies = horizon(rows, backups, times, NOW)
      expect(Date.parse(base.unrecoverableAfter)).toBeGreaterThan(NOW)
      expect(withCopies.unrecoverableAfter >= base.unrecoverableAfter).toBe(true)
      expect((withCopies.erasedBefore ?? '') <= (base.erasedBefore ?? '')).toBe(true)
      const longer = { ...times, backupDays: times.backupDays + more }
      expect(horizon(rows, backups, longer, NOW).unrecoverableAfter >= withCopies.unrecoverableAfter).toBe(true)
      const later = horizon(rows, backups, times, NOW + more * DAY)
      expect(later.unrecoverableAfter >= withCopies.unrecoverableAfter).toBe(true)
      expect((later.erasedBefore ?? '') >= (withCopies.erasedBefore ?? '')).toBe(true)
    }),
  )
})
