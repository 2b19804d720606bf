import { appendEntries } from '../audit/log.ts'
import { transaction } from '../db/transaction.ts'
import { howToLift, liftFuse } from '../disclosures/lift-fuse.ts'
import { AppError } from '../errors.ts'
import { expireIdle, type Forgetful, type IdleDeps } from './expire-idle.ts'
import type { PartitionWork } from './partition-work.ts'
import { detach, dropDetached } from './partitions.ts'
import { fuseWords, type Plan, type PlannedWork, planWork, stepName, type Terms } from './plan.ts'
import { closeRun, forgetOldRuns, noteBatch, openRun, type RunRecord, readOpenRun } from './run-record.ts'
import type { DueRows, Ruling } from './stores.ts'
import { takeBatch } from './take-rows.ts'

export interface RunDeps extends Omit<IdleDeps, 'destinations'> {
  /** Asked for only where somebody is to be forgotten: it needs the keys. */
  readonly destinations: () => Promise<readonly Forgetful[]>
  readonly ruling: Ruling
  readonly destinationIds: ReadonlyMap<string, number>
  /** `weir` for housekeeping, `cli` for an operator. */
  readonly actor: 'weir' | 'cli'
  /** After each batch that was committed: rows taken so far, of how many that the plan counted. */
  readonly progress?: (done: number, planned: number) => void
}

export interface RunOrder {
  /** Hash of the plan that was approved; absent for housekeeping, which runs what it has just planned. */
  readonly expected?: string
  /** Id of the request by which officers let it run although a fuse is blown. It holds for one plan, once. */
  readonly liftFuse?: string
}

/** What a run did. */
export interface Ran {
  readonly plan: Plan
  readonly resumed: boolean
  /** Rows by step (`class:action`), also those taken before the run was broken off. */
  readonly taken: Readonly<Record<string, number>>
  /** Partitions that somebody kept reading: the next run takes them. */
  readonly left: readonly string[]
  /** False where it was told to stop in between. */
  readonly finished: boolean
}

/** The fuse of these classes is blown; nothing was taken. */
export class FuseBlown extends AppError {
  readonly plan: Plan
  constructor(plan: Plan, message: string) {
    super('conflict', message, { code: 'fuse-blown' })
    this.plan = plan
  }
}

const RUN_LOCK = [20006, 1] as const

/**
 * Does what is due: plans, holds the plan against the one that was approved and against the fuse, and takes it in
 * batches, each committed with its place. Broken off at any moment it goes on there the next time. One run at a time in
 * a database: undefined where another is under way.
 * @throws AppError `plan-changed` where the plan is another one by now, FuseBlown where too much of a store would go,
 *   `fuse-not-approved` where it was to be lifted without an approval that holds
 */
export async function runDue(deps: RunDeps, order: RunOrder = {}): Promise<Ran | undefined> {
  const turn = await deps.db.$client.connect()
  try {
    const { rows } = await turn.query<{ ours: boolean }>('select pg_try_advisory_lock($1, $2) as ours', [...RUN_LOCK])
    if (!rows[0]!.ours) return undefined
    try {
      return await runInTurn(deps, order)
    } finally {
      await turn.query('select pg_advisory_unlock($1, $2)', [...RUN_LOCK])
    }
  } finally {
    turn.release()
  }
}

async function runInTurn(deps: RunDeps, order: RunOrder): Promise<Ran> {
  const work = await planWork(deps.db, deps.ruling)
  const open = await readOpenRun(deps.db)
  const goesOn = open !== undefined && covers(open.terms, work.terms) && (order.expected ?? open.hash) === open.hash
  if (order.expected !== undefined && order.expected !== work.plan.hash && !goesOn) {
    const message = 'the plan of that hash is not what would be done now (another day, policy or partition): plan again'
    throw new AppError('conflict', message, { code: 'plan-changed' })
  }
  const lifted = await mindFuse(deps, work.plan, order, goesOn ? (open.terms.lifted ?? []) : [])
  const terms = { ...work.terms, lifted }
  const run = await openRun(deps.db, { hash: work.plan.hash, terms }, goesOn ? open.runId : undefined)
  const { left, finished } = await takeAllOf(deps, work, run)
  const shared = { plan: work.plan, resumed: goesOn, left, finished }
  if (!finished) return { ...shared, taken: {} }
  return { ...shared, taken: await finish(deps, run, goesOn ? open.hash : work.plan.hash) }
}

/** What is to be done now is no more than what the run that was broken off had been told to do. */
function covers(told: Terms, now: Terms): boolean {
  if (told.policy !== now.policy || told.day !== now.day) return false
  return Object.entries(now.classes).every(([name, { values, partitions }]) => {
    const then = told.classes[name]
    if (then === undefined || JSON.stringify(then.values) !== JSON.stringify(values)) return false
    return partitions.every((part) => then.partitions.includes(part))
  })
}

