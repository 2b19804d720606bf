import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPool } from '../../src/db/pool.ts'
import { transaction } from '../../src/db/transaction.ts'
import type { Delivered } from '../../src/event/event.ts'
import { attribution } from '../../src/modules/attribution/attribution.ts'
import type { Module } from '../../src/modules/module.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { asModule } from '../../src/pipeline/as-module.ts'
import { measureDrift, violationsOf } from '../../src/retention/drift.ts'
import { readRuling } from '../../src/retention/ruling.ts'
import { policyWith } from '../support/recording-module.ts'
import { storedOf, subjectOf } from '../support/stored.ts'
import { createTestApp, order, type TestApp, track } from '../support/test-app.ts'
import { createTestDatabase } from '../support/test-database.ts'

const DAY_MS = 86_400_000
const START = Date.parse('2027-01-01T09:00:00Z')
const MONTHS = 24
const DAYS = [1, 11, 21, 28]

/** What the policy of this test allows, in days: the test counts for itself. */
const ALLOWED = { behaviour: 180, technical: 40, unclassified: 30, order: 300, orderFloor: 400, ledger: 90 }

let weir: TestApp
let policyDir: string
let now = START
/** All that recommendation was ever handed. */
const handed: Delivered[] = []
/** When each order happened. */
const orders: number[] = []

const remembering: Module = {
  ...recommendation,
  handle: (tx, batch) => {
    handed.push(...batch)
    return recommendation.handle(tx, batch)
  },
}

beforeAll(async () => {
  policyDir = await policyWith((text) =>
    text
      .replace(
        'retain_days: 1095\n    floor_days: 1095',
        `retain_days: ${ALLOWED.order}\n    floor_days: ${ALLOWED.orderFloor}`,
      )
      .replace('floor_basis: E-commerce Law 31', 'floor_basis: a law of this test')
      .replaceAll('retain_days: 365', 'retain_days: 200')
      .replace('{retain_days: 30, step: day}', `{retain_days: ${ALLOWED.technical}}`) // by the month, for fewer tables
      .replace('{retain_days: 7, step: day,', '{retain_days: 40,')
      .replaceAll('fields: [properties.product_id]}', 'fields: [properties.product_id, context.locale]}')
      .concat(`\nretention: {ledger_days: ${ALLOWED.ledger}}\n`),
  )
  weir = await createTestApp({ policyDir, now: new Date(START).toISOString(), modules: [attribution, remembering] })
})
afterAll(async () => {
  await weir?.stop()
  await rm(policyDir, { recursive: true })
})

test('over two years nothing is older than its class allows, in any store, and no statutory floor is cut short', {
  timeout: 240_000,
}, async () => {
  const before = Date.now()
  await arriving([], async () => {
    for (const user of ['ann', 'ben', 'leaver']) await weir.grant(user, 'attribution', 'personalisation')
  })
  let dropped = 0
  let closed = 0
  for (let month = 0; month < MONTHS; month++) {
    for (const day of DAYS) {
      moveTo(Date.UTC(2027, month, day, 9))
      await arriving(month === 0 ? ['ann', 'ben', 'leaver'] : ['ann', 'ben'], () => shopping(month))
    }
    moveTo(Date.UTC(2027, month + 1, 1, 0, 30))
    await weir.app.maintain()
    await nothingIsTooOld()
    const kept = await restrictedOrders()
    closed = Math.max(closed, kept)
    dropped = orders.length - (await openOrders()) - kept
    // A statute is met in full: no order that is younger than its floor is gone.
    expect(orders.length - dropped).toBeGreaterThanOrEqual(
      orders.filter((at) => now < at + ALLOWED.orderFloor * DAY_MS).length,
    )
    if (month % 6 === 5) await expectRebuild()
  }
  expect(closed).toBeGreaterThan(0)
  expect(dropped).toBeGreaterThan(0)
  await expectRebuild()
  // Somebody who came once and never again is gone: the person, and in time the proof of what was chosen.
  expect(await subjectOf(weir, 'user_id', 'leaver')).toBeUndefined()
  expect(await subjectOf(weir, 'user_id', 'ann')).toBeDefined()
  const { rows } = await weir.owner.$client.query('select from weir.ledger_of_nobody')
  expect(rows).toEqual([])
  expect(weir.logged()).not.toContain('is kept for longer than the policy allows')
  console.info(`law 8: ${orders.length} orders, ${handed.length} events handed over, ${Date.now() - before} ms`)
})

