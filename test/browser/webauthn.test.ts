import { createHash, randomBytes } from 'node:crypto'
import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { transaction } from '../../src/db/transaction.ts'
import type { AppError } from '../../src/errors.ts'
import type { Json, JsonObject } from '../../src/event/event.ts'
import { approvalOptions, verifyApproval } from '../../src/officers/approve.ts'
import type { OfficerDeps } from '../../src/officers/deps.ts'
import { officerDeps } from '../../src/officers/officers.ts'
import { openBrowser } from '../support/browser.ts'
import { auditEntries, makeOfficer, type Officer } from '../support/officers.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'

// Authenticators as Chromium has them, a virtual one in the place of a key in the hand (WebAuthn Level 3 §11).

const HOST = 'weir.localhost' // names under localhost are secure contexts, and Secure cookies work there
const ORIGIN = `http://${HOST}`

interface Answer {
  readonly status: number
  readonly body: JsonObject
}

describe.skipIf(inject('chromium') === null)('an authenticator', () => {
  let weir: TestApp
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let cdp: CDPSession
  let officer: Officer
  let csrf = ''
  let shift = 0
  let authenticatorId = ''
  let deps: OfficerDeps
  const now = (): number => Date.now() + shift

  beforeAll(async () => {
    weir = await createTestApp({ publicUrl: ORIGIN })
    browser = await openBrowser(inject('chromium')!, { hosts: { [HOST]: new URL(weir.url).host } })
    const { db, keyring } = weir
    deps = officerDeps({ db, keyring, audit: { append: async () => undefined }, publicUrl: ORIGIN, now })
  })
  afterAll(async () => {
    await browser?.close()
    await weir?.stop()
  })

  beforeEach(async () => {
    await context?.close()
    context = await browser.newContext({ bypassCSP: true })
    page = await context.newPage()
    await page.goto(`${ORIGIN}/`)
    cdp = await context.newCDPSession(page)
    await cdp.send('WebAuthn.enable')
    authenticatorId = await plugIn()
    officer = await makeOfficer(weir, 'compliance')
    const { email, password } = officer
    csrf = String((await ask('POST', '/api/session', { email, password, totp: officer.code(now()) })).body.csrf)
  })

  async function plugIn(verified = true): Promise<string> {
    const { authenticatorId: id } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'usb',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: verified,
        automaticPresenceSimulation: true,
      },
    })
    return id
  }

  /** From a script of the page, with the cookies that it has. */
  async function ask(method: string, path: string, body?: Json): Promise<Answer> {
    const given = { method, path, body: body === undefined ? null : JSON.stringify(body), csrf }
    const answer = await page.evaluate(async (sent) => {
      const response = await fetch(sent.path, {
        method: sent.method,
        headers: { 'content-type': 'application/json', 'weir-csrf': sent.csrf },
        ...(sent.body === null ? {} : { body: sent.body }),
      })
      return { status: response.status, text: await response.text() }
    }, given)
    return { status: answer.status, body: JSON.parse(answer.text) as JsonObject }
  }

  function create(options: unknown): Promise<JsonObject> {
    return page.evaluate(`(async () => {
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(${JSON.stringify(options)})
      return (await navigator.credentials.create({ publicKey })).toJSON()
    })()`)
  }

  function sign(options: unknown): Promise<JsonObject> {
    return page.evaluate(`(async () => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(${JSON.stringify(options)})
      return (await navigator.credentials.get({ publicKey })).toJSON()
    })()`)
  }

  async function register(): Promise<Answer> {
    const { body } = await ask('POST', '/api/authenticators/challenge')
    return ask('POST', '/api/authenticators', { credential: await create(body.options) })
  }
  const first = (): JsonObject => ({ email: officer.email, password: officer.password })
  const isOpen = async (): Promise<boolean> => (await ask('GET', '/api/session')).status === 200

  test('is registered, listed, signs in with its officer, steps up, and is removed', async () => {
    const { status, body } = await register()
    expect([status, typeof body.id]).toEqual([200, 'string'])
    const listed = (await ask('GET', '/api/authenticators')).body
    expect(listed).toMatchObject({ authenticators: [{ id: body.id, transports: ['usb'], usedAt: null }] })
    await ask('DELETE', '/api/session')
    expect(await isOpen()).toBe(false)

    const begun = await ask('POST', '/api/session/authenticator', first())
    expect(begun.body.options).toMatchObject({ rpId: HOST, userVerification: 'required' })
    const signedIn = await ask('POST', '/api/session', {
      ticket: begun.body.ticket!,
      assertion: await sign(begun.body.options),
    })
    expect(signedIn).toMatchObject({ status: 200, body: { amr: ['pwd', 'hwk', 'user'], role: 'compliance' } })
    csrf = String(signedIn.body.csrf)

    const asked = await ask('POST', '/api/session/step-up/challenge')
    const stepped = await ask('POST', '/api/session/step-up', { assertion: await sign(asked.body.options) })
    expect(stepped).toMatchObject({ status: 200, body: { amr: ['pwd', 'hwk', 'user'] } })
    expect((await ask('DELETE', `/api/authenticators/${String(body.id)}`)).status).toBe(200)
    expect((await ask('GET', '/api/authenticators')).body).toEqual({ authenticators: [] })
    const actions = (await auditEntries(weir)).filter(({ actor }) => actor === `officer:${officer.officer}`)
    expect(actions.map(({ action }) => action)).toEqual([
      'session.start',
      'officer.authenticator.add',
      'session.end',
      'session.start',
      'session.step-up',
      'officer.authenticator.remove',
    ])
  })

  test('may be one of several, each once', async () => {
    await register()
    const again = await ask('POST', '/api/authenticators/challenge')
    await expect(create(again.body.options)).rejects.toThrow(/InvalidStateError|already/i)
    await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
    await plugIn()
    expect((await register()).status).toBe(200)
    const begun = await ask('POST', '/api/session/authenticator', first())
    expect((begun.body.options as { allowCredentials: unknown[] }).allowCredentials).toHaveLength(2)
    const assertion = await sign(begun.body.options)
    expect((await ask('POST', '/api/session', { ticket: begun.body.ticket!, assertion })).status).toBe(200)
  })

  test('its answer counts once: neither answer nor ticket works again, nor for another ticket', async () => {
    await register()
    const begun = await ask('POST', '/api/session/authenticator', first())
    const { ticket, options } = begun.body as { ticket: string; options: JsonObject }
    const assertion = await sign(options)
    expect((await ask('POST', '/api/session', { ticket, assertion })).status).toBe(200)
    expect(await ask('POST', '/api/session', { ticket, assertion })).toMatchObject({
      status: 401,
      body: { code: 'login-failed' },
    })
    const other = await ask('POST', '/api/session/authenticator', first())
    expect((await ask('POST', '/api/session', { ticket: other.body.ticket!, assertion })).status).toBe(401)
    // That used the ticket up, though its own answer would have been right.
    const late = await sign(other.body.options)
    expect((await ask('POST', '/api/session', { ticket: other.body.ticket!, assertion: late })).status).toBe(401)
  })

  test('of one answer sent twice at once one counts', async () => {
    await register()
    const begun = await ask('POST', '/api/session/authenticator', first())
    const sent = { ticket: begun.body.ticket!, assertion: await sign(begun.body.options) }
    const answers = await Promise.all([ask('POST', '/api/session', sent), ask('POST', '/api/session', sent)])
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401])
  })

  test('its answer after five minutes is worth nothing', async () => {
    await register()
    const begun = await ask('POST', '/api/session/authenticator', first())
    const assertion = await sign(begun.body.options)
    weir.moveClock(5 * 60_000 + 1_000)
    shift += 5 * 60_000 + 1_000
    expect((await ask('POST', '/api/session', { ticket: begun.body.ticket!, assertion })).status).toBe(401)
  })

  test('of another officer signs nobody else in', async () => {
    await register()
    const thief = await makeOfficer(weir, 'compliance')
    const begun = await ask('POST', '/api/session/authenticator', first())
    const assertion = await sign(begun.body.options)
    const asThief = await ask('POST', '/api/session/authenticator', { email: thief.email, password: thief.password })
    expect(asThief).toMatchObject({ status: 401, body: { code: 'login-failed' } }) // has none
    const signature = { ...(assertion.response as JsonObject), signature: randomBytes(70).toString('base64url') }
    const forged = { ...assertion, response: signature }
    expect((await ask('POST', '/api/session', { ticket: begun.body.ticket!, assertion: forged })).status).toBe(401)
  })

  test('whose user was not verified is refused', async () => {
    await register()
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
    const begun = await ask('POST', '/api/session/authenticator', first())
    const unverified = { ...(begun.body.options as JsonObject), userVerification: 'discouraged' }
    const assertion = await sign(unverified)
    expect((await ask('POST', '/api/session', { ticket: begun.body.ticket!, assertion })).status).toBe(401)
  })

  test('whose counter went back, as that of a copy does, is refused', async () => {
    await register()
    await weir.owner.$client.query('update weir.officer_authenticator set counter = 1000 where officer_id = $1', [
      officer.officer,
    ])
    const begun = await ask('POST', '/api/session/authenticator', first())
    const assertion = await sign(begun.body.options)
    expect((await ask('POST', '/api/session', { ticket: begun.body.ticket!, assertion })).status).toBe(401)
  })

  test('is not registered over the challenge of another session', async () => {
    const { body } = await ask('POST', '/api/authenticators/challenge')
    const credential = await create(body.options)
    const { email, password } = officer
    const again = await ask('POST', '/api/session', { email, password, recoveryCode: officer.recoveryCodes[0]! })
    csrf = String(again.body.csrf)
    expect(await ask('POST', '/api/authenticators', { credential })).toMatchObject({
      status: 409,
      body: { code: 'challenge-gone' },
    })
    await ask('POST', '/api/authenticators/challenge')
    expect(await ask('POST', '/api/authenticators', { credential })).toMatchObject({
      status: 400,
      body: { code: 'authenticator-refused' },
    })
  })

  test('approves exactly what it signed, once, and then a code does not', async () => {
    await register()
    const challenge = createHash('sha256').update('{"fields":["email"]}').update(randomBytes(16)).digest()
    const approve = (over: Buffer, how: { assertion: AuthenticationResponseJSON } | { totp: string }) =>
      transaction(weir.db, (tx) =>
        verifyApproval(deps, tx, { officer: officer.officer, challenge: over, ...how }),
      ).catch((error: AppError) => error.code)
    const options = await approvalOptions(deps, { officer: officer.officer, challenge })
    const assertion = (await sign(options)) as unknown as AuthenticationResponseJSON
    expect(await approve(createHash('sha256').update('another').digest(), { assertion })).toBe('factor-wrong')
    const evidence = (await approve(challenge, { assertion })) as { clientDataJSON: string }
    expect(evidence).toEqual({
      method: 'webauthn',
      credentialId: assertion.id,
      authenticatorData: assertion.response.authenticatorData,
      clientDataJSON: assertion.response.clientDataJSON,
      signature: assertion.response.signature,
    })
    const signed = JSON.parse(Buffer.from(evidence.clientDataJSON, 'base64url').toString()) as { challenge: string }
    expect(signed.challenge).toBe(challenge.toString('base64url'))
    expect(await approve(challenge, { assertion })).toBe('factor-wrong') // its counter does not rise
    const fresh = (await sign(options)) as unknown as AuthenticationResponseJSON
    expect(await approve(challenge, { assertion: fresh })).toBe('approval-replayed')
    expect(await approve(challenge, { totp: officer.code(now(), 1) })).toBe('authenticator-needed')
  })
})
