import { expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import type { KeyProvider } from '../../../src/keys/provider.ts'
import { makeAwsKmsRoot, openAwsKmsProvider } from '../../../src/keys/providers/aws-kms.ts'
import { type FakeKms, startFakeKms } from '../../support/fake-kms.ts'
import { describeRemoteProvider, PATIENT } from '../../support/provider-contract.ts'

const ALIAS = 'alias/shop/weir'
const refusal = (type: string): { __type: string; message: string } => ({ __type: type, message: 'not now' })
const targets = (name: string) => (asked: { headers: Record<string, unknown> }) =>
  asked.headers['x-amz-target'] === `TrentService.${name}`

describeRemoteProvider('aws-kms:', async () => {
  const kms = await startFakeKms()
  const { credentials } = kms
  const uri = `aws-kms:${ALIAS}?region=${kms.region}&endpoint=${encodeURIComponent(kms.url)}`
  await (await openAwsKmsProvider({ uri, credentials, timing: PATIENT })).rotate() // the first version
  return {
    open: (timing = PATIENT) => openAwsKmsProvider({ uri, credentials, timing }),
    pass: () => kms.passDeletions(),
    close: () => kms.close(),
    remote: {
      requests: () => kms.asked.length,
      throttle: (times) => kms.fail({ kind: 'status', status: 400, body: refusal('ThrottlingException') }, times),
      breakDown: (times) => kms.fail({ kind: 'status', status: 500, body: refusal('KMSInternalException') }, times),
      hang: (times) => kms.fail({ kind: 'hang' }, times),
      cut: (times) => kms.fail({ kind: 'cut' }, times),
      slow: (ms) => kms.fail({ kind: 'slow', ms }),
      loseNewVersion: () => kms.fail({ kind: 'lost' }, 1, targets('CreateKey')),
      versions: () => kms.created(),
      answerKey(key) {
        const body = { Plaintext: key.toString('base64'), KeyId: kms.aliases.get(ALIAS) }
        kms.fail({ kind: 'status', status: 200, body }, 1, targets('Decrypt'))
      },
      answerWrapped(other) {
        const arn = kms.aliases.get(ALIAS)!
        const body = { CiphertextBlob: other.subarray(6 + arn.length, -32).toString('base64'), KeyId: arn }
        kms.fail({ kind: 'status', status: 200, body }, 1, targets('Encrypt'))
      },
      secrets: () => [credentials.secretAccessKey],
      complaints: () => kms.complaints,
    },
  }
})

const key = Buffer.alloc(32, 7)
const context = { class: 'epoch', kid: '1' }

async function withKms(work: (kms: FakeKms, open: () => Promise<KeyProvider>) => Promise<void>): Promise<void> {
  const kms = await startFakeKms()
  const uri = `aws-kms:${ALIAS}?endpoint=${encodeURIComponent(kms.url)}`
  const { region, credentials } = kms
  try {
    await work(kms, () => openAwsKmsProvider({ uri, region, credentials, timing: PATIENT }))
  } finally {
    await kms.close()
  }
}

test('the first version is made by name, tagged for the policies that guard it, and found through the alias', () =>
  withKms(async (kms, open) => {
    const provider = await open()
    await expect(provider.wrap(key, context)).rejects.toMatchObject({ code: 'key-root-missing' })
    const uri = `aws-kms:${ALIAS}?endpoint=${encodeURIComponent(kms.url)}`
    const settings = { uri, region: kms.region, credentials: kms.credentials, timing: PATIENT }
    const made = await makeAwsKmsRoot(settings)
    await expect(makeAwsKmsRoot(settings)).rejects.toMatchObject({ code: 'keyset-exists' })
    expect(kms.created()).toBe(1)
    expect([...kms.aliases]).toEqual([[ALIAS, made]])
    expect(kms.keys.get(made)?.tags).toEqual([{ TagKey: 'weir', TagValue: 'shop/weir' }])
    expect((await open()).rootVersion(await provider.wrap(key, context))).toBe(made)
  }))

test('an alias that still shows the old key for a while does not wrap with it any more', () =>
  withKms(async (kms, open) => {
    const provider = await open()
    await provider.rotate()
    kms.staleAlias(ALIAS)
    const made = await provider.rotate()
    const wrapped = await provider.wrap(key, context)
    expect(provider.rootVersion(wrapped)).toBe(made)
    await expect(provider.destroy(made)).rejects.toMatchObject({ code: 'key-root-in-use' })
  }))

test('a version ends seven days later, on the day that KMS says, and opens nothing from now on', () =>
  withKms(async (kms, open) => {
    const provider = await open()
    const first = await provider.rotate()
    await provider.rotate()
    const { effectiveAt } = await provider.destroy(first)
    expect(effectiveAt.getTime()).toBe(kms.keys.get(first)!.deletion! * 1000)
    expect((await provider.destroy(first)).effectiveAt).toEqual(effectiveAt)
    const days = (effectiveAt.getTime() - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(6.9)
    expect(days).toBeLessThanOrEqual(7)
  }))

test('a key of another account or region is neither asked nor called destroyed', () =>
  withKms(async (kms, open) => {
    const provider = await open()
    const made = await provider.rotate()
    const wrapped = await provider.wrap(key, context)
    for (const other of [made.replace('111122223333', '999988887777'), made.replace('eu-central-1', 'us-gov-wes-1')]) {
      const moved = Buffer.from(wrapped.toString('latin1').replace(made, other), 'latin1')
      const before = kms.asked.length
      await expect(provider.unwrap(moved, context)).rejects.toMatchObject({ code: 'authentication' })
      expect(kms.asked.length - before).toBeLessThanOrEqual(1) // where is home, asked once
      await expect(provider.destroy(other)).rejects.toMatchObject({ code: 'key-root-unknown' })
    }
  }))

test.each([
  ['signs', { KeyUsage: 'SIGN_VERIFY' }],
  ['is asymmetric', { KeySpec: 'RSA_2048' }],
  ['has replicas in other regions', { MultiRegion: true }],
  ['was imported, so that a copy may lie elsewhere', { Origin: 'EXTERNAL' }],
])('a key that %s is no root', (_what, change) =>
  withKms(async (kms, open) => {
    const provider = await open()
    await provider.rotate()
    Object.assign(kms.newKeysAre, change)
    await expect(open()).rejects.toMatchObject({ code: 'key-root-unsuitable' })
  }),
)

test('a disabled key is away, not destroyed; a missing permission is named and not asked for again', () =>
  withKms(async (kms, open) => {
    const provider = await open()
    await provider.rotate()
    const wrapped = await provider.wrap(key, context)
    kms.fail({ kind: 'status', status: 400, body: refusal('DisabledException') }, 1, targets('Decrypt'))
    await expect(provider.unwrap(wrapped, context)).rejects.toMatchObject({ code: 'key-provider-unavailable' })
    kms.fail({ kind: 'status', status: 400, body: refusal('AccessDeniedException') }, 1, targets('Decrypt'))
    await expect(provider.unwrap(wrapped, context)).rejects.toThrow(/refuses the request \(AccessDeniedException\)/)
    kms.fail({ kind: 'raw', body: '{"KeyId":"x"' }, 4, targets('Decrypt'))
    await expect(provider.unwrap(wrapped, context)).rejects.toMatchObject({ code: 'key-provider-unavailable' })
    expect(await provider.unwrap(wrapped, context)).toEqual(key)
  }))

test('a server that is not there is told from one that refuses', async () => {
  const kms = await startFakeKms()
  await kms.close()
  const uri = `aws-kms:${ALIAS}?region=${kms.region}&endpoint=${encodeURIComponent(kms.url)}`
  await expect(openAwsKmsProvider({ uri, credentials: kms.credentials, timing: PATIENT })).rejects.toThrow(
    /cannot be reached or does not answer in time \(ECONNREFUSED\)$/,
  )
})

test('what is asked is signed with the credentials, or refused', () =>
  withKms(async (kms) => {
    const uri = `aws-kms:${ALIAS}?endpoint=${encodeURIComponent(kms.url)}`
    const credentials = { ...kms.credentials, secretAccessKey: 'another secret' }
    await expect(openAwsKmsProvider({ uri, region: kms.region, credentials, timing: PATIENT })).rejects.toThrow(
      /refuses the request \(IncompleteSignatureException\)/,
    )
  }))

test.each([
  ['aws-kms:weir', 'an alias'],
  ['aws-kms:alias/aws/s3', 'an alias'],
  ['aws-kms:alias/weir?profile=x', 'an alias'],
  ['aws-kms:alias/weir', 'the region'],
  ['aws-kms:alias/weir?region=here', 'the region'],
  ['aws-kms:alias/weir?region=eu-central-1&endpoint=http://kms.example', 'as an https URL'],
])('%s is refused in one line', async (uri, advice) => {
  const error: unknown = await openAwsKmsProvider({ uri }).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(AppError)
  expect(error).toMatchObject({ code: 'config', message: expect.stringContaining(advice) })
})
