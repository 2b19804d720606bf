import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attribution } from '../../src/modules/attribution/attribution.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { createPseudonymisers } from '../../src/pipeline/pseudonymisers.ts'
import { readDestinationIds } from '../../src/policy/registry.ts'
import { measureDrift, violationsOf } from '../../src/retention/drift.ts'
import { dayOf } from '../../src/retention/due.ts'
import { detach, listPartitions, type Partition } from '../../src/retention/partitions.ts'
import { makePlan, type Plan, type PlanClass } from '../../src/retention/plan.ts'
import { readRuling } from '../../src/retention/ruling.ts'
import { type Ran, type RunDeps, type RunOrder, runDue } from '../../src/retention/run.ts'
import { makeExpiredPartition, makeExpiredTouches } from '../bench/expired-rows.ts'
import { approvedFuse } from '../support/lifted-fuse.ts'
import { policyWith } from '../support/recording-module.ts'
import { runCommand } from '../support/run-command.ts'
import { createTestApp, type TestApp, track } from '../support/test-app.ts'
import { until } from '../support/until.ts'

const DAY_MS = 86_400_000
const WEIR = join(import.meta.dirname, '..', '..', 'bin', 'weir.mjs')
const MODULES = [attribution, recommendation]

let policyDir: string
let folder: string
let weir: TestApp

beforeAll(async () => {
  policyDir = await policyWith((text) => `${text}\nretention: {fuse_share: 0.6, fuse_rows: 500}\n`)
  folder = await mkdtemp(join(tmpdir(), 'weir-retention-'))
  weir = await createTestApp({ policyDir })
  await weir.grant('ann', 'attribution', 'personalisation')
  await weir.send(...['tea', 'cup'].map((product_id) => track('ann', 'Product Viewed', { product_id })))
  await weir.settle()
})
afterAll(async () => {
  await weir.stop()
  await rm(policyDir, { recursive: true })
  await rm(folder, { recursive: true })
})

async function deps(more: Partial<RunDeps> = {}): Promise<RunDeps> {
  const destinationIds = await readDestinationIds(weir.db)
  const { keyring } = weir
  const pseudonymisers = createPseudonymisers(keyring)
  return {
    db: weir.db,
    ruling: await readRuling(weir.db, { modules: MODULES, now: Date.now() }),
    destinations: async () =>
      MODULES.map((module) => ({
        destinationId: destinationIds.get(module.name)!,
        module,
        keyring,
        pseudonymisers,
        now: Date.now,
      })),
    destinationIds,
    forget: () => undefined,
    actor: 'cli',
    ...more,
  }
}

async function plan(): Promise<Plan> {
  return makePlan(weir.db, (await deps()).ruling)
}

async function run(order: RunOrder, more: Partial<RunDeps> = {}): Promise<Ran | undefined> {
  return runDue(await deps(more), order)
}

function ofClass({ classes }: Plan, name: string): PlanClass {
  return classes.find((one) => one.class === name)!
}

/** The last line of the log about anything but an exchange. */
function lastSaid(): string | undefined {
  const said = weir.logged().trim().split('\n')
  return (JSON.parse(said.at(-1)!) as { msg?: string }).msg
}

async function count(from: string): Promise<number> {
  const { rows } = await weir.owner.$client.query<{ n: number }>(`select count(*)::int as n from ${from}`)
  return rows[0]!.n
}

