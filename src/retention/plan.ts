import { createHash } from 'node:crypto'
import type { Db } from '../db/pool.ts'
import { dayOf } from './due.ts'
import { oldestOfAll, readSealed } from './evidence.ts'
import { duePartitions, type PartitionWork } from './partition-work.ts'
import { PATIENT } from './partitions.ts'
import { type Action, type Anchor, type DueRows, type Ruling, rowStores } from './stores.ts'

/** What falls due of one class, by one action. */
export interface PlanClass {
  readonly class: string
  readonly action: Action
  readonly anchor: Anchor
  readonly rows: number
  /**
   * The day (YYYY-MM-DD, UTC) of the oldest row's anchor; null where there are none. Of sealed content only a plan that
   * is shown reads it (see evidence.ts); a run has the first day that it can be.
   */
  readonly oldest: string | null
  /** Tables that go, or are closed, as a whole. */
  readonly partitions: readonly string[]
  /** Of the rows those that the fuse minds: all but what falls due in this very step of the class. */
  readonly overdue: number
  /** How many the store holds in all; null where the overdue ones are so few that it was not counted. */
  readonly stored: number | null
  /** The overdue ones as a share of the store; 0 where it was not counted. */
  readonly share: number
  /** The share is above the policy's fuse: no run begins until it is lifted. */
  readonly blown: boolean
}

export interface Plan {
  /** SHA-256, hex, of what would be done: not of how many rows that is. */
  readonly hash: string
  /** The day that it was made for. */
  readonly day: string
  readonly policy: string
  readonly classes: readonly PlanClass[]
}

/** A plan, and what a run takes in hand for it. */
export interface PlannedWork {
  readonly plan: Plan
  /** What the hash is of. */
  readonly terms: Terms
  readonly partitions: readonly PartitionWork[]
  readonly rows: readonly DueRows[]
}

/** What a plan names, by class and action: partitions, and the parameters of the predicates. */
export interface Terms {
  readonly policy: string
  readonly day: string
  readonly classes: Readonly<
    Record<string, { readonly values: readonly unknown[]; readonly partitions: readonly string[] }>
  >
}

/** The terms of a run, and of which of their steps the fuse was lifted: not part of the hash. */
export interface RunTerms extends Terms {
  readonly lifted?: readonly string[]
}

/** What would be done now. Reads; changes nothing. Classes of which nothing is due are listed too. */
export async function planWork(db: Db, ruling: Ruling): Promise<PlannedWork> {
  const partitions = await duePartitions(db, ruling)
  const rows = rowStores(ruling)
  const classes: PlanClass[] = []
  for (const work of partitions) classes.push(await partitionClass(db, ruling, work))
  for (const store of rows) classes.push(await rowClass(db, ruling, store))
  const terms = termsOf(ruling, partitions, rows)
  const { fingerprint } = ruling.policy
  const hash = createHash('sha256').update(JSON.stringify(terms)).digest('hex')
  return { plan: { hash, day: terms.day, policy: fingerprint, classes }, terms, partitions, rows }
}

