import type { GrowingTree } from './growing-tree.ts'
import type { Problems } from './problem.ts'
import type { ShardSource, SourceTile } from './shard-source.ts'
import { TILE_WIDTH } from './tiles.ts'
import { HASH_SIZE } from './tree.ts'

/** Holds a shard's stored tiles against the tree as it grows. */
export interface TileCheck {
  /** The leaf that is stored at a place of the shard; undefined where there is none. Places ascend. */
  leafAt(place: bigint): Promise<Buffer | undefined>
  /** Compares the tile that has just become full. */
  takeFull(): Promise<void>
  /** Compares what is left: the tile at the right edge, and those of the levels above. */
  finish(): Promise<void>
}

const WIDTH = BigInt(TILE_WIDTH)

export async function checkTiles(
  source: Pick<ShardSource, 'firstIndex' | 'tiles'>,
  tree: GrowingTree,
  problems: Problems,
): Promise<TileCheck> {
  const stored = source.tiles?.()[Symbol.asyncIterator]()
  let waiting = await nextTile()

  async function nextTile(): Promise<SourceTile | undefined> {
    const result = await stored?.next()
    return result === undefined || result.done === true ? undefined : result.value
  }

  /** The stored tile of level 0 with that index; those before it are passed by. */
  async function bottomTile(index: bigint): Promise<Buffer | undefined> {
    while (waiting?.level === 0 && waiting.index < index) waiting = await nextTile()
    return waiting?.level === 0 && waiting.index === index ? waiting.hashes : undefined
  }

  function add(level: number, index: bigint, offset: number, detail: string): void {
    const entry = source.firstIndex + ((index * WIDTH + BigInt(offset)) << BigInt(8 * level))
    problems.add({ kind: 'tile', index: `${entry}`, detail })
  }

  /** Every hash of a stored tile against ours; a tile that was stored earlier may be narrower than it is now. */
  function compare(level: number, index: bigint, found: Buffer, ours: readonly Buffer[]): void {
    const width = found.length / HASH_SIZE
    if (!Number.isInteger(width) || width > ours.length) {
      add(level, index, 0, `tile ${level}/${index} has not as many hashes as the log`)
      return
    }
    for (let i = 0; i < width; i++) {
      const isOurs = found.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE).equals(ours[i]!)
      if (!isOurs) add(level, index, i, `tile ${level}/${index} is not that of the entries`)
    }
  }

  function takeBottom(index: bigint, found: Buffer | undefined): void {
    const isFull = tree.leaves.length === TILE_WIDTH
    if (found !== undefined) compare(0, index, found, tree.leaves)
    if (isFull && (found === undefined || found.length < TILE_WIDTH * HASH_SIZE)) {
      add(0, index, 0, `tile 0/${index} is missing`)
    }
  }

  return {
    async leafAt(place) {
      const tile = await bottomTile(place / WIDTH)
      const at = Number(place % WIDTH) * HASH_SIZE
      return tile !== undefined && tile.length >= at + HASH_SIZE ? tile.subarray(at, at + HASH_SIZE) : undefined
    },
    async takeFull() {
      if (stored === undefined) return
      const index = tree.size / WIDTH - 1n
      takeBottom(index, await bottomTile(index))
    },
    async finish() {
      if (stored === undefined) return
      const index = tree.size / WIDTH
      if (tree.size % WIDTH !== 0n) takeBottom(index, await bottomTile(index))
      const seen = new Set<string>()
      for (; waiting !== undefined; waiting = await nextTile()) {
        const { level, hashes } = waiting
        if (level === 0 && waiting.index <= index) continue
        if (hashes.length === TILE_WIDTH * HASH_SIZE) seen.add(`${level}/${waiting.index}`)
        if (level === 0) add(0, waiting.index, 0, `tile 0/${waiting.index} is beyond the log`)
        else compare(level, waiting.index, hashes, tree.tile(level, waiting.index))
      }
      for (const [level, n] of missingAbove(tree.size, seen)) add(level, n, 0, `tile ${level}/${n} is missing`)
    },
  }
}

/** Full tiles above level 0 that a tree of that size has and that were not seen. */
function* missingAbove(size: bigint, seen: ReadonlySet<string>): Generator<[level: number, index: bigint]> {
  for (let level = 1; size >> BigInt(8 * (level + 1)) > 0n; level++) {
    const count = size >> BigInt(8 * (level + 1))
    for (let index = 0n; index < count; index++) if (!seen.has(`${level}/${index}`)) yield [level, index]
  }
}
