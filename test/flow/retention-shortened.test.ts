import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type App, createApp } from '../../src/app.ts'
import { createLog } from '../../src/log.ts'
import { attribution } from '../../src/modules/attribution/attribution.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { measureDrift, violationsOf } from '../../src/retention/drift.ts'
import { makePlan, type Plan, type PlanClass } from '../../src/retention/plan.ts'
import { readRuling } from '../../src/retention/ruling.ts'
import { approvedFuse } from '../support/lifted-fuse.ts'
import { policyWith } from '../support/recording-module.ts'
import { runCommand } from '../support/run-command.ts'
import { createTestApp, type TestApp, track } from '../support/test-app.ts'

const MODULES = [attribution, recommendation]
const DAY_MS = 86_400_000
const AGES = [0, 1, 20, 29, 45, 60, 89, 117] // days before their receipt, which is now
const SHORTER = 'behaviour:    {retain_days: 30}'

let weir: TestApp
let policyDir: string
let folder: string
let env: Record<string, string>

beforeAll(async () => {
  policyDir = await policyWith((text) => `${text}\nretention: {fuse_share: 0.3, fuse_rows: 1}\n`)
  folder = await mkdtemp(join(tmpdir(), 'weir-retention-'))
  weir = await createTestApp({ policyDir })
  env = { DATABASE_URL: weir.database.ownerUrl, WEIR_DATA_DIR: folder }
})
afterAll(async () => {
  await weir?.stop()
  await rm(policyDir, { recursive: true })
  await rm(folder, { recursive: true })
})

interface Violation {
  readonly class: string
  readonly oldest: string | null
}

async function plan(...args: string[]): Promise<Plan & { runnable: boolean }> {
  const ran = await runCommand(['retention', 'plan', '--json', ...args], env)
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  return JSON.parse(ran.stdout) as Plan & { runnable: boolean }
}

async function drift(...args: string[]): Promise<{ code: number; violations: Violation[] }> {
  const { code, stdout } = await runCommand(['retention', 'drift', '--json', ...args], env)
  return { code, violations: (JSON.parse(stdout) as { violations: Violation[] }).violations }
}

function due({ classes }: Plan): string[] {
  return [...new Set(classes.filter((one) => one.rows > 0).map((one) => one.class))].sort()
}

function ofStep({ classes }: Plan, name: string, action: string): PlanClass | undefined {
  return classes.find((one) => one.class === name && one.action === action)
}

/** At noon: what fell due at midnight is past the two hours that housekeeping has. */
function noonIn(days: number): string {
  return new Date(Math.floor(Date.now() / DAY_MS + days) * DAY_MS + DAY_MS / 2).toISOString()
}

/** Rows in the future, or days of grace, are no concern of either: whatever day it is, both name the same classes. */
async function expectAgreement(days: readonly number[]): Promise<void> {
  for (const ahead of days) {
    const at = noonIn(ahead)
    const ruling = await readRuling(weir.db, { modules: MODULES, now: Date.parse(at) })
    const stores = violationsOf(await measureDrift(weir.db, ruling, { thorough: true }))
    const late = [...new Set(stores.map((one) => one.class))].sort()
    expect(late, `at ${at}`).toEqual(due(await makePlan(weir.db, ruling)))
  }
}

const SOON = [1, 2, 3, 10, 29, 30, 31, 32, 40]
const LATER = [61, 100, 149, 150, 181, 200, 260, 366, 400, 460]

test('of an idle gateway plan and drift name the same at any time, nothing to begin with', async () => {
  await weir.server.get('/readyz') // its probe is due after an hour, by the clock of either
  await weir.settle()
  expect(due(await plan())).toEqual([])
  expect(await drift()).toMatchObject({ code: 0, violations: [] })
  await expectAgreement([...SOON, ...LATER])
  const tomorrow = ['--now', noonIn(1)]
  expect(due(await plan(...tomorrow))).toEqual(['flow-probe'])
  expect((await drift(...tomorrow)).violations.map((one) => one.class)).toEqual(['flow-probe'])
})

test('a policy that is not active yet is previewed: what it would take, and nothing is activated, stored or run', async () => {
  await weir.grant('ann', 'attribution', 'personalisation')
  const sent = AGES.map((age) => new Date(Date.now() - age * DAY_MS).toISOString())
  await weir.send(...sent.map((timestamp, i) => track('ann', 'Product Viewed', { product_id: `p${i}` }, { timestamp })))
  await weir.settle()
  await expectAgreement([...SOON, ...LATER])
  const text = await readFile(join(policyDir, 'shop.policy.yaml'), 'utf8')
  const draft = join(folder, 'draft.policy.yaml')
  await writeFile(draft, text.replace('behaviour:    {retain_days: 180}', SHORTER))
  const before = await plan()
  expect(due(before)).toEqual([])
  const previewed = await plan('--policy', draft)
  expect(previewed.runnable).toBe(false)
  expect(ofStep(previewed, 'behaviour', 'delete')!.rows).toBeGreaterThanOrEqual(4) // early by up to a step
  expect(ofStep(previewed, 'recommendation.view', 'delete')).toMatchObject({
    rows: 4,
    oldest: sent.at(-1)!.slice(0, 10),
  })
  const shown = await runCommand(['retention', 'plan', '--policy', draft], env)
  expect(shown.stdout).toContain('which is not active: nothing was stored, and this plan cannot be run')
  expect(shown.stdout).not.toContain('retention run')
  expect((await runCommand(['retention', 'run', '--plan', previewed.hash], env)).code).toBe(1)
  expect(await plan()).toEqual(before)
  expect((await runCommand(['retention', 'plan', '--policy', join(folder, 'none.yaml')], env)).code).not.toBe(0)
  await writeFile(join(policyDir, 'shop.policy.yaml'), await readFile(draft, 'utf8'))
})

