import { ProtectError } from './protect-error.ts'

const SMALL_BUCKETS = [32, 64, 128, 256, 512]
const STEP = 512

/** Length of the bucket that holds `length` bytes and the padding's own mark. */
export function bucketFor(length: number): number {
  const needed = length + 1
  return SMALL_BUCKETS.find((bucket) => bucket >= needed) ?? Math.ceil(needed / STEP) * STEP
}

/** ISO/IEC 7816-4 padding up to the bucket: 0x80, then zeros. GCM shows exact lengths; buckets hide names and codes. */
export function pad(plaintext: Uint8Array): Buffer {
  const padded = Buffer.alloc(bucketFor(plaintext.length))
  padded.set(plaintext)
  padded[plaintext.length] = 0x80
  return padded
}

/**
 * What was padded, as a view. Call it on authenticated bytes only: whoever could change them would learn from the
 * difference of errors. Throws ProtectError `padding`.
 */
export function unpad(padded: Buffer): Buffer {
  let end = padded.length - 1
  while (end >= 0 && padded[end] === 0) end--
  if (end < 0 || padded[end] !== 0x80 || bucketFor(end) !== padded.length) throw new ProtectError('padding', 'record')
  return padded.subarray(0, end)
}
