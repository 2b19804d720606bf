import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { BenchResult } from '../../src/cli/bench.ts'
import { type Retail, type RetailOrder, readRetail, retailIsThere } from '../support/retail.ts'
import {
  batchesOf,
  companionsOf,
  customerId,
  customersOf,
  daysToShift,
  itemsOf,
  messagesOf,
  named,
  pence,
  shareOf,
  shiftedDay,
  soldByDay,
} from '../support/retail-shop.ts'
import { createShopClient, inTurns, progress, quantile, rounded, type ShopClient } from './client.ts'
import { type Gateway, startGateway } from './gateway.ts'

const WIDTH = 6 // requests under way
const PATIENCE_MS = 300_000
const HEART = '85123A'
const ASKED = 200 // answers that are timed

type Item = {
  readonly product_id: string
  readonly stage: string
  readonly score: number
  readonly why: { readonly together: number; readonly of: number }
}
type Sum = { readonly from: string; readonly orders: number; readonly units: number; readonly value: string }

/**
 * All orders of a real shop through a gateway of its own process with delivery running: what is delivered, what is
 * summed and what is recommended must equal what the file says.
 */
export async function run(): Promise<BenchResult> {
  if (!retailIsThere()) throw new Error('this bench needs the retail data')
  const retail = await readRetail()
  const days = daysToShift(retail, Date.now())
  const gateway = await startGateway()
  try {
    const client = await createShopClient(gateway)
    const asked = await consent(client, retail)
    const sent = await sendAll(client, retail, days)
    const consented = retail.orders.filter((order) => shareOf(order) === 'consented')
    const takenBack = retail.cancellations.filter((order) => shareOf(order) === 'consented')
    const events = consented.length + takenBack.length
    const delivered = await untilDelivered(client, events)
    const lines = await linesHeld(gateway)
    const expected = consented.reduce((sum, order) => sum + itemsOf(order).length, 0)
    const answers = await timeAnswers(client, consented)
    const totals = await totalsAreExact(gateway, retail.orders, days)
    return {
      name: 'retail',
      figures: {
        lines_of_the_file: retail.linesRead,
        consents_per_second: asked,
        events_sent: sent.events,
        events_accepted_per_second: Math.round(sent.events / sent.seconds),
        order_lines_accepted_per_second: Math.round(sent.lines / sent.seconds),
        gateway_full_answers: client.waits(),
        seconds_until_all_was_accepted: rounded(sent.seconds),
        seconds_until_all_was_delivered: rounded((delivered.at - sent.began) / 1000),
        events_delivered: delivered.events,
        order_lines_in_the_module: lines,
        also_bought_p50_ms: rounded(quantile(answers.ms, 0.5)),
        also_bought_p99_ms: rounded(quantile(answers.ms, 0.99)),
        also_bought_85123A_ms: rounded(answers.heartMs),
      },
      goals: [
        goal('events delivered, beside those of the consented third of the file', events, delivered.events),
        goal('order lines in the module, beside those of the consented third', expected, lines),
        goal('days of the totals that are the file’s to the penny, everybody included', totals.days, totals.exact),
        goal('companions of 85123A that are the file’s, in order', answers.companions, answers.right),
      ],
    }
  } finally {
    await gateway.stop()
  }
}

function goal(what: string, wanted: number, value: number): BenchResult['goals'][number] {
  return { what, goal: wanted, value, met: value === wanted }
}

/** @returns choices recorded a second */
async function consent(client: ShopClient, retail: Retail): Promise<number> {
  const choices = (['consented', 'refusing'] as const).flatMap((share) =>
    customersOf(retail, share).map((one) => ({
      userId: customerId(one),
      choices: { personalisation: share === 'consented' },
    })),
  )
  const began = performance.now()
  await inTurns(choices, WIDTH, async (choice) => {
    await client.post('/v1/consent', choice)
  })
  progress(`${choices.length} choices recorded`)
  return Math.round(choices.length / ((performance.now() - began) / 1000))
}

interface Sent {
  readonly began: number
  readonly seconds: number
  readonly events: number
  readonly lines: number
}

