import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findEndpoint } from '../../../src/destinations/endpoints.ts'
import { isSigned } from '../../../src/destinations/standard-webhooks.ts'
import { findByToken, shopifyControllers } from '../../../src/rights/protocols/controllers.ts'
import { startFaultyServer } from '../../support/faulty-server.ts'
import { runCommand } from '../../support/run-command.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'

// `weir recipient` and `weir controller` over the database and the keys of a gateway that runs.
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
  readonly all: string
}
async function run(...args: string[]): Promise<Ran> {
  const { code, stdout, stderr } = await runCommand([...args, '--json'], env)
  return { code, out: stdout === '' ? {} : (JSON.parse(stdout) as Record<string, unknown>), all: stdout + stderr }
}

async function stored(): Promise<string> {
  const { rows } = await weir.owner.$client.query<{ text: string }>(
    'select e::text as text from weir.recipient_endpoint e union all select c::text from weir.request_controller c',
  )
  return rows.map(({ text }) => text).join('\n')
}

test('a webhook is added, its secret shown once and kept sealed; listed, tried, stopped and taken into use again', async () => {
  const asked: boolean[] = []
  const server = await startFaultyServer('application/json', ({ headers, text }) => {
    const good = isSigned(secret, { headers, body: Buffer.from(text), now: Date.now() })
    asked.push(good && text.includes('TestRequest'))
    return { status: good ? 200 : 401 }
  })
  const url = `${server.url}/privacy`
  const added = await run('recipient', 'add', 'crm', '--webhook', url, '--sla-days', '14', '--region', 'DE')
  expect(added.code).toBe(0)
  const secret = added.out.secret as string
  expect(added.out).toEqual({
    name: 'crm',
    protocol: 'webhook',
    url,
    slaDays: 14,
    region: 'DE',
    role: 'entrusted',
    secret: expect.stringMatching(/^whsec_[\w+/]{43}=$/),
  })
  const text = await stored()
  expect(text).not.toContain(secret)
  expect(text).not.toContain(Buffer.from(secret).toString('hex'))
  expect(await findEndpoint(weir.db, weir.keyring, 'crm')).toMatchObject({ secret, slaDays: 14 })

  const listed = await run('recipient', 'list')
  expect(listed.out).toEqual({
    recipients: [expect.objectContaining({ name: 'crm', url, region: 'DE', stoppedAt: null, waiting: 0, failed: 0 })],
  })
  expect(listed.all).not.toContain(secret)
  expect((await run('recipient', 'test', 'crm')).out).toEqual({ name: 'crm', ok: true, code: 'http-200' })
  expect(asked).toEqual([true])
  server.fail({ kind: 'status', status: 503 })
  expect(await run('recipient', 'test', 'crm')).toMatchObject({ code: 1, out: { ok: false, code: 'http-503' } })

  expect((await run('recipient', 'add', 'crm', '--webhook', url)).code).toBe(1) // in use
  expect((await run('recipient', 'stop', 'crm')).out).toEqual({ name: 'crm', stopped: true })
  expect((await run('recipient', 'stop', 'crm')).code).toBe(1)
  expect(await findEndpoint(weir.db, weir.keyring, 'crm')).toBeUndefined()
  const again = await run('recipient', 'add', 'crm', '--webhook', url)
  expect(again.out.secret).not.toBe(secret)
  const actions = (await weir.entries()).map(({ action }) => action).filter((action) => action.startsWith('recipient.'))
  expect(actions).toEqual(['recipient.add', 'recipient.stop', 'recipient.add'])
  await server.close()
})

test('an OpenDSR processor is added with the token that it gave', async () => {
  const tokenFile = join(folder, 'token')
  await writeFile(tokenFile, 'a-token-of-the-processor\n', { mode: 0o600 })
  const added = await run('recipient', 'add', 'cdp', '--opendsr', 'https://cdp.example/v2', '--token-file', tokenFile)
  expect(added.out).toMatchObject({ name: 'cdp', protocol: 'opendsr' })
  expect(added.all).not.toContain('a-token-of-the-processor')
  expect((await findEndpoint(weir.db, weir.keyring, 'cdp'))!.secret).toBe('a-token-of-the-processor')
})

