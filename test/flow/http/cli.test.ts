import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPool } from '../../../src/db/pool.ts'
import { runCommand } from '../../support/run-command.ts'
import { createTestDatabase, type TestDatabase } from '../../support/test-database.ts'

let database: TestDatabase
let folder: string
let env: Record<string, string>

beforeAll(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'weir-cli-'))
  env = { DATABASE_URL: database.ownerUrl, WEIR_DATA_DIR: folder }
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true })
})

interface Ran {
  readonly code: number
  readonly out: Record<string, unknown>
  readonly err: string
}

async function weir(...args: string[]): Promise<Ran> {
  const { code, stdout, stderr } = await runCommand([...args, '--json'], env)
  return { code, out: stdout === '' ? {} : (JSON.parse(stdout) as Record<string, unknown>), err: stderr }
}

test('source add, list and revoke', async () => {
  const browser = await weir('source', 'add', 'shop', '--browser', '--origin', 'https://shop.example')
  expect(browser).toMatchObject({ code: 0, err: '' })
  expect(browser.out).toEqual({ source: 'shop', kind: 'browser', writeKey: expect.stringMatching(/^wb_[\w-]{32}$/) })
  const server = await weir('source', 'add', 'backend', '--server')
  expect(server.out).toEqual({
    source: 'backend',
    kind: 'server',
    writeKey: expect.stringMatching(/^ws_/),
    secret: expect.stringMatching(/^sk_[\w-]{43}$/),
  })
  const open = await weir('source', 'add', 'open', '--server', '--no-secret', '--test', '--shop', 'de')
  expect(open.out).toEqual({ source: 'open', kind: 'server', writeKey: expect.any(String) })
  expect((await weir('source', 'add', 'shop', '--server')).code).toBe(1)
  expect((await weir('source', 'revoke', 'shop')).out).toEqual({ source: 'shop', revoked: true })
  expect((await weir('source', 'revoke', 'shop')).code).toBe(1)
  const { sources } = (await weir('source', 'list')).out as { sources: object[] }
  expect(sources).toMatchObject([
    {
      source: 'shop',
      kind: 'browser',
      secret: false,
      revokedAt: expect.any(String),
      origins: ['https://shop.example'],
    },
    { source: 'backend', kind: 'server', secret: true, revokedAt: null },
    { source: 'open', kind: 'server', test: true, shop: 'de', secret: false },
  ])
})

test.each([
  ['no kind', ['x']],
  ['a browser without origin', ['x', '--browser']],
  ['a server with one', ['x', '--server', '--origin', 'https://a.example']],
  ['a wildcard', ['x', '--browser', '--origin', 'https://*.example']],
  ['a bad name', ['X y', '--server']],
])('source add with %s is bad usage', async (_name, args) => {
  expect((await weir('source', 'add', ...args)).code).toBe(2)
})

test('source add --subject-key takes a public key and refuses a private one', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const file = join(folder, 'key.jwk')
  const add = (name: string) => weir('source', 'add', name, '--server', '--subject-key', file)
  await writeFile(file, JSON.stringify({ ...(await exportJWK(privateKey)), alg: 'ES256' }))
  expect(await add('signed')).toMatchObject({ code: 2, err: expect.stringContaining('private') })
  await writeFile(file, JSON.stringify({ ...(await exportJWK(publicKey)), alg: 'ES256' }))
  expect((await add('signed')).code).toBe(0)
  for (const other of [{ use: 'enc' }, { alg: 'ECDH-ES' }, { key_ops: ['sign'] }]) {
    await writeFile(file, JSON.stringify({ ...(await exportJWK(publicKey)), ...other }))
    expect(await add('other')).toMatchObject({ code: 2, err: expect.stringContaining('for something else') })
  }
  await writeFile(file, '{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}')
  expect((await add('shared')).code).toBe(2)
})

test('token add, list and revoke', async () => {
  const added = await weir('token', 'add', '--role', 'analyst', '--days', '30')
  expect(added.out).toMatchObject({ token: expect.stringMatching(/^wt_[\w-]{43}$/), role: 'analyst' })
  expect((await weir('token', 'revoke', String(added.out.id))).code).toBe(0)
  const { tokens } = (await weir('token', 'list')).out as { tokens: object[] }
  expect(tokens).toMatchObject([{ id: added.out.id, role: 'analyst', revokedAt: expect.any(String) }])
  expect(JSON.stringify(tokens)).not.toContain(added.out.token)
  expect((await weir('token', 'add', '--role', 'king')).code).toBe(2)
  expect((await weir('token', 'add', '--role', 'analyst', '--days', '0')).code).toBe(2)
  expect((await weir('token', 'add')).code).toBe(2)
})

