import { createHmac, createSecretKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { decrypt, encryptInto } from '../../../src/protect/aes-gcm.ts'
import { expandKey } from '../../../src/protect/expand.ts'
import {
  missingVectors,
  readVectors,
  type WycheproofFile,
  type WycheproofGroup,
  type WycheproofVector,
} from '../../support/official-vectors.ts'

const bytes = (vector: WycheproofVector, field: string): Buffer => Buffer.from(String(vector[field]), 'hex')

/** Every vector of a file, of the groups that are like our use; as many as the file says. */
function vectorsOf(file: string, like: (group: WycheproofGroup) => boolean = () => true): WycheproofVector[] {
  const { numberOfTests, testGroups } = readVectors<WycheproofFile>(`wycheproof/${file}`)
  expect(testGroups.flatMap((group) => group.tests)).toHaveLength(numberOfTests)
  return testGroups.filter(like).flatMap((group) => group.tests)
}

describe.skipIf(missingVectors('wycheproof'))('vectors of C2SP Wycheproof, against our use of the primitives', () => {
  test('AES-256-GCM with 96-bit nonces and 128-bit tags', () => {
    const ours = vectorsOf('aes_gcm_test.json', (g) => g.keySize === 256 && g.ivSize === 96 && g.tagSize === 128)
    expect(ours.length).toBe(66)
    expect(ours.filter(({ result }) => result === 'invalid').length).toBeGreaterThan(20)
    for (const vector of ours) {
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

  test('a tag cut short opens nothing, also where what is left of it is right', () => {
    const like = (g: WycheproofGroup): boolean => g.keySize === 256 && g.ivSize === 96 && g.tagSize === 128
    const valid = vectorsOf('aes_gcm_test.json', like).filter(({ result }) => result === 'valid')
    expect(valid.length).toBeGreaterThan(30)
    for (const vector of valid) {
      const from = { key: createSecretKey(bytes(vector, 'key')), nonce: bytes(vector, 'iv'), aad: bytes(vector, 'aad') }
      for (let kept = 0; kept < 16; kept++) {
        const sealed = Buffer.concat([bytes(vector, 'ct'), bytes(vector, 'tag').subarray(0, kept)])
        expect(decrypt({ ...from, sealed }), `tcId ${vector.tcId}, ${kept} bytes`).toBeUndefined()
      }
    }
  })

  test.each(['sha256', 'sha512'])('HMAC with %s', (hash) => {
    const all = vectorsOf(`hmac_${hash}_test.json`)
    expect(all).toHaveLength(174)
    for (const vector of all) {
      const mac = createHmac(hash, createSecretKey(bytes(vector, 'key')))
        .update(bytes(vector, 'msg'))
        .digest()
      const tag = bytes(vector, 'tag')
      const same = mac.subarray(0, tag.length).equals(tag)
      expect(same, `tcId ${vector.tcId}`).toBe(vector.result === 'valid')
    }
  })

  test('HKDF with SHA-512, whose expand step is ours', () => {
    const all = vectorsOf('hkdf_sha512_test.json')
    const valid = all.filter(({ result }) => result === 'valid')
    expect([all.length, valid.length]).toEqual([83, 80])
    for (const vector of valid) {
      // Extract as RFC 5869 §2.2: no salt is a salt of zeros, which HMAC pads to the same key.
      const extracted = createHmac('sha512', bytes(vector, 'salt')).update(bytes(vector, 'ikm')).digest()
      const okm = bytes(vector, 'okm').subarray(0, 32) // longer outputs begin with our 32 bytes
      const ours = expandKey(createSecretKey(extracted), bytes(vector, 'info')).export()
      expect(ours.subarray(0, okm.length).equals(okm), `tcId ${vector.tcId}`).toBe(true)
    }
    // The others ask for more than 255 blocks. We give 32 bytes and take no length at all.
    for (const { size } of all.filter(({ result }) => result !== 'valid')) expect(size).toBeGreaterThan(255 * 64)
  })

  test('HKDF with SHA-256, expanded block by block as RFC 5869 says', () => {
    const valid = vectorsOf('hkdf_sha256_test.json').filter(({ result }) => result === 'valid')
    expect(valid).toHaveLength(83)
    for (const vector of valid) {
      const prk = createHmac('sha256', bytes(vector, 'salt')).update(bytes(vector, 'ikm')).digest()
      const okm = bytes(vector, 'okm')
      const blocks: Buffer[] = []
      for (let i = 1, last = Buffer.alloc(0); i * 32 < okm.length + 32; i++) {
        last = createHmac('sha256', prk).update(last).update(bytes(vector, 'info')).update(Uint8Array.of(i)).digest()
        blocks.push(last)
      }
      expect(Buffer.concat(blocks).subarray(0, okm.length).equals(okm), `tcId ${vector.tcId}`).toBe(true)
    }
  })
})
