import { isPast, type Module } from '../modules/module.ts'
import type { CompiledPolicy, FieldClass } from '../policy/compiled.ts'
import { cutoffsOf, previousCutoffs } from './cutoffs.ts'
import { dayOf, daysAfter, firstDayInUse, keptDays, shortenedBy, startOfDay, stepStart } from './due.ts'

export type Action = 'drop-partition' | 'delete' | 'shred' | 'restrict'
/** What a period is counted from. */
export type Anchor = 'event-time' | 'order-completion' | 'last-activity' | 'withdrawal' | 'received'

/** Rows of one store that are due, as SQL: the plan counts by it, the run takes by it, with the same parameters. */
export interface DueRows {
  /** As the plan, the metric and the audit log name it. */
  readonly class: string
  readonly action: Action
  readonly anchor: Anchor
  /** A table or view, with the alias that `where` uses. */
  readonly from: string
  readonly where: string
  readonly values: readonly (string | number | readonly number[])[]
  /** Day (a date) of a row's anchor. */
  readonly day: string
  /** How many rows of the store a row of `from` stands for; 1 where nothing is said. */
  readonly weight?: string
  /** Of the due rows those that the fuse minds: all but what falls due in this very step. All where nothing is said. */
  readonly unusual?: { readonly where: string; readonly values: readonly string[] }
  /** What of `from` is the store that the fuse takes its share of; all of it where nothing is said. */
  readonly store?: { readonly where: string; readonly values: readonly string[] }
  /** Who takes them; delivery takes what withdrawals ordered, in its own turn. */
  readonly taker: 'engine' | 'delivery'
  /** False where the rows are nobody's, or somebody's own wish. */
  readonly fused: boolean
  /** Parameters that move with the clock's seconds say nothing of what a plan means. */
  readonly fleeting: boolean
  readonly module?: Module
}

/** What a plan is made of. */
export interface Ruling {
  readonly policy: CompiledPolicy
  /** Every period that a class ever had, with the policy version that had it. */
  readonly history: ReadonlyMap<string, readonly Versioned[]>
  readonly modules: readonly Module[]
  /** Milliseconds since 1970. */
  readonly now: number
}

export interface Versioned {
  readonly version: number
  readonly period: FieldClass
}

const PURGE_MS = 60_000 // law 3: within 60 s
const PROBE_MS = 3_600_000

/** Every store whose rows go one by one, what is due of it first to last. Pure. */
export function rowStores(ruling: Ruling): DueRows[] {
  const { policy, now } = ruling
  const longest = Math.max(1, ...[...ruling.history.values()].flat().map(({ period }) => keptDays(period)))
  const inUse = [...policy.classes.values()].map((period) => firstDayInUse(period, now))
  return [
    ...[...policy.classes.values()].flatMap((period) => outlived(ruling, period)),
    probes(now),
    deadLetters(dayOf(Math.min(startOfDay(now), ...inUse))),
    withdrawals(now),
    ledger(dayOf(daysAfter(now, -policy.retention.ledgerDays))),
    idleDevices(dayOf(daysAfter(now, -policy.retention.idleDeviceDays))),
    // Past the longest period and what it is rounded up by, nobody's content can be left.
    idlePeople(dayOf(daysAfter(now, -longest - 62))),
    ...ruling.modules.flatMap((module) => moduleRows(ruling, module)),
  ]
}

const PLAIN = { taker: 'engine', fused: true, fleeting: false } as const

/**
 * Blobs that go one by one: those that were sealed for longer than the policy now allows, by the version that each was
 * sealed under; and, of a class that went from months to days, those whose day has come in a table that is not past.
 */
function outlived({ history, now }: Ruling, period: FieldClass): DueRows[] {
  const versions = history.get(period.name) ?? []
  const longer = versions.flatMap(({ version, period: then }) => {
    const shift = shortenedBy(period, then)
    return shift > 0 ? [{ version, shift }] : []
  })
  const byDay = versions.some(({ period: then }) => then.step === 'day') || period.step === 'day'
  const mixed = versions[0]?.period.step === 'month' && byDay // its tables keep the step of its first version
  if (longer.length === 0 && !mixed) return []
  const tomorrow = daysAfter(now, 1)
  return [
    {
      ...PLAIN,
      class: period.name,
      action: 'delete',
      anchor: anchorOf(period),
      from: 'weir.sealed s',
      where: `s.class_id = (select class_id from weir.field_class where name = $1)
        and (s.due between $5::date and $4::date or (s.due > $4::date and exists (
          select from weir.event_log e join unnest($2::integer[], $3::integer[]) as v (version, shift)
            on v.version = e.policy_version
          where e.pos = s.pos and s.due - v.shift <= $4::date)))`,
      values: [
        period.name,
        longer.map(({ version }) => version),
        longer.map(({ shift }) => shift),
        dayOf(now),
        dayOf(mixed ? stepStart('month', tomorrow) : tomorrow),
      ],
      day: `least(s.due - ${keptDays(period)}, '${dayOf(now)}'::date)`,
      store: { where: 's.class_id = (select class_id from weir.field_class where name = $1)', values: [period.name] },
    },
  ]
}

