import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { OUTCOMES, type Outcome } from './event/event.ts'

/** Everything that /metrics says. Labels come from closed lists: outcomes, destinations, stages. */
export interface Metrics {
  readonly registry: Registry
  /** Active keys that no good copy holds. */
  uncopiedKeys(count: number): void
  outcome(outcome: Outcome, count?: number): void
  unclassified(count: number): void
  intakeSeconds(seconds: number): void
  groupSize(events: number): void
  queued(events: number): void
  delivered(destination: string, count: number): void
  withheld(destination: string, count: number): void
  deadLetter(destination: string): void
  deliveryLag(destination: string, seconds: number): void
  /** How late the oldest row of each class is, by the last look. */
  retentionOverdue(classes: readonly { readonly class: string; readonly overdueSeconds: number }[]): void
  retentionTaken(step: string, rows: number): void
  /** Entries in the audit log that a signed checkpoint covers. */
  auditSize(entries: number): void
  /** Age of the oldest entry that waits for the tree, and of the oldest that no witness has seen. */
  auditAges(ages: { readonly waiting: number; readonly unwitnessed: number }): void
  /** Whether the sequencer refuses to sign. */
  auditTrouble(refuses: boolean): void
  /** Whether the fuse of each class is blown. */
  retentionFuse(classes: readonly { readonly class: string; readonly blown: boolean }[]): void
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const events = new Counter({
    name: 'weir_events_total',
    help: 'Messages by outcome',
    labelNames: ['outcome'],
    registers,
  })
  const unknown = new Counter({
    name: 'weir_unclassified_fields_total',
    help: 'Properties that no policy class covers: sealed, forwarded to nobody',
    registers,
  })
  const latency = new Histogram({
    name: 'weir_intake_seconds',
    help: 'From a request parsed to its group committed',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  })
  const groups = new Histogram({
    name: 'weir_intake_group_events',
    help: 'Events that one commit carried',
    buckets: [1, 5, 20, 50, 100, 250, 500, 1000],
    registers,
  })
  const uncopied = new Gauge({
    name: 'weir_keys_uncopied',
    help: 'Keys in use that no verified copy of the keys holds: lost with the root',
    registers,
  })
  const queue = new Gauge({ name: 'weir_intake_queued_events', help: 'Events waiting for a commit', registers })
  const labelNames = ['destination'] as const
  const delivered = new Counter({
    name: 'weir_delivered_total',
    help: 'Events handed to a destination',
    labelNames,
    registers,
  })
  const withheld = new Counter({
    name: 'weir_withheld_total',
    help: 'Events permitted at intake and refused at delivery',
    labelNames,
    registers,
  })
  const dead = new Counter({
    name: 'weir_dead_letters_total',
    help: 'Events a destination failed on',
    labelNames,
    registers,
  })
  const lag = new Gauge({
    name: 'weir_delivery_lag_seconds',
    help: 'Age of the last event handed over where more wait, else 0; while batches fail, time since one went well',
    labelNames,
    registers,
  })
  const overdue = new Gauge({
    name: 'weir_retention_overdue_seconds',
    help: 'Since when the oldest row of the class ought to be gone; 0 where none is late',
    labelNames: ['class'],
    registers,
  })
  const expired = new Counter({
    name: 'weir_retention_rows_total',
    help: 'Rows that housekeeping took, by class and action',
    labelNames: ['step'],
    registers,
  })
  const fuse = new Gauge({
    name: 'weir_retention_fuse_blown',
    help: '1 while a fuse stops retention: too many rows of the class would go at once',
    labelNames: ['class'],
    registers,
  })
  const auditSize = new Gauge({ name: 'weir_audit_entries', help: 'Entries under a signed checkpoint', registers })
  const auditWaiting = new Gauge({
    name: 'weir_audit_oldest_waiting_seconds',
    help: 'Age of the oldest entry that is durable and not yet in the tree',
    registers,
  })
  const unwitnessed = new Gauge({
    name: 'weir_audit_oldest_unwitnessed_seconds',
    help: 'Age of the oldest entry that no witness has cosigned: what the operator could still rewrite',
    registers,
  })
  const auditTrouble = new Gauge({
    name: 'weir_audit_refuses_to_sign',
    help: '1 while the log is not the one that was signed before: run weir audit verify',
    registers,
  })
  // A series that is missing until its first event looks like an outcome that cannot happen.
  for (const outcome of OUTCOMES) events.inc({ outcome }, 0)
  return {
    registry,
    uncopiedKeys: (count) => uncopied.set(count),
    outcome: (outcome, count = 1) => events.inc({ outcome }, count),
    unclassified: (count) => unknown.inc(count),
    intakeSeconds: (seconds) => latency.observe(seconds),
    groupSize: (size) => groups.observe(size),
    queued: (size) => queue.set(size),
    delivered: (destination, count) => delivered.inc({ destination }, count),
    withheld: (destination, count) => withheld.inc({ destination }, count),
    deadLetter: (destination) => dead.inc({ destination }),
    deliveryLag: (destination, seconds) => lag.set({ destination }, seconds),
    retentionOverdue(classes) {
      overdue.reset()
      const worst = new Map<string, number>()
      for (const one of classes) worst.set(one.class, Math.max(worst.get(one.class) ?? 0, one.overdueSeconds))
      for (const [name, seconds] of worst) overdue.set({ class: name }, seconds)
    },
    retentionTaken: (step, rows) => expired.inc({ step }, rows),
    auditSize: (entries) => auditSize.set(entries),
    auditAges(ages) {
      auditWaiting.set(ages.waiting)
      unwitnessed.set(ages.unwitnessed)
    },
    auditTrouble: (refuses) => auditTrouble.set(refuses ? 1 : 0),
    retentionFuse(classes) {
      fuse.reset()
      for (const { class: name } of classes) fuse.set({ class: name }, 0)
      for (const { class: name, blown } of classes) if (blown) fuse.set({ class: name }, 1)
    },
  }
}
