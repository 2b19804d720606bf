import { dayLater, weekdayOf, type Year } from './days.ts'

const [SUNDAY, MONDAY, THURSDAY, SATURDAY] = [0, 1, 4, 6]

/** The eleven federal holidays of 5 U.S.C. § 6103, on the working day that they are kept on. */
export function usYear(year: number): Year {
  const kept = (monthDay: string): string => observed(`${year}-${monthDay}`)
  return {
    source: '5 U.S.C. § 6103, computed',
    off: [
      kept('01-01'),
      nth(year, 1, MONDAY, 3), // Martin Luther King
      nth(year, 2, MONDAY, 3), // Washington
      dayLater(nth(year, 6, MONDAY, 1), -7), // Memorial Day, the last Monday of May
      kept('06-19'),
      kept('07-04'),
      nth(year, 9, MONDAY, 1),
      nth(year, 10, MONDAY, 2),
      kept('11-11'),
      nth(year, 11, THURSDAY, 4),
      kept('12-25'),
      observed(`${year + 1}-01-01`), // a Saturday's is kept on 31 December
    ],
    worked: [],
  }
}

/** § 6103(b): a Saturday's holiday is kept the day before; a Sunday's the day after (E.O. 11582). */
function observed(day: string): string {
  if (weekdayOf(day) === SATURDAY) return dayLater(day, -1)
  return weekdayOf(day) === SUNDAY ? dayLater(day, 1) : day
}

/** The n-th such weekday of a month. */
function nth(year: number, month: number, weekday: number, n: number): string {
  const first = `${year}-${String(month).padStart(2, '0')}-01`
  return dayLater(first, ((weekday - weekdayOf(first) + 7) % 7) + (n - 1) * 7)
}
