import type { Db } from '../db/pool.ts'
import { dayOf, daysAfter, dueOf, firstDayDueOn, lastDayDueOn, type Period, shortenedBy } from './due.ts'
import { PATIENT } from './partitions.ts'
import type { Ruling } from './stores.ts'

/** Blobs of a class that were sealed under one policy version and fall due on one day. Days are YYYY-MM-DD, UTC. */
export interface Sealed {
  readonly class: string
  /** Null where their log rows are gone. */
  readonly version: number | null
  readonly due: string
  /** The first and the last day on which their events were received; null where the log rows are gone. */
  readonly received: { readonly first: string; readonly last: string } | null
}

interface Where {
  readonly where: string
  readonly values: readonly unknown[]
}

/** What is stored of blobs without opening any: `where` is over weir.sealed as `s`. Reads every row that it names. */
export async function readSealed(db: Db, { where, values }: Where): Promise<Sealed[]> {
  const { rows } = await db.$client.query<Omit<Sealed, 'received'> & { first: string | null; last: string | null }>({
    text: `select f.name as class, g.version, g.due::text as due, g.first::text as first, g.last::text as last
      from (select s.class_id, e.policy_version as version, s.due, min(e.at_day) as first, max(e.at_day) as last
        from weir.sealed s left join weir.event_log e on e.pos = s.pos
        where ${where} group by s.class_id, e.policy_version, s.due) g
      join weir.field_class f on f.class_id = g.class_id`,
    values: [...values],
    ...PATIENT,
  })
  return rows.map(({ first, last, ...rest }) => ({
    ...rest,
    received: first === null || last === null ? null : { first, last },
  }))
}

/**
 * The day of the oldest event among them, as milliseconds, as far as it is known without opening one: the day of its
 * receipt where its due day says that it may have happened then; of what came late the first day that is possible.
 */
export function oldestDay(ruling: Ruling, sealed: Sealed): number {
  const period = sealedUnder(ruling, sealed)
  if (period === undefined) return Math.min(Date.parse(sealed.due), ruling.now)
  const due = Date.parse(sealed.due)
  const earliest = firstDayDueOn(period, due)
  const { received } = sealed
  if (received === null || Date.parse(received.last) > lastDayDueOn(period, due)) return Math.min(earliest, ruling.now)
  return Math.min(Math.max(earliest, Date.parse(received.first)), ruling.now)
}

/**
 * When they ought to be gone, as milliseconds: on the due day that they have, or should have by the day they were received
 * on; earlier where the class has been shortened since they were sealed.
 */
export function endOf(ruling: Ruling, sealed: Sealed): number {
  const period = sealedUnder(ruling, sealed)
  const stored = Date.parse(sealed.due)
  if (period === undefined) return stored
  // Whatever was received on a day happened by then; a client's clock may be minutes ahead of ours.
  const latest = sealed.received === null ? undefined : daysAfter(Date.parse(sealed.received.first), 1)
  const due = latest === undefined ? stored : Math.min(stored, dueOf(period, latest))
  const now = ruling.policy.classes.get(sealed.class)
  if (now === undefined || sealed.version === null) return due
  return daysAfter(due, -Math.max(0, shortenedBy(now, period)))
}

/** The period of the version that they were sealed under; of those that nobody knows that of today. */
function sealedUnder({ policy, history }: Ruling, { class: name, version }: Sealed): Period | undefined {
  const versions = history.get(name) ?? []
  return versions.find((one) => one.version === version)?.period ?? policy.classes.get(name) ?? versions.at(-1)?.period
}

/** The oldest of several, YYYY-MM-DD; null where there are none. */
export function oldestOfAll(ruling: Ruling, all: readonly Sealed[]): string | null {
  return all.length === 0 ? null : dayOf(Math.min(...all.map((one) => oldestDay(ruling, one))))
}
