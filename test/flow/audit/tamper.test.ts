import { createSecretKey } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readAuditAges } from '../../../src/audit/ages.ts'
import { signCheckpoint } from '../../../src/audit/checkpoint.ts'
import { bodyOf } from '../../../src/audit/entry.ts'
import { appendEntries } from '../../../src/audit/log.ts'
import { logSigningKey } from '../../../src/audit/log-key.ts'
import { createSequencer, type Sequencer } from '../../../src/audit/sequencer.ts'
import { EMPTY_TILES, extendTiles } from '../../../src/audit/tiles.ts'
import { appendLeaves, EMPTY_FRONTIER, leafHash, rootOf, treeHash } from '../../../src/audit/tree.ts'
import {
  COSIGNATURE,
  ed25519FromSeed,
  formatVerifierKey,
  parseVerifierKey,
  verifierKey,
} from '../../../src/audit/verifier-key.ts'
import { startWitness } from '../../../src/cli/audit-witness.ts'
import { type Db, openPool } from '../../../src/db/pool.ts'
import { createLog } from '../../../src/log.ts'
import { createMetrics } from '../../../src/metrics.ts'
import { runCommand } from '../../support/run-command.ts'
import { createTestDatabase, type TestDatabase } from '../../support/test-database.ts'
import { until } from '../../support/until.ts'

// Whoever runs the database can do all of this. The log's key, too, is in their keyset: only what somebody outside has
// seen, a witness or an auditor who kept a checkpoint, stands against a log that was made anew.
const key = logSigningKey(createSecretKey(Buffer.alloc(32, 7)))
const log = createLog({ level: 'silent' })

let database: TestDatabase
let db: Db
let superuser: pg.Client
let folder: string
let witness: Awaited<ReturnType<typeof startWitness>>
let sequencer: Sequencer
const sequencers: Sequencer[] = []

