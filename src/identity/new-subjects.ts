/** New subjects per source and address prefix: anybody may invent anonymous ids, so the making of people is metered. */
export interface NewSubjectLimit {
  /** True where one more may be made now. */
  take(sourceId: number, addressPrefix: string): boolean
}

const MAX_BUCKETS = 20_000

/** A token bucket for each (source, prefix). The oldest bucket goes when there are too many. */
export function createNewSubjectLimit(options: {
  readonly perMinute: number
  readonly burst: number
  readonly now: () => number
}): NewSubjectLimit {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return {
    take(sourceId, addressPrefix) {
      const now = options.now()
      const name = `${sourceId} ${addressPrefix}`
      const bucket = buckets.get(name) ?? { tokens: options.burst, at: now }
      buckets.delete(name)
      buckets.set(name, bucket) // most recently used last
      if (buckets.size > MAX_BUCKETS) buckets.delete(buckets.keys().next().value!)
      bucket.tokens = Math.min(options.burst, bucket.tokens + ((now - bucket.at) * options.perMinute) / 60_000)
      bucket.at = now
      if (bucket.tokens < 1) return false
      bucket.tokens -= 1
      return true
    },
  }
}
