import { gzipSync } from 'node:zlib'
import { Analytics } from '@segment/analytics-node'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { CreatedSource } from '../../../src/http/sources.ts'
import { basic, NOW, startEdge, type TestEdge } from './edge.ts'

// Requests as the clients send them (captured from the versions named), with ids and times made ours.

let edge: TestEdge
let server: CreatedSource
let browser: CreatedSource
const shop = 'https://shop.example'
const at = (ms: number) => new Date(NOW + ms).toISOString()

beforeAll(async () => {
  edge = await startEdge()
  server = await edge.source({ name: 'backend', kind: 'server', withoutSecret: true })
  browser = await edge.source({ name: 'shop', kind: 'browser', origins: [shop] })
})
afterAll(() => edge.close())
beforeEach(() => {
  edge.submitted.length = 0
})

const events = () => edge.submitted.flatMap((one) => one.events)

async function send(path: string, headers: Record<string, string>, body: string | Buffer): Promise<void> {
  const answer = await fetch(edge.url + path, { method: 'POST', headers, body })
  expect(answer.status).toBe(200)
  const { results } = (await answer.json()) as { results: { outcome: string }[] }
  expect(results.map(({ outcome }) => outcome)).not.toContain('invalid')
}

test('@segment/analytics-next 1.84.3, standard mode: text/plain, key twice, userId null', async () => {
  const body = {
    timestamp: at(-1_500),
    integrations: { 'Segment.io': true, 'Actions Amplitude': { session_id: 1700000000000 } },
    userId: null,
    anonymousId: '5f0d1cb2-3f3b-4a86-9f6a-0a4c2d9f3b11',
    event: 'Product Viewed',
    type: 'track',
    properties: { product_id: 'sku-1', price: 99 },
    context: {
      page: {
        path: '/p/sku-1',
        referrer: 'https://m.example/?q=secret',
        search: '?utm_source=weibo&utm_campaign=spring&token=secret',
        title: 'Lamp',
        url: `${shop}/p/sku-1?utm_source=weibo&utm_campaign=spring&token=secret`,
      },
      userAgent:
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
      userAgentData: { brands: [{ brand: 'Chromium', version: '143' }], mobile: false, platform: 'Windows' },
      locale: 'zh-CN',
      timezone: 'Asia/Shanghai',
      library: { name: 'analytics.js', version: 'npm:next-1.84.3' },
      consent: { categoryPreferences: { analytics: true, advertising: false } },
    },
    messageId: 'ajs-next-1700000000000-2f4c6a0e-1b7d-4d55-a7f1-7d1c9e2b6a10',
    writeKey: browser.writeKey,
    sentAt: at(-500),
    _metadata: { bundled: ['Segment.io'], unbundled: [], bundledIds: [], retryCount: 0 },
  }
  const headers = { 'content-type': 'text/plain', authorization: basic(browser.writeKey), origin: shop }
  await send('/v1/t', headers, JSON.stringify(body))
  expect(events()).toEqual([
    {
      messageId: body.messageId,
      type: 'track',
      name: 'Product Viewed',
      anonymousId: body.anonymousId,
      occurredAt: NOW - 1_000,
      properties: { product_id: 'sku-1', price: 99 },
      context: {
        ipPrefix: '127.0.0.0/24',
        userAgent: 'Chrome/143 (Windows)',
        locale: 'zh-CN',
        timezone: 'Asia/Shanghai',
        page: { origin: shop, path: '/p/sku-1', title: 'Lamp' },
        referrer: { origin: 'https://m.example', path: '/' },
        campaign: { source: 'weibo', name: 'spring' },
        visitId: '1700000000000',
      },
      claim: { granted: 0b10, refused: 0b10000, evidence: ['segment'], unreadable: false },
    },
  ])
})

test('@segment/analytics-next, batching: one sentAt for all', async () => {
  const one = (n: number) => ({
    type: 'page',
    anonymousId: 'a-1',
    timestamp: at(-n),
    messageId: `ajs-${n}`,
    properties: {},
  })
  const body = { writeKey: browser.writeKey, batch: [one(3_000), one(2_000)], sentAt: at(-1_000) }
  await send(
    '/v1/b',
    { 'content-type': 'text/plain', authorization: basic(browser.writeKey), origin: shop },
    JSON.stringify(body),
  )
  expect(events().map(({ occurredAt }) => occurredAt - NOW)).toEqual([-2_000, -1_000])
})

