import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openPool } from '../../../src/db/pool.ts'
import type { AppError } from '../../../src/errors.ts'
import { createOfficers, type Officers, officerDeps } from '../../../src/officers/officers.ts'
import { makeOfficer, newBrowser, type Officer } from '../../support/officers.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'

let weir: TestApp
let officers: Officers
let officer: Officer
let now = Date.now()

const HOME = '203.0.113.0/24'

beforeAll(async () => {
  weir = await createTestApp()
  const { db, keyring } = weir
  const audit = { append: async () => undefined }
  officers = createOfficers(officerDeps({ db, keyring, audit, publicUrl: 'http://weir.test', now: () => now }))
})
afterAll(() => weir.stop())
beforeEach(async () => {
  officer = await makeOfficer(weir, 'auditor')
  await weir.owner.$client.query('truncate weir.login_throttle')
})

interface Outcome {
  readonly code: string
  readonly wait: number | undefined
}

async function attempt(addressPrefix: string, given: { password?: string; email?: string } = {}): Promise<Outcome> {
  const { email, password } = { ...officer, ...given }
  try {
    await officers.signIn({ email, password, totp: officer.code(now) }, { addressPrefix, presented: undefined })
    return { code: 'in', wait: undefined }
  } catch (error) {
    const { code, retryAfter } = error as AppError
    return { code, wait: retryAfter }
  }
}
const fail = (prefix: string, email = officer.email): Promise<Outcome> => attempt(prefix, { email, password: 'wrong' })
const FAILED = { code: 'login-failed', wait: undefined }

describe('from one network at one account', () => {
  test('five attempts are free, then each waits twice as long as the one before, and an officer who waited gets in', async () => {
    for (let i = 0; i < 5; i++) expect(await fail(HOME)).toEqual(FAILED)
    for (const wait of [1, 2, 4, 8]) {
      expect(await attempt(HOME)).toEqual({ code: 'too-many-attempts', wait })
      now += wait * 1000
      expect(await fail(HOME)).toEqual(FAILED)
    }
    now += 16_000
    expect(await attempt(HOME)).toMatchObject({ code: 'in' })
    expect(await fail(HOME)).toEqual(FAILED) // and the count began anew
  })

  test('many at once are many: five are looked at', async () => {
    const outcomes = await Promise.all(Array.from({ length: 15 }, () => fail(HOME)))
    expect(outcomes.filter(({ code }) => code === 'login-failed')).toHaveLength(5)
    expect(outcomes.filter(({ code }) => code === 'too-many-attempts')).toHaveLength(10)
  })
})

describe('an attack on an account from many networks', () => {
  test('slows those that are not known, and the officer who comes from a known one not at all', async () => {
    expect(await attempt(HOME)).toMatchObject({ code: 'in' })
    now += 60_000
    for (let i = 0; i < 12; i++) await fail(`198.51.${i}.0/24`)
    expect((await fail('198.51.100.0/24')).code).toBe('too-many-attempts')
    expect(await attempt(HOME)).toMatchObject({ code: 'in' })
  })

  test('makes the officer who comes from a new network wait once, however long it goes on', async () => {
    for (let i = 0; i < 60; i++) await fail(`198.51.${i}.0/24`)
    const first = await attempt('192.0.2.0/24')
    expect(first.code).toBe('too-many-attempts')
    expect(first.wait).toBeLessThanOrEqual(30)
    for (let i = 60; i < 90; i++) await fail(`198.51.${i}.0/24`)
    now += 30_000
    for (let i = 90; i < 120; i++) await fail(`198.51.${i}.0/24`)
    expect(await attempt('192.0.2.0/24')).toMatchObject({ code: 'in' })
  })
})

test('codes cannot be guessed from many networks by whoever has the password; the officer gets in from a known one', async () => {
  expect(await attempt(HOME)).toMatchObject({ code: 'in' })
  now += 3_600_000
  const guess = async (prefix: string): Promise<string> =>
    officers.signIn({ ...officer, totp: '000000' }, { addressPrefix: prefix, presented: undefined }).then(
      () => 'in',
      (error: AppError) => error.code,
    )
  for (let i = 0; i < 45; i++) {
    await guess(`198.51.${i}.0/24`)
    if (i >= 9) now += 30_000 // each network that is not known has to come twice
    if (i >= 9) await guess(`198.51.${i}.0/24`)
  }
  expect((await attempt('192.0.2.0/24')).code).toBe('too-many-attempts')
  now += 30_000
  expect(await attempt('192.0.2.0/24')).toEqual(FAILED) // the right code, not looked at: it tells nothing
  expect(await attempt(HOME)).toMatchObject({ code: 'in' })
  now += 24 * 3_600_000
  expect(await attempt('192.0.2.0/24')).toMatchObject({ code: 'in' })
})

