import { setTimeout as delay } from 'node:timers/promises'
import { Gauge, type Registry } from 'prom-client'
import type { Db } from '../db/pool.ts'
import { oldestWaiting } from '../mail/outbox.ts'
import { REVIEW_MS } from './state.ts'

const PATIENCE_MS = 250 // whoever asks for metrics wants them above all while the database hangs

/**
 * Gauges that are looked up when they are asked for, one look at a time; while the database does not answer they stay as
 * they were. Every process says the same, so of several the largest counts.
 */
export function watchDisclosures(registry: Registry, db: Db, now: () => number): void {
  const registers = [registry]
  let looking: Promise<void> | undefined
  const overdue = new Gauge({
    name: 'weir_disclosure_reviews_overdue',
    help: 'Emergencies that no other officer reviewed within 24 h',
    registers,
    aggregator: 'max',
    collect: () => atMostPatiently(look()),
  })
  const waiting = new Gauge({
    name: 'weir_mail_oldest_waiting_seconds',
    help: 'For how long the oldest mail to the data protection officer has been due and not sent',
    registers,
    aggregator: 'max',
    collect: () => atMostPatiently(look()),
  })

  function look(): Promise<void> {
    looking ??= (async () => {
      overdue.set(await countOverdue(db, now()))
      waiting.set(await oldestWaiting(db, now()))
    })()
      .catch(() => undefined) // readiness says that the database is away
      .finally(() => {
        looking = undefined
      })
    return looking
  }
}

async function atMostPatiently(look: Promise<void>): Promise<void> {
  await Promise.race([look, delay(PATIENCE_MS, undefined, { ref: false })])
}

async function countOverdue(db: Db, now: number): Promise<number> {
  const { rows } = await db.$client.query<{ n: number }>(
    'select count(*)::integer as n from weir.disclosure where emergency and reviewed_at is null and asked_at <= $1',
    [new Date(now - REVIEW_MS)],
  )
  return rows[0]!.n
}
