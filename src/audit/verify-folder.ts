import { join } from 'node:path'
import { MAX_ENTRY, readBundle } from './bundles.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { CHECKPOINT, type FolderShard, HISTORY, LOG_FILE, parseLogFile, SHARDS, VKEY } from './folder-layout.ts'
import { FormatError } from './format-error.ts'
import { parseNote } from './note.ts'
import { collectProblems, type Problems } from './problem.ts'
import { listFiles, readNotes, readText, readWhole } from './read-files.ts'
import type { ShardSource, SourceCheckpoint, SourceEntry, SourceTile } from './shard-source.ts'
import { parseTilePath, type TilePath, tilePath } from './tile-paths.ts'
import { splitTile, TILE_WIDTH, tileAt } from './tiles.ts'
import { HASH_SIZE } from './tree.ts'

const WIDTH = BigInt(TILE_WIDTH)
const MAX_BUNDLE = TILE_WIDTH * (2 + MAX_ENTRY)

/**
 * The shards of an exported folder, oldest first, to be verified. A FormatError where it is no such folder, or holds
 * a symbolic link, which might lead anywhere. Files that are missing or broken come out as problems of the verification.
 */
export async function openFolder(folder: string): Promise<ShardSource[]> {
  const files = await listFiles(folder)
  const shards = parseLogFile(await readText(join(folder, LOG_FILE)))
  const sources: ShardSource[] = []
  for (const shard of shards) sources.push(await openShard(folder, shard, files))
  return sources
}

async function openShard(folder: string, shard: FolderShard, files: readonly string[]): Promise<ShardSource> {
  const problems = collectProblems()
  const place = join(folder, SHARDS, shard.path)
  const vkey = (await orProblem(problems, null, () => readText(join(place, VKEY)))) ?? ''
  const newest = (await orProblem(problems, null, () => readText(join(place, CHECKPOINT)))) ?? ''
  const size = (await orProblem(problems, null, async () => sizeOf(newest))) ?? 0n
  const own = `${SHARDS}/${shard.path}/`
  for (const file of files) {
    if (!file.startsWith(own) || belongs(file.slice(own.length), size)) continue
    problems.add({ kind: 'file', index: null, detail: `${file} is not part of the log` })
  }
  return {
    origin: shard.origin,
    vkey: vkey.endsWith('\n') ? vkey.slice(0, -1) : '',
    firstIndex: shard.firstIndex,
    size,
    entries: () => readEntries(place, shard.firstIndex, size, problems),
    checkpoints: () => readCheckpoints(place, newest, problems),
    tiles: () => readTiles(place, shard.firstIndex, size, problems),
    problems: () => problems.found,
  }
}

function belongs(file: string, size: bigint): boolean {
  if (file === VKEY || file === CHECKPOINT || file === HISTORY) return true
  const tile = parseTilePath(file)
  if (tile === undefined) return false
  return tileAt(size, tile.level === 'entries' ? 0 : tile.level, tile.index)?.width === tile.width
}

async function* readEntries(
  place: string,
  firstIndex: bigint,
  size: bigint,
  problems: Problems,
): AsyncGenerator<SourceEntry> {
  for (let index = 0n; index * WIDTH < size; index++) {
    const { width } = tileAt(size, 0, index)!
    const first = firstIndex + index * WIDTH
    const entries = await orProblem(problems, first, async () => {
      const bundle = await readTile(place, { level: 'entries', index, width }, MAX_BUNDLE)
      return readBundle(bundle, width)
    })
    const leaves = await readLeaves(place, index, width)
    if (entries === undefined && problems.dropped > 0) return // nothing new would be learned
    for (const [i, body] of entries?.entries() ?? []) {
      const leaf = leaves?.[i]
      yield { index: first + BigInt(i), body, ...(leaf === undefined ? {} : { leaf }) }
    }
  }
}

/** The leaves beside a bundle; that they cannot be read is told when the tiles are. */
async function readLeaves(place: string, index: bigint, width: number): Promise<Buffer[] | undefined> {
  return orProblem(collectProblems(), null, async () =>
    splitTile(await readTile(place, { level: 0, index, width }, width * HASH_SIZE), width),
  )
}

async function* readTiles(
  place: string,
  firstIndex: bigint,
  size: bigint,
  problems: Problems,
): AsyncGenerator<SourceTile> {
  for (let level = 0; size >> BigInt(8 * level) > 0n; level++) {
    for (let index = 0n, at = tileAt(size, level, index); at !== undefined; at = tileAt(size, level, ++index)) {
      const tile = at
      const first = firstIndex + (index << BigInt(8 * (level + 1)))
      const hashes = await orProblem(problems, first, () => readTile(place, tile, tile.width * HASH_SIZE))
      if (hashes !== undefined) yield { level, index, hashes }
      else if (problems.dropped > 0) return
    }
  }
}

/** The history, which ends in the newest checkpoint. */
async function* readCheckpoints(place: string, newest: string, problems: Problems): AsyncGenerator<SourceCheckpoint> {
  let last: SourceCheckpoint = { size: 0n, note: '' }
  for await (const note of readNotes(join(place, HISTORY))) {
    last = { size: tryFormat(() => sizeOf(note)) ?? last.size, note }
    yield last
  }
  if (newest === last.note) return
  problems.add({ kind: 'file', index: null, detail: `${HISTORY} does not end in the newest checkpoint` })
  yield { size: tryFormat(() => sizeOf(newest)) ?? last.size, note: newest }
}

function sizeOf(note: string): bigint {
  return parseCheckpoint(parseNote(note).text).size
}

function tryFormat<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

async function orProblem<T>(problems: Problems, index: bigint | null, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    problems.add({ kind: 'file', index: index === null ? null : `${index}`, detail: error.message })
    return undefined
  }
}

async function readTile(place: string, tile: TilePath, limit: number): Promise<Buffer> {
  const path = tilePath(tile)
  const bytes = await readWhole(join(place, path), path, limit)
  const isWrong = tile.level !== 'entries' && bytes.length !== tile.width * HASH_SIZE
  if (isWrong) throw new FormatError(`${path} has not as many hashes as its name says`)
  return bytes
}
