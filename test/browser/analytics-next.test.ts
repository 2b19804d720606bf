import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openShop, type Shop } from './shop.ts'

// @segment/analytics-next from npm as it is, in a real browser, on a page of another origin than the gateway's.

describe.skipIf(inject('chromium') === null)('@segment/analytics-next in Chromium', () => {
  let shop: Shop
  beforeAll(async () => {
    shop = await openShop()
  })
  afterAll(() => shop?.close())

  test('takes its settings from here, passes the preflight, and what the person permits arrives in the module', async () => {
    const visit = await shop.visit('analytics-next', { beside: ['device'] })
    await visit.run('shop.choose({ personalisation: true })')
    await visit.run("shop.analytics.track('Product Viewed', { product_id: 'green-tea' })")
    await visit.run("shop.analytics.page('Tea', { email: 'ann@example.com' })")
    await visit.run("shop.analytics.identify('ann', { email: 'ann@example.com' })")
    await visit.answers(3)
    expect(visit.answered.filter((line) => !line.includes('/v1/consent'))).toEqual([
      'GET /v1/projects/KEY/settings 200',
      'OPTIONS /v1/t 204',
      'POST /v1/t 200',
      'OPTIONS /v1/p 204',
      'POST /v1/p 200',
      'OPTIONS /v1/i 204',
      'POST /v1/i 200',
    ])
    // A user id that a browser key names is a claim: the device's own choice goes on to count.
    await visit.run("shop.analytics.track('Product Viewed', { product_id: 'more-green-tea' })")
    await visit.answers(4)
    const decisions = await shop.decisions(visit)
    expect(decisions[0]).toBe('track Product Viewed permitted')
    expect(decisions[2]).toBe('identify not routed')
    expect(decisions[3]).toBe('track Product Viewed permitted')
    expect(await shop.inModule('green-tea')).toEqual(['green-tea', 'more-green-tea'])
    expect([...visit.hosts].sort()).toEqual([new URL(shop.origin).host, 'weir.test'])
    expect(visit.complaints).toEqual([])
    await visit.leave()
  })

  test('somebody who was not asked sees no error, and nothing arrives', async () => {
    const visit = await shop.visit('analytics-next', { beside: ['device'] })
    await visit.run("shop.analytics.track('Product Viewed', { product_id: 'black-tea' })")
    await visit.answers(1)
    expect(await shop.decisions(visit)).toEqual(['track Product Viewed no-consent'])
    expect(await shop.inModule('black-tea')).toEqual([])
    expect(visit.complaints).toEqual([])
    await visit.leave()
  })

  test('on a site that the source does not list it gets no settings, sends nothing, and cannot send by hand', async () => {
    const visit = await shop.visit('analytics-next', { beside: ['device'], host: '127.0.0.1' })
    expect(await visit.run('shop.analytics.then(() => 1, () => 0)')).toBe(0)
    const byHand = `fetch('http://weir.test/v1/t', { method: 'POST', headers: { Authorization: 'Basic x' } })`
    expect(await visit.run(`${byHand}.then(() => 1, () => 0)`)).toBe(0)
    expect(await visit.run('shop.choose({ personalisation: true }).then(() => 1, () => 0)')).toBe(0)
    expect(visit.answered).toEqual([
      'GET /v1/projects/KEY/settings 403',
      'OPTIONS /v1/t 204', // without Access-Control-Allow-Origin: the browser stops here
      'OPTIONS /v1/consent 204',
    ])
    await visit.leave()
  })

  test('batching: several messages in one request, under one sentAt', async () => {
    const visit = await shop.visit('analytics-next-batching', { beside: ['device'] })
    await visit.run('shop.choose({ personalisation: true })')
    for (let n = 0; n < 10; n++) {
      await visit.run(`shop.analytics.track('Product Viewed', { product_id: '${n}-cup' })`)
    }
    await visit.answers(10)
    expect(visit.answered.filter((line) => line.includes('/v1/b '))).toEqual(['OPTIONS /v1/b 204', 'POST /v1/b 200'])
    expect(await shop.decisions(visit)).toEqual(Array(10).fill('track Product Viewed permitted'))
    expect(await shop.inModule('-cup')).toHaveLength(10)
    expect(visit.complaints).toEqual([])
    await visit.leave()
  })

  test('batching: what still waits when the person leaves the page arrives', async () => {
    const visit = await shop.visit('analytics-next-batching', { beside: ['device'] })
    await visit.run('shop.choose({ personalisation: true })')
    await visit.run("shop.analytics.track('Product Viewed', { product_id: 'left-pot' })")
    expect(visit.messages).toEqual([])
    await visit.page.goto(`${shop.origin}/elsewhere`)
    await visit.answers(1)
    expect(await shop.decisions(visit)).toEqual(['track Product Viewed permitted'])
    expect(await shop.inModule('left-pot')).toEqual(['left-pot'])
    expect(visit.complaints).toEqual([])
    await visit.leave()
  })
})
