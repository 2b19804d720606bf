import { CN_YEARS, unpublishedCnYear } from './calendar-cn.ts'
import { usYear } from './calendar-us.ts'
import { dayLater, weekdayOf, type Year } from './days.ts'

export const CALENDARS = ['CN', 'US'] as const
export type Calendar = (typeof CALENDARS)[number]

/** Where a count of business days ended, and on what it rests. */
export interface Counted {
  readonly day: string
  /** Where each of the years that it went through comes from. */
  readonly sources: readonly string[]
  /** Years whose arrangement was not known: it may change when they are published. What was promised meanwhile does not. */
  readonly unpublished: readonly number[]
}

interface KnownYear extends Year {
  readonly published: boolean
}

export function isBusinessDay(day: string, calendar: Calendar): boolean {
  const { off, worked } = yearOf(Number(day.slice(0, 4)), calendar)
  if (worked.includes(day)) return true
  const weekday = weekdayOf(day)
  return weekday !== 0 && weekday !== 6 && !off.includes(day)
}

/** The n-th business day after that day, which itself never counts. */
export function businessDaysLater(from: string, n: number, calendar: Calendar): Counted {
  let day = from
  const years = new Set<number>()
  for (let left = n; left > 0; ) {
    day = dayLater(day, 1)
    years.add(Number(day.slice(0, 4)))
    if (isBusinessDay(day, calendar)) left -= 1
  }
  const through = [...years].map((year) => ({ year, ...yearOf(year, calendar) }))
  return {
    day,
    sources: [...new Set(through.map(({ source }) => source))],
    unpublished: through.flatMap(({ year, published }) => (published ? [] : [year])),
  }
}

const known = new Map<string, KnownYear>()

function yearOf(year: number, calendar: Calendar): KnownYear {
  const key = `${calendar}${year}`
  const found = known.get(key) ?? makeYear(year, calendar)
  known.set(key, found)
  return found
}

function makeYear(year: number, calendar: Calendar): KnownYear {
  switch (calendar) {
    case 'US':
      return { ...usYear(year), published: true }
    case 'CN':
      return { ...(CN_YEARS[year] ?? unpublishedCnYear(year)), published: year in CN_YEARS }
    default:
      return calendar satisfies never
  }
}
