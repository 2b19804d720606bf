import { createWrapper } from '@segment/analytics-consent-tools'
import { AnalyticsBrowser } from '@segment/analytics-next'
import { answered, chosenCategories, onChange } from './cmp.js'
import { device } from './device.js'

const withConsent = createWrapper({
  getCategories: chosenCategories,
  registerOnConsentChanged: onChange,
  shouldLoadSegment: async (wrapper) => {
    await answered()
    wrapper.load({ consentModel: 'opt-out' })
  },
})

export const analytics = new AnalyticsBrowser()
withConsent(analytics).load({ writeKey: 'YOUR_WRITE_KEY', cdnURL: 'https://weir.example' })
void analytics.setAnonymousId(device().anonymousId)
