import { Analytics, type AnalyticsSettings } from '@segment/analytics-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import { holdCommits, queued } from '../../support/hold-commits.ts'
import { type Caller, createTestApp, type TestApp } from '../../support/test-app.ts'
import { until } from '../../support/until.ts'

// The SDK from npm as it is, over real HTTP: what it sends, what it is told, what it sends again.

const QUEUE = 8
let weir: TestApp
let source: Caller
let auditor: Caller
beforeAll(async () => {
  weir = await createTestApp({ queueLimit: QUEUE })
  source = await weir.source({ kind: 'server', withoutSecret: true, name: 'sdk' })
  auditor = await weir.token('auditor')
})
afterAll(() => weir.stop())

interface Wire {
  readonly analytics: Analytics
  /** Messages in the order in which they went out, a repetition as often as it was sent. */
  readonly sent: { readonly messageId: string; readonly type: string; readonly event?: string }[]
  /** Values of X-Retry-Count; '' on a first try. */
  readonly retries: string[]
  readonly statuses: number[]
  /** Retry-After of the answers that had one. */
  readonly waits: string[]
  readonly errors: unknown[]
}

function sdk(settings: Partial<AnalyticsSettings> = {}): Wire {
  const analytics = new Analytics({ writeKey: source.key, host: weir.url, ...settings })
  const wire: Wire = { analytics, sent: [], retries: [], statuses: [], waits: [], errors: [] }
  analytics.on('http_request', ({ body, headers }) => {
    wire.sent.push(...(JSON.parse(body) as { batch: Wire['sent'] }).batch)
    wire.retries.push(headers['X-Retry-Count'] ?? '')
  })
  analytics.on('http_response', ({ status, headers }) => {
    wire.statuses.push(status)
    if (headers['retry-after'] !== undefined) wire.waits.push(headers['retry-after'])
  })
  analytics.on('error', (error) => wire.errors.push(error))
  return wire
}

/** A visit with every call that the SDK has. */
function visit(analytics: Analytics, userId: string, orderId: string): void {
  analytics.identify({ userId, traits: { email: `${userId}@example.com`, plan: 'gold' } })
  analytics.page({ userId, name: 'Home', properties: { url: 'https://shop.example/?token=secret' } })
  analytics.screen({ userId, name: 'Start' })
  analytics.track({ userId, event: 'Product Viewed', properties: { product_id: `tea-${orderId}` } })
  analytics.track({ userId, event: 'Order Completed', properties: orderOf(orderId) })
  analytics.group({ userId, groupId: 'g-1', traits: { name: 'Tea friends' } })
  analytics.alias({ userId, previousId: `device-of-${userId}` })
}

function orderOf(orderId: string): JsonObject {
  const products = ['tea', 'cup'].map((name) => ({ product_id: `${name}-${orderId}`, quantity: 1, price: 9.5 }))
  return { order_id: orderId, currency: 'GBP', total: 19, products }
}

/** What the log says of each message sent, as law 10 tells it: `track Order Completed permitted`. */
async function decisions(wire: Wire): Promise<string[]> {
  const told: string[] = []
  for (const { messageId, type, event } of wire.sent) {
    const { status, body } = await auditor.get(`/api/decisions/${encodeURIComponent(messageId)}?source=sdk`)
    const { outcome, reason } = body as { outcome?: string; reason?: string }
    told.push([type, event, status === 200 ? outcome : status, reason].filter((word) => word !== undefined).join(' '))
  }
  return told.sort()
}

async function inModule(orderId: string): Promise<{ subject: string; order_token: string; item: string }[]> {
  await weir.settle()
  const { rows } = await weir.owner.$client.query(
    `select subject, order_token, item from recommendation.order_line where item like '%' || $1
     union all select subject, event_key, item from recommendation.view where item like '%' || $1`,
    [`-${orderId}`],
  )
  return rows
}

