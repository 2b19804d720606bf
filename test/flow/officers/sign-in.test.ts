import { hash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isWeaker } from '../../../src/officers/password-hash.ts'
import {
  auditEntries,
  makeOfficer,
  newBrowser,
  type Officer,
  type OfficerAnswer,
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

/** Past every throttle and every code that was taken. */
function later(ms = 2 * 86_400_000): void {
  weir.moveClock(ms)
  shift += ms
}

type Given = Record<string, string>
const ask = (body: Given, headers: Record<string, string> = {}): Promise<OfficerAnswer> =>
  newBrowser(weir.url).call('POST', '/api/session', body, headers)
const right = (officer: Officer, steps = 0): Given => ({
  email: officer.email,
  password: officer.password,
  totp: officer.code(now(), steps),
})

describe('a login', () => {
  test('with the password and a code gives a session in a cookie that no script reads and no other site sends', async () => {
    const officer = await makeOfficer(weir, 'auditor')
    const answer = await ask(right(officer))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('set-cookie')).toMatch(
      /^__Host-weir=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
    )
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.body).toEqual({
      csrf: expect.stringMatching(/^[\w-]{43}$/),
      officer: officer.officer,
      role: 'auditor',
      amr: ['pwd', 'otp'],
      expiresAt: expect.any(String),
      steppedUpAt: expect.any(String),
    })
    expect((Date.parse(String(answer.body.expiresAt)) - now()) / 3_600_000).toBeCloseTo(8, 1)
    expect((await auditEntries(weir)).at(-1)).toEqual({
      actor: `officer:${officer.officer}`,
      action: 'session.start',
      resource: `officer:${officer.officer}`,
      outcome: 'done',
    })
  })

  test('finds the account however the address is written, and takes a code typed in two groups', async () => {
    const officer = await makeOfficer(weir, 'auditor', 'Privacy.Officer@Weir.Example')
    const code = officer.code(now())
    const given = {
      ...right(officer),
      email: ' privacy.officer@WEIR.example',
      totp: `${code.slice(0, 3)} ${code.slice(3)}`,
    }
    expect((await ask(given)).status).toBe(200)
  })

  test('keeps of the token its SHA-256 and nothing else', async () => {
    const browser = await signIn(weir, await makeOfficer(weir, 'analyst'), { now: now() })
    const token = browser.cookie!.split('=')[1]!
    const { rows } = await weir.owner.$client.query<{ row: string; hash: Buffer }>(
      'select s::text as row, token_hash as hash from weir.officer_session s order by started_at desc limit 1',
    )
    expect(rows[0]!.hash.equals(hash('sha256', token, 'buffer'))).toBe(true)
    expect(rows[0]!.row).not.toContain(token)
  })

  test('is answered alike whatever is wrong, and each failure is in the audit log', async () => {
    const officer = await makeOfficer(weir, 'auditor')
    const disabled = await makeOfficer(weir, 'auditor')
    await weir.owner.$client.query('update weir.officer set disabled_at = now() where officer_id = $1', [
      disabled.officer,
    ])
    const wrong: [string, Given][] = [
      [officer.officer, { ...right(officer), password: 'not the password at all' }],
      [officer.officer, { ...right(officer), totp: '000000' }],
      [officer.officer, { ...right(officer), totp: officer.code(now(), -3) }],
      [officer.officer, { email: officer.email, password: officer.password, recoveryCode: 'aaaaa-aaaaa-aaaaa-aaaaa' }],
      ['unknown', { ...right(officer), email: 'nobody@weir.example' }],
      ['unknown', { ...right(officer), email: 'no address' }],
      [disabled.officer, right(disabled)],
    ]
    const seen = new Set<string>()
    for (const [about, given] of wrong) {
      const before = (await auditEntries(weir)).length
      const { status, text, headers } = await ask(given)
      seen.add(`${status} ${text} ${headers.get('set-cookie')}`)
      const entry = { actor: 'anyone', action: 'session.start', resource: `officer:${about}`, outcome: 'refused' }
      expect((await auditEntries(weir)).slice(before)).toEqual([entry])
    }
    expect([...seen]).toEqual([expect.stringMatching(/^401 .*"code":"login-failed".* null$/)])
    later()
  })

  test.each<[string, Given]>([
    ['no second factor', { email: 'a@b.example', password: 'x' }],
    ['two second factors', { email: 'a@b.example', password: 'x', totp: '123456', recoveryCode: 'y' }],
    ['a code of five digits', { email: 'a@b.example', password: 'x', totp: '12345' }],
    ['no address', { password: 'x', totp: '123456' }],
  ])('with %s is 400 and says what to send', async (_what, given) => {
    expect(await ask(given)).toMatchObject({ status: 400, body: { code: 'request-invalid' } })
  })

  test('that a page of another origin sends is refused', async () => {
    const officer = await makeOfficer(weir, 'auditor')
    for (const headers of [
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'null' },
    ]) {
      expect(await ask(right(officer), headers)).toMatchObject({ status: 403, body: { code: 'origin-foreign' } })
    }
    const own = { origin: 'http://weir.test', 'sec-fetch-site': 'same-origin' }
    expect((await ask(right(officer), own)).status).toBe(200)
  })
})

