import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, type GatewayProcess, makeStation, type Station } from '../support/gateway-process.ts'
import { until } from '../support/until.ts'

// Law 4 over real processes and a Postgres that syncs: what was answered is there, once, whoever was killed.
const LONG = process.env.WEIR_TEST_LONG === '1'
const KILLS = LONG ? 200 : 10
const SEED = Number(process.env.WEIR_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const CLIENTS = 4
const PEOPLE = 20

let station: Station
let gateway: GatewayProcess
let ownerUrl: string
let authorization: string

beforeAll(async () => {
  station = await makeStation({ WEIR_LOG_LEVEL: 'warn' })
  gateway = station.start()
  await gateway.answering()
  const source = await station.weir('source', 'add', 'shop', '--server')
  authorization = `Basic ${Buffer.from(`${source.writeKey}:${source.secret}`).toString('base64')}`
  ownerUrl = (await station.weir('db-url')).url ?? ''
  for (const userId of people()) {
    const answer = await post('/v1/consent', { userId, choices: { personalisation: true } })
    expect(answer.status).toBe(200)
  }
})
afterAll(() => station.remove())

test(`what was answered before ${KILLS} kills is logged once and delivered once, and so is what was sent again`, {
  timeout: LONG ? 3_600_000 : 240_000,
}, async () => {
  console.log(`kills with WEIR_TEST_SEED=${SEED}`)
  const random = seeded(SEED)
  const shop = openShop(random)
  try {
    for (let kill = 1; kill <= KILLS; kill++) {
      const before = shop.answered.size
      await until('events are answered between two kills', () => shop.answered.size > before + 20, 60)
      await delay(random() * 60)
      await killSomebody(random)
      const answered = shop.answered.size
      expect(await logged()).toBeGreaterThanOrEqual(answered)
    }
  } catch (error) {
    shop.abandon() // nobody may answer any more
    throw error
  }
  await shop.close()
  const sent = shop.answered.size
  console.log(`${sent} events, ${shop.repeats()} of them sent again after no answer`)
  expect(await logged()).toBe(sent)
  await until('all of it is delivered', async () => (await delivered()).length >= sent, 60)
  expect(await delivered()).toEqual([...shop.answered].sort().map((item) => ({ item, times: 1 })))
  expect([...shop.outcomes].filter((outcome) => outcome !== 'accepted' && outcome !== 'duplicate')).toEqual([])
  expect(await gateway.stop()).toBe(0)
})

/** The gateway (once, or again while it starts), the postmaster, or both in either order; then everything runs again. */
async function killSomebody(random: () => number): Promise<void> {
  const postmaster = await station.postmaster()
  const victims = ['gateway', 'gateway, twice', 'postmaster', 'both', 'both, the postmaster first'] as const
  const victim = victims[Math.floor(random() * victims.length)]!
  if (victim.endsWith('first') || victim === 'postmaster') process.kill(postmaster, 'SIGKILL')
  if (victim !== 'postmaster') {
    gateway.child.kill('SIGKILL')
    if (victim === 'both') process.kill(postmaster, 'SIGKILL')
    await gateway.ended
    gateway = station.start()
  }
  if (victim === 'gateway, twice') {
    await delay(random() * 2000)
    gateway.child.kill('SIGKILL')
    await gateway.ended
    gateway = station.start()
  }
  await gateway.answering()
  await until('the database answers', async () => (await ask(ownerUrl, 'select 1').catch(() => [])).length === 1, 60)
}

interface Shop {
  /** Products whose view was answered `accepted` or, sent again, `duplicate`. */
  readonly answered: ReadonlySet<string>
  readonly outcomes: ReadonlySet<string>
  repeats(): number
  /** Ends when every event that was ever sent has been answered. */
  close(): Promise<void>
  /** Ends at once. */
  abandon(): void
}

/** Clients that send batches one after the other, and each batch until it is answered. Every event views its own product. */
function openShop(random: () => number): Shop {
  const answered = new Set<string>()
  const outcomes = new Set<string>()
  let open = true
  let abandoned = false
  let next = 0
  let repeats = 0

  async function client(): Promise<void> {
    while (open) {
      const batch = Array.from({ length: 1 + Math.floor(random() * 8) }, () => view(`p-${next++}`, random))
      for (let tries = 1; !abandoned; tries++) {
        const results = await send(batch)
        if (results !== undefined) {
          for (const [i, { outcome }] of results.entries()) {
            outcomes.add(outcome)
            answered.add(batch[i]!.properties.product_id)
          }
          break
        }
        if (tries === 1) repeats += batch.length
        await delay(50)
      }
      await delay(random() * 10)
    }
  }
  const clients = Array.from({ length: CLIENTS }, client)
  return {
    answered,
    outcomes,
    repeats: () => repeats,
    async close() {
      open = false
      await Promise.all(clients)
    },
    abandon() {
      open = false
      abandoned = true
    },
  }
}

interface View {
  readonly messageId: string
  readonly properties: { readonly product_id: string }
}

function view(product: string, random: () => number): View & Record<string, unknown> {
  const userId = people()[Math.floor(random() * PEOPLE)]
  const properties = { product_id: product }
  return { type: 'track', event: 'Product Viewed', messageId: randomUUID(), userId, properties }
}

/** Outcomes, or undefined where no answer came or one that says "again". */
async function send(batch: readonly View[]): Promise<{ outcome: string }[] | undefined> {
  const answer = await post('/v1/batch', { batch, sentAt: new Date().toISOString() }).catch(() => undefined)
  if (answer === undefined || answer.status === 503) return undefined
  if (answer.status !== 200) throw new Error(`a batch was answered ${answer.status}`)
  const body = await answer.json().catch(() => undefined)
  return (body as { results: { outcome: string }[] } | undefined)?.results
}

function post(path: string, body: unknown): Promise<Response> {
  const headers = { authorization, 'content-type': 'application/json' }
  return fetch(gateway.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
}

function people(): string[] {
  return Array.from({ length: PEOPLE }, (_, i) => `person-${i}`)
}

async function logged(): Promise<number> {
  const rows = await ask<{ rows: number; keys: number }>(
    ownerUrl,
    'select count(*)::int as rows, count(distinct event_key)::int as keys from weir.event_log where kind = 0',
  )
  expect(rows[0]?.keys).toBe(rows[0]?.rows)
  return rows[0]?.rows ?? 0
}

function delivered(): Promise<{ item: string; times: number }[]> {
  return ask(ownerUrl, 'select item, count(*)::int as times from recommendation.view group by item order by item')
}

/** mulberry32: the same seed, the same kills. */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
