import { type ChildProcess, fork } from 'node:child_process'
import { createSecretKey, randomInt } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../../src/audit/checkpoint.ts'
import { withLog } from '../../../src/audit/database-source.ts'
import { bodyOf } from '../../../src/audit/entry.ts'
import { appendEntries } from '../../../src/audit/log.ts'
import { logSigningKey } from '../../../src/audit/log-key.ts'
import { createSequencer, type Sequencer } from '../../../src/audit/sequencer.ts'
import { appendLeaves, EMPTY_FRONTIER, rootOf } from '../../../src/audit/tree.ts'
import { parseVerifierKey } from '../../../src/audit/verifier-key.ts'
import { verifyLog } from '../../../src/audit/verify-log.ts'
import { type Db, openPool } from '../../../src/db/pool.ts'
import { createLog } from '../../../src/log.ts'
import { createMetrics } from '../../../src/metrics.ts'
import { createTestDatabase, type TestDatabase } from '../../support/test-database.ts'
import { until } from '../../support/until.ts'

const LONG = process.env.WEIR_TEST_LONG === '1'
const KILLS = LONG ? 100 : 10
const SEED = Number(process.env.WEIR_TEST_SEED ?? randomInt(2 ** 31))

let database: TestDatabase
let owner: Db
const nodes = new Set<ChildProcess>()
const durable: string[] = []

beforeEach(async () => {
  durable.length = 0
  database = await createTestDatabase()
  owner = openPool({ url: database.ownerUrl, max: 2 })
})
afterEach(async () => {
  for (const child of nodes) await killed(child)
  await owner.$client.end()
  await database.drop()
})

function startNode(name: string): ChildProcess {
  const child = fork(join(import.meta.dirname, '..', '..', 'support', 'sequencer-node.ts'), [database.appUrl, name], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  })
  child.on('message', (said: { durable: string[] }) => durable.push(...said.durable))
  nodes.add(child)
  return child
}

async function killed(child: ChildProcess): Promise<void> {
  nodes.delete(child)
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

async function signedSize(): Promise<bigint> {
  const { rows } = await owner.$client.query<{ size: bigint | null }>(
    'select max(size) as size from weir.audit_signature',
  )
  return rows[0]!.size ?? 0n
}

/** Pid of the process that leads: its connections are named after it. */
async function leader(): Promise<number | undefined> {
  const { rows } = await owner.$client.query<{ application_name: string }>(
    `select a.application_name from pg_locks l join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'advisory' and l.classid = 20002 and l.objid = 2 and l.granted and l.database = (
       select oid from pg_database where datname = current_database())`,
  )
  const pid = /^node-(\d+)$/.exec(rows[0]?.application_name ?? '')?.[1]
  return pid === undefined ? undefined : Number(pid)
}

/** Every entry once, numbered without a gap, and every checkpoint that was ever signed that of its first entries. */
async function expectWhole(): Promise<void> {
  // In one snapshot: a batch of a node that was just killed may be on its way from the queue into the tree.
  const { rows: all } = await owner.$client.query<{ index: bigint | null; resource: string; leaf: Buffer }>(
    `select index, resource, leaf from weir.audit_entry
     union all select null, resource, null from weir.audit_queue order by index nulls last`,
  )
  const rows = all.filter(({ index }) => index !== null)
  expect(rows.every(({ index }, i) => index === BigInt(i))).toBe(true)
  const kept = all.map(({ resource }) => resource).filter((one) => one.startsWith('node:'))
  expect(new Set(kept).size).toBe(kept.length)
  const there = new Set(kept)
  expect(durable.filter((resource) => !there.has(resource))).toEqual([])
  const { rows: shards } = await owner.$client.query<{ vkey: string }>('select vkey from weir.audit_shard')
  expect(shards).toHaveLength(1)
  const key = parseVerifierKey(shards[0]!.vkey)
  const { rows: notes } = await owner.$client.query<{ note: string }>(
    'select note from weir.audit_signature order by size',
  )
  let tree = EMPTY_FRONTIER
  for (const { note } of notes) {
    const { checkpoint } = openCheckpoint(note, [key])
    const more = rows.slice(Number(tree.size), Number(checkpoint.size)).map(({ leaf }) => leaf)
    tree = appendLeaves(tree, more)
    expect(rootOf(tree).equals(checkpoint.root)).toBe(true)
  }
  expect(notes.length).toBeGreaterThan(1)
}

describe('two nodes under load', () => {
  test(`lose nothing and sign nothing twice over ${KILLS} kills`, { timeout: LONG ? 600_000 : 120_000 }, async () => {
    console.log(`sequencer kills with WEIR_TEST_SEED=${SEED}`)
    let state = SEED
    const random = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return state / 2 ** 32
    }
    const pair = [startNode('a'), startNode('b')]
    for (let kill = 0; kill < KILLS; kill++) {
      const before = await signedSize()
      await until('the log is signed on', async () => (await signedSize()) > before, 20)
      await delay(random() * 120)
      const victim = random() < 0.5 ? 0 : 1
      await killed(pair[victim]!)
      if (random() < 0.3) {
        await killed(pair[1 - victim]!) // both
        pair[1 - victim] = startNode('again')
      }
      pair[victim] = startNode('again')
    }
    for (const child of pair) await killed(child)
    await expectWhole()
  })

  test('have one sequencer, and where it hangs or dies the other takes over within 5 s', async () => {
    const pair = [startNode('a'), startNode('b')]
    await until('somebody leads', async () => (await leader()) !== undefined && (await signedSize()) > 0n, 20)
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
      const pid = await leader()
      const leads = pair.find((child) => child.pid === pid)!
      leads.kill(signal)
      await until('another one leads', async () => ![pid, undefined].includes(await leader()), 5)
      const before = await signedSize()
      await until('and signs', async () => (await signedSize()) > before, 5)
      if (signal === 'SIGSTOP') leads.kill('SIGCONT') // it finds that it was overtaken
    }
    for (const child of pair) await killed(child)
    await expectWhole()
  })
})

