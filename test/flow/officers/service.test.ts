import { createHmac, randomUUID } from 'node:crypto'
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import type { JsonObject } from '../../../src/event/event.ts'
import { addServiceKey, revokeServiceKey } from '../../../src/officers/service-keys.ts'
import { auditEntries } from '../../support/officers.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'

let weir: TestApp
let keys: { publicKey: CryptoKey; privateKey: CryptoKey }
let id: string

beforeAll(async () => {
  weir = await createTestApp()
  keys = await generateKeyPair('EdDSA', { extractable: true })
  id = await register(keys.publicKey)
})
afterAll(() => weir.stop())

async function register(publicKey: CryptoKey): Promise<string> {
  const jwk = (await exportJWK(publicKey)) as JsonObject
  return transaction(weir.owner, (tx) => addServiceKey(tx, { jwk, role: 'operator', now: Date.now() }))
}

interface Claims {
  readonly header?: Partial<JWTHeaderParameters>
  readonly claims?: Record<string, unknown>
  readonly key?: CryptoKey | Uint8Array
  readonly iat?: number
  readonly exp?: number
}

function assertion({
  header = {},
  claims = {},
  key = keys.privateKey,
  iat = 0,
  exp = 60,
}: Claims = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const own = { iss: id, sub: id, aud: 'http://weir.test', jti: randomUUID(), iat: now + iat, exp: now + exp }
  const payload = Object.fromEntries(Object.entries({ ...own, ...claims }).filter(([, value]) => value !== undefined))
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'EdDSA', typ: 'weir-service+jwt', kid: id, ...header } as JWTHeaderParameters)
    .sign(key)
}

async function status(token: string, path = '/api/keys/horizon'): Promise<number> {
  return (await fetch(weir.url + path, { headers: { authorization: `Bearer ${token}` } })).status
}

test('a machine that signs for itself has the role of its key, and no other', async () => {
  expect(await status(await assertion())).toBe(200)
  expect(await status(await assertion(), '/api/audit/entries')).toBe(403)
  expect((await auditEntries(weir)).at(-1)).toEqual({
    actor: `service:${id}`,
    action: 'audit.read',
    resource: 'route:get /api/audit/entries',
    outcome: 'refused',
  })
})

test('an assertion counts once, also when it comes twice at the same time', async () => {
  const token = await assertion()
  expect(await status(token)).toBe(200)
  expect(await status(token)).toBe(401)
  const other = await assertion()
  expect((await Promise.all([status(other), status(other), status(other)])).toSorted((a, b) => a - b)).toEqual([
    200, 401, 401,
  ])
})

const outsider = await generateKeyPair('EdDSA', { extractable: true })
const jwk: JWK = await exportJWK(outsider.publicKey)

test.each<[string, Claims]>([
  ['for another audience', { claims: { aud: 'https://other.example' } }],
  ['for several audiences', { claims: { aud: ['http://weir.test', 'https://other.example'] } }],
  ['for nobody', { claims: { aud: undefined } }],
  ['of another issuer', { claims: { iss: randomUUID() } }],
  ['about somebody else', { claims: { sub: randomUUID() } }],
  ['of another type', { header: { typ: 'JWT' } }],
  ['without a type', { header: { typ: undefined } as never }],
  ['that lives six minutes', { exp: 360 }],
  ['that lives for ever', { claims: { exp: undefined } }],
  ['that was made ten minutes ago', { iat: -600, exp: 60 }],
  ['that is made in the future', { iat: 60, exp: 120 }],
  ['that has expired', { iat: -120, exp: -60 }],
  ['without a time', { claims: { iat: undefined } }],
  ['without jti', { claims: { jti: undefined } }],
  ['with a short jti', { claims: { jti: '1' } }],
  ['with a jti that is no text', { claims: { jti: 1_234_567_890_123_456 } }],
  ['signed by another key', { key: outsider.privateKey }],
  ['that brings its own key', { key: outsider.privateKey, header: { jwk } }],
  ['that points to a key', { key: outsider.privateKey, header: { jku: 'https://evil.example/jwks.json' } }],
  ['that points to a certificate', { key: outsider.privateKey, header: { x5u: 'https://evil.example/x.pem' } }],
  ['of a key that nobody registered', { key: outsider.privateKey, header: { kid: randomUUID() } }],
  ['with a kid that is no id', { header: { kid: "' or true --" } }],
  ['with a kid that is a number', { header: { kid: 7 } as never }],
])('an assertion %s is refused', async (_what, claims) => {
  expect(await status(await assertion(claims))).toBe(401)
})

test('alg none, and HS256 with the public key as secret, are refused', async () => {
  const [, payload] = (await assertion()).split('.')
  const header = (alg: string): string =>
    Buffer.from(JSON.stringify({ alg, typ: 'weir-service+jwt', kid: id })).toString('base64url')
  for (const alg of ['none', 'None', 'NONE']) {
    expect(await status(`${header(alg)}.${payload}.`)).toBe(401)
    expect(await status(`${header(alg)}.${payload}.AA`)).toBe(401)
  }
  const { x } = await exportJWK(keys.publicKey)
  const secrets = [await exportSPKI(keys.publicKey), x!, Buffer.from(x!, 'base64url')]
  for (const secret of secrets) {
    const signed = `${header('HS256')}.${payload}`
    const tag = createHmac('sha256', secret).update(signed).digest('base64url')
    expect(await status(`${signed}.${tag}`)).toBe(401)
  }
})

test('a revoked key ends at once, and so do assertions that were made before', async () => {
  const own = await generateKeyPair('EdDSA', { extractable: true })
  const key = await register(own.publicKey)
  const mine = (): Promise<string> =>
    assertion({ key: own.privateKey, header: { kid: key }, claims: { iss: key, sub: key } })
  const early = await mine()
  expect(await status(await mine())).toBe(200)
  await transaction(weir.owner, (tx) => revokeServiceKey(tx, key, Date.now()))
  expect([await status(early), await status(await mine())]).toEqual([401, 401])
})

test('a key of the machine is no session: own routes and what asks for a second factor stay closed', async () => {
  expect(await status(await assertion(), '/api/session')).toBe(401)
})
