import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dueOf, dueUnderAll, endOf, extend } from '../../../src/rights/due.ts'
import { DEADLINES, REGIMES } from '../../../src/rights/regimes.ts'
import { RIGHTS } from '../../../src/rights/request.ts'

const at = (iso: string): number => Date.parse(iso)
const iso = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString())
const DAY = 86_400_000

const right = fc.constantFrom(...RIGHTS)
const regime = fc.constantFrom(...REGIMES)
const moment = fc.integer({ min: at('2025-01-01T00:00:00Z'), max: at('2032-01-01T00:00:00Z') })

/** As lists and cases are read: each date, and none that is not there. */
function dates(asked: Parameters<typeof dueOf>[0]): Record<string, string | undefined> {
  const { targetAt, legalDueAt, acknowledgeBy } = dueOf(asked)
  return { target: iso(targetAt), legal: iso(legalDueAt), acknowledge: iso(acknowledgeBy) }
}

describe('golden dates', () => {
  test('GDPR: a month that has no such day ends with its last', () => {
    expect(dates({ right: 'erasure', regime: 'GDPR', receivedAt: at('2026-01-31T10:00:00Z') })).toEqual({
      target: '2026-02-15T10:00:00.000Z',
      legal: '2026-02-28T10:00:00.000Z',
      acknowledge: undefined,
    })
  })

  test('GDPR: the hour stays the same over the change to summer time', () => {
    const { legal } = dates({ right: 'access', regime: 'GDPR', receivedAt: at('2026-03-10T10:00:00Z') })
    expect(legal).toBe('2026-04-10T09:00:00.000Z') // 11:00 in Brussels, both times
  })

  test('GDPR: the day is Brussels’, not UTC’s', () => {
    const { legal } = dates({ right: 'access', regime: 'GDPR', receivedAt: at('2026-01-30T23:30:00Z') }) // the 31st there
    expect(legal).toBe('2026-02-27T23:30:00.000Z')
  })

  test('CCPA: ten business days to confirm, 45 calendar days to answer', () => {
    expect(dates({ right: 'erasure', regime: 'CCPA', receivedAt: at('2026-11-23T20:00:00Z') })).toEqual({
      target: '2026-12-08T20:00:00.000Z',
      legal: '2027-01-07T20:00:00.000Z',
      acknowledge: '2026-12-08T20:00:00.000Z',
    })
  })

  test('CCPA: an opt-out takes 15 business days at most, and nobody confirms it', () => {
    expect(dates({ right: 'objection', regime: 'CCPA', receivedAt: at('2026-11-23T20:00:00Z') })).toMatchObject({
      legal: '2026-12-15T20:00:00.000Z',
      acknowledge: undefined,
    })
  })

  test('PIPL: no number, no legal due date; the measures of others are shown beside it', () => {
    const due = dueOf({ right: 'erasure', regime: 'PIPL', receivedAt: at('2026-02-08T04:00:00Z') })
    expect(due.legalDueAt).toBeUndefined()
    expect(iso(due.targetAt)).toBe('2026-02-23T04:00:00.000Z')
    expect(due.because.map(({ deadline, dueAt }) => [deadline.id, deadline.force, iso(dueAt)])).toEqual([
      ['cn-pipl-answer', 'law', undefined],
      ['cn-app-method', 'guidance', '2026-03-05T04:00:00.000Z'],
      ['cn-gbt-35273', 'guidance', '2026-03-10T04:00:00.000Z'],
    ])
  })

  test('LGPD: 15 days for access, no number for the rest', () => {
    const receivedAt = at('2026-05-01T12:00:00Z')
    expect(dates({ right: 'access', regime: 'LGPD', receivedAt }).legal).toBe('2026-05-16T12:00:00.000Z')
    expect(dates({ right: 'erasure', regime: 'LGPD', receivedAt }).legal).toBeUndefined()
  })

  test('a year that is not published is named', () => {
    const { because } = dueOf({ right: 'access', regime: 'PIPL', receivedAt: at('2026-12-28T04:00:00Z') })
    expect(because[1]).toMatchObject({ unpublished: [2027] })
  })
})

describe('a due date', () => {
  test('rests on the request alone: it is the same however often it is counted', () => {
    fc.assert(
      fc.property(right, regime, moment, (of, under, receivedAt) => {
        const asked = { right: of, regime: under, receivedAt }
        const later = { ...asked, state: 'failed', attempts: 9, stateAt: receivedAt + DAY }
        expect(dueOf(later)).toEqual(dueOf(asked))
      }),
    )
  })

  test('is after the request, and our promise is never later than the law', () => {
    fc.assert(
      fc.property(right, regime, moment, (of, under, receivedAt) => {
        const due = dueOf({ right: of, regime: under, receivedAt })
        expect(due.targetAt).toBe(receivedAt + 15 * DAY)
        for (const one of [due.legalDueAt, due.acknowledgeBy]) expect(one ?? receivedAt + 1).toBeGreaterThan(receivedAt)
        const hour = 3_600_000 // of summer time, in the law's zone
        expect(due.legalDueAt ?? due.targetAt).toBeGreaterThanOrEqual(due.targetAt - hour)
      }),
    )
  })

  test('is on no earlier day for who asks later', () => {
    fc.assert(
      fc.property(right, regime, moment, fc.integer({ min: 0, max: 40 * DAY }), (of, under, first, gap) => {
        const days = (receivedAt: number): string[] =>
          dueOf({ right: of, regime: under, receivedAt }).because.map(({ dueLocal }) => dueLocal?.slice(0, 10) ?? '')
        const later = days(first + gap)
        for (const [i, day] of days(first).entries()) expect(later[i]! >= day).toBe(true)
      }),
    )
  })

  test('never moves later without an extension, whatever happens to the request', () => {
    fc.assert(
      fc.property(right, regime, moment, fc.array(fc.integer({ min: 0, max: 120 })), (of, under, receivedAt, hours) => {
        const asked = { right: of, regime: under, receivedAt }
        const { targetAt, legalDueAt } = dueOf(asked)
        const row = { targetAt, legalDueAt, extendedUntil: undefined }
        const end = endOf(row)
        for (const later of hours) {
          const now = receivedAt + later * 3_600_000
          extend({ ...asked, ...row, now }) // an answer, not an act
          expect(dueOf(asked)).toMatchObject({ targetAt, ...(legalDueAt === undefined ? {} : { legalDueAt }) })
          expect(endOf(row)).toBe(end)
        }
      }),
    )
  })
})

