import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { AppError } from '../errors.ts'
import { writeBundle } from './bundles.ts'
import { readmeText } from './export-readme.ts'
import { verifierFiles } from './export-verifier.ts'
import { CHECKPOINT, folderOf, HISTORY, LOG_FILE, SHARDS, VKEY } from './folder-layout.ts'
import { canonicalJson } from './jcs.ts'
import type { ShardSource } from './shard-source.ts'
import { tilePath } from './tile-paths.ts'
import { EMPTY_TILES, extendTiles, type FullTile, TILE_WIDTH, type TileState } from './tiles.ts'
import { leafHash } from './tree.ts'

export interface Exported {
  /** Entries of all shards, up to the last signed checkpoint of each. */
  readonly size: bigint
  readonly shards: readonly { readonly origin: string; readonly path: string; readonly size: bigint }[]
}

/**
 * Writes a log into a new folder, in C2SP tlog-tiles layout, with a verifier that needs nothing else. The folder appears
 * whole or not at all. Entries after the last signed checkpoint stay behind; a shard without one is left out. Throws
 * AppError `folder-not-empty`, and `audit-damaged` where an entry is gone: a check of the log itself says more.
 */
export async function writeFolder(
  folder: string,
  shards: readonly ShardSource[],
  onProgress?: (entries: number) => void,
): Promise<Exported> {
  const target = resolve(folder)
  await refuseFull(target)
  const part = `${target}.${randomBytes(6).toString('hex')}.part`
  try {
    await mkdir(dirname(target), { recursive: true })
    await mkdir(part)
    const exported = await writeAll(part, shards, onProgress)
    await rmdir(target).catch(() => undefined) // an empty one may be there
    await rename(part, target)
    return exported
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    throw error
  }
}

async function refuseFull(target: string): Promise<void> {
  const names = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new AppError('invalid', 'the folder cannot be read, or is none', { code: 'folder', cause: error })
  })
  if (names.length === 0) return
  throw new AppError('conflict', 'the folder is not empty: name a new one', { code: 'folder-not-empty' })
}

async function writeAll(
  part: string,
  shards: readonly ShardSource[],
  onProgress: ((entries: number) => void) | undefined,
): Promise<Exported> {
  const written: { origin: string; path: string; size: bigint; firstIndex: string; vkey: string }[] = []
  let before = 0
  for (const shard of shards) {
    const path = folderOf(
      shard.origin,
      written.map((one) => one.path),
    )
    const place = join(part, SHARDS, path)
    await mkdir(place, { recursive: true })
    const size = await writeHistory(place, shard)
    if (size === undefined) {
      await rm(place, { recursive: true })
      continue
    }
    await writeFile(join(place, VKEY), `${shard.vkey}\n`)
    await writeEntries(place, shard, size, (entries) => onProgress?.(before + entries))
    written.push({ origin: shard.origin, path, size, firstIndex: `${shard.firstIndex}`, vkey: shard.vkey })
    before += Number(size)
  }
  const size = written.reduce((sum, shard) => sum + shard.size, 0n)
  const listed = written.map(({ origin, path, firstIndex }) => ({ origin, path, firstIndex }))
  await writeFile(join(part, LOG_FILE), `${canonicalJson({ v: 1, shards: listed })}\n`)
  await writeFile(join(part, 'README.txt'), readmeText({ size, shards: written }))
  for (const [name, code] of await verifierFiles()) await put(part, name, code)
  return { size, shards: written.map(({ origin, path, size: count }) => ({ origin, path, size: count })) }
}

/** All signed checkpoints, and the newest apart. Returns its size; undefined where there is none. */
async function writeHistory(place: string, shard: ShardSource): Promise<bigint | undefined> {
  let last: { size: bigint; note: string } | undefined
  const file = await open(join(place, HISTORY), 'wx')
  try {
    for await (const checkpoint of shard.checkpoints()) {
      await file.writeFile(`${last === undefined ? '' : '\n'}${checkpoint.note}`)
      last = checkpoint
    }
  } finally {
    await file.close()
  }
  if (last !== undefined) await writeFile(join(place, CHECKPOINT), last.note)
  return last?.size
}

async function writeEntries(
  place: string,
  shard: ShardSource,
  size: bigint,
  onProgress: (entries: number) => void,
): Promise<void> {
  let state = EMPTY_TILES
  let bodies: Uint8Array[] = []
  let leaves: Buffer[] = []
  async function flush(): Promise<void> {
    if (bodies.length === 0) return
    const index = state.size / BigInt(TILE_WIDTH)
    await put(place, tilePath({ level: 'entries', index, width: bodies.length }), writeBundle(bodies))
    const extended = extendTiles(state, leaves)
    for (const tile of extended.completed) await putFull(place, tile)
    state = extended.state
    ;[bodies, leaves] = [[], []]
    onProgress(Number(state.size))
  }
  for await (const { index, body, leaf } of shard.entries()) {
    const at = state.size + BigInt(bodies.length)
    if (at === size) break
    if (index !== shard.firstIndex + at) throw damaged(shard.firstIndex + at)
    bodies.push(body)
    leaves.push(leaf ?? leafHash(body)) // as it is stored: whoever checks the folder is to find what is wrong with it
    if (bodies.length === TILE_WIDTH) await flush()
  }
  await flush()
  if (state.size !== size) throw damaged(shard.firstIndex + state.size)
  await putPartial(place, state)
}

function putFull(place: string, { level, index, hashes }: FullTile): Promise<void> {
  return put(place, tilePath({ level, index, width: TILE_WIDTH }), hashes)
}

async function putPartial(place: string, { size, partial }: TileState): Promise<void> {
  for (const [level, hashes] of partial.entries()) {
    if (hashes.length === 0) continue // empty tiles are not served
    const index = size >> BigInt(8 * (level + 1))
    await put(place, tilePath({ level, index, width: hashes.length }), Buffer.concat(hashes))
  }
}

async function put(folder: string, path: string, content: string | Uint8Array): Promise<void> {
  const file = join(folder, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content, { flag: 'wx' })
}

function damaged(index: bigint): AppError {
  const message = `the audit log is damaged at entry ${index}: run weir audit verify`
  return new AppError('conflict', message, { code: 'audit-damaged' })
}
