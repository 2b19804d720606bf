import { setTimeout as wait } from 'node:timers/promises'
import { AppError } from '../errors.ts'
import type { KnownSource } from './sources.ts'

export interface SourceCache {
  /** The active source of a write key, by the key's hash. */
  find(keyHash: string): Promise<KnownSource | undefined>
  /** True where an active browser source lists the origin: all that a preflight, which has no key, can be asked. */
  listsOrigin(origin: string): Promise<boolean>
}

const FRESH_MS = 2_000 // a revoked key works no longer than this
const PATIENCE_MS = 3_000 // a database that hangs must not gather requests that wait to be authenticated
const BETWEEN_MS = 200 // garbage keys wait in line for one reload, they do not each ask the database

interface Snapshot {
  readonly at: number
  readonly sources: ReadonlyMap<string, KnownSource>
  readonly origins: ReadonlySet<string>
}

interface Reading {
  readonly at: number
  readonly sources: Promise<ReadonlyMap<string, KnownSource>>
}

/** All sources in memory. `load` reads the active ones; `clock` is monotonic, in milliseconds. */
export function createSourceCache(
  load: () => Promise<ReadonlyMap<string, KnownSource>>,
  clock: () => number = () => performance.now(),
): SourceCache {
  let snapshot: Snapshot | undefined
  let loading: Promise<Snapshot> | undefined
  let reading: Reading | undefined

  function reload(): Promise<Snapshot> {
    loading ??= loadAfterPause().finally(() => {
      loading = undefined
    })
    return loading
  }

  async function loadAfterPause(): Promise<Snapshot> {
    const pause = snapshot === undefined ? 0 : snapshot.at + BETWEEN_MS - clock()
    if (pause > 0) await wait(pause)
    reading ??= begin()
    const { at, sources: coming } = reading
    const sources = await within(PATIENCE_MS, coming)
    const origins = [...sources.values()].flatMap(({ source }) => (source.kind === 'browser' ? source.origins : []))
    snapshot = { at, sources, origins: new Set(origins) }
    return snapshot
  }

  /** One read at a time, also of a database that does not answer: the next caller waits for the same. */
  function begin(): Reading {
    const at = clock() // before the read: what changes while it runs is seen by the next one
    const sources = load().finally(() => {
      reading = undefined
    })
    return { at, sources }
  }

  async function fresh(): Promise<Snapshot> {
    return snapshot !== undefined && clock() - snapshot.at < FRESH_MS ? snapshot : reload()
  }

  /** What is unknown may have been added a moment ago: only a read that began after the question says no. */
  async function orReload<T>(answer: (from: Snapshot) => T | undefined): Promise<T | undefined> {
    const asked = clock()
    let from = await fresh()
    let found = answer(from)
    while (found === undefined && from.at < asked) {
      from = await reload()
      found = answer(from)
    }
    return found
  }

  return {
    find: (keyHash) => orReload(({ sources }) => sources.get(keyHash)),
    async listsOrigin(origin) {
      return (await orReload(({ origins }) => (origins.has(origin) ? true : undefined))) ?? false
    },
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const enough = new AbortController()
  const late = wait(ms, undefined, { signal: enough.signal }).then(() => {
    throw new AppError('overloaded', 'The keys cannot be looked up just now: send again.', { retryAfter: 2 })
  })
  try {
    return await Promise.race([work, late])
  } finally {
    enough.abort()
    late.catch(() => undefined) // the abort
  }
}
