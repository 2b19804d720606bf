import { createSecretKey, type KeyObject, randomFillSync } from 'node:crypto'
import { lp, u16, u32 } from '../../protect/layouts.ts'
import { KEY_CLASSES } from '../provider.ts'

/**
 * What lies sealed in a keyset file, v1: 0x01 ‖ number of keys u16BE ‖ for each LP(class) ‖ kid u32BE ‖ key, 32 bytes.
 * Class `wrap` is the root, a kid for each version. Keysets made before the other classes lay in the database hold one
 * key of each of them, too. Bytes and not JSON, so that no key ever becomes a JavaScript string, which nothing can wipe.
 */
const VERSION = 0x01
const KEY_LENGTH = 32
const CLASSES = ['wrap', ...KEY_CLASSES.filter((one) => one !== 'epoch')] as const

export interface KeysetKey {
  readonly keyClass: (typeof CLASSES)[number]
  /** Number within the class, from 1; of `wrap` the highest is the current version of the root. */
  readonly kid: number
  readonly key: KeyObject
}

/** A first version of the root. */
export function firstRoot(): KeysetKey {
  return nextRoot([])
}

/** The version of the root that follows these. */
export function nextRoot(keys: readonly KeysetKey[]): KeysetKey {
  const bytes = randomFillSync(Buffer.alloc(KEY_LENGTH))
  const kid = Math.max(0, ...keys.filter(({ keyClass }) => keyClass === 'wrap').map((one) => one.kid)) + 1
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return { keyClass: 'wrap', kid, key }
}

/** Content ready to be sealed. The caller wipes it. */
export function writeContent(keys: readonly KeysetKey[]): Buffer {
  const parts: Uint8Array[] = [Uint8Array.of(VERSION), u16(keys.length)]
  for (const { keyClass, kid, key } of keys) parts.push(lp(keyClass), u32(kid), key.export())
  const content = Buffer.concat(parts)
  for (const part of parts) part.fill(0)
  return content
}

/** The keys in sealed content; undefined where it is not a whole v1 content with a root. */
export function readContent(content: Buffer): KeysetKey[] | undefined {
  try {
    const keys = readKeys(content)
    return keys.some(({ keyClass }) => keyClass === 'wrap') ? keys : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined // read beyond the end
    throw error
  }
}

function readKeys(content: Buffer): KeysetKey[] {
  if (content.readUInt8(0) !== VERSION) throw new RangeError('unknown version of keyset content')
  const keys: KeysetKey[] = []
  let at = 3
  for (let left = content.readUInt16BE(1); left > 0; left--) {
    const nameEnd = at + 2 + content.readUInt16BE(at)
    const name = content.toString('utf8', at + 2, nameEnd)
    const keyClass = CLASSES.find((known) => known === name)
    if (keyClass === undefined) throw new RangeError('unknown class of key')
    const keyAt = nameEnd + 4
    if (keyAt + KEY_LENGTH > content.length) throw new RangeError('keyset content is cut off')
    const key = createSecretKey(content.subarray(keyAt, keyAt + KEY_LENGTH))
    keys.push({ keyClass, kid: content.readUInt32BE(nameEnd), key })
    at = keyAt + KEY_LENGTH
  }
  if (at !== content.length) throw new RangeError('bytes after the last key')
  return keys
}
