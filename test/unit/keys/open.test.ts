import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import { keysetPath, makeRemoteRoot, openKeyProvider } from '../../../src/keys/open.ts'

const inProduction = (uri: string) => ({ uri, mode: 'production' }) as const

test.each([
  ['aliyun-kms:alias/weir', /^WEIR_KEYS: aliyun-kms: is not there yet: take file:, vault: or aws-kms:$/],
  ['gcp-kms:projects/x', /^WEIR_KEYS must be file:, vault: or aws-kms:, for instance /],
  ['/etc/weir/keys', /^WEIR_KEYS must be file:, vault: or aws-kms:, for instance /],
  ['vault:https://vault.example', /^WEIR_KEYS must be vault: with https and the path of a transit key/],
  ['vault:https://vault.example/v1/transit/keys/weir', /^WEIR_VAULT_TOKEN_FILE must name the file/],
  ['aws-kms:alias/weir', /^WEIR_KEYS or AWS_REGION must name the region/],
  ['file:/etc/weir/keys', /^WEIR_KEYS_PASSPHRASE_FILE must name the file/],
])('%s, with nothing else said, is refused in one line that says what to fix', async (uri, message) => {
  const error: unknown = await openKeyProvider(inProduction(uri)).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(AppError)
  expect(error).toMatchObject({ code: 'config', message: expect.stringMatching(message) })
  expect(String(error)).not.toContain('\n')
})

test('what Weir does not make is said: a transit key, or a file where a service is asked for', async () => {
  for (const uri of ['vault:https://vault.example/v1/transit/keys/weir', 'file:/etc/weir/keys']) {
    await expect(makeRemoteRoot(inProduction(uri))).rejects.toMatchObject({ code: 'config' })
  }
  expect(() => keysetPath('aws-kms:alias/weir')).toThrow(/^WEIR_KEYS must be file:/)
})

test('the client of AWS is loaded only where the root lies there', async () => {
  const script = `
    import module from 'node:module'
    const { openKeyProvider } = await import(${JSON.stringify(new URL('../../../src/keys/open.ts', import.meta.url).href)})
    const loaded = () => Object.keys(module._cache).filter((path) => path.includes('@aws-sdk')).length
    const before = loaded()
    await openKeyProvider({ uri: 'aws-kms:alias/weir?region=eu-central-1&endpoint=http://127.0.0.1:1', mode: 'production' }).catch(() => {})
    console.log(JSON.stringify([before, loaded() > 0]))`
  const env = { ...process.env, AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' }
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { env })
  expect(JSON.parse(stdout)).toEqual([0, true])
})
