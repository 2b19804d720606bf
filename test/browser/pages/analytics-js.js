import { RudderAnalytics } from '@rudderstack/analytics-js/bundled'
import { device } from './device.js'

export const analytics = new RudderAnalytics()

/** Once the visitor has answered; the lists are the banner's categories. */
export function load(allowedConsentIds, deniedConsentIds) {
  analytics.load('YOUR_WRITE_KEY', 'https://weir.example', {
    configUrl: 'https://weir.example',
    consentManagement: { enabled: true, provider: 'custom', allowedConsentIds, deniedConsentIds },
  })
  analytics.setAnonymousId(device().anonymousId)
}
