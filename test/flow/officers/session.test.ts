import { URI } from 'otpauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import { resetOfficer } from '../../../src/officers/accounts.ts'
import { officerKeys } from '../../../src/officers/keys.ts'
import {
  asOfficer,
  auditEntries,
  type Browser,
  makeOfficer,
  newBrowser,
  type Officer,
  signedIn,
  signIn,
} from '../../support/officers.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'

let weir: TestApp
let shift = 0
const now = (): number => Date.now() + shift

beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

function later(ms: number): void {
  weir.moveClock(ms)
  shift += ms
}
const isOpen = async (browser: Browser): Promise<boolean> => (await browser.call('GET', '/api/session')).status === 200
const open = (officer: Officer, steps = 0): Promise<Browser> => signIn(weir, officer, { now: now(), steps })

test('a session that is used lives on, one that idles for 15 minutes ends, and none outlives 8 hours', async () => {
  const busy = await signedIn(weir, 'auditor', now())
  const idle = await signedIn(weir, 'auditor', now())
  for (let minutes = 0; minutes < 8 * 60 - 10; minutes += 10) {
    later(10 * 60_000)
    expect(await isOpen(busy)).toBe(true)
    if (minutes === 0) expect(await isOpen(idle)).toBe(true)
  }
  expect(await isOpen(idle)).toBe(false)
  later(10 * 60_000)
  expect(await isOpen(busy)).toBe(false)
})

test('signing out ends the session at the server and takes the cookie back', async () => {
  const browser = await signedIn(weir, 'auditor', now())
  const { cookie, csrf } = browser
  const answer = await browser.call('DELETE', '/api/session')
  expect(answer.headers.get('set-cookie')).toMatch(/^__Host-weir=; .*Max-Age=0/)
  const kept = Object.assign(newBrowser(weir.url), { cookie, csrf })
  expect(await isOpen(kept)).toBe(false)
  expect((await auditEntries(weir)).at(-1)).toMatchObject({ action: 'session.end', outcome: 'done' })
})

test('an officer sees their sessions, ends one, and signs out everywhere; those of others are out of reach', async () => {
  const officer = await makeOfficer(weir, 'auditor')
  const [one, two, three] = [await open(officer, -1), await open(officer), await open(officer, 1)]
  const other = await signedIn(weir, 'auditor', now())
  const { sessions } = (await one.call('GET', '/api/sessions')).body as { sessions: { id: string; current: boolean }[] }
  expect(sessions).toHaveLength(3)
  expect(sessions.filter(({ current }) => current)).toHaveLength(1)
  const theirs = (await other.call('GET', '/api/sessions')).body as { sessions: { id: string }[] }
  expect((await one.call('DELETE', `/api/sessions/${theirs.sessions[0]!.id}`)).status).toBe(404)
  expect(await isOpen(other)).toBe(true)
  expect((await one.call('DELETE', `/api/sessions/${sessions[0]!.id}`)).status).toBe(200)
  expect([await isOpen(one), await isOpen(two), await isOpen(three)]).toEqual([true, true, false])
  expect((await two.call('DELETE', '/api/sessions')).status).toBe(200)
  expect([await isOpen(one), await isOpen(two), await isOpen(other)]).toEqual([false, false, true])
})