async function sendAll(client: ShopClient, retail: Retail, days: number): Promise<Sent> {
  const batches = batchesOf(messagesOf(retail, days))
  const events = retail.orders.length + retail.cancellations.length
  const all = [...retail.orders, ...retail.cancellations]
  let accepted = 0
  const began = performance.now()
  let said = began
  await inTurns(batches, WIDTH, async (batch) => {
    await client.post('/v1/batch', { batch: batch.map(({ body }) => body), sentAt: new Date().toISOString() })
    accepted += batch.length
    if (performance.now() - said < 5000) return
    said = performance.now()
    progress(`${accepted} of ${events} events accepted`)
  })
  const seconds = (performance.now() - began) / 1000
  progress(`all accepted in ${seconds.toFixed(1)} s`)
  return { began, seconds, events, lines: all.reduce((sum, order) => sum + order.lines.length, 0) }
}

async function untilDelivered(client: ShopClient, wanted: number): Promise<{ at: number; events: number }> {
  const giveUpAt = performance.now() + PATIENCE_MS
  for (let said = 0; ; ) {
    const events = (await client.counters('weir_delivered_total')).get('recommendation') ?? 0
    const at = performance.now()
    if (events >= wanted || at > giveUpAt) return { at, events }
    if (at - said > 5000) {
      said = at
      progress(`${events} of ${wanted} events delivered`)
    }
    await delay(100)
  }
}

async function linesHeld(gateway: Gateway): Promise<number> {
  const { url } = await gateway.weir('db-url')
  const client = new pg.Client({ connectionString: url! })
  await client.connect()
  try {
    const { rows } = await client.query<{ n: number }>('select count(*)::int as n from recommendation.order_line')
    return rows[0]!.n
  } finally {
    await client.end()
  }
}

interface Answers {
  readonly ms: readonly number[]
  readonly heartMs: number
  readonly companions: number
  readonly right: number
}

/** Asks for the companions of the goods sold most, over HTTP, one after the other. */
async function timeAnswers(client: ShopClient, consented: readonly RetailOrder[]): Promise<Answers> {
  const sold = new Map<string, number>()
  for (const item of consented.flatMap(itemsOf)) sold.set(item, (sold.get(item) ?? 0) + 1)
  const most = [...sold].sort(([, a], [, b]) => b - a).slice(0, ASKED)
  const ask = async (code: string): Promise<{ items: Item[]; ms: number }> => {
    const began = performance.now()
    const answer = await client.get(
      `/v1/recommendations?placement=also_bought&product_id=${encodeURIComponent(code)}&n=20`,
    )
    return { items: answer.items as unknown as Item[], ms: performance.now() - began }
  }
  const ms: number[] = []
  for (const [code] of most) ms.push((await ask(code)).ms)
  const heart = await ask(HEART)
  const found = heart.items.filter((item) => item.stage === 'also_bought')
  const expected = companionsOf(consented, HEART).slice(0, 20)
  for (const item of found.slice(0, 8))
    progress(`  with ${HEART}: ${named(item.product_id)}, ${item.why.together} of ${item.why.of} orders`)
  const right = expected.filter(([code, together, of, score], i) => {
    const item = found[i]
    return item?.product_id === code && item.why.together === together && item.why.of === of && item.score === score
  })
  return { ms, heartMs: heart.ms, companions: expected.length, right: right.length }
}

async function totalsAreExact(
  gateway: Gateway,
  orders: readonly RetailOrder[],
  days: number,
): Promise<{ days: number; exact: number }> {
  const { token } = await gateway.weir('token', 'add', '--role', 'merchandiser')
  const merchandiser = await createShopClient(gateway, `Bearer ${token}`)
  const sold = [...soldByDay(orders)].sort(([a], [b]) => (a < b ? -1 : 1))
  const [from, to] = [sold[0]![0], sold.at(-1)![0]].map((day) => shiftedDay(day, days))
  const answer = await merchandiser.get(`/api/totals?from=${from}&to=${to}`)
  const sums = new Map((answer.sums as unknown as Sum[]).map((sum) => [sum.from, sum]))
  const exact = sold.filter(([day, { orders: count, units, pence: value }]) => {
    const sum = sums.get(shiftedDay(day, days))
    return sum?.orders === count && sum.units === units && pence(sum.value) === value
  })
  return { days: sold.length, exact: exact.length }
}
