import type { FieldClass } from '../policy/compiled.ts'
import { stepOf } from '../policy/partitions.ts'

const DAY_MS = 86_400_000

/** A period of a class: what due days are computed from. */
export type Period = Pick<FieldClass, 'retainDays' | 'step' | 'floorDays'>

/** Days for which content of a class is kept in all: in use, and then under restriction where a statute says so. */
export function keptDays({ retainDays, floorDays }: Pick<Period, 'retainDays' | 'floorDays'>): number {
  return Math.max(retainDays, floorDays ?? 0)
}

/**
 * The day on which a blob of this class falls due, as milliseconds of its midnight UTC: the start of the partition
 * that is dropped then. Without a statutory floor it is rounded down, so that a blob is gone early by at most a
 * step and never late; with a floor (say E-commerce Law art. 31) it is rounded up to the end of the step, so that
 * the floor is met too.
 */
export function dueOf(period: Period, occurredAt: number): number {
  const exact = startOfDay(occurredAt) + keptDays(period) * DAY_MS
  return period.floorDays === undefined ? stepStart(period.step, exact) : nextStep(period.step, exact)
}

/**
 * The day from which nothing of it is opened for anybody, as milliseconds of its midnight UTC. Without a floor that is
 * the day it is dropped; with one the rest of the time is restriction (PIPL art. 47, GDPR art. 18): kept, not used.
 */
export function endOfUse(period: Period, occurredAt: number): number {
  return stepStart(useStep(period), startOfDay(occurredAt) + period.retainDays * DAY_MS)
}

/** True where a blob of this class is past its use already: it must not be stored at all, and nobody is handed it. */
export function isExpired(period: Period, occurredAt: number, now: number): boolean {
  return endOfUse(period, occurredAt) <= startOfDay(now)
}

/** The first day whose events are in use still; what modules read from those before is to go. */
export function firstDayInUse(period: Period, now: number): number {
  return nextStep(useStep(period), startOfDay(now)) - period.retainDays * DAY_MS
}

/** The last day whose events can lie in the partition that falls due on `due`. */
export function lastDayDueOn(period: Period, due: number): number {
  const end = period.floorDays === undefined ? nextStep(period.step, due) : due
  return end - DAY_MS - keptDays(period) * DAY_MS
}

/** The first day whose events can lie in the partition that falls due on `due`. */
export function firstDayDueOn(period: Period, due: number): number {
  const began = period.floorDays === undefined ? due : stepStart(period.step, due - DAY_MS)
  return began - keptDays(period) * DAY_MS
}

/**
 * By how many days what was sealed under another period of the class ends before its own due day; where that is not
 * above 0 its own day holds. The event's day is known to the step only: the first that it can be counts, so that it is
 * gone early rather than late; the last where a statute says how long.
 */
export function shortenedBy(period: Period, sealedUnder: Period): number {
  const days = keptDays(sealedUnder) - keptDays(period)
  const stepDays = sealedUnder.step === 'day' ? 1 : 31
  if (period.floorDays === undefined) return sealedUnder.floorDays === undefined ? days : days + stepDays
  return sealedUnder.floorDays === undefined ? days - stepDays : days
}

/** True where all that can lie in a partition is past its use, and kept because a statute says so alone. */
export function isRestricted(period: Period, due: number, now: number): boolean {
  return period.floorDays !== undefined && isExpired(period, lastDayDueOn(period, due), now)
}

/**
 * The day on which a table of a class under a floor is closed: from then on nothing that can lie in it is in use, under
 * whichever of the class's periods it was sealed. `lastDue` is the last due day that lies in it.
 */
export function closedFrom(period: Period, all: readonly Period[], lastDue: number): number {
  return endOfUse(period, Math.max(...[period, ...all].map((one) => lastDayDueOn(one, lastDue))))
}

/** The day on which nothing can be left of what happened on a day, whatever its class. */
export function endOfAll(periods: readonly Period[], day: number): number {
  return Math.max(day, ...periods.map((period) => dueOf(period, day)))
}

/** Midnight UTC of the day. */
export function startOfDay(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS
}

/** YYYY-MM-DD, UTC. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** The midnight, so many days later. */
export function daysAfter(ms: number, days: number): number {
  return startOfDay(ms) + days * DAY_MS
}

/** Where the step begins that a day is in. */
export function stepStart(step: FieldClass['step'], ms: number): number {
  if (step === 'day') return startOfDay(ms)
  const date = new Date(ms)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
}

/** Use ends by the day where it is short, though what a statute keeps lies in partitions by the month. */
function useStep({ retainDays, step }: Period): FieldClass['step'] {
  return step === 'day' ? 'day' : stepOf(retainDays)
}

function nextStep(step: FieldClass['step'], ms: number): number {
  if (step === 'day') return startOfDay(ms) + DAY_MS
  const date = new Date(ms)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
}