describe('a step-up', () => {
  test('gives a new cookie, ends the old one, and moves the end of the session not at all', async () => {
    const browser = await signedIn(weir, 'auditor', now())
    const before = await browser.call('GET', '/api/session')
    const old = Object.assign(newBrowser(weir.url), { cookie: browser.cookie })
    later(11 * 60_000)
    const code = browser.officer.code(now())
    const answer = await browser.call('POST', '/api/session/step-up', { totp: code })
    expect(answer).toMatchObject({ status: 200, body: { expiresAt: before.body.expiresAt, csrf: before.body.csrf } })
    expect(Date.parse(String(answer.body.steppedUpAt))).toBeGreaterThan(Date.parse(String(before.body.steppedUpAt)))
    expect([await isOpen(browser), await isOpen(old)]).toEqual([true, false])
  })

  test('with a code that was used, or a wrong one, is refused and in the audit log', async () => {
    const browser = await signedIn(weir, 'auditor', now())
    for (const totp of [browser.officer.code(now()), '000000']) {
      const answer = await browser.call('POST', '/api/session/step-up', { totp })
      expect(answer).toMatchObject({ status: 403, body: { code: 'factor-wrong' } })
    }
    const name = `officer:${browser.officer.officer}`
    const refused = { actor: name, action: 'session.step-up', resource: name, outcome: 'refused' }
    expect((await auditEntries(weir)).slice(-2)).toEqual([refused, refused])
  })

  test('cannot be guessed: after five wrong codes the right one has to wait too', async () => {
    const browser = await signedIn(weir, 'auditor', now())
    const tries = await Promise.all(
      Array.from({ length: 12 }, () => browser.call('POST', '/api/session/step-up', { totp: '000000' })),
    )
    expect(tries.filter(({ status }) => status === 403)).toHaveLength(5)
    expect(tries.filter(({ status }) => status === 429)).toHaveLength(7)
    const totp = browser.officer.code(now(), 1)
    const answer = await browser.call('POST', '/api/session/step-up', { totp })
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '1'])
    later(2_000)
    expect((await browser.call('POST', '/api/session/step-up', { totp })).status).toBe(200)
  })

  test('by an authenticator asks for one', async () => {
    const browser = await signedIn(weir, 'auditor', now())
    const answer = await browser.call('POST', '/api/session/step-up/challenge')
    expect(answer).toMatchObject({ status: 409, body: { code: 'no-authenticator' } })
  })

  test('is asked for where the last one is older than ten minutes', async () => {
    const browser = await signedIn(weir, 'auditor', now())
    later(10 * 60_000 + 1_000)
    const answer = await browser.call('POST', '/api/recovery-codes')
    expect(answer).toMatchObject({ status: 403, body: { code: 'step-up-needed' } })
    await browser.call('POST', '/api/session/step-up', { totp: browser.officer.code(now()) })
    expect((await browser.call('POST', '/api/recovery-codes')).status).toBe(200)
  })
})

describe('what proves an officer', () => {
  test('a new password is taken with the current one, ends the other sessions, and is the one from then on', async () => {
    const officer = await makeOfficer(weir, 'auditor')
    const [here, elsewhere] = [await open(officer, -1), await open(officer)]
    const next = 'a fountain pen in a blue teapot'
    const wrong = await here.call('PUT', '/api/password', { current: 'not it', next })
    expect(wrong).toMatchObject({ status: 403, body: { code: 'password-wrong' } })
    for (const weak of ['short', officer.email, 'passwordpassword1', 'qwertyuiopasdfghjkl']) {
      const answer = await here.call('PUT', '/api/password', { current: officer.password, next: weak })
      expect(answer).toMatchObject({ status: 400, body: { code: 'password-weak' } })
      expect(answer.text).not.toContain(officer.email)
    }
    expect((await here.call('PUT', '/api/password', { current: officer.password, next })).status).toBe(200)
    expect([await isOpen(here), await isOpen(elsewhere)]).toEqual([true, false])
    await expect(open(officer, 1)).rejects.toThrow('401')
    expect(await isOpen(await open({ ...officer, password: next }, 1))).toBe(true)
  })

  test('a new TOTP seed counts once a code of it was shown, and the old one no more', async () => {
    const officer = await makeOfficer(weir, 'auditor')
    const browser = await open(officer, -1)
    const { totpUri } = (await browser.call('POST', '/api/totp')).body as { totpUri: string }
    expect((await browser.call('PUT', '/api/totp', { totp: '000000' })).status).toBe(403)
    expect(await isOpen(await open(officer))).toBe(true)
    const fresh = asOfficer({ ...officer, totpUri }, 'auditor', officer.email)
    expect((await browser.call('PUT', '/api/totp', { totp: fresh.code(now()) })).status).toBe(200)
    await expect(open(officer, 1)).rejects.toThrow('401')
    expect(await isOpen(await open(fresh, 1))).toBe(true)
    expect(URI.parse(totpUri).label).toMatch(/^auditor-[0-9a-f]{8}$/)
  })

  test('new recovery codes take the place of the old ones', async () => {
    const officer = await makeOfficer(weir, 'auditor')
    const browser = await open(officer)
    const { recoveryCodes } = (await browser.call('POST', '/api/recovery-codes')).body as { recoveryCodes: string[] }
    const { email, password } = officer
    const ask = (recoveryCode = '') =>
      newBrowser(weir.url).call('POST', '/api/session', { email, password, recoveryCode })
    expect((await ask(officer.recoveryCodes[0])).status).toBe(401)
    expect((await ask(recoveryCodes[0])).status).toBe(200)
  })

  test('a reset ends the sessions, and what was known before proves nothing', async () => {
    const officer = await makeOfficer(weir, 'auditor')
    const browser = await open(officer, -1)
    const keys = officerKeys(weir.keyring.tokenKey)
    const made = await transaction(weir.owner, (tx) => resetOfficer(tx, keys, officer.officer, now()))
    expect(await isOpen(browser)).toBe(false)
    await expect(open(officer)).rejects.toThrow('401')
    expect(await isOpen(await open(asOfficer(made, 'auditor', officer.email)))).toBe(true)
  })
})
