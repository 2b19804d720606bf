import { readFile, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  freePort,
  type GatewayProcess,
  isRunning,
  makeStation,
  type StartOptions,
  type Station,
  WEIR,
} from '../support/gateway-process.ts'
import { openShop, type Shop, startLoad } from '../support/gateway-shop.ts'
import { findOlderNode } from '../support/older-node.ts'
import { until } from '../support/until.ts'

let station: Station
let shop: Shop
beforeAll(async () => {
  station = await makeStation()
  const gateway = await started()
  shop = await openShop(station)
  await shop.choose(gateway, 'ann', true)
  await gateway.stop()
})
afterEach(() => station.killAll())
afterAll(() => station.remove())

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} under load: what was taken is answered and durable, it ends with 0 and Postgres with it`, async () => {
    const gateway = await started()
    const before = await shop.logged()
    const load = startLoad(gateway, shop, 'ann', { prefix: signal })
    openAhead()
    await until('there is load', () => load.answered.size > 200)
    const postmaster = await station.postmaster()
    const since = Date.now()
    gateway.child.kill(signal)
    expect(await gateway.ended).toEqual({ code: 0, signal: null })
    expect(Date.now() - since).toBeLessThan(25_000)
    expect(gateway.said()).not.toContain('did not end in time')
    await load.stop()
    expect(await isRunning(postmaster)).toBe(false)

    const again = await started()
    // Neither less nor more than was answered: nothing was taken in and left without a word.
    expect(await shop.logged()).toBe(before + load.answered.size)
    await until('it is delivered', async () => (await arrived(signal)).length === load.answered.size)
    console.log(`${load.answered.size} answered, ${load.putOff()} put off, ${load.cutOff()} cut off`)
    expect(await again.stop()).toBe(0)
  })
}

test('a second signal ends it at once, whatever it waits for, and the next start adopts Postgres', async () => {
  const gateway = await started()
  const postmaster = await station.postmaster()
  const half = request(`${gateway.url}/v1/batch`, { method: 'POST', headers: { 'content-length': '100' } })
  half.on('error', () => undefined)
  await new Promise<void>((resolve) => half.write('{"batch":', () => resolve())) // a body that does not end
  gateway.child.kill('SIGTERM')
  await until('it stops', () => gateway.said().includes('stopping'))
  await until('it is gone', () => {
    gateway.child.kill('SIGTERM')
    return gateway.child.exitCode !== null
  })
  expect(gateway.child.exitCode).toBe(143)
  expect(await isRunning(postmaster)).toBe(true)
  const again = await started()
  expect(await station.postmaster()).toBe(postmaster)
  expect(await again.stop()).toBe(0)
  expect(await isRunning(postmaster)).toBe(false)
})

// npm passes a signal on to the gateway, which Ctrl-C at a terminal reaches too: it must not read that as impatience.
test('Ctrl-C under npm start reaches it twice and is one wish', async () => {
  const gateway = await started({ command: ['npm', 'start'], detached: true })
  const postmaster = await station.postmaster()
  process.kill(-(gateway.child.pid ?? 0), 'SIGINT') // the whole process group, as a terminal does
  await gateway.ended
  expect(gateway.said()).toContain('"msg":"stopped"')
  expect(await isRunning(postmaster)).toBe(false)
})

test('npm start passes SIGTERM on', async () => {
  const gateway = await started({ command: ['npm', 'start'] })
  const postmaster = await station.postmaster()
  gateway.child.kill('SIGTERM')
  await gateway.ended
  await until('it stopped', () => gateway.said().includes('"msg":"stopped"'))
  expect(await isRunning(postmaster)).toBe(false)
})

const olderNode = findOlderNode()
if (olderNode === undefined) console.warn('no Node older than 24 on this machine: its launcher is not tested')
const throughOlder =
  process.env.WEIR_TEST_LONG === '1' ? (['SIGINT', 'SIGTERM', 'SIGHUP'] as const) : (['SIGTERM'] as const)
for (const signal of throughOlder) {
  test.skipIf(olderNode === undefined)(`an older Node starts it and passes ${signal} on`, async () => {
    const path = (process.env.PATH ?? '').split(':').filter((folder) => !folder.includes('node_modules'))
    const command: [string, ...string[]] = [olderNode ?? '', WEIR, 'start']
    const gateway = await started({ command, env: { PATH: path.join(':') } })
    const postmaster = await station.postmaster()
    gateway.child.kill(signal)
    expect(await gateway.ended).toEqual({ code: 0, signal: null })
    expect(await isRunning(postmaster)).toBe(false)
  })
}

for (const workers of ['1', '2']) {
  test(`a taken port is one line, 1, and Postgres stopped (${workers} workers)`, async () => {
    const taker = createServer().listen(station.port, '127.0.0.1')
    await until('the port is taken', () => taker.listening)
    const gateway = station.start({ env: { WEIR_WORKERS: workers, WEIR_LOG_LEVEL: 'silent' } })
    try {
      expect(await gateway.ended).toEqual({ code: 1, signal: null })
      expect(gateway.said()).toBe(`weir: port ${station.port} is taken: set WEIR_PORT to a free one\n`)
      expect(await isRunning(await station.postmaster())).toBe(false)
    } finally {
      taker.close() // the tests that follow use the port
    }
  })
}

test('after a kill of both, a postmaster pid that belongs to a stranger now does not hold it up', async () => {
  const gateway = await started()
  expect(await shop.view(gateway, 'ann', 'tea')).toEqual(['accepted'])
  const postmaster = await station.postmaster()
  gateway.child.kill('SIGKILL')
  process.kill(postmaster, 'SIGKILL')
  await gateway.ended
  await until('Postgres is gone', async () => !(await isRunning(postmaster)))
  const file = join(station.data.path, 'postgres', 'cluster', 'postmaster.pid')
  await writeFile(file, (await readFile(file, 'utf8')).replace(/^\d+/, String(process.pid)))
  const again = await started()
  await until('it is delivered', async () => (await shop.delivered()).tea === 1)
  expect(await again.stop()).toBe(0)
})

test('two gateways on one data directory deliver each event once, and the last one to stop stops Postgres', async () => {
  const one = station.start()
  const two = station.start({ env: { WEIR_PORT: String(await freePort()) } })
  await Promise.all([one.answering(), two.answering()])
  const loads = [startLoad(one, shop, 'ann', { prefix: 'one' }), startLoad(two, shop, 'ann', { prefix: 'two' })]
  await until('both take events', () => loads.every((load) => load.answered.size > 150))
  for (const load of loads) await load.stop()
  const sent = loads.reduce((sum, load) => sum + load.answered.size, 0)
  await until('all is delivered', async () => (await arrived('one')).length + (await arrived('two')).length === sent)
  expect([...(await arrived('one')), ...(await arrived('two'))].filter((times) => times !== 1)).toEqual([])

  await shop.choose(two, 'ben', true)
  expect(await shop.view(one, 'ben', 'early')).toEqual(['accepted'])
  await shop.choose(two, 'ben', false)
  expect(await shop.view(one, 'ben', 'late')).toEqual(['refused'])
  const postmaster = await station.postmaster()
  expect(await one.stop()).toBe(0)
  expect(await shop.view(two, 'ann', 'alone')).toEqual(['accepted'])
  await until('the other delivers on', async () => (await shop.delivered()).alone === 1)
  expect(await two.stop()).toBe(0)
  expect(await isRunning(postmaster)).toBe(false)
})

test('two gateways that start at once on an empty directory both run', async () => {
  const empty = await makeStation({}, { empty: true })
  try {
    const both = [empty.start(), empty.start({ env: { WEIR_PORT: String(await freePort()) } })]
    await Promise.all(both.map((gateway) => gateway.answering()))
    expect(await Promise.all(both.map((gateway) => gateway.stop()))).toEqual([0, 0])
  } finally {
    await empty.remove()
  }
})

/** A connection as browsers open them ahead, on which nothing is sent. */
function openAhead(): void {
  connect(station.port, '127.0.0.1').on('error', () => undefined)
}

async function started(options: StartOptions = {}): Promise<GatewayProcess> {
  const gateway = station.start(options)
  await gateway.answering()
  return gateway
}

/** How often each product of a load arrived in the module. */
async function arrived(prefix: string): Promise<number[]> {
  return Object.entries(await shop.delivered()).flatMap(([item, times]) =>
    item.startsWith(`${prefix}-`) ? [times] : [],
  )
}