test('a plan of another time is only looked at', async () => {
  const shown = await runCommand(['retention', 'plan', '--now', noonIn(40)], env)
  expect(shown.stdout).toContain('it is only looked at')
  expect(shown.stdout).not.toContain('retention run')
  expect((await runCommand(['retention', 'plan'], env)).stdout).toContain('To do it:\n  weir retention run --plan')
})

test('after a class was shortened drift and its metric see what the plan sees, also what came long after it happened', async () => {
  await weir.node() // a start with the shorter period makes it the one that decides
  const made = await plan()
  const step = ofStep(made, 'behaviour', 'delete')!
  expect(step.rows).toBeGreaterThanOrEqual(4)
  const today = new Date().toISOString().slice(0, 10)
  const oldest = new Date(Date.now() - 117 * DAY_MS).toISOString().slice(0, 10)
  expect(step.oldest! <= oldest).toBe(true) // no later than it happened, and by a step too early at most
  expect(Date.parse(oldest) - Date.parse(step.oldest!)).toBeLessThanOrEqual(31 * DAY_MS)
  const late = await drift()
  expect(late.code).toBe(1)
  expect(late.violations.map((one) => one.class).sort()).toEqual(due(made))
  for (const one of late.violations) expect(one.oldest! <= today).toBe(true)
  await expectAgreement(SOON)
})

test('the fuse says what its share is of; what it holds back is late in the metric, and nothing is after it was lifted', async () => {
  const restarted = await createNode()
  await restarted.maintain()
  expect(await metric(restarted, 'weir_retention_fuse_blown{class="behaviour"}')).toBe(1)
  expect(await metric(restarted, 'weir_retention_overdue_seconds{class="behaviour"}')).toBeGreaterThan(DAY_MS / 1000)
  const made = await plan()
  const { rows, overdue, stored, share } = ofStep(made, 'behaviour', 'delete')!
  expect({ overdue, stored }).toEqual({ overdue: rows, stored: AGES.length })
  expect(share).toBe(rows / AGES.length)
  expect((await runCommand(['retention', 'plan'], env)).stdout).toContain(
    `${rows} (fuse: ${rows} overdue since before this step, ${Math.round(share * 100)} % of the ${AGES.length} stored)`,
  )
  const lift = ['--lift-fuse', await approvedFuse(weir, made.hash)]
  const ran = await runCommand(['retention', 'run', '--plan', made.hash, ...lift, '--json'], env)
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  expect(await drift()).toMatchObject({ code: 0, violations: [] })
  await restarted.maintain()
  expect(await metric(restarted, 'weir_retention_fuse_blown{class="behaviour"}')).toBe(0)
  expect(await metric(restarted, 'weir_retention_overdue_seconds{class="behaviour"}')).toBe(0)
  await expectAgreement([1, 7, 12, 30, 31])
})

test('what is sealed by the day in tables by the month goes on its day', async () => {
  await weir.send(track('ann', 'Product Viewed', { product_id: 'new' }))
  await weir.settle()
  await expectAgreement([...SOON, 45, 62])
  const { rows } = await weir.owner.$client.query<{ n: number }>(
    `select count(*)::int as n from weir.sealed s join weir.field_class f using (class_id) where f.name = 'behaviour'`,
  )
  const made = await plan('--now', noonIn(31))
  const taken = made.classes.filter((one) => one.class === 'behaviour').reduce((sum, one) => sum + one.rows, 0)
  expect(taken).toBe(rows[0]!.n)
})

/** Another node over the same database, as it is after a start with the policy of now. */
async function createNode(): Promise<App> {
  const http = { host: '127.0.0.1', port: 0, publicUrl: 'http://weir.test', trustProxy: false, workers: 1 } as const
  return createApp({
    config: {
      mode: 'development',
      policyDir,
      http: { ...http, queueLimit: 1_000 },
      rights: { ledger: join(policyDir, 'erasures.jsonl'), coolingHours: 24 },
    },
    db: weir.db,
    keys: weir.keys,
    log: createLog({ level: 'fatal', to: 'stderr' }),
    now: Date.now,
  })
}

async function metric(app: App, name: string): Promise<number> {
  const line = (await app.metrics.registry.metrics()).split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1))
}
