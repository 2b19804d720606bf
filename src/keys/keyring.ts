import type { KeyObject } from 'node:crypto'
import type { Db } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { SubjectId } from '../event/ids.ts'
import {
  generateSubjectKey,
  readWrapHeader,
  type SubjectKeys,
  subjectKeys,
  unwrapSubjectKey,
  wrapSubjectKey,
} from '../protect/subject-key.ts'
import { type Inherited, type KeyRow, makeFirstKeys, readKeys, unwrapKey } from './key-table.ts'
import { KEY_CLASSES, type KeyClass, type KeyProvider } from './provider.ts'
import { type CacheLimits, createSubjectKeyCache, DEFAULT_LIMITS } from './subject-key-cache.ts'

export interface NumberedKey {
  readonly kid: number
  readonly key: KeyObject
}

/** The keys of a class that are open: the active one makes new values, all of them read old ones. */
export interface KeyVersions {
  readonly active: NumberedKey
  /** Newest first, the active one among them. */
  readonly readable: readonly NumberedKey[]
}

/** Every key that the gateway works with, open in memory. All but `refresh` is synchronous. */
export interface Keyring {
  /** A new key for a subject and its row's bytes. Not cached: `remember` it once the row is committed. */
  createSubjectKey(subject: SubjectId, keyVersion?: number): { wrapped: Buffer; keys: SubjectKeys }
  /**
   * Opens a row of weir.subject_key and caches it. Throws ProtectError for a row that is not this subject's, AppError
   * `key-epoch-unknown` where the epoch was made after the last `refresh`, or was destroyed.
   */
  unwrapSubjectKey(subject: SubjectId, wrapped: Uint8Array): SubjectKeys
  /** The same key under the active epoch; undefined where it is under it already. Caches nothing. */
  rewrapSubjectKey(subject: SubjectId, wrapped: Uint8Array): Buffer | undefined
  /** Keys unwrapped or remembered within the last 60 s. */
  cached(subject: SubjectId, keyVersion: number): SubjectKeys | undefined
  remember(subject: SubjectId, keys: SubjectKeys): void
  /** The subject's keys were destroyed: drops them, and caches none of this subject for the next 60 s. */
  forget(subject: SubjectId): void
  /** Drops every cached key, for when it may have been missed that some were destroyed. */
  forgetAll(): void
  /** Reads which keys there are, and opens what is new. Returns whether anything had changed. */
  refresh(): Promise<boolean>
  /** Resolves when the provider works now. */
  health(): Promise<void>
  /** Wraps the keys of subjects. */
  readonly epoch: KeyVersions
  /** For makePseudonymiser. */
  readonly pseudonym: KeyVersions
  /** For blindIndex. */
  readonly index: KeyVersions
  /** For eventKey and orderKey. */
  readonly dedupeKey: KeyObject
  /** For what remains of erased subjects, so that a replayed event does not bring them back. */
  readonly tombstoneKey: KeyObject
  /** For secretHash and for tokens that Weir gives out. */
  readonly tokenKey: KeyObject
  readonly auditKey: KeyObject
}

export interface KeyringOptions {
  readonly cache?: Partial<CacheLimits>
  /** Monotonic clock in milliseconds. */
  readonly now?: () => number
}

const FIRST_VERSION = 1
const NOTHING_INHERITED: Inherited = new Map()

/**
 * Opens the keys of the database, making the first ones where there are none. Throws AppError `keyset-mismatch` where
 * the provider's root is not that of this database, `key-inactive` where a class has no active key.
 */
