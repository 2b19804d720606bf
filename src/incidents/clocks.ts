import type { Law } from '../policy/compiled.ts'
import type { Counts, Whom } from './incident.ts'
import { LAW_CLOCKS, type LawClock, type Term } from './law-clocks.ts'
import { JURISDICTION } from './places.ts'
import { daysLater, localTime } from './zone.ts'

/** `no`: nobody under this law is touched, or it counts from what has not happened. `to-check`: it runs until counsel says no. */
export type Applies = 'yes' | 'to-check' | 'no'
export type ClockState = 'running' | 'warned' | 'met' | 'missed'

/** A law's clock in one incident. Times in milliseconds since 1970. */
export interface Clock {
  readonly clock: LawClock
  readonly jurisdiction: string
  readonly term: Term
  readonly applies: Applies
  /** Undefined where its start has not come. */
  readonly startsAt: number | undefined
  /** Undefined where the law names no number, or it has not started. Never moved: extensions are for people to ask for. */
  readonly dueAt: number | undefined
  /** The due time as it is read in the law's place. */
  readonly dueLocal: string | undefined
  readonly toldAt: number | undefined
  readonly state: ClockState
  /** Percent of its time that was announced as used up: 50, then 80. */
  readonly warnedAt: 50 | 80 | undefined
}

export interface ClockFacts {
  readonly laws: readonly Law[]
  readonly knownAt: number
  readonly critical: boolean
  readonly highRisk: boolean
  readonly counts: Pick<Counts, 'laws' | 'erased' | 'officers'>
  /** Who was told when, of each law the first time. */
  readonly told: readonly { readonly law: Law; readonly whom: Whom; readonly at: number }[]
}

/** Every clock of the policy's laws, as it stands now: those with a due time first, the next one first. Pure. */
export function clocksOf(facts: ClockFacts, now: number): Clock[] {
  return LAW_CLOCKS.filter(({ law }) => facts.laws.includes(law))
    .map((clock) => clockOf(clock, facts, now))
    .sort((a, b) => (a.dueAt ?? Number.POSITIVE_INFINITY) - (b.dueAt ?? Number.POSITIVE_INFINITY) || 0)
}

/** The time by which the next of them wants somebody told; undefined where none with a number still waits. */
export function nextDue(clocks: readonly Clock[]): number | undefined {
  const waiting = clocks.flatMap(({ applies, toldAt, dueAt }) =>
    applies === 'no' || toldAt !== undefined || dueAt === undefined ? [] : [dueAt],
  )
  return waiting.length === 0 ? undefined : Math.min(...waiting)
}

/** Those that bind, or may, and of which nobody was told. */
export function unmet(clocks: readonly Clock[]): Clock[] {
  return clocks.filter(({ applies, toldAt }) => applies !== 'no' && toldAt === undefined)
}

function clockOf(clock: LawClock, facts: ClockFacts, now: number): Clock {
  const told = (whom: Whom): number | undefined => firstTold(facts, clock.law, whom)
  const startsAt = clock.startsWhen === 'known' ? facts.knownAt : told('people')
  const term = (facts.critical ? clock.criticalTerm : undefined) ?? clock.term
  const dueAt = startsAt === undefined ? undefined : dueOf(startsAt, term, clock.zone)
  const toldAt = told(clock.whom)
  return {
    clock,
    jurisdiction: JURISDICTION[clock.law],
    term,
    applies: startsAt === undefined ? 'no' : appliesTo(clock, facts),
    startsAt,
    dueAt,
    dueLocal: dueAt === undefined ? undefined : localTime(dueAt, clock.zone),
    toldAt,
    ...stateOf({ startsAt, dueAt, toldAt }, now),
  }
}

function firstTold({ told }: ClockFacts, law: Law, whom: Whom): number | undefined {
  const times = told.flatMap((one) => (one.law === law && one.whom === whom ? [one.at] : []))
  return times.length === 0 ? undefined : Math.min(...times)
}

/** When a term ends that begins at `from`. */
export function dueOf(from: number, term: Term, zone: string): number | undefined {
  if ('hours' in term) return from + term.hours * 3_600_000
  if ('days' in term) return daysLater(from, term.days, zone)
  return undefined
}

/** Who is nowhere known is under every law: a clock is off only where everybody is known to be elsewhere. */
function appliesTo({ law, condition, threshold }: LawClock, { counts, highRisk }: ClockFacts): Applies {
  const { known = 0, unknown = 0 } = counts.laws[law] ?? {}
  if (known + unknown === 0) return mayTouchOthers(counts) ? 'to-check' : 'no'
  switch (condition) {
    case 'always':
      return known > 0 ? 'yes' : 'to-check'
    case 'larger':
    case 'many-told':
      return known >= threshold! ? 'yes' : 'to-check'
    case 'risk':
      return known > 0 ? 'yes' : 'to-check'
    case 'high-risk':
      return highRisk && known > 0 ? 'yes' : 'to-check'
    default:
      return condition satisfies never
  }
}

/** Whoever was erased since, and officers, are people too: where they are is not known here. */
function mayTouchOthers({ erased, officers = 0 }: ClockFacts['counts']): boolean {
  return erased.people !== 0 || erased.records > 0 || officers > 0
}

const WARNINGS = [80, 50] as const

function stateOf(
  { startsAt, dueAt, toldAt }: Pick<Clock, 'startsAt' | 'dueAt' | 'toldAt'>,
  now: number,
): Pick<Clock, 'state' | 'warnedAt'> {
  const at = toldAt ?? now
  const used =
    startsAt === undefined || dueAt === undefined ? 0 : ((at - startsAt) * 100) / Math.max(1, dueAt - startsAt)
  const warnedAt = WARNINGS.find((percent) => used >= percent)
  if (used > 100) return { state: 'missed', warnedAt }
  if (toldAt !== undefined) return { state: 'met', warnedAt }
  return { state: warnedAt === undefined ? 'running' : 'warned', warnedAt }
}
