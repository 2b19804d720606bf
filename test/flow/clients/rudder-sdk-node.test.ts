import RudderAnalytics from '@rudderstack/rudder-sdk-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import { holdCommits, queued } from '../../support/hold-commits.ts'
import { type Caller, createTestApp, order, type TestApp } from '../../support/test-app.ts'
import { until } from '../../support/until.ts'

// The SDK from npm as it is, over real HTTP: what it sends, what it is told, what it sends again.

const QUEUE = 8
let weir: TestApp
let source: Caller
let auditor: Caller
let seen: { type: string | undefined; encoding: string | undefined; status: number; at: number }[] = []
beforeAll(async () => {
  weir = await createTestApp({ queueLimit: QUEUE })
  source = await weir.source({ kind: 'server', withoutSecret: true, name: 'sdk' })
  auditor = await weir.token('auditor')
  weir.app.server.on('request', ({ url, headers }, response) => {
    const { 'content-type': type, 'content-encoding': encoding, 'user-agent': agent } = headers
    if (url !== '/v1/batch' || agent?.startsWith('analytics-node/') !== true) return
    response.on('finish', () => seen.push({ type, encoding, status: response.statusCode, at: Date.now() }))
  })
})
afterAll(() => weir.stop())

interface Sdk {
  readonly analytics: RudderAnalytics
  readonly errors: unknown[]
}

function sdk(options: { flushAt?: number; gzip?: boolean } = {}): Sdk {
  const errors: unknown[] = []
  const analytics = new RudderAnalytics(source.key, {
    dataPlaneUrl: weir.url,
    flushAt: 20,
    logLevel: 'none',
    errorHandler: (error: unknown) => errors.push(error),
    ...options,
  })
  seen = []
  return { analytics, errors }
}

/** The decision for the recommendation module, by message id that the test gave. */
async function verdict(messageId: string): Promise<string | undefined> {
  const { body } = await auditor.get(`/api/decisions/${messageId}?source=sdk`)
  const { destinations } = body as unknown as {
    destinations?: { destination: string; permitted: boolean; clauses: { clause: string }[] }[]
  }
  const found = destinations?.find(({ destination }) => destination === 'recommendation')
  return found?.permitted === true ? 'permitted' : found?.clauses[0]?.clause
}

async function orderLines(ending: string): Promise<number> {
  await weir.settle()
  const { rows } = await weir.owner.$client.query<{ n: number }>(
    "select count(*)::int as n from recommendation.order_line where item like '%' || $1",
    [ending],
  )
  return rows[0]!.n
}

function buy({ analytics }: Sdk, userId: string, orderId: string, more: JsonObject = {}): void {
  const { event, properties } = order(userId, orderId, [`tea-${orderId}`, `cup-${orderId}`])
  // Its types leave out messageId, which it takes.
  analytics.track({ userId, event, properties, ...more } as Parameters<RudderAnalytics['track']>[0])
}

describe('@rudderstack/rudder-sdk-node from npm, as it is', () => {
  test.each([
    { gzip: true, encoding: 'gzip', type: 'application/x-www-form-urlencoded' },
    { gzip: false, encoding: undefined, type: 'application/json' },
  ])('gzip $gzip, labelled $type: all of its calls arrive', async ({ gzip, encoding, type }) => {
    const id = `gz-${gzip}`
    await weir.grant(`ann-${id}`, 'personalisation')
    const client = sdk({ gzip })
    const { analytics, errors } = client
    analytics.identify({ userId: `ann-${id}`, traits: { email: 'ann@example.com' } })
    buy(client, `ann-${id}`, id, { messageId: `m-${id}` })
    analytics.page({ userId: `ann-${id}`, name: 'Home' })
    analytics.group({ userId: `ann-${id}`, groupId: 'g-1' })
    analytics.alias({ userId: `ann-${id}`, previousId: 'device-1' })
    await analytics.flush()
    // The first call goes at once and alone, the others together.
    const answer = { type, encoding, status: 200 }
    expect(seen).toMatchObject([answer, answer])
    expect(errors).toEqual([])
    expect(await verdict(`m-${id}`)).toBe('permitted')
    expect(await orderLines(id)).toBe(2)
  })

  test('somebody who refused: answered 200, no error, nothing sent again, nothing in the module', async () => {
    await weir.refuse('rud-bob', 'personalisation')
    const client = sdk()
    buy(client, 'rud-bob', 'r-bob', { messageId: 'm-bob' })
    await client.analytics.flush()
    expect(seen.map(({ status }) => status)).toEqual([200])
    expect(client.errors).toEqual([])
    expect(await verdict('m-bob')).toBe('refused-by-person')
    expect(await orderLines('r-bob')).toBe(0)
  })

  test('consentManagement that the caller puts into the context withholds what was granted', async () => {
    await weir.grant('rud-cat', 'personalisation')
    const client = sdk()
    const context = { consentManagement: { allowedConsentIds: [], deniedConsentIds: ['Functional'] } }
    buy(client, 'rud-cat', 'r-cat', { messageId: 'm-cat', context })
    await client.analytics.flush()
    expect(await verdict('m-cat')).toBe('refused-by-signal')
    expect(await orderLines('r-cat')).toBe(0)
  })

  test('a full queue is answered 503 with Retry-After; it waits, sends again, and the order counts once', async () => {
    await weir.grant('rud-dan', 'personalisation')
    const release = await holdCommits(weir)
    const waiting = weir.send(...Array.from({ length: QUEUE }, () => order('rud-eve', 'r-eve', ['tea'])))
    await until('the queue is full', async () => (await queued(weir)) === QUEUE)
    const client = sdk()
    buy(client, 'rud-dan', 'r-dan')
    await until('the SDK was told to wait', () => seen.some(({ status }) => status === 503))
    await release()
    await waiting
    await client.analytics.flush()
    await until('the SDK sent again', () => seen.length >= 2)
    expect(seen.map(({ status }) => status)).toEqual([503, 200])
    // As long as it was told: its own first wait is 200 ms.
    expect(seen[1]!.at - seen[0]!.at).toBeGreaterThanOrEqual(1_000)
    expect(client.errors).toEqual([])
    expect(await orderLines('r-dan')).toBe(2)
  })
})
