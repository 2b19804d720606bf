import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_ENTRY, readBundle, writeBundle } from '../../../src/audit/bundles.ts'
import { FormatError } from '../../../src/audit/format-error.ts'
import { parseTilePath, tilePath } from '../../../src/audit/tile-paths.ts'
import {
  EMPTY_TILES,
  extendTiles,
  type FullTile,
  frontierOf,
  splitTile,
  type TileRef,
  tileAt,
  tileReader,
  tileStateFrom,
  tilesBelow,
} from '../../../src/audit/tiles.ts'
import {
  appendLeaves,
  consistencyProof,
  EMPTY_FRONTIER,
  inclusionProof,
  leafHash,
  memoryReader,
  rootOf,
  treeHash,
} from '../../../src/audit/tree.ts'

const LEAVES = Array.from({ length: 70_000 }, (_, i) => leafHash(Buffer.from(String(i))))

/** All tiles of a log of that size: the full ones, and the state. */
function tilesOf(size: number, step = 997): { tiles: FullTile[]; state: ReturnType<typeof extendTiles>['state'] } {
  let state = EMPTY_TILES
  const tiles: FullTile[] = []
  for (let at = 0; at < size; at += step) {
    const next = extendTiles(state, LEAVES.slice(at, Math.min(at + step, size)))
    tiles.push(...next.completed)
    state = next.state
  }
  return { tiles, state }
}

test('a log of 70,000 has the tiles of the example in C2SP tlog-tiles', () => {
  const { tiles, state } = tilesOf(70_000)
  const full = (level: number): number => tiles.filter((tile) => tile.level === level).length
  expect([full(0), full(1), full(2)]).toEqual([273, 1, 0])
  expect(state.partial.map((hashes) => hashes.length)).toEqual([112, 17, 1])
  expect(rootOf(frontierOf(state))).toEqual(treeHash(LEAVES))
  for (const { level, index, hashes, root } of tiles) {
    expect(hashes.length).toBe(8192)
    expect(root).toEqual(treeHash(splitTile(hashes, 256)))
    if (level > 0) continue
    expect(hashes).toEqual(Buffer.concat(LEAVES.slice(Number(index) * 256, Number(index) * 256 + 256)))
  }
})

test('tiles come out the same however the leaves arrive, and the state is rebuilt from them', () => {
  const batches = fc.array(fc.integer({ min: 0, max: 1200 }), { maxLength: 10 })
  fc.assert(
    fc.property(batches, (lengths) => {
      let state = EMPTY_TILES
      let frontier = EMPTY_FRONTIER
      const tiles: FullTile[] = []
      for (const length of lengths) {
        const leaves = LEAVES.slice(Number(state.size), Number(state.size) + length)
        const next = extendTiles(state, leaves)
        frontier = appendLeaves(frontier, leaves)
        state = next.state
        tiles.push(...next.completed)
      }
      const size = Number(state.size)
      expect(frontierOf(state)).toEqual(frontier)
      expect(tiles).toEqual(tilesOf(size).tiles)
      const leaves = LEAVES.slice(size - (size % 256), size)
      const rebuilt = tileStateFrom({ size: state.size, leaves, tiles })
      expect(frontierOf(rebuilt)).toEqual(frontier)
      expect(extendTiles(rebuilt, LEAVES.slice(size, size + 300))).toEqual(
        extendTiles(state, LEAVES.slice(size, size + 300)),
      )
    }),
    { numRuns: 30 },
  )
})

test('of a log of 70,000 only the tiles at its right edge are needed to go on', () => {
  expect(tilesBelow(70_000n)).toEqual([
    { level: 0, from: 256n, to: 273n },
    { level: 1, from: 0n, to: 1n },
  ])
  const { tiles, state } = tilesOf(70_000)
  const needed = tilesBelow(70_000n)
  const few = tiles.filter(({ level, index }) => needed.some((n) => n.level === level && index >= n.from))
  const leaves = LEAVES.slice(70_000 - 112)
  expect(few.length).toBe(18)
  expect(tileStateFrom({ size: 70_000n, leaves, tiles: few })).toEqual(state)
  expect(() => tileStateFrom({ size: 70_000n, leaves, tiles: few.filter(({ index }) => index !== 256n) })).toThrow(
    'tile 0/256 is missing',
  )
  expect(() => tileStateFrom({ size: 70_000n, leaves: leaves.slice(1), tiles: few })).toThrow(FormatError)
  const cut = few.map((tile) => ({ ...tile, hashes: tile.hashes.subarray(1) }))
  expect(() => tileStateFrom({ size: 70_000n, leaves, tiles: cut })).toThrow(FormatError)
})

