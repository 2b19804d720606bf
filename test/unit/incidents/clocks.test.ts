import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ClockFacts, clocksOf, nextDue, unmet } from '../../../src/incidents/clocks.ts'
import { LAW_CLOCKS } from '../../../src/incidents/law-clocks.ts'
import { placeOf, placeOfPhone } from '../../../src/incidents/places.ts'
import { daysLater, localTime } from '../../../src/incidents/zone.ts'
import { LAWS } from '../../../src/policy/compiled.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const KNOWN = Date.parse('2026-11-22T00:00:00Z')
const someone = { known: 3, unknown: 2 }
const facts: ClockFacts = {
  laws: LAWS,
  knownAt: KNOWN,
  critical: false,
  highRisk: false,
  counts: { laws: { PIPL: someone, GDPR: someone, CCPA: someone }, erased: { people: 0, records: 0 } },
  told: [],
}
const clock = (id: string, more: Partial<ClockFacts> = {}, now = KNOWN) =>
  clocksOf({ ...facts, ...more }, now).find((one) => one.clock.id === id)!
const times = fc.integer({ min: Date.parse('2020-01-01'), max: Date.parse('2040-01-01') })

describe('a due time', () => {
  test('is never before the incident was known, and moves with nothing but that', () => {
    fc.assert(
      fc.property(times, times, fc.boolean(), (knownAt, now, critical) => {
        for (const one of clocksOf({ ...facts, knownAt, critical }, now)) {
          if (one.dueAt !== undefined) expect(one.dueAt).toBeGreaterThan(knownAt)
          expect(one.dueAt).toBe(clocksOf({ ...facts, knownAt, critical }, 0).find((o) => o.clock === one.clock)!.dueAt)
        }
      }),
    )
  })

  test('comes in the order of the terms: 1 h or 4 h, 72 h, 30 days; without a number last', () => {
    fc.assert(
      fc.property(times, fc.boolean(), (knownAt, critical) => {
        const ids = clocksOf({ ...facts, knownAt, critical }, knownAt).map((one) => one.clock.id)
        expect(ids.slice(0, 3)).toEqual(['cn-measures-authority', 'eu-gdpr-authority', 'us-ca-people'])
      }),
    )
    expect(clock('cn-measures-authority').dueAt).toBe(KNOWN + 4 * HOUR)
    expect(clock('cn-measures-authority', { critical: true }).dueAt).toBe(KNOWN + HOUR)
    expect(clock('eu-gdpr-authority').dueAt).toBe(KNOWN + 72 * HOUR)
    expect(clock('eu-gdpr-people').dueAt).toBeUndefined()
  })

  test('of 72 hours is 72 hours, whatever the clocks of Europe do in between', () => {
    const knownAt = Date.parse('2026-03-28T00:00:00+01:00')
    const { dueAt, dueLocal } = clock('eu-gdpr-authority', { knownAt })
    expect([dueAt! - knownAt, dueLocal]).toEqual([72 * HOUR, '2026-03-31T01:00:00+02:00'])
  })

  test('of 30 days is the same hour there, whatever the clocks of California do in between', () => {
    const spring = clock('us-ca-people', { knownAt: Date.parse('2026-02-20T09:00:00-08:00') })
    expect([spring.dueLocal, spring.dueAt! - spring.startsAt!]).toEqual(['2026-03-22T09:00:00-07:00', 30 * DAY - HOUR])
    const autumn = clock('us-ca-people', { knownAt: Date.parse('2026-10-20T09:00:00-07:00') })
    expect([autumn.dueLocal, autumn.dueAt! - autumn.startsAt!]).toEqual(['2026-11-19T09:00:00-08:00', 30 * DAY + HOUR])
  })

  test('in an hour that is skipped or comes twice is the earlier', () => {
    const zone = 'America/Los_Angeles' // 2026-03-08 02:30 is skipped; 2026-11-01 01:30 comes twice
    const skipped = daysLater(Date.parse('2026-02-06T02:30:00-08:00'), 30, zone)
    expect(localTime(skipped, zone)).toBe('2026-03-08T01:30:00-08:00')
    const twice = daysLater(Date.parse('2026-10-02T01:30:00-07:00'), 30, zone)
    expect(localTime(twice, zone)).toBe('2026-11-01T01:30:00-07:00')
  })

  test('days in any zone are within an hour of so many times 24 h', () => {
    const zones = fc.constantFrom('Asia/Shanghai', 'Europe/Brussels', 'America/Los_Angeles', 'Australia/Lord_Howe')
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 400 }), zones, (from, days, zone) => {
        expect(Math.abs(daysLater(from, days, zone) - from - days * DAY)).toBeLessThanOrEqual(HOUR)
      }),
    )
  })
})

