import { dayLater, dayOf, daysFrom, type Year } from './days.ts'

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
 * A year whose arrangement is not known here: the thirteen days that are holidays by law (State Council Decree 795, in
 * force since 2025), on their own dates. Which weekends are worked and which days are taken off around them only the
 * notice says; neither is guessed.
 */
export function unpublishedCnYear(year: number): Year {
  const lunar = lunarHolidays(year)
  const on = (monthDay: string): string => `${year}-${monthDay}`
  return {
    source: 'not published: the holidays of Decree 795 on their own dates, without make-up days',
    off: [on('01-01'), qingming(year), on('05-01'), on('05-02'), ...lunar, on('10-01'), on('10-02'), on('10-03')],
    worked: [],
  }
}

/** New Year's Eve and the first three days, the Dragon Boat, the Mid-Autumn: found in ICU's calendar, day by day. */
function lunarHolidays(year: number): string[] {
  const days = daysFrom(`${year}-01-01`, `${year}-12-31`)
  const found = (month: number, day: number): string => days.find((one) => isLunar(one, month, day))!
  const newYear = found(1, 1)
  return [dayLater(newYear, -1), newYear, dayLater(newYear, 1), dayLater(newYear, 2), found(5, 5), found(8, 15)]
}

const lunarFormat = new Intl.DateTimeFormat('en-u-ca-chinese', { timeZone: 'UTC', month: 'numeric', day: 'numeric' })

/** A leap month is written `5bis` and is no fifth month. */
function isLunar(day: string, month: number, dayOfMonth: number): boolean {
  const parts = lunarFormat.formatToParts(dayOf(day))
  const of = (type: string): string => parts.find((part) => part.type === type)!.value
  return of('month') === String(month) && of('day') === String(dayOfMonth)
}

/** The day on which the sun reaches 15°: 4 or 5 April, by the common rule for this century (0.2422 days a year more than 365). */
function qingming(year: number): string {
  const since = year - 2000
  const day = Math.floor(since * 0.2422 + 4.81) - Math.floor(since / 4)
  return `${year}-04-${String(day).padStart(2, '0')}`
}
