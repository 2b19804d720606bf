import { AnalyticsBrowser } from '@segment/analytics-next'
import { device } from './device.js'

export const analytics = AnalyticsBrowser.load({ writeKey: 'YOUR_WRITE_KEY', cdnURL: 'https://weir.example' })
void analytics.setAnonymousId(device().anonymousId)
