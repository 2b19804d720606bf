import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openShop, type Shop } from './shop.ts'

// @rudderstack/analytics-js/bundled from npm as it is, in a real browser, on a page of another origin.

describe.skipIf(inject('chromium') === null)('@rudderstack/analytics-js in Chromium', () => {
  let shop: Shop
  beforeAll(async () => {
    shop = await openShop()
  })
  afterAll(() => shop?.close())

  test('takes its configuration from here, its calls arrive, and no other host is asked', async () => {
    const visit = await shop.visit('analytics-js', { beside: ['device'] })
    await visit.run('shop.choose({ personalisation: true })')
    await visit.run("shop.load(['Functional'], ['Targeting'])")
    await visit.run("shop.analytics.track('Product Viewed', { product_id: 'green-tea' })")
    await visit.run("shop.analytics.page('Tea')")
    await visit.run("shop.analytics.identify('ann', { email: 'ann@example.com' })")
    await visit.answers(3)
    expect(visit.answered.filter((line) => !line.includes('/v1/consent')).sort()).toEqual([
      'GET /sourceConfig/ 200',
      'OPTIONS /sourceConfig/ 204',
      'OPTIONS /v1/identify 204',
      'OPTIONS /v1/page 204',
      'OPTIONS /v1/track 204',
      'POST /v1/identify 200',
      'POST /v1/page 200',
      'POST /v1/track 200',
    ])
    const stated = { allowedConsentIds: ['Functional'], deniedConsentIds: ['Targeting'], provider: 'custom' }
    for (const { context } of visit.messages) expect(context.consentManagement).toMatchObject(stated)
    expect(await shop.decisions(visit)).toContain('track Product Viewed permitted')
    expect(await shop.decisions(visit)).toContain('identify not routed')
    expect(await shop.inModule('green-tea')).toEqual(['green-tea'])
    expect([...visit.hosts].sort()).toEqual([new URL(shop.origin).host, 'weir.test'])
    expect(visit.complaints).toEqual([])
    await visit.leave()
  })

  test('a category that it names as denied withholds what the ledger permits', async () => {
    const visit = await shop.visit('analytics-js', { beside: ['device'] })
    await visit.run('shop.choose({ personalisation: true })')
    await visit.run("shop.load(['Statistics'], ['Functional'])")
    await visit.run("shop.analytics.track('Product Viewed', { product_id: 'black-tea' })")
    await visit.answers(1)
    expect(await shop.decisions(visit)).toEqual(['track Product Viewed refused-by-signal'])
    expect(await shop.inModule('black-tea')).toEqual([])
    // Asked again in the same visit, they permit it.
    const now = { provider: 'custom', enabled: true, allowedConsentIds: ['Functional'], deniedConsentIds: [] }
    await visit.run(`shop.analytics.consent({ consentManagement: ${JSON.stringify(now)} })`)
    await visit.run("shop.analytics.track('Product Viewed', { product_id: 'second-tea' })")
    await visit.answers(2)
    expect((await shop.decisions(visit)).at(-1)).toBe('track Product Viewed permitted')
    expect(visit.complaints).toEqual([])
    await visit.leave()
  })

  test('with beacons: what still waits when the person leaves the page arrives', async () => {
    const visit = await shop.visit('analytics-js-beacon', { beside: ['device'] })
    await visit.run('shop.choose({ personalisation: true })')
    await visit.run('new Promise((ready) => shop.analytics.ready(ready))')
    await visit.run("shop.analytics.track('Product Viewed', { product_id: 'left-pot' })")
    expect(visit.messages).toEqual([])
    await visit.page.goto(`${shop.origin}/elsewhere`)
    await visit.answers(1)
    expect(visit.answered.at(-1)).toBe('POST /beacon/v1/batch 200')
    expect(await shop.decisions(visit)).toEqual(['track Product Viewed permitted'])
    expect(await shop.inModule('left-pot')).toEqual(['left-pot'])
    expect(visit.hosts.size).toBe(2)
    expect(visit.complaints).toEqual([])
    await visit.leave()
  })
})
