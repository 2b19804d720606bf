import { periodsOfTable } from './cutoffs.ts'
import { daysAfter, endOfUse, keptDays } from './due.ts'
import type { Action, Ruling } from './stores.ts'

/** Rows that are not sealed content, by the oldest of them. */
export interface Store {
  readonly class: string
  readonly action: Action
  /** A query of one row, `day`: the oldest anchor, as text; its time of day counts where it has one. */
  readonly query: string
  /** When a row of that anchor ought to have been gone. */
  readonly due: (anchor: number) => number
}

/** Stores of the gateway itself. Pure. */
export function plainStores({ policy, history }: Ruling): Store[] {
  const periods = [...policy.classes.values()]
  const longest = Math.max(1, ...[...history.values()].flat().map(({ period }) => keptDays(period)))
  const { ledgerDays, idleDeviceDays } = policy.retention
  return [
    {
      class: 'flow-probe',
      action: 'delete',
      query: `select min(received_at)::text as day from weir.event_log where kind = 3`,
      due: (at) => at + 3_600_000,
    },
    {
      class: 'dead-letter',
      action: 'delete',
      query: 'select min(at_day)::text as day from weir.dead_letter',
      due: (at) => Math.max(at, ...periods.map((period) => endOfUse(period, at))),
    },
    {
      class: 'withdrawal',
      action: 'delete',
      query: 'select min(requested_at)::text as day from weir.purge',
      due: (at) => at + 60_000,
    },
    {
      class: 'consent-ledger',
      action: 'delete',
      query: `select min(newest)::text as day from (
        select max(recorded_at) as newest from weir.consent_ledger c
        where not exists (select from weir.subject s where s.subject_id = c.subject_id) group by subject_id) nobody`,
      due: (at) => daysAfter(at, ledgerDays + 1),
    },
    {
      class: 'idle-device',
      action: 'shred',
      query: IDLE_SINCE(UNKNOWN),
      due: (at) => daysAfter(at, idleDeviceDays + 1),
    },
    { class: 'idle-person', action: 'shred', query: IDLE_SINCE(KNOWN), due: (at) => daysAfter(at, longest + 63) },
  ]
}

const UNKNOWN = `s.kind = 'device' and not exists (select from weir.link l where l.device_id = s.subject_id)`
const KNOWN = `(s.kind = 'user' or exists (select from weir.link l where l.device_id = s.subject_id))`

/** The longest idle subject: neither it, nor a device of its own, was seen or chose since. */
const IDLE_SINCE = (which: string): string => `select min(greatest(s.seen_on,
    (select max(c.recorded_at)::date from weir.consent_ledger c where c.subject_id = s.subject_id),
    (select max(d.seen_on) from weir.link l join weir.subject d on d.subject_id = l.device_id where l.user_id = s.subject_id)
  ))::text as day from weir.subject s where ${which}`

/** Every table that a module reads from events. Pure. */
export function moduleStores({ policy, modules, now }: Ruling): Store[] {
  return modules.flatMap((module) =>
    module.keeps.map((kept): Store => {
      const periods = periodsOfTable(policy, module.name, kept)
      return {
        class: `${module.name}.${kept.table}`,
        action: 'delete',
        query: `select min(${kept.at})::date::text as day from ${module.name}.${kept.table}`,
        // Of no class any more: nothing of it ought to be there.
        due: (at) =>
          periods.length === 0 ? Math.min(now, at) : Math.min(...periods.map((period) => endOfUse(period, at))),
      }
    }),
  )
}
