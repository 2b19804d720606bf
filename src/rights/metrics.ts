import { Counter, Gauge, type Registry } from 'prom-client'
import type { Db } from '../db/pool.ts'
import { patientLook } from '../patient-look.ts'
import type { Right, State } from './request.ts'

/** What is counted as it happens. */
export interface RequestMetrics {
  alarm(percent: number): void
}

const HOUR_MS = 3_600_000

/**
 * Counts of people's requests, looked up when they are asked for; while the database does not answer they stay as they
 * were. Every process says the same, so of several the largest counts, and of the time to the next due the least.
 */
export function watchRequests(
  registry: Registry,
  { db, now }: { readonly db: Db; readonly now: () => number },
): RequestMetrics {
  const look = patientLook(async () => show(await readFigures(db, now()), now()))
  const shared = { registers: [registry], aggregator: 'max' as const, collect: look }
  const open = new Gauge({
    ...shared,
    name: 'weir_requests_open',
    help: 'Requests of people that are not over',
    labelNames: ['right', 'state'],
  })
  const oldest = new Gauge({
    ...shared,
    name: 'weir_request_oldest_open_seconds',
    help: 'Since when the oldest request is open that is not over',
  })
  const overdue = new Gauge({
    ...shared,
    name: 'weir_requests_overdue',
    help: 'Open requests past our own promise (or its extension), and past what the law gives',
    labelNames: ['past'],
  })
  const hoursLeft = new Gauge({
    ...shared,
    aggregator: 'min',
    name: 'weir_request_hours_left',
    help: 'Hours until the next request is due; below 0: one is late; absent: none is open',
  })
  const alarms = new Counter({
    registers: [registry],
    name: 'weir_request_alarms_total',
    help: 'Alarms raised, by percent of the time that was used up',
    labelNames: ['percent'],
  })

  function show({ groups, oldestAt, nextAt, late }: Figures, at: number): void {
    open.reset()
    for (const { right, state, n } of groups) open.set({ right, state }, n)
    oldest.set(oldestAt === null ? 0 : (at - oldestAt.getTime()) / 1000)
    overdue.set({ past: 'promise' }, late.promise)
    overdue.set({ past: 'law' }, late.law)
    if (nextAt === null) hoursLeft.remove()
    else hoursLeft.set((nextAt.getTime() - at) / HOUR_MS)
  }

  return { alarm: (percent) => alarms.inc({ percent }) }
}

interface Figures {
  readonly groups: readonly { readonly right: Right; readonly state: State; readonly n: number }[]
  readonly oldestAt: Date | null
  readonly nextAt: Date | null
  readonly late: { readonly promise: number; readonly law: number }
}

async function readFigures(db: Db, now: number): Promise<Figures> {
  const { rows: groups } = await db.$client.query<{ right: Right; state: State; n: number }>(
    'select "right", state, count(*)::integer as n from weir.request where closed_at is null group by 1, 2',
  )
  const { rows } = await db.$client.query<{ oldest: Date | null; next: Date | null; promise: number; law: number }>(
    `select min(received_at) as oldest, min(ends) as next,
       (count(*) filter (where ends <= $1))::integer as promise, (count(*) filter (where law <= $1))::integer as law
     from (
       select received_at, coalesce(extended_until, least(target_at, legal_due_at)) as ends,
         case when legal_due_at is not null then greatest(legal_due_at, extended_until) end as law
       from weir.request where closed_at is null) as open`,
    [new Date(now)],
  )
  const { oldest, next, promise, law } = rows[0]!
  return { groups, oldestAt: oldest, nextAt: next, late: { promise, law } }
}
