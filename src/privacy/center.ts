import { AppError, isAway } from '../errors.ts'
import { ClientGone } from '../http/body.ts'
import type { PageAnswer, PageAsk, PrivacyApi } from '../http/privacy-api.ts'
import type { Language } from '../rights/request.ts'
import { visitCookie, visitCookieOf } from './cookie.ts'
import { type Csrf, createCsrf } from './csrf.ts'
import { personOf } from './data/person.ts'
import { isRevoked } from './data/revoked.ts'
import type { PrivacyDeps } from './deps.ts'
import { formOf, readForm } from './form.ts'
import { usualOffset } from './format.ts'
import { type Html, html } from './html.ts'
import { languageOf } from './language.ts'
import { frame, ROOT } from './layout.ts'
import { problemPage } from './pages/problem.ts'
import { createRoutes } from './routes.ts'
import { STYLE } from './style.ts'
import type { PageRoute, Reply, Turn } from './turn.ts'
import { createVisits, newVisit, type Visit, type Visits } from './visit.ts'

/** Nothing is loaded but the stylesheet, nothing runs, forms go to us alone. */
const HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Permissions-Policy': 'interest-cohort=(), browsing-topics=()',
  Vary: 'Cookie, Accept-Language',
}
const FORM_LIMIT = 65_536

interface Centre {
  readonly deps: PrivacyDeps
  readonly visits: Visits
  readonly csrf: Csrf
  readonly routes: readonly (PageRoute & { readonly pattern: RegExp })[]
}

/** The people's privacy centre: everything below /privacy. */
export function createPrivacyCentre(deps: PrivacyDeps): PrivacyApi {
  const centre: Centre = {
    deps,
    visits: createVisits(deps.keyring.tokenKey),
    csrf: createCsrf(deps.keyring.tokenKey, deps.publicUrl),
    routes: createRoutes().map((route) => ({ ...route, pattern: patternOf(route.path) })),
  }
  const style = STYLE + deps.texts.theme
  return {
    answer: (ask) => (pathOf(ask.url) === '/style.css' ? Promise.resolve(stylesheet(style)) : answer(centre, ask)),
  }
}

function stylesheet(style: string): PageAnswer {
  const headers = { 'Content-Type': 'text/css; charset=utf-8', 'Cache-Control': 'public, max-age=300' }
  return { status: 200, headers, body: style }
}

async function answer(centre: Centre, ask: PageAsk): Promise<PageAnswer> {
  const now = centre.deps.now()
  const { visit, ended } = await openVisit(centre, ask, now)
  const path = pathOf(ask.url)
  const turn = turnOf(centre, ask, ended ? { ...visit, said: 'session-ended' } : visit, now)
  try {
    const reply = await replyTo(centre, turn, path)
    return answerOf(centre, turn, path, reply)
  } catch (error) {
    if (error instanceof ClientGone) throw error
    const known = isAway(error) || error instanceof AppError
    if (!known) centre.deps.log.error({ err: error }, 'a page of the privacy centre failed')
    return answerOf(centre, turn, path, problemPage(turn, error, path))
  }
}

/** Who signed out is signed out, also where a copy of the cookie is left. */
async function openVisit(
  { visits, deps }: Centre,
  { headers }: PageAsk,
  now: number,
): Promise<ReturnType<Visits['open']>> {
  const opened = visits.open(visitCookieOf(headers.cookie), now)
  if (opened.visit.who === undefined || !(await isRevoked(deps.db, opened.visit.id))) return opened
  return { visit: newVisit(now, opened.visit), ended: false }
}

function turnOf({ deps, csrf }: Centre, ask: PageAsk, visit: Visit, now: number): Turn {
  const language: Language = visit.language ?? languageOf(ask.headers['accept-language'])
  return {
    deps,
    ask,
    params: {},
    query: queryOf(ask.url),
    form: formOf(new URLSearchParams()),
    visit,
    locale: { language, offset: visit.offset ?? usualOffset(language) },
    csrf: csrfField(csrf, visit),
    now,
  }
}

async function replyTo({ routes, csrf }: Centre, turn: Turn, path: string): Promise<Reply> {
  const { ask, deps, visit } = turn
  const method = ask.method === 'HEAD' ? 'GET' : ask.method
  const here = routes.filter(({ pattern }) => pattern.test(path))
  const route = here.find((one) => one.method === method)
  if (route === undefined) throw here.length === 0 ? nowhere() : notSo()
  const params = { ...route.pattern.exec(path)?.groups }
  const form = method === 'POST' ? readForm(ask.headers['content-type'], await ask.read(FORM_LIMIT)) : turn.form
  if (method === 'POST' && route.foreign === undefined) csrf.check(visit, form.text('csrf'), ask.headers)
  const whole: Turn = { ...turn, params, form }
  if (route.open !== undefined) return route.open(whole)
  if (visit.who === undefined) return { go: '/sign-in' }
  return route.own!({ ...whole, person: await personOf(deps, visit.who) })
}

function answerOf({ visits, csrf }: Centre, turn: Turn, path: string, reply: Reply): PageAnswer {
  if ('file' in reply) {
    const saved = reply.name === undefined ? {} : { 'Content-Disposition': `attachment; filename="${reply.name}"` }
    return {
      status: 200,
      headers: { ...HEADERS, 'Content-Type': reply.type, ...saved, ...reply.headers },
      body: reply.file,
    }
  }
  if ('go' in reply) {
    const cookie = visitCookie(visits.seal(reply.visit ?? turn.visit, turn.now))
    return { status: 303, headers: { ...HEADERS, Location: ROOT + reply.go, 'Set-Cookie': cookie }, body: '' }
  }
  // What was said is said once.
  const { said: _, ...visit } = reply.visit ?? turn.visit
  const cookie = visitCookie(visits.seal(visit, turn.now))
  const headers = { ...HEADERS, 'Content-Type': 'text/html; charset=utf-8', 'Set-Cookie': cookie, ...reply.headers }
  const shown: Turn = { ...turn, visit: reply.visit ?? turn.visit, csrf: csrfField(csrf, visit) }
  return { status: reply.status ?? 200, headers, body: frame(shown, reply, path) }
}

function csrfField(csrf: Csrf, visit: Pick<Visit, 'id'>): Html {
  return html`<input type="hidden" name="csrf" value="${csrf.of(visit)}">`
}

function pathOf(url: string): string {
  const path = url.split('?', 1)[0]!
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at === -1 ? '' : url.slice(at + 1))
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:(\w+)/g, '(?<$1>[A-Za-z0-9_-]{1,128})')}$`)
}

function nowhere(): AppError {
  return new AppError('not-found', 'There is no such page.', { code: 'no-such-page' })
}

function notSo(): AppError {
  return new AppError('invalid', 'This page is not asked for so.', { code: 'method-not-allowed', status: 405 })
}
