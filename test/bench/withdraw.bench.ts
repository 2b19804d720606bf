import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { BenchResult } from '../../src/cli/bench.ts'
import { createShopClient, inTurns, progress, quantile, rounded, type ShopClient } from './client.ts'
import { startGateway } from './gateway.ts'

const PEOPLE = 300 // who withdraw, in each round
const VIEWS = 4 // stored and delivered for each of them before
const OTHERS = 1000 // who go on shopping meanwhile
const BATCH = 20
const EVERY_MS = 20 // 1,000 events a second: about a tenth of what ingest takes alone
const PAUSE_MS = 40 // unloaded: the erasure that one withdrawal ordered is over before the next one comes
const PATIENCE_MS = 120_000

interface Round {
  /** Request to committed answer, one after the other. */
  readonly ms: readonly number[]
  /** The longest that a withdrawal waited until its rows and content were erased. */
  readonly erasedSeconds: number
  /** Of those who withdrew, in the module and in the store, once nothing waits to be erased. */
  readonly rowsLeft: number
}

/**
 * Withdrawals over HTTP, request to committed answer: with the gateway idle, one right after the other, and with intake
 * and delivery running.
 */
export async function run(): Promise<BenchResult> {
  const gateway = await startGateway()
  const { url } = await gateway.weir('db-url')
  const database = new pg.Client({ connectionString: url! })
  await database.connect()
  try {
    const client = await createShopClient(gateway)
    await choose(client, people('other', OTHERS), true)
    await prepare(client, 'warm')
    await withdrawAll(client, database, { round: 'warm', pauseMs: 0 })
    await prepare(client, 'quiet')
    const quiet = await withdrawAll(client, database, { round: 'quiet', pauseMs: PAUSE_MS })
    await prepare(client, 'burst')
    const burst = await withdrawAll(client, database, { round: 'burst', pauseMs: 0 })
    await prepare(client, 'busy')
    const load = startLoad(client)
    const busy = await withdrawAll(client, database, { round: 'busy', pauseMs: PAUSE_MS })
    const eventsPerSecond = await load.stop()
    return result({ quiet, burst, busy, eventsPerSecond })
  } finally {
    await database.end()
    await gateway.stop()
  }
}

interface Measured {
  readonly quiet: Round
  readonly burst: Round
  readonly busy: Round
  readonly eventsPerSecond: number
}

function result({ quiet, burst, busy, eventsPerSecond }: Measured): BenchResult {
  const rounds = [quiet, burst, busy]
  const p99 = rounded(quantile(quiet.ms, 0.99))
  const slowest = Math.max(...rounds.map((round) => round.erasedSeconds))
  const left = rounds.reduce((sum, round) => sum + round.rowsLeft, 0)
  return {
    name: 'withdraw',
    figures: {
      withdrawals_each: PEOPLE,
      unloaded_p50_ms: rounded(quantile(quiet.ms, 0.5)),
      unloaded_p99_ms: p99,
      unloaded_erased_within_seconds: rounded(quiet.erasedSeconds),
      one_after_the_other_p50_ms: rounded(quantile(burst.ms, 0.5)),
      one_after_the_other_p99_ms: rounded(quantile(burst.ms, 0.99)),
      one_after_the_other_erased_within_seconds: rounded(burst.erasedSeconds),
      load_events_per_second: Math.round(eventsPerSecond),
      loaded_p50_ms: rounded(quantile(busy.ms, 0.5)),
      loaded_p99_ms: rounded(quantile(busy.ms, 0.99)),
      loaded_erased_within_seconds: rounded(busy.erasedSeconds),
      rows_left: left,
    },
    goals: [
      { what: 'withdrawal, request to committed answer, unloaded, p99 in ms', goal: 50, value: p99, met: p99 <= 50 },
      {
        what: 'seconds until content and module rows were erased, the slowest',
        goal: 60,
        value: rounded(slowest),
        met: slowest < 60,
      },
      { what: 'rows and blobs left of those who withdrew', goal: 0, value: left, met: left === 0 },
    ],
  }
}

