import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openShop, type Shop } from './shop.ts'

// Global Privacy Control as a browser states it: the header with every request, the property in every page.

describe.skipIf(inject('chromium') === null)('a browser with Global Privacy Control', () => {
  let shop: Shop
  beforeAll(async () => {
    shop = await openShop()
  })
  afterAll(() => shop?.close())

  test.for([
    { page: 'analytics-next', gpc: false, verdict: 'permitted', waits: false },
    { page: 'analytics-next', gpc: true, verdict: 'refused-by-signal', waits: false },
    { page: 'analytics-next-batching', gpc: true, verdict: 'refused-by-signal', waits: true },
    { page: 'analytics-js-beacon', gpc: true, verdict: 'refused-by-signal', waits: true },
  ])(
    '$page, stated: $gpc: attribution, which was granted, is $verdict',
    async ({ page, gpc, verdict, waits }, context) => {
      const visit = await shop.visit(page, { beside: ['device'], gpc })
      if (gpc && (await visit.run('navigator.globalPrivacyControl')) !== true) {
        console.warn('SKIPPED: the Chromium found here is too old to state Global Privacy Control')
        await visit.leave()
        return context.skip()
      }
      await visit.run('shop.choose({ attribution: true, personalisation: true })')
      await visit.run('new Promise((ready) => shop.analytics.ready(ready))')
      await visit.run("shop.analytics.track('Product Viewed', { product_id: 'green-tea' })")
      if (waits) await visit.page.goto(`${shop.origin}/elsewhere`) // sent as the page goes
      await visit.answers(1)
      expect(visit.headers.at(-1)?.['sec-gpc']).toBe(gpc ? '1' : undefined)
      expect(await shop.decisions(visit, 'attribution')).toEqual([`track Product Viewed ${verdict}`])
      expect(await shop.decisions(visit)).toEqual(['track Product Viewed permitted']) // gpc is not said of personalisation
      expect(visit.complaints).toEqual([])
      await visit.leave()
    },
  )
})