describe('@segment/analytics-node from npm, as it is', () => {
  test('with consent, the order and the view reach the module under a pseudonym; every message is in the log', async () => {
    await weir.grant('sdk-ann', 'personalisation')
    const wire = sdk({ flushAt: 7 })
    visit(wire.analytics, 'sdk-ann', 'o-ann')
    await wire.analytics.closeAndFlush()
    expect([wire.statuses, wire.retries, wire.errors]).toEqual([[200], [''], []])
    expect(await decisions(wire)).toEqual([
      'alias refused no-route',
      'group refused no-route',
      'identify refused no-route',
      'page refused no-consent',
      'screen refused no-consent',
      'track Order Completed permitted',
      'track Product Viewed permitted',
    ])
    const rows = await inModule('o-ann')
    expect(rows.map(({ item }) => item).sort()).toEqual(['cup-o-ann', 'tea-o-ann', 'tea-o-ann'])
    expect(new Set(rows.map(({ subject }) => subject)).size).toBe(1)
    for (const { subject, order_token } of rows) {
      expect(subject).toMatch(/^p1\./)
      expect(`${subject} ${order_token}`).not.toMatch(/ann|[0-9a-f]{64}/)
    }
  })

  test('after a refusal the SDK is answered 200, sees no error, sends nothing again, and nothing reaches the module', async () => {
    await weir.refuse('sdk-ann', 'personalisation', 'attribution')
    expect(await inModule('o-ann')).toEqual([]) // what was held only for this purpose is gone
    const wire = sdk({ flushAt: 7 })
    visit(wire.analytics, 'sdk-ann', 'o-ann-2')
    await wire.analytics.closeAndFlush()
    expect([wire.statuses, wire.retries, wire.errors]).toEqual([[200], [''], []])
    expect((await decisions(wire)).filter((line) => line.startsWith('track'))).toEqual([
      'track Order Completed refused refused-by-person',
      'track Product Viewed refused refused-by-person',
    ])
    expect(await inModule('o-ann-2')).toEqual([])
  })

  test('somebody who was never asked is answered 200 too, and nothing reaches the module', async () => {
    const wire = sdk({ flushAt: 7 })
    visit(wire.analytics, 'sdk-una', 'o-una')
    await wire.analytics.closeAndFlush()
    expect([wire.statuses, wire.errors]).toEqual([[200], []])
    expect((await decisions(wire)).filter((line) => line.endsWith('no-consent'))).toHaveLength(4)
    expect(await inModule('o-una')).toEqual([])
  })

  test('category preferences that the caller puts into the context withhold what was granted; it is told 200', async () => {
    await weir.grant('sdk-cat', 'personalisation', 'attribution')
    const wire = sdk({ flushAt: 1 })
    const context = { consent: { categoryPreferences: { Functional: false, Measurement: false } } }
    wire.analytics.track({ userId: 'sdk-cat', event: 'Order Completed', properties: orderOf('o-cat'), context })
    await wire.analytics.closeAndFlush()
    expect([wire.statuses, wire.errors]).toEqual([[200], []])
    expect(await decisions(wire)).toEqual(['track Order Completed refused refused-by-signal'])
    expect(await inModule('o-cat')).toEqual([])
  })
})

describe('when the SDK has to send again', () => {
  test('a full queue is answered 503 with Retry-After; it sends again and the order counts once', async () => {
    await weir.grant('sdk-bea', 'personalisation')
    const release = await holdCommits(weir)
    const first = sdk({ flushAt: QUEUE })
    for (let i = 0; i < QUEUE; i++) first.analytics.track({ userId: 'sdk-bea', event: 'Cart Viewed' })
    await until('the queue is full', async () => (await queued(weir)) === QUEUE)
    const second = sdk({ flushAt: 1 })
    second.analytics.track({ userId: 'sdk-bea', event: 'Order Completed', properties: orderOf('o-bea') })
    await until('the SDK was told to wait', () => second.statuses.includes(503))
    await release()
    await Promise.all([first.analytics.closeAndFlush(), second.analytics.closeAndFlush()])
    expect(second.waits.every((seconds) => /^[1-9]\d*$/.test(seconds))).toBe(true)
    expect([second.statuses.at(-1), second.errors, first.errors]).toEqual([200, [], []])
    expect(second.retries.slice(0, 2)).toEqual(['', '1'])
    expect(new Set(second.sent.map(({ messageId }) => messageId)).size).toBe(1)
    expect((await inModule('o-bea')).length).toBe(2)
  })

  test('an answer that came too late makes it send what is already kept: the second is a duplicate', async () => {
    await weir.grant('sdk-cid', 'personalisation')
    const before = await logRows()
    const release = await holdCommits(weir)
    const wire = sdk({ flushAt: 1, httpRequestTimeout: 300 })
    wire.analytics.track({ userId: 'sdk-cid', event: 'Order Completed', properties: orderOf('o-cid') })
    await until('the SDK gave up once and sent again', () => wire.sent.length >= 2)
    await release()
    await wire.analytics.closeAndFlush()
    expect([wire.statuses.at(-1), wire.errors]).toEqual([200, []])
    expect(new Set(wire.sent.map(({ messageId }) => messageId)).size).toBe(1)
    const rows = await inModule('o-cid')
    expect(rows.map(({ item }) => item).sort()).toEqual(['cup-o-cid', 'tea-o-cid'])
    expect((await logRows()) - before).toBe(1)
  })
})

async function logRows(): Promise<number> {
  const { rows } = await weir.owner.$client.query<{ n: number }>(
    'select count(*)::int as n from weir.event_log where kind = 0',
  )
  return rows[0]!.n
}
