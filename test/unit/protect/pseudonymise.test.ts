import { createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { subjectId } from '../../../src/event/ids.ts'
import { makePseudonymiser } from '../../../src/protect/pseudonymise.ts'

const root = createSecretKey(randomBytes(32))
const subject = subjectId(randomUUID())

test('the same person is somebody else to each destination, under each purpose, with each root', () => {
  const pseudonyms = [
    makePseudonymiser(root, 1, 'personalisation', 'recommendation'),
    makePseudonymiser(root, 1, 'personalisation', 'attribution'),
    makePseudonymiser(root, 1, 'analytics', 'recommendation'),
    makePseudonymiser(createSecretKey(randomBytes(32)), 1, 'personalisation', 'recommendation'),
  ].map((pseudonymiser) => pseudonymiser.pseudonym(subject))
  expect(new Set(pseudonyms).size).toBe(4)
})

test('to one destination a person stays the same, across processes and the case of the UUID', () => {
  const first = makePseudonymiser(root, 1, 'analytics', 'warehouse')
  const second = makePseudonymiser(root, 1, 'analytics', 'warehouse')
  expect(first.pseudonym(subject)).toBe(second.pseudonym(subjectId(subject.toUpperCase())))
})

test('tokens of different kinds, destinations and values never meet', () => {
  const tokens = (['event', 'order', 'visit', 'cart'] as const).flatMap((kind) =>
    ['attribution', 'recommendation'].flatMap((destination) =>
      ['1', '2'].map((value) => makePseudonymiser(root, 1, 'analytics', destination).token(kind, value)),
    ),
  )
  expect(new Set(tokens).size).toBe(16)
})

test('pseudonyms and tokens say what they are and never look like a SHA-256 in hex', () => {
  const made = makePseudonymiser(root, 0xfffffe, 'analytics', 'warehouse')
  fc.assert(
    fc.property(fc.uuid({ version: 4 }), fc.string(), (uuid, value) => {
      expect(made.pseudonym(subjectId(uuid))).toMatch(/^p1\.___-\.[\w-]{22}$/)
      expect(made.token('order', value)).toMatch(/^t1\.___-\.[\w-]{22}$/)
      expect(made.token('order', value)).toBe(made.token('order', Buffer.from(value, 'utf8')))
    }),
  )
})

test('a root number beyond 24 bits is refused', () => {
  for (const kid of [-1, 0x1000000, 1.5]) {
    expect(() => makePseudonymiser(root, kid, 'analytics', 'warehouse')).toThrow(RangeError)
  }
})
