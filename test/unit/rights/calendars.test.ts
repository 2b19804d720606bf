import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { unpublishedCnYear } from '../../../src/rights/calendar-cn.ts'
import { businessDaysLater, CALENDARS, isBusinessDay } from '../../../src/rights/calendars.ts'
import { dayOf, daysFrom, monthsLater, weekdayOf } from '../../../src/rights/days.ts'

/** Days of a year that differ from Monday to Friday. */
function differing(year: number, calendar: 'CN' | 'US'): { off: string[]; worked: string[] } {
  const days = daysFrom(`${year}-01-01`, `${year}-12-31`)
  const weekend = (day: string): boolean => [0, 6].includes(weekdayOf(day))
  return {
    off: days.filter((day) => !weekend(day) && !isBusinessDay(day, calendar)),
    worked: days.filter((day) => weekend(day) && isBusinessDay(day, calendar)),
  }
}

describe('China', () => {
  test('2026 is as the State Council’s notice of 2025-11-04 says', () => {
    expect(differing(2026, 'CN')).toEqual({
      off: [
        '2026-01-01',
        '2026-01-02',
        '2026-02-16',
        '2026-02-17',
        '2026-02-18',
        '2026-02-19',
        '2026-02-20',
        '2026-02-23',
        '2026-04-06',
        '2026-05-01',
        '2026-05-04',
        '2026-05-05',
        '2026-06-19',
        '2026-09-25',
        '2026-10-01',
        '2026-10-02',
        '2026-10-05',
        '2026-10-06',
        '2026-10-07',
      ],
      worked: ['2026-01-04', '2026-02-14', '2026-02-28', '2026-05-09', '2026-09-20', '2026-10-10'],
    })
  })

  test('15 business days over the Spring Festival of 2026 take make-up days in', () => {
    // 9–13, the worked 14, 24–27, the worked 28, 2–5 March.
    expect(businessDaysLater('2026-02-08', 15, 'CN')).toMatchObject({ day: '2026-03-05', unpublished: [] })
  })

  test('a year that was not published has the holidays of the law alone, and says so', () => {
    expect(differing(2027, 'CN')).toEqual({
      // The Spring Festival: 5 February (eve, a Friday), 6 and 7 a weekend, 8.
      off: ['2027-01-01', '2027-02-05', '2027-02-08', '2027-04-05', '2027-06-09', '2027-09-15', '2027-10-01'],
      worked: [],
    })
    expect(businessDaysLater('2026-12-25', 5, 'CN')).toMatchObject({ day: '2027-01-04', unpublished: [2027] })
  })

  test('the lunar days are those of another calendar, a New Year near midnight apart', () => {
    const format = new Intl.DateTimeFormat('en-u-ca-chinese', { timeZone: 'UTC', month: 'numeric', day: 'numeric' })
    const lunar = (day: string): string => {
      const parts = format.formatToParts(dayOf(day))
      return parts.flatMap(({ type, value }) => (type === 'month' || type === 'day' ? [value] : [])).join('-')
    }
    const theirsAlone: string[] = []
    for (let year = 2027; year <= 2035; year++) {
      const { off } = unpublishedCnYear(year)
      const ours = off.slice(-6) // the eve, three days, the Dragon Boat, the Mid-Autumn
      const theirs = daysFrom(`${year}-01-01`, `${year}-12-31`).filter((day) => /^(1-1|5-5|8-15)$/.test(lunar(day)))
      expect(theirs).toHaveLength(3)
      theirsAlone.push(...theirs.filter((day) => ![ours[1], ours[4], ours[5]].includes(day)))
    }
    expect(theirsAlone).toEqual(['2027-02-07', '2030-02-02'])
    expect(unpublishedCnYear(2027).off).toContain('2027-02-05')
    expect(unpublishedCnYear(2036).off).toHaveLength(7)
  })

  test.each([
    [2026, '04-05'],
    [2027, '04-05'],
    [2028, '04-04'],
    [2029, '04-04'],
    [2030, '04-05'],
  ])('Qingming of %i is %s', (year, day) => {
    expect(unpublishedCnYear(year).off).toContain(`${year}-${day}`)
  })
})

describe('the United States', () => {
  test('2026 is as the federal calendar says', () => {
    expect(differing(2026, 'US')).toEqual({
      off: [
        '2026-01-01',
        '2026-01-19',
        '2026-02-16',
        '2026-05-25',
        '2026-06-19',
        '2026-07-03',
        '2026-09-07',
        '2026-10-12',
        '2026-11-11',
        '2026-11-26',
        '2026-12-25',
      ],
      worked: [],
    })
  })

  test('New Year’s Day on a Saturday is kept on 31 December, Christmas on a Sunday the day after', () => {
    expect(isBusinessDay('2021-12-31', 'US')).toBe(false)
    expect(isBusinessDay('2022-12-26', 'US')).toBe(false)
    expect(isBusinessDay('2023-01-02', 'US')).toBe(false)
  })

  test('10 business days over Thanksgiving', () => {
    expect(businessDaysLater('2026-11-23', 10, 'US').day).toBe('2026-12-08')
  })
})

test('a count never ends on a day off, takes more the more there are, and does not count its first day', () => {
  const day = fc.integer({ min: 0, max: 365 * 6 }).map((n) => daysFrom('2025-01-01', '2031-01-01')[n]!)
  fc.assert(
    fc.property(fc.constantFrom(...CALENDARS), day, fc.integer({ min: 1, max: 30 }), (calendar, from, n) => {
      const { day: end } = businessDaysLater(from, n, calendar)
      const counted = daysFrom(from, end).slice(1)
      expect(isBusinessDay(end, calendar)).toBe(true)
      expect(counted.filter((one) => isBusinessDay(one, calendar))).toHaveLength(n)
      expect(businessDaysLater(from, n + 1, calendar).day > end).toBe(true)
    }),
  )
})

test.each([
  ['2026-01-31', 1, '2026-02-28'],
  ['2028-01-31', 1, '2028-02-29'],
  ['2026-08-31', 1, '2026-09-30'],
  ['2026-03-05', 1, '2026-04-05'],
  ['2026-11-30', 3, '2027-02-28'],
  ['2026-12-15', 1, '2027-01-15'],
])('%s and %i months is %s', (from, months, to) => {
  expect(monthsLater(from, months)).toBe(to)
})
