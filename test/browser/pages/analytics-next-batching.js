import { AnalyticsBrowser } from '@segment/analytics-next'
import { device } from './device.js'

export const analytics = AnalyticsBrowser.load(
  { writeKey: 'YOUR_WRITE_KEY', cdnURL: 'https://weir.example' },
  {
    integrations: {
      'Segment.io': { deliveryStrategy: { strategy: 'batching', config: { size: 10, timeout: 5_000 } } },
    },
  },
)
void analytics.setAnonymousId(device().anonymousId)
