import { createSecretKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import { emailIndex, openEmail, openSeed, sealEmail, sealSeed } from '../../../src/officers/email.ts'
import { officerKeys } from '../../../src/officers/keys.ts'
import { ARGON2, hashPassword, isWeaker, verifyPassword } from '../../../src/officers/password-hash.ts'
import { relyingParty } from '../../../src/officers/relying-party.ts'
import { csrfToken, isCsrfToken, requireStepUp } from '../../../src/officers/sessions.ts'
import { stepOf, totpUri } from '../../../src/officers/totp.ts'
import { createWorkLimit } from '../../../src/officers/work-limit.ts'

const keys = officerKeys(createSecretKey(Buffer.alloc(32, 1)))
const others = officerKeys(createSecretKey(Buffer.alloc(32, 2)))
const ID = '7d9f4c1e-0b5a-4c3e-9a51-3f0c7a8b2d10'
const OTHER = '7d9f4c1e-0b5a-4c3e-9a51-3f0c7a8b2d11'

describe('TOTP', () => {
  // RFC 6238 appendix B, SHA-1, the last six of its eight digits.
  const seed = Buffer.from('12345678901234567890')
  test.each([
    [59, '287082'],
    [1111111109, '081804'],
    [1111111111, '050471'],
    [1234567890, '005924'],
    [2000000000, '279037'],
    [20000000000, '353130'],
  ])('at %i s the code of RFC 6238 is %s, and is told its step', (seconds, code) => {
    expect(stepOf(seed, code, seconds * 1000)).toBe(Math.floor(seconds / 30))
  })

  test('a code is taken one step early and one step late, and no further', () => {
    const at = 1234567890
    const steps = [-2, -1, 0, 1, 2].map((late) => stepOf(seed, '005924', (at + late * 30) * 1000))
    expect(steps).toEqual([undefined, ...Array(3).fill(Math.floor(at / 30)), undefined])
  })

  test.each(['', '12345', '1234567', 'abcdef', '00592 ４', '-05924'])('%j is no code', (code) => {
    expect(stepOf(seed, code, 1234567890_000)).toBeUndefined()
  })

  test('the URI is what apps read, and names nobody', () => {
    expect(totpUri(seed, { id: ID, role: 'auditor' })).toBe(
      'otpauth://totp/Weir:auditor-7d9f4c1e?issuer=Weir&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&algorithm=SHA1&digits=6&period=30',
    )
  })
})

describe('what is kept of an officer', () => {
  test('an address opens for its officer under its key, and for no other', () => {
    const sealed = sealEmail(keys, ID, 'anna@shop.example')
    expect(openEmail(keys, ID, sealed)).toBe('anna@shop.example')
    expect(() => openEmail(keys, OTHER, sealed)).toThrow()
    expect(() => openEmail(others, ID, sealed)).toThrow()
    expect(() => openSeed(keys, ID, sealed)).toThrow()
    expect(openSeed(keys, ID, sealSeed(keys, ID, Buffer.from('seed'))).toString()).toBe('seed')
  })

  test('is found however it is written, and never by what is no address', () => {
    const index = emailIndex(keys.index, 'Anna@Shop.Example').toString('hex')
    expect(emailIndex(keys.index, ' anna@shop.example ').toString('hex')).toBe(index)
    expect(emailIndex(others.index, 'anna@shop.example').toString('hex')).not.toBe(index)
    expect(emailIndex(keys.index, 'anna').toString('hex')).not.toBe(index)
  })

  test('a password is verified under its pepper alone, in whatever form of Unicode it was typed', async () => {
    const stored = await hashPassword(keys.pepper(1), 'Caf\u00e9 au lait 2026')
    expect(await verifyPassword(keys.pepper(1), stored, 'Cafe\u0301 au lait 2026')).toBe(true)
    expect(await verifyPassword(keys.pepper(1), stored, 'cafe au lait 2026')).toBe(false)
    expect(await verifyPassword(keys.pepper(2), stored, 'Caf\u00e9 au lait 2026')).toBe(false)
    expect(await verifyPassword(keys.pepper(1), undefined, 'Caf\u00e9 au lait 2026')).toBe(false)
    expect(isWeaker(stored)).toBe(false)
  })

  test.each([
    [`$argon2id$v=19$m=${ARGON2.memoryCost},t=2,p=1$c2FsdA$aGFzaA`, false],
    [`$argon2id$v=19$p=4,t=3,m=65536$c2FsdA$aGFzaA`, false],
    ['$argon2id$v=19$m=19455,t=2,p=1$c2FsdA$aGFzaA', true],
    ['$argon2id$v=19$m=19456,t=1,p=1$c2FsdA$aGFzaA', true],
    ['$argon2id$v=16$m=19456,t=2,p=1$c2FsdA$aGFzaA', true],
    ['$argon2i$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA', true],
    ['$argon2id$v=19$m=19456$c2FsdA$aGFzaA', true],
    ['', true],
  ])('%s is weaker than new hashes: %s', (phc, weaker) => {
    expect(isWeaker(phc)).toBe(weaker)
  })
})

test('a csrf token is that of its session under its key', () => {
  const token = csrfToken(keys.csrf, { id: ID })
  expect(isCsrfToken(keys.csrf, { id: ID }, token)).toBe(true)
  for (const [key, id, given] of [
    [keys.csrf, OTHER, token],
    [others.csrf, ID, token],
    [keys.csrf, ID, ''],
    [keys.csrf, ID, `${token}=`],
  ] as const) {
    expect(isCsrfToken(key, { id }, given)).toBe(false)
  }
})

test('a step-up is fresh up to its age', () => {
  expect(() => requireStepUp({ steppedUpAt: 1_000 }, 500, 1_500)).not.toThrow()
  expect(() => requireStepUp({ steppedUpAt: 1_000 }, 500, 1_501)).toThrow(AppError)
})

test.each([
  ['https://weir.shop.example', 'weir.shop.example'],
  ['http://localhost:8080', 'localhost'],
])('authenticators of %s are bound to %s', (url, id) => {
  expect(relyingParty(url)).toEqual({ id, origin: url })
})

test.each(['http://127.0.0.1:8080', 'http://[::1]:8080'])('%s has no name to bind authenticators to', (url) => {
  expect(() => relyingParty(url)).toThrow('WEIR_PUBLIC_URL')
})

test('work beyond its places waits in order, beyond the queue it is refused, and a failure frees its place', async () => {
  const limit = createWorkLimit({ atOnce: 2, waiting: 2 })
  const started: number[] = []
  const ends: (() => void)[] = []
  const work = (n: number) => (): Promise<number> => {
    started.push(n)
    return new Promise((resolve, reject) => ends.push(n === 1 ? () => reject(new Error('failed')) : () => resolve(n)))
  }
  const all = [1, 2, 3, 4].map((n) => limit(work(n)))
  await expect(limit(work(5))).rejects.toMatchObject({ code: 'sign-in-busy', retryAfter: 2 })
  expect(started).toEqual([1, 2])
  ends[0]!()
  await expect(all[0]).rejects.toThrow('failed')
  expect(started).toEqual([1, 2, 3])
  ends[1]!()
  await all[1]
  expect(started).toEqual([1, 2, 3, 4])
  ends[2]!()
  ends[3]!()
  expect(await Promise.all(all.slice(1))).toEqual([2, 3, 4])
})
