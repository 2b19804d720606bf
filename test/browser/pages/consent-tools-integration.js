import { createWrapper } from '@segment/analytics-consent-tools'
import { AnalyticsBrowser } from '@segment/analytics-next'
import { answered, chosenCategories } from './cmp.js'
import { device } from './device.js'
import { ShopChat } from './shop-chat.js'

const withConsent = createWrapper({
  getCategories: chosenCategories,
  shouldLoadSegment: answered,
})

/** Weir's settings, and what runs in the page beside it, under the category that it needs. */
async function settings() {
  const answer = await fetch('https://weir.example/v1/projects/YOUR_WRITE_KEY/settings')
  const fromWeir = await answer.json()
  const own = { 'Shop Chat': { consentSettings: { categories: ['Functional'] } } }
  return { ...fromWeir, integrations: { ...fromWeir.integrations, ...own } }
}

export const analytics = new AnalyticsBrowser()
export const loading = settings().then((cdnSettings) =>
  withConsent(analytics).load({ writeKey: 'YOUR_WRITE_KEY', cdnSettings, classicIntegrations: [ShopChat] }),
)
void analytics.setAnonymousId(device().anonymousId)
