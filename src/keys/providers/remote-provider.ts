import { randomBytes } from 'node:crypto'
import { ProtectError } from '../../protect/protect-error.ts'
import type { KeyProvider, WrapContext } from '../provider.ts'
import { rootUnknown, unavailable } from './remote-call.ts'
import {
  checkKeyLength,
  checkRemote,
  composeRemote,
  parseRemote,
  type RemoteSuite,
  type RemoteWrapped,
} from './remote-wrapping.ts'

/** What one service does its own way. Errors are those of KeyProvider. */
export interface RemoteRoot {
  readonly uri: string
  readonly suite: RemoteSuite
  readonly destroyDelayDays: number
  /** Under the newest version. */
  encrypt(key: Uint8Array, context: WrapContext): Promise<{ version: string; ciphertext: Uint8Array }>
  /** Whatever the service answers: the caller checks it. `version` is one that isVersion takes. */
  decrypt(wrapped: RemoteWrapped, context: WrapContext): Promise<Buffer>
  /** Whether a version can be one of this service's at all. */
  isVersion(version: string): boolean
  rotate(): Promise<string>
  destroy(version: string): Promise<{ readonly effectiveAt: Date }>
}

/** A key provider over a service that is asked over the network and believed only as far as it can be checked. */
export function createRemoteProvider(root: RemoteRoot): KeyProvider {
  const { uri, suite } = root
  const parse = (wrapped: Uint8Array): RemoteWrapped => {
    const parsed = parseRemote(suite, wrapped)
    if (!root.isVersion(parsed.version)) throw new ProtectError('authentication', 'wrapped key')
    return parsed
  }
  const unwrap = async (wrapped: Uint8Array, context: WrapContext): Promise<Buffer> => {
    const key = await root.decrypt(parse(wrapped), context)
    try {
      checkRemote(suite, wrapped, key, context)
    } catch (error) {
      key.fill(0)
      throw error
    }
    return key
  }
  const wrap = async (key: Uint8Array, context: WrapContext): Promise<Buffer> => {
    checkKeyLength(key)
    const given = await root.encrypt(key, context)
    if (!root.isVersion(given.version)) throw unavailable(uri, 'answers with a version that is none')
    const wrapped = composeRemote(suite, given, key, context)
    // A key that was wrapped wrongly would be missed when nothing else holds it any more.
    const again = await unwrap(wrapped, context).catch((cause: unknown) => {
      if (!(cause instanceof ProtectError)) throw cause
      throw unavailable(uri, 'does not open what it has just wrapped', cause)
    })
    again.fill(0)
    return wrapped
  }
  return {
    uri,
    destroyDelayDays: root.destroyDelayDays,
    wrap,
    unwrap,
    rootVersion: (wrapped) => parse(wrapped).version,
    rotate: () => root.rotate(),
    async destroy(version) {
      if (!root.isVersion(version)) throw rootUnknown(uri)
      return root.destroy(version)
    },
    async health() {
      await wrap(randomBytes(32), { class: 'health' })
    },
  }
}
