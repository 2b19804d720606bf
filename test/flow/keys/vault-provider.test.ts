import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import type { KeyProvider } from '../../../src/keys/provider.ts'
import { openVaultProvider } from '../../../src/keys/providers/vault.ts'
import { type FakeVault, startFakeVault } from '../../support/fake-vault.ts'
import { describeRemoteProvider, PATIENT } from '../../support/provider-contract.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-vault-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function tokenFile(token: string, name = 'token'): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, `${token}\n`, { mode: 0o600 })
  return path
}

describeRemoteProvider('vault:', async () => {
  const vault = await startFakeVault()
  const file = await tokenFile(vault.token, 'contract')
  const uri = `vault:${vault.url}/v1/transit/keys/weir`
  const data = (body: object): { kind: 'status'; status: number; body: unknown } => ({
    kind: 'status',
    status: 200,
    body: { data: body },
  })
  return {
    open: (timing = PATIENT) => openVaultProvider({ uri, tokenFile: file, timing }),
    close: () => vault.close(),
    remote: {
      requests: () => vault.asked.length,
      throttle: (times) => vault.fail({ kind: 'status', status: 429, body: { errors: [vault.token] } }, times),
      breakDown: (times) => vault.fail({ kind: 'status', status: 503, body: { errors: ['Vault is sealed'] } }, times),
      hang: (times) => vault.fail({ kind: 'hang' }, times),
      cut: (times) => vault.fail({ kind: 'cut' }, times),
      slow: (ms) => vault.fail({ kind: 'slow', ms }),
      loseNewVersion: () => vault.fail({ kind: 'lost' }, 1, ({ path }) => path.endsWith('/rotate')),
      versions: () => vault.key.latest_version,
      answerKey: (key) =>
        vault.fail(data({ plaintext: key.toString('base64') }), 1, ({ path }) => path.includes('/decrypt/')),
      answerWrapped(other) {
        const ciphertext = `vault:v${vault.key.latest_version}:${other.subarray(4 + 2 + 1, -32).toString('base64')}`
        vault.fail(data({ ciphertext }), 1, ({ path }) => path.includes('/encrypt/'))
      },
      secrets: () => [vault.token],
      complaints: () => vault.complaints,
    },
  }
})

const key = Buffer.alloc(32, 7)
const context = { class: 'epoch', kid: '1' }

async function withVault(
  work: (vault: FakeVault, open: (path?: string) => Promise<KeyProvider>, file: string) => Promise<void>,
): Promise<void> {
  const vault = await startFakeVault('shops/eu/transit', 'weir.root')
  const file = await tokenFile(vault.token)
  const { namespace } = vault
  const open = (path = '/v1/shops/eu/transit/keys/weir.root'): Promise<KeyProvider> =>
    openVaultProvider({ uri: `vault:${vault.url}${path}`, tokenFile: file, namespace, timing: PATIENT })
  try {
    await work(vault, open, file)
  } finally {
    await vault.close()
  }
}

test('a token that was renewed in its file is taken after the old one is refused', () =>
  withVault(async (vault, open) => {
    const provider = await open()
    const wrapped = await provider.wrap(key, context)
    vault.token = 'hvs.the-next-token-0000'
    await expect(provider.unwrap(wrapped, context)).rejects.toThrow(
      /refuses the token: renew it in WEIR_VAULT_TOKEN_FILE/,
    )
    await tokenFile(vault.token)
    expect(await provider.unwrap(wrapped, context)).toEqual(key)
    const before = vault.asked.length
    expect(await provider.unwrap(wrapped, context)).toEqual(key)
    expect(vault.asked.length - before).toBe(1)
  }))

test('a token file open to others, empty or with two lines is refused and not shown', () =>
  withVault(async (_vault, open, file) => {
    await chmod(file, 0o644)
    await expect(open()).rejects.toMatchObject({ code: 'secret-file-mode' })
    for (const text of ['', 'two tokens', 'a-token-here\r\nX-Other: header']) {
      await rm(file)
      await tokenFile(text)
      await expect(open()).rejects.toMatchObject({
        code: 'vault-token-file',
        message: expect.stringMatching(/must hold one token and nothing else$/),
      })
    }
  }))

test('the namespace goes with each request', () =>
  withVault(async (vault, _open, file) => {
    vault.namespace = 'shops/eu'
    const uri = `vault:${vault.url}/v1/shops/eu/transit/keys/weir.root`
    const provider = await openVaultProvider({ uri, tokenFile: file, namespace: 'shops/eu', timing: PATIENT })
    expect(await provider.unwrap(await provider.wrap(key, context), context)).toEqual(key)
    expect(provider.uri).toBe(uri)
  }))

