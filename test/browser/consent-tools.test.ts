import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { until } from '../support/until.ts'
import { openShop, type Shop } from './shop.ts'

// @segment/analytics-consent-tools from npm as it is, around analytics-next, with a consent manager in the page.

const CHANGED = 'track Segment Consent Preference Updated'

interface Entry {
  readonly granted: number
  readonly refused: number
  readonly evidence: string
  readonly proof: string
}

describe.skipIf(inject('chromium') === null)('@segment/analytics-consent-tools in Chromium', () => {
  let shop: Shop
  beforeAll(async () => {
    shop = await openShop()
  })
  afterAll(() => shop?.close())

  /** What the ledger gained from browser keys since the last look. */
  let seen = 0
  async function ledger(): Promise<Entry[]> {
    const { rows } = await shop.weir.owner.$client.query<Entry>(
      `select asked_granted as granted, asked_refused as refused, evidence, proof from weir.consent_ledger
       order by recorded_at, consent_epoch`,
    )
    const fresh = rows.slice(seen)
    seen = rows.length
    return fresh
  }

  test('a banner alone does it: before it nothing is sent, its yes and its no are entered, and hold', async () => {
    await ledger()
    const visit = await shop.visit('consent-tools', { beside: ['cmp'] })
    void visit.run("shop.analytics.page('Tea')") // waits for the answer, as every event does
    await visit.run('document.readyState')
    expect([...visit.hosts]).toEqual([new URL(shop.origin).host]) // not even the settings were asked for

    const yes = { Functional: true, Measurement: false, Targeting: false, 'Shop Chat': false }
    await visit.run(`shop.answerBanner(${JSON.stringify(yes)})`)
    await visit.answers(2)
    const choice = { granted: 0b1000, refused: 0b10100, evidence: 'segment', proof: 'device-secret' }
    expect(await ledger()).toEqual([choice])

    await visit.run("shop.analytics.track('Product Viewed', { product_id: 'jasmine-tea' })")
    await visit.answers(3)
    const stamp = { categoryPreferences: yes } // Shop Chat is no purpose of the policy's, and says nothing to it
    expect(visit.messages.map(({ context }) => context.consent)).toEqual([stamp, stamp, stamp])
    expect((await shop.decisions(visit)).at(-1)).toBe('track Product Viewed permitted')
    expect(await shop.inModule('jasmine-tea')).toEqual(['jasmine-tea'])

    await visit.run(`shop.answerBanner(${JSON.stringify({ ...yes, Functional: false })})`)
    await visit.answers(4)
    expect(await ledger()).toEqual([{ ...choice, granted: 0, refused: 0b11100 }])
    expect(await shop.inModule('jasmine-tea')).toEqual([]) // it was held for this purpose only
    await visit.run("shop.analytics.track('Product Viewed', { product_id: 'oolong' })")
    await visit.answers(5)
    expect((await shop.decisions(visit)).slice(-2)).toEqual([
      `${CHANGED} not routed`,
      'track Product Viewed refused-by-person',
    ])
    expect(await shop.inModule('oolong')).toEqual([])
    expect([...visit.hosts].sort()).toEqual([new URL(shop.origin).host, 'weir.test'])
    expect(visit.complaints).toEqual([])
    await visit.leave()
  })

  test('without the device’s secret what the banner tells can only refuse', async () => {
    await ledger()
    const visit = await shop.visit('consent-tools-plain', { beside: ['cmp'] })
    await visit.run('shop.answerBanner({ Functional: true, Targeting: false })')
    await visit.answers(1)
    expect(await ledger()).toEqual([{ granted: 0, refused: 0b10000, evidence: 'segment', proof: 'none' }])
    await visit.run("shop.analytics.track('Product Viewed', { product_id: 'rooibos' })")
    await visit.answers(2)
    expect((await shop.decisions(visit)).at(-1)).toBe('track Product Viewed no-consent')
    expect(await shop.inModule('rooibos')).toEqual([])
    expect(visit.complaints).toEqual([])
    await visit.leave()
  })

  test('who refuses everything does not switch the library off: all of it still comes, and is stamped', async () => {
    const visit = await shop.visit('consent-tools-plain', { beside: ['cmp'] })
    await visit.run('shop.answerBanner({ Functional: false, Targeting: false })')
    await visit.run("shop.analytics.track('Order Completed', { order_id: 'o-1', products: [] })")
    await visit.answers(2)
    // A request each: which comes first is not said.
    expect((await shop.decisions(visit)).sort()).toEqual([
      expect.stringMatching(/^track Order Completed refused-by-/),
      'track Segment Consent Preference Updated not routed',
    ])
    expect(visit.messages.every(({ context }) => 'consent' in context)).toBe(true)
    expect(visit.complaints).toEqual([])
    await visit.leave()
  })

  test.each([
    [{ Functional: true, Targeting: false }, true],
    [{ Functional: false, Targeting: true }, undefined],
  ])('with %j, what runs in the page for Functional was loaded: %s', async (choice, loaded) => {
    const visit = await shop.visit('consent-tools-integration', { beside: ['cmp'] })
    await visit.run(`shop.answerBanner(${JSON.stringify(choice)})`)
    await visit.run('shop.loading')
    await visit.run("shop.analytics.track('Product Viewed', { product_id: 'white-tea' })")
    await visit.answers(1)
    expect(await visit.run('globalThis.chatLoaded')).toBe(loaded)
    expect(visit.messages.map(({ event }) => event)).toEqual(['Product Viewed']) // the library itself goes on
    expect(visit.hosts.size).toBe(2)
    expect(visit.complaints).toEqual([])
    await visit.leave()
  })

  test('a rule of the page’s own that takes Segment.io away sends to Segment; the documented CSP stops it', async () => {
    const visit = await shop.visit('own-rule')
    void visit.run("shop.analytics.track('Product Viewed', { product_id: 'puer' })")
    await until('the browser refused', () => visit.complaints.some((line) => line.includes('api.segment.io')))
    expect(visit.answered).toEqual(['GET /v1/projects/KEY/settings 200'])
    expect([...visit.hosts].sort()).toEqual([new URL(shop.origin).host, 'weir.test'])
    await visit.leave()
  })
})