test('@rudderstack/analytics-js 3.34.1: Basic only, userId "", consentManagement, header SentAt', async () => {
  const body = {
    type: 'page',
    name: 'Cart',
    category: 'shop',
    channel: 'web',
    integrations: { All: true },
    userId: '',
    anonymousId: 'b7d4a7e0-52e5-4c38-8a7a-0e7a9d5b9c01',
    messageId: '0e0d7f04-9f39-4a6a-8a4c-111111111111',
    originalTimestamp: at(-4_000),
    properties: {
      name: 'Cart',
      path: '/cart',
      referrer: '$direct',
      search: '?email=a@b.c',
      url: `${shop}/cart?email=a@b.c`,
      tab_url: `${shop}/cart?x=1`,
    },
    context: {
      sessionId: 1700000000,
      sessionStart: true,
      traits: { email: 'a@b.c' },
      'ua-ch': {},
      screen: { width: 1 },
      page: {
        path: '/cart',
        referrer: '$direct',
        search: '?email=a@b.c',
        url: `${shop}/cart?email=a@b.c`,
        initial_referrer: 'https://x.example/?e=a@b.c',
      },
      consentManagement: {
        allowedConsentIds: ['analytics'],
        deniedConsentIds: ['advertising'],
        provider: 'custom',
        resolutionStrategy: 'or',
      },
    },
  }
  const headers = {
    'content-type': 'application/json;charset=UTF-8',
    authorization: basic(browser.writeKey),
    anonymousid: Buffer.from('b7d4a7e0').toString('base64'),
    sentat: at(-1_000),
    origin: shop,
  }
  await send('/v1/page', headers, JSON.stringify(body))
  expect(events()).toMatchObject([
    {
      name: 'page',
      occurredAt: NOW - 3_000,
      properties: { name: 'Cart', category: 'shop', path: '/cart', url: `${shop}/cart`, tab_url: `${shop}/cart` },
      context: { visitId: '1700000000', page: { origin: shop, path: '/cart' } },
      claim: { evidence: ['rudderstack'], refused: 0b10000 },
    },
  ])
  expect(events()[0]).not.toHaveProperty('userId')
  expect(JSON.stringify(events())).not.toContain('a@b.c')
})

test('RudderStack’s beacon: text/plain, key in the query, no header', async () => {
  const body = {
    batch: [{ type: 'track', event: 'e', anonymousId: 'a', originalTimestamp: at(-10), sentAt: at(0) }],
    sentAt: at(0),
  }
  await send(
    `/beacon/v1/batch?writeKey=${browser.writeKey}`,
    { 'content-type': 'text/plain;charset=UTF-8', origin: shop },
    JSON.stringify(body),
  )
  expect(events()).toHaveLength(1)
})

test('@rudderstack/rudder-sdk-node 3.0.13: gzip labelled as a form, traits of identify in the context', async () => {
  const body = {
    batch: [
      {
        type: 'identify',
        userId: 'u1',
        context: { traits: { plan: 'gold' } },
        channel: 'server',
        originalTimestamp: at(-10),
        sentAt: at(0),
        messageId: 'r1',
        _metadata: { nodeVersion: '24' },
      },
    ],
    sentAt: at(0),
    timestamp: at(0),
  }
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-encoding': 'gzip',
    authorization: basic(server.writeKey),
  }
  await send('/v1/batch', headers, gzipSync(JSON.stringify(body)))
  expect(events()).toMatchObject([{ type: 'identify', userId: 'u1', properties: { plan: 'gold' } }])
  expect(JSON.stringify(events())).not.toContain('nodeVersion')
})

test('@segment/analytics-node from npm, as it is: six calls arrive', async () => {
  const analytics = new Analytics({ writeKey: server.writeKey, host: edge.url, flushAt: 1, maxRetries: 0 })
  const failures: unknown[] = []
  analytics.on('error', (error) => failures.push(error))
  edge.now = Date.now()
  analytics.identify({ userId: 'u1', traits: { plan: 'gold' } })
  analytics.track({ userId: 'u1', event: 'Order Completed', properties: { order_id: 'o1', total: 198 } })
  analytics.page({ userId: 'u1', name: 'Home', properties: { url: `${shop}/?e=a@b.c` } })
  analytics.screen({ userId: 'u1', name: 'Start' })
  analytics.group({ userId: 'u1', groupId: 'g1', traits: { size: 3 } })
  analytics.alias({ userId: 'u1', previousId: 'a1' })
  await analytics.closeAndFlush()
  edge.now = NOW
  expect(failures).toEqual([])
  expect(
    events()
      .map(({ type }) => type)
      .sort(),
  ).toEqual(['alias', 'group', 'identify', 'page', 'screen', 'track'])
  expect(events().find(({ type }) => type === 'alias')).toMatchObject({ userId: 'u1', previousId: 'a1' })
  expect(events().every(({ context }) => context.ipPrefix === undefined)).toBe(true)
})
