import { createHmac, createSecretKey } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decrypt, encryptInto } from '../../../src/protect/aes-gcm.ts'
import { expandKey } from '../../../src/protect/expand.ts'

const folder = new URL('../../../../shared/vectors/wycheproof/', import.meta.url)
const missing = !existsSync(folder)
if (missing) console.warn('SKIPPED: the Wycheproof vectors are not in ../shared/vectors/wycheproof')

interface Vector {
  readonly tcId: number
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly [field: string]: string | number | readonly string[]
}
interface Group {
  readonly keySize: number
  readonly ivSize?: number
  readonly tagSize?: number
  readonly tests: readonly Vector[]
}

function groups(file: string): readonly Group[] {
  const parsed: { testGroups: readonly Group[] } = JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
  return parsed.testGroups
}

const bytes = (vector: Vector, field: string): Buffer => Buffer.from(String(vector[field]), 'hex')

describe.skipIf(missing)('official vectors of C2SP Wycheproof, against our own use of the primitives', () => {
  test('AES-256-GCM with 96-bit nonces and 128-bit tags', () => {
    const ours = groups('aes_gcm_test.json').filter((g) => g.keySize === 256 && g.ivSize === 96 && g.tagSize === 128)
    const vectors = ours.flatMap((group) => group.tests)
    expect(vectors.length).toBe(66)
    for (const vector of vectors) {
      const sealed = Buffer.concat([bytes(vector, 'ct'), bytes(vector, 'tag')])
      const from = { key: createSecretKey(bytes(vector, 'key')), nonce: bytes(vector, 'iv'), aad: bytes(vector, 'aad') }
      const opened = decrypt({ ...from, sealed })?.toString('hex')
      expect(opened, `tcId ${vector.tcId}`).toBe(vector.result === 'valid' ? vector.msg : undefined)
      if (vector.result !== 'valid') continue
      const out = Buffer.alloc(sealed.length)
      encryptInto(out, 0, { ...from, plaintext: bytes(vector, 'msg') })
      expect(out.equals(sealed), `tcId ${vector.tcId}`).toBe(true)
    }
  })

  test.each(['sha256', 'sha512'])('HMAC with %s', (hash) => {
    const all = groups(`hmac_${hash}_test.json`)
    let checked = 0
    for (const group of all) {
      for (const vector of group.tests) {
        const mac = createHmac(hash, createSecretKey(bytes(vector, 'key')))
          .update(bytes(vector, 'msg'))
          .digest()
        const tag = bytes(vector, 'tag')
        const same = mac.subarray(0, tag.length).equals(tag)
        expect(same, `tcId ${vector.tcId}`).toBe(vector.result === 'valid')
        checked++
      }
    }
    expect(checked).toBe(174)
  })

  test('HKDF with SHA-512, whose expand step is ours', () => {
    let checked = 0
    for (const vector of groups('hkdf_sha512_test.json').flatMap((group) => group.tests)) {
      if (vector.result !== 'valid') continue
      const salt = bytes(vector, 'salt')
      const extracted = createHmac('sha512', salt).update(bytes(vector, 'ikm')).digest()
      const okm = bytes(vector, 'okm').subarray(0, 32) // the first block: longer outputs begin with it
      const ours = expandKey(createSecretKey(extracted), bytes(vector, 'info')).export()
      expect(ours.subarray(0, okm.length).equals(okm), `tcId ${vector.tcId}`).toBe(true)
      checked++
    }
    expect(checked).toBeGreaterThan(70)
  })
})