function people(round: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${round}-${i}`)
}

async function choose(client: ShopClient, who: readonly string[], personalisation: boolean): Promise<void> {
  await inTurns(who, 8, async (userId) => {
    await client.post('/v1/consent', { userId, choices: { personalisation } })
  })
}

/** People of this round with something stored and something in the module. */
async function prepare(client: ShopClient, round: string): Promise<void> {
  const who = people(round, PEOPLE)
  await choose(client, who, true)
  const wanted = (await deliveredSoFar(client)) + who.length * VIEWS
  const views = who.flatMap((userId) => Array.from({ length: VIEWS }, () => view(userId, round)))
  for (let i = 0; i < views.length; i += 100) {
    await client.post('/v1/batch', { batch: views.slice(i, i + 100), sentAt: new Date().toISOString() })
  }
  await until('everything is delivered', async () => (await deliveredSoFar(client)) >= wanted)
  progress(`${round}: ${views.length} events of ${who.length} people delivered`)
}

async function deliveredSoFar(client: ShopClient): Promise<number> {
  return (await client.counters('weir_delivered_total')).get('recommendation') ?? 0
}

function view(userId: string, round: string): object {
  const properties = {
    product_id: `${round}-${Math.floor(Math.random() * 500)}`,
    category: 'Tea',
    price: 128.5,
    quantity: 1,
  }
  return {
    messageId: randomUUID(),
    type: 'track',
    event: 'Product Viewed',
    userId,
    timestamp: new Date().toISOString(),
    properties,
  }
}

async function withdrawAll(
  client: ShopClient,
  database: pg.Client,
  { round, pauseMs }: { round: string; pauseMs: number },
): Promise<Round> {
  const watch = watchErasure(database)
  const ms: number[] = []
  for (const userId of people(round, PEOPLE)) {
    const began = performance.now()
    await client.post('/v1/consent', { userId, choices: { personalisation: false } })
    ms.push(performance.now() - began)
    if (pauseMs > 0) await delay(pauseMs)
  }
  const erasedSeconds = await watch.done()
  progress(
    `${round}: ${PEOPLE} withdrawals, p99 ${quantile(ms, 0.99).toFixed(1)} ms, erased within ${erasedSeconds.toFixed(2)} s`,
  )
  return { ms, erasedSeconds, rowsLeft: await rowsLeft(database, round) }
}

/** Looks every 50 ms how long the oldest withdrawal waits; done() resolves when none does any more. */
function watchErasure(database: pg.Client): { done(): Promise<number> } {
  let longest = 0
  let waiting = 0
  let stopping = false
  async function look(): Promise<void> {
    const { rows } = await database.query<{ n: number; age: number | null }>(
      `select count(*)::int as n, extract(epoch from clock_timestamp() - min(requested_at))::float8 as age from weir.purge`,
    )
    waiting = rows[0]!.n
    longest = Math.max(longest, rows[0]!.age ?? 0)
  }
  const watching = (async () => {
    const giveUpAt = performance.now() + PATIENCE_MS
    while (!stopping || waiting > 0) {
      await look()
      if (performance.now() > giveUpAt) throw new Error('withdrawn data is not erased in time')
      await delay(50)
    }
  })()
  return {
    async done() {
      await look()
      stopping = true
      await watching
      return longest + 0.05
    },
  }
}

async function rowsLeft(database: pg.Client, round: string): Promise<number> {
  const { rows } = await database.query<{ n: number }>(
    `select (select count(*) from recommendation.view where item like $1)::int
       + (select count(*) from weir.sealed s join weir.consent_state c using (subject_id) where c.refused <> 0)::int as n`,
    [`${round}-%`],
  )
  return rows[0]!.n
}

/** Others' events at a steady pace, a batch at a time; stop() tells how many a second it came to. */
function startLoad(client: ShopClient): { stop(): Promise<number> } {
  const who = people('other', OTHERS)
  const under = new Set<Promise<unknown>>()
  const began = performance.now()
  let running = true
  let sent = 0
  const pacing = (async () => {
    for (let turn = 1; running; turn++) {
      const batch = Array.from({ length: BATCH }, (_, i) => view(who[(sent + i) % OTHERS]!, 'other'))
      sent += BATCH
      const request = client.post('/v1/batch', { batch, sentAt: new Date().toISOString() })
      under.add(request)
      void request.finally(() => under.delete(request)).catch(() => undefined) // stop() awaits it too, and throws
      await delay(Math.max(0, began + turn * EVERY_MS - performance.now()))
      if (under.size > 50) await Promise.race(under)
    }
  })()
  return {
    async stop() {
      running = false
      await pacing
      await Promise.all(under)
      return sent / ((performance.now() - began) / 1000)
    },
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error(`waited too long for this: ${what}`)
    await delay(50)
  }
}
