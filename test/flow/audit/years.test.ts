import { createSecretKey } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signCheckpoint } from '../../../src/audit/checkpoint.ts'
import { withLog } from '../../../src/audit/database-source.ts'
import { appendEntries } from '../../../src/audit/log.ts'
import { logSigningKey } from '../../../src/audit/log-key.ts'
import { proveEntry } from '../../../src/audit/prove-entry.ts'
import { createSequencer, type Sequencer } from '../../../src/audit/sequencer.ts'
import { verifyTlogProof } from '../../../src/audit/tlog-proof.ts'
import { treeHash } from '../../../src/audit/tree.ts'
import { parseVerifierKey } from '../../../src/audit/verifier-key.ts'
import { verifyLog } from '../../../src/audit/verify-log.ts'
import { type Db, openPool } from '../../../src/db/pool.ts'
import { createLog } from '../../../src/log.ts'
import { createMetrics } from '../../../src/metrics.ts'
import { createTestDatabase, type TestDatabase } from '../../support/test-database.ts'

const key = logSigningKey(createSecretKey(Buffer.alloc(32, 7)))
let database: TestDatabase
let db: Db
let sequencer: Sequencer

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool({ url: database.ownerUrl })
  sequencer = createSequencer({
    db,
    key,
    publicUrl: 'https://weir.shop.example:8443',
    log: createLog({ level: 'silent' }),
    metrics: createMetrics(),
  })
})
afterAll(async () => {
  await sequencer.stop()
  await db.$client.end()
  await database.drop()
})

/** Entries as they were made in that year: what waits has the database's time. */
async function enterIn(year: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await db.$client.query(
      `insert into weir.audit_queue (at, actor, action, resource, purpose, outcome)
       values ($1, 'weir', 'test.append', $2, 'test', 'done')`,
      [`${year}-12-31T23:00:00Z`, `test:${year}/${i}`],
    )
  }
}

test('each year is a tree of its own under its own name, and begins with what the one before ended with', async () => {
  const year = new Date().getUTCFullYear()
  await enterIn(year - 1, 300)
  await sequencer.step()
  await appendEntries(db, [{ actor: 'weir', action: 'test.append', resource: 'now', purpose: 'test', outcome: 'done' }])
  await enterIn(year - 1, 1) // made before midnight, committed after it: no way back into a tree that has ended
  await sequencer.step()
  await sequencer.step()
  const { rows } = await db.$client.query<{ origin: string; first_index: bigint; previous: string | null }>(
    'select origin, first_index, previous from weir.audit_shard order by shard',
  )
  const origin = (of: number): string => `weir.shop.example.8443/audit/${of}`
  expect(rows.map((row) => ({ ...row, previous: row.previous?.split('\n').slice(0, 2) }))).toEqual([
    { origin: origin(year - 1), first_index: 0n, previous: undefined },
    { origin: origin(year), first_index: 300n, previous: [origin(year - 1), '300'] },
  ])
  const opened = await db.$client.query<{ more: string }>(
    `select more from weir.audit_entry where action = 'audit.open' order by index desc limit 1`,
  )
  const [text] = rows[1]!.previous!.split('\n\n')
  expect(JSON.parse(opened.rows[0]!.more)).toEqual({ previous: `${text}\n` })
  const found = await withLog(db, (shards) => verifyLog(shards))
  expect(found).toMatchObject({ ok: true, problems: [] })
  expect(found.shards.map((shard) => shard.size)).toEqual([300n, 4n])
})

test('an entry of any year is proved under the key of its year', async () => {
  const { rows } = await db.$client.query<{ vkey: string }>('select vkey from weir.audit_shard order by shard')
  const keys = rows.map(({ vkey }) => parseVerifierKey(vkey))
  for (const [index, year] of [
    [0n, 0],
    [299n, 0],
    [300n, 1],
  ] as const) {
    const receipt = await proveEntry(db, index)
    expect(verifyTlogProof(receipt, { log: [keys[year]!] }).outcome).toBe('valid')
    expect(verifyTlogProof(receipt, { log: [keys[1 - year]!] }).outcome).toBe('signature')
  }
})

test('a year that was made anew, signatures and all, is not the one that the next year was opened after', async () => {
  const superuser = new pg.Client({ connectionString: database.superuserUrl })
  await superuser.connect()
  try {
    const { rows } = await superuser.query<{ index: string; leaf: Buffer; origin: string }>(
      `select e.index, e.leaf, s.origin from weir.audit_entry e join weir.audit_shard s on s.shard = e.shard
       where e.shard = 1 and index < 200 order by index`,
    )
    const { origin } = rows[0]!
    const root = treeHash(rows.map(({ leaf }) => leaf))
    const note = signCheckpoint({ origin, size: 200n, root }, { name: origin, key })
    await superuser.query('set session_replication_role = replica')
    await superuser.query('delete from weir.audit_entry where shard = 1 and index >= 200')
    for (const table of ['tile', 'signature', 'checkpoint']) {
      await superuser.query(`delete from weir.audit_${table} where shard = 1`)
    }
    await superuser.query('insert into weir.audit_checkpoint (shard, size, root) values (1, 200, $1)', [root])
    await superuser.query('insert into weir.audit_signature (shard, size, note) values (1, 200, $1)', [note])
    await superuser.query('update weir.audit_entry set index = index - 100 where shard = 2')
    await superuser.query('update weir.audit_shard set first_index = 200 where shard = 2')
  } finally {
    await superuser.end()
  }
  const found = await withLog(db, (shards) => verifyLog(shards))
  expect(found.problems).toMatchObject([
    { kind: 'fork', index: '200', detail: expect.stringContaining('had 300 entries') },
  ])
})