test('a network that tries many accounts is locked, others are not', async () => {
  for (let i = 0; i < 30; i++) expect(await fail('198.51.100.0/24', `nobody-${i}@weir.example`)).toEqual(FAILED)
  expect(await attempt('198.51.100.0/24')).toMatchObject({ code: 'too-many-attempts' })
  const rows = async (): Promise<number> =>
    (await weir.owner.$client.query('select from weir.login_throttle')).rows.length
  const before = await rows()
  for (let i = 0; i < 10; i++) await fail('198.51.100.0/24', `made-up-${i}@weir.example`)
  expect(await rows()).toBe(before) // made-up names fill no table
  expect(await attempt(HOME)).toMatchObject({ code: 'in' })
})

test('what is a day old is forgotten, where nobody got in', async () => {
  await fail('198.51.100.0/24', 'nobody@weir.example')
  await attempt(HOME)
  now += 86_400_000 + 1_000
  await fail('192.0.2.0/24', 'somebody@weir.example')
  const { rows } = await weir.owner.$client.query<{ trusted: boolean }>(
    'select trusted_until is not null as trusted from weir.login_throttle where last_at < $1',
    [new Date(now)],
  )
  expect(rows).toEqual([{ trusted: true }])
})

test('what is wrong cannot be told by the work that is done: the same turns with the database, one argon2 each', async () => {
  const db = openPool({ url: weir.database.appUrl, max: 2 })
  const work = { turns: 0, hashes: 0 }
  db.$client.on('acquire', () => {
    work.turns += 1
  })
  const audit = { append: async () => undefined }
  const deps = officerDeps({ db, keyring: weir.keyring, audit, publicUrl: 'http://weir.test', now: () => now })
  const counting = createOfficers({
    ...deps,
    limit: (argon2) => {
      work.hashes += 1
      return deps.limit(argon2)
    },
  })
  const disabled = await makeOfficer(weir, 'auditor')
  await weir.owner.$client.query('update weir.officer set disabled_at = now() where officer_id = $1', [
    disabled.officer,
  ])
  const { email, password } = officer
  const totp = officer.code(now)
  const cases: [string, { email: string; password: string }, string][] = [
    ['a wrong password', { email, password: 'wrong' }, totp],
    ['a wrong code', { email, password }, '000000'],
    ['both', { email, password: 'wrong' }, '000000'],
    ['an account that is not there', { email: 'nobody@weir.example', password }, totp],
    ['no address', { email: 'nobody', password }, totp],
    ['a disabled account', { email: disabled.email, password: disabled.password }, disabled.code(now)],
  ]
  for (const second of ['totp', 'recoveryCode'] as const) {
    const seen: Record<string, unknown> = {}
    for (const [i, [what, first, code]] of cases.entries()) {
      Object.assign(work, { turns: 0, hashes: 0 })
      const given = second === 'totp' ? { ...first, totp: code } : { ...first, recoveryCode: 'no code of anybody' }
      const where = { addressPrefix: `198.51.${i}.0/24`, presented: undefined }
      await expect(counting.signIn(given, where)).rejects.toMatchObject({ code: 'login-failed' })
      seen[what] = { ...work }
    }
    const first = Object.values(seen)[0]
    expect(seen).toEqual(Object.fromEntries(cases.map(([what]) => [what, first])))
    expect(first).toMatchObject({ hashes: 1 })
  }
  await db.$client.end()
})

test('over HTTP it is 429 with whole seconds, and holds no address and no account in clear', async () => {
  const browser = newBrowser(weir.url)
  const given = { email: officer.email, password: 'wrong', totp: '000000' }
  let answer = await browser.call('POST', '/api/session', given)
  for (let i = 0; i < 5; i++) answer = await browser.call('POST', '/api/session', given)
  expect(answer).toMatchObject({ status: 429, body: { code: 'too-many-attempts' } })
  expect(answer.headers.get('retry-after')).toBe('1')
  const { rows } = await weir.owner.$client.query<{ row: string }>('select t::text as row from weir.login_throttle t')
  for (const { row } of rows) {
    expect(row).not.toContain('127.0.0')
    expect(row).not.toContain(Buffer.from('127.0.0').toString('hex'))
    expect(row).not.toContain(Buffer.from(officer.email).toString('hex'))
  }
})

test('where the counters cannot be read nobody signs in', async () => {
  await weir.owner.$client.query('revoke select on weir.login_throttle from weir_app')
  try {
    const answer = await newBrowser(weir.url).call('POST', '/api/session', {
      email: officer.email,
      password: officer.password,
      totp: officer.code(),
    })
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([500, null])
  } finally {
    await weir.owner.$client.query('grant select on weir.login_throttle to weir_app')
  }
})
