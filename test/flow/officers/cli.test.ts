import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeMarkers, searchDatabase } from '../../support/leaks.ts'
import { asOfficer, auditEntries, newBrowser, signIn } from '../../support/officers.ts'
import { runCommand } from '../../support/run-command.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'

// The command line over the database and the keys of a gateway that runs.

const markers = makeMarkers()
const email = markers.email('officer')
let weir: TestApp
let folder: string
let env: Record<string, string>

beforeAll(async () => {
  weir = await createTestApp()
  folder = await mkdtemp(join(tmpdir(), 'weir-cli-'))
  env = {
    DATABASE_URL: weir.database.ownerUrl,
    WEIR_DATA_DIR: folder,
    WEIR_KEYS: `file:${join(weir.keyset.path, '..')}`,
    WEIR_POLICY_DIR: join(import.meta.dirname, '../../../policies'),
  }
})
afterAll(async () => {
  await weir.stop()
  await rm(folder, { recursive: true })
})

interface Ran {
  readonly code: number
  readonly out: Record<string, unknown>
  readonly err: string
}
async function run(...args: string[]): Promise<Ran> {
  const { code, stdout, stderr } = await runCommand([...args, '--json'], env)
  return { code, out: stdout === '' ? {} : (JSON.parse(stdout) as Record<string, unknown>), err: stderr }
}
type Made = { officer: string; password: string; totpUri: string; recoveryCodes: string[] }

let made: Made

test('officer add makes an account that signs in at once, and knows its password nowhere', async () => {
  const { code, out, err } = await run('officer', 'add', '--email', email, '--role', 'compliance')
  made = out as Made
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toEqual({
    officer: expect.stringMatching(/^[0-9a-f-]{36}$/),
    password: expect.stringMatching(/^[a-z2-9]{6}(-[a-z2-9]{6}){3}$/),
    totpUri: expect.stringMatching(/^otpauth:\/\/totp\/Weir:compliance-[0-9a-f]{8}\?/),
    recoveryCodes: expect.arrayContaining([expect.stringMatching(/^\w{5}(-\w{5}){3}$/)]),
  })
  const browser = await signIn(weir, asOfficer(made, 'compliance', email))
  expect((await browser.call('GET', '/api/officers')).body).toMatchObject({ officers: [{ email, role: 'compliance' }] })
})

test.each<[string, number, string[]]>([
  ['an address that has one', 1, ['--email', email, '--role', 'auditor']],
  ['no address', 2, ['--email', 'nobody', '--role', 'auditor']],
  ['no such role', 2, ['--email', 'a@b.example', '--role', 'king']],
  ['no role', 2, ['--email', 'a@b.example']],
])('officer add with %s fails and quotes nothing', async (_what, code, args) => {
  const ran = await run('officer', 'add', ...args)
  expect(ran.code).toBe(code)
  expect(ran.err + JSON.stringify(ran.out)).not.toContain(markers.core)
})

test('officer list shows the addresses, to whoever holds the keys', async () => {
  const { out } = await run('officer', 'list')
  expect(out).toMatchObject({ officers: [{ officer: made.officer, email, role: 'compliance', disabledAt: null }] })
})

test('officer reset replaces what proves an officer, disable and enable end and restore the account', async () => {
  const other = (await run('officer', 'add', '--email', 'other@weir.example', '--role', 'auditor')).out as Made
  const before = asOfficer(other, 'auditor', 'other@weir.example')
  const reset = await run('officer', 'reset', 'Other@Weir.example')
  const fresh = asOfficer(reset.out as Made, 'auditor', 'other@weir.example')
  expect(fresh.officer).toBe(other.officer)
  await expect(signIn(weir, before)).rejects.toThrow('401')
  const browser = await signIn(weir, fresh, { steps: -1 })
  expect((await run('officer', 'disable', other.officer)).out).toEqual({ officer: other.officer, disabled: true })
  expect((await browser.call('GET', '/api/session')).status).toBe(401)
  await expect(signIn(weir, fresh)).rejects.toThrow('401')
  expect((await run('officer', 'enable', other.officer)).code).toBe(0)
  await signIn(weir, fresh, { steps: 1 })
  expect((await run('officer', 'disable', email)).out).toMatchObject({ error: { code: 'last-compliance' } })
  expect((await run('officer', 'reset', 'nobody@weir.example')).code).toBe(1)
})

test('every change left its entry in the audit log', async () => {
  const entries = (await auditEntries(weir)).filter(({ actor }) => actor === 'cli')
  expect(entries.map(({ action }) => action)).toEqual([
    'officer.add',
    'officer.list',
    'officer.add',
    'officer.reset',
    'officer.disable',
    'officer.enable',
  ])
})

describe('an officer’s address', () => {
  test('stands in clear in no table, no statistics, no log and no answer to anybody', async () => {
    await newBrowser(weir.url).call('POST', '/api/session', { email, password: markers.text('pw'), totp: '000000' })
    await newBrowser(weir.url).call('POST', '/api/session/authenticator', { email, password: markers.text('pw') })
    const superuser = new pg.Client({ connectionString: weir.database.superuserUrl })
    await superuser.connect()
    await superuser.query('analyze')
    expect(await searchDatabase(superuser, markers.needles)).toEqual([])
    await superuser.end()
    expect(weir.logged()).not.toContain(markers.core)
  })
})

describe('token key', () => {
  test('add takes a public Ed25519 key, list shows it, revoke ends it', async () => {
    const file = join(folder, 'machine.jwk')
    const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true })
    const add = async (jwk: object): Promise<Ran> => {
      await writeFile(file, JSON.stringify(jwk))
      return run('token', 'key', 'add', '--jwk', file, '--role', 'operator')
    }
    expect(await add(await exportJWK(privateKey))).toMatchObject({ code: 2, err: expect.stringContaining('private') })
    const es = await generateKeyPair('ES256', { extractable: true })
    expect((await add(await exportJWK(es.publicKey))).code).toBe(2)
    expect((await add({ kty: 'oct', k: 'c2VjcmV0' })).code).toBe(2)
    expect((await add({ ...(await exportJWK(publicKey)), use: 'enc' })).code).toBe(2)
    const added = await add({ ...(await exportJWK(publicKey)), kid: 'mine', note: 'of the ERP' })
    expect(added.out).toEqual({ key: expect.stringMatching(/^[0-9a-f-]{36}$/), role: 'operator' })
    expect((await add(await exportJWK(publicKey))).code).toBe(1)
    const listed = { id: added.out.key, role: 'operator', revokedAt: null }
    expect((await run('token', 'key', 'list')).out).toMatchObject({ keys: [listed] })
    expect((await run('token', 'key', 'revoke', String(added.out.key))).code).toBe(0)
    expect((await run('token', 'key', 'revoke', String(added.out.key))).code).toBe(1)
    expect((await auditEntries(weir)).slice(-2)).toMatchObject([
      { action: 'service-key.add', resource: `service:${String(added.out.key)}` },
      { action: 'service-key.revoke' },
    ])
  })
})
