import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, freePort, type GatewayProcess, makeStation, type Station } from '../support/gateway-process.ts'
import { batchOf, openShop, type Reply, type Shop } from '../support/gateway-shop.ts'
import { until } from '../support/until.ts'

const QUEUE_LIMIT = 50
let station: Station
let gateway: GatewayProcess
let shop: Shop

beforeAll(async () => {
  station = await makeStation({ WEIR_QUEUE_LIMIT: String(QUEUE_LIMIT) })
  gateway = station.start()
  await gateway.answering()
  shop = await openShop(station)
  await shop.choose(gateway, 'ann', true)
})
afterAll(() => station.remove())

test('readyz says what waits where a migration is missing, and recovers by itself', async () => {
  expect(await ready()).toEqual([200, { database: 'ok', migrations: 'ok', keys: 'ok', flow: 'ok' }])
  const text = 'delete from weir.migrations where id = (select max(id) from weir.migrations) returning *'
  const [row] = await ask<{ id: number; hash: string; created_at: string }>(shop.ownerUrl, text)
  expect(await ready()).toEqual([
    503,
    expect.objectContaining({ database: 'ok', migrations: expect.stringContaining('weir migrate') }),
  ])
  await ask(shop.ownerUrl, 'insert into weir.migrations values ($1, $2, $3)', [row?.id, row?.hash, row?.created_at])
  expect((await ready())[0]).toBe(200)
})

test('a node that does not deliver is ready, says so plainly, and what it takes waits for one that does', async () => {
  const quiet = station.start({ env: { WEIR_DELIVERY: 'off', WEIR_PORT: String(await freePort()) } })
  await quiet.answering()
  const says = { database: 'ok', migrations: 'ok', keys: 'ok', flow: 'not checked here: WEIR_DELIVERY=off' }
  expect(await ready(quiet)).toEqual([200, says])
  await gateway.stop()
  expect(await ready(quiet)).toEqual([200, says])
  expect(await shop.view(quiet, 'ann', 'waits')).toEqual(['accepted'])
  gateway = station.start()
  await gateway.answering()
  await until('what waited is delivered', async () => (await shop.delivered()).waits === 1)
  await until('it is ready', async () => (await ready())[0] === 200)
  expect(await quiet.stop()).toBe(0)
})

test('while Postgres hangs: alive, not ready, a full queue is 503, nothing piles up; then all goes on', async () => {
  expect((await batch(1, 'warm')).status).toBe(200) // the keys of sources are in memory for two seconds from now
  const frozen = await stopProcesses()
  const waiting: Promise<Reply>[] = []
  try {
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200)
    for (let i = 0; i < 10; i++) waiting.push(batch(5, `hang-${i}`)) // as many as may wait
    await until('they wait', async () => (await queued()) > 0)
    const more = await Promise.all(Array.from({ length: 40 }, (_, i) => batch(5, `too-many-${i}`)))
    for (const reply of more) expectToldToWait(reply) // the queue is full
    expect(await queued()).toBe(QUEUE_LIMIT)
    // After the keys in memory are old, nobody can be looked up: that is 503 as well, soon.
    await until('keys are asked for', async () => (await batch(1, 'late')).body.detail !== more[0]?.body.detail)
    expectToldToWait(await batch(1, 'later'))
    expectToldToWait(await shop.post(gateway, '/v1/consent', { userId: 'ann', choices: { analytics: true } }))
    expect(await ready()).toEqual([503, { database: expect.stringContaining('does not answer') }])
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200)
  } finally {
    for (const pid of frozen) process.kill(pid, 'SIGCONT')
  }
  await until('it is ready again', async () => (await ready())[0] === 200)
  const kept = (await Promise.all(waiting)).flatMap((reply, i) => {
    if (reply.status !== 200) expectToldToWait(reply)
    return reply.status === 200 ? [0, 1, 2, 3, 4].map((n) => `hang-${i}-${n}`) : []
  })
  expect(kept.length).toBeGreaterThan(0)
  await allDeliveredOnce(kept)
  expect(await queued()).toBe(0)
})

test('while Postgres is dead and comes back, every answer is 200 or 503 with when to ask again', async () => {
  const kept: string[] = []
  let putOff = 0
  process.kill(await station.postmaster(), 'SIGKILL')
  for (let i = 0; i < 30 || putOff === 0 || kept.length === 0; i++) {
    const reply = await batch(2, `dead-${i}`)
    if (reply.status === 200) kept.push(`dead-${i}-0`, `dead-${i}-1`)
    else {
      expectToldToWait(reply)
      putOff++
    }
    if (i > 2_000) throw new Error('it never failed, or never came back')
  }
  await until('it is ready again', async () => (await ready())[0] === 200)
  await allDeliveredOnce(kept)
})

test('with a server of its own: away is 503 everywhere but for healthz, and its return is noticed', async () => {
  await gateway.stop()
  const server = await station.data.start({ durable: true })
  gateway = station.start({ env: { DATABASE_URL: server.ownerUrl } })
  await gateway.answering()
  expect((await ready())[0]).toBe(200)
  await server.stop()
  expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200)
  expect(await ready()).toEqual([503, { database: expect.stringContaining('does not answer') }])
  expectToldToWait(await batch(1, 'away'))
  expectToldToWait(await shop.post(gateway, '/v1/consent', { userId: 'ann', choices: { personalisation: true } }))
  const again = await station.data.start({ durable: true })
  expect(again.ownerUrl).toBe(server.ownerUrl)
  await until('it is ready again', async () => (await ready())[0] === 200)
  expect((await batch(1, 'back')).status).toBe(200)
  await until('it delivers again', async () => (await shop.delivered())['back-0'] === 1)
  expect(await gateway.stop()).toBe(0)
  await again.stop()
})

function expectToldToWait({ status, headers }: Reply): void {
  expect({ status, again: headers['retry-after'] }).toEqual({ status: 503, again: expect.stringMatching(/^[1-9]\d*$/) })
}

function batch(size: number, name: string): Promise<Reply> {
  const products = Array.from({ length: size }, (_, n) => `${name}-${n}`)
  return shop.post(gateway, '/v1/batch', batchOf('ann', products))
}

async function ready({ url }: { url: string } = gateway): Promise<[number, unknown]> {
  const answer = await fetch(`${url}/readyz`)
  return [answer.status, ((await answer.json()) as { checks: unknown }).checks]
}

async function queued(): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text()
  return Number(/^weir_intake_queued_events (\d+)$/m.exec(text)?.[1])
}

async function allDeliveredOnce(products: readonly string[]): Promise<void> {
  await until('it is delivered', async () => {
    const there = await shop.delivered()
    return products.every((product) => there[product] === 1)
  })
}

/** Freezes the postmaster and its children; their pids, to go on with. */
async function stopProcesses(): Promise<number[]> {
  const postmaster = await station.postmaster()
  process.kill(postmaster, 'SIGSTOP') // first, so that it makes no more children
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid='])
  const pairs = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number))
  const children = pairs.flatMap(([pid = 0, parent]) => (parent === postmaster ? [pid] : []))
  for (const pid of children) process.kill(pid, 'SIGSTOP')
  return [...children, postmaster]
}
