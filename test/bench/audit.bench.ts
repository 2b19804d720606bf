import { createSecretKey } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withLog } from '../../src/audit/database-source.ts'
import { appendEntries } from '../../src/audit/log.ts'
import { logSigningKey } from '../../src/audit/log-key.ts'
import { proveEntry } from '../../src/audit/prove-entry.ts'
import { createSequencer, type Sequencer } from '../../src/audit/sequencer.ts'
import { verifyTlogProof } from '../../src/audit/tlog-proof.ts'
import { parseVerifierKey } from '../../src/audit/verifier-key.ts'
import { verifyLog } from '../../src/audit/verify-log.ts'
import type { BenchResult } from '../../src/cli/bench.ts'
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/db/database.ts'
import { removeData } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { type Db, openPool } from '../../src/db/pool.ts'
import { createLog } from '../../src/log.ts'
import { createMetrics } from '../../src/metrics.ts'
import { quantile, rounded } from './client.ts'

const ENTRIES = Number(process.env.WEIR_BENCH_AUDIT_ENTRIES ?? 1_000_000)
const SECONDS = 5
const WRITERS = 4
const GOALS = { appends: 10_000, proofMs: 20 }

/** Durable appends until they are signed, on a Postgres that syncs; proofs in a large log; and verifying all of it. */
export async function run(): Promise<BenchResult> {
  const dataDir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
  const log = createLog({ level: 'warn' })
  const { config, secrets } = readConfig({ WEIR_DATA_DIR: dataDir })
  const database = await openDatabase(config, secrets, log)
  const owner = openPool({ ...database.owner, max: WRITERS + 2 })
  try {
    await migrate(owner)
    const app = openPool({ ...database.app, max: WRITERS + 4 })
    const key = logSigningKey(createSecretKey(Buffer.alloc(32, 7)))
    const sequencer = createSequencer({ db: app, key, publicUrl: 'http://weir.test', log, metrics: createMetrics() })
    const figures: Record<string, number> = {}
    for (const batch of [1, 64, 1000])
      figures[`appends_per_second_batch_${batch}`] = await appends(app, sequencer, batch)
    figures.sequenced_per_second = await fill(owner, sequencer, ENTRIES)
    Object.assign(figures, await proofs(app))
    Object.assign(figures, await verification(app))
    await sequencer.stop()
    await app.$client.end()
    const most = Math.max(figures.appends_per_second_batch_64!, figures.appends_per_second_batch_1000!)
    const proof = figures.proof_ms_p99!
    return {
      name: 'audit',
      figures: { log_entries: ENTRIES, ...figures },
      goals: [
        {
          what: 'appends a second, durable and signed, batched',
          goal: GOALS.appends,
          value: most,
          met: most >= GOALS.appends,
        },
        { what: 'a proof, p99 in ms, at most', goal: GOALS.proofMs, value: proof, met: proof <= GOALS.proofMs },
      ],
    }
  } finally {
    await owner.$client.end()
    await database.stop()
    await removeData(dataDir)
  }
}

const ENTRY = {
  actor: 'officer:00000000-0000-4000-8000-000000000000',
  action: 'bench.append',
  resource: 'decision:123456',
  purpose: 'explanation',
  outcome: 'done',
  more: { details: ['AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'], subjects: ['AAAAAAAAAAAAAAAAAAAAAA'] },
} as const

/** Entries a second from several writers, each with one batch under way, until the last of them is signed. */
async function appends(db: Db, sequencer: Sequencer, batch: number): Promise<number> {
  const entries = Array.from({ length: batch }, () => ENTRY)
  const start = performance.now()
  let done = 0
  let open = true
  const sequencing = (async () => {
    while (open) await sequencer.step()
  })()
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (performance.now() - start < SECONDS * 1000) {
        await appendEntries(db, entries)
        done += batch
      }
    }),
  )
  open = false
  await sequencing
  await sequencer.step()
  return Math.round(done / ((performance.now() - start) / 1000))
}

/** Fills the log, and says how fast what waits is taken into the tree. */
async function fill(owner: Db, sequencer: Sequencer, entries: number): Promise<number> {
  await owner.$client.query(
    `insert into weir.audit_queue (actor, action, resource, purpose, outcome, more)
     select $1, $2, 'decision:' || n, $3, 'done', $4 from generate_series(1, $5::integer) as n`,
    [ENTRY.actor, ENTRY.action, ENTRY.purpose, JSON.stringify(ENTRY.more), entries],
  )
  const start = performance.now()
  await sequencer.step()
  return Math.round(entries / ((performance.now() - start) / 1000))
}

async function proofs(db: Db): Promise<Record<string, number>> {
  const { rows } = await db.$client.query<{ size: bigint; vkey: string }>(
    'select max(c.size) as size, min(s.vkey) as vkey from weir.audit_checkpoint c join weir.audit_shard s on s.shard = c.shard',
  )
  const { size, vkey } = rows[0]!
  const keys = [parseVerifierKey(vkey)]
  const proving: number[] = []
  const verifying: number[] = []
  for (let i = 0; i < 500; i++) {
    const index = (BigInt(i) * 7919n * 104_729n) % size
    const before = performance.now()
    const text = await proveEntry(db, index)
    const between = performance.now()
    if (verifyTlogProof(text, { log: keys }).outcome !== 'valid') throw new Error('a proof is not valid')
    verifying.push(performance.now() - between)
    proving.push(between - before)
  }
  return {
    proof_ms_p50: rounded(quantile(proving, 0.5)),
    proof_ms_p99: rounded(quantile(proving, 0.99)),
    verify_proof_ms_p50: rounded(quantile(verifying, 0.5)),
  }
}

async function verification(db: Db): Promise<Record<string, number>> {
  const start = performance.now()
  const { ok, size } = await withLog(db, (shards) => verifyLog(shards))
  if (!ok) throw new Error('the log is not whole')
  const seconds = (performance.now() - start) / 1000
  return { verified_entries: Number(size), verified_per_second: Math.round(Number(size) / seconds) }
}
