/**
 * What a key is for. Each class has random keys of its own, never derived from another's: they live and die on
 * different schedules, and one that leaks gives nothing of the others.
 *
 * `epoch` wraps the keys of subjects. The others are roots: of pseudonyms, of blind indexes, of what dedupes events
 * and orders, of tombstones, of tokens and device secrets, of the audit log.
 */
export const KEY_CLASSES = ['epoch', 'pseudonym', 'index', 'dedupe', 'tombstone', 'token', 'audit'] as const
export type KeyClass = (typeof KEY_CLASSES)[number]

/** What a wrapped key is bound to. Unwrapping with another context fails. */
export type WrapContext = Readonly<Record<string, string>>

/**
 * Where the root of all keys is: a sealed file, or a key management service. It wraps the few keys of KEY_CLASSES,
 * which lie in the database as it wrapped them; nothing else is ever sent to it. The root has versions: a new one for
 * each key epoch, so that destroying an old one makes every copy of what it wrapped useless, in backups too.
 *
 * Errors of all providers: ProtectError where bytes or context differ; AppError `key-root-destroyed` for a version
 * that is gone; AppError `key-provider-unavailable` where it did not answer in time, was throttled or failed, after
 * its retries. None holds a byte of a key or of a credential.
 */
export interface KeyProvider {
  /** `file:/path/to/keyset.json`, `vault:https://…`, `aws-kms:alias/…`: names it in errors; holds no secret. */
  readonly uri: string
  /** Days between asking for a destruction and its effect: what a service insists on. */
  readonly destroyDelayDays: number
  /** Encrypts key material under the newest version of the root, bound to `context`. The bytes name the version. */
  wrap(plaintext: Uint8Array, context: WrapContext): Promise<Buffer>
  /** What was wrapped. */
  unwrap(wrapped: Uint8Array, context: WrapContext): Promise<Buffer>
  /** The version of the root that `wrapped` needs. Asks nobody; not authenticated. Throws ProtectError. */
  rootVersion(wrapped: Uint8Array): string
  /** Makes a new version of the root, which wrap() uses from now on, and other processes at the latest when they unwrap. */
  rotate(): Promise<string>
  /**
   * Destroys a version for good: nothing that it wrapped opens after `effectiveAt`. Oldest first: every older version
   * may go with it. One that is destroyed already is no error.
   */
  destroy(version: string): Promise<{ readonly effectiveAt: Date }>
  /** Resolves when it can wrap and unwrap now. */
  health(): Promise<void>
}
