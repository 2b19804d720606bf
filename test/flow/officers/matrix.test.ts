import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isOpen, rolesTable } from '../../../src/http/roles-table.ts'
import { createRoutes } from '../../../src/http/routes/index.ts'
import type { Route } from '../../../src/http/routes/route.ts'
import { ROLES, type Role } from '../../../src/officers/roles.ts'
import {
  auditEntries,
  type Browser,
  newBrowser,
  type Officer,
  type OfficerAnswer,
  signedIn,
} from '../../support/officers.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'

// Every route, every role. A route that is not in here fails: say who may call it before it is used.

const C: Role = 'compliance'
const A: Role = 'auditor'
const N: Role = 'analyst'
const M: Role = 'merchandiser'
const O: Role = 'operator'

/** Who may: roles; `officer`: whoever is signed in, for what is their own; `anyone`: to sign in. `*`: needs a session. */
const EXPECTED: Readonly<Record<string, readonly Role[] | 'officer' | 'anyone'>> = {
  'get /api/decisions/:messageId': [C, A],
  'get /api/decisions/:messageId/proof': [C, A],
  'get /api/totals': [C, A, N, M],
  'post /api/totals': [C, O],
  'get /api/attribution/credit': [C, A, N],
  'post /api/attribution/costs': [C, N, O],
  'get /api/audit/entries': [C, A],
  'get /api/audit/export': [C, A],
  'get /api/audit/entries/:index/proof': [C, A],
  'get /api/audit/checkpoint': [C, A, O],
  'get /api/audit/checkpoints': [C, A, O],
  'post /api/audit/search': [C, A],
  'get /api/audit/statistics': [C, A],
  'get /api/audit/sample': [C, A],
  'get /api/keys/horizon': [C, A, O],
  'get /api/incidents': [C, A],
  'post /api/incidents': [C],
  'get /api/incidents/:id': [C, A],
  'post /api/incidents/:id/events': [C],
  'get /api/incidents/:id/notices/:law/:to': [C, A],
  'get /api/requests': [C, A],
  'get /api/requests/what-if': [C, A],
  'get /api/requests/:id': [C, A],
  'post /api/requests/:id/open': [C],
  'post /api/requests/:id/accept': [C],
  'post /api/requests/:id/refuse': [C],
  'post /api/requests/:id/extend': [C],
  'post /api/requests/:id/acknowledge': [C],
  'post /api/requests/:id/lift': [C],
  'get /api/holds': [C, A],
  'post /api/holds': [C],
  'get /api/holds/:id': [C, A],
  'post /api/holds/:id/extension': [C],
  'post /api/holds/:id/release': [C],
  'post /api/holds/:id/release/approval': [C, A],
  'post /api/holds/:id/exports': [C],
  'post /api/holds/:id/exports/:exportId/approval': [C, A],
  'post /api/session': 'anyone',
  'post /api/session/authenticator': 'anyone',
  'get /api/session': 'officer',
  'delete /api/session': 'officer',
  'post /api/session/step-up': 'officer',
  'post /api/session/step-up/challenge': 'officer',
  'get /api/sessions': 'officer',
  'delete /api/sessions': 'officer',
  'delete /api/sessions/:id': 'officer',
  'put /api/password': 'officer',
  'post /api/totp': 'officer',
  'put /api/totp': 'officer',
  'post /api/recovery-codes': 'officer',
  'get /api/authenticators': 'officer',
  'post /api/authenticators/challenge': 'officer',
  'post /api/authenticators': 'officer',
  'delete /api/authenticators/:id': 'officer',
  'post /api/disclosures': [C],
  'get /api/disclosures': [C, A],
  'get /api/disclosures/:id': [C, A],
  'post /api/disclosures/:id/approval': [C, A],
  'post /api/disclosures/:id/refusal': [C, A],
  'get /api/disclosures/:id/data': [C],
  'post /api/disclosures/:id/review': [C, A],
  'get /api/officers': [C],
  'put /api/officers/:id/role': [C],
  'post /api/officers/:id/disable': [C],
  'delete /api/officers/:id/sessions': [C],
}

const routes = createRoutes({ config: { publicUrl: 'http://x', trustProxy: false, mode: 'development' } } as never)
const officers = routes.filter(
  ({ path, access }) => path.startsWith('/api/') || access.who === 'role' || access.who === 'officer',
)
const guarded = officers.filter((route) => !isOpen(route))
const keyOf = ({ method, path }: Route): string => `${method} ${path}`
const url = ({ path }: Route): string =>
  path.replace(/:(id)\b/g, '00000000-0000-4000-8000-000000000000').replace(/:\w+/g, '0')
const changes = guarded.filter(({ method }) => method !== 'get')
const byRole = guarded.flatMap((route) => ROLES.map((role) => ({ name: keyOf(route), route, role })))

let weir: TestApp
type SignedIn = Browser & { officer: Officer }
const browsers = new Map<Role, SignedIn>()
let tokens: Map<Role, string>

beforeAll(async () => {
  weir = await createTestApp()
  tokens = new Map(
    await Promise.all(ROLES.map(async (role) => [role, (await weir.token(role)).authorization] as const)),
  )
})
afterAll(() => weir.stop())

/** Signed in, anew where the last route ended it. */
async function browserOf(role: Role): Promise<SignedIn> {
  const known = browsers.get(role)
  if (known !== undefined && (await known.call('GET', '/api/session')).status === 200) return known
  const fresh = await signedIn(weir, role)
  browsers.set(role, fresh)
  return fresh
}

