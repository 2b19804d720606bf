import type { Db } from '../db/pool.ts'
import type { FieldClass } from '../policy/compiled.ts'
import { moduleStores, plainStores, type Store } from './drift-stores.ts'
import { closedFrom, dayOf, daysAfter, endOfAll, keptDays, shortenedBy } from './due.ts'
import { endOf, oldestDay, readSealed } from './evidence.ts'
import { LOG_CLASS, lastDueDay, namedDay, periodsOf } from './partition-work.ts'
import { listPartitions, PATIENT, type Partition, spanOf } from './partitions.ts'
import type { Action, Ruling } from './stores.ts'

/** How late the oldest row of a store is. Read from the rows themselves: the planner's predicates have no part in it. */
export interface Lateness {
  readonly class: string
  readonly action: Action
  /** The day (YYYY-MM-DD, UTC) of its anchor, or that it can be of at the latest; null where the store is empty. */
  readonly oldest: string | null
  /** When it ought to have been gone; null where the store is empty. */
  readonly due: string | null
  /** Seconds since then; 0 where it is not due. */
  readonly overdueSeconds: number
}

export interface DriftOptions {
  /**
   * Reads every blob's due day, receipt and policy version rather than the bounds that Postgres holds them in: a full
   * scan. Otherwise only of classes that were shortened, for bounds say nothing of what was sealed for longer.
   */
  readonly thorough: boolean
}

/** Housekeeping runs every hour: what is later than two rounds is not on its way. */
const GRACE_SECONDS = 7_200

/** What is older than the policy allows. Of a withdrawal no second more than its minute is allowed. */
export function violationsOf(all: readonly Lateness[]): Lateness[] {
  return all.filter((one) => one.overdueSeconds > (one.class === 'withdrawal' ? 0 : GRACE_SECONDS))
}

/** Every store of personal data, with how late its oldest row is. */
export async function measureDrift(db: Db, ruling: Ruling, options: DriftOptions): Promise<Lateness[]> {
  const partitions = await listPartitions(db)
  const names = new Set([...ruling.policy.classes.keys(), ...partitions.flatMap((one) => one.class ?? [])])
  const all: Lateness[] = []
  for (const name of [...names].sort()) {
    const periods = periodsOf(ruling, name)
    if (periods.length === 0) continue
    const parts = partitions.filter((one) => one.class === name)
    const read = options.thorough
      ? parts
      : parts.filter((one) => one.state !== 'detached' || namedDay(one) <= dayOf(ruling.now))
    all.push(...(await contentOf(db, ruling, periods, read)))
  }
  all.push(...(await sealedOf(db, ruling, options)))
  all.push(
    await logOf(
      db,
      ruling,
      partitions.filter((one) => one.class === null),
    ),
  )
  for (const store of [...plainStores(ruling), ...moduleStores(ruling)]) all.push(await oldestOf(db, ruling.now, store))
  return worstByStep(all)
}

/** By the day that each blob falls due on, as Postgres holds it in its bounds; detached ones are read. */
async function contentOf(
  db: Db,
  { now }: Ruling,
  periods: readonly FieldClass[],
  parts: readonly Partition[],
): Promise<Lateness[]> {
  const period = periods.at(-1)!
  const found: Lateness[] = [late(now, { class: period.name, action: 'drop-partition' }, undefined)]
  for (const part of parts) {
    // A closed table goes as a whole, once its last row is due.
    const due = part.state === 'attached' ? await dueIfAny(db, periods, part) : (await spanOf(db, part.part)).last
    if (due === null) continue
    const oldest = Math.min(now, daysAfter(Date.parse(due), -keptDays(period)))
    found.push(late(now, { class: period.name, action: 'drop-partition' }, { oldest, due: Date.parse(due) }))
    if (part.state !== 'detached' && period.floorDays !== undefined) {
      const closed = closedFrom(period, periods, Date.parse(lastDueDay(periods, part)))
      found.push(late(now, { class: period.name, action: 'restrict' }, { oldest, due: closed }))
    }
  }
  return found
}

