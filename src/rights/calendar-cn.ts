import { dayLater, daysFrom, type Year } from './days.ts'

/**
 * As the State Council's office arranges each year, weekends included: days off, and the weekend days that are worked for
 * them. A year is added when its notice is out, usually in November of the year before.
 */
export const CN_YEARS: Readonly<Record<number, Year>> = {
  2025: {
    source: '国办发明电〔2024〕12号, https://www.gov.cn/zhengce/content/202411/content_6986382.htm',
    off: [
      ...daysFrom('2025-01-01', '2025-01-01'),
      ...daysFrom('2025-01-28', '2025-02-04'),
      ...daysFrom('2025-04-04', '2025-04-06'),
      ...daysFrom('2025-05-01', '2025-05-05'),
      ...daysFrom('2025-05-31', '2025-06-02'),
      ...daysFrom('2025-10-01', '2025-10-08'),
    ],
    worked: ['2025-01-26', '2025-02-08', '2025-04-27', '2025-09-28', '2025-10-11'],
  },
  2026: {
    source: '国办发明电〔2025〕7号 of 2025-11-04, https://www.gov.cn/zhengce/content/202511/content_7047090.htm',
    off: [
      ...daysFrom('2026-01-01', '2026-01-03'),
      ...daysFrom('2026-02-15', '2026-02-23'),
      ...daysFrom('2026-04-04', '2026-04-06'),
      ...daysFrom('2026-05-01', '2026-05-05'),
      ...daysFrom('2026-06-19', '2026-06-21'),
      ...daysFrom('2026-09-25', '2026-09-27'),
      ...daysFrom('2026-10-01', '2026-10-07'),
    ],
    worked: ['2026-01-04', '2026-02-14', '2026-02-28', '2026-05-09', '2026-09-20', '2026-10-10'],
  },
}

/**
 * The Spring Festival's first day, the Dragon Boat and the Mid-Autumn, as almanacs have them. ICU's calendar is no source:
 * where the new moon is minutes from midnight in Beijing it has the New Year of 2027 a day late and that of 2030 a day early.
 */
const LUNAR: Readonly<Record<number, readonly [newYear: string, dragonBoat: string, midAutumn: string]>> = {
  2027: ['2027-02-06', '2027-06-09', '2027-09-15'],
  2028: ['2028-01-26', '2028-05-28', '2028-10-03'],
  2029: ['2029-02-13', '2029-06-16', '2029-09-22'],
  2030: ['2030-02-03', '2030-06-05', '2030-09-12'],
  2031: ['2031-01-23', '2031-06-24', '2031-10-01'],
  2032: ['2032-02-11', '2032-06-12', '2032-09-19'],
  2033: ['2033-01-31', '2033-06-01', '2033-09-08'],
  2034: ['2034-02-19', '2034-06-20', '2034-09-27'],
  2035: ['2035-02-08', '2035-06-10', '2035-09-16'],
}

/**
 * A year whose arrangement is not known here: the thirteen days that are holidays by law (State Council Decree 795, in
 * force since 2025), on their own dates; of years without an almanac here, those of the sun alone. Which weekends are
 * worked and which days are taken off around them only the notice says; neither is guessed.
 */
export function unpublishedCnYear(year: number): Year {
  const on = (monthDay: string): string => `${year}-${monthDay}`
  return {
    source: `${year} is not published: the holidays of Decree 795 on their own dates, without make-up days`,
    off: [
      on('01-01'),
      qingming(year),
      on('05-01'),
      on('05-02'),
      on('10-01'),
      on('10-02'),
      on('10-03'),
      ...lunarHolidays(year),
    ],
    worked: [],
  }
}

/** New Year's Eve and the first three days, the Dragon Boat, the Mid-Autumn. */
function lunarHolidays(year: number): string[] {
  const known = LUNAR[year]
  if (known === undefined) return []
  const [newYear, dragonBoat, midAutumn] = known
  return [...daysFrom(dayLater(newYear, -1), dayLater(newYear, 2)), dragonBoat, midAutumn]
}

/** The day on which the sun reaches 15°: 4 or 5 April, by the common rule for this century (0.2422 days a year more than 365). */
function qingming(year: number): string {
  const since = year - 2000
  const day = Math.floor(since * 0.2422 + 4.81) - Math.floor(since / 4)
  return `${year}-04-${String(day).padStart(2, '0')}`
}