/**
 * What a run was let begin with it is let end: a fuse that was lifted for it stays so. One that blows meanwhile was
 * nobody's decision, and holds. @returns the steps of which it is lifted
 */
async function mindFuse(
  { db, actor }: RunDeps,
  plan: Plan,
  order: RunOrder,
  before: readonly string[],
): Promise<readonly string[]> {
  const blown = plan.classes.filter((one) => one.blown && !before.includes(stepName(one)))
  if (blown.length === 0) return before
  if (order.liftFuse === undefined) {
    const what = blown.map((one) => `${one.class} (${one.rows} rows: ${fuseWords(one)})`).join(', ')
    throw new FuseBlown(
      plan,
      `the fuse is blown, nothing was taken: too much would go of ${what}. If clock and policy are right: ${await howToLift(db, plan.hash)}`,
    )
  }
  const steps = blown.map(stepName)
  await liftFuse(db, { approval: order.liftFuse, plan: plan.hash, steps, actor })
  return [...before, ...steps]
}

interface Taking {
  readonly left: readonly string[]
  readonly finished: boolean
}

async function takeAllOf(deps: RunDeps, work: PlannedWork, run: RunRecord): Promise<Taking> {
  const planned = work.plan.classes.reduce((sum, one) => sum + one.rows, 0)
  let done = 0
  const taken = (rows: number): void => {
    done += rows
    deps.progress?.(done, planned)
  }
  const left: string[] = []
  for (const partitions of work.partitions) {
    if (deps.signal?.aborted === true) return { left, finished: false }
    left.push(...(await takePartitions(deps, run, partitions, taken)))
  }
  const due = new Map(work.plan.classes.map((one) => [stepName(one), one.rows]))
  for (const rows of work.rows) {
    if (rows.taker !== 'engine' || due.get(stepName(rows)) === 0) continue
    if (deps.signal?.aborted === true) return { left, finished: false }
    await (rows.action === 'shred' ? takeIdle(deps, run, rows, taken) : takeRows(deps, run, rows, taken))
  }
  return { left, finished: deps.signal?.aborted !== true }
}

/** @returns those that somebody was in the way of */
async function takePartitions(
  deps: RunDeps,
  run: RunRecord,
  work: PartitionWork,
  taken: (rows: number) => void,
): Promise<string[]> {
  const { db, ruling } = deps
  const today = new Date(ruling.now).toISOString().slice(0, 10)
  const left: string[] = []
  for (const part of work.parts) {
    if (deps.signal?.aborted === true) return left
    if (!(await detach(db, part))) {
      left.push(part.part)
      continue
    }
    const rows = work.action === 'drop-partition' ? Number(await dropDetached(db, part.part, today)) : Number(part.rows)
    await noteBatch(db, run, { step: stepName(work), rows, cursor: part.part, finished: false })
    taken(rows)
  }
  return left
}

async function takeRows(deps: RunDeps, run: RunRecord, due: DueRows, taken: (rows: number) => void): Promise<void> {
  const step = stepName(due)
  const before = run.steps.get(step)
  if (before?.finished === true) return
  let cursor = before?.cursor
  do {
    if (deps.signal?.aborted === true) return
    const batch = await takeBatch(deps, due, cursor, (tx, { rows, next }) =>
      noteBatch(tx, run, { step, rows, cursor: next, finished: next === undefined }),
    )
    taken(batch.rows)
    cursor = batch.next
  } while (cursor !== undefined)
}

/** Who was forgotten is not found again: it needs no place to go on from. */
async function takeIdle(deps: RunDeps, run: RunRecord, due: DueRows, taken: (rows: number) => void): Promise<void> {
  const step = stepName(due)
  const destinations = await deps.destinations()
  await expireIdle({ ...deps, destinations }, due, async (rows) => {
    await noteBatch(deps.db, run, { step, rows, cursor: undefined, finished: false })
    taken(rows)
  })
}

async function finish({ db, actor }: RunDeps, run: RunRecord, hash: string): Promise<Record<string, number>> {
  return transaction(db, async (tx) => {
    const taken = await closeRun(tx, run)
    await forgetOldRuns(tx)
    const some = [...taken].filter(([, rows]) => rows > 0)
    if (some.some(([step]) => step !== 'flow-probe:delete')) {
      const resource = `retention:${hash.slice(0, 16)}`
      await appendEntries(tx, [{ actor, action: 'retention.run', resource, purpose: 'retention', outcome: 'done' }])
    }
    return Object.fromEntries(some)
  })
}
