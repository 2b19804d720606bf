import { createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { subjectId } from '../../../src/event/ids.ts'
import { makePseudonymiser, makeRollingPseudonymiser } from '../../../src/protect/pseudonymise.ts'

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

const DAY_MS = 86_400_000

test('a rolling pseudonym is the same within its period and another one in the next, never a SHA-256', () => {
  const days = fc.integer({ min: 1, max: 400 })
  fc.assert(
    fc.property(days, fc.nat(20_000), fc.nat(DAY_MS - 1), (period, day, moment) => {
      const made = makeRollingPseudonymiser(root, { kid: 3, days: period }, 'analytics', 'warehouse')
      const at = day * DAY_MS + moment
      const start = Math.floor(day / period) * period * DAY_MS
      expect(made.pseudonym(subject, at)).toBe(made.pseudonym(subject, start))
      expect(made.pseudonym(subject, at)).not.toBe(made.pseudonym(subject, start + period * DAY_MS))
      expect(made.token('order', 'x', at)).not.toBe(made.token('order', 'x', start + period * DAY_MS))
      expect(made.pseudonym(subject, at)).toMatch(/^p2\.AAAD\.\d{1,5}\.[\w-]{22}$/)
    }),
  )
})

test('the pseudonyms of a span are those of every moment in it, each once', () => {
  const made = makeRollingPseudonymiser(root, { kid: 1, days: 30 }, 'analytics', 'warehouse')
  const [from, to] = [Date.UTC(2025, 0, 1), Date.UTC(2026, 10, 22)]
  const each = new Set<string>()
  for (let at = from; at <= to; at += DAY_MS) each.add(made.pseudonym(subject, at))
  expect(made.pseudonyms(subject, { from, to })).toEqual([...each])
})
