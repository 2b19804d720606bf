import type { KeyObject } from 'node:crypto'
import type { JsonObject } from '../event/event.ts'
import type { Law } from '../policy/compiled.ts'
import { type Clock, clocksOf, nextDue } from './clocks.ts'
import { countsOf, type Incident, type TimelineEvent } from './incident.ts'
import { openNote } from './seal.ts'

/** The clocks of a file, by its newest counts. */
export function clocksIn(incident: Incident, laws: readonly Law[], now: number): Clock[] {
  const { knownAt, critical, highRisk, events } = incident
  const told = events.flatMap(({ law, whom, toldAt }) =>
    law === undefined || whom === undefined || toldAt === undefined ? [] : [{ law, whom, at: toldAt }],
  )
  return clocksOf({ laws, knownAt, critical, highRisk, counts: countsOf(incident), told }, now)
}

export interface ViewDeps {
  readonly laws: readonly Law[]
  /** Milliseconds since 1970. */
  readonly now: number
}

/** A file as lists show it. */
export function summaryOf(incident: Incident, { laws, now }: ViewDeps): JsonObject {
  const { id, number, scope, closedAt } = incident
  const due = closedAt === undefined ? nextDue(clocksIn(incident, laws, now)) : undefined
  return {
    id,
    number: Number(number),
    state: closedAt === undefined ? 'open' : 'closed',
    caseId: incident.caseId,
    scope: { kind: scope.kind, target: scope.target, from: iso(scope.from), to: iso(scope.to) },
    knownAt: iso(incident.knownAt),
    critical: incident.critical,
    highRisk: incident.highRisk,
    openedBy: incident.openedBy,
    openedAt: iso(incident.openedAt),
    closedAt: iso(closedAt),
    keptUntil: closedAt === undefined ? null : threeYearsAfter(closedAt),
    people: countsOf(incident).people,
    nextDue: iso(due),
  }
}

/** The whole file: counts, clocks, timeline with the notes opened. */
export function viewOf(incident: Incident, deps: ViewDeps & { readonly tokenKey: KeyObject }): JsonObject {
  return {
    ...summaryOf(incident, deps),
    counts: countsOf(incident) as unknown as JsonObject, // JSON by its own name
    clocks: clocksIn(incident, deps.laws, deps.now).map((clock) => clockView(clock)),
    timeline: incident.events.map((event) => eventView(deps.tokenKey, incident.id, event)),
  }
}

function clockView({ clock, ...one }: Clock): JsonObject {
  return {
    id: clock.id,
    law: clock.law,
    jurisdiction: one.jurisdiction,
    whom: clock.whom,
    authority: clock.authority,
    term: { ...one.term },
    applies: one.applies,
    condition: clock.condition,
    threshold: clock.threshold ?? null,
    startsAt: iso(one.startsAt),
    dueAt: iso(one.dueAt),
    dueLocal: one.dueLocal ?? null,
    zone: clock.zone,
    toldAt: iso(one.toldAt),
    state: one.state,
    warnedAt: one.warnedAt ?? null,
    article: clock.article,
    source: clock.source,
    sourceDate: clock.sourceDate,
    confidence: clock.confidence,
    assumption: clock.assumption,
  }
}

function eventView(tokenKey: KeyObject, incident: string, event: TimelineEvent): JsonObject {
  const { seq, at, by, kind, law, whom, toldAt, counts, sealedNote } = event
  return {
    seq,
    at: iso(at),
    by,
    kind,
    ...(law === undefined ? {} : { law }),
    ...(whom === undefined ? {} : { to: whom }),
    ...(toldAt === undefined ? {} : { toldAt: iso(toldAt) }),
    ...(counts === undefined ? {} : { counts: counts as unknown as JsonObject }),
    ...(sealedNote === undefined ? {} : { note: openNote(tokenKey, incident, seq, sealedNote) }),
  }
}

function iso(ms: number): string
function iso(ms: number | undefined): string | null
function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}

/** As Postgres adds an interval: the same day three years on, the 28th for a 29th of February. */
function threeYearsAfter(ms: number): string {
  const then = new Date(ms)
  const day = then.getUTCDate()
  then.setUTCFullYear(then.getUTCFullYear() + 3)
  if (then.getUTCDate() !== day) then.setUTCDate(0)
  return then.toISOString()
}
