import { createSecretKey, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { blindIndex, eventKey, orderKey, secretHash, secretMatches } from '../../../src/identity/blind-index.ts'
import { type IdentifierType, rulesWith } from '../../../src/identity/normalise.ts'
import golden from '../../golden/idx-v1.json' with { type: 'json' }

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const key = createSecretKey(Buffer.from(golden.key, 'hex'))

test('blind indexes are as published, and types and cases keep apart', () => {
  const made = golden.blindIndex.map(({ type, value }) => hex(blindIndex(key, type as IdentifierType, value)))
  expect(made).toEqual(golden.blindIndex.map(({ out }) => out))
  expect(new Set(made).size).toBe(made.length)
})

test('what is given is normalised and indexed as published, under the version of its rules', () => {
  for (const { type, normVersion, options, given, value, out } of golden.normalised) {
    const [rule] = rulesWith(options)[type as IdentifierType]
    expect([given, rule?.version, rule?.normalise(given)]).toMatchObject([given, normVersion, { ok: true, value }])
    expect(hex(blindIndex(key, type as IdentifierType, value, normVersion))).toBe(out)
  }
})

test('event keys are as published: half is stored, half is a pad', () => {
  for (const vector of golden.eventKey) {
    const made = eventKey(key, vector.source, vector.messageId)
    expect([hex(made.key), hex(made.pad)]).toEqual([vector.key, vector.pad])
  }
})

test('order keys are as published, and shop and order do not run into each other', () => {
  const made = golden.orderKey.map(({ shop, orderId }) => hex(orderKey(key, { kind: 'server', shop }, orderId)))
  expect(made).toEqual(golden.orderKey.map(({ out }) => out))
  const browsers = golden.orderKey.map(({ shop, orderId }) => hex(orderKey(key, { kind: 'browser', shop }, orderId)))
  expect(browsers.filter((one) => made.includes(one))).toEqual([])
  expect(new Set(made).size).toBe(made.length)
})

test('a device secret is kept as a keyed hash that only the same secret of the same device meets', () => {
  for (const { anonymousId, secret, out } of golden.secretHash) {
    const stored = Buffer.from(out, 'hex')
    expect(hex(secretHash(key, anonymousId, secret))).toBe(out)
    expect(secretMatches(key, anonymousId, secret, stored)).toBe(true)
    expect(secretMatches(key, anonymousId, `${secret}x`, stored)).toBe(false)
    expect(secretMatches(key, `${anonymousId}x`, secret, stored)).toBe(false)
    expect(secretMatches(key, anonymousId, secret, stored.subarray(0, 16))).toBe(false)
    expect(secretMatches(key, anonymousId, secret, new Uint8Array(0))).toBe(false)
  }
})

test('another key gives other values', () => {
  const other = createSecretKey(randomBytes(32))
  expect(hex(blindIndex(other, 'user_id', 'x'))).not.toBe(hex(blindIndex(key, 'user_id', 'x')))
})
