import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { KITS } from '../../src/demo/catalogue.ts'
import type { DemoDocument } from '../../src/demo/document.ts'
import { makeShop } from '../../src/demo/shop.ts'
import { truthOf } from '../support/demo-truth.ts'
import { freePort, isRunning, postmasterOf, WEIR } from '../support/gateway-process.ts'
import { until } from '../support/until.ts'

// A whole gateway, 3,000 events and their reports: what a newcomer sees in the first minute.

let folder: string
const running: Demo[] = []
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'weir-test-demo-')))
  await chmod(folder, 0o711) // as root, Postgres runs as a user that has to get in
})
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGTERM')
    await ended
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Demo {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  said(): string
  answered(): string
}

/** `weir demo` without a terminal, its temporary folder in ours. */
async function startDemo(args: readonly string[], more: Record<string, string> = {}): Promise<Demo> {
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TMPDIR: folder,
    WEIR_PORT: String(await freePort()),
    ...more,
  }
  const child = spawn(process.execPath, [WEIR, 'demo', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (part: string) => {
      text[name] += part
    })
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const demo = { child, ended, said: () => text.stderr, answered: () => text.stdout }
  running.push(demo)
  return demo
}

/** The folders of demos that have not been removed. */
async function leftOver(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith('weir-demo-'))
}

/** The gateway and the Postgres of a demo whose gateway is ready, in either language. */
async function processesOf(demo: Demo): Promise<{ gateway: number; postgres: number }> {
  const dataDir = /(?:data in|数据在) (\S+)/.exec(demo.said())![1]!
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args='])
  const lines = stdout.split('\n').map((line) => line.trim().split(/\s+/))
  const gateway = lines.find(([, parent, ...args]) => parent === String(demo.child.pid) && args.at(-1) === 'start')
  const found = { gateway: Number(gateway?.[0]), postgres: await postmasterOf(dataDir) }
  for (const pid of Object.values(found)) expect(await isRunning(pid)).toBe(true)
  return found
}

async function expectGone(processes: { gateway: number; postgres: number }): Promise<void> {
  for (const pid of Object.values(processes)) expect(await isRunning(pid)).toBe(false)
  expect(await leftOver()).toEqual([])
}

describe('weir demo --json --exit', () => {
  let document: DemoDocument
  let demo: Demo
  let processes: { gateway: number; postgres: number }

  beforeAll(async () => {
    demo = await startDemo(['--json', '--exit'])
    await until('the gateway of the demo is ready', () => demo.said().includes('data in '), 60)
    processes = await processesOf(demo)
    expect(await demo.ended, demo.said()).toBe(0)
    document = JSON.parse(demo.answered()) as DemoDocument
  }, 180_000)

  test('answers one document and leaves nothing running and no folder', async () => {
    expect(demo.answered().trim().split('\n')).toHaveLength(1)
    await expectGone(processes)
    expect(demo.said()).toMatch(/synthetic/)
    expect(document).toMatchObject({ synthetic: true, shop: { people: 200 } })
  })

  test('every event was answered, most were accepted, and each refusal has a reason', () => {
    const { received, outcomes } = document.events
    expect(received).toBeGreaterThan(2_500)
    expect(Object.keys(outcomes).toSorted()).toEqual(['accepted', 'refused'])
    expect(outcomes.accepted! + outcomes.refused!).toBe(received)
    expect(outcomes.accepted).toBeGreaterThan(received / 2)
    expect(outcomes.refused).toBeGreaterThan(0)
    expect(document.refused.reduce((sum, { events }) => sum + events, 0)).toBe(outcomes.refused)
    const reasons = document.refused.map(({ reason }) => reason)
    expect(reasons.toSorted()).toEqual(['no-consent', 'no-route', 'refused-by-person', 'unknown-event'])
    expect(document.refused.map(({ events }) => events)).toEqual(
      document.refused.map(({ events }) => events).toSorted((a, b) => b - a),
    )
  })

  test('both modules were handed events', () => {
    expect(document.delivered.map(({ module }) => module).toSorted()).toEqual(['attribution', 'recommendation'])
    for (const { events } of document.delivered) expect(events).toBeGreaterThan(500)
  })

  test('the creators open far more than they close, search ads the other way round, and both models share out the same orders', () => {
    const { opens, closes } = document.story
    expect(opens.first).toBeGreaterThan(opens.last * 2)
    expect(closes.last).toBeGreaterThan(closes.first * 1.5)
    const { first, last } = document.credit
    const sum = (credit: typeof first): number => credit.channels.reduce((all, { conversions }) => all + conversions, 0)
    expect(sum(first)).toBe(sum(last))
    expect(sum(first)).toBe(document.withdrawal.credit.before.orders)
    expect(sum(first)).toBeGreaterThan(100)
    expect(first.currency).toBe('CNY')
    const roi = ({ channels }: typeof first): number => channels.find(({ channel }) => channel === opens.channel)!.roi!
    expect(roi(first)).toBeGreaterThan(0)
    expect(roi(last)).toBeLessThan(0)
  })

  test('each channel has the orders that the sample’s own days give it, the shared and the second device included', () => {
    const truth = truthOf(makeShop({ seed: document.shop.seed, lastDay: document.shop.to }))
    for (const model of ['first', 'last'] as const) {
      const { channels, unattributed } = document.credit[model]
      const credited = channels.filter(({ conversions }) => conversions > 0)
      expect(Object.fromEntries(credited.map((row) => [row.channel, row.conversions]))).toEqual(truth[model])
      // Of a year's last days, or its first, fewer than ten orders may wait to be shown.
      expect(unattributed.conversions).toBeGreaterThan(truth.unattributed - 10)
      expect(unattributed.conversions).toBeLessThanOrEqual(truth.unattributed)
      expect(Number(unattributed.value)).toBeGreaterThan(0)
    }
  })

  test('what goes together in the shop is what is also bought', () => {
    expect(document.alsoBought).toHaveLength(2)
    for (const { product_id, items } of document.alsoBought) {
      const kit = KITS.map(([products]) => products.map(({ id }) => id)).find((ids) => ids.includes(product_id))!
      expect(items.length).toBeGreaterThan(0)
      expect(kit).toContain(items[0]!.product_id)
      for (const { together } of items) expect(together).toBeGreaterThanOrEqual(5)
    }
  })

  test('the decision that it explains is one that one module got and the other did not', () => {
    const { outcome, destinations } = document.decision
    expect(outcome).toBe('permitted')
    expect(Object.fromEntries(destinations.map((one) => [one.destination, one.permitted]))).toEqual({
      attribution: true,
      recommendation: false,
    })
  })

  test('a withdrawal takes the person out of the reports, out of their own list, and refuses what comes next', () => {
    const { credit, recommendations, nextEvent, lastEvent, answeredMs, forgottenMs } = document.withdrawal
    expect(credit.after).toEqual({
      orders: credit.before.orders - 1,
      opened: credit.before.opened - 1,
      closed: credit.before.closed - 1,
    })
    expect(recommendations).toEqual({ before: 'personal', after: 'context' })
    expect([lastEvent.outcome, nextEvent]).toEqual(['accepted', { outcome: 'refused', reason: 'refused-by-person' }])
    expect(answeredMs).toBeGreaterThan(0)
    expect(forgottenMs).toBeGreaterThan(answeredMs)
  })
})

