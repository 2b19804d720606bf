import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import autocannon from 'autocannon'
import type { BenchResult } from '../../src/cli/bench.ts'
import { freePort, type Gateway, startGateway } from './gateway.ts'

const USERS = 1000
const ROUNDS = Number(process.env.WEIR_BENCH_ROUNDS ?? 3)
const SECONDS = Number(process.env.WEIR_BENCH_SECONDS ?? 5)
const BATCH = 20

interface Target {
  readonly url: string
  readonly authorization: string
}

interface Load {
  readonly perSecond: number
  readonly p99: number
}

/** Events a second that were answered 200, so committed: Weir with all protection on beside the bare pipeline, same run. */
export async function run(): Promise<BenchResult> {
  const gateway = await startGateway({ WEIR_DELIVERY: process.env.WEIR_BENCH_DELIVERY ?? 'off' })
  const source = await gateway.weir('source', 'add', 'bench', '--server', '--no-secret')
  const authorization = `Basic ${Buffer.from(`${source.writeKey}:`).toString('base64')}`
  await consentAll(gateway.url, authorization)
  const bare = await startBare(gateway)
  const weir = { url: gateway.url, authorization }
  const measured: Record<string, Load[]> = { bareSingle: [], weirSingle: [], bareBatch: [], weirBatch: [] }
  // Both as they are after a while: compiled, with their statements prepared and their pages in memory.
  for (const target of [bare, weir]) for (const size of [1, BATCH]) await load(target, size, SECONDS)
  for (let round = 0; round < ROUNDS; round++) {
    measured.bareSingle!.push(await load(bare, 1, SECONDS))
    measured.weirSingle!.push(await load(weir, 1, SECONDS))
    measured.bareBatch!.push(await load(bare, BATCH, SECONDS))
    measured.weirBatch!.push(await load(weir, BATCH, SECONDS))
  }
  await bare.stop()
  await gateway.stop()
  return result(measured)
}

function result(measured: Record<string, Load[]>): BenchResult {
  const of = (name: string): Load => ({
    perSecond: median(measured[name]!.map((one) => one.perSecond)),
    p99: median(measured[name]!.map((one) => one.p99)),
  })
  const [bareSingle, weirSingle, bareBatch, weirBatch] = ['bareSingle', 'weirSingle', 'bareBatch', 'weirBatch'].map(
    of,
  ) as [Load, Load, Load, Load]
  const single = round(weirSingle.perSecond / bareSingle.perSecond)
  const batch = round(weirBatch.perSecond / bareBatch.perSecond)
  return {
    name: 'ingest',
    figures: {
      bare_single_events_per_second: Math.round(bareSingle.perSecond),
      weir_single_events_per_second: Math.round(weirSingle.perSecond),
      bare_batch20_events_per_second: Math.round(bareBatch.perSecond),
      weir_batch20_events_per_second: Math.round(weirBatch.perSecond),
      bare_single_p99_ms: bareSingle.p99,
      weir_single_p99_ms: weirSingle.p99,
      bare_batch20_p99_ms: bareBatch.p99,
      weir_batch20_p99_ms: weirBatch.p99,
      single_ratio: single,
      batch20_ratio: batch,
    },
    goals: [
      {
        what: 'single events beside the bare pipeline, delivery stopped',
        goal: 0.5,
        value: single,
        met: single >= 0.5,
      },
      { what: 'batches of 20 beside the bare pipeline, delivery stopped', goal: 0.3, value: batch, met: batch >= 0.3 },
    ],
  }
}

async function load(target: Target, batch: number, seconds: number): Promise<Load> {
  const outcome = await autocannon({
    url: target.url,
    // Enough that neither waits for clients: with 64 single ones a fifth of both cores was idle behind Weir's commits.
    connections: batch === 1 ? 128 : 16,
    duration: seconds,
    requests: [
      {
        method: 'POST',
        path: batch === 1 ? '/v1/track' : '/v1/batch',
        headers: { 'content-type': 'application/json', authorization: target.authorization },
        setupRequest: (request) => ({ ...request, body: batch === 1 ? JSON.stringify(event()) : batchBody(batch) }),
      },
    ],
  })
  if (outcome.non2xx > 0 || outcome.errors > 0) {
    throw new Error(`${outcome.non2xx} answers were not 2xx and ${outcome.errors} requests failed`)
  }
  return { perSecond: (outcome['2xx'] * batch) / outcome.duration, p99: outcome.latency.p99 }
}

function batchBody(size: number): string {
  return JSON.stringify({ batch: Array.from({ length: size }, event), sentAt: new Date().toISOString() })
}

let turn = 0

/** What a shop's server sends most: a product view with a usual context; 1 KB of JSON. */
function event(): object {
  const user = turn++ % USERS
  return {
    messageId: `node-next-${Date.now()}-${randomUUID()}`,
    type: 'track',
    event: 'Product Viewed',
    userId: `bench-user-${user}`,
    timestamp: new Date().toISOString(),
    properties: {
      product_id: `sku-${turn % 5000}`,
      sku: `G-${turn % 5000}`,
      category: 'Tea',
      name: 'Longjing, spring picking',
      brand: 'West Lake',
      price: 128.5,
      quantity: 1,
      currency: 'CNY',
      url: 'https://shop.example/p/longjing',
    },
    context: {
      library: { name: 'analytics-node-next', version: '3.1.0' },
      ip: '203.0.113.77',
      userAgent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36',
      locale: 'zh-CN',
      page: {
        url: 'https://shop.example/p/longjing?utm_source=xiaohongshu',
        path: '/p/longjing',
        referrer: 'https://m.example/',
      },
      campaign: { source: 'xiaohongshu', medium: 'kol', name: 'spring' },
    },
    _metadata: { nodeVersion: '24.0.0', jsRuntime: 'node' },
  }
}

async function consentAll(url: string, authorization: string): Promise<void> {
  const ids = Array.from({ length: USERS }, (_, i) => `bench-user-${i}`)
  for (let i = 0; i < ids.length; i += 20) {
    await Promise.all(
      ids.slice(i, i + 20).map(async (userId) => {
        const body = JSON.stringify({ userId, choices: { analytics: true, attribution: true, personalisation: true } })
        const headers = { 'content-type': 'application/json', authorization }
        const answer = await fetch(`${url}/v1/consent`, { method: 'POST', headers, body })
        if (answer.status !== 200) throw new Error(`consent was answered ${answer.status}`)
      }),
    )
  }
}

async function startBare(gateway: Gateway): Promise<Target & { stop(): Promise<void> }> {
  const port = await freePort()
  const { url } = await gateway.weir('db-url')
  const child = fork(join(import.meta.dirname, 'bare.ts'), [url!, String(port)])
  await new Promise((resolve) => child.once('message', resolve))
  return {
    url: `http://127.0.0.1:${port}`,
    authorization: 'none',
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await gone
    },
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
