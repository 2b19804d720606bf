import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { policyWith, recordingModule, twoModules } from '../support/recording-module.ts'
import { createTestApp, newDevice, type TestApp, track } from '../support/test-app.ts'

const second = recordingModule('second', 'attribution')
let weir: TestApp
let policyDir: string
beforeAll(async () => {
  policyDir = await policyWith(twoModules)
  weir = await createTestApp({ policyDir, modules: [recommendation, second.module], prepare: second.prepare })
})
afterAll(async () => {
  await weir.stop()
  await rm(policyDir, { recursive: true })
})
beforeEach(async () => {
  second.failOn = undefined
  second.during = undefined
  await weir.settle()
  second.handed.length = 0
  second.relinks.length = 0
  second.erased.length = 0
})

const BOTH = ['personalisation', 'attribution'] as const

function view(userId: string, product: string, more: JsonObject = {}): JsonObject {
  return track(userId, 'Product Viewed', { product_id: product }, more)
}

async function taken(): Promise<string[]> {
  const { rows } = await weir.owner.$client.query<{ product: string }>(
    "select fields->'properties'->>'product_id' as product from second.taken order by 1",
  )
  return rows.map((row) => row.product)
}

interface Letter {
  error_code: string
  attempts: number
  waits: boolean
}

async function letters(): Promise<Letter[]> {
  const { rows } = await weir.owner.$client.query<Letter>(
    `select error_code, attempts, retry_at > clock_timestamp() as waits from weir.dead_letter order by pos`,
  )
  return rows
}

/** Retries wait by the database's clock: this makes them due. */
async function makeDue(): Promise<void> {
  await weir.owner.$client.query("update weir.dead_letter set retry_at = clock_timestamp() - interval '1 second'")
}

async function cursors(): Promise<Record<string, bigint>> {
  const { rows } = await weir.owner.$client.query<{ name: string; pos: bigint }>(
    'select d.name, c.pos from weir.delivery_cursor c join weir.destination d using (destination_id)',
  )
  return Object.fromEntries(rows.map((row) => [row.name, row.pos]))
}

describe('a module that fails on one event', () => {
  test('gets the others; the guilty one waits sealed, is tried again and settles', async () => {
    const poison = `poison-${randomUUID()}`
    await weir.grant('dora', ...BOTH)
    second.failOn = ({ fields }) => JSON.stringify(fields).includes(poison)
    await weir.send(view('dora', 'd-1'), view('dora', poison), view('dora', 'd-2'))
    await weir.settle()
    expect(await taken()).toEqual(expect.arrayContaining(['d-1', 'd-2']))
    expect(await taken()).not.toContain(poison)
    expect(await letters()).toEqual([{ error_code: 'module-error', attempts: 1, waits: true }])
    const { rows } = await weir.owner.$client.query('select to_jsonb(l)::text as text from weir.dead_letter l')
    expect(rows[0].text).not.toMatch(/poison|dora/)

    await weir.settle() // not due yet: nothing happens
    expect((await letters())[0]).toMatchObject({ attempts: 1 })
    await makeDue()
    await weir.settle()
    expect(await letters()).toEqual([{ error_code: 'module-error', attempts: 2, waits: true }])
    second.failOn = undefined
    await makeDue()
    await weir.settle()
    expect(await letters()).toEqual([])
    expect((await taken()).filter((product) => product === poison)).toEqual([poison])
    const position = (await cursors()).second
    expect((await cursors()).recommendation).toBe(position) // nobody waited for it
  })

  test('an error of the database is a letter too, and the role of the gateway is its own again', async () => {
    await weir.grant('dirk', ...BOTH)
    let failing = true
    second.during = async (tx) => {
      if (failing) await tx.$client.query('select 1/0')
    }
    await weir.send(view('dirk', 'k-1'))
    await weir.settle()
    expect(await letters()).toEqual([{ error_code: 'sqlstate-22012', attempts: 1, waits: true }])
    failing = false
    await makeDue()
    await weir.settle()
    expect(await taken()).toContain('k-1')
  })

  test('after the last try it waits for an operator and is not tried again by itself', async () => {
    await weir.grant('dana', ...BOTH)
    second.failOn = () => true
    await weir.send(view('dana', 'never'))
    await weir.settle()
    for (let i = 0; i < 5; i++) {
      await makeDue()
      await weir.settle()
    }
    expect(await letters()).toEqual([{ error_code: 'module-error', attempts: 6, waits: null }])
    await weir.owner.$client.query('delete from weir.dead_letter')
  })

  test('a letter whose person has withdrawn meanwhile is settled without being handed over', async () => {
    await weir.grant('dean', ...BOTH)
    second.failOn = () => true
    await weir.send(view('dean', 'withdrawn-letter'))
    await weir.settle()
    second.failOn = undefined
    second.handed.length = 0
    await weir.refuse('dean', 'attribution')
    await makeDue()
    await weir.settle()
    expect(second.handed).toEqual([])
    expect(await letters()).toEqual([])
  })
})