export async function openKeyring(
  db: Db,
  provider: KeyProvider & { readonly inherited?: Inherited },
  options: KeyringOptions = {},
): Promise<Keyring> {
  const now = options.now ?? (() => performance.now())
  const cache = createSubjectKeyCache({ ...DEFAULT_LIMITS, ...options.cache }, now)
  const rows = await makeFirstKeys(db, provider, provider.inherited ?? NOTHING_INHERITED)
  let open = await openKeys(provider, rows, new Map())
  let reading: Promise<boolean> | undefined

  const epochKey = (kid: number): KeyObject => {
    const found = open.versions.epoch.readable.find((one) => one.kid === kid)
    if (found === undefined) throw unknownEpoch(kid)
    return found.key
  }
  const wrap = (subject: SubjectId, keyVersion: number, key: KeyObject): Buffer => {
    const { kid, key: active } = open.versions.epoch.active
    return wrapSubjectKey(active, { kid, keyVersion }, subject, key)
  }
  return {
    createSubjectKey(subject, keyVersion = FIRST_VERSION) {
      const key = generateSubjectKey()
      return { wrapped: wrap(subject, keyVersion, key), keys: subjectKeys(key, keyVersion) }
    },
    unwrapSubjectKey(subject, wrapped) {
      const { kid, keyVersion } = readWrapHeader(wrapped)
      const keys = subjectKeys(unwrapSubjectKey(epochKey(kid), subject, wrapped), keyVersion)
      cache.put(subject, keys)
      return keys
    },
    rewrapSubjectKey(subject, wrapped) {
      const { kid, keyVersion } = readWrapHeader(wrapped)
      if (kid === open.versions.epoch.active.kid) return undefined
      return wrap(subject, keyVersion, unwrapSubjectKey(epochKey(kid), subject, wrapped))
    },
    cached: (subject, keyVersion) => cache.get(subject, keyVersion),
    remember: (subject, keys) => cache.put(subject, keys),
    forget: (subject) => cache.forget(subject),
    forgetAll: () => cache.clear(),
    refresh() {
      reading ??= (async () => {
        const before = open
        open = await openKeys(provider, await readKeys(db), before.byName)
        return open.described !== before.described
      })().finally(() => {
        reading = undefined
      })
      return reading
    },
    health: () => provider.health(),
    get epoch() {
      return open.versions.epoch
    },
    get pseudonym() {
      return open.versions.pseudonym
    },
    get index() {
      return open.versions.index
    },
    get dedupeKey() {
      return open.versions.dedupe.active.key
    },
    get tombstoneKey() {
      return open.versions.tombstone.active.key
    },
    get tokenKey() {
      return open.versions.token.active.key
    },
    get auditKey() {
      return open.versions.audit.active.key
    },
  }
}

interface OpenKeys {
  readonly versions: Readonly<Record<KeyClass, KeyVersions>>
  /** Every open key by `class/kid`, so that none is unwrapped twice. */
  readonly byName: ReadonlyMap<string, KeyObject>
  /** Which keys are open, in which state: differs where anything changed. */
  readonly described: string
}

async function openKeys(
  provider: KeyProvider,
  rows: readonly KeyRow[],
  known: ReadonlyMap<string, KeyObject>,
): Promise<OpenKeys> {
  const byName = new Map<string, KeyObject>()
  for (const row of rows) {
    if (row.wrapped === null) continue
    const name = `${row.class}/${row.kid}`
    byName.set(name, known.get(name) ?? (await unwrapKey(provider, row, row.wrapped)))
  }
  const versions = Object.fromEntries(KEY_CLASSES.map((keyClass) => [keyClass, versionsOf(keyClass, rows, byName)]))
  return {
    versions: versions as Record<KeyClass, KeyVersions>,
    byName,
    described: rows.map((row) => `${row.class}/${row.kid} ${row.state}`).join(),
  }
}

function versionsOf(keyClass: KeyClass, rows: readonly KeyRow[], byName: ReadonlyMap<string, KeyObject>): KeyVersions {
  // One that is pending is open, so that every node has it before the first value is made with it; nothing reads it yet.
  const ofClass = rows.filter((row) => row.class === keyClass && row.wrapped !== null && row.state !== 'pending')
  const numbered = ofClass.map(({ kid }) => ({ kid, key: byName.get(`${keyClass}/${kid}`)! }))
  const readable = numbered.toSorted((a, b) => b.kid - a.kid)
  const kid = ofClass.find((row) => row.state === 'active')?.kid
  const active = numbered.find((one) => one.kid === kid)
  if (active === undefined) {
    // A fresh key beside what old ones sealed would look like a start and open nothing.
    const message = `no ${keyClass} key of this database is active: restore the rows of weir.key that belong to it`
    throw new AppError('conflict', message, { code: 'key-inactive' })
  }
  return { active, readable }
}

function unknownEpoch(kid: number): AppError {
  return new AppError('conflict', `key epoch ${kid} is not open here: it is newer than this process or destroyed`, {
    code: 'key-epoch-unknown',
  })
}
