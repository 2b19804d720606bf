import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, test as everywhere, expect } from 'vitest'
import { type GatewayProcess, isRunning, makeStation, type Station } from '../support/gateway-process.ts'
import { openShop, type Shop, startLoad } from '../support/gateway-shop.ts'
import { until } from '../support/until.ts'

// WEIR_WORKERS=2: a primary that delivers and two workers that answer on one port. In order: the last test stops it.
const hasProc = existsSync('/proc/self/stat')
if (!hasProc) console.warn('no /proc on this machine: workers are not tested')
const test = everywhere.skipIf(!hasProc)
let station: Station
let gateway: GatewayProcess
let shop: Shop

beforeAll(async () => {
  station = await makeStation({ WEIR_WORKERS: '2' })
  gateway = station.start()
  await gateway.answering()
  shop = await openShop(station)
  await shop.choose(gateway, 'ann', true)
})
afterAll(() => station.remove())

test('both workers take events, the metrics are the sum, and it is ready', async () => {
  await until('both workers listen', async () => (await workers()).length === 2)
  const before = await counted()
  const load = startLoad(gateway, shop, 'ann', { prefix: 'sum' })
  await until('there were enough connections for both', () => load.answered.size > 300)
  await load.stop()
  expect((await counted()) - before).toBe(load.answered.size)
  await until('it is delivered', async () => (await arrived('sum')).length === load.answered.size)
  expect((await ready()).status).toBe(200)
  const busy = await Promise.all((await workers()).map(processorTicks))
  expect(busy.every((ticks) => ticks > 0)).toBe(true)
})

test('a choice that one worker answered holds for the very next request, at whichever worker', async () => {
  // Each call on a connection of its own, which whichever worker is free accepts.
  const strangers = await openShop(station, { name: 'strangers', keepAlive: false })
  for (let round = 0; round < 20; round++) {
    const granted = round % 2 === 0
    await strangers.choose(gateway, 'ben', granted)
    expect(await strangers.view(gateway, 'ben', `ben-${round}`)).toEqual([granted ? 'accepted' : 'refused'])
  }
})

test('a killed worker is replaced, and nothing answered is lost', async () => {
  const load = startLoad(gateway, shop, 'ann', { prefix: 'killed' })
  await until('there is load', () => load.answered.size > 100)
  const [victim = 0] = await workers()
  process.kill(victim, 'SIGKILL')
  await until('it is replaced', () => replaced() === 1)
  expect(await workers()).not.toContain(victim)
  await until('there is load again', () => load.answered.size > 200)
  await load.stop()
  const missing = async (): Promise<string[]> => {
    const there = await shop.delivered()
    return [...load.answered].filter((product) => there[product] !== 1)
  }
  await until('all that was answered is delivered once', async () => (await missing()).length === 0)
})

test('a worker that is asked to end finishes what it has, and is replaced too', async () => {
  const [victim = 0] = await workers()
  process.kill(victim, 'SIGTERM')
  await until('it is replaced', () => replaced() === 2)
  expect(await workers()).not.toContain(victim)
  expect(await workers()).toHaveLength(2)
  expect(await shop.view(gateway, 'ann', 'after')).toEqual(['accepted'])
})

test('a killed primary leaves no workers behind: they answer what they took, and nothing is lost', async () => {
  const before = await shop.logged()
  const load = startLoad(gateway, shop, 'ann', { prefix: 'primary' })
  await until('there is load', () => load.answered.size > 100)
  const orphans = await workers()
  gateway.child.kill('SIGKILL')
  await until('the workers are gone', async () => !(await Promise.all(orphans.map(isRunning))).includes(true))
  await load.stop()
  expect(gateway.said()).not.toMatch(/^weir: |Error: |Warning: /m)
  gateway = station.start()
  await gateway.answering()
  expect(await shop.logged()).toBe(before + load.answered.size)
  const missing = async (): Promise<string[]> => {
    const there = await shop.delivered()
    return [...load.answered].filter((product) => there[product] !== 1)
  }
  await until('all that was answered is delivered once', async () => (await missing()).length === 0)
})

test('SIGTERM under load: what was taken is answered and durable, all processes end and Postgres with them', async () => {
  const before = await shop.logged()
  const load = startLoad(gateway, shop, 'ann', { prefix: 'last' })
  await until('there is load', () => load.answered.size > 100)
  const all = [...(await workers()), await station.postmaster()]
  gateway.child.kill('SIGTERM')
  expect(await gateway.ended).toEqual({ code: 0, signal: null })
  await load.stop()
  expect(await Promise.all(all.map(isRunning))).toEqual(all.map(() => false))
  gateway = station.start()
  await gateway.answering()
  expect(await shop.logged()).toBe(before + load.answered.size)
  expect(await gateway.stop()).toBe(0)
})

/** How many new workers have taken the place of one that ended. */
function replaced(): number {
  return gateway.said().split('the new worker answers').length - 1
}

/** The primary's children that run this program (Postgres is its child too). */
async function workers(): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(parent) !== gateway.child.pid || state === 'Z') continue
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    if (command.includes('weir.mjs')) found.push(Number(name))
  }
  return found.sort((a, b) => a - b)
}

async function processorTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[11])
}

async function counted(): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text()
  return Number(/^weir_events_total\{outcome="accepted"\} (\d+)$/m.exec(text)?.[1] ?? 0)
}

async function ready(): Promise<Response> {
  return fetch(`${gateway.url}/readyz`)
}

async function arrived(prefix: string): Promise<number[]> {
  return Object.entries(await shop.delivered()).flatMap(([item, times]) =>
    item.startsWith(`${prefix}-`) ? [times] : [],
  )
}
