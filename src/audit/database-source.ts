import { type Db, overConnection, type Tx } from '../db/pool.ts'
import { addLines } from './checkpoint.ts'
import { bodyOf, ENTRY_COLUMNS, type EntryRow } from './entry.ts'
import type { ShardSource, SourceCheckpoint, SourceEntry, SourceTile } from './shard-source.ts'
import { lastCheckpoint, readShards, type Shard } from './stored-tree.ts'

/**
 * The log as the database has it at one moment, shard after shard, to be verified or exported while it grows. Rows come
 * through cursors: never all at once.
 */
export async function withLog<T>(db: Db, work: (shards: readonly ShardSource[]) => Promise<T>): Promise<T> {
  const client = await db.$client.connect()
  try {
    await client.query('begin isolation level repeatable read read only')
    const tx = overConnection(client)
    const shards: ShardSource[] = []
    for (const shard of await readShards(tx)) {
      shards.push(sourceOf(tx, shard, (await lastCheckpoint(tx, shard.shard))?.size ?? 0n))
    }
    const result = await work(shards)
    await client.query('commit')
    return result
  } finally {
    client.release(true) // whatever cursor is left open goes with it
  }
}

function sourceOf(tx: Tx, shard: Shard, size: bigint): ShardSource {
  const { origin, vkey, firstIndex } = shard
  return {
    origin,
    vkey,
    firstIndex,
    size,
    entries: () => entriesOf(tx, shard),
    checkpoints: () => checkpointsOf(tx, shard),
    tiles: () => tilesOf(tx, shard),
  }
}

async function* entriesOf(tx: Tx, { shard }: Shard): AsyncGenerator<SourceEntry> {
  const columns = `index, leaf, ${ENTRY_COLUMNS}`
  const rows = readAll<EntryRow & { index: bigint; leaf: Buffer }>(tx, {
    // A forged primary key could hide a second entry of the same number: those come too, and are found `unexpected`.
    text: `select ${columns} from weir.audit_entry where shard = ${shard} order by shard, index`,
    atOnce: 2_000,
  })
  for await (const row of rows) yield { index: row.index, body: bodyOrNothing(row), leaf: row.leaf }
}

/** What cannot be made a body of is none: the verifier finds that it is not what the leaf is of. */
function bodyOrNothing(row: EntryRow): Uint8Array {
  try {
    return bodyOf(row)
  } catch {
    return Buffer.alloc(0)
  }
}

async function* checkpointsOf(tx: Tx, { shard }: Shard): AsyncGenerator<SourceCheckpoint> {
  const rows = readAll<SourceCheckpoint & { lines: string[] | null }>(tx, {
    text: `select s.size, s.note, (select array_agg(c.line order by c.witness) from weir.audit_cosignature c
        where c.shard = s.shard and c.size = s.size) as lines
      from weir.audit_signature s where s.shard = ${shard} order by s.shard, s.size`,
    atOnce: 1_000,
  })
  for await (const { size, note, lines } of rows) yield { size, note: withLines(note, lines ?? []) }
}

function withLines(note: string, lines: readonly string[]): string {
  try {
    return addLines(note, lines)
  } catch {
    return note // no note at all: the verifier says so
  }
}

function tilesOf(tx: Tx, { shard }: Shard): AsyncGenerator<SourceTile> {
  const text = `select level, index, hashes from weir.audit_tile where shard = ${shard} order by shard, level, index`
  return readAll<SourceTile>(tx, { text, atOnce: 64 }) // 8 KB each
}

let cursors = 0

/** Rows of a query without parameters through a cursor; `text` is ours. */
async function* readAll<Row extends object>(
  tx: Tx,
  { text, atOnce }: { readonly text: string; readonly atOnce: number },
): AsyncGenerator<Row> {
  const name = `audit_${cursors++}`
  await tx.$client.query(`declare ${name} no scroll cursor for ${text}`)
  for (;;) {
    const { rows } = await tx.$client.query<Row>(`fetch ${atOnce} from ${name}`)
    yield* rows
    if (rows.length < atOnce) break
  }
  await tx.$client.query(`close ${name}`)
}