describe('what somebody else put into the queue', () => {
  const sequencer = (): Sequencer =>
    createSequencer({
      db: owner,
      key: logSigningKey(createSecretKey(Buffer.alloc(32, 7))),
      publicUrl: 'http://weir.test',
      log: createLog({ level: 'silent' }),
      metrics: createMetrics(),
    })

  test('is entered as it stands where it cannot be read, and holds nobody up', async () => {
    for (const more of ['nope', '{"a":1.5}', '[1]', '"x"', '{"actor":"nobody"}']) {
      await owner.$client.query(
        `insert into weir.audit_queue (actor, action, resource, purpose, outcome, more)
         values ('weir', 'test.append', 'node:odd', 'test', 'done', $1)`,
        [more],
      )
    }
    await owner.$client.query(
      `insert into weir.decision_queue (more, decided_from, hashes) values ('{"a":1.5}', 1, '\\x00')`,
    )
    const one = sequencer()
    expect(await one.step()).toBe(true)
    await one.stop()
    const { rows } = await owner.$client.query<Parameters<typeof bodyOf>[0]>(
      'select * from weir.audit_entry order by index',
    )
    const bodies = rows.map((row) => JSON.parse(bodyOf(row).toString()) as { unreadable?: string; actor: string })
    expect(bodies.map(({ unreadable }) => unreadable).slice(0, 6)).toEqual([
      'nope',
      '{"a":1.5}',
      '[1]',
      '"x"',
      undefined,
      '{"a":1.5}',
    ])
    expect(bodies[4]!.actor).toBe('weir')
    expect(await withLog(owner, (shards) => verifyLog(shards))).toMatchObject({ ok: true })
  })

  test('has a bound, and neither its number nor its time is the writer’s', async () => {
    const app = openPool({ url: database.appUrl, max: 1 })
    const columns = 'actor, action, resource, purpose, outcome'
    try {
      for (const [text, code] of [
        [`insert into weir.audit_queue (${columns}, at) values ('a', 'a', 'a', 'a', 'done', 'infinity')`, '42501'],
        [`insert into weir.audit_queue (${columns}, record_id) values ('a', 'a', 'a', 'a', 'done', 1)`, '42501'],
        [`insert into weir.audit_queue (${columns}) values ('a', 'a', repeat('x', 501), 'a', 'done')`, '23514'],
        [
          `insert into weir.decision_queue (more, decided_from, hashes, at) values ('{}', 1, '', '2099-01-01')`,
          '42501',
        ],
      ] as const) {
        await expect(app.$client.query(text), text).rejects.toMatchObject({ code })
      }
    } finally {
      await app.$client.end()
    }
  })

  test('a shard that stayed empty is no obstacle to the next one', async () => {
    await appendEntries(owner, [
      { actor: 'weir', action: 'test.append', resource: 'a', purpose: 'test', outcome: 'done' },
    ])
    const one = sequencer()
    await one.step()
    await owner.$client.query(`insert into weir.audit_break (reason) values ('reopen')`)
    // A node that was killed between opening a shard and putting its first entries there:
    await owner.$client.query(
      `select weir.audit_open_shard(2, 2026, 'weir.test/audit/2026-9', vkey, null) from weir.audit_shard`,
    )
    await owner.$client.query(`insert into weir.audit_break (reason) values ('reopen')`)
    expect(await one.step()).toBe(true)
    await one.stop()
    const { rows } = await owner.$client.query<{ n: number }>('select count(*)::int as n from weir.audit_shard')
    expect(rows[0]!.n).toBe(3)
  })
})
