import { accessesPage } from './pages/accesses.ts'
import { arrive } from './pages/arrive.ts'
import { askPage, makeRequest, rightsPage } from './pages/ask.ts'
import { choicesPage, makeChoice } from './pages/choices.ts'
import { complainPage } from './pages/complain.ts'
import { cancelByLink, cancelPage, confirm, confirmPage } from './pages/confirm.ts'
import { followPage, openFollowed } from './pages/follow.ts'
import { frontPage } from './pages/front.ts'
import { overviewPage } from './pages/overview.ts'
import { policyPage } from './pages/policy.ts'
import { checkPage, checkReceipt, ownReceipt } from './pages/receipt.ts'
import { linkedCode, linkedReceipt, saveLinked } from './pages/receipt-link.ts'
import { requestPage } from './pages/request.ts'
import { askDownloadCode, cancel, download, enterRequestCode, lift, resend, saveReceipt } from './pages/request-acts.ts'
import { requestsPage } from './pages/requests.ts'
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
    ...requestRoutes(),
  ]
}

/** For who is signed in, for who has a request's secret, and for who was sent a link. */
function requestRoutes(): readonly PageRoute[] {
  return [
    { method: 'GET', path: '/ask', open: rightsPage },
    { method: 'GET', path: '/ask/:right', open: askPage },
    { method: 'POST', path: '/ask/:right', open: makeRequest },
    { method: 'GET', path: '/requests', open: requestsPage },
    { method: 'GET', path: '/follow', open: followPage },
    { method: 'POST', path: '/follow', open: openFollowed },
    { method: 'GET', path: '/requests/:id', open: requestPage },
    { method: 'POST', path: '/requests/:id/code', open: enterRequestCode },
    { method: 'POST', path: '/requests/:id/resend', open: resend },
    { method: 'POST', path: '/requests/:id/cancel', open: cancel },
    { method: 'POST', path: '/requests/:id/lift', open: lift },
    { method: 'POST', path: '/requests/:id/download-code', open: askDownloadCode },
    { method: 'POST', path: '/requests/:id/download', open: download },
    { method: 'GET', path: '/requests/:id/receipt', open: ownReceipt },
    { method: 'GET', path: '/requests/:id/receipt.html', open: saveReceipt },
    { method: 'GET', path: '/requests/:id/receipt/:token', open: linkedReceipt },
    { method: 'POST', path: '/requests/:id/receipt/:token', open: linkedCode },
    { method: 'GET', path: '/requests/:id/receipt/:token/receipt.html', open: saveLinked },
    { method: 'GET', path: '/requests/:id/confirm/:token', open: confirmPage },
    { method: 'POST', path: '/requests/:id/confirm/:token', open: confirm },
    { method: 'GET', path: '/requests/:id/cancel/:token', open: cancelPage },
    { method: 'POST', path: '/requests/:id/cancel/:token', open: cancelByLink },
    { method: 'GET', path: '/receipt', open: checkPage },
    { method: 'POST', path: '/receipt', open: checkReceipt },
  ]
}
