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
import { type Epochs, openEpochs } from './epochs.ts'
import type { KeyProvider } from './provider.ts'
import { type CacheLimits, createSubjectKeyCache, DEFAULT_LIMITS } from './subject-key-cache.ts'

/** Every key that the gateway works with, open in memory. All but `refresh` and `health` is synchronous. */
export interface Keyring {
  /** A new key for a subject, version 1, and its row's bytes. Not cached: `remember` it once the row is committed. */
  createSubjectKey(subject: SubjectId): { wrapped: Buffer; keys: SubjectKeys }
  /**
   * Opens a row of weir.subject_key and caches it. Throws ProtectError for a row that is not this subject's, AppError
   * `key-epoch-unknown` where the epoch was made after the last `refresh`, or was destroyed.
   */
  unwrapSubjectKey(subject: SubjectId, wrapped: Uint8Array): SubjectKeys
  /** Keys unwrapped or remembered within the last 60 s. */
  cached(subject: SubjectId, keyVersion: number): SubjectKeys | undefined
  remember(subject: SubjectId, keys: SubjectKeys): void
  /** The subject's keys were destroyed: drops them, and caches none of this subject for the next 60 s. */
  forget(subject: SubjectId): void
  /** Drops every cached key, for when announcements of destroyed keys may have been missed (LISTEN broke off). */
  forgetAll(): void
  /** Reads the key epochs again. */
  refresh(): Promise<void>
  /** Resolves when the provider works now. */
  health(): Promise<void>
  /** Root and number for makePseudonymiser. */
  readonly pseudonymRoot: KeyObject
  readonly pseudonymKid: number
  /** For blindIndex. */
  readonly indexKey: KeyObject
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

/**
 * Opens the key epochs of the database, making the first one where there is none. Throws AppError `keyset-mismatch`
 * where the provider's roots are not those of this database.
 */
export async function openKeyring(db: Db, provider: KeyProvider, options: KeyringOptions = {}): Promise<Keyring> {
  const now = options.now ?? (() => performance.now())
  const cache = createSubjectKeyCache({ ...DEFAULT_LIMITS, ...options.cache }, now)
  let epochs: Epochs = await openEpochs(db, provider)
  return {
    createSubjectKey(subject) {
      const key = generateSubjectKey()
      const header = { kid: epochs.active.kid, keyVersion: FIRST_VERSION }
      const wrapped = wrapSubjectKey(epochs.active.key, header, subject, key)
      return { wrapped, keys: subjectKeys(key, FIRST_VERSION) }
    },
    unwrapSubjectKey(subject, wrapped) {
      const { kid, keyVersion } = readWrapHeader(wrapped)
      const epochKey = epochs.byKid.get(kid)
      if (epochKey === undefined) throw unknownEpoch(kid)
      const keys = subjectKeys(unwrapSubjectKey(epochKey, subject, wrapped), keyVersion)
      cache.put(subject, keys)
      return keys
    },
    cached: (subject, keyVersion) => cache.get(subject, keyVersion),
    remember: (subject, keys) => cache.put(subject, keys),
    forget: (subject) => cache.forget(subject),
    forgetAll: () => cache.clear(),
    async refresh() {
      epochs = await openEpochs(db, provider)
    },
    health: () => provider.health(),
    pseudonymRoot: provider.root('pseudonym'),
    pseudonymKid: provider.kid('pseudonym'),
    indexKey: provider.root('index'),
    dedupeKey: provider.root('dedupe'),
    tombstoneKey: provider.root('tombstone'),
    tokenKey: provider.root('token'),
    auditKey: provider.root('audit'),
  }
}

function unknownEpoch(kid: number): AppError {
  return new AppError('conflict', `key epoch ${kid} is not open here: it is newer than this process or destroyed`, {
    code: 'key-epoch-unknown',
  })
}
