import type { Db } from '../db/pool.ts'
import type { FieldClass } from '../policy/compiled.ts'
import { closedFrom, dayOf, daysAfter, endOfAll, keptDays, startOfDay, stepStart } from './due.ts'
import { listPartitions, type Partition, spanOf } from './partitions.ts'
import { type Action, type Anchor, anchorOf, type Ruling } from './stores.ts'

/** Partitions of one class that go, or are closed, as a whole. */
export interface PartitionWork {
  readonly class: string
  readonly action: Action
  readonly anchor: Anchor
  /** The partitioned table. */
  readonly from: 'weir.sealed' | 'weir.event_log'
  readonly parts: readonly DuePartition[]
}

export interface DuePartition extends Partition {
  readonly rows: bigint
  /** The earliest day that its content can be of under the period that holds now; null where it is empty. */
  readonly oldest: string | null
  /** It did not fall due in the step of today: it should have been gone before. */
  readonly unusual: boolean
}

export const LOG_CLASS = 'event-log'

/** Every class that has partitions: what of them is due, what is to be closed. */
export async function duePartitions(db: Db, ruling: Ruling): Promise<PartitionWork[]> {
  const all = await listPartitions(db)
  const names = new Set([...ruling.policy.classes.keys(), ...all.flatMap((one) => one.class ?? [])])
  const works: PartitionWork[] = []
  for (const name of [...names].sort()) {
    works.push(...(await classWork(db, ruling, { name, parts: all.filter((one) => one.class === name) })))
  }
  const logs = all.filter((one) => one.class === null)
  works.push({
    class: LOG_CLASS,
    action: 'drop-partition',
    anchor: 'received',
    from: 'weir.event_log',
    parts: await logsDue(db, ruling, logs),
  })
  return works
}

interface OfClass {
  readonly name: string
  readonly parts: readonly Partition[]
}

/** The periods that rows of a class can have been sealed under, that which holds now last. */
export function periodsOf({ policy, history }: Ruling, name: string): FieldClass[] {
  const now = policy.classes.get(name)
  const before = (history.get(name) ?? []).map(({ period }) => period)
  return now === undefined ? before : [...before, now]
}

async function classWork(db: Db, ruling: Ruling, { name, parts }: OfClass): Promise<PartitionWork[]> {
  const periods = periodsOf(ruling, name)
  const period = periods.at(-1)
  if (period === undefined) return [] // no policy of this database ever had it
  const drop: DuePartition[] = []
  const close: DuePartition[] = []
  for (const part of parts) {
    const goes = await fateOf(db, ruling, periods, part)
    if (goes?.fate === 'drop') drop.push(goes.due)
    if (goes?.fate === 'close') close.push(goes.due)
  }
  const shared = { class: name, anchor: anchorOf(period), from: 'weir.sealed' } as const
  const dropping: PartitionWork = { ...shared, action: 'drop-partition', parts: drop }
  return period.floorDays === undefined ? [dropping] : [dropping, { ...shared, action: 'restrict', parts: close }]
}

interface Fate {
  readonly fate: 'drop' | 'close'
  readonly due: DuePartition
}

async function fateOf(
  db: Db,
  ruling: Ruling,
  periods: readonly FieldClass[],
  part: Partition,
): Promise<Fate | undefined> {
  const period = periods.at(-1)!
  const today = dayOf(ruling.now)
  if (part.state === 'detached') {
    if (namedDay(part) > today) return undefined // closed already: it waits for the floor's end
    const span = await spanOf(db, part.part)
    if (span.last !== null && span.last > today) return undefined
    return { fate: 'drop', due: described(ruling, period, part, span) }
  }
  const isDue = lastDueDay(periods, part) <= today
  if (!isDue && part.state === 'attached' && !closes(ruling, periods, part)) return undefined
  const due = described(ruling, period, part, await spanOf(db, part.part))
  if (!isDue && part.state === 'attached' && due.rows === 0n) return undefined // nothing to close, and nothing comes
  // What was being detached and is not due was being closed.
  return { fate: isDue ? 'drop' : 'close', due }
}

/** The day that a table is named for: says cheaply that it need not be read yet, never that it may go. */
export function namedDay({ part }: Partition): string {
  return part.slice(-10).replaceAll('_', '-')
}

/** Rows fall due where their step begins; where the table's steps are not the class's, anywhere in it. */
export function lastDueDay(periods: readonly FieldClass[], { first, past }: Pick<Partition, 'first' | 'past'>): string {
  const step = daysAfter(Date.parse(first!), 1) === Date.parse(past!) ? 'day' : 'month'
  return periods.every((period) => period.step === step) ? first! : dayOf(daysAfter(Date.parse(past!), -1))
}

/**
 * Nothing in it is in use any more, whichever period it was sealed under: the shortest had the latest events. So that
 * no event that may come yet is to lie in it.
 */
function closes({ now }: Ruling, periods: readonly FieldClass[], part: Partition): boolean {
  const period = periods.at(-1)!
  if (period.floorDays === undefined) return false
  return closedFrom(period, periods, Date.parse(lastDueDay(periods, part))) <= startOfDay(now)
}

function described(
  { now }: Ruling,
  period: FieldClass,
  part: Partition,
  span: { readonly n: bigint; readonly first: string | null },
): DuePartition {
  const fellDue = part.first ?? span.first
  return {
    ...part,
    rows: span.n,
    oldest: span.first === null ? null : dayOf(daysAfter(Date.parse(span.first), -keptDays(period))),
    unusual: fellDue !== null && Date.parse(fellDue) < stepStart(period.step, now),
  }
}

/** A month of the log goes once nothing can be left of what was received in it; a clock may have been ahead by minutes. */
async function logsDue(db: Db, ruling: Ruling, logs: readonly Partition[]): Promise<DuePartition[]> {
  const periods = [...ruling.history.values()].flat().map(({ period }) => period)
  const due: DuePartition[] = []
  for (const part of logs) {
    const ends =
      part.past === null ? 0 : endOfAll([...periods, ...ruling.policy.classes.values()], Date.parse(part.past))
    if (ends > startOfDay(ruling.now)) continue
    const span = await spanOf(db, part.part)
    due.push({ ...part, rows: span.n, oldest: span.first, unusual: ends < stepStart('month', ruling.now) })
  }
  return due
}
