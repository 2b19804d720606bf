import { frontPage } from './pages/front.ts'
import { settings } from './pages/settings.ts'
import type { PageRoute } from './turn.ts'

/** Every page there is, below /privacy. */
export function createRoutes(): readonly PageRoute[] {
  return [
    { method: 'GET', path: '/', open: frontPage },
    { method: 'POST', path: '/settings', open: settings },
  ]
}
