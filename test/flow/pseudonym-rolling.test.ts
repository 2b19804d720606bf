import { randomUUID } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openKeyring } from '../../src/keys/keyring.ts'
import { openFileProvider } from '../../src/keys/providers/file.ts'
import { rollKey } from '../../src/keys/roll.ts'
import { attribution } from '../../src/modules/attribution/attribution.ts'
import type { Module } from '../../src/modules/module.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { firstPeriod } from '../../src/pipeline/rebuild.ts'
import { makeRollingPseudonymiser, periodOf, startOfPeriod } from '../../src/protect/pseudonymise.ts'
import { bodyOf, digestNow, namesIn, rebuiltDigest, type SentEvent, sentEvent } from '../support/rebuilt.ts'
import { policyWith } from '../support/recording-module.ts'
import { subjectOf } from '../support/stored.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'

const DAY_MS = 86_400_000
const DAYS = 30
const MODULES = [attribution, recommendation]
const rolling = (text: string): string =>
  text.replace(/^ {4}time: (minute|day).*$/gm, (line) => `${line}\n    pseudonyms: rolling\n    rolling_days: ${DAYS}`)

let weir: TestApp
let policyDir: string
let sent: SentEvent[]
let shift: number
beforeEach(async () => {
  policyDir = await policyWith(rolling)
  sent = []
  shift = 0
  weir = await createTestApp({ policyDir })
})
afterEach(async () => {
  await weir.stop()
  await rm(policyDir, { recursive: true })
})

const now = (): number => Date.now() + shift
function move(days: number): void {
  shift += days * DAY_MS
  weir.moveClock(days * DAY_MS)
}

async function send(...events: Omit<SentEvent, 'messageId'>[]): Promise<void> {
  const made = events.map(sentEvent)
  sent.push(...made)
  expect(await weir.send(...made.map(bodyOf))).toEqual(made.map(() => 'accepted'))
  await weir.settle()
}

const DEVICE = randomUUID()
const LATE_DEVICE = randomUUID()

/** Views and orders of two people over four periods; the first has a device. */
async function fillShop(): Promise<void> {
  for (const userId of ['ann', 'bob']) await weir.grant(userId, 'personalisation', 'attribution')
  for (const ago of [0, 31, 62, 93]) {
    const common = { source: 'mail', at: now() - ago * DAY_MS - 60_000 }
    const order = (who: string): { order_id: string; total: number; products: { product_id: string }[] } => ({
      order_id: `ORDER-${who}-${ago}`,
      total: 7,
      products: [{ product_id: `item-${ago}` }, { product_id: 'tea' }],
    })
    await send(
      {
        ...common,
        userId: 'ann',
        anonymousId: DEVICE,
        name: 'Product Viewed',
        properties: { product_id: `item-${ago}` },
      },
      { ...common, userId: 'ann', name: 'Order Completed', properties: order('ann') },
      { ...common, userId: 'bob', name: 'Order Completed', properties: order('bob') },
    )
  }
}

/** As a module would be that heard of these people for the first time now, with the links of every period that counts. */
async function expectRebuilt(without: readonly string[] = []): Promise<void> {
  await weir.keyring.refresh()
  const { kid, key } = weir.keyring.pseudonym.active
  for (const module of MODULES) {
    const by = makeRollingPseudonymiser(key, { kid, days: DAYS }, module.purpose, module.name)
    const events = sent.filter(({ userId }) => !without.includes(userId))
    const first = firstPeriod(weir.app.active().compiled, now(), DAYS)
    const periods = Array.from({ length: periodOf(now(), DAYS) - first + 1 }, (_, i) => first + i)
    const relinks = []
    for (const anonymousId of new Set(events.flatMap((event) => event.anonymousId ?? []))) {
      const device = (await subjectOf(weir, 'anonymous_id', anonymousId))!
      const user = (await subjectOf(weir, 'user_id', 'ann'))!
      for (const period of periods) {
        const at = startOfPeriod(period, DAYS)
        relinks.push({ from: by.pseudonym(device, at), to: by.pseudonym(user, at) })
      }
    }
    expect(await digestNow(weir, module)).toBe(await rebuiltDigest(weir, module, by, { events, relinks }))
  }
}