/** A statute counts from the order, what else is kept from the event. */
export function anchorOf(period: Pick<FieldClass, 'floorDays'>): Anchor {
  return period.floorDays === undefined ? 'event-time' : 'order-completion'
}

function probes(now: number): DueRows {
  return {
    class: 'flow-probe',
    action: 'delete',
    anchor: 'received',
    from: 'weir.event_log e',
    where: 'e.kind = 3 and e.received_at < $1::timestamptz',
    values: [new Date(now - PROBE_MS).toISOString()],
    day: 'e.at_day',
    taker: 'engine',
    fused: false,
    fleeting: true,
  }
}

/** A letter is of no use once the content that it refers to cannot be handed over any more. */
function deadLetters(before: string): DueRows {
  return {
    ...PLAIN,
    class: 'dead-letter',
    action: 'delete',
    anchor: 'event-time',
    from: 'weir.dead_letter d',
    where: 'd.at_day < $1::date',
    values: [before],
    day: 'd.at_day',
  }
}

function withdrawals(now: number): DueRows {
  return {
    class: 'withdrawal',
    action: 'delete',
    anchor: 'withdrawal',
    from: 'weir.purge p',
    where: 'p.requested_at < $1::timestamptz',
    values: [new Date(now - PURGE_MS).toISOString()],
    day: "(p.requested_at at time zone 'UTC')::date",
    taker: 'delivery',
    fused: false,
    fleeting: true,
  }
}

function ledger(before: string): DueRows {
  return {
    ...PLAIN,
    class: 'consent-ledger',
    action: 'delete',
    anchor: 'last-activity',
    from: 'weir.ledger_of_nobody l',
    where: 'l.last_at < $1::date',
    values: [before],
    day: "(l.last_at at time zone 'UTC')::date",
    weight: 'l.entries',
  }
}

const CHOSE_SINCE = `exists (select from weir.consent_ledger c where c.subject_id = s.subject_id and c.recorded_at >= $1::date)`

/** Devices that nobody has linked to a user, neither seen nor chosen for since. */
function idleDevices(before: string): DueRows {
  return {
    ...PLAIN,
    class: 'idle-device',
    action: 'shred',
    anchor: 'last-activity',
    from: 'weir.subject s',
    where: `s.kind = 'device' and s.seen_on < $1::date
      and not exists (select from weir.link l where l.device_id = s.subject_id) and not ${CHOSE_SINCE}`,
    values: [before],
    day: 's.seen_on',
  }
}

/**
 * Users, and devices that were linked to one, of whom no content can be left. A user stays while one of the devices
 * is seen: what the user refused holds for it.
 */
function idlePeople(before: string): DueRows {
  return {
    ...PLAIN,
    class: 'idle-person',
    action: 'shred',
    anchor: 'last-activity',
    from: 'weir.subject s',
    where: `s.seen_on < $1::date and not ${CHOSE_SINCE}
      and (s.kind = 'user' or exists (select from weir.link l where l.device_id = s.subject_id))
      and not exists (select from weir.link l join weir.subject d on d.subject_id = l.device_id
        where l.user_id = s.subject_id and d.seen_on >= $1::date)`,
    values: [before],
    day: 's.seen_on',
  }
}

function moduleRows({ policy, now }: Ruling, module: Module): DueRows[] {
  const cutoffs = cutoffsOf(policy, module, now)
  const before = previousCutoffs(policy, module, now)
  return module.keeps.map((kept) => ({
    ...PLAIN,
    class: `${module.name}.${kept.table}`,
    action: 'delete',
    anchor: 'event-time',
    from: `${module.name}.${kept.table} m`,
    where: isPast({ at: `m.${kept.at}` }, '$1'),
    values: [cutoffs[kept.table]!],
    day: `m.${kept.at}::date`,
    unusual: { where: isPast({ at: `m.${kept.at}` }, '$2'), values: [before[kept.table]!] },
    module,
  }))
}
