import { daysLater, localTime } from '../incidents/zone.ts'
import { businessDaysLater } from './calendars.ts'
import { daysBetween, monthsLater } from './days.ts'
import { DEADLINES, type Deadline, REGIMES, type Regime, TARGET_DAYS, type Term } from './regimes.ts'
import type { Right } from './request.ts'

/** What a due date depends on, and nothing else: neither the request's state, nor how often it was tried, nor today. */
export interface Asked {
  readonly right: Right
  readonly regime: string
  /** When the person asked, by whichever way, milliseconds since 1970. */
  readonly receivedAt: number
  /** Where our own promise counts days; the law's are counted where the law is. UTC where nothing is said. */
  readonly zone?: string
}

/** A date and all that it rests on. Times in milliseconds since 1970. */
export interface DueClock {
  readonly deadline: Deadline
  readonly startsAt: number
  /** Undefined where the law says promptly. */
  readonly dueAt: number | undefined
  /** The same as it is read in the law's place. */
  readonly dueLocal: string | undefined
  /** The latest that an extension can reach; undefined where there is none. */
  readonly extensibleTo: number | undefined
  /** Where the calendar of business days is from. */
  readonly calendarSources: readonly string[]
  /** Years of it that were not published. */
  readonly unpublished: readonly number[]
}

export interface Due {
  readonly targetAt: number
  readonly legalDueAt?: number
  readonly acknowledgeBy?: number
  readonly because: readonly DueClock[]
}

/**
 * When a request is due. The hour of the day is that of the request, although laws give the whole last day: so it is
 * never late, wherever the person is. Pure, and the same for the same request for ever.
 */
export function dueOf(asked: Asked): Due {
  const because = DEADLINES.filter(({ regime, rights }) => regime === asked.regime && rights.includes(asked.right)).map(
    (deadline) => clockOf(deadline, asked.receivedAt),
  )
  const legalDueAt = earliest(because, 'answer')
  const acknowledgeBy = earliest(because, 'acknowledge')
  return {
    targetAt: daysLater(asked.receivedAt, TARGET_DAYS, asked.zone ?? 'UTC'),
    ...(legalDueAt === undefined ? {} : { legalDueAt }),
    ...(acknowledgeBy === undefined ? {} : { acknowledgeBy }),
    because,
  }
}

/** The same request under every regime: what would change if the person turned out to live elsewhere. */
export function dueUnderAll(receivedAt: number, right: Right, zone?: string): ReadonlyMap<Regime, Due> {
  const where = zone === undefined ? {} : { zone }
  return new Map(REGIMES.map((regime) => [regime, dueOf({ right, regime, receivedAt, ...where })]))
}

/** What an extension is decided by. Times in milliseconds since 1970. */
export interface Extending extends Asked {
  readonly targetAt: number
  readonly legalDueAt: number | undefined
  readonly extendedUntil: number | undefined
  /** The end that is asked for; the latest that the law allows where it is left out. */
  readonly until?: number
  readonly now: number
}

/** An extension, or why there is none: a code of the problem document. */
export type Extended =
  | { readonly until: number; readonly article: string }
  | { readonly obstacle: 'not-extensible' | 'extended-already' | 'deadline-over' | 'extension-too-long' }

/**
 * Decided by a person, for a reason: once, before the first term is over, within what the law allows. Where the law has no
 * number our own promise is the first term.
 */
export function extend({ until, now, ...request }: Extending): Extended {
  if (request.extendedUntil !== undefined) return { obstacle: 'extended-already' }
  const clock = dueOf(request).because.find(({ extensibleTo }) => extensibleTo !== undefined)
  const end = request.legalDueAt ?? request.targetAt
  if (clock?.extensibleTo === undefined || clock.extensibleTo <= end) return { obstacle: 'not-extensible' }
  if (now >= end) return { obstacle: 'deadline-over' }
  const wanted = until ?? clock.extensibleTo
  if (wanted <= end || wanted > clock.extensibleTo) return { obstacle: 'extension-too-long' }
  return { until: wanted, article: clock.deadline.extension!.article }
}

/** The end that alarms count to: the extended one, else our own promise, which is never later than the law's. */
export function endOf({
  targetAt,
  legalDueAt,
  extendedUntil,
}: {
  readonly targetAt: number
  readonly legalDueAt: number | undefined
  readonly extendedUntil: number | undefined
}): number {
  return extendedUntil ?? Math.min(targetAt, legalDueAt ?? targetAt)
}

function clockOf(deadline: Deadline, receivedAt: number): DueClock {
  const { term, zone, extension } = deadline
  const own = reach(receivedAt, term, zone)
  return {
    deadline,
    startsAt: receivedAt,
    dueAt: own?.at,
    dueLocal: own === undefined ? undefined : localTime(own.at, zone),
    extensibleTo: extension && reach(receivedAt, extension.atMost, zone)?.at,
    calendarSources: own?.sources ?? [],
    unpublished: own?.unpublished ?? [],
  }
}

interface Reached {
  readonly at: number
  readonly sources: readonly string[]
  readonly unpublished: readonly number[]
}

function reach(from: number, term: Term, zone: string): Reached | undefined {
  if ('promptly' in term) return undefined
  const day = localTime(from, zone).slice(0, 10)
  if ('businessDays' in term) {
    const counted = businessDaysLater(day, term.businessDays, term.calendar)
    return { ...counted, at: daysLater(from, daysBetween(day, counted.day), zone) }
  }
  const days = 'months' in term ? daysBetween(day, monthsLater(day, term.months)) : term.days
  return { at: daysLater(from, days, zone), sources: [], unpublished: [] }
}

function earliest(clocks: readonly DueClock[], duty: Deadline['duty']): number | undefined {
  const times = clocks.flatMap(({ deadline, dueAt }) =>
    deadline.duty === duty && deadline.force === 'law' && dueAt !== undefined ? [dueAt] : [],
  )
  return times.length === 0 ? undefined : Math.min(...times)
}
