import { createSecretKey, type KeyObject, randomFillSync } from 'node:crypto'
import { lp, u16, u32 } from '../../protect/layouts.ts'
import { ROOT_CLASSES, type RootClass } from '../provider.ts'

/**
 * What lies sealed in a keyset file, v1: 0x01 ‖ number of roots u16BE ‖ for each LP(class) ‖ kid u32BE ‖ key, 32 bytes.
 * Bytes and not JSON, so that no key ever becomes a JavaScript string, which nothing can wipe.
 */
const VERSION = 0x01
const KEY_LENGTH = 32

export interface Root {
  readonly rootClass: RootClass
  /** Number within the class, from 1; the highest is the current one. At most 24 bits: pseudonyms show it. */
  readonly kid: number
  readonly key: KeyObject
}

/** One fresh random root of every class, as content ready to be sealed. The caller wipes it. */
export function generateContent(): Buffer {
  const parts: Uint8Array[] = [Uint8Array.of(VERSION), u16(ROOT_CLASSES.length)]
  for (const rootClass of ROOT_CLASSES) {
    parts.push(lp(rootClass), u32(1), randomFillSync(Buffer.alloc(KEY_LENGTH)))
  }
  const content = Buffer.concat(parts)
  for (const part of parts) part.fill(0)
  return content
}

/** The roots in sealed content; undefined where it is not a whole v1 content with every class. */
export function readContent(content: Buffer): Root[] | undefined {
  try {
    const roots = readRoots(content)
    return ROOT_CLASSES.every((known) => roots.some(({ rootClass }) => rootClass === known)) ? roots : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined // read beyond the end
    throw error
  }
}

function readRoots(content: Buffer): Root[] {
  if (content.readUInt8(0) !== VERSION) throw new RangeError('unknown version of keyset content')
  const roots: Root[] = []
  let at = 3
  for (let left = content.readUInt16BE(1); left > 0; left--) {
    const nameEnd = at + 2 + content.readUInt16BE(at)
    const name = content.toString('utf8', at + 2, nameEnd)
    const rootClass = ROOT_CLASSES.find((known) => known === name)
    if (rootClass === undefined) throw new RangeError('unknown class of root')
    const keyAt = nameEnd + 4
    if (keyAt + KEY_LENGTH > content.length) throw new RangeError('keyset content is cut off')
    const key = createSecretKey(content.subarray(keyAt, keyAt + KEY_LENGTH))
    roots.push({ rootClass, kid: content.readUInt32BE(nameEnd), key })
    at = keyAt + KEY_LENGTH
  }
  if (at !== content.length) throw new RangeError('bytes after the last root')
  return roots
}
