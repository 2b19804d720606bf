import { Gauge, type Registry } from 'prom-client'
import type { Db } from '../db/pool.ts'
import { patientLook } from '../patient-look.ts'
import type { PolicyShelf } from '../pipeline/policy-shelf.ts'
import { nextDue } from './clocks.ts'
import { activePolicy } from './count.ts'
import { listIncidents } from './rows.ts'
import { clocksIn } from './view.ts'

const HOUR_MS = 3_600_000
const MOST = 1_000 // open at once

export interface WatchDeps {
  readonly db: Db
  readonly policies: PolicyShelf
  readonly now: () => number
}

/** A gauge that looks at the files when it is asked; while the database is away it stays as it was. */
export function watchIncidents(registry: Registry, deps: WatchDeps): void {
  const gauge = new Gauge({
    name: 'weir_incident_hours_left',
    help: 'Hours until the next clock of an open incident wants somebody told; below 0: missed; absent: none waits',
    registers: [registry],
    aggregator: 'min',
    collect: patientLook(async () => {
      const hours = await hoursLeft(deps)
      if (hours === undefined) gauge.remove()
      else gauge.set(hours)
    }),
  })
}

async function hoursLeft({ db, policies, now }: WatchDeps): Promise<number | undefined> {
  const open = await listIncidents(db, { state: 'open', limit: MOST })
  if (open.length === 0) return undefined
  const { laws } = await activePolicy(db, policies)
  const due = open.flatMap((one) => nextDue(clocksIn(one, laws, now())) ?? [])
  return due.length === 0 ? undefined : (Math.min(...due) - now()) / HOUR_MS
}