describe('an extension', () => {
  const receivedAt = at('2026-03-10T10:00:00Z')
  const asked = { right: 'access', regime: 'GDPR', receivedAt } as const
  const due = dueOf(asked)
  const row = { targetAt: due.targetAt, legalDueAt: due.legalDueAt, extendedUntil: undefined }

  test('reaches two months further at most, where the first month is not over', () => {
    const now = due.legalDueAt! - 1
    expect(extend({ ...asked, ...row, now })).toEqual({
      until: at('2026-06-10T09:00:00Z'),
      article: expect.stringContaining('12(3)') as string,
    })
    const until = at('2026-05-01T00:00:00Z')
    expect(extend({ ...asked, ...row, now, until })).toMatchObject({ until })
    expect(extend({ ...asked, ...row, now, until: at('2026-06-11T00:00:00Z') })).toEqual({
      obstacle: 'extension-too-long',
    })
    expect(extend({ ...asked, ...row, now, until: receivedAt })).toEqual({ obstacle: 'extension-too-long' })
  })

  test('comes too late at the end, and is there once', () => {
    expect(extend({ ...asked, ...row, now: due.legalDueAt! })).toEqual({ obstacle: 'deadline-over' })
    const extendedUntil = at('2026-05-01T00:00:00Z')
    expect(extend({ ...asked, ...row, extendedUntil, now: receivedAt })).toEqual({ obstacle: 'extended-already' })
  })

  test.each([
    ['objection', 'CCPA'],
    ['access', 'LGPD'],
    ['erasure', 'LGPD'],
    ['erasure', 'nowhere'],
  ] as const)('of %s under %s there is none', (of, under) => {
    const plain = { right: of, regime: under, receivedAt }
    const { targetAt, legalDueAt } = dueOf(plain)
    expect(extend({ ...plain, targetAt, legalDueAt, extendedUntil: undefined, now: receivedAt })).toEqual({
      obstacle: 'not-extensible',
    })
  })

  test('never reaches beyond what the law allows, and never to before the end', () => {
    const until = fc.option(fc.integer({ min: -DAY, max: 200 * DAY }), { nil: undefined })
    fc.assert(
      fc.property(right, regime, moment, until, fc.nat(100 * DAY), (of, under, start, wanted, passed) => {
        const plain = { right: of, regime: under, receivedAt: start }
        const { targetAt, legalDueAt, because } = dueOf(plain)
        const end = legalDueAt ?? targetAt
        const until = wanted === undefined ? {} : { until: start + wanted }
        const found = extend({
          ...plain,
          targetAt,
          legalDueAt,
          extendedUntil: undefined,
          now: start + passed,
          ...until,
        })
        if ('obstacle' in found) return
        expect(start + passed).toBeLessThan(end)
        expect(found.until).toBeGreaterThan(end)
        expect(found.until).toBeLessThanOrEqual(Math.max(...because.map(({ extensibleTo }) => extensibleTo ?? 0)))
      }),
    )
  })
})

describe('the table', () => {
  test('has an answer of the law for every right under every regime, with all that it rests on', () => {
    for (const under of REGIMES) {
      for (const of of RIGHTS) {
        const own = DEADLINES.filter(({ regime: r, rights }) => r === under && rights.includes(of))
        expect(own.filter(({ duty, force }) => duty === 'answer' && force === 'law')).toHaveLength(1)
      }
    }
    for (const one of DEADLINES) {
      for (const text of [one.article, one.source, one.assumption]) expect(text.length).toBeGreaterThan(5)
      expect(one.sourceDate).toMatch(/^\d{4}-\d\d-\d\d$/)
    }
    expect(new Set(DEADLINES.map(({ id }) => id)).size).toBe(DEADLINES.length)
  })

  test('what-if shows every regime', () => {
    const all = dueUnderAll(at('2026-03-10T10:00:00Z'), 'access')
    expect([...all].map(([name, { legalDueAt }]) => [name, iso(legalDueAt)?.slice(0, 10)])).toEqual([
      ['PIPL', undefined],
      ['GDPR', '2026-04-10'],
      ['UK-GDPR', '2026-04-10'],
      ['CCPA', '2026-04-24'],
      ['LGPD', '2026-03-25'],
    ])
  })
})