const ask = (browser: Browser, route: Route, headers: Record<string, string> = {}): Promise<OfficerAnswer> =>
  browser.call(route.method.toUpperCase(), url(route), route.body === undefined ? undefined : {}, headers)

/** Neither 401 nor 403: what the route makes of an empty body or of nobody's id is its own business. */
const letIn = ({ status, body }: OfficerAnswer): boolean =>
  status !== 401 && (status !== 403 || body.code !== 'role-missing')

test('every route of officers is in the table of this test, and no other', () => {
  expect(officers.map(keyOf).toSorted()).toEqual(Object.keys(EXPECTED).toSorted())
})

test('docs/roles.md is what the routes say', async () => {
  await expect(rolesTable(routes)).toMatchFileSnapshot(join(import.meta.dirname, '../../../docs/roles.md'))
})

describe('a session', () => {
  test.each(byRole)('$role: $name', async ({ route, role, name }) => {
    const may = EXPECTED[name] === 'officer' || EXPECTED[name]!.includes(role)
    const browser = await browserOf(role)
    const before = (await auditEntries(weir)).length
    const answer = await ask(browser, route)
    expect({ status: answer.status, in: letIn(answer) }).toEqual({ status: may ? answer.status : 403, in: may })
    expect(answer.status).toBeLessThan(500)
    if (may) return
    expect(answer.body.code).toBe('role-missing')
    const action = route.access.who === 'role' ? route.access.action : ''
    expect((await auditEntries(weir)).slice(before)).toEqual([
      { actor: `officer:${browser.officer.officer}`, action, resource: `route:${name}`, outcome: 'refused' },
    ])
  })
})

describe('a bearer token', () => {
  test.each(byRole)('$role: $name', async ({ route, role, name }) => {
    const program = newBrowser(weir.url)
    const before = (await auditEntries(weir)).length
    const answer = await ask(program, route, { authorization: tokens.get(role)! })
    const { access } = route
    if (access.who === 'officer') return expect(answer).toMatchObject({ status: 401, body: { code: 'session-ended' } })
    const may = EXPECTED[name]!.includes(role)
    const stepUp = access.who === 'role' && access.stepUp !== undefined
    expect(letIn(answer)).toBe(may)
    if (may && !stepUp) return expect(answer.status).toBeLessThan(500)
    expect(answer).toMatchObject({ status: 403, body: { code: may ? 'session-needed' : 'role-missing' } })
    const refusals = (await auditEntries(weir)).slice(before)
    expect(refusals).toMatchObject([{ resource: `route:${name}`, outcome: 'refused' }])
    expect(refusals[0]!.actor).toMatch(/^token:/)
  })
})

describe.each(guarded.map((route) => ({ name: keyOf(route), route })))('$name', ({ name, route }) => {
  const roles = EXPECTED[name]
  const role = roles === 'officer' ? A : (roles as readonly Role[])[0]!

  test('without a session, with a made-up one, and with one that ended is 401', async () => {
    const made = newBrowser(weir.url)
    made.cookie = `__Host-weir=${'C'.repeat(43)}`
    const ended = await signedIn(weir, role)
    const cookie = ended.cookie!
    await ended.call('DELETE', '/api/session')
    ended.cookie = cookie
    for (const browser of [newBrowser(weir.url), made, ended]) expect((await ask(browser, route)).status).toBe(401)
  })
})

describe.each(changes.map((route) => ({ name: keyOf(route), route })))('$name', ({ name, route }) => {
  const roles = EXPECTED[name]
  const role = roles === 'officer' ? A : (roles as readonly Role[])[0]!
  const { access } = route
  const action = access.who === 'role' || access.who === 'officer' ? access.action : ''

  test.each([
    [
      'without csrf',
      (browser: Browser) => Object.assign(newBrowser(weir.url), { cookie: browser.cookie }),
      {},
      'csrf-wrong',
    ],
    [
      'with the csrf of another session',
      ({ cookie }: Browser, { csrf }: Browser) => Object.assign(newBrowser(weir.url), { cookie, csrf }),
      {},
      'csrf-wrong',
    ],
    [
      'from a page of another origin',
      (browser: Browser) => browser,
      { origin: 'https://evil.example' },
      'origin-foreign',
    ],
    [
      'from a page of the same site',
      (browser: Browser) => browser,
      { 'sec-fetch-site': 'same-site' },
      'origin-foreign',
    ],
  ] satisfies [string, (own: Browser, other: Browser) => Browser, Record<string, string>, string][])(
    '%s is 403 and in the audit log',
    async (_how, as, headers, code) => {
      const own = await browserOf(role === O ? C : role)
      const other = await browserOf(O)
      const before = (await auditEntries(weir)).length
      expect(await ask(as(own, other), route, headers)).toMatchObject({ status: 403, body: { code } })
      const entry = { actor: `officer:${own.officer.officer}`, action, resource: `route:${name}`, outcome: 'refused' }
      expect((await auditEntries(weir)).slice(before)).toEqual([entry])
      expect((await own.call('GET', '/api/session')).status).toBe(200)
    },
  )
})

test('every session ends when its time is over, at every route', async () => {
  const fresh = new Map(await Promise.all(ROLES.map(async (role) => [role, await signedIn(weir, role)] as const)))
  weir.moveClock(15 * 60_000 + 1_000)
  for (const route of guarded) {
    for (const browser of fresh.values()) expect((await ask(browser, route)).status).toBe(401)
  }
})