describe('a state', () => {
  test.each([
    [0, 'running', undefined],
    [49, 'running', undefined],
    [50, 'warned', 50],
    [80, 'warned', 80],
    [100, 'warned', 80],
    [101, 'missed', 80],
  ])('at %i %% of its time is %s', (percent, state, warnedAt) => {
    const now = KNOWN + (4 * HOUR * percent) / 100
    expect(clock('cn-measures-authority', {}, now)).toMatchObject({ state, warnedAt })
  })

  test('is met by telling in time, by the first time that it was; told late is missed', () => {
    const told = (hours: number) => ({ law: 'PIPL', whom: 'authority', at: KNOWN + hours * HOUR }) as const
    const later = KNOWN + 100 * DAY
    expect(clock('cn-measures-authority', { told: [told(3), told(9)] }, later)).toMatchObject({
      state: 'met',
      toldAt: KNOWN + 3 * HOUR,
    })
    expect(clock('cn-measures-authority', { told: [told(5)] }, later).state).toBe('missed')
    expect(clock('cn-pipl-authority', { told: [told(5)] }, later).state).toBe('met')
    expect(clock('cn-pipl-people', { told: [told(3)] }, later).state).toBe('running')
  })

  test('of the Attorney General begins when people were told', () => {
    expect(clock('us-ca-authority')).toMatchObject({ applies: 'no', dueAt: undefined })
    const told = [{ law: 'CCPA', whom: 'people', at: KNOWN + DAY }] as const
    expect(clock('us-ca-authority', { told })).toMatchObject({
      applies: 'to-check',
      dueLocal: '2026-12-07T16:00:00-08:00',
    })
  })
})

describe('whether it applies', () => {
  const counts = (known: number, unknown: number, more: Partial<ClockFacts['counts']> = {}) => ({
    counts: { laws: { PIPL: { known, unknown } }, erased: { people: 0, records: 0 }, ...more },
  })
  test.each([
    ['nobody', counts(0, 0), 'no', 'no'],
    ['only people of unknown place', counts(0, 5), 'to-check', 'to-check'],
    ['some', counts(5, 0), 'to-check', 'yes'],
    ['a million', counts(1_000_000, 0), 'yes', 'yes'],
    ['a million of unknown place', counts(0, 1_000_000), 'to-check', 'to-check'],
    ['whoever was erased since', counts(0, 0, { erased: { people: null, records: 9 } }), 'to-check', 'to-check'],
    ['officers', counts(0, 0, { officers: 2 }), 'to-check', 'to-check'],
  ])('to %s', (_, more, measures, article) => {
    expect([clock('cn-measures-authority', more).applies, clock('cn-pipl-authority', more).applies]).toEqual([
      measures,
      article,
    ])
  })

  test('people are told of a high risk', () => {
    expect(clock('eu-gdpr-people').applies).toBe('to-check')
    expect(clock('eu-gdpr-people', { highRisk: true }).applies).toBe('yes')
  })

  test('only laws of the policy have clocks', () => {
    expect(new Set(clocksOf({ ...facts, laws: ['GDPR'] }, KNOWN).map((one) => one.clock.law))).toEqual(
      new Set(['GDPR']),
    )
    expect(clocksOf({ ...facts, laws: [] }, KNOWN)).toEqual([])
  })

  test('the next due is that of the nearest that binds, or may, and waits', () => {
    const all = clocksOf(facts, KNOWN)
    expect([nextDue(all), unmet(all).length]).toEqual([KNOWN + 4 * HOUR, LAW_CLOCKS.length - 1])
    const told = [{ law: 'PIPL', whom: 'authority', at: KNOWN }] as const
    expect(nextDue(clocksOf({ ...facts, told }, KNOWN))).toBe(KNOWN + 72 * HOUR)
    expect(nextDue(clocksOf({ ...facts, ...counts(0, 0), laws: ['PIPL'] }, KNOWN))).toBeUndefined()
  })
})

test('every clock says where it comes from, and what was assumed', () => {
  for (const one of LAW_CLOCKS) {
    expect(one.article.length * one.source.length * one.assumption.length).toBeGreaterThan(0)
    expect(one.sourceDate).toMatch(/^\d{4}-\d{2}-\d{2}$/)
    expect(() => localTime(KNOWN, one.zone)).not.toThrow()
  }
  expect(new Set(LAW_CLOCKS.map(({ id }) => id)).size).toBe(LAW_CLOCKS.length)
})

test.each([
  ['+8613800138000', 'CN'],
  ['+85221234567', 'elsewhere'], // Hong Kong
  ['+4915123456789', 'EEA'],
  ['+4721234567', 'EEA'],
  ['+447400123456', 'elsewhere'], // the United Kingdom left
  ['+262692123456', 'EEA'], // Réunion
  ['+14155550132', 'US'],
  ['+14165550132', 'elsewhere'], // Toronto
  ['+80012345678', undefined],
  ['not a number', undefined],
])('a number that begins like %s is %s', (number, place) => {
  expect(placeOfPhone(number)).toBe(place)
})

test('a country that is none of them is elsewhere', () => {
  expect(['CN', 'FR', 'IS', 'CH', 'US', 'JP'].map(placeOf)).toEqual([
    'CN',
    'EEA',
    'EEA',
    'elsewhere',
    'US',
    'elsewhere',
  ])
})
