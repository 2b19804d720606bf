import type { TileRef } from './tiles.ts'
import { TILE_WIDTH } from './tiles.ts'

/** A tile of hashes, or a bundle of entries, which counts as level `entries` (C2SP tlog-tiles, Log entries). */
export interface TilePath extends Omit<TileRef, 'level'> {
  readonly level: number | 'entries'
}

/**
 * The path of a tile below the log's prefix, for instance `tile/0/x001/234` or `tile/entries/000.p/17`
 * (C2SP tlog-tiles, Merkle Tree: 3-digit elements, all but the last begin with x).
 */
export function tilePath({ level, index, width }: TilePath): string {
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const elements = padded.match(/\d{3}/g)!
  const name = elements.map((element, i) => (i < elements.length - 1 ? `x${element}` : element)).join('/')
  return `tile/${level}/${name}${width === TILE_WIDTH ? '' : `.p/${width}`}`
}

const PATH = /^tile\/(entries|0|[1-5]?[0-9]|6[0-3])\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/** What a path names; undefined where it is none, or not the one way of writing it. */
export function parseTilePath(path: string): TilePath | undefined {
  const match = PATH.exec(path)
  if (match === null) return undefined
  const [, level, name, partial] = match
  const width = partial === undefined ? TILE_WIDTH : Number(partial)
  const found = {
    level: level === 'entries' ? ('entries' as const) : Number(level),
    index: BigInt(name!.replace(/[x/]/g, '')),
    width,
  }
  return tilePath(found) === path && (partial === undefined || width < TILE_WIDTH) ? found : undefined
}
