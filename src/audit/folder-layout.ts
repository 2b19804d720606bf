import { FormatError } from './format-error.ts'
import { parseCanonical } from './jcs.ts'

/** Names in an exported folder. Each shard's folder is a log as C2SP tlog-tiles lays it out, and more beside. */
export const LOG_FILE = 'log.json'
export const SHARDS = 'shards'
export const CHECKPOINT = 'checkpoint'
export const HISTORY = 'checkpoints.txt'
export const VKEY = 'vkey'

/** A shard in an exported folder. */
export interface FolderShard {
  readonly origin: string
  /** Name of its folder, the last part of the origin. */
  readonly path: string
  readonly firstIndex: bigint
}

/**
 * Folder of a shard: the last part of its origin, and a number where another shard has that already (the gateway moved
 * to another host). A FormatError where that is no plain name.
 */
export function folderOf(origin: string, taken: readonly string[]): string {
  const name = origin.slice(origin.lastIndexOf('/') + 1)
  if (!isName(name)) throw new FormatError('the origin of the shard does not end in a plain name')
  let path = name
  for (let n = 2; taken.includes(path); n++) path = `${name}.${n}`
  return path
}

/** What log.json says of the shards, oldest first. A FormatError where it is not as we write it. */
export function parseLogFile(text: string): FolderShard[] {
  const value = text.endsWith('\n') ? parseCanonical(text.slice(0, -1)) : undefined
  const shards = memberOf(value, 'shards')
  if (!Array.isArray(shards) || memberOf(value, 'v') !== 1) {
    throw new FormatError(`${LOG_FILE} is not that of an exported audit log`)
  }
  const found = shards.map(parseShard)
  const paths = new Set(found.map(({ path }) => path))
  if (paths.size < found.length) throw new FormatError(`${LOG_FILE} names a folder twice`)
  return found
}

function parseShard(value: unknown): FolderShard {
  const [origin, path, firstIndex] = ['origin', 'path', 'firstIndex'].map((name) => {
    const text = memberOf(value, name)
    if (typeof text !== 'string') throw new FormatError(`${LOG_FILE} has a shard without ${name}`)
    return text
  })
  if (!isName(path!) || !/^\d{1,18}$/.test(firstIndex!)) throw new FormatError(`${LOG_FILE} has a shard that cannot be`)
  return { origin: origin!, path: path!, firstIndex: BigInt(firstIndex!) }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function isName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text)
}

/**
 * Notes that stand one after another with an empty line between two, from pieces of text as they arrive: a checkpoint has
 * no empty line but that before its signatures. A FormatError for one of more than a megabyte.
 */
export async function* splitNotes(pieces: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of pieces) {
    rest += piece
    for (let end = noteEnd(rest); end !== undefined; end = noteEnd(rest)) {
      yield rest.slice(0, end)
      rest = rest.slice(end + 1)
    }
    if (rest.length > MAX_NOTE) throw new FormatError('a note in it is too long')
  }
  if (rest !== '') yield rest
}

const MAX_NOTE = 1_000_000

/** Where the first note ends, if another one follows it: at the second empty line. */
function noteEnd(text: string): number | undefined {
  const blank = text.indexOf('\n\n')
  const end = blank === -1 ? -1 : text.indexOf('\n\n', blank + 2)
  return end === -1 ? undefined : end + 1
}