/** Without --json: what a person reads. */
async function words(...args: string[]): Promise<string> {
  return (await runCommand(args, env)).stdout
}

test('source set replaces the origins or the key of subject tokens, never the write key', async () => {
  await weir('source', 'add', 'moving', '--browser', '--origin', 'https://old.example')
  const set = await weir(
    'source',
    'set',
    'moving',
    '--origin',
    'https://new.example',
    '--origin',
    'http://localhost:3000',
  )
  expect(set.out).toMatchObject({ source: 'moving', origins: ['https://new.example', 'http://localhost:3000'] })
  const file = join(folder, 'shop.jwk')
  const { publicKey } = await generateKeyPair('EdDSA', { extractable: true })
  await writeFile(file, JSON.stringify(await exportJWK(publicKey)))
  expect((await weir('source', 'set', 'moving', '--subject-key', file)).out).toMatchObject({
    subjectKey: true,
    agentKey: false,
    origins: ['https://new.example', 'http://localhost:3000'],
  })
  expect(await words('source', 'list')).toMatch(
    /^ID +NAME +KIND +SHOP +STATE +SECRET +SUBJECT KEY +ORIGINS$.*^\d+ +moving +browser +main +active +no +yes +https:\/\/new\.example http:\/\/localhost:3000$/ms,
  )
})

test.each([
  ['nothing to set', 2, ['moving']],
  ['a name that nobody has', 1, ['nobody', '--origin', 'https://a.example']],
  ['an origin that is none', 2, ['moving', '--origin', 'https://a.example/path']],
  ['an origin of a server', 2, ['set-server', '--origin', 'https://a.example']],
])('source set with %s fails', async (_name, code, args) => {
  if (args[0] === 'set-server') await weir('source', 'add', 'set-server', '--server')
  expect((await weir('source', 'set', ...args)).code).toBe(code)
})

test('every change of a source or a token leaves its entry in the audit log, a failed one none', async () => {
  const owner = openPool({ url: database.ownerUrl, max: 1 })
  const entries = async (): Promise<Record<string, string>[]> => {
    const text = 'select actor, action, resource, outcome from weir.audit_waiting order by record_id'
    return (await owner.$client.query<Record<string, string>>(text)).rows
  }
  const before = (await entries()).length
  await weir('source', 'add', 'watched', '--browser', '--origin', 'https://a.example')
  await weir('source', 'add', 'watched', '--server')
  await weir('source', 'set', 'watched', '--origin', 'https://b.example')
  await weir('source', 'revoke', 'watched')
  await weir('source', 'revoke', 'watched')
  const id = String((await weir('token', 'add', '--role', 'operator')).out.id)
  await weir('token', 'revoke', id)
  const { sources } = (await weir('source', 'list')).out as { sources: { id: number; source: string }[] }
  const source = `source:${sources.find((one) => one.source === 'watched')?.id}`
  const entry = (action: string, resource: string) => ({ actor: 'cli', action, resource, outcome: 'done' })
  expect((await entries()).slice(before)).toEqual([
    entry('source.add', source),
    entry('source.set', source),
    entry('source.revoke', source),
    entry('token.add', `token:${id}`),
    entry('token.revoke', `token:${id}`),
  ])
  await owner.$client.end()
})

test.each([
  ['a missing option', ['token', 'add']],
  ['a missing argument', ['source', 'revoke']],
  ['an unknown option', ['source', 'list', '--colour']],
  ['an unknown command', ['nonsense']],
  ['no inner command', ['source']],
])('%s is bad usage, with --json one document on stdout', async (_name, args) => {
  const { code, out } = await weir(...args)
  expect(code).toBe(2)
  expect(out).toEqual({ error: { code: 'usage', message: expect.stringMatching(/\w/) } })
})

test('a database server that does not answer is one line that says so', async () => {
  const away = { ...env, DATABASE_URL: 'postgres://somebody:secret@127.0.0.1:1/weir' }
  const { code, stderr } = await runCommand(['source', 'list'], away)
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      'weir: the database server of DATABASE_URL does not answer (ECONNREFUSED): start it, or unset DATABASE_URL to use the embedded one\n',
  })
})

test('the help marks what is required, and --version prints the version', async () => {
  expect(await words('token', 'add', '--help')).toMatch(/--role <role>.*\(required\)/s)
  expect(await words('source', 'set', '--help')).toContain('npm run -s weir -- source set')
  expect(await words('policy', 'explain', '--help')).toContain('Exit code: 0 explained; 1')
  expect(await words('--version')).toMatch(/^\d+\.\d+\.\d+\n$/)
})
