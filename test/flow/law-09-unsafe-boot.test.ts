import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { openPool } from '../../src/db/pool.ts'
import { addSource } from '../../src/http/sources.ts'
import { attribution } from '../../src/modules/attribution/attribution.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { type DataDir, makeDataDir } from '../support/data-dir.ts'
import { policyWith, twoModules } from '../support/recording-module.ts'
import { createTestApp } from '../support/test-app.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const folders: string[] = []
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

/** What stops the gateway from being made, as one line; undefined where it starts. */
async function refusal(change: (text: string) => string): Promise<string | undefined> {
  const policyDir = await policyWith(change)
  folders.push(policyDir)
  return startWith(policyDir)
}

async function startWith(policyDir: string): Promise<string | undefined> {
  try {
    const weir = await createTestApp({ policyDir })
    await weir.stop()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

describe('a policy that the law forbids does not start', () => {
  const cases: [string, (text: string) => string, RegExp][] = [
    [
      'legitimate interest under PIPL',
      (text) => text.replace('  analytics:\n    basis: consent', '  analytics:\n    basis: legitimate-interest'),
      /shop\.policy\.yaml:\d+:\d+: .*basis/,
    ],
    [
      'personalisation on the basis of a contract',
      (text) => text.replace('  personalisation:\n    basis: consent', '  personalisation:\n    basis: contract'),
      /personalisation|basis/,
    ],
    [
      'a destination without purpose',
      (text) => text.replace('    purpose: personalisation\n    role: self', '    role: self'),
      /purpose/,
    ],
    [
      'a destination whose purpose is none',
      (text) => text.replace('    purpose: personalisation\n    role: self', '    purpose: everything\n    role: self'),
      /purpose/,
    ],
    [
      'a route for another purpose than the destination’s',
      (text) =>
        text.replace(
          'recommendation: {purpose: personalisation, fields: [properties.product_id]}',
          'recommendation: {purpose: essential, fields: [properties.product_id]}',
        ),
      /purpose/,
    ],
    [
      'a route with a field that nobody classified',
      (text) =>
        text.replace('fields: [properties.product_id]}', 'fields: [properties.product_id, properties.shoe_size]}'),
      /shoe_size/,
    ],
    [
      'a route with a wildcard',
      (text) => text.replace('fields: [properties.product_id]}', "fields: ['properties.*']}"),
      /wildcard/,
    ],
    [
      'free text for a destination',
      (text) => text.replace('fields: [properties.product_id]}', 'fields: [properties.product_id, properties.url]}'),
      /url|text/,
    ],
    [
      'a class that is kept for ever',
      (text) => text.replace('behaviour:    {retain_days: 180}', 'behaviour:    {retain_days: 0}'),
      /retain_days/,
    ],
    [
      'personal data sent abroad without an assessment',
      (text) => text.replace('    role: self\n    region: CN', '    role: self\n    region: US'),
      /pia_ref|PIPL/,
    ],
    [
      'one that takes effect later',
      (text) => text.replace('effective: 2026-11-01', 'effective: 2999-01-01'),
      /2999-01-01/,
    ],
    ['a key written twice', (text) => text.replace('policy: shop\n', 'policy: shop\npolicy: other\n'), /policy/],
    ['a destination that no module serves', (text) => twoModules(text), /second.*no module|no module.*second/],
  ]
  test.each(cases)('%s: one line says where and what to write', async (_what, change, about) => {
    const line = await refusal(change)
    expect(line).toMatch(about)
    expect(line).not.toContain('\n')
    expect(line).toMatch(/shop\.policy\.yaml:\d+:\d+: .+: .+/)
  })

  test('no policy, or two', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'weir-policy-'))
    folders.push(empty)
    expect(await startWith(empty)).toMatch(/holds no \*\.policy\.yaml/)
    await writeFile(join(empty, 'a.policy.yaml'), '')
    await writeFile(join(empty, 'b.policy.yaml'), '')
    expect(await startWith(empty)).toMatch(/2 policies/)
    expect(await startWith(join(empty, 'nowhere'))).toMatch(/WEIR_POLICY_DIR/)
  })

  test('a module that serves another purpose than the policy says', async () => {
    const wrong = { ...recommendation, purpose: 'advertising' as const }
    await expect(createTestApp({ modules: [attribution, wrong] })).rejects.toThrow(
      /another purpose: write purpose: advertising/,
    )
  })

  test('the shop’s own policy starts', async () => {
    expect(await startWith(join(ROOT, 'policies'))).toBeUndefined()
  })
})

describe('a source is never open to every page', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  test.each([
    '*',
    'https://*.shop.example',
    'null',
    'https://shop.example/',
    'http://shop.example',
    'https://shop.example/path',
    'ftp://shop.example',
    'shop.example',
  ])('origin %s is refused', async (origin) => {
    const db = openPool({ url: database.ownerUrl, max: 1 })
    try {
      await expect(addSource(db, { name: 'page', kind: 'browser', origins: [origin] })).rejects.toThrow(
        /^An origin is https:/,
      )
    } finally {
      await db.$client.end()
    }
  })
})

