import { RudderAnalytics } from '@rudderstack/analytics-js/bundled'
import { device } from './device.js'

export const analytics = new RudderAnalytics()
analytics.load('YOUR_WRITE_KEY', 'https://weir.example', { configUrl: 'https://weir.example', useBeacon: true })
analytics.setAnonymousId(device().anonymousId)
