import { FormatError } from './format-error.ts'
import { EMPTY_FRONTIER, type Frontier, HASH_SIZE, type HashReader, type Node, treeHash } from './tree.ts'

/** Hashes in a full tile, entries in a full bundle (C2SP tlog-tiles, Merkle Tree). */
export const TILE_WIDTH = 256
const TILE_HEIGHT = 8

/** A tile: at level l each hash is the root over 256^l entries. Width 256 is full, below it partial. */
export interface TileRef {
  readonly level: number
  readonly index: bigint
  readonly width: number
}

/** A full tile; `root` is its hash in the tile of the next level. */
export interface FullTile {
  readonly level: number
  readonly index: bigint
  /** 256 hashes one after another, 8,192 bytes. */
  readonly hashes: Buffer
  readonly root: Buffer
}

/** What a log keeps in memory to append: per level the hashes of the tile that is being filled, 0 to 255. */
export interface TileState {
  readonly size: bigint
  readonly partial: readonly (readonly Buffer[])[]
}

export const EMPTY_TILES: TileState = { size: 0n, partial: [] }

/** Appends leaf hashes; gives the tiles that became full, each after those below it. */
export function extendTiles(
  state: TileState,
  leafHashes: readonly Buffer[],
): { readonly state: TileState; readonly completed: readonly FullTile[] } {
  const partial = state.partial.map((hashes) => [...hashes])
  const completed: FullTile[] = []
  let size = state.size
  for (const leaf of leafHashes) {
    size += 1n
    let hash = leaf
    for (let level = 0; ; level++) {
      const filling = partial[level] ?? []
      partial[level] = filling
      filling.push(hash)
      if (filling.length < TILE_WIDTH) break
      hash = treeHash(filling)
      const index = (size >> BigInt(TILE_HEIGHT * (level + 1))) - 1n
      completed.push({ level, index, hashes: Buffer.concat(filling), root: hash })
      partial[level] = []
    }
  }
  return { state: { size, partial }, completed }
}

/** The compact range of the leaves so far; its root is `rootOf` of it. */
export function frontierOf(state: TileState): Frontier {
  const hashes = state.partial.toReversed().flatMap((tile) => subtreesOf(tile))
  return state.size === 0n ? EMPTY_FRONTIER : { size: state.size, hashes }
}

/** The complete subtrees that the hashes of a partial tile fall into, the largest first. */
function subtreesOf(tile: readonly Buffer[]): Buffer[] {
  const roots: Buffer[] = []
  for (let width = TILE_WIDTH / 2, at = 0; width >= 1; width /= 2) {
    if ((tile.length & width) === 0) continue
    roots.push(treeHash(tile.slice(at, at + width)))
    at += width
  }
  return roots
}

/** Which full tiles `tileStateFrom` needs: per level those from `from` to before `to`, none where they are equal. */
export function tilesBelow(size: bigint): { readonly level: number; readonly from: bigint; readonly to: bigint }[] {
  const needed = []
  for (let level = 0; size >> BigInt(TILE_HEIGHT * (level + 1)) > 0n; level++) {
    const to = size >> BigInt(TILE_HEIGHT * (level + 1))
    needed.push({ level, from: (to >> BigInt(TILE_HEIGHT)) << BigInt(TILE_HEIGHT), to })
  }
  return needed
}

/**
 * The state of a log of `size` leaves, from what it stored: its last `size mod 256` leaf hashes, and at least the full
 * tiles that `tilesBelow` names, whose roots are computed again here. A FormatError names what is missing or too short.
 */
export function tileStateFrom(stored: {
  readonly size: bigint
  readonly leaves: readonly Buffer[]
  readonly tiles: Iterable<{ readonly level: number; readonly index: bigint; readonly hashes: Buffer }>
}): TileState {
  const { size, leaves } = stored
  if (leaves.length !== Number(size % BigInt(TILE_WIDTH)))
    throw new FormatError('the trailing leaf hashes are not as many as the size says')
  const found = new Map<string, Buffer>()
  for (const tile of stored.tiles) found.set(`${tile.level}/${tile.index}`, tile.hashes)
  const above = tilesBelow(size).map(({ level, from, to }) =>
    Array.from({ length: Number(to - from) }, (_, i) => {
      const hashes = found.get(`${level}/${from + BigInt(i)}`)
      if (hashes === undefined) throw new FormatError(`tile ${level}/${from + BigInt(i)} is missing`)
      return treeHash(splitTile(hashes, TILE_WIDTH))
    }),
  )
  return { size, partial: size === 0n ? [] : [[...leaves], ...above] }
}

/** The hashes of a tile. A FormatError where it has not exactly that many. */
export function splitTile(tile: Buffer, width: number): Buffer[] {
  if (tile.length !== width * HASH_SIZE) throw new FormatError('a tile has not the length that its width says')
  return Array.from({ length: width }, (_, i) => tile.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE))
}

/** The tile of a level with that index, as wide as it is in a tree of `size`; undefined where the tree has none there. */
export function tileAt(size: bigint, level: number, index: bigint): TileRef | undefined {
  const width = (size >> BigInt(TILE_HEIGHT * level)) - index * BigInt(TILE_WIDTH)
  if (index < 0n || width <= 0n) return undefined
  return { level, index, width: width > BigInt(TILE_WIDTH) ? TILE_WIDTH : Number(width) }
}

/**
 * Reads hashes of a tree of `size` from its tiles, each tile asked for once and all in one call of `readTiles`. A
 * RangeError for a subtree that is not complete in it.
 */
export function tileReader(
  size: bigint,
  readTiles: (tiles: readonly TileRef[]) => Promise<readonly Buffer[]>,
): HashReader {
  return async (nodes) => {
    const places = nodes.map((node) => placeOf(size, node))
    const tiles = new Map(places.map(({ tile }) => [keyOf(tile), tile]))
    const read = await readTiles([...tiles.values()])
    const hashes = new Map([...tiles].map(([key, tile], i) => [key, splitTile(read[i]!, tile.width)]))
    return places.map(({ tile, at, width }) => treeHash(hashes.get(keyOf(tile))!.slice(at, at + width)))
  }
}

function keyOf({ level, index }: TileRef): string {
  return `${level}/${index}`
}

/** The tile that a complete subtree is in: its `width` hashes from `at` on. */
function placeOf(size: bigint, { height, index }: Node): { tile: TileRef; at: number; width: number } {
  const level = Math.floor(height / TILE_HEIGHT)
  const width = 1 << (height % TILE_HEIGHT)
  const first = index * BigInt(width) // in hashes of that level
  const tile = tileAt(size, level, first / BigInt(TILE_WIDTH))
  const at = Number(first % BigInt(TILE_WIDTH))
  if (tile === undefined || at + width > tile.width) throw new RangeError('that subtree is not complete')
  return { tile, at, width }
}