describe('weir demo that is interrupted or hindered', { timeout: 150_000 }, () => {
  test('ended in the middle it stops the gateway, removes its folder and says so', async () => {
    const demo = await startDemo([])
    await until('it is sending', () => demo.said().includes('10 %'), 120)
    const processes = await processesOf(demo)
    demo.child.kill('SIGTERM')
    expect(await demo.ended).toBe(143)
    expect(demo.said()).toMatch(/Stopping the gateway…\n(.*\n)*.*Nothing is left running\. Its data are removed\.\n$/)
    expect(demo.answered()).toBe('')
    await expectGone(processes)
  })

  test('where its gateway dies it says so in a line, stops Postgres, and ends with 1', async () => {
    const demo = await startDemo([], { LC_ALL: 'zh_CN.UTF-8' })
    await until('it is sending', () => demo.said().includes('10 %'), 120)
    const processes = await processesOf(demo)
    process.kill(processes.gateway, 'SIGKILL')
    expect(await demo.ended).toBe(1)
    expect(demo.said()).toMatch(/weir: the gateway ended: it ended with SIGKILL\n$/)
    await expectGone(processes)
  })

  test('where its port is taken it takes another, and keeps a folder that was asked for', async () => {
    const port = await freePort()
    const other = createServer().listen(port, '127.0.0.1')
    const dataDir = join(folder, 'kept')
    const demo = await startDemo(['--data-dir', dataDir], { WEIR_PORT: String(port) })
    await until('the gateway is ready', () => demo.said().includes('data in '), 90)
    expect(demo.said()).toContain(`Port ${port} is taken`)
    expect(demo.said()).not.toContain(`127.0.0.1:${port},`)
    demo.child.kill('SIGINT')
    expect(await demo.ended).toBe(130)
    other.close()
    expect(existsSync(join(dataDir, 'postgres', 'cluster', 'PG_VERSION'))).toBe(true)
    expect(await isRunning(await postmasterOf(dataDir))).toBe(false)
  })

  test.each([
    [['--data-dir', 'FULL'], 'is not empty'],
    [['--lang', 'fr'], '--lang is zh or en'],
    [['--seed', 'x'], '--seed is a whole number'],
  ])('%j is bad usage', async (args, words) => {
    const full = await mkdtemp(join(folder, 'full-'))
    await writeFile(join(full, 'mine'), '')
    const demo = await startDemo(args.map((arg) => (arg === 'FULL' ? full : arg)))
    expect(await demo.ended).toBe(2)
    expect(demo.said()).toMatch(new RegExp(`weir: .*${words}.*\\n$`))
    expect(demo.answered()).toBe('')
  })
})
