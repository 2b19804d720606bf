import { Gauge, type Registry } from 'prom-client'
import type { Db } from '../db/pool.ts'
import { oldestWaiting } from '../mail/outbox.ts'
import { REVIEW_MS } from './state.ts'

/**
 * Gauges that look at the database when they are asked; while it is away they stay as they were. Every process says the
 * same, so of several the largest counts.
 */
export function watchDisclosures(registry: Registry, db: Db, now: () => number): void {
  const registers = [registry]
  new Gauge({
    name: 'weir_disclosure_reviews_overdue',
    help: 'Emergencies that no other officer reviewed within 24 h',
    registers,
    aggregator: 'max',
    async collect() {
      await countOverdue(db, now()).then(
        (count) => this.set(count),
        () => undefined,
      )
    },
  })
  new Gauge({
    name: 'weir_mail_oldest_waiting_seconds',
    help: 'For how long the oldest mail to the data protection officer has been due and not sent',
    registers,
    aggregator: 'max',
    async collect() {
      await oldestWaiting(db, now()).then(
        (seconds) => this.set(seconds),
        () => undefined,
      )
    },
  })
}

async function countOverdue(db: Db, now: number): Promise<number> {
  const { rows } = await db.$client.query<{ n: number }>(
    'select count(*)::integer as n from weir.disclosure where emergency and reviewed_at is null and asked_at <= $1',
    [new Date(now - REVIEW_MS)],
  )
  return rows[0]!.n
}
