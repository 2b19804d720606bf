import { createWrapper } from '@segment/analytics-consent-tools'
import { AnalyticsBrowser } from '@segment/analytics-next'
import { answered, chosenCategories, onChange } from './cmp.js'
import { device } from './device.js'

const withConsent = createWrapper({
  getCategories: chosenCategories,
  registerOnConsentChanged: onChange,
  shouldLoadSegment: async (wrapper) => {
    await answered()
    wrapper.load({ consentModel: 'opt-in' })
  },
})

export const analytics = new AnalyticsBrowser()
withConsent(analytics).load(
  { writeKey: 'YOUR_WRITE_KEY', cdnURL: 'https://weir.example' },
  {
    integrations: {
      'Segment.io': {
        // Proves the device with every event, so that what the banner reports may also grant.
        deliveryStrategy: { config: { headers: { 'Weir-Anonymous-Secret': device().anonymousSecret } } },
      },
    },
  },
)
void analytics.setAnonymousId(device().anonymousId)
