import { expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import type { Source } from '../../../src/event/event.ts'
import { createRateLimit } from '../../../src/http/rate-limit.ts'
import { showResult } from '../../../src/http/results.ts'
import { createSourceCache } from '../../../src/http/source-cache.ts'
import { checkOrigin, type KnownSource, keyHash } from '../../../src/http/sources.ts'

const source: Source = { id: 1, name: 's', kind: 'browser', shop: 'main', origins: ['https://a.example'], test: false }
const rates = { browser: { perSecond: 10, burst: 20 }, server: { perSecond: 100, burst: 200 } }

test('a bucket empties, says how long to wait in whole seconds, and fills again', () => {
  let now = 0
  const limit = createRateLimit(rates, () => now)
  limit(source, 'a', 20)
  expect(waitOf(() => limit(source, 'a', 15))).toBe(2)
  now += 1_500
  limit(source, 'a', 15)
  expect(waitOf(() => limit(source, 'a', 1))).toBe(1)
  limit(source, 'b', 20) // a neighbour has its own
})

test('a server key has one bucket, whatever its address; a batch above the burst waits for a full one', () => {
  const limit = createRateLimit(rates, () => 0)
  const server: Source = { ...source, kind: 'server' }
  limit(server, 'a', 2_500)
  expect(waitOf(() => limit(server, 'b', 2_500))).toBe(2)
})

test('a clock that goes back gives nothing and takes nothing', () => {
  let now = 10_000
  const limit = createRateLimit(rates, () => now)
  limit(source, 'a', 20)
  now = 0
  expect(waitOf(() => limit(source, 'a', 1))).toBe(1)
})

test('buckets are bounded: the one not used for longest is forgotten', () => {
  const limit = createRateLimit(rates, () => 0, 2)
  limit(source, 'a', 20)
  limit(source, 'b', 20)
  limit(source, 'c', 1)
  limit(source, 'a', 20) // forgotten, so full again
  expect(waitOf(() => limit(source, 'a', 1))).toBe(1)
})

function waitOf(take: () => void): number | undefined {
  try {
    take()
  } catch (error) {
    expect(error).toBeInstanceOf(AppError)
    expect((error as AppError).status).toBe(429)
    return (error as AppError).retryAfter
  }
  return undefined
}

test('garbage keys share reloads: a thousand cost two', async () => {
  let loads = 0
  const cache = createSourceCache(async () => {
    loads++
    return new Map<string, KnownSource>()
  })
  const found = await Promise.all(Array.from({ length: 1_000 }, (_, i) => cache.find(keyHash(`garbage-${i}`))))
  expect(found.every((one) => one === undefined)).toBe(true)
  expect(loads).toBeLessThanOrEqual(2)
})

test('a key added while a load was under way is found by the next one', async () => {
  const rows = new Map<string, KnownSource>()
  const first = Promise.withResolvers<void>()
  let loads = 0
  const cache = createSourceCache(async () => {
    const seen = new Map(rows)
    if (++loads === 1) await first.promise
    return seen
  })
  const early = cache.find(keyHash('other'))
  rows.set(keyHash('new'), { source, secretHash: undefined })
  const late = cache.find(keyHash('new'))
  first.resolve()
  expect(await early).toBeUndefined()
  expect(await late).toMatchObject({ source: { name: 's' } })
})

test('the origins of browser sources are known, those of nobody are not', async () => {
  const rows = new Map<string, KnownSource>([[keyHash('k'), { source, secretHash: undefined }]])
  const cache = createSourceCache(async () => rows)
  expect(await cache.listsOrigin('https://a.example')).toBe(true)
  expect(await cache.listsOrigin('null')).toBe(false)
})

test.each([
  'https://a.example',
  'https://a.example:8443',
  'http://localhost:3000',
  'http://127.0.0.1',
  'http://[::1]:80'.replace(':80', ':81'),
])('%s is an origin', (origin) => {
  expect(checkOrigin(origin)).toBe(origin)
})

test.each([
  'http://a.example',
  'https://a.example/',
  'https://a.example/x',
  'https://*.example',
  '*',
  'null',
  '',
  'https://A.example',
  'https://a.example:443',
  'https://u@a.example',
  'ftp://a.example',
  'a.example',
])('%j is no origin', (origin) => {
  expect(() => checkOrigin(origin)).toThrow(/An origin is/)
})

test.each([
  ['browser', 'refused', { outcome: 'accepted' }],
  ['browser', 'suppressed', { outcome: 'accepted' }],
  ['browser', 'accepted', { outcome: 'accepted' }],
  ['browser', 'duplicate', { outcome: 'duplicate' }],
  ['browser', 'invalid', { outcome: 'invalid', reason: 'why' }],
  ['server', 'refused', { outcome: 'refused', reason: 'why' }],
  ['server', 'suppressed', { outcome: 'suppressed', reason: 'why' }],
] as const)('a %s key sees %s as %j', (kind, outcome, seen) => {
  const result = { messageId: 'm', outcome, reason: 'why', detail: { a: 1 } }
  expect(showResult(result, { ...source, kind })).toEqual({ messageId: 'm', ...seen })
  expect(showResult(result, { ...source, kind, test: true })).toEqual(result)
})