describe('relinks', () => {
  test('a confirmed link is told once, in the log’s order; a claimed one never', async () => {
    const { anonymousId } = newDevice()
    const claimed = newDevice()
    await weir.grant('rita', ...BOTH)
    await weir.browser.post('/v1/consent', { ...claimed, choices: { attribution: true, personalisation: true } })
    await weir.browser.post('/v1/track', view('rita', 'r-claimed', { ...claimed }))
    await weir.send(view('rita', 'r-1', { anonymousId }), view('rita', 'r-2', { anonymousId }), view('rita', 'r-3'))
    await weir.settle()
    expect(second.relinks).toHaveLength(1)
    const subjectOf = (product: string) =>
      second.handed.find((one) => JSON.stringify(one.event.fields).includes(product))!.event.subject
    expect(second.relinks[0]).toEqual({ from: subjectOf('r-1'), to: subjectOf('r-3') })
    expect(subjectOf('r-2')).toBe(subjectOf('r-1'))
    expect(subjectOf('r-claimed')).not.toBe(subjectOf('r-1'))
  })

  test('of people who permit nothing a module learns no link', async () => {
    const device = newDevice()
    await weir.server.post('/v1/consent', {
      userId: 'rolf',
      anonymousId: device.anonymousId,
      choices: { personalisation: false, attribution: false },
    })
    await weir.server.post('/v1/consent', { userId: 'rudi', ...newDevice(), choices: { analytics: true } })
    await weir.settle()
    expect(second.relinks).toEqual([])
    const { rows } = await weir.owner.$client.query('select count(*)::int as n from recommendation.link')
    const before = rows[0].n
    // A grant that comes later brings the link with it; a withdrawal takes it back, and a new grant brings it again.
    await weir.grant('rolf', 'attribution')
    await weir.settle()
    expect(second.relinks).toEqual([]) // the device still refuses
    await weir.server.post('/v1/consent', { anonymousId: device.anonymousId, choices: { attribution: true } })
    await weir.settle()
    expect(second.relinks).toHaveLength(1)
    const [link] = second.relinks
    await weir.refuse('rolf', 'attribution')
    await weir.settle()
    expect(second.erased).toEqual(expect.arrayContaining([link!.from, link!.to]))
    await weir.grant('rolf', 'attribution')
    await weir.settle()
    expect(second.relinks).toEqual([link, link])
    const after = await weir.owner.$client.query('select count(*)::int as n from recommendation.link')
    expect(after.rows[0].n).toBe(before)
  })
})

