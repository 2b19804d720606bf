import { TILE_WIDTH } from './tiles.ts'
import { appendLeaves, EMPTY_FRONTIER, type Frontier, rootOf } from './tree.ts'

/** A tree that is rebuilt leaf by leaf, with the tiles that it passes by: one node hash a leaf for both. */
export interface GrowingTree {
  add(leaf: Buffer): void
  readonly size: bigint
  root(): Buffer
  /** The leaves of the tile that the last leaf fell into, 1 to 256. */
  readonly leaves: readonly Buffer[]
  /** Hashes of a tile above level 0, as many as it has so far. */
  tile(level: number, index: bigint): readonly Buffer[]
}

export function growTree(): GrowingTree {
  let leaves: Buffer[] = []
  let low = EMPTY_FRONTIER // of the leaves of a tile that is not full, as far as they are hashed in
  let high: Frontier = EMPTY_FRONTIER // of the full tiles, by their roots
  const roots: Buffer[][] = [[]] // per level of tiles above 0, the hashes there: 1/255 of the leaves

  function hashIn(): void {
    low = appendLeaves(low, leaves.slice(Number(low.size)))
  }

  function closeTile(): void {
    hashIn()
    const root = rootOf(low)
    high = appendLeaves(high, [root])
    addRoot(0, root)
    low = EMPTY_FRONTIER
  }

  function addRoot(above: number, root: Buffer): void {
    const level = roots[above] ?? []
    roots[above] = level
    level.push(root)
    if (level.length % TILE_WIDTH !== 0) return
    addRoot(above + 1, rootOf(appendLeaves(EMPTY_FRONTIER, level.slice(-TILE_WIDTH))))
  }

  const size = (): bigint => high.size * BigInt(TILE_WIDTH) + BigInt(leaves.length % TILE_WIDTH)
  return {
    add(leaf) {
      if (leaves.length === TILE_WIDTH) leaves = []
      leaves.push(leaf)
      if (leaves.length === TILE_WIDTH) closeTile()
    },
    get size() {
      return size()
    },
    get leaves() {
      return leaves
    },
    root() {
      if (leaves.length < TILE_WIDTH) hashIn()
      return rootOf({ size: size(), hashes: [...high.hashes, ...low.hashes] })
    },
    tile(level, index) {
      const from = Number(index) * TILE_WIDTH
      return roots[level - 1]?.slice(from, from + TILE_WIDTH) ?? []
    },
  }
}
