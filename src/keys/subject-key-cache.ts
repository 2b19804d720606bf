import type { SubjectId } from '../event/ids.ts'
import type { SubjectKeys } from '../protect/subject-key.ts'

export interface SubjectKeyCache {
  /** The keys of this version, if they are held, not too old and not used up. */
  get(subject: SubjectId, keyVersion: number): SubjectKeys | undefined
  /** Holds keys, unless the subject was forgotten within the last TTL. */
  put(subject: SubjectId, keys: SubjectKeys): void
  /** Drops every version of the subject's keys, and takes none again for one TTL. */
  forget(subject: SubjectId): void
  clear(): void
}

export interface CacheLimits {
  readonly maxEntries: number
  /** Milliseconds: how long a revocation that no message announced may go unseen. */
  readonly ttl: number
  readonly maxUses: number
}

export const DEFAULT_LIMITS: CacheLimits = { maxEntries: 50_000, ttl: 60_000, maxUses: 1_000_000 }

interface Held {
  readonly keys: SubjectKeys
  readonly until: number
  usesLeft: number
}

/**
 * Least recently used keys go first. `now` is a monotonic clock in milliseconds. A KeyObject that is dropped is freed
 * by the garbage collector, not wiped: JavaScript offers no better.
 */
export function createSubjectKeyCache(limits: CacheLimits, now: () => number): SubjectKeyCache {
  const held = new Map<string, Held>() // a Map keeps the order of insertion: the first is the least recently used
  const forgotten = new Map<SubjectId, number>()
  let highestVersion = 0
  return {
    get(subject, keyVersion) {
      const id = entryId(subject, keyVersion)
      const entry = held.get(id)
      if (entry === undefined) return undefined
      held.delete(id)
      if (entry.until <= now() || entry.usesLeft <= 0) return undefined
      entry.usesLeft--
      held.set(id, entry)
      return entry.keys
    },
    put(subject, keys) {
      // An unwrap that was under way when the key was destroyed must not bring it back.
      const bannedUntil = forgotten.get(subject)
      if (bannedUntil !== undefined && bannedUntil > now()) return
      highestVersion = Math.max(highestVersion, keys.keyVersion)
      const id = entryId(subject, keys.keyVersion)
      held.delete(id)
      held.set(id, { keys, until: now() + limits.ttl, usesLeft: limits.maxUses })
      if (held.size > limits.maxEntries) dropFirst(held)
    },
    forget(subject) {
      for (let version = 0; version <= highestVersion; version++) held.delete(entryId(subject, version))
      forgotten.delete(subject)
      dropExpired(forgotten, now())
      forgotten.set(subject, now() + limits.ttl)
    },
    clear() {
      held.clear()
    },
  }
}

function entryId(subject: SubjectId, keyVersion: number): string {
  return `${subject}/${keyVersion}`
}

function dropFirst(map: Map<string, Held>): void {
  for (const id of map.keys()) {
    map.delete(id)
    return
  }
}

/** In insertion order the bans also end in order, so the first that still holds ends the search. */
function dropExpired(bans: Map<SubjectId, number>, now: number): void {
  for (const [subject, until] of bans) {
    if (until > now) return
    bans.delete(subject)
  }
}
