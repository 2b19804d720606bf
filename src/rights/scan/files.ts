import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Needles } from '../request.ts'
import { searchPlan } from './plan.ts'

export interface FileHit {
  readonly path: string
  /** `raw`: what may never lie anywhere; `keyed`: what is gone once the file was cleaned. */
  readonly kind: 'raw' | 'keyed'
}

export interface FilesResult {
  readonly files: number
  readonly bytes: number
  readonly hits: readonly FileHit[]
}

export interface FilesOptions {
  /** Bytes searched so far, of how many there were when it began. */
  readonly progress?: (done: number, of: number) => void
  readonly signal?: AbortSignal
}

interface Sought {
  readonly bytes: Buffer
  readonly kind: FileHit['kind']
  /** Counts only where no letter or digit stands beside it. */
  readonly isWord: boolean
}

const CHUNK = 4 * 1024 * 1024

/**
 * Searches files, and every file below folders, byte by byte: as text, and hashes, index values and ids as the bytes that
 * they are. In memory is one piece of 4 MB at a time, with an overlap as long as the longest needle. A file that goes
 * away meanwhile is passed over. What Postgres has compressed (values beyond 2 kB) does not show its bytes: such values
 * are found while they are rows, by the search of the columns.
 */
export async function scanFiles(
  paths: readonly string[],
  needles: Needles,
  options: FilesOptions = {},
): Promise<FilesResult> {
  const finder = createFinder(soughtOf(needles))
  const files = (await Promise.all(paths.map(filesBelow))).flat()
  const total = files.reduce((sum, { size }) => sum + size, 0)
  const hits: FileHit[] = []
  const buffer = Buffer.alloc(CHUNK + finder.longest)
  let bytes = 0
  for (const { path } of files) {
    options.signal?.throwIfAborted()
    const found = await scanFile(path, finder, buffer)
    bytes += found.bytes
    hits.push(...[...found.kinds].map((kind) => ({ path, kind })))
    options.progress?.(bytes, Math.max(total, bytes))
  }
  return { files: files.length, bytes, hits }
}

function soughtOf({ raw, keyed }: Needles): Sought[] {
  const of = (needles: Needles, kind: FileHit['kind']): Sought[] => {
    const { words, bytes, coarse } = searchPlan(needles)
    const [short, tooShort] = [new Set(words), new Set(coarse)]
    return bytes
      .filter((one) => !tooShort.has(one.toString('utf8')))
      .map((one) => ({ bytes: one, kind, isWord: short.has(one.toString('utf8')) }))
  }
  return [...of({ raw, keyed: [] }, 'raw'), ...of({ raw: [], keyed }, 'keyed')]
}

async function filesBelow(path: string): Promise<{ path: string; size: number }[]> {
  const sizeOf = async (file: string): Promise<{ path: string; size: number }[]> => {
    const found = await stat(file).catch(unlessGone)
    return found?.isFile() === true ? [{ path: file, size: found.size }] : []
  }
  const found = await stat(path).catch(unlessGone)
  if (found === undefined) return []
  if (found.isFile()) return sizeOf(path)
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const sized = await Promise.all(
    entries.filter((one) => one.isFile()).map((one) => sizeOf(join(one.parentPath, one.name))),
  )
  return sized.flat()
}

function unlessGone(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined
  throw error
}

interface Finder {
  readonly longest: number
  readonly find: (haystack: Buffer, found: Set<FileHit['kind']>) => void
}

/** One pass, which stops only where two bytes are those that a needle begins with. */
function createFinder(sought: readonly Sought[]): Finder {
  const starts = new Uint8Array(65_536)
  const byStart = Map.groupBy(sought, ({ bytes }) => bytes.readUInt16BE(0))
  for (const start of byStart.keys()) starts[start] = 1
  return {
    longest: Math.max(2, ...sought.map(({ bytes }) => bytes.length)) + 1,
    find(haystack, found) {
      let before = haystack[0] ?? 0
      for (let i = 1; i < haystack.length; i++) {
        const byte = haystack[i]!
        if (starts[(before << 8) | byte] === 1) {
          for (const one of byStart.get((before << 8) | byte)!) {
            if (!found.has(one.kind) && isAt(haystack, i - 1, one)) found.add(one.kind)
          }
        }
        before = byte
      }
    },
  }
}

function isAt(haystack: Buffer, at: number, { bytes, isWord }: Sought): boolean {
  const end = at + bytes.length
  if (end > haystack.length || haystack.compare(bytes, 0, bytes.length, at, end) !== 0) return false
  return !isWord || (!isAlphanumeric(haystack[at - 1]) && !isAlphanumeric(haystack[end]))
}

function isAlphanumeric(byte: number | undefined): boolean {
  if (byte === undefined) return false
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
}

async function scanFile(
  path: string,
  { find, longest }: Finder,
  buffer: Buffer,
): Promise<{ bytes: number; kinds: Set<FileHit['kind']> }> {
  const kinds = new Set<FileHit['kind']>()
  const file = await open(path).catch(unlessGone)
  if (file === undefined) return { bytes: 0, kinds }
  try {
    let kept = 0
    let bytes = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, kept, CHUNK)
      if (bytesRead === 0) break
      bytes += bytesRead
      const filled = kept + bytesRead
      find(buffer.subarray(0, filled), kinds)
      kept = Math.min(longest, filled)
      buffer.copy(buffer, 0, filled - kept, filled)
    }
    return { bytes, kinds }
  } finally {
    await file.close()
  }
}
