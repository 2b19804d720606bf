import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import type { Logger } from '../log.ts'
import { endOf } from './due.ts'
import type { RequestMetrics } from './metrics.ts'
import type { Request, Right } from './request.ts'
import { note } from './rows.ts'

export type Alarm = Request['alarmed']

type Timed = Pick<Request, 'receivedAt' | 'targetAt' | 'legalDueAt' | 'extendedUntil'>

/** Percent of a request's time that is used up, as far as there is an alarm for it. An extension gives time back. Pure. */
export function alarmAt(request: Timed, now: number): Alarm {
  const end = endOf(request)
  const used = ((now - request.receivedAt) * 100) / Math.max(1, end - request.receivedAt)
  if (used >= 100) return 100
  if (used >= 80) return 80
  return used >= 50 ? 50 : 0
}

/** The same in SQL, of a row of weir.request as it is at $1. */
const ALARM = `(with t as (select received_at as began, coalesce(extended_until, least(target_at, legal_due_at)) as ends)
  select case when $1::timestamptz >= ends then 100
    when $1 >= began + (ends - began) * 0.8 then 80
    when $1 >= began + (ends - began) * 0.5 then 50 else 0 end from t)`

const BATCH = 200

interface Raised {
  readonly id: string
  readonly right: Right
  readonly percent: Alarm
}

export interface AlarmDeps {
  readonly db: Db
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Pick<Logger, 'warn' | 'error'>
  readonly metrics: Pick<RequestMetrics, 'alarm'>
}

/**
 * Raises the alarms that are due: once each, by whichever node comes first, in the request's history, the log (ids only)
 * and the metrics. Whatever state a request is in, its time goes on. @returns how many
 */
export async function raiseAlarms({ db, now, log, metrics }: AlarmDeps): Promise<number> {
  const at = now()
  let raised = 0
  for (;;) {
    const batch = await transaction(db, (tx) => raiseBatch(tx, at))
    for (const { id, right, percent } of batch) {
      metrics.alarm(percent)
      const said = { request: id, right, percent }
      if (percent === 100) log.error(said, 'a request is not answered in time')
      else log.warn(said, 'a request’s time is running out')
    }
    raised += batch.length
    if (batch.length < BATCH) return raised
  }
}

async function raiseBatch(tx: Tx, now: number): Promise<Raised[]> {
  const { rows } = await tx.$client.query<Raised>(
    `update weir.request r set alarmed = ${ALARM}
     where request_id in (
       select request_id from weir.request where closed_at is null and alarmed < ${ALARM}
       order by request_id limit $2 for no key update skip locked)
     returning request_id as id, "right", alarmed as percent`,
    [new Date(now), BATCH],
  )
  for (const { id, percent } of rows) await note(tx, id, { actor: 'weir', what: 'alarm', more: String(percent) })
  return rows
}
