import { createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { subjectId } from '../../../src/event/ids.ts'
import {
  generateSubjectKey,
  subjectKeys,
  unwrapSubjectKey,
  WRAPPED_LENGTH,
  wrapSubjectKey,
} from '../../../src/protect/subject-key.ts'

const epochKey = createSecretKey(randomBytes(32))
const subject = subjectId(randomUUID())
const header = { kid: 3, keyVersion: 1 }

test('a subject key is wrapped into 100 bytes and comes back', () => {
  const key = generateSubjectKey()
  const wrapped = wrapSubjectKey(epochKey, header, subject, key)
  expect(wrapped).toHaveLength(WRAPPED_LENGTH)
  expect(WRAPPED_LENGTH).toBe(100)
  expect(unwrapSubjectKey(epochKey, subject, wrapped).equals(key)).toBe(true)
})

test('the same key wrapped twice looks different', () => {
  const key = generateSubjectKey()
  const [a, b] = [wrapSubjectKey(epochKey, header, subject, key), wrapSubjectKey(epochKey, header, subject, key)]
  expect(a.equals(b)).toBe(false)
})

test('no changed bit goes unnoticed, in the commitment neither', () => {
  const wrapped = wrapSubjectKey(epochKey, header, subject, generateSubjectKey())
  for (let bit = 0; bit < wrapped.length * 8; bit++) {
    const changed = Buffer.from(wrapped)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    expect(() => unwrapSubjectKey(epochKey, subject, changed), `bit ${bit}`).toThrow()
  }
})

test('it opens for its own subject and under its own epoch alone', () => {
  const wrapped = wrapSubjectKey(epochKey, header, subject, generateSubjectKey())
  expect(() => unwrapSubjectKey(epochKey, subjectId(randomUUID()), wrapped)).toThrow('authentication')
  expect(() => unwrapSubjectKey(createSecretKey(randomBytes(32)), subject, wrapped)).toThrow('authentication')
})

test('each table and group has a key of its own, derived once and kept', () => {
  const keys = subjectKeys(generateSubjectKey(), 1)
  const places = [
    ['sealed_order', 'order'],
    ['sealed_behaviour', 'behaviour'],
    ['sealed_behaviou', 'rbehaviour'],
    ['identifier', 'identity'],
  ] as const
  const derived = places.map(([table, group]) => keys.group(table, group))
  expect(new Set(derived.map((key) => key.export().toString('hex'))).size).toBe(places.length)
  expect(derived.every((key, i) => key === keys.group(places[i]![0], places[i]![1]))).toBe(true)
})
