import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApp, type TestApp } from '../../support/test-app.ts'

// What the browser libraries are told before they send, under the shop's policy.

let weir: TestApp
beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

const purposes = ['advertising', 'analytics', 'attribution', 'essential', 'personalisation']

test('Segment’s settings: every category as the policy spells it, and nothing that would switch the library off', async () => {
  const { body } = await weir.browser.get(`/v1/projects/${weir.browser.key}/settings`)
  expect(body).toMatchObject({ consentSettings: { hasUnmappedDestinations: true } })
  const { allCategories } = body.consentSettings as { allCategories: string[] }
  expect(allCategories).toEqual(expect.arrayContaining([...purposes, 'C0003', 'Functional', 'Strictly Necessary']))
  expect(new Set(allCategories).size).toBe(allCategories.length)
  // A category of its own would let the consent wrapper take it away, and the library would then send to Segment.
  expect(body.integrations).toEqual({
    'Segment.io': { apiKey: weir.browser.key, apiHost: 'weir.test/v1', protocol: 'http' },
  })
})

test('RudderStack’s configuration: the same categories, no destination to load, no report to its maker', async () => {
  const { body } = await weir.browser.get(`/sourceConfig/?writeKey=${weir.browser.key}`)
  const { categories } = body.consentManagementMetadata as { categories: string[] }
  expect(categories).toEqual(expect.arrayContaining([...purposes, 'C0003', 'Functional', 'Strictly Necessary']))
  const off = { enabled: false }
  expect(body.source).toMatchObject({
    enabled: true,
    destinations: [],
    config: { statsCollection: { errors: off, metrics: off } },
  })
})