test('proofs read from tiles are those read from memory, every tile asked for once', async () => {
  const { tiles } = tilesOf(70_000)
  const roots = new Map(tiles.map((tile) => [`${tile.level}/${tile.index}`, tile]))
  /** As a log serves them: partial tiles are cut from what is there. */
  const hashesAt = (level: number, at: bigint): Buffer =>
    level === 0 ? LEAVES[Number(at)]! : roots.get(`${level - 1}/${at}`)!.root
  let asked: TileRef[] = []
  const readTiles = async (refs: readonly TileRef[]): Promise<Buffer[]> => {
    asked = [...refs]
    return refs.map(({ level, index, width }) =>
      Buffer.concat(Array.from({ length: width }, (_, i) => hashesAt(level, index * 256n + BigInt(i)))),
    )
  }
  for (const size of [1n, 255n, 256n, 257n, 512n, 65_536n, 65_537n, 70_000n]) {
    const memory = memoryReader(LEAVES.slice(0, Number(size)))
    const read = tileReader(size, readTiles)
    for (const index of [0n, 1n, 255n, 256n, 300n, 65_535n, 69_999n].filter((i) => i < size)) {
      expect(await inclusionProof(index, size, read)).toEqual(await inclusionProof(index, size, memory))
      expect(await consistencyProof(index + 1n, size, read)).toEqual(await consistencyProof(index + 1n, size, memory))
      expect(new Set(asked.map((ref) => `${ref.level}/${ref.index}`)).size).toBe(asked.length)
      expect(asked.length).toBeLessThanOrEqual(6)
    }
  }
  await expect(tileReader(3n, readTiles)([{ height: 2, index: 0n }])).rejects.toThrow(RangeError)
})

test('a tile is as wide as the tree at its level', () => {
  expect(tileAt(70_000n, 0, 273n)).toEqual({ level: 0, index: 273n, width: 112 })
  expect(tileAt(70_000n, 1, 1n)).toEqual({ level: 1, index: 1n, width: 17 })
  expect(tileAt(70_000n, 2, 0n)).toEqual({ level: 2, index: 0n, width: 1 })
  expect(tileAt(70_000n, 0, 274n)).toBeUndefined()
  expect(tileAt(256n, 0, 0n)).toEqual({ level: 0, index: 0n, width: 256 })
  expect(tileAt(256n, 0, 1n)).toBeUndefined()
})

test('paths are written as C2SP tlog-tiles does, and only so', () => {
  expect(tilePath({ level: 0, index: 1_234_067n, width: 256 })).toBe('tile/0/x001/x234/067')
  expect(tilePath({ level: 'entries', index: 0n, width: 17 })).toBe('tile/entries/000.p/17')
  expect(tilePath({ level: 63, index: 1000n, width: 1 })).toBe('tile/63/x001/000.p/1')
  fc.assert(
    fc.property(
      fc.oneof(fc.constant('entries' as const), fc.integer({ min: 0, max: 63 })),
      fc.bigInt({ min: 0n, max: 1n << 60n }),
      fc.integer({ min: 1, max: 256 }),
      (level, index, width) => {
        expect(parseTilePath(tilePath({ level, index, width }))).toEqual({ level, index, width })
      },
    ),
  )
  const wrong = [
    'tile/64/000',
    'tile/00/000',
    'tile/01/000',
    'tile/0/x000/001',
    'tile/0/001/002',
    'tile/0/x001',
    'tile/0/1',
    'tile/0/000.p/0',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000.p/',
    'tile/0/000/',
    '/tile/0/000',
    'tile/entries/../000',
    'tile/0/000\n',
  ]
  for (const path of wrong) expect(parseTilePath(path), path).toBeUndefined()
})

test('bundles hold entries of every length that their two bytes can name', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 256 }), (entries) => {
      const bundle = writeBundle(entries)
      expect(readBundle(bundle, entries.length).map((e) => e.toString('hex'))).toEqual(
        entries.map((e) => Buffer.from(e).toString('hex')),
      )
    }),
  )
  const bundle = writeBundle([Buffer.alloc(MAX_ENTRY, 1), Buffer.alloc(0), Buffer.from('ab')])
  expect(readBundle(bundle, 3).map(({ length }) => length)).toEqual([MAX_ENTRY, 0, 2])
  expect(() => writeBundle([Buffer.alloc(MAX_ENTRY + 1)])).toThrow(FormatError)
  expect(() => readBundle(bundle, 2)).toThrow(FormatError)
  for (const length of [bundle.length - 1, bundle.length - 3, MAX_ENTRY + 3, 1])
    expect(() => readBundle(bundle.subarray(0, length), 3)).toThrow(FormatError)
})