test('an event is under the pseudonym of its own period: nobody can be followed from one to the next', async () => {
  await fillShop()
  for (const { name } of MODULES) {
    for (const value of await namesIn(weir, name)) expect(value).toMatch(/^[pt]2\.AAAB\.\d{3}\.[\w-]{22}$/)
  }
  const { rows } = await weir.owner.$client.query<{ subjects: number; periods: number; orders: number }>(
    `select count(distinct subject)::int as subjects, count(distinct split_part(subject, '.', 3))::int as periods,
       count(distinct order_token)::int as orders from recommendation.order_line`,
  )
  expect(rows[0]).toEqual({ subjects: 8, periods: 4, orders: 8 })
  await expectRebuilt()
})

test('a withdrawal reaches every period, and so does the end of somebody who was not seen for long', async () => {
  await fillShop()
  await weir.refuse('ann', 'personalisation', 'attribution')
  await weir.settle()
  await expectRebuilt(['ann'])
  const day = 'current_date - 4000'
  const bob = await subjectOf(weir, 'user_id', 'bob')
  await weir.owner.$client.query(`update weir.subject set seen_on = ${day} where subject_id = $1`, [bob])
  await weir.owner.$client.query(`update weir.consent_ledger set recorded_at = ${day} where subject_id = $1`, [bob])
  await weir.app.maintain()
  expect(await subjectOf(weir, 'user_id', 'bob')).toBeUndefined()
  for (const { name } of MODULES) expect(await namesIn(weir, name)).toEqual([])
})

test('where a period begins the links are told for it first, and what was ordered in another is still known as ordered', async () => {
  await fillShop()
  move(DAYS)
  await weir.settle()
  await expectRebuilt()
  await send(
    {
      userId: 'ann',
      anonymousId: DEVICE,
      name: 'Product Viewed',
      properties: { product_id: 'cup' },
      source: 'mail',
      at: now() - 60_000,
    },
    {
      userId: 'ann',
      anonymousId: LATE_DEVICE,
      name: 'Product Viewed',
      properties: { product_id: 'cup' },
      source: 'mail',
      at: now() - 60_000,
    },
  )
  await expectRebuilt()
  const { body } = await weir.server.get('/v1/recommendations?placement=popular&n=10', { 'weir-user-id': 'bob' })
  expect(body.mode).toBe('personal')
  expect(JSON.stringify(body.items)).not.toContain('tea')
})

test('links of periods that nothing is kept of are undone, however far the clock goes', async () => {
  await fillShop()
  for (let year = 1; year <= 4; year++) {
    move(365)
    await weir.app.maintain()
    await weir.settle()
    const oldest = firstPeriod(weir.app.active().compiled, now(), DAYS)
    for (const { name } of MODULES) {
      const periods = (await namesIn(weir, name)).map((value) => Number(value.split('.')[2]))
      if (year < 3) expect(periods).toContain(periodOf(now(), DAYS)) // a link that holds
      for (const period of periods) expect(period).toBeGreaterThanOrEqual(oldest)
    }
  }
})

test('a changed root, and a policy that lets pseudonyms roll or last, rebuild the modules', async () => {
  await fillShop()
  const provider = await openFileProvider(weir.keyset)
  const keyring = await openKeyring(weir.db, provider)
  await rollKey({ db: weir.db, provider, keyring, now: Date.now, actor: 'cli' }, 'pseudonym')
  await weir.settle()
  await expectRebuilt()
  const path = join(policyDir, 'shop.policy.yaml')
  const text = await readFile(path, 'utf8')
  const kinds = async (): Promise<Set<string>> =>
    new Set(
      (await Promise.all(MODULES.map(({ name }: Module) => namesIn(weir, name)))).flat().map((one) => one.slice(0, 7)),
    )
  await writeFile(path, text.replace(/^ {4}(pseudonyms: rolling|rolling_days: \d+)\n/gm, ''))
  await weir.node() // a start with the changed policy makes it the one that decides
  await weir.settle()
  expect(await kinds()).toEqual(new Set(['p1.AAAC', 't1.AAAC']))
  await writeFile(path, `${text}\n# rolls again\n`)
  await weir.node()
  await weir.settle()
  expect(await kinds()).toEqual(new Set(['p2.AAAC', 't2.AAAC']))
  await expectRebuilt()
})
