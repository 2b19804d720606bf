import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newDevice } from '../../support/test-app.ts'
import { until } from '../../support/until.ts'
import { codeIn, type House, openHouse, type Person } from '../requests/house.ts'
import { type Browsing, browse, type Seen } from './browsing.ts'

let house: House
let ann: Person

beforeAll(async () => {
  house = await openHouse()
  ann = await house.person()
})
afterAll(() => house?.stop())

const SHOP = { origin: 'https://shop.example' }

/** As the shop's page posts it. */
async function arrive(browser: Browsing, userId: string, more: Record<string, string> = {}): Promise<Seen> {
  const subjectToken = await house.session(userId)
  return browser.post('/session', { csrf: [], writeKey: house.page.key, subjectToken, ...more }, SHOP)
}

async function signedIn(userId = ann.userId): Promise<Browsing> {
  const browser = browse(house.weir)
  expect((await arrive(browser, userId)).status).toBe(200)
  return browser
}

/** What is the same for everybody, with what is random taken out. */
function bytesOf({ status, text, headers }: Seen): unknown[] {
  return [status, text.replaceAll(/name="csrf" value="[^"]+"/g, ''), headers.getSetCookie()[0]?.length]
}

describe('signing in', () => {
  test('by the shop’s token shows the person, once, and leads on without a redirect of the shop’s', async () => {
    const browser = browse(house.weir)
    const subjectToken = await house.session(ann.userId)
    const fields = { writeKey: house.page.key, subjectToken }
    const first = await browser.post('/session', fields, SHOP)
    expect([first.status, first.text.includes('http-equiv="refresh" content="0; url=/privacy/me"')]).toEqual([
      200,
      true,
    ])
    expect((await browser.get('/me')).text).toContain('What is known about me')
    const again = await browse(house.weir).post('/session', fields, SHOP)
    expect([again.status, again.words]).toEqual([401, expect.stringContaining('used already')])
  })

  test('takes no token for one right, of another shop, or from a page that is not the shop’s', async () => {
    const session = (claims: Record<string, string>): Promise<string> => house.session(ann.userId, { claims })
    const post = async (fields: Record<string, string>, headers = SHOP): Promise<number> =>
      (await browse(house.weir).post('/session', { writeKey: house.page.key, ...fields }, headers)).status
    expect(await post({ subjectToken: await session({ right: 'access' }) })).toBe(401)
    expect(await post({ subjectToken: 'e30.e30.e30' })).toBe(401)
    const own = await house.session(ann.userId)
    expect(await post({ subjectToken: own, writeKey: 'wb_unknown' })).toBe(401)
    expect(await post({ subjectToken: own }, { origin: 'https://evil.example' })).toBe(403)
    expect(await post({ subjectToken: own }, { origin: 'null' })).toBe(403)
    expect(await post({ subjectToken: own })).toBe(200) // nothing of that used it up
  })

  test('by a code goes to what is on file, and is answered alike for who is unknown, byte for byte', async () => {
    const [known, unknown] = [browse(house.weir), browse(house.weir)]
    await known.get('/sign-in')
    await unknown.get('/sign-in')
    const asked = [
      await known.post('/sign-in', { address: ann.email }),
      await unknown.post('/sign-in', { address: `${'x'.repeat(ann.email.length - 13)}@mail.example` }),
    ]
    expect(bytesOf(asked[0]!)).toEqual(bytesOf(asked[1]!))
    expect(bytesOf(await known.get('/sign-in/code'))).toEqual(bytesOf(await unknown.get('/sign-in/code')))
    await until('the code came', () => house.mailbox.received.some(({ to }) => to.includes(ann.email)))
    const code = codeIn(house.mailsTo(ann.email).join('\n'))
    const wrong = [
      await known.post('/sign-in/code', { code: 'AAAA2222' }),
      await unknown.post('/sign-in/code', { code: 'AAAA2222' }),
    ]
    expect(bytesOf(wrong[0]!)).toEqual(bytesOf(wrong[1]!))
    expect(wrong[0]!.text).toMatch(/name="code"[^>]* aria-describedby="code-hint code-wrong" aria-invalid="true"/)
    const mistyped = browse(house.weir)
    await mistyped.get('/sign-in')
    const again = await mistyped.post('/sign-in', { address: '12' })
    expect([again.status, again.words]).toEqual([400, expect.stringContaining('does not look right')])
    expect(again.text).toMatch(/name="address"[^>]* value="12"[^>]* aria-invalid="true"/)
    expect((await unknown.post('/sign-in/code', { code })).status).toBe(403)
    const right = await known.submit('/sign-in/code', { code: code.toLowerCase() })
    expect(right.words).toContain('What is known about me')
    expect(house.mailbox.received).toEqual([]) // the other address got nothing
  })

  test('a code is good once, for its own browser, and for five tries', async () => {
    const browser = browse(house.weir)
    await browser.get('/sign-in')
    await browser.submit('/sign-in', { address: ann.email })
    await until('the code came', () => house.mailbox.received.length > 0)
    const code = codeIn(house.mailsTo(ann.email).join('\n'))
    const before = { cookie: browser.cookie, csrf: browser.csrf }
    for (let i = 0; i < 4; i++) {
      expect((await browser.post('/sign-in/code', { code: 'BBBB3333' })).words).toContain('is wrong, used or too old')
    }
    const other = browse(house.weir)
    await other.get('/sign-in')
    await other.submit('/sign-in', { address: 'nobody@mail.example' })
    expect((await other.post('/sign-in/code', { code })).words).toContain('is wrong, used or too old')
    expect((await browser.post('/sign-in/code', { code })).status).toBe(303)
    Object.assign(browser, before)
    expect((await browser.post('/sign-in/code', { code })).status).toBe(429)
  })

  test('a visitor without an account comes by what the SDK holds; unknown and wrong are one answer', async () => {
    const device = newDevice()
    const choice = { ...device, choices: { personalisation: true } }
    const origin = SHOP.origin
    expect((await house.page.post('/v1/consent', choice, { origin })).status).toBe(200)
    const post = (fields: Record<string, string>): Promise<Seen> =>
      browse(house.weir).post('/session', { writeKey: house.page.key, ...fields }, SHOP)
    expect((await post({ ...device })).status).toBe(200)
    const wrong = await post({ ...device, anonymousSecret: newDevice().anonymousSecret })
    const unknown = await post({ ...newDevice() })
    expect(bytesOf(wrong)).toEqual(bytesOf(unknown))
    expect(wrong.status).toBe(403)
  })
})

describe('a session', () => {
  test('is not the one that the browser brought along', async () => {
    const browser = browse(house.weir)
    await browser.get('/sign-in')
    const planted = browser.cookie
    await arrive(browser, ann.userId)
    expect(browser.cookie).not.toBe(planted)
    const attacker = browse(house.weir)
    attacker.cookie = planted
    expect((await attacker.get('/me')).headers.get('location')).toBe('/privacy/sign-in')
  })

  test('ends after thirty idle minutes, after four hours however busy, and for every copy when it is signed out', async () => {
    const idle = await signedIn()
    house.weir.moveClock(31 * 60_000)
    expect((await idle.get('/me')).headers.get('location')).toBe('/privacy/sign-in')
    const busy = await signedIn()
    for (let i = 0; i < 9; i++) {
      house.weir.moveClock(25 * 60_000)
      expect((await busy.get('/choices')).status).toBe(200)
    }
    house.weir.moveClock(20 * 60_000)
    expect((await busy.get('/me')).status).toBe(303)
    const copied = await signedIn()
    await copied.get('/me')
    const copy = copied.cookie
    expect((await copied.submit('/sign-out')).words).toContain('You are signed out')
    copied.cookie = copy
    expect((await copied.get('/me')).headers.get('location')).toBe('/privacy/sign-in')
  })

  test('takes no form without its own token, nor one from another page', async () => {
    const browser = await signedIn()
    await browser.get('/choices')
    const { csrf } = browser
    const fields = { purpose: 'analytics', choice: 'refused' }
    const stranger = browse(house.weir)
    await stranger.get('/sign-in')
    expect((await browser.post('/choices', { ...fields, csrf: [] })).status).toBe(403)
    expect((await browser.post('/choices', { ...fields, csrf: stranger.csrf! })).status).toBe(403)
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
    ]) {
      expect((await browser.post('/choices', { ...fields, csrf: csrf! }, headers)).status).toBe(403)
    }
    expect((await browser.get('/choices')).text).toMatch(/id="analytics"[\s\S]*?You allow it/)
    expect((await browser.post('/choices', { ...fields, csrf: browser.csrf! })).status).toBe(303)
    expect((await browser.get('/choices')).text).toMatch(/id="analytics"[\s\S]*?You refuse it/)
  })

  test('a cookie that was changed is none, and holds nothing in clear', async () => {
    const browser = await signedIn()
    const value = browser.cookie!.split('=')[1]!
    expect(Buffer.from(value, 'base64url').toString('latin1')).not.toContain(ann.userId)
    browser.cookie = browser
      .cookie!.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
      .replace(/=(.)/, (_, c: string) => `=${c === 'x' ? 'y' : 'x'}`)
    expect((await browser.get('/me')).headers.get('location')).toBe('/privacy/sign-in')
  })
})
