import { byteaArray, int2Array, int8Array } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import { type FullTile, type TileRef, type TileState, tileReader, tileStateFrom, tilesBelow } from './tiles.ts'
import type { HashReader } from './tree.ts'

/** A year of the log, or the part of one since a restore: a tree of its own. */
export interface Shard {
  readonly shard: number
  readonly year: number
  readonly origin: string
  readonly vkey: string
  /** Index of its first entry among all. */
  readonly firstIndex: bigint
  readonly previous: string | null
}

export interface StoredCheckpoint {
  readonly size: bigint
  readonly root: Buffer
}

export interface StoredNote {
  readonly size: bigint
  readonly note: string
}

const WIDTH = 256n

interface ShardRow {
  shard: number
  year: number
  origin: string
  vkey: string
  first_index: bigint
  previous: string | null
}

/** Every shard, oldest first. */
export async function readShards(db: Db | Tx): Promise<Shard[]> {
  const { rows } = await db.$client.query<ShardRow>(
    'select shard, year, origin, vkey, first_index, previous from weir.audit_shard order by shard',
  )
  return rows.map(({ first_index: firstIndex, ...row }) => ({ ...row, firstIndex }))
}

/** The newest checkpoint of a shard, signed or not; none before its first entry. */
export async function lastCheckpoint(db: Db | Tx, shard: number): Promise<StoredCheckpoint | undefined> {
  const { rows } = await db.$client.query<StoredCheckpoint>(
    'select size, root from weir.audit_checkpoint where shard = $1 order by size desc limit 1',
    [shard],
  )
  return rows[0]
}

/** The newest signed checkpoint of a shard. */
export async function lastSigned(db: Db | Tx, shard: number): Promise<StoredNote | undefined> {
  const { rows } = await db.$client.query<StoredNote>(
    'select size, note from weir.audit_signature where shard = $1 order by size desc limit 1',
    [shard],
  )
  return rows[0]
}

/** Hashes of complete subtrees of a shard's first `size` leaves, from tiles and, where none is full yet, from entries. */
export function storedReader(db: Db | Tx, shard: Shard, size: bigint): HashReader {
  return tileReader(size, async (tiles) => {
    const read: Buffer[] = []
    for (const tile of tiles) read.push(await readTile(db, shard, tile)) // one after the other: it may be one connection
    return read
  })
}

async function readTile(db: Db | Tx, shard: Shard, { level, index, width }: TileRef): Promise<Buffer> {
  if (BigInt(width) === WIDTH) {
    const { rows } = await db.$client.query<{ hashes: Buffer }>(
      'select hashes from weir.audit_tile where shard = $1 and level = $2 and index = $3',
      [shard.shard, level, index],
    )
    if (rows[0] !== undefined) return rows[0].hashes
  }
  return Buffer.concat(await hashesFrom(db, shard, level, index * WIDTH, BigInt(width)))
}

/** Hashes of one level of tiles: leaves of entries, or what lies below the full tiles of the level under it. */
async function hashesFrom(db: Db | Tx, shard: Shard, level: number, from: bigint, count: bigint): Promise<Buffer[]> {
  const first = shard.firstIndex + from
  const { rows } = await (level === 0
    ? db.$client.query<{ hash: Buffer }>(
        'select leaf as hash from weir.audit_entry where shard = $1 and index >= $2 and index < $3 order by index',
        [shard.shard, first, first + count],
      )
    : db.$client.query<{ hash: Buffer }>(
        'select root as hash from weir.audit_tile where shard = $1 and level = $2 and index >= $3 and index < $4 order by index',
        [shard.shard, level - 1, from, from + count],
      ))
  return rows.map((row) => row.hash)
}

/** What a sequencer goes on from, computed again from full tiles and trailing leaves. Throws FormatError where some are missing. */
export async function loadTileState(db: Db | Tx, shard: Shard, size: bigint): Promise<TileState> {
  const tail = size - (size % WIDTH)
  const leaves = await hashesFrom(db, shard, 0, tail, size - tail)
  const tiles: { level: number; index: bigint; hashes: Buffer }[] = []
  for (const { level, from, to } of tilesBelow(size)) {
    const { rows } = await db.$client.query<{ level: number; index: bigint; hashes: Buffer }>(
      'select level, index, hashes from weir.audit_tile where shard = $1 and level = $2 and index >= $3 and index < $4',
      [shard.shard, level, from, to],
    )
    tiles.push(...rows)
  }
  return tileStateFrom({ size, leaves, tiles })
}

export interface Extension {
  readonly shard: number
  readonly expected: bigint
  readonly records: readonly bigint[]
  readonly leaves: readonly Buffer[]
  readonly root: Buffer
  readonly tiles: readonly FullTile[]
}

/** One batch into the tree, in one transaction. Rejects with SQLSTATE WA001 where another sequencer was faster. */
export async function extendStored(db: Tx, extension: Extension): Promise<void> {
  const { tiles } = extension
  await db.$client.query({
    name: 'audit-extend',
    text: `select weir.audit_extend($1::integer, $2::bigint, $3::bigint[], $4::bytea[], $5::bytea, $6::smallint[], $7::bigint[],
      $8::bytea[], $9::bytea[])`,
    values: [
      extension.shard,
      extension.expected,
      int8Array(extension.records),
      byteaArray(extension.leaves),
      extension.root,
      int2Array(tiles.map((tile) => tile.level)),
      int8Array(tiles.map((tile) => tile.index)),
      byteaArray(tiles.map((tile) => tile.hashes)),
      byteaArray(tiles.map((tile) => tile.root)),
    ],
  })
}