describe('a plan', () => {
  test('names every class, also those of which nothing is due, and changes nothing', async () => {
    const made = await plan()
    expect(made.classes.map((one) => `${one.class}:${one.action}`)).toEqual([
      ...['behaviour', 'contact', 'identity'].map((name) => `${name}:drop-partition`),
      'order:drop-partition',
      'order:restrict',
      ...['sensitive', 'technical', 'text', 'unclassified', 'event-log'].map((name) => `${name}:drop-partition`),
      'flow-probe:delete',
      'dead-letter:delete',
      'withdrawal:delete',
      'consent-ledger:delete',
      'idle-device:shred',
      'idle-person:shred',
      'attribution.touch:delete',
      'attribution.conversion:delete',
      'recommendation.view:delete',
      'recommendation.cart_change:delete',
      'recommendation.order_line:delete',
      'recommendation.order_return:delete',
    ])
    expect(made.classes.filter((one) => one.rows > 0)).toEqual([])
    expect((await plan()).hash).toBe(made.hash)
  })

  test('is refused by the run once it is not what would be done any more', async () => {
    const before = await plan()
    const { part } = await makeExpiredPartition(weir.owner, 3)
    await expect(run({ expected: before.hash })).rejects.toMatchObject({ code: 'plan-changed' })
    const now = await plan()
    expect(ofClass(now, 'behaviour')).toMatchObject({ rows: 3, partitions: [part], oldest: '2019-07-05' })
    expect(await run({ expected: now.hash })).toMatchObject({ taken: { 'behaviour:drop-partition': 3 }, left: [] })
    expect(ofClass(await plan(), 'behaviour')).toMatchObject({ rows: 0, partitions: [] })
    const resource = `retention:${now.hash.slice(0, 16)}`
    expect((await weir.entries()).filter((entry) => entry.resource === resource)).toMatchObject([
      { actor: 'cli', action: 'retention.run', outcome: 'done' },
    ])
  })
})

describe('the fuse', () => {
  test('stops a run before it begins, until two officers lift it', async () => {
    await makeExpiredPartition(weir.owner, 600, '2020-02-01')
    const kept = await count('weir.sealed')
    const { hash, classes } = await plan()
    expect(classes.filter((one) => one.blown).map((one) => one.class)).toEqual(['behaviour'])
    await expect(run({ expected: hash })).rejects.toThrow(
      /nothing was taken.*behaviour \(600 rows: 600 overdue since before this step, (100|99) % of the 60\d stored\)/,
    )
    expect(await count('weir.sealed')).toBe(kept)

    await weir.app.maintain() // housekeeping stops as well, and says so
    expect(await count('weir.sealed')).toBe(kept)
    expect(weir.logged()).toContain('the retention fuse is blown')
    expect(lastSaid()).toBe('something is kept for longer than the policy allows')
    expect(await weir.app.metrics.registry.metrics()).toContain('weir_retention_fuse_blown{class="behaviour"} 1')
    expect(await weir.app.metrics.registry.metrics()).toMatch(
      /weir_retention_overdue_seconds\{class="behaviour"\} [1-9]\d{7}/,
    )

    const liftFuse = await approvedFuse(weir, hash)
    expect(await run({ expected: hash, liftFuse })).toMatchObject({ finished: true })
    expect(await count('weir.sealed')).toBe(kept - 600)
    expect(await weir.entries('retention.fuse.lift')).toMatchObject([
      { actor: 'cli', case_id: 'OPS-1', more: `{"approval":"disclosure:${liftFuse}"}` },
    ])
    await weir.app.maintain()
    expect(await weir.app.metrics.registry.metrics()).toContain('weir_retention_fuse_blown{class="behaviour"} 0')
    expect(lastSaid()).toBe('housekeeping is done')
  })

  test('is not blown by what falls due in this very step, however much of the store that is', async () => {
    const month = `${dayOf(Date.now()).slice(0, 7)}-01`
    if (month.slice(5, 7) === '12') return
    await makeExpiredPartition(weir.owner, 700, month)
    expect(ofClass(await plan(), 'behaviour')).toMatchObject({ rows: 700, share: 0, blown: false })
    expect(await run({})).toMatchObject({ finished: true })
  })
})