describe('session fixation', () => {
  test('a token that somebody made up is not taken over', async () => {
    const officer = await makeOfficer(weir, 'auditor')
    const planted = `__Host-weir=${'A'.repeat(43)}`
    const answer = await ask(right(officer), { cookie: planted })
    expect(answer.headers.get('set-cookie')).not.toContain(planted)
    const attacker = newBrowser(weir.url)
    attacker.cookie = planted
    expect((await attacker.call('GET', '/api/session')).status).toBe(401)
  })

  test('a session that came with a login ends with it: whoever planted it holds nothing', async () => {
    const attacker = await signIn(weir, await makeOfficer(weir, 'analyst'), { now: now() })
    const victim = await makeOfficer(weir, 'auditor')
    const answer = await ask(right(victim), { cookie: attacker.cookie! })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('set-cookie')).not.toContain(attacker.cookie!)
    expect((await attacker.call('GET', '/api/session')).status).toBe(401)
  })

  test('of two cookies that differ neither counts', async () => {
    const browser = await signIn(weir, await makeOfficer(weir, 'auditor'), { now: now() })
    const own = browser.cookie!
    browser.cookie = `__Host-weir=${'B'.repeat(43)}; ${own}`
    expect((await browser.call('GET', '/api/session')).status).toBe(401)
    browser.cookie = own
    expect((await browser.call('GET', '/api/session')).status).toBe(200)
  })
})

describe('a second factor', () => {
  test('counts once: a code that was seen is worth nothing, the next one is', async () => {
    const officer = await makeOfficer(weir, 'auditor')
    const given = right(officer)
    expect((await ask(given)).status).toBe(200)
    expect((await ask(given)).status).toBe(401)
    expect((await ask(right(officer, -1))).status).toBe(401)
    expect((await ask(right(officer, 1))).status).toBe(200)
    later()
  })

  test('of four logins at once with one code one succeeds', async () => {
    const officer = await makeOfficer(weir, 'auditor')
    await ask(right(officer, -1)) // from where the officer is known
    const answers = await Promise.all(Array.from({ length: 4 }, () => ask(right(officer))))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401, 401, 401])
    later()
  })

  test('a recovery code is good once, and typed as people type', async () => {
    const officer = await makeOfficer(weir, 'compliance')
    const [first = '', second = ''] = officer.recoveryCodes
    expect(officer.recoveryCodes).toHaveLength(10)
    const { email, password } = officer
    const answer = await ask({
      email,
      password,
      recoveryCode: first.toUpperCase().replaceAll('-', ' ').replaceAll('0', 'O'),
    })
    expect(answer).toMatchObject({ status: 200, body: { amr: ['pwd', 'rec'] } })
    expect((await ask({ email, password, recoveryCode: first })).status).toBe(401)
    const together = await Promise.all([1, 2].map(() => ask({ email, password, recoveryCode: second })))
    expect(together.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401])
    later()
  })

  test('with a wrong password uses nothing up', async () => {
    const officer = await makeOfficer(weir, 'auditor')
    const [recoveryCode = ''] = officer.recoveryCodes
    expect((await ask({ ...right(officer), password: 'wrong' })).status).toBe(401)
    expect((await ask({ email: officer.email, password: 'wrong', recoveryCode })).status).toBe(401)
    expect((await ask(right(officer))).status).toBe(200)
    expect((await ask({ email: officer.email, password: officer.password, recoveryCode })).status).toBe(200)
  })
})

test('a hash that is weaker than new ones is replaced at login, and the password stays', async () => {
  const { default: argon2 } = await import('argon2')
  const { createHmac } = await import('node:crypto')
  const { officerKeys } = await import('../../../src/officers/keys.ts')
  const officer = await makeOfficer(weir, 'auditor')
  const bytes = createHmac('sha256', officerKeys(weir.keyring.tokenKey).pepper(1)).update(officer.password).digest()
  const weak = await argon2.hash(bytes, { type: argon2.argon2id, memoryCost: 8_192, timeCost: 1, parallelism: 1 })
  await weir.owner.$client.query('update weir.officer set password_hash = $2 where officer_id = $1', [
    officer.officer,
    weak,
  ])
  expect((await ask(right(officer))).status).toBe(200)
  const { rows } = await weir.owner.$client.query(
    'select password_hash as phc from weir.officer where officer_id = $1',
    [officer.officer],
  )
  expect(rows[0].phc).toMatch(/^\$argon2id\$v=19\$m=19456,/)
  expect(isWeaker(rows[0].phc)).toBe(false)
  expect((await ask(right(officer, 1))).status).toBe(200)
})

test('the gateway itself can make no account', async () => {
  const insert = `insert into weir.officer select gen_random_uuid(), '\\x00112233445566778899aabbccddeeff', email, role,
    password_hash, pepper, password_at, totp_seed, null, 0, created_at, null from weir.officer limit 1`
  await expect(weir.db.$client.query(insert)).rejects.toMatchObject({ code: '42501' })
})
