import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { hasEntropy } from '../../../src/identity/normalise.ts'

test('random ids as SDKs make them are accepted', () => {
  for (let i = 0; i < 2_000; i++) {
    const uuid = randomUUID()
    const hex = randomBytes(16).toString('hex')
    for (const id of [uuid, uuid.toUpperCase(), hex, hex.toUpperCase(), randomBytes(24).toString('base64url')]) {
      expect(hasEntropy(id), id).toBe(true)
    }
  }
})

test.each([
  ['empty', ''],
  ['a counter', '1'],
  ['an e-mail', 'alice.somebody.with.a.long.name@example.com'],
  ['21 characters', 'V1StGXR8Z5jdHi6BmyTab'],
  ['a UUID made of time (v1)', '6fa459ea-ee8a-11ee-a4fa-db77e160355e'],
  ['a UUID made of a name (v5)', '886313e1-3b8a-5372-9b90-0c9aee199e5d'],
  ['a UUID with a timestamp (v7)', '01932c07-209c-7eb5-8f5e-3b2a1f6d7c88'],
  ['the nil UUID', '00000000-0000-0000-0000-000000000000'],
  ['a version 4 UUID of one digit', '11111111-1111-4111-8111-111111111111'],
  ['a version 4 UUID that counts', '12345678-1234-4234-8234-123456789012'],
  ['few characters', 'aaaaaaaaaabbbbbbbbbbcccccccccc-AAAAAAAAAA'],
  ['a repeated block', 'Abc1Def2GhiAbc1Def2GhiAbc1Def2Ghi'],
  ['the alphabet', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'],
  ['digits in order', '0123456789012345678901234567890123456789'],
  ['30 hex characters: 120 bits', 'f3a91c07e5b2486d9f0a3c71e8b54d'],
  ['36 digits: 119 bits', '739150284617395028461739502846173950'],
  ['characters outside the alphabet', 'V1StGXR8_Z5jdHi6B-myT.V1StGXR8'],
  ['a number in zeros', 'user-0000000000000000000000000000000001'],
])('refused: %s', (_what, id) => {
  expect(hasEntropy(id)).toBe(false)
})