test.each<[string, number, string[]]>([
  ['two protocols', 2, ['a', '--webhook', 'https://a.example', '--opendsr', 'https://a.example']],
  ['none', 2, ['a']],
  ['a URL that is none', 2, ['a', '--webhook', 'crm.example']],
  ['a user in the URL', 2, ['a', '--webhook', 'https://me:word@a.example']],
  ['another protocol', 2, ['a', '--webhook', 'ftp://a.example']],
  ['a term of a year and more', 2, ['a', '--webhook', 'https://a.example', '--sla-days', '366']],
  ['a region that is no country', 2, ['a', '--webhook', 'https://a.example', '--region', 'China']],
  ['a role that nobody has', 2, ['a', '--webhook', 'https://a.example', '--role', 'self']],
  ['a name that cannot be one', 2, ['A B', '--webhook', 'https://a.example']],
  ['the name of a module', 1, ['attribution', '--webhook', 'https://a.example']],
  ['a certificate that is none', 2, ['a', '--opendsr', 'https://a.example', '--certificate', import.meta.filename]],
])('recipient add with %s fails', async (_what, code, args) => {
  const ran = await run('recipient', 'add', ...args)
  expect(ran.code).toBe(code)
  expect(ran.all).not.toContain('me:word')
})

test('a controller of OpenDSR gets a token that is shown once, and loses it with revoke', async () => {
  const added = await run('controller', 'add', 'crm', '--opendsr', '--callback-host', 'crm.example')
  const token = added.out.token as string
  expect(token).toMatch(/^wc_[\w-]{43}$/)
  expect(await stored()).not.toContain(token)
  expect(await findByToken(weir.db, token)).toEqual({ name: 'crm', callbackHosts: ['crm.example'] })
  expect((await run('controller', 'list')).all).not.toContain(token)
  expect((await run('controller', 'add', 'crm', '--opendsr')).code).toBe(1)
  expect((await run('controller', 'revoke', 'crm', '--shopify')).code).toBe(1)
  expect((await run('controller', 'revoke', 'crm', '--opendsr')).out).toMatchObject({ revoked: true })
  expect(await findByToken(weir.db, token)).toBeUndefined()
})

test('a Shopify app is added with its secret, which is kept sealed and goes with revoke', async () => {
  const secretFile = join(folder, 'shopify')
  await writeFile(secretFile, 'shpss_0123456789abcdef\n', { mode: 0o600 })
  const added = await run(
    'controller',
    'add',
    'app',
    '--shopify',
    '--secret-file',
    secretFile,
    '--user-ids',
    'prefixed',
  )
  expect(added.out).toEqual({ name: 'app', protocol: 'shopify' })
  expect(await shopifyControllers(weir.db, weir.keyring)).toEqual([
    { name: 'app', userIds: 'prefixed', secret: 'shpss_0123456789abcdef' },
  ])
  expect(await stored()).not.toContain(Buffer.from('shpss_0123456789abcdef').toString('hex'))
  await run('controller', 'revoke', 'app', '--shopify')
  expect(await shopifyControllers(weir.db, weir.keyring)).toEqual([])
  expect((await run('controller', 'add', 'app2', '--shopify')).code).toBe(2)
  await writeFile(join(folder, 'open'), 'shpss_0123456789abcdef', { mode: 0o644 })
  expect((await run('controller', 'add', 'app2', '--shopify', '--secret-file', join(folder, 'open'))).code).toBe(2)
  expect((await run('controller', 'add', 'x', '--opendsr', '--callback-host', 'https://crm.example/')).code).toBe(2)
})
