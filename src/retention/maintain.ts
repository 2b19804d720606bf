import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { FuseBlown, type Ran, type RunDeps, runDue } from './run.ts'

export interface HousekeepingDeps extends Omit<RunDeps, 'actor'> {
  readonly log: Logger
  readonly metrics: Pick<Metrics, 'retentionTaken' | 'retentionFuse'>
}

/** What housekeeping took, by step; undefined where another node is at it, or a fuse is blown: that was said already. */
export type Maintained = Ran['taken'] | undefined

/**
 * Housekeeping that the clock asks for: the retention engine's plan, run at once. Safe on every node at any time: two
 * take turns. A blown fuse takes nothing, is said in the log as an error and in a metric, every time, until an officer
 * has looked.
 */
export async function maintain(deps: HousekeepingDeps): Promise<Maintained> {
  const { log, metrics } = deps
  // By the database's clock, like the keys themselves: the intake does it with the first event of a day, if one comes.
  await deps.db.$client.query('select weir.roll_dedupe(floor(extract(epoch from clock_timestamp()) / 86400)::bigint)')
  try {
    const ran = await runDue({ ...deps, actor: 'weir' })
    if (ran === undefined) {
      log.info('another node is at the housekeeping')
      return undefined
    }
    metrics.retentionFuse(ran.plan.classes.map((one) => ({ class: one.class, blown: false }))) // or it was lifted
    for (const [step, rows] of Object.entries(ran.taken)) metrics.retentionTaken(step, rows)
    // Who was forgotten leaves proof of consent of nobody, which may be due at once: another plan, held to the fuse too.
    if (deps.signal?.aborted !== true && Object.keys(ran.taken).some((step) => step.endsWith(':shred'))) {
      return plus(ran.taken, await maintain(deps))
    }
    if (ran.left.length > 0)
      log.warn({ partitions: ran.left.length }, 'partitions that are read all the time wait for the next run')
    return ran.taken
  } catch (error) {
    if (!(error instanceof FuseBlown)) throw error
    const blown = error.plan.classes.filter((one) => one.blown)
    metrics.retentionFuse(error.plan.classes)
    const classes = blown.map(({ class: name, rows, overdue, stored, share }) => ({
      class: name,
      rows,
      overdue,
      stored,
      share,
    }))
    log.error({ plan: error.plan.hash, classes }, 'the retention fuse is blown: nothing expires until it is lifted')
    return undefined
  }
}

function plus(a: Ran['taken'], b: Maintained): Maintained {
  if (b === undefined) return undefined
  const sum: Record<string, number> = { ...a }
  for (const [step, rows] of Object.entries(b)) sum[step] = (sum[step] ?? 0) + rows
  return sum
}
