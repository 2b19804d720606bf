import { FormatError } from './format-error.ts'

/** Bytes of the largest entry: its length is a uint16 (C2SP tlog-tiles, Log entries). */
export const MAX_ENTRY = 0xffff

/** Entries one after another, each behind its length as a big-endian uint16. A FormatError for one that is too long. */
export function writeBundle(entries: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    if (entry.length > MAX_ENTRY) throw new FormatError(`an entry has at most ${MAX_ENTRY} bytes`)
    parts.push(Buffer.of(entry.length >> 8, entry.length & 0xff), entry)
  }
  return Buffer.concat(parts)
}

/** The entries of a bundle, as views into it. A FormatError where it ends within an entry, or has not `count` of them. */
export function readBundle(bundle: Buffer, count: number): Buffer[] {
  const entries: Buffer[] = []
  let at = 0
  while (at < bundle.length) {
    const start = at + 2
    if (start > bundle.length) throw new FormatError('a bundle ends within an entry')
    at = start + bundle.readUInt16BE(at)
    if (at > bundle.length) throw new FormatError('a bundle ends within an entry')
    entries.push(bundle.subarray(start, at))
  }
  if (entries.length !== count) throw new FormatError('a bundle has not as many entries as its width says')
  return entries
}