test('what was planted behind its back is found by drift, wherever it lies', async () => {
  const found = async (): Promise<string[]> => (await violations()).map((one) => one.class).sort()
  expect(await found()).toEqual([])
  const old = new Date(now - 250 * DAY_MS).toISOString().slice(0, 10)
  await weir.owner.$client.query(
    `insert into recommendation.view (subject, event_key, item, day) values ('p1.planted', 't1.planted', 'mug', $1)`,
    [old],
  )
  expect(await found()).toEqual(['recommendation.view'])
  // A blob with a due day that it must not have: what it was sealed from was received too long ago.
  await weir.owner.$client.query(
    `insert into weir.sealed (class_id, due, subject_id, pos, bytes)
     select f.class_id, (select max(first) from weir.retained_partition where class = f.name), gen_random_uuid(),
       (select min(pos) from weir.event_log), '\\x00' from weir.field_class f where f.name = 'behaviour'`,
  )
  expect(await found()).toEqual(['behaviour', 'recommendation.view'])
  await weir.owner.$client.query(
    `insert into weir.purge (subject_id, destination_id, requested_at) values (gen_random_uuid(), 1, $1)`,
    [new Date(now - 90_000).toISOString()],
  )
  expect(await found()).toEqual(['behaviour', 'recommendation.view', 'withdrawal'])
  await weir.app.maintain()
  expect(weir.logged()).toContain('something is kept for longer than the policy allows')
})

test('what is past its end is handed to nobody, also while it is stored still', async () => {
  await arriving([], () => weir.grant('eve', 'attribution', 'personalisation'))
  const at = now
  const more = { timestamp: iso(at), context: { locale: 'zh-CN' } }
  const sending = (): Promise<string[]> =>
    weir.send(track('eve', 'Product Viewed', { product_id: 'late', mystery: 1 }, more), {
      ...order('eve', 'E-1', ['late-goods']),
      ...more,
    })
  await arriving(['eve'], sending, { settle: false })
  moveTo(at + 181 * DAY_MS) // housekeeping does not run: all of it lies there still
  handed.length = 0
  await weir.settle()
  expect(handed.map((event) => event.name)).toEqual(['Order Completed'])
  expect(JSON.stringify(await storedOf(weir, (await subjectOf(weir, 'user_id', 'eve'))!))).toContain('late')
})