test.each([
  ['is of another type', { type: 'chacha20-poly1305' }],
  ['is derived', { derived: true }],
  ['can be exported', { exportable: true }],
  ['can be backed up in clear', { allow_plaintext_backup: true }],
])('a key that %s is no root', (_what, change) =>
  withVault(async (vault, open) => {
    Object.assign(vault.key, change)
    await expect(open()).rejects.toMatchObject({ code: 'key-root-unsuitable' })
  }),
)

test('a key that is not there is named, and none is made', () =>
  withVault(async (vault, open) => {
    await expect(open('/v1/shops/eu/transit/keys/other')).rejects.toMatchObject({ code: 'key-root-unsuitable' })
    expect(vault.asked.map(({ method }) => method)).toEqual(['GET'])
  }))

test('a redirect is not followed: the token stays where it was told to go', () =>
  withVault(async (vault, open) => {
    const provider = await open()
    await withVault(async (elsewhere) => {
      vault.fail({ kind: 'status', status: 307, headers: { location: `${elsewhere.url}/v1/x` } })
      await expect(provider.wrap(key, context)).rejects.toMatchObject({ code: 'key-provider-unavailable' })
      expect(elsewhere.asked).toEqual([])
    })
  }))

test('a server that is not there is told from one that refuses', async () => {
  const vault = await startFakeVault()
  const file = await tokenFile(vault.token)
  await vault.close()
  const uri = `vault:${vault.url}/v1/transit/keys/weir`
  await expect(openVaultProvider({ uri, tokenFile: file, timing: PATIENT })).rejects.toThrow(
    /cannot be reached or does not answer in time \(ECONNREFUSED\)$/,
  )
})

test.each([
  ['without end', `{"data":{"ciphertext":"${'A'.repeat(70_000)}"}}`],
  ['that is no JSON', '<html>'],
  ['without data', '{}'],
  ['with a ciphertext of no version', '{"data":{"ciphertext":"vault:v0x:AAAA"}}'],
  ['with a ciphertext in another base64', '{"data":{"ciphertext":"vault:v1:AAB="}}'],
])('an answer %s is not believed', (_what, body) =>
  withVault(async (vault, open) => {
    const provider = await open()
    vault.fail({ kind: 'raw', body }, 1, ({ path }) => path.includes('encrypt'))
    await expect(provider.wrap(key, context)).rejects.toMatchObject({ code: 'key-provider-unavailable' })
  }),
)

test('a version that the floor of decryption forbids is not called destroyed: the floor can be lowered', () =>
  withVault(async (vault, open) => {
    const provider = await open()
    const wrapped = await provider.wrap(key, context)
    await provider.rotate()
    vault.key.min_decryption_version = 2
    await expect(provider.unwrap(wrapped, context)).rejects.toThrow(/min_decryption_version of its key forbids it/)
    vault.key.min_decryption_version = 1
    expect(await provider.unwrap(wrapped, context)).toEqual(key)
  }))

test('a destruction that stopped before the trim is finished by the same call', () =>
  withVault(async (vault, open) => {
    const provider = await open()
    const wrapped = await provider.wrap(key, context)
    await provider.rotate()
    vault.fail({ kind: 'status', status: 403 }, 2, ({ path }) => path.endsWith('/trim'))
    await expect(provider.destroy('1')).rejects.toMatchObject({ code: 'key-provider-unavailable' })
    expect(vault.key).toMatchObject({ min_decryption_version: 2, min_available_version: 0 })
    await provider.destroy('1')
    expect(vault.key).toMatchObject({ min_decryption_version: 2, min_encryption_version: 2, min_available_version: 2 })
    await expect(provider.unwrap(wrapped, context)).rejects.toMatchObject({ code: 'key-root-destroyed' })
    await expect(provider.destroy('9')).rejects.toMatchObject({ code: 'key-root-unknown' })
  }))

test.each([
  'vault:https://vault.example:8200/v1/transit/keys',
  'vault:https://vault.example:8200/v1/transit/keys/a/b',
  'vault:https://vault.example:8200/transit/keys/weir',
  'vault:https://vault.example:8200/v1/../sys/keys/weir',
  'vault:https://vault.example:8200/v1/transit/keys/weir?x=1',
  'vault:https://user:word@vault.example/v1/transit/keys/weir',
  'vault:http://vault.example:8200/v1/transit/keys/weir',
  'vault:http://127.0.0.1.example:8200/v1/transit/keys/weir',
  'vault:ftp://127.0.0.1/v1/transit/keys/weir',
  'vault:',
])('%s is refused in one line', async (uri) => {
  const error: unknown = await openVaultProvider({ uri, tokenFile: '/nowhere' }).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(AppError)
  expect(error).toMatchObject({ code: 'config', message: expect.stringMatching(/^WEIR_KEYS must be vault: [^\n]+$/) })
})

test('without a token file there is nothing to ask with', async () => {
  const uri = 'vault:https://vault.example/v1/transit/keys/weir'
  await expect(openVaultProvider({ uri, tokenFile: undefined })).rejects.toThrow(/^WEIR_VAULT_TOKEN_FILE must name/)
})
