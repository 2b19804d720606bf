import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '../../src/db/transaction.ts'
import type { JsonObject } from '../../src/event/event.ts'
import { subjectId } from '../../src/event/ids.ts'
import { present } from '../../src/identity/present.ts'
import { readNodes } from '../../src/identity/read.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { asModule } from '../../src/pipeline/as-module.ts'
import { sent } from '../support/recipients.ts'
import { createTestApp, type Device, newDevice, type TestApp } from '../support/test-app.ts'

const DAY_MS = 86_400_000
let weir: TestApp

beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

test('a device that nobody knew and nobody saw for 30 days is forgotten here and in the module; others are not', async () => {
  const idle = await visitor()
  const seen = await visitor()
  const linked = await visitor('ann')
  const chooser = await visitor()
  await weir.settle()
  await sent(weir, subjectId((await idOf(idle))!), 1, ['anonymous_id:raw', 'device'])
  const before = await holdings()
  await age(31)
  const ids = [await idOf(seen)]
  await weir.owner.$client.query('update weir.subject set seen_on = current_date - 30 where subject_id = any($1)', [
    ids,
  ])
  await choose(chooser) // whoever chooses is there, though no event came
  await weir.app.maintain()
  await weir.settle()

  expect(await known(idle)).toBe(false)
  for (const device of [seen, linked, chooser]) expect(await known(device)).toBe(true)
  const after = await holdings()
  expect(after).toMatchObject({
    device: before.device - 1,
    key: before.key - 1,
    state: before.state - 1,
    identifier: before.identifier - 1,
    viewers: before.viewers - 1,
    letters: 0,
    purges: 0,
  })
  expect((await weir.owner.$client.query('select from weir.recipient')).rowCount).toBe(0)
  expect(after.sealed).toBeLessThan(before.sealed)
  expect(after.log).toBe(before.log) // the skeleton stays, as nobody's
  expect(after.nobodys).toBe(before.nobodys + 2)
  expect(
    await weir.owner.$client.query(
      'select from weir.sealed s where not exists (select from weir.subject j where j.subject_id = s.subject_id)',
    ),
  ).toMatchObject({ rowCount: 0 })
})

test('the module is as if the forgotten device had never been', async () => {
  await age(31)
  await weir.app.maintain()
  const digest = await digestNow()
  await visitor()
  await weir.settle()
  expect(await digestNow()).not.toBe(digest)
  await age(31)
  await weir.app.maintain()
  await weir.settle()
  expect(await digestNow()).toBe(digest)
})

test('who comes back afterwards is somebody new, and is asked again', async () => {
  const device = await visitor()
  await age(31)
  await weir.app.maintain()
  expect(await view(device)).toBe('refused')
  await choose(device)
  expect(await view(device)).toBe('accepted')
})

test('more than one batch of idle devices goes in one run, and events under way at the same time are kept', async () => {
  for (let i = 0; i < 45; i++) await visitor()
  const returning = await Promise.all(Array.from({ length: 5 }, () => visitor()))
  await weir.settle()
  await age(31)
  const [, ...outcomes] = await Promise.all([weir.app.maintain(), ...returning.map((device) => view(device))])
  await weir.settle()
  const { rows } = await weir.owner.$client.query<{ n: number }>(
    `select count(*)::int as n from weir.subject s where kind = 'device' and seen_on < current_date - 30
       and not exists (select from weir.link where device_id = subject_id)
       and not exists (select from weir.consent_ledger c where c.subject_id = s.subject_id and recorded_at > now() - interval '30 days')`,
  )
  expect(rows[0]?.n).toBe(0)
  // Either it was seen first and stays, or it is nobody known any more and was refused; never half.
  for (const [i, outcome] of outcomes.entries()) expect(await known(returning[i]!)).toBe(outcome === 'accepted')
  const orphans = await weir.owner.$client.query(
    'select from weir.sealed s where not exists (select from weir.subject_key k where k.subject_id = s.subject_id)',
  )
  expect(orphans.rowCount).toBe(0)
})