describe('an environment that is not safe', () => {
  const safe: NodeJS.ProcessEnv = {
    WEIR_MODE: 'production',
    WEIR_PUBLIC_URL: 'https://weir.shop.example',
    WEIR_DATA_DIR: '/var/lib/weir-test',
  }
  let passphrase: string
  let data: DataDir
  beforeAll(async () => {
    data = await makeDataDir()
    const folder = await mkdtemp(join(tmpdir(), 'weir-passphrase-'))
    folders.push(folder)
    passphrase = join(folder, 'passphrase')
    await writeFile(passphrase, 'Zr8vHq2mXw7LbT4nQe5sYd9u\n')
    await writeFile(join(folder, 'short'), 'abc\n')
    await writeFile(join(folder, 'dull'), `${'a'.repeat(40)}\n`)
  })
  afterAll(() => data.remove())
  const near = (name: string): string => join(passphrase, '..', name)
  const cases: [string, () => NodeJS.ProcessEnv, string][] = [
    ['no passphrase in production', () => safe, 'WEIR_KEYS_PASSPHRASE_FILE'],
    ['a short passphrase', () => ({ ...safe, WEIR_KEYS_PASSPHRASE_FILE: near('short') }), 'WEIR_KEYS_PASSPHRASE_FILE'],
    [
      'a passphrase of one letter',
      () => ({ ...safe, WEIR_KEYS_PASSPHRASE_FILE: near('dull') }),
      'WEIR_KEYS_PASSPHRASE_FILE',
    ],
    [
      'a passphrase file that is not there',
      () => ({ ...safe, WEIR_KEYS_PASSPHRASE_FILE: near('missing') }),
      'WEIR_KEYS_PASSPHRASE_FILE',
    ],
    [
      'no https',
      () => ({ ...safe, WEIR_KEYS_PASSPHRASE_FILE: passphrase, WEIR_PUBLIC_URL: 'http://weir.shop.example' }),
      'WEIR_PUBLIC_URL',
    ],
    ['every proxy believed', () => ({ WEIR_TRUST_PROXY: 'true' }), 'WEIR_TRUST_PROXY'],
    [
      'a database over the network with a short password',
      () => ({
        ...safe,
        WEIR_KEYS_PASSPHRASE_FILE: passphrase,
        DATABASE_URL: 'postgres://weir:weir@db.example/weir?sslmode=verify-full',
      }),
      'DATABASE_URL',
    ],
    [
      'a database over the network that does not say how it is encrypted',
      () => ({
        ...safe,
        WEIR_KEYS_PASSPHRASE_FILE: passphrase,
        DATABASE_URL: 'postgres://weir:Zr8vHq2mXw7LbT4n@db.example/weir',
      }),
      'DATABASE_URL',
    ],
  ]
  test.each(cases)('%s: one line names the variable and quotes no value', (_what, env, variable) => {
    let message = ''
    try {
      readConfig(env())
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain(variable)
    expect(message).not.toMatch(/\n|abc|aaaa|weir:weir|Zr8vHq/)
  })

  test('the safe one is read', () => {
    expect(readConfig({ ...safe, WEIR_KEYS_PASSPHRASE_FILE: passphrase }).config.mode).toBe('production')
  })

  test.each([
    [
      'production without a passphrase',
      (): NodeJS.ProcessEnv => ({ ...safe, WEIR_DATA_DIR: data.path }),
      /WEIR_KEYS_PASSPHRASE_FILE/,
    ],
    [
      'a policy folder without policy',
      (): NodeJS.ProcessEnv => ({ WEIR_DATA_DIR: data.path, WEIR_POLICY_DIR: near('.'), WEIR_PORT: '0' }),
      /policy/,
    ],
  ])('the process ends: %s', { timeout: 120_000 }, async (_what, env, about) => {
    const ended = await start(env())
    expect(ended.code).not.toBe(0)
    const said = ended.stderr.split('\n').filter((line) => line !== '')
    expect(said.filter((line) => line.startsWith('weir: '))).toHaveLength(1)
    expect(said.at(-1)).toMatch(about)
    expect(ended.stdout).not.toContain('Weir is ready')
  })

  interface Ended {
    readonly code: number | null
    readonly stdout: string
    readonly stderr: string
  }

  function start(env: NodeJS.ProcessEnv): Promise<Ended> {
    const child = spawn(process.execPath, [join(ROOT, 'bin', 'weir.mjs'), 'start'], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    })
    const out = { stdout: '', stderr: '' }
    child.stdout.on('data', (text: Buffer) => {
      out.stdout += text.toString()
    })
    child.stderr.on('data', (text: Buffer) => {
      out.stderr += text.toString()
    })
    return new Promise((resolve) => {
      child.on('close', (code) => resolve({ code, ...out }))
    })
  }
})
