import { createPublicKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto'
import { compactDecrypt, importJWK, type JWK } from 'jose'
import { describe, expect, test } from 'vitest'
import type { JsonObject, Source } from '../../../src/event/event.ts'
import { createSubjectTokens } from '../../../src/identity/subject-token.ts'
import {
  missingVectors,
  readVectors,
  type WycheproofFile,
  type WycheproofVector,
} from '../../support/official-vectors.ts'

interface JoseGroup {
  readonly comment: string
  readonly private?: JsonObject & JWK & { readonly keys?: readonly JWK[] }
  readonly public?: JsonObject & JWK & { readonly keys?: readonly JWK[] }
  readonly tests: readonly WycheproofVector[]
}

const verify = createSubjectTokens({ publicUrl: 'https://weir.shop.example', now: () => Date.now() })

/**
 * Whether our own verification of subject tokens takes the signature of `jws` under the registered `key`. The payloads
 * are no claims, so every token is refused in the end: only what comes before the claims is told apart by its cause.
 */
async function holds(key: JWK, jws: string): Promise<boolean> {
  const source = { subjectKey: key as JsonObject } as Source
  const error: unknown = await verify(source, jws).catch((refused: unknown) => refused)
  expect(error).toMatchObject({ code: 'bad-subject-token' })
  const cause: unknown = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && Reflect.get(cause, 'code') === 'ERR_JWT_INVALID'
}

/** What can be registered for a source: see src/cli/public-key.ts. */
const isOurs = (key: JWK): boolean => key.crv === 'P-256' || key.crv === 'Ed25519'

describe.skipIf(missingVectors('wycheproof'))('vectors of C2SP Wycheproof, against our use of jose', () => {
  test('of all signatures, a subject token holds with a valid one by the algorithm of its key alone', async () => {
    const { numberOfTests, testGroups } = readVectors<WycheproofFile<JoseGroup>>(
      'wycheproof/json_web_signature_test.json',
    )
    let checked = 0
    const held: string[] = []
    for (const { public: shown, private: secret, tests } of testGroups) {
      const key = shown ?? secret!
      for (const { tcId, result, jws } of tests) {
        const taken = await holds(key, String(jws))
        const ours = result === 'valid' && isOurs(key) && key.alg === 'ES256'
        expect(taken, `tcId ${tcId}`).toBe(ours)
        if (taken) held.push(String(key.crv))
        checked++
      }
    }
    expect([checked, held]).toEqual([numberOfTests, ['P-256', 'P-256']])
    expect(checked).toBe(401)
  })

  test('the same of the older set, key by key', async () => {
    const { testGroups } = readVectors<WycheproofFile<JoseGroup>>('wycheproof/json_web_crypto_test.json')
    let checked = 0
    for (const { public: shown, private: secret, tests } of testGroups) {
      for (const { tcId, result, jws } of tests) {
        if (jws === undefined) continue // they are encrypted, not signed
        for (const key of (shown ?? secret!).keys ?? [shown ?? secret!]) {
          expect(await holds(key, String(jws)), `tcId ${tcId}`).toBe(result === 'valid' && key.alg === 'ES256')
        }
        checked++
      }
    }
    expect(checked).toBe(49)
  })

  test('a key that says it is for something else, or is none, takes no signature', async () => {
    const { numberOfTests, testGroups } = readVectors<WycheproofFile<JoseGroup>>('wycheproof/json_web_key_test.json')
    let checked = 0
    for (const { public: shown, private: secret, tests } of testGroups) {
      for (const { tcId, jws } of tests) {
        for (const key of (shown ?? secret!).keys!) expect(await holds(key, String(jws)), `tcId ${tcId}`).toBe(false)
        checked++
      }
    }
    expect([checked, numberOfTests]).toEqual([26, 26])
  })

  test('of all encryptions, what key backups take is ECDH-ES+A256KW with A256GCM', async () => {
    const { numberOfTests, testGroups } = readVectors<WycheproofFile<JoseGroup>>(
      'wycheproof/json_web_encryption_test.json',
    )
    let [checked, opened] = [0, 0]
    for (const { private: secret, tests } of testGroups) {
      for (const { tcId, result, jwe, pt } of tests) {
        const plaintext = await decryptAsBackups(secret!, String(jwe))
        if (plaintext !== undefined) {
          expect([result, plaintext.toString('hex')], `tcId ${tcId}`).toEqual(['valid', pt])
          opened++
        }
        checked++
      }
    }
    expect([checked, numberOfTests, opened]).toEqual([139, 139, 1])
  })
})

/** With the lists of algorithms of src/keys/backup-file.ts. */
async function decryptAsBackups(key: JWK, jwe: string): Promise<Buffer | undefined> {
  try {
    const imported = await importJWK({ ...key, alg: 'ECDH-ES+A256KW' })
    const lists = { keyManagementAlgorithms: ['ECDH-ES+A256KW'], contentEncryptionAlgorithms: ['A256GCM'] }
    return Buffer.from((await compactDecrypt(jwe, imported, lists)).plaintext)
  } catch {
    return undefined
  }
}

interface CookbookSignature {
  readonly title: string
  readonly input: { readonly key?: JsonWebKey & JWK; readonly alg?: string | readonly string[] }
  readonly output: { readonly compact?: string }
}

describe.skipIf(missingVectors('jose-cookbook'))('examples of RFC 7520', () => {
  const files = [
    '4_1.rsa_v15_signature',
    '4_2.rsa-pss_signature',
    '4_3.ecdsa_signature',
    '4_4.hmac-sha2_integrity_protection',
  ]

  test.each(files)('%s is a good signature by an algorithm that no subject token may have', async (file) => {
    const { input, output } = readVectors<CookbookSignature>(`jose-cookbook/jws/${file}.json`)
    expect(output.compact).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    expect(await holds(input.key!, output.compact!)).toBe(false)
  })

  test.each(['3_1.ec_public_key', '3_3.rsa_public_key'])(
    '%s can be read, and is of no kind that is registered',
    (file) => {
      const key = readVectors<JsonWebKey & JWK>(`jose-cookbook/jwk/${file}.json`)
      expect(createPublicKey({ key, format: 'jwk' }).type).toBe('public')
      expect(isOurs(key)).toBe(false)
    },
  )
})

test('EdDSA, which neither set has: RFC 8037 appendix A.4 holds, and no changed bit of its signature', async () => {
  const key: JWK = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
  const jws =
    'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg'
  expect(await holds(key, jws)).toBe(true)
  const [header, payload, signature = ''] = jws.split('.')
  for (let bit = 0; bit < 512; bit += 7) {
    const changed = Buffer.from(signature, 'base64url')
    changed[bit >> 3]! ^= 1 << (bit & 7)
    expect(await holds(key, `${header}.${payload}.${changed.toString('base64url')}`), `bit ${bit}`).toBe(false)
  }
})

test('a token cannot choose its algorithm: none, HMAC with the public key, or the other curve', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = publicKey.export({ format: 'jwk' }) as JWK
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = (alg: string): string => {
    const input = `${part({ alg })}.${part({ sub: 'a' })}`
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }
  for (const alg of ['none', 'HS256', 'EdDSA', 'ES256K', 'es256', 'ES384'])
    expect(await holds(key, signed(alg)), alg).toBe(false)
  expect(await holds(key, `${part({ alg: 'none' })}.${part({ sub: 'a' })}.`)).toBe(false)
})
