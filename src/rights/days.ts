/** What differs in a year from Monday to Friday. Days are YYYY-MM-DD. */
export interface Year {
  readonly source: string
  readonly off: readonly string[]
  /** Weekend days that are worked all the same (调休). */
  readonly worked: readonly string[]
}

const DAY_MS = 86_400_000

/** Milliseconds since 1970 of a civil day's UTC midnight: for counting days, not for telling time. */
export function dayOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`)
}

/** YYYY-MM-DD, so many days later or, below 0, earlier. */
export function dayLater(day: string, days: number): string {
  return new Date(dayOf(day) + days * DAY_MS).toISOString().slice(0, 10)
}

/** Days from one to the other. */
export function daysBetween(from: string, to: string): number {
  return Math.round((dayOf(to) - dayOf(from)) / DAY_MS)
}

/** Every day from one to the other, both included. */
export function daysFrom(from: string, to: string): string[] {
  return Array.from({ length: daysBetween(from, to) + 1 }, (_, i) => dayLater(from, i))
}

/** 0: Sunday. */
export function weekdayOf(day: string): number {
  return new Date(dayOf(day)).getUTCDay()
}

/** The same day so many months later, or the month's last where it has no such day (Regulation 1182/71 art. 3(2)(c)). */
export function monthsLater(day: string, months: number): string {
  const [year, month, dayOfMonth] = day.split('-').map(Number) as [number, number, number]
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate()
  return new Date(Date.UTC(year, month - 1 + months, Math.min(dayOfMonth, last))).toISOString().slice(0, 10)
}