beforeEach(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'weir-tamper-'))
  db = openPool({ url: database.ownerUrl })
  superuser = new pg.Client({ connectionString: database.superuserUrl })
  await superuser.connect()
  await enter(3)
  const first = newSequencer([])
  await first.step()
  const vkey = (await superuser.query<{ vkey: string }>('select vkey from weir.audit_shard')).rows[0]!.vkey
  witness = await startWitness({
    host: '127.0.0.1',
    port: 0,
    state: join(folder, 'witness'),
    name: 'witness.example/one',
    logs: [parseVerifierKey(vkey)],
  })
  for (let i = 0; i < 3; i++) {
    await enter(100)
    await first.step()
  }
  await enter(100)
  sequencer = newSequencer()
  await sequencer.step()
  await cosigned()
})
afterEach(async () => {
  for (const one of sequencers.splice(0)) await one.stop()
  await witness.stop()
  await superuser.end()
  await db.$client.end()
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

function newSequencer(witnesses = [{ url: witness.url, key: parseVerifierKey(witness.vkey) }]): Sequencer {
  const made = createSequencer({ db, key, publicUrl: 'http://weir.test', log, metrics: createMetrics(), witnesses })
  sequencers.push(made)
  return made
}

async function enter(count: number): Promise<void> {
  const entry = { actor: 'weir', action: 'test.append', resource: 'test', purpose: 'test', outcome: 'done' as const }
  await appendEntries(
    db,
    Array.from({ length: count }, (_, i) => ({ ...entry, resource: `test:${i}` })),
  )
}

async function cosigned(): Promise<void> {
  await until('the newest checkpoint is cosigned', async () => {
    const { rows } = await superuser.query<{ done: boolean }>(
      `select (select max(size) from weir.audit_cosignature) = (select max(size) from weir.audit_checkpoint) as done`,
    )
    return rows[0]!.done
  })
}

/** As a superuser: no trigger and no grant holds them back. */
async function tamper(...statements: readonly string[]): Promise<void> {
  await superuser.query('set session_replication_role = replica')
  for (const statement of statements) await superuser.query(statement)
  await superuser.query('set session_replication_role = origin')
}

interface Verified {
  readonly ok: boolean
  readonly size: number
  readonly problems: readonly { readonly kind: string; readonly index: number | string | null }[]
}

async function verify(...args: string[]): Promise<Verified> {
  const ran = await runCommand(['audit', 'verify', '--json', ...args], { DATABASE_URL: database.ownerUrl })
  const found = JSON.parse(ran.stdout) as Verified
  expect(ran.code).toBe(found.ok ? 0 : 1)
  return found
}

const kinds = ({ problems }: Verified): string[] => [...new Set(problems.map(({ kind }) => kind))].toSorted()
const at = ({ problems }: Verified, kind: string): number[] =>
  problems.filter((problem) => problem.kind === kind).map(({ index }) => Number(index))

/** What the witness makes of it: a sequencer that starts now asks it before it signs. */
async function witnessObjects(): Promise<boolean> {
  await enter(1)
  const restarted = newSequencer()
  const refused = await restarted.step().then(
    () => false,
    () => true,
  )
  return refused && /witness/.test(restarted.trouble() ?? '')
}

/** Root of a log that was made anew from what its entries say now, tiles and checkpoints with it, and signed. */
async function makeAnew(): Promise<void> {
  const { rows: shards } = await superuser.query<{ origin: string }>('select origin from weir.audit_shard')
  const { rows } = await superuser.query<Parameters<typeof bodyOf>[0] & { index: bigint }>(
    'select * from weir.audit_entry order by index',
  )
  const leaves = rows.map((row) => leafHash(bodyOf(row)))
  const root = rootOf(appendLeaves(EMPTY_FRONTIER, leaves))
  const size = BigInt(leaves.length)
  const note = signCheckpoint({ origin: shards[0]!.origin, size, root }, { name: shards[0]!.origin, key })
  await tamper(
    'delete from weir.audit_tile',
    'delete from weir.audit_checkpoint',
    'delete from weir.audit_signature',
    'delete from weir.audit_cosignature',
  )
  for (const [i, leaf] of leaves.entries()) {
    await superuser.query('set session_replication_role = replica')
    await superuser.query('update weir.audit_entry set leaf = $1, index = $2 where index = $3', [
      leaf,
      i,
      rows[i]!.index,
    ])
  }
  const state = extendTiles(EMPTY_TILES, leaves)
  for (const tile of state.completed) {
    await superuser.query(
      'insert into weir.audit_tile (shard, level, index, hashes, root) values (1, $1, $2, $3, $4)',
      [tile.level, tile.index, tile.hashes, tile.root],
    )
  }
  await superuser.query('insert into weir.audit_checkpoint (shard, size, root) values (1, $1, $2)', [size, root])
  await superuser.query('insert into weir.audit_signature (shard, size, note) values (1, $1, $2)', [size, note])
  await superuser.query('set session_replication_role = origin')
}

async function keptCheckpoint(): Promise<string> {
  const { rows } = await superuser.query<{ note: string }>(
    'select note from weir.audit_signature order by size limit 1 offset 2',
  )
  const file = join(folder, 'kept.txt')
  await writeFile(file, rows[0]!.note)
  return file
}

test('a log that nobody touched is whole, whatever waits, and its witness has seen all of it', async () => {
  await enter(5)
  const found = await verify('--witness', witness.vkey)
  expect(found).toMatchObject({ ok: true, size: 404, problems: [] })
  const ages = await readAuditAges(db)
  expect(ages.waiting).toBeGreaterThan(0)
  expect(ages.unwitnessed).toBeCloseTo(ages.waiting, 2)
  await sequencer.step()
  expect((await readAuditAges(db)).waiting).toBe(0)
})

describe('of what was done to entries verify says which, and nothing more is signed', () => {
  test.each<[what: string, statements: string[], found: Record<string, number[]>]>([
    ['changed', [`update weir.audit_entry set actor = 'nobody' where index = 200`], { changed: [200] }],
    ['back-dated', [`update weir.audit_entry set at = at - interval '1 day' where index = 200`], { changed: [200] }],
    ['deleted', ['delete from weir.audit_entry where index = 200'], { missing: [200] }],
    [
      'inserted',
      [
        'update weir.audit_entry set index = index + 100000 where index >= 200',
        `insert into weir.audit_entry select shard, 200, 999999, at, actor, action, resource, purpose, case_id, outcome, more,
           decided_from, hashes, leaf from weir.audit_entry where index = 100`,
        'update weir.audit_entry set index = index - 99999 where index >= 100000',
      ],
      { root: [], tile: [] },
    ],
    [
      'reordered',
      [
        'update weir.audit_entry set index = 100000 where index = 200',
        'update weir.audit_entry set index = 200 where index = 201',
        'update weir.audit_entry set index = 201 where index = 100000',
      ],
      { root: [], tile: [200, 201] },
    ],
    ['cut off', ['delete from weir.audit_entry where index >= 390'], { missing: [390] }],
  ])('%s', async (_what, statements, expected) => {
    await tamper(...statements)
    const found = await verify()
    expect(found.ok).toBe(false)
    for (const [kind, indexes] of Object.entries(expected)) {
      expect(kinds(found)).toContain(kind)
      if (indexes.length > 0) expect(at(found, kind)).toEqual(indexes)
    }
  })
})

describe('what was done to all of it, signed anew with its own key,', () => {
  test('is found by a checkpoint that somebody kept, and by the witness', async () => {
    const kept = await keptCheckpoint()
    await tamper(`update weir.audit_entry set actor = 'nobody' where index = 20`)
    await makeAnew()
    expect(await verify()).toMatchObject({ ok: true }) // held against itself alone it is whole
    const found = await verify('--known', kept)
    expect(found.ok).toBe(false)
    expect(kinds(found)).toContain('fork')
    expect(await witnessObjects()).toBe(true)
  })

  test('where it was set back to an earlier state, too', async () => {
    const kept = await keptCheckpoint()
    await tamper(
      'delete from weir.audit_entry where index >= 50',
      ...['checkpoint', 'signature', 'cosignature'].map((name) => `delete from weir.audit_${name} where size > 3`),
    )
    await makeAnew()
    expect(await verify()).toMatchObject({ ok: true, size: 50 })
    expect(kinds(await verify('--known', kept))).toContain('truncated')
    expect(await witnessObjects()).toBe(true)
    const before = await verify()
    expect(before.size).toBe(50) // nothing was signed over it
  })
})

test('a sequencer that finds another root than was signed refuses to sign, says so, and goes on once it is put right', async () => {
  await tamper(`update weir.audit_entry set leaf = sha256('x') where index = 400`)
  await enter(1)
  const restarted = newSequencer([])
  await expect(restarted.step()).rejects.toMatchObject({ code: 'audit-forked' })
  expect(restarted.trouble()).toMatch(/run weir audit verify/i)
  const ran = await runCommand(['audit', 'reopen', '--json'], { DATABASE_URL: database.ownerUrl })
  expect(ran.code).toBe(0)
  expect(await restarted.step()).toBe(true)
  expect(restarted.trouble()).toBeUndefined()
  const { rows } = await superuser.query<{ origin: string; first_index: string }>(
    'select origin, first_index from weir.audit_shard order by shard',
  )
  const year = new Date().getUTCFullYear()
  expect(rows).toEqual([
    { origin: `weir.test/audit/${year}`, first_index: '0' },
    { origin: expect.stringMatching(`^weir\\.test/audit/${year}-\\d{7,9}$`), first_index: '404' },
  ])
  const found = await verify()
  expect(at(found, 'changed')).toEqual([400]) // the damage stays where it is, for everybody to see
})

test('a log that was changed with its own last checkpoint is not the one that was signed: nothing is signed over it', async () => {
  await tamper(`update weir.audit_entry set leaf = sha256('x') where index = 400`)
  const { rows } = await superuser.query<{ leaf: Buffer }>('select leaf from weir.audit_entry order by index')
  await superuser.query('set session_replication_role = replica')
  await superuser.query('update weir.audit_checkpoint set root = $1 where size = $2', [
    treeHash(rows.map(({ leaf }) => leaf)),
    rows.length,
  ])
  await superuser.query('set session_replication_role = origin')
  await enter(1)
  const restarted = newSequencer([])
  await expect(restarted.step()).rejects.toMatchObject({ code: 'audit-forked' })
  expect(restarted.trouble()).toMatch(/have changed/)
})

test('who was overtaken extends nothing: the database holds the size against what was expected', async () => {
  const held = (await superuser.query<{ size: string }>('select max(size) as size from weir.audit_checkpoint')).rows[0]!
    .size
  const extend = (expected: bigint) =>
    db.$client.query(`select weir.audit_extend(1, $1, '{}', '{}', sha256(''), '{}', '{}', '{}', '{}')`, [expected])
  for (const stale of [BigInt(held) - 1n, BigInt(held) + 1n, 0n]) {
    await expect(extend(stale)).rejects.toMatchObject({ code: 'WA001' })
  }
})

test('a running leader hears of a restore at its next entry', async () => {
  await superuser.query(`insert into weir.audit_break (reason) values ('restore')`)
  await enter(2)
  await sequencer.step().catch(() => undefined)
  await sequencer.step()
  await cosigned().catch(() => undefined)
  const found = await verify()
  expect(found).toMatchObject({ ok: true })
  const { rows } = await superuser.query<{ n: number }>('select count(*)::int as n from weir.audit_shard')
  expect(rows[0]!.n).toBe(2)
})

describe('whom an auditor names', () => {
  test('a witness that cosigned nothing is missed, one that did is said with how far', async () => {
    const stranger = formatVerifierKey(
      verifierKey('witness.example/never', ed25519FromSeed(Buffer.alloc(32, 9)), COSIGNATURE),
    )
    const found = await verify('--witness', witness.vkey, '--witness', stranger)
    expect(found.problems).toMatchObject([{ kind: 'unwitnessed', detail: expect.stringContaining('never') }])
    const { shards } = (await verify('--witness', witness.vkey)) as Verified & { shards: { cosigned: unknown }[] }
    expect(shards[0]!.cosigned).toEqual([{ witness: 'witness.example/one', size: 404 }])
  })

  test('a log without a shard of the key, and one with shards of two keys, are not whole', async () => {
    const own = (await superuser.query<{ vkey: string }>('select vkey from weir.audit_shard')).rows[0]!.vkey
    expect(await verify('--key', own)).toMatchObject({ ok: true })
    await superuser.query(`insert into weir.audit_break (reason) values ('reopen')`)
    await enter(1)
    const other = createSequencer({
      db,
      key: logSigningKey(createSecretKey(Buffer.alloc(32, 8))),
      publicUrl: 'http://weir.test',
      log,
      metrics: createMetrics(),
    })
    sequencers.push(other)
    await sequencer.stop()
    expect(await other.step()).toBe(true)
    expect(kinds(await verify())).toEqual(['key'])
    expect(kinds(await verify('--key', own))).toEqual(['key'])
    await tamper(
      ...['entry', 'shard', 'signature', 'checkpoint', 'tile', 'cosignature'].map(
        (name) => `delete from weir.audit_${name}`,
      ),
    )
    expect(kinds(await verify('--key', own))).toEqual(['missing'])
  })
})

test('a checkpoint that a witness could not take is taken there again, though nothing new happens', async () => {
  const { url } = witness
  await witness.stop()
  await enter(1)
  const late = newSequencer([{ url, key: parseVerifierKey(witness.vkey) }])
  late.start()
  await until('it is signed', async () => (await verify()).size === 405)
  const logs = [
    parseVerifierKey((await superuser.query<{ vkey: string }>('select vkey from weir.audit_shard')).rows[0]!.vkey),
  ]
  witness = await startWitness({
    host: '127.0.0.1',
    port: Number(new URL(url).port),
    state: join(folder, 'witness'),
    logs,
  })
  await cosigned()
})
