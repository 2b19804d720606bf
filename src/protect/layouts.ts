/**
 * Injective byte layouts: every part is preceded by its length, so that no two lists of parts give the same bytes
 * (plain concatenation would let "ab","c" stand for "a","bc").
 */

/** The one tenant of this installation, 16 bytes, as the layouts of protect/ demand one. */
export const TENANT: Uint8Array = new Uint8Array(16)

const MAX_PART = 0xffff
const NOTHING = new Uint8Array(0)

/** LP(x): u16BE length, then the bytes (a string as UTF-8). Throws RangeError above 65,535 bytes. */
export function lp(part: Uint8Array | string): Uint8Array {
  return lpAfter(NOTHING, [part])
}

/** LP of each part, one after the other. */
export function lpConcat(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  return lpAfter(NOTHING, parts)
}

/** `prefix` as it stands (of a length that its own first bytes fix), then LP of each part. */
export function lpAfter(prefix: Uint8Array, parts: readonly (Uint8Array | string)[]): Uint8Array {
  let total = prefix.length
  for (const part of parts) total += 2 + byteLength(part)
  const out = Buffer.allocUnsafe(total)
  out.set(prefix, 0)
  let at = prefix.length
  for (const part of parts) at = writePart(out, at, part)
  return out
}

function writePart(out: Buffer, at: number, part: Uint8Array | string): number {
  const start = at + 2
  let length: number
  if (typeof part === 'string') {
    length = out.write(part, start, 'utf8')
  } else {
    out.set(part, start)
    length = part.length
  }
  out.writeUInt16BE(length, at)
  return start + length
}

function byteLength(part: Uint8Array | string): number {
  const length = typeof part === 'string' ? Buffer.byteLength(part, 'utf8') : part.length
  if (length > MAX_PART) throw new RangeError('a part of a byte layout is longer than 65,535 bytes')
  return length
}

/** A number as 2 bytes, big-endian. Throws RangeError outside 0…65,535. */
export function u16(value: number): Uint8Array {
  const out = Buffer.allocUnsafe(2)
  out.writeUInt16BE(value)
  return out
}

/** A number as 4 bytes, big-endian. Throws RangeError outside 0…4,294,967,295. */
export function u32(value: number): Uint8Array {
  const out = Buffer.allocUnsafe(4)
  out.writeUInt32BE(value)
  return out
}

/** The 16 bytes of a UUID in its usual text form, any case. Throws TypeError (without the value) for anything else. */
export function uuidBytes(uuid: string): Uint8Array {
  const dashed = uuid.length === 36 && uuid[8] === '-' && uuid[13] === '-' && uuid[18] === '-' && uuid[23] === '-'
  const bytes = dashed ? Buffer.from(uuid.replaceAll('-', ''), 'hex') : NOTHING
  if (bytes.length !== 16) throw new TypeError('not a UUID in its text form')
  return bytes
}
