import { createWrapper } from '@segment/analytics-consent-tools'
import { AnalyticsBrowser } from '@segment/analytics-next'

// A page that loads only what has a category: the settings give Segment.io none, so it takes Segment.io away.
const withConsent = createWrapper({
  getCategories: () => ({ Functional: true }),
  shouldEnableIntegration: (categories) => categories.length > 0,
})

export const analytics = new AnalyticsBrowser()
withConsent(analytics).load({ writeKey: 'YOUR_WRITE_KEY', cdnURL: 'https://weir.example' })