describe('a run that is broken off', () => {
  test('after each of its batches goes on with the next: nothing due is left, nothing else is taken, nothing twice', async () => {
    const [blobs, touches] = [await count('weir.sealed'), await count('attribution.touch')]
    await makeExpiredPartition(weir.owner, 40, '2020-03-01')
    await makeExpiredPartition(weir.owner, 40, '2020-04-01')
    await makeExpiredTouches(weir.owner, 6_000)
    await weir.owner.$client.query(
      `insert into weir.consent_ledger (subject_id, consent_epoch, record_id, recorded_at, claimed_at, asked_granted, asked_refused,
         granted, refused, evidence, proof, source_id, policy_version)
       select gen_random_uuid(), 1, gen_random_uuid(), '2020-01-01', '2020-01-01', 1, 0, 1, 0, 'api', 'none', 1, 1
       from generate_series(1, 1500)`,
    )
    const { classes, hash } = await plan()
    const liftFuse = await approvedFuse(weir, hash)
    expect(classes.filter((one) => one.rows > 0).map((one) => [one.class, one.rows])).toEqual([
      ['behaviour', 80],
      ['consent-ledger', 1_500],
      ['attribution.touch', 6_000],
    ])
    let done: Ran | undefined
    let broken = 0
    const breaking = {
      progress: () => {
        throw new Error('killed')
      },
    }
    while (broken < 100) {
      const ran = await run({ expected: hash, liftFuse }, breaking).catch((error: Error) => error)
      if (!(ran instanceof Error)) {
        done = ran
        break
      }
      expect(ran.message).toBe('killed')
      broken++
    }
    expect(broken).toBeGreaterThan(8)
    expect(done).toMatchObject({
      resumed: true,
      taken: { 'behaviour:drop-partition': 80, 'consent-ledger:delete': 1_500, 'attribution.touch:delete': 6_000 },
    })
    expect(await count('weir.sealed')).toBe(blobs)
    expect(await count('attribution.touch')).toBe(touches + 6_000)
    expect(violationsOf(await measureDrift(weir.db, (await deps()).ruling, { thorough: true }))).toEqual([])
  })

  test('between detaching a partition and dropping it, or in the middle of detaching, is finished by the next run', async () => {
    const kept = await count('weir.sealed')
    const parts = [
      await makeExpiredPartition(weir.owner, 5, '2020-05-01'),
      await makeExpiredPartition(weir.owner, 6, '2020-06-01'),
    ]
    const find = async (part: string): Promise<Partition> =>
      (await listPartitions(weir.db)).find((one) => one.part === part)!
    expect(await detach(weir.db, await find(parts[0]!.part!))).toBe(true)
    const reader = await weir.owner.$client.connect()
    await reader.query('begin')
    await reader.query(`select from weir.sealed where due = '2020-06-01' limit 1`)
    const { left } = (await run({}))! // a reader that does not end
    expect(left).toEqual([parts[1]!.part])
    expect(await find(parts[1]!.part!)).toMatchObject({ state: 'pending' })
    expect(await find(parts[0]!.part!)).toBeUndefined()
    await reader.query('rollback')
    reader.release()
    expect(await run({})).toMatchObject({ taken: { 'behaviour:drop-partition': 6 }, left: [] })
    expect(await count('weir.sealed')).toBe(kept)
  })

  test('by kill -9 of a real process goes on in the next one', async () => {
    await makeExpiredTouches(weir.owner, 60_000, '2020-01-02')
    const env = { ...process.env, DATABASE_URL: weir.database.ownerUrl, WEIR_DATA_DIR: folder }
    const { hash } = await plan()
    const args = ['retention', 'run', '--plan', hash, '--lift-fuse', await approvedFuse(weir, hash), '--json']
    const child = spawn(process.execPath, [WEIR, ...args], { env, stdio: 'ignore' })
    const ended = once(child, 'exit')
    await until('it has begun', async () => {
      const { rows } = await weir.owner.$client.query(
        `select from weir.retention_step s join weir.retention_run r
        on r.run_id = s.run_id where r.plan_hash = $1 and s.rows_done > 0`,
        [hash],
      )
      return rows.length > 0 || child.exitCode !== null
    })
    child.kill('SIGKILL')
    expect(await ended).toEqual([null, 'SIGKILL'])
    const left = await count(`attribution.touch where at < '2020-02-01'`)
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThan(60_000)
    await until(
      'its locks are gone',
      async () => (await count(`pg_locks where locktype = 'advisory' and classid = 20006`)) === 0,
    )
    const again = await runCommand(args, env as Record<string, string>)
    expect(again.stderr).toBe('')
    expect(JSON.parse(again.stdout)).toMatchObject({
      resumed: true,
      finished: true,
      taken: { 'attribution.touch:delete': 60_000 },
    })
    expect(await count(`attribution.touch where at < '2020-02-01'`)).toBe(0)
  })

  test('two nodes take turns: one runs, the other leaves it to it', async () => {
    await makeExpiredTouches(weir.owner, 3_000, '2020-01-03')
    const liftFuse = await approvedFuse(weir, (await plan()).hash)
    const ran = await Promise.all([1, 2, 3].map(() => run({ liftFuse })))
    expect(ran.filter((one) => one !== undefined).length).toBeGreaterThan(0)
    expect(ran.reduce((sum, one) => sum + (one?.taken['attribution.touch:delete'] ?? 0), 0)).toBe(3_000)
  })
})

