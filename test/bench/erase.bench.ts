import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { BenchResult } from '../../src/cli/bench.ts'
import { createShopClient, inTurns, progress, quantile, rounded, type ShopClient } from './client.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { copyEverybody, keepOriginals } from './many-events.ts'

const SIZES = (process.env.WEIR_BENCH_SIZES ?? '10000,100000,1000000').split(',').map(Number)
const BASE = 10_000 // sent; the others are copies of them
const EACH = 10
const EVENTS = 1_000 // of who is erased
const ERASED = 3 // at each size; the median counts
const GOAL_SECONDS = 2
const GOAL_RATIO = 2

/**
 * Erasures by the operator's command of a person with 1,000 events, among 10,000, 100,000 and 1,000,000 events of others:
 * the time from the first step to the last row gone, by the database's clock, and that of the search of every column apart.
 */
export async function run(): Promise<BenchResult> {
  const gateway = await startGateway()
  const { url } = await gateway.weir('db-url')
  const database = new pg.Client({ connectionString: url! })
  await database.connect()
  try {
    const client = await createShopClient(gateway)
    await sendBase(client, database)
    const figures: Record<string, number> = {}
    const seconds: number[] = []
    let copies = 0
    for (const size of SIZES) {
      const wanted = Math.round(size / BASE) - 1
      if (wanted > copies) await copyEverybody(database, copies + 1, wanted)
      copies = Math.max(copies, wanted)
      await database.query('vacuum analyze')
      const [erasing, scanning] = await eraseSome(gateway, client, database, size)
      seconds.push(erasing)
      figures[`erase_s_among_${size}`] = rounded(erasing)
      figures[`scan_s_among_${size}`] = rounded(scanning)
    }
    const [largest, smallest] = [Math.max(...seconds), Math.min(...seconds)]
    const ratio = largest / smallest
    return {
      name: 'erase',
      figures: { ...figures, ratio: rounded(ratio) },
      goals: [
        {
          what: `erasing a person with ${EVENTS} events among ${SIZES.at(-1)} events, in s, at most`,
          goal: GOAL_SECONDS,
          value: rounded(seconds.at(-1)!),
          met: seconds.at(-1)! <= GOAL_SECONDS,
        },
        {
          what: 'the slowest size over the fastest, at most: the cost follows the person, not the total',
          goal: GOAL_RATIO,
          value: rounded(ratio),
          met: ratio <= GOAL_RATIO,
        },
      ],
    }
  } finally {
    await database.end()
    await gateway.stop()
  }
}

async function sendBase(client: ShopClient, database: pg.Client): Promise<void> {
  const people = Array.from({ length: BASE / EACH }, (_, i) => `other-${i}`)
  await inTurns(people, 16, async (userId) => {
    await choose(client, userId)
    await send(client, userId, EACH)
  })
  await delivered(database)
  await keepOriginals(database)
  progress(`${BASE} events of ${people.length} people are in the log and in the modules`)
}

async function choose(client: ShopClient, userId: string): Promise<void> {
  await client.post('/v1/consent', { userId, choices: { attribution: true, personalisation: true } })
}

/** Nine looks for each order, as a shop has them. */
async function send(client: ShopClient, userId: string, events: number): Promise<void> {
  for (let sent = 0; sent < events; sent += EACH) {
    const batch = Array.from({ length: EACH }, (_, i) => event(userId, sent + i, i === EACH - 1))
    await client.post('/v1/batch', { batch, sentAt: new Date().toISOString() })
  }
}

function event(userId: string, n: number, isOrder: boolean): object {
  const product = `product-${(n * 7919) % 500}`
  const properties = isOrder
    ? {
        order_id: randomUUID(),
        currency: 'CNY',
        total: 99,
        products: [{ product_id: product, quantity: 1, price: 99 }],
      }
    : { product_id: product }
  return {
    type: 'track',
    event: isOrder ? 'Order Completed' : 'Product Viewed',
    messageId: randomUUID(),
    userId,
    properties,
    timestamp: new Date().toISOString(),
    context: { campaign: { source: 'spring' } },
  }
}

async function delivered(database: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await database.query<{ behind: boolean }>(
      `select exists (select from weir.delivery_cursor c join weir.destination d using (destination_id)
         where d.name in ('attribution', 'recommendation') and c.pos < (select coalesce(max(pos), 0) from weir.event_log)) as behind`,
    )
    if (!rows[0]!.behind) return
    await delay(100)
  }
}

/** Median seconds of erasing, and of searching. */
async function eraseSome(
  gateway: Gateway,
  client: ShopClient,
  database: pg.Client,
  size: number,
): Promise<[number, number]> {
  const times: { erasing: number; scanning: number }[] = []
  for (let i = 0; i < ERASED; i++) {
    const userId = `erased-${size}-${i}`
    await choose(client, userId)
    await send(client, userId, EVENTS)
    await delivered(database)
    const { request } = await gateway.weir('erase', '--identifier', `user_id=${userId}`, '--case', `BENCH-${i + 1}`)
    times.push(await timesOf(database, request!))
  }
  const median = (of: 'erasing' | 'scanning'): number =>
    quantile(
      times.map((one) => one[of]),
      0.5,
    )
  progress(`among ${size}: ${median('erasing').toFixed(2)} s, and ${median('scanning').toFixed(2)} s to search`)
  return [median('erasing'), median('scanning')]
}

async function timesOf(database: pg.Client, request: string): Promise<{ erasing: number; scanning: number }> {
  const { rows } = await database.query<{ erasing: number; scanning: number }>(
    `select extract(epoch from s.at - b.at)::float8 as erasing, extract(epoch from e.at - s.at)::float8 as scanning
     from weir.request_event b, weir.request_event s, weir.request_event e
     where b.request_id = $1 and s.request_id = $1 and e.request_id = $1
       and b.to_state = 'executing' and s.to_state = 'scanning' and e.to_state in ('completed', 'completed_partial')`,
    [request],
  )
  return rows[0]!
}
