import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { AppError } from '../../src/errors.ts'

const GOOD_PASSPHRASE = 'mJ4Zq0w8hY2vT6xR1cN9bL3k'
let folder: string
let passphraseFile: string
let production: NodeJS.ProcessEnv

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-config-'))
  passphraseFile = join(folder, 'passphrase')
  writeFileSync(passphraseFile, `${GOOD_PASSPHRASE}\n`)
  production = {
    WEIR_MODE: 'production',
    WEIR_DATA_DIR: '/srv/weir',
    WEIR_KEYS_PASSPHRASE_FILE: passphraseFile,
    WEIR_PUBLIC_URL: 'https://weir.shop.example',
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

test('an empty environment is a development gateway on loopback with an embedded database', () => {
  expect(readConfig({}).config).toEqual({
    mode: 'development',
    dataDir: resolve('data'),
    policyDir: resolve('policies'),
    database: 'embedded',
    http: {
      host: '127.0.0.1',
      port: 8080,
      publicUrl: 'http://127.0.0.1:8080',
      trustProxy: false,
      workers: 1,
      queueLimit: 20_000,
    },
    keys: { uri: `file:${resolve('data', 'keys')}`, passphraseFile: undefined },
    shopName: '127.0.0.1:8080',
    mail: { dpo: undefined, from: 'weir@localhost' },
    delivery: true,
    audit: { witnesses: [] },
    rights: { ledger: resolve('data', 'erasures.jsonl'), coolingHours: 24 },
    opendsr: { certFile: undefined, keyFile: undefined },
    startedByNpm: false,
    endsWith: undefined,
    log: { level: 'info' },
    warnings: [],
  })
})

test('under npm its end is watched', () => {
  expect(readConfig({ npm_lifecycle_event: 'start' }).config.startedByNpm).toBe(true)
  expect(readConfig({ WEIR_ENDS_WITH: '4321' }).config.endsWith).toBe(4321)
})

test('people are told the shop’s name, or the public host', () => {
  const nameOf = (env: NodeJS.ProcessEnv) => readConfig(env).config.shopName
  expect(nameOf({ WEIR_PUBLIC_URL: 'https://weir.shop.example' })).toBe('weir.shop.example')
  expect(nameOf({ WEIR_SHOP_NAME: '茶舍 Tea House' })).toBe('茶舍 Tea House')
  expect(() => nameOf({ WEIR_SHOP_NAME: 'Tea\r\nBcc: all' })).toThrow('WEIR_SHOP_NAME')
})

test('mail comes from the public host, unless another sender is set', () => {
  const mailOf = (env: NodeJS.ProcessEnv) => readConfig(env).config.mail
  expect(mailOf({ WEIR_PUBLIC_URL: 'https://weir.shop.example:8443' }).from).toBe('weir@weir.shop.example')
  expect(mailOf({ WEIR_PUBLIC_URL: 'http://[::1]:8080' }).from).toBe('weir@localhost')
  expect(mailOf({ WEIR_DPO_EMAIL: 'dpo@shop.example', WEIR_MAIL_FROM: 'no-reply@shop.example' })).toEqual({
    dpo: 'dpo@shop.example',
    from: 'no-reply@shop.example',
  })
})

test('secrets stand apart from what may be printed', () => {
  const env = { DATABASE_URL: 'postgres://u:hidden-word@db/weir', WEIR_SMTP_URL: 'smtp://u:hidden-word@mail' }
  const { config, secrets } = readConfig({ ...env, WEIR_KEYS_PASSPHRASE_FILE: passphraseFile })
  expect(secrets).toEqual({
    databaseUrl: env.DATABASE_URL,
    smtpUrl: env.WEIR_SMTP_URL,
    keysPassphrase: GOOD_PASSPHRASE,
    smsSecret: undefined,
  })
  expect(JSON.stringify(config)).not.toContain('hidden-word')
  expect(JSON.stringify(config)).not.toContain(GOOD_PASSPHRASE)
})

test('SMS are sent with a secret of their own, never in clear from production', () => {
  const WEIR_SMS = 'aliyun:?accessKeyId=LTAI&sign=Weir&template=SMS_1'
  const read = readConfig({ WEIR_SMS, WEIR_SMS_SECRET_FILE: passphraseFile })
  expect([read.config.sms, read.secrets.smsSecret]).toEqual([{ uri: WEIR_SMS }, GOOD_PASSPHRASE])
  expect(refusalOf({ WEIR_SMS })).toContain('WEIR_SMS_SECRET_FILE must name the file')
  expect(refusalOf({ WEIR_SMS: 'smpp://carrier.example' })).toContain('WEIR_SMS must be')
  const clear = { ...production, WEIR_SMS: 'http://sms.example/send', WEIR_SMS_SECRET_FILE: passphraseFile }
  expect(refusalOf(clear)).toContain('WEIR_SMS must be an https URL')
})

test('the key and the certificate of the OpenDSR door are files, named or not', () => {
  expect(readConfig({}).config.opendsr).toEqual({ keyFile: undefined, certFile: undefined })
  const read = readConfig({ WEIR_OPENDSR_KEY_FILE: '/etc/weir/dsr.key', WEIR_OPENDSR_CERT_FILE: '/etc/weir/dsr.pem' })
  expect(read.config.opendsr).toEqual({ keyFile: '/etc/weir/dsr.key', certFile: '/etc/weir/dsr.pem' })
  expect(read.config.warnings).toEqual([])
})

test('an empty variable counts as unset', () => {
  expect(readConfig({ WEIR_PORT: '', DATABASE_URL: '' })).toEqual(readConfig({}))
})

describe('a value that cannot be meant is refused, named, explained and not quoted', () => {
  const refused: [string, string, string][] = [
    ['WEIR_PORT', '80 80', '0 to 65535'],
    ['WEIR_PORT', '65536', '0 to 65535'],
    ['WEIR_WORKERS', '0', '1 to 64'],
    ['WEIR_QUEUE_LIMIT', '-1', '1 to 1000000'],
    ['WEIR_MODE', 'prod', 'development or production'],
    ['WEIR_LOG_LEVEL', 'loud', 'trace, debug'],
    ['WEIR_DELIVERY', 'maybe', 'on or off'],
    ['WEIR_HOST', 'a b', 'host or an address'],
    ['WEIR_PUBLIC_URL', 'weir.elsewhere.example', 'an origin'],
    ['WEIR_PUBLIC_URL', 'https://weir.shop.example/path?secretpart', 'without path'],
    ['WEIR_TRUST_PROXY', 'true', 'off, a number of proxies'],
    ['WEIR_TRUST_PROXY', '10.0.0.0/40', 'off, a number of proxies'],
    ['WEIR_TRUST_PROXY', '0.0.0.0/0', 'off, a number of proxies'],
    ['WEIR_KEYS', 'https://somewhere', 'file:, vault: or aws-kms:'],
    ['WEIR_VAULT_NAMESPACE', 'two words', 'a namespace of Vault'],
    ['WEIR_SMTP_URL', 'https://somewhere', 'smtp: or smtps:'],
    ['WEIR_DPO_EMAIL', 'nobody', 'data protection officer'],
    ['WEIR_MAIL_FROM', 'Weir <weir@shop.example>', 'e-mail address that Weir sends from'],
    ['DATABASE_URL', 'mysql://somewhere/weir', 'postgres://'],
    ['WEIR_KEYS_PASSPHRASE_FILE', '/nowhere/at/all', 'a file that this user can read'],
  ]
  test.each(refused)('%s=%s', (name, value, advice) => {
    const message = refusalOf({ [name]: value })
    expect(message).toContain(`${name} must `)
    expect(message).toContain(advice)
    expect(message).not.toContain('\n')
    if (value.length > 5) expect(message).not.toContain(value)
  })
})

test.each([
  ['loopback,10.0.0.0/8', ['loopback', '10.0.0.0/8']],
  ['2', 2],
  ['0', false],
  ['off', false],
])('WEIR_TRUST_PROXY=%s', (text, expected) => {
  expect(readConfig({ WEIR_TRUST_PROXY: text }).config.http.trustProxy).toEqual(expected)
})

test('a passphrase that is short or a repeated letter is refused in every mode', () => {
  for (const weak of ['short', 'aaaaaaaaaaaaaaaaaaaaaaaaaaa', 'changeme']) {
    const file = join(folder, 'weak')
    writeFileSync(file, weak)
    expect(refusalOf({ WEIR_KEYS_PASSPHRASE_FILE: file })).toContain('16 characters or more')
  }
})

describe('in production nothing is assumed', () => {
  test('with all said, it starts, and DATABASE_URL may take the place of the data directory', () => {
    expect(readConfig(production).config.mode).toBe('production')
    const url = 'postgres://weir_owner:8f0a61c1d2e94b6f@db.example/weir?sslmode=verify-full'
    expect(readConfig({ ...production, WEIR_DATA_DIR: undefined, DATABASE_URL: url }).config.database).toBe('server')
  })

  const unsafe: [string, NodeJS.ProcessEnv][] = [
    ['WEIR_DATA_DIR', { WEIR_DATA_DIR: undefined }],
    ['WEIR_KEYS_PASSPHRASE_FILE', { WEIR_KEYS_PASSPHRASE_FILE: undefined }],
    ['WEIR_PUBLIC_URL', { WEIR_PUBLIC_URL: undefined }],
    ['WEIR_PUBLIC_URL', { WEIR_PUBLIC_URL: 'http://weir.shop.example' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://weir:weir@db.example/weir?sslmode=require' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://weir:8f0a61c1d2e94b6f@db.example/weir' }],
  ]
  test.each(unsafe)('%s is asked for (%j)', (name, change) => {
    expect(refusalOf({ ...production, ...change })).toContain(name)
  })
})

test('a passphrase is asked for where the root is a file, and not where a service keeps it', () => {
  const remote = { ...production, WEIR_KEYS_PASSPHRASE_FILE: undefined, WEIR_KEYS: 'aws-kms:alias/weir' }
  expect(readConfig({ ...remote, AWS_REGION: 'eu-central-1' }).config.keys).toMatchObject({
    uri: 'aws-kms:alias/weir',
    awsRegion: 'eu-central-1',
  })
  expect(refusalOf({ ...remote, WEIR_KEYS: 'file:/etc/weir/keys' })).toContain('WEIR_KEYS_PASSPHRASE_FILE')
})

test('what is allowed but hardly meant is a warning', () => {
  const { warnings } = readConfig({
    WEIR_PROT: '1',
    WEIR_TEST_LONG: '1',
    NODE_ENV: 'production',
    WEIR_HOST: '0.0.0.0',
  }).config
  expect(warnings).toEqual([
    'WEIR_PROT is no variable of Weir: it has no effect',
    'NODE_ENV is production, but Weir runs with development keys: set WEIR_MODE=production',
    'WEIR_HOST lets other machines in while Weir runs with development keys',
  ])
})

function refusalOf(env: NodeJS.ProcessEnv): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof AppError) return error.message
    throw error
  }
  throw new Error('it was not refused')
}