test('the commands: plan with a moved clock, run by hash only, drift with an exit code, no moved clock in production', async () => {
  const env = { DATABASE_URL: weir.database.ownerUrl, WEIR_DATA_DIR: folder }
  const planned = await runCommand(['retention', 'plan', '--now', '2029-06-01', '--json'], env)
  expect(planned).toMatchObject({ code: 0, stderr: '' })
  const document = JSON.parse(planned.stdout) as Plan
  expect(document.hash).toMatch(/^[0-9a-f]{64}$/)
  expect(document.classes.find((one) => one.class === 'recommendation.view')).toMatchObject({
    action: 'delete',
    rows: 2,
    oldest: dayOf(Date.now()),
  })
  expect((await runCommand(['retention', 'run', '--plan', document.hash, '--json'], env)).code).toBe(1)
  expect((await runCommand(['retention', 'run', '--json'], env)).code).toBe(2)
  const now = await runCommand(['retention', 'drift', '--json'], env)
  expect(JSON.parse(now.stdout)).toMatchObject({ violations: [] })
  expect(now.code).toBe(0)
  const later = await runCommand(['retention', 'drift', '--now', '2029-06-01T00:00:00Z', '--json'], env)
  expect(later.code).toBe(1)
  expect(
    (JSON.parse(later.stdout) as { violations: { class: string }[] }).violations.map((one) => one.class),
  ).toContain('recommendation.view')
  expect((await runCommand(['retention', 'plan', '--now', 'tomorrow', '--json'], env)).code).toBe(2)
  const passphrase = join(folder, 'passphrase')
  await writeFile(passphrase, 'long enough for everybody, 4711', { mode: 0o600 })
  const production = {
    ...env,
    WEIR_MODE: 'production',
    WEIR_PUBLIC_URL: 'https://weir.example',
    WEIR_KEYS_PASSPHRASE_FILE: passphrase,
  }
  expect(await runCommand(['retention', 'drift', '--now', '2029-06-01'], production)).toMatchObject({
    code: 2,
    stderr: 'weir: --now moves the clock in development mode only\n',
  })
  expect((await runCommand(['retention', 'plan'], env)).stdout).toMatch(/behaviour +drop-partition +event-time/)
})

test('a shorter period reaches what was sealed under a longer one, and drift sees it by another way than the plan', async () => {
  const ruling = (await deps()).ruling
  const { rows } = await weir.owner.$client.query<{ pos: bigint; due: string }>(
    `select s.pos, s.due from weir.sealed s join weir.field_class f on f.class_id = s.class_id where f.name = 'behaviour' limit 1`,
  )
  expect(rows).toHaveLength(1)
  // As if it were 100 days later under a policy that allows 60, with the text of today's in the database.
  const behaviour = { ...ruling.policy.classes.get('behaviour')!, retainDays: 60 }
  const shorter = {
    ...ruling,
    policy: { ...ruling.policy, classes: new Map([...ruling.policy.classes, ['behaviour', behaviour]]) },
    now: Date.now() + 100 * DAY_MS,
  }
  const cut = (await makePlan(weir.db, shorter)).classes.find(
    (one) => one.class === 'behaviour' && one.action === 'delete',
  )
  expect(cut!.rows).toBe(
    await count(`weir.sealed s join weir.field_class f using (class_id) where f.name = 'behaviour'`),
  )
  const late = violationsOf(await measureDrift(weir.db, shorter, { thorough: true }))
  expect(late.map((one) => one.class)).toContain('behaviour')
  const before = await count('weir.sealed')
  const liftFuse = await approvedFuse(weir, (await makePlan(weir.db, shorter)).hash)
  const ran = await runDue(await deps({ ruling: shorter }), { liftFuse })
  expect(ran!.taken['behaviour:delete']).toBe(cut!.rows)
  expect(await count('weir.sealed')).toBeLessThan(before)
})