test('content that fell due is dropped when its day comes, and nothing before', async () => {
  await weir.grant('ben', 'personalisation', 'analytics')
  await weir.send({
    type: 'track',
    event: 'Product Viewed',
    userId: 'ben',
    properties: { product_id: 'tea', secret_sauce: 'x' },
  })
  const dueDays = async (): Promise<string[]> => {
    const { rows } = await weir.owner.$client.query<{ due: string }>(
      `select distinct due::text from weir.sealed j join weir.subject s on s.subject_id = j.subject_id where s.kind = 'user' order by 1`,
    )
    return rows.map((row) => row.due)
  }
  const all = await dueDays()
  expect(all.length).toBeGreaterThan(1) // of classes that are kept for different times
  const start = Date.now()
  let moved = 0
  const moveTo = async (day: string, offset: number): Promise<void> => {
    const ms = Date.parse(day) + offset - start
    weir.moveClock(ms - moved)
    moved = ms
    await weir.app.maintain()
  }
  for (const [i, due] of all.entries()) {
    await moveTo(due, -DAY_MS)
    expect(await dueDays()).toEqual(all.slice(i))
    await moveTo(due, 0)
    expect(await dueDays()).toEqual(all.slice(i + 1))
  }
})

/** A device that consented and looked at two products; `user`: and logged in. */
async function visitor(user?: string): Promise<Device> {
  const device = newDevice()
  await choose(device)
  if (user !== undefined) await weir.grant(user, 'personalisation')
  expect(await view(device, user)).toBe('accepted')
  expect(await view(device, user)).toBe('accepted')
  return device
}

async function choose(device: Device): Promise<void> {
  const answer = await weir.browser.post(
    '/v1/consent',
    { ...device, choices: { personalisation: true } },
    { origin: 'https://shop.example' },
  )
  expect(answer.status).toBe(200)
}

async function view(device: Device, userId?: string): Promise<string> {
  const event = { type: 'track', event: 'Product Viewed', anonymousId: device.anonymousId, messageId: randomUUID() }
  const more: JsonObject = userId === undefined ? {} : { userId }
  const [outcome] = await weir.send({ ...event, ...more, properties: { product_id: `p-${randomUUID()}` } })
  return outcome!
}

/** The random id behind a device; undefined where it is not known. */
async function idOf(device: Device): Promise<string | undefined> {
  const presented = present(weir.keyring, 'anonymous_id', device.anonymousId)!
  return [...(await readNodes(weir.db, [presented])).values()][0]?.subject
}

async function known(device: Device): Promise<boolean> {
  return (await idOf(device)) !== undefined
}

type Holdings = Record<
  'device' | 'key' | 'state' | 'identifier' | 'viewers' | 'letters' | 'purges' | 'sealed' | 'log' | 'nobodys',
  number
>

async function holdings(): Promise<Holdings> {
  const { rows } = await weir.owner.$client.query<Holdings>(
    `select (select count(*)::int from weir.subject where kind = 'device') as device,
       (select count(*)::int from weir.subject_key) as key,
       (select count(*)::int from weir.consent_state) as state,
       (select count(*)::int from weir.identifier) as identifier,
       (select count(distinct subject)::int from recommendation.view) as viewers,
       (select count(*)::int from weir.dead_letter) as letters,
       (select count(*)::int from weir.purge) as purges,
       (select count(*)::int from weir.sealed) as sealed,
       (select count(*)::int from weir.event_log) as log,
       (select count(*)::int from weir.event_log where subject_id is null) as nobodys`,
  )
  return rows[0]!
}

async function digestNow(): Promise<string> {
  return transaction(weir.db, (tx) => asModule(tx, recommendation, () => recommendation.digest(tx)))
}

/** Everybody was last seen, and chose, so many days ago. */
async function age(days: number): Promise<void> {
  await weir.owner.$client.query('update weir.subject set seen_on = current_date - $1::integer', [days])
  await weir.owner.$client.query(`update weir.consent_ledger set recorded_at = now() - make_interval(days => $1)`, [
    days,
  ])
}

test('a node whose clock is days ahead of the database takes events all the same, and sees people by its own', async () => {
  const ahead = await createTestApp()
  try {
    await ahead.grant('tim', 'personalisation')
    ahead.moveClock(3 * DAY_MS)
    const event = { type: 'track', event: 'Product Viewed', userId: 'tim', properties: { product_id: 'p1' } }
    expect(await ahead.send(event)).toEqual(['accepted'])
    const { rows } = await ahead.owner.$client.query<{ days: number }>(
      'select max(seen_on) - current_date as days from weir.subject',
    )
    expect(rows[0]!.days).toBe(3)
  } finally {
    await ahead.stop()
  }
})
