import { accessesPage } from './pages/accesses.ts'
import { arrive } from './pages/arrive.ts'
import { choicesPage, makeChoice } from './pages/choices.ts'
import { complainPage } from './pages/complain.ts'
import { frontPage } from './pages/front.ts'
import { overviewPage } from './pages/overview.ts'
import { policyPage } from './pages/policy.ts'
import { settings } from './pages/settings.ts'
import { askCode, codePage, enterCode, signInPage, signOut } from './pages/sign-in.ts'
import { strikeOut, tagsPage, takeBack } from './pages/tags.ts'
import type { PageRoute } from './turn.ts'

/** Every page there is, below /privacy. */
export function createRoutes(): readonly PageRoute[] {
  return [
    { method: 'GET', path: '/', open: frontPage },
    { method: 'GET', path: '/policy', open: policyPage },
    { method: 'GET', path: '/complain', open: complainPage },
    { method: 'POST', path: '/settings', open: settings },
    { method: 'POST', path: '/session', open: arrive, foreign: true },
    { method: 'GET', path: '/sign-in', open: signInPage },
    { method: 'POST', path: '/sign-in', open: askCode },
    { method: 'GET', path: '/sign-in/code', open: codePage },
    { method: 'POST', path: '/sign-in/code', open: enterCode },
    { method: 'POST', path: '/sign-out', open: signOut },
    { method: 'GET', path: '/me', own: overviewPage },
    { method: 'GET', path: '/accesses', own: accessesPage },
    { method: 'GET', path: '/choices', own: choicesPage },
    { method: 'POST', path: '/choices', own: makeChoice },
    { method: 'GET', path: '/tags', own: tagsPage },
    { method: 'POST', path: '/tags/strike', own: strikeOut },
    { method: 'POST', path: '/tags/back', own: takeBack },
  ]
}