function moveTo(ms: number): void {
  weir.moveClock(ms - now)
  now = ms
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/**
 * The database stamps by its own clock what it takes: rows are put to the day that our clock shows, as if it showed the
 * same. Who sends something is seen on that day.
 */
async function arriving(who: readonly string[], work: () => Promise<unknown>, { settle = true } = {}): Promise<void> {
  const { $client } = weir.owner
  const day = iso(now).slice(0, 10)
  await $client.query('select weir.ensure_log_partitions(current_date, 1)')
  const seen = await Promise.all(who.map((user) => subjectOf(weir, 'user_id', user)))
  await $client.query('update weir.subject set seen_on = $1 where subject_id = any($2)', [day, seen.filter(Boolean)])
  await work()
  if (settle) await weir.settle()
  await $client.query('update weir.subject set seen_on = $1 where seen_on = current_date', [day])
  await $client.query('update weir.event_log set at_day = $1, received_at = $2 where at_day = current_date', [
    day,
    iso(now),
  ])
  await $client.query('update weir.consent_ledger set recorded_at = $1 where recorded_at::date = current_date', [
    iso(now),
  ])
}

async function shopping(month: number): Promise<void> {
  const more = { timestamp: iso(now), context: { locale: 'zh-CN', campaign: { source: 'mail' } } }
  const late = { ...more, timestamp: iso(now - 20 * DAY_MS) } // an app that was offline
  const orderId = `O-${now}`
  await weir.send(
    track('ann', 'Product Viewed', { product_id: `p${month % 5}`, mystery: 'x' }, more),
    track('ben', 'Product Clicked', { product_id: `p${month % 3}` }, late),
    track('ben', 'Product Added', { product_id: `p${month % 3}` }, more),
    { ...order('ann', orderId, ['p1', `p${month % 5}`]), ...more },
    ...(month % 4 === 3 ? [{ ...track('ann', 'Order Refunded', { order_id: orderId }), ...more }] : []),
    ...(month === 0 ? [track('leaver', 'Product Viewed', { product_id: 'p1' }, more)] : []),
  )
  orders.push(now)
  if (month % 4 === 3) orders.push(now) // the refund tells of it too
}

async function violations(): Promise<{ class: string }[]> {
  const ruling = await readRuling(weir.db, { modules: [attribution, recommendation], now })
  return violationsOf(await measureDrift(weir.db, ruling, { thorough: true }))
}

/** Looks into every store for itself: opens what is sealed, reads what the modules hold. */
async function nothingIsTooOld(): Promise<void> {
  for (const user of ['ann', 'ben']) {
    const subject = await subjectOf(weir, 'user_id', user)
    for (const { className, at } of await storedOf(weir, subject!)) {
      const days = className === 'order' ? ALLOWED.orderFloor + 31 : ALLOWED[className as 'behaviour']
      expect(now - at, `${className} of ${iso(at)} on ${iso(now)}`).toBeLessThanOrEqual(days * DAY_MS)
    }
  }
  const { rows } = await weir.owner.$client.query<Record<string, string | null>>(
    `select (select min(at) from attribution.touch)::date::text as touch, (select min(at) from attribution.conversion)::date::text as conversion,
       (select min(day) from recommendation.view)::text as view, (select min(day) from recommendation.cart_change)::text as cart,
       (select min(day) from recommendation.order_line)::text as line, (select min(day) from recommendation.order_return)::text as back,
       (select min(at_day) from weir.event_log)::text as log`,
  )
  const { conversion, line, back, log, ...behaviour } = rows[0]!
  for (const day of Object.values(behaviour)) expect(age(day)).toBeLessThanOrEqual(ALLOWED.behaviour)
  for (const day of [conversion, line, back]) expect(age(day!)).toBeLessThanOrEqual(ALLOWED.order)
  expect(age(log!)).toBeLessThanOrEqual(ALLOWED.orderFloor + 2 * 31 + 31)
  expect(await violations()).toEqual([])
}

function age(day: string | null): number {
  return day === null ? 0 : Math.floor((now - Date.parse(day)) / DAY_MS)
}

/** Orders that are kept for the statute alone: the gateway's role cannot read them. */
async function restrictedOrders(): Promise<number> {
  const { rows } = await weir.owner.$client.query<{ part: string }>(
    `select part from weir.retained_partition where class = 'order' and state = 'detached'`,
  )
  let n = 0
  for (const { part } of rows) {
    await expect(weir.db.$client.query(`select bytes from weir.${part}`)).rejects.toMatchObject({ code: '42501' })
    const counted = await weir.owner.$client.query<{ n: number }>(`select count(*)::int as n from weir.${part}`)
    n += counted.rows[0]!.n
  }
  return n
}

async function openOrders(): Promise<number> {
  const { rows } = await weir.owner.$client.query<{ n: number }>(
    `select count(*)::int as n from weir.sealed join weir.field_class f using (class_id) where f.name = 'order'`,
  )
  return rows[0]!.n
}

/** What the module holds is what it would hold had it been told of nothing but what is still in use. */
async function expectRebuild(): Promise<void> {
  const today = new Date(now)
  const month = Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + 1, 1)
  const inUse = handed.filter(({ name, at }) => {
    const days = name.startsWith('Order') ? ALLOWED.order : ALLOWED.behaviour
    return Date.parse(at) >= month - days * DAY_MS
  })
  expect(inUse.length).toBeLessThan(handed.length + 1)
  const database = await createTestDatabase()
  const fresh = openPool({ url: database.appUrl, max: 2 })
  try {
    await transaction(fresh, (tx) => asModule(tx, recommendation, () => recommendation.handle(tx, inUse)))
    const digestOf = (db: typeof fresh): Promise<string> =>
      transaction(db, (tx) => asModule(tx, recommendation, () => recommendation.digest(tx)))
    expect(await digestOf(weir.db)).toBe(await digestOf(fresh))
  } finally {
    await fresh.$client.end()
    await database.drop()
  }
}