function termsOf(ruling: Ruling, partitions: readonly PartitionWork[], rows: readonly DueRows[]): Terms {
  const classes: Record<string, { values: readonly unknown[]; partitions: readonly string[] }> = {}
  for (const work of partitions)
    classes[stepName(work)] = { values: [], partitions: work.parts.map(({ part }) => part) }
  for (const store of rows) classes[stepName(store)] = { values: store.fleeting ? [] : store.values, partitions: [] }
  const sorted = Object.fromEntries(Object.entries(classes).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { policy: ruling.policy.fingerprint, day: dayOf(ruling.now), classes: sorted }
}

/** A class can have several actions: each is a step of its own. */
export function stepName({ class: name, action }: { readonly class: string; readonly action: Action }): string {
  return `${name}:${action}`
}

async function partitionClass(db: Db, ruling: Ruling, work: PartitionWork): Promise<PlanClass> {
  const rows = work.parts.reduce((sum, part) => sum + Number(part.rows), 0)
  const unusual = work.parts.reduce((sum, part) => sum + (part.unusual ? Number(part.rows) : 0), 0)
  const oldest = work.parts.flatMap((part) => part.oldest ?? []).sort()[0] ?? null
  const total = (): Promise<number> => countAll(db, work)
  return {
    class: work.class,
    action: work.action,
    anchor: work.anchor,
    rows,
    oldest,
    partitions: work.parts.map(({ part }) => part),
    ...(await fuse(ruling, unusual, total)),
  }
}

async function countAll(db: Db, { class: name, from }: PartitionWork): Promise<number> {
  const where = from === 'weir.sealed' ? 'where class_id = (select class_id from weir.field_class where name = $1)' : ''
  const { rows } = await db.$client.query<{ n: bigint }>({
    text: `select count(*) as n from ${from} ${where}`,
    values: where === '' ? [] : [name],
    ...PATIENT,
  })
  return Number(rows[0]!.n)
}

async function rowClass(db: Db, ruling: Ruling, store: DueRows): Promise<PlanClass> {
  const { unusual, weight, store: whole } = store
  const { rows } = await db.$client.query<{ n: bigint; strange: bigint; oldest: string | null }>({
    text: `select ${sum(weight)} as n, ${sum(weight, unusual?.where)} as strange,
      min(${store.day})::text as oldest
      from ${store.from} where ${store.where}`,
    values: [...store.values, ...(unusual?.values ?? [])],
    ...PATIENT,
  })
  const { n, strange, oldest } = rows[0]!
  const total = async (): Promise<number> => {
    const all = await db.$client.query<{ n: bigint }>({
      text: `select ${sum(weight)} as n from ${store.from} where ${whole?.where ?? 'true'}`,
      values: [...(whole?.values ?? [])],
      ...PATIENT,
    })
    return Number(all.rows[0]!.n)
  }
  const { class: name, action, anchor, fused } = store
  const fuseOf = fused ? await fuse(ruling, Number(strange), total) : NO_FUSE
  return { class: name, action, anchor, rows: Number(n), oldest, partitions: [], ...fuseOf }
}

/** As a bigint, 0 of no rows. */
function sum(weight = '1', where = 'true'): string {
  return `coalesce(sum(${weight}) filter (where ${where}), 0)::bigint`
}

/** The store is counted only where enough rows would go that it matters. */
async function fuse(
  { policy }: Ruling,
  unusual: number,
  countStore: () => Promise<number>,
): Promise<Pick<PlanClass, 'overdue' | 'stored' | 'share' | 'blown'>> {
  const { fuseShare, fuseRows } = policy.retention
  if (unusual <= fuseRows) return { ...NO_FUSE, overdue: unusual }
  const stored = Math.max(unusual, await countStore())
  const share = unusual / stored
  return { overdue: unusual, stored, share, blown: share > fuseShare }
}

const NO_FUSE = { overdue: 0, stored: null, share: 0, blown: false } as const

/** What blew a fuse, for people: what falls due in this very step has no part in it. */
export function fuseWords({ overdue, stored, share }: PlanClass): string {
  const percent = Math.round(share * 100)
  return `${overdue} overdue since before this step, ${percent} % of the ${stored ?? overdue} stored`
}

/** The plan to show: with the day of the oldest row also of what is sealed, read from all the rows that it names. */
export async function makePlan(db: Db, ruling: Ruling): Promise<Plan> {
  const { plan, partitions, rows } = await planWork(db, ruling)
  const classes: PlanClass[] = []
  for (const one of plan.classes) {
    const where =
      one.rows === 0
        ? undefined
        : (partsWhere(partitions.find((work) => stepName(work) === stepName(one))) ??
          rows.find((store) => stepName(store) === stepName(one) && store.from === 'weir.sealed s'))
    const oldest = where === undefined ? null : oldestOfAll(ruling, await readSealed(db, where))
    classes.push(oldest === null ? one : { ...one, oldest })
  }
  return { ...plan, classes }
}

/** The rows of the tables of a class that are attached still; nobody reads the others by day. */
function partsWhere(work: PartitionWork | undefined): { where: string; values: unknown[] } | undefined {
  if (work === undefined || work.from !== 'weir.sealed') return undefined
  const parts = work.parts.filter(({ state }) => state === 'attached')
  if (parts.length === 0 || parts.length < work.parts.length) return undefined
  return {
    where: `s.class_id = (select class_id from weir.field_class where name = $1) and exists (
      select from unnest($2::date[], $3::date[]) as p (first, past) where s.due >= p.first and s.due < p.past)`,
    values: [work.class, parts.map(({ first }) => first), parts.map(({ past }) => past)],
  }
}
