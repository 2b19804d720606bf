import { randomUUID } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { BenchResult } from '../../src/cli/bench.ts'
import { removeData } from '../../src/db/embedded.ts'
import { createShopClient, inTurns, progress, quantile, rounded, type ShopClient } from './client.ts'
import { type Gateway, startGatewayIn } from './gateway.ts'

const PEOPLE = 2_000
const BACKLOG = Number(process.env.WEIR_BENCH_EVENTS ?? 60_000)
const SHARE = 0.7
const EASY_SHARE = 0.4
const STEADY_SECONDS = Number(process.env.WEIR_BENCH_SECONDS ?? 20)
const BATCH = 20
const MODULES = ['attribution', 'recommendation'] as const
const GOAL_PER_SECOND = 5_000
const GOAL_LAG_SECONDS = 2

/**
 * Both hosted modules together: how fast they work off a backlog of events that each of them is handed, and how far
 * they are behind while events come in at 40 % and at 70 % of that pace, in the same process.
 */
export async function run(): Promise<BenchResult> {
  const dataDir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
  try {
    const authorization = await fillLog(dataDir)
    const gateway = await startGatewayIn(dataDir, {})
    const client = await createShopClient(gateway, authorization)
    try {
      const perSecond = await workOff(client)
      const easy = await keepUp(gateway, client, perSecond * EASY_SHARE)
      const steady = await keepUp(gateway, client, perSecond * SHARE)
      return result(perSecond, easy, steady)
    } finally {
      await gateway.stop()
    }
  } finally {
    await removeData(dataDir)
  }
}

/** A log full of events and nothing delivered; how to authenticate against it. */
async function fillLog(dataDir: string): Promise<string> {
  const gateway = await startGatewayIn(dataDir, { WEIR_DELIVERY: 'off' })
  try {
    const { writeKey } = await gateway.weir('source', 'add', 'bench', '--server', '--no-secret')
    const authorization = `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`
    const client = await createShopClient(gateway, authorization)
    const choices = { attribution: true, personalisation: true }
    await inTurns(people(), 16, async (userId) => {
      await client.post('/v1/consent', { userId, choices })
    })
    const batches = Array.from({ length: BACKLOG / 100 }, () => 100)
    await inTurns(batches, 4, (size) => sendBatch(client, size))
    progress(`${BACKLOG} events of ${PEOPLE} people are in the log`)
    return authorization
  } finally {
    await gateway.stop()
  }
}

/** Events a second that reached both modules, from the first look at which delivery runs until it is done. */
async function workOff(client: ShopClient): Promise<number> {
  const atStart = await handed(client)
  const began = performance.now()
  while ((await handed(client)) < BACKLOG) await delay(200) // each look costs the gateway some milliseconds
  const perSecond = (BACKLOG - atStart) / ((performance.now() - began) / 1000)
  progress(`worked off at ${Math.round(perSecond)} events/s`)
  return perSecond
}

/** What the slower of the modules was handed. */
async function handed(client: ShopClient): Promise<number> {
  const delivered = await client.counters('weir_delivered_total')
  return Math.min(...MODULES.map((module) => delivered.get(module) ?? 0))
}

interface Steady {
  readonly perSecond: number
  readonly lagSeconds: readonly number[]
}

/** Events at a steady pace; every 50 ms, how long the oldest event that a module was not handed has been waiting. */
async function keepUp(gateway: Gateway, client: ShopClient, perSecond: number): Promise<Steady> {
  const { url } = await gateway.weir('db-url')
  const database = new pg.Client({ connectionString: url! })
  await database.connect()
  const lagSeconds: number[] = []
  const pending = new Set<Promise<void>>()
  let sent = 0
  const began = performance.now()
  const elapsed = (): number => (performance.now() - began) / 1000
  const watching = (async () => {
    while (elapsed() < STEADY_SECONDS) {
      lagSeconds.push(await lag(database))
      await delay(50)
    }
  })()
  while (elapsed() < STEADY_SECONDS) {
    while (sent < elapsed() * perSecond && pending.size < 32) {
      sent += BATCH
      const one = sendBatch(client, BATCH).finally(() => pending.delete(one))
      pending.add(one)
    }
    await delay(5)
  }
  await Promise.all(pending)
  const answered = sent / elapsed()
  await watching
  await database.end()
  progress(`${Math.round(answered)} events/s came in; lag p99 ${quantile(lagSeconds, 0.99).toFixed(2)} s`)
  return { perSecond: answered, lagSeconds }
}

async function lag(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ lag: number }>({
    name: 'lag',
    text: `select coalesce(max(extract(epoch from clock_timestamp() - waiting.received_at)), 0)::float8 as lag
      from weir.destination d join weir.delivery_cursor c using (destination_id)
      cross join lateral (select received_at from weir.event_log e where e.pos > c.pos order by e.pos limit 1) as waiting
      where d.name = any($1)`,
    values: [MODULES],
  })
  return rows[0]!.lag
}

function people(): string[] {
  return Array.from({ length: PEOPLE }, (_, i) => `person-${i}`)
}

async function sendBatch(client: ShopClient, size: number): Promise<void> {
  const batch = Array.from({ length: size }, event)
  await client.post('/v1/batch', { batch, sentAt: new Date().toISOString() })
}

let turn = 0

/** Of twenty events nineteen views, every fifth of them a landing with a tag, and an order of two products. */
function event(): object {
  const n = turn++
  const product = (i: number): object => ({ product_id: `sku-${(n * 7 + i) % 500}`, price: 128.5, quantity: 1 })
  const common = { messageId: randomUUID(), type: 'track', userId: `person-${n % PEOPLE}` }
  const page = { url: 'https://shop.example/p/longjing', referrer: 'https://shop.example/' }
  if (n % 20 === 19) {
    const properties = { order_id: `o-${n}`, currency: 'CNY', total: 257, products: [product(0), product(1)] }
    return { ...common, event: 'Order Completed', properties, context: { page } }
  }
  const campaign = { source: 'xiaohongshu', medium: 'kol', name: 'spring', content: `note-${n % 10}` }
  const context = n % 5 === 0 ? { page, campaign } : { page }
  return { ...common, event: 'Product Viewed', properties: product(0), context }
}

function result(perSecond: number, easy: Steady, { perSecond: steady, lagSeconds }: Steady): BenchResult {
  const p99 = rounded(quantile(lagSeconds, 0.99))
  return {
    name: 'delivery',
    figures: {
      events: BACKLOG,
      people: PEOPLE,
      worked_off_events_per_second: Math.round(perSecond),
      easy_events_per_second: Math.round(easy.perSecond),
      easy_lag_p50_seconds: rounded(quantile(easy.lagSeconds, 0.5)),
      easy_lag_p99_seconds: rounded(quantile(easy.lagSeconds, 0.99)),
      steady_events_per_second: Math.round(steady),
      steady_share_of_that: rounded(steady / perSecond),
      steady_lag_p50_seconds: rounded(quantile(lagSeconds, 0.5)),
      steady_lag_p99_seconds: p99,
    },
    goals: [
      {
        what: 'events a second to both modules together',
        goal: GOAL_PER_SECOND,
        value: Math.round(perSecond),
        met: perSecond >= GOAL_PER_SECOND,
      },
      {
        what: 'seconds of lag, p99, at 70 % of that with intake running',
        goal: GOAL_LAG_SECONDS,
        value: p99,
        met: p99 < GOAL_LAG_SECONDS && steady >= perSecond * SHARE * 0.97,
      },
    ],
  }
}