/** All of a table falls due where it begins, but for a class that went from months to days. */
async function dueIfAny(
  db: Db,
  periods: readonly FieldClass[],
  { class: name, first, past }: Partition,
): Promise<string | null> {
  const anywhere = lastDueDay(periods, { first, past }) !== first
  const { rows } = await db.$client.query<{ due: string | null }>({
    text: `select ${anywhere ? 'min(due)' : 'due'} as due from weir.sealed
      where class_id = (select class_id from weir.field_class where name = $1)
        and due >= $2::date and due < $3::date ${anywhere ? '' : 'limit 1'}`,
    values: [name, first, past],
    ...PATIENT,
  })
  const due = rows[0]?.due ?? null
  return due === null || anywhere ? due : first
}

/** By what is stored with each blob: its due day, its policy version and its receipt, whatever table it lies in. */
async function sealedOf(db: Db, ruling: Ruling, { thorough }: DriftOptions): Promise<Lateness[]> {
  const names = [...ruling.policy.classes.values()]
    .filter((period) => wasLonger(ruling, period))
    .map(({ name }) => name)
  if (!thorough && names.length === 0) return []
  const some = 's.class_id in (select class_id from weir.field_class where name = any($1))'
  const sealed = await readSealed(db, thorough ? { where: 'true', values: [] } : { where: some, values: [names] })
  return sealed.map((one) =>
    late(
      ruling.now,
      { class: one.class, action: 'drop-partition' },
      { oldest: oldestDay(ruling, one), due: endOf(ruling, one) },
    ),
  )
}

function wasLonger({ history }: Ruling, period: FieldClass): boolean {
  return (history.get(period.name) ?? []).some(({ period: then }) => shortenedBy(period, then) > 0)
}

async function logOf(db: Db, ruling: Ruling, parts: readonly Partition[]): Promise<Lateness> {
  const periods = [
    ...ruling.policy.classes.values(),
    ...[...ruling.history.values()].flat().map(({ period }) => period),
  ]
  const step = { class: LOG_CLASS, action: 'drop-partition' } as const
  for (const part of [...parts].sort((a, b) => (a.part < b.part ? -1 : 1))) {
    const span = await firstOfLog(db, part)
    if (span === null) continue
    const oldest = Date.parse(span)
    const monthEnds = Date.UTC(new Date(oldest).getUTCFullYear(), new Date(oldest).getUTCMonth() + 1, 1)
    return late(ruling.now, step, { oldest, due: endOfAll(periods, monthEnds) })
  }
  return late(ruling.now, step, undefined)
}

async function firstOfLog(db: Db, part: Partition): Promise<string | null> {
  if (part.state !== 'attached') return (await spanOf(db, part.part)).first
  const { rows } = await db.$client.query<{ day: string }>(
    'select at_day as day from weir.event_log where at_day >= $1::date and at_day < $2::date limit 1',
    [part.first, part.past],
  )
  return rows[0]?.day ?? null
}

async function oldestOf(db: Db, now: number, { class: name, action, query, due }: Store): Promise<Lateness> {
  const { rows } = await db.$client.query<{ day: string | null }>({ text: query, ...PATIENT })
  const day = rows[0]!.day
  if (day === null) return late(now, { class: name, action }, undefined)
  const oldest = Date.parse(day.length === 10 ? day : day.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'))
  return late(now, { class: name, action }, { oldest, due: due(oldest) })
}

function late(
  now: number,
  step: { readonly class: string; readonly action: Action },
  row: { readonly oldest: number; readonly due: number } | undefined,
): Lateness {
  if (row === undefined) return { ...step, oldest: null, due: null, overdueSeconds: 0 }
  const overdueSeconds = Math.max(0, Math.floor((now - row.due) / 1000))
  return { ...step, oldest: dayOf(row.oldest), due: new Date(row.due).toISOString(), overdueSeconds }
}

/** Of several looks at a class the worst. */
function worstByStep(all: readonly Lateness[]): Lateness[] {
  const worst = new Map<string, Lateness>()
  for (const one of all) {
    const key = `${one.class}:${one.action}`
    const known = worst.get(key)
    if (known === undefined || one.overdueSeconds > known.overdueSeconds || known.oldest === null) worst.set(key, one)
  }
  return [...worst.values()]
}