describe('batches', () => {
  test('hundreds of events of many people arrive once each, whatever the size of the batches', async () => {
    const people = Array.from({ length: 25 }, (_, i) => `many-${i}`)
    for (const person of people) await weir.grant(person, ...BOTH)
    const events = Array.from({ length: 700 }, (_, i) => view(people[i % 25]!, `m-${i}`))
    expect(new Set(await weir.send(...events))).toEqual(new Set(['accepted']))
    await weir.settle()
    const arrived = (await taken()).filter((product) => product.startsWith('m-'))
    expect(arrived).toHaveLength(700)
    expect(new Set(arrived).size).toBe(700)
    expect(second.handed).toHaveLength(700)
  })

  test('an erasure that waits behind many others does not take what came after a new grant', async () => {
    const people = Array.from({ length: 30 }, (_, i) => `queue-${i}`)
    for (const person of people) await weir.grant(person, ...BOTH)
    await weir.send(...people.map((person) => view(person, `old-${person}`)))
    await weir.settle()
    for (const person of people) await weir.refuse(person, 'attribution')
    for (const person of people) await weir.grant(person, 'attribution')
    await weir.send(...people.map((person) => view(person, `new-${person}`)))
    await weir.settle()
    const left = (await taken()).filter((product) => product.includes('-queue-'))
    expect(left).toEqual(people.map((person) => `new-${person}`).sort())
  })

  test('events refused, unknown and probes move the cursor and hand over nothing', async () => {
    await weir.refuse('nora', ...BOTH)
    await weir.send(view('nora', 'n-1'), track('nora', 'No Such Event'))
    await weir.settle()
    expect(second.handed).toEqual([])
    const { rows } = await weir.owner.$client.query<{ last: bigint }>('select max(pos) as last from weir.event_log')
    expect((await cursors()).second).toBe(rows[0]!.last)
  })

  test('an event whose content is gone (fallen due, erased) is not handed over as an empty one', async () => {
    await weir.grant('gwen', ...BOTH)
    await weir.send(view('gwen', 'gone'), view('gwen', 'there'))
    await weir.owner.$client.query(
      'delete from weir.sealed where pos = (select max(pos) - 1 from weir.event_log where kind = 0)',
    )
    await weir.settle()
    expect(second.handed.map((one) => (one.event.fields.properties as JsonObject).product_id)).toEqual(['there'])
  })

  test('a destination is handed only the fields of its route, its own tokens, and times as coarse as it needs', async () => {
    await weir.grant('olga', ...BOTH)
    await weir.send(
      track(
        'olga',
        'Order Completed',
        {
          order_id: 'ORD-77',
          total: 12,
          currency: 'CNY',
          coupon: 'X',
          products: [{ product_id: 'tea', quantity: 1, price: 12 }],
        },
        { timestamp: '2026-11-20T10:11:12.345Z', context: { sessionId: 8_812_345, campaign: { source: 'mail' } } },
      ),
    )
    await weir.settle()
    expect(second.handed.map(({ event }) => event)).toMatchObject([
      {
        name: 'Order Completed',
        at: '2026-11-20T10:11Z',
        purpose: 'attribution',
        fields: {
          properties: { order_id: expect.stringMatching(/^t1\./), total: 12 },
          context: { visitId: expect.stringMatching(/^t1\./) },
        },
      },
    ])
    expect(Object.keys(second.handed[0]!.event.fields.properties as object).sort()).toEqual(['order_id', 'total'])
  })
})

test('while batches fail, the lag grows by the clock and is gone when they go well again', async () => {
  const user = `stuck-${randomUUID()}`
  await weir.grant(user, ...BOTH)
  await weir.send(view(user, 'stuck'))
  second.during = () => Promise.reject(Object.assign(new Error('the connection ends'), { code: '57P01' }))
  await expect(weir.app.delivery.processAll()).rejects.toThrow('the connection ends')
  expect(await lagOf('second')).toBeGreaterThan(0)
  second.during = undefined
  await weir.settle()
  expect(await lagOf('second')).toBe(0)
})

test('an event whose source is not there is handed to nobody', async () => {
  const user = `sourceless-${randomUUID()}`
  await weir.grant(user, ...BOTH)
  const source = await weir.source({ kind: 'server', name: 'short-lived' })
  await source.post('/v1/track', { ...view(user, 'sourceless'), messageId: randomUUID() })
  await weir.owner.$client.query("delete from weir.source where name = 'short-lived'")
  await weir.settle()
  expect(await taken()).not.toContain('sourceless')
})

async function lagOf(destination: string): Promise<number> {
  const text = await weir.app.metrics.registry.metrics()
  return Number(new RegExp(`^weir_delivery_lag_seconds\\{destination="${destination}"\\} (\\S+)$`, 'm').exec(text)?.[1])
}
