import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { type SubjectId, subjectId } from '../../../src/event/ids.ts'
import { createSubjectKeyCache } from '../../../src/keys/subject-key-cache.ts'
import { generateSubjectKey, type SubjectKeys, subjectKeys } from '../../../src/protect/subject-key.ts'

const someone = (): SubjectId => subjectId(randomUUID())
const fresh = (keyVersion = 1): SubjectKeys => subjectKeys(generateSubjectKey(), keyVersion)

function cacheAt(limits: { maxEntries?: number; ttl?: number; maxUses?: number } = {}) {
  const clock = { now: 0 }
  const cache = createSubjectKeyCache({ maxEntries: 3, ttl: 60_000, maxUses: 100, ...limits }, () => clock.now)
  return { cache, clock }
}

test('keys are held by subject and version', () => {
  const { cache } = cacheAt()
  const [subject, first, second] = [someone(), fresh(1), fresh(2)]
  cache.put(subject, first)
  cache.put(subject, second)
  expect(cache.get(subject, 1)).toBe(first)
  expect(cache.get(subject, 2)).toBe(second)
  expect(cache.get(someone(), 1)).toBeUndefined()
})

test('after 60 seconds they are read anew, used or not', () => {
  const { cache, clock } = cacheAt()
  const subject = someone()
  cache.put(subject, fresh())
  clock.now = 59_999
  expect(cache.get(subject, 1)).toBeDefined()
  clock.now = 60_000
  expect(cache.get(subject, 1)).toBeUndefined()
})

test('after the last allowed use they are read anew', () => {
  const { cache } = cacheAt({ maxUses: 2 })
  const subject = someone()
  cache.put(subject, fresh())
  expect([1, 2, 3].map(() => cache.get(subject, 1) !== undefined)).toEqual([true, true, false])
})

test('the least recently used goes first', () => {
  const { cache } = cacheAt()
  const subjects = [someone(), someone(), someone(), someone()] as const
  for (const subject of subjects.slice(0, 3)) cache.put(subject, fresh())
  cache.get(subjects[0], 1)
  cache.put(subjects[3], fresh())
  expect(subjects.map((subject) => cache.get(subject, 1) !== undefined)).toEqual([true, false, true, true])
})

test('a forgotten subject is gone in every version, and an unwrap under way does not bring it back', () => {
  const { cache, clock } = cacheAt()
  const [subject, other] = [someone(), someone()]
  for (const version of [1, 2]) cache.put(subject, fresh(version))
  cache.put(other, fresh())
  cache.forget(subject)
  cache.put(subject, fresh())
  expect([cache.get(subject, 1), cache.get(subject, 2)]).toEqual([undefined, undefined])
  expect(cache.get(other, 1)).toBeDefined()
  clock.now = 60_000
  cache.put(subject, fresh())
  expect(cache.get(subject, 1)).toBeDefined()
})

test('cleared, it holds nothing', () => {
  const { cache } = cacheAt()
  const subject = someone()
  cache.put(subject, fresh())
  cache.clear()
  expect(cache.get(subject, 1)).toBeUndefined()
})
