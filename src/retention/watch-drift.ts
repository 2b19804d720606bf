import type { Db } from '../db/pool.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { measureDrift, violationsOf } from './drift.ts'
import { dayOf } from './due.ts'
import type { Ruling } from './stores.ts'

/**
 * Says after each housekeeping, as a metric, how late the oldest row of each class is; once a day it reads every row for
 * it, but not right after a start, which has enough to do. What is later than allowed is an error in the log as well (law 8).
 */
export function createDriftWatch(deps: {
  readonly db: Db
  readonly metrics: Pick<Metrics, 'retentionOverdue'>
  readonly log: Logger
}): (ruling: Ruling) => Promise<void> {
  let begun = false
  let readOn: string | undefined
  return async function watchDrift(ruling) {
    const today = dayOf(ruling.now)
    const thorough = begun && readOn !== today
    const all = await measureDrift(deps.db, ruling, { thorough })
    if (thorough) readOn = today
    begun = true
    deps.metrics.retentionOverdue(all)
    const violations = violationsOf(all).map(({ class: name, overdueSeconds }) => ({ class: name, overdueSeconds }))
    if (violations.length > 0) deps.log.error({ violations }, 'something is kept for longer than the policy allows')
  }
}
