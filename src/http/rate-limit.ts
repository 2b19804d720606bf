import { AppError } from '../errors.ts'
import type { Source } from '../event/event.ts'
import type { HttpConfig, Rate } from './deps.ts'

// A shop's visitors share a prefix behind one carrier: generous, and a full batch of 2,500 still fits at once.
const BROWSER: Rate = { perSecond: 200, burst: 4_000 }
const SERVER: Rate = { perSecond: 50_000, burst: 100_000 }
const MAX_BUCKETS = 50_000

interface Bucket {
  tokens: number
  at: number
}

/**
 * Takes `cost` events from the caller's bucket, or throws AppError 429 with whole seconds to wait. Browser keys are
 * public, so theirs is per key and address prefix; a server key has one.
 */
export type RateLimit = (source: Source, addressPrefix: string, cost: number) => void

export function createRateLimit(
  limits: HttpConfig['rateLimits'],
  clock: () => number,
  maxBuckets: number = MAX_BUCKETS,
): RateLimit {
  const buckets = new Map<string, Bucket>() // in order of last use: the first one is the one to forget
  const rates = { browser: limits?.browser ?? BROWSER, server: limits?.server ?? SERVER }

  return (source, addressPrefix, cost) => {
    const rate = rates[source.kind]
    const key = source.kind === 'server' ? String(source.id) : `${source.id} ${addressPrefix}`
    const now = clock()
    const bucket = buckets.get(key) ?? { tokens: rate.burst, at: now }
    const elapsed = Math.max(0, now - bucket.at)
    bucket.tokens = Math.min(rate.burst, bucket.tokens + (elapsed * rate.perSecond) / 1000)
    bucket.at = now
    buckets.delete(key)
    buckets.set(key, bucket)
    if (buckets.size > maxBuckets) forgetOldest(buckets)
    const price = Math.min(cost, rate.burst) // a batch larger than the burst waits for a full bucket, not for ever
    if (bucket.tokens < price) throw tooMany((price - bucket.tokens) / rate.perSecond)
    bucket.tokens -= price
  }
}

function forgetOldest(buckets: Map<string, Bucket>): void {
  const oldest = buckets.keys().next()
  if (!oldest.done) buckets.delete(oldest.value)
}

function tooMany(seconds: number): AppError {
  // 300 s is the longest that the SDKs of the field wait.
  const retryAfter = Math.min(300, Math.max(1, Math.ceil(seconds)))
  return new AppError('overloaded', 'Too many events from here: wait as long as Retry-After says.', {
    code: 'rate-limited',
    status: 429,
    retryAfter,
  })
}
