import type { KeyObject } from 'node:crypto'

/**
 * What a root key is for. Each class has a random root of its own, never derived from another: they live and die on
 * different schedules, and one that leaks gives nothing of the others.
 */
export const ROOT_CLASSES = ['wrap', 'pseudonym', 'index', 'dedupe', 'tombstone', 'token', 'audit'] as const
export type RootClass = (typeof ROOT_CLASSES)[number]

/** What a wrapped key is bound to. Unwrapping with another context fails. */
export type WrapContext = Readonly<Record<string, string>>

/** Where the roots are: a sealed file today, a key management service behind the same contract. */
export interface KeyProvider {
  /** `file:/path/to/keyset.json`: names the provider in errors and in the inventory; holds no secret. */
  readonly uri: string
  /** Encrypts key material under the current wrap root, bound to `context`. */
  wrap(plaintext: Uint8Array, context: WrapContext): Promise<Buffer>
  /** What was wrapped. Throws ProtectError when the root, the context or a byte differs. */
  unwrap(wrapped: Uint8Array, context: WrapContext): Promise<Buffer>
  /** The current root of a class. Throws where the class is `wrap`, whose key never leaves the provider. */
  root(rootClass: Exclude<RootClass, 'wrap'>): KeyObject
  /** Number of the current root of a class, as it stands in pseudonyms and wrapped keys. */
  kid(rootClass: RootClass): number
  /** Resolves when the provider can wrap and unwrap now. */
  health(): Promise<void>
}
