import { Gauge, type Registry } from 'prom-client'
import type { Db } from '../db/pool.ts'
import { oldestWaiting } from '../mail/outbox.ts'
import { patientLook } from '../patient-look.ts'
import { REVIEW_MS } from './state.ts'

/**
 * Gauges that are looked up when they are asked for; while the database does not answer they stay as they were. Every
 * process says the same, so of several the largest counts.
 */
export function watchDisclosures(registry: Registry, db: Db, now: () => number): void {
  const look = patientLook(async () => {
    overdue.set(await countOverdue(db, now()))
    waiting.set(await oldestWaiting(db, now()))
  })
  const shared = { registers: [registry], aggregator: 'max' as const, collect: look }
  const overdue = new Gauge({
    ...shared,
    name: 'weir_disclosure_reviews_overdue',
    help: 'Emergencies that no other officer reviewed within 24 h',
  })
  const waiting = new Gauge({
    ...shared,
    name: 'weir_mail_oldest_waiting_seconds',
    help: 'For how long the oldest mail to the data protection officer has been due and not sent',
  })
}

async function countOverdue(db: Db, now: number): Promise<number> {
  const { rows } = await db.$client.query<{ n: number }>(
    'select count(*)::integer as n from weir.disclosure where emergency and reviewed_at is null and asked_at <= $1',
    [new Date(now - REVIEW_MS)],
  )
  return rows[0]!.n
}
