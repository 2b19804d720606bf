import type { KeyObject } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Db, overConnection, type Tx } from '../db/pool.ts'
import { sqlState } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { readAuditAges } from './ages.ts'
import { type CosignerDeps, createCosigner } from './cosigner.ts'
import { forked, type Leading, type Position, resume } from './leading.ts'

export interface SequencerDeps {
  readonly db: Db
  /** Signs checkpoints (log-key.ts). */
  readonly key: KeyObject
  readonly publicUrl: string
  readonly log: Logger
  readonly metrics: Metrics
  /** Who cosigns; none by default. */
  readonly witnesses?: CosignerDeps['witnesses']
}

/**
 * Takes entries out of the queue and into the tree, one node at a time: it holds a lock of the database's on a connection
 * of its own, and the database refuses whoever was overtaken.
 */
export interface Sequencer {
  /** Leads, or waits to lead, until `stop`. */
  start(): void
  stop(): Promise<void>
  /** Takes in what waits now, if no other node leads. Returns whether this node does. Throws what stopped it. */
  step(): Promise<boolean>
  /** Resolves when the entry is in the tree and under a signature. Throws AppError `audit-behind` after 5 s. */
  sequenced(record: bigint): Promise<void>
  /** What keeps it from signing: the log is not the one that was signed before. */
  trouble(): string | undefined
}

const SEQUENCER_LOCK = [20002, 2] as const // beside the classes of db/locks.ts
const IDLE_S = 3 // a leader that says nothing for so long loses its connection, and the lock with it
const POLL_MS = 250
const RETRY_MS = 1000
const PATIENCE_MS = 5000

export function createSequencer(deps: SequencerDeps): Sequencer {
  let lead: { readonly client: Tx['$client']; readonly leading: Leading } | undefined
  let turn: Promise<unknown> = Promise.resolve()
  let running: Promise<void> | undefined
  const enough = { controller: new AbortController() }
  let stopping = false
  let trouble: string | undefined
  let objection: string | undefined
  let offered = ''
  let saidAt = Number.NEGATIVE_INFINITY
  const cosigner = createCosigner({
    db: deps.db,
    log: deps.log,
    witnesses: deps.witnesses ?? [],
    objects(what) {
      objection = what
    },
  })

  async function takeLead(): Promise<boolean> {
    if (lead !== undefined) return true
    const client = await deps.db.$client.connect()
    try {
      const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1, $2) as mine', [
        ...SEQUENCER_LOCK,
      ])
      if (!rows[0]!.mine) {
        client.release()
        return false
      }
      await client.query(`set role weir_sequencer; set idle_session_timeout = '${IDLE_S}s'`)
      const leading = await resume(overConnection(client), deps)
      await refuseObjected(leading.position())
      lead = { client, leading }
      trouble = undefined
      deps.metrics.auditTrouble(false)
      return true
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  /** After a restart nothing is signed before the witnesses were asked what they have seen. */
  async function refuseObjected(position: Position | undefined): Promise<void> {
    objection = position === undefined ? undefined : await cosigner.objection(position)
    if (objection !== undefined) throw forked(objection)
  }

  /** The lock goes with the connection; given back first where that is whole, so that the next one need not wait. */
  async function giveUpLead(): Promise<void> {
    const client = lead?.client
    lead = undefined
    await client?.query('select pg_advisory_unlock_all()').catch(() => undefined)
    client?.release(true)
  }

  /** One step at a time, whoever asks. */
  function step(): Promise<boolean> {
    const next = turn.then(stepOnce)
    turn = next.catch(() => undefined)
    return next
  }

  async function stepOnce(): Promise<boolean> {
    try {
      if (!(await takeLead())) return false
      const { leading } = lead!
      for (let more = true; more && !stopping; ) {
        if (objection !== undefined) throw forked(objection)
        more = await leading.takeBatch()
        await leading.sign()
      }
      cosign(leading.position())
      return true
    } catch (error) {
      await giveUpLead()
      if (error instanceof AppError && error.code === 'audit-forked' && trouble !== error.message) {
        trouble = error.message
        deps.metrics.auditTrouble(true)
        deps.log.error({ err: error }, 'the audit log is not signed: it is not the one that was signed before')
      }
      throw error
    } finally {
      if (running === undefined) await giveUpLead()
    }
  }

  /** The newest checkpoint, once: also one from before a witness could be reached. */
  function cosign(position: Position | undefined): void {
    if (position === undefined || position.note === '' || position.note === offered) return
    offered = position.note
    cosigner.submit(position)
  }

  async function sayAges(): Promise<void> {
    if (performance.now() - saidAt < RETRY_MS) return
    saidAt = performance.now()
    deps.metrics.auditAges(await readAuditAges(deps.db))
  }

  async function run(): Promise<void> {
    while (!stopping) {
      let pause = POLL_MS
      try {
        if (await step()) await sayAges()
        else pause = RETRY_MS
      } catch (error) {
        if (sqlState(error) !== 'WA001' && trouble === undefined)
          deps.log.warn({ err: error }, 'the audit log could not be extended; again in a second')
        pause = RETRY_MS
      }
      await delay(pause, undefined, { signal: enough.controller.signal }).catch(() => undefined)
    }
  }

  /** Not in the tree, or in it and under no signature yet. */
  async function isWaiting(record: bigint): Promise<boolean> {
    const { rows } = await deps.db.$client.query<{ signed: boolean }>({
      name: 'audit-is-signed',
      text: `select exists (select from weir.audit_entry e join weir.audit_shard h on h.shard = e.shard
        where e.record_id = $1 and e.action <> 'intake.decide' and e.index < h.first_index + (
          select coalesce(max(s.size), 0) from weir.audit_signature s where s.shard = e.shard)) as signed`,
      values: [record],
    })
    return !rows[0]!.signed
  }

  return {
    start() {
      stopping = false
      enough.controller = new AbortController()
      running ??= run()
    },
    async stop() {
      stopping = true
      enough.controller.abort()
      await running
      running = undefined
      await turn
      await cosigner.idle()
      stopping = false
      await giveUpLead()
    },
    step,
    async sequenced(record) {
      const deadline = performance.now() + PATIENCE_MS
      while (await isWaiting(record)) {
        const led = await step().catch(() => false)
        if (performance.now() > deadline) throw behind()
        if (!led) await delay(25)
      }
    },
    trouble: () => trouble,
  }
}

function behind(): AppError {
  const message = 'the audit log does not take entries in: try again in a moment'
  return new AppError('overloaded', message, { code: 'audit-behind', retryAfter: 5 })
}
