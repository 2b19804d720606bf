import type { Tx } from '../db/pool.ts'
import { type Cutoffs, type Expired, isPast, type Kept } from './module.ts'

/** A run of blocks of one table, as the condition of a statement: its parameters are $1 to $3. */
export interface Window {
  readonly where: string
  readonly values: readonly string[]
}

/** Takes the due rows of a window out and returns how many there were. */
export type TakeOut = (table: string, window: Window) => Promise<number>

const BLOCKS = 16
const ENOUGH = 400 // rows of one batch: a withdrawal waits for at most one
const WINDOWS = 64 // looked at in one batch, where there is little to take

/**
 * One batch of an expiry: goes through a module's tables block by block, in the order in which they lie on disk, so that
 * each block is read once and no index is needed. The caller is the only writer (delivery lock). `from`: `table:block`.
 */
export async function expireRows(
  tx: Tx,
  { name, keeps }: { readonly name: string; readonly keeps: readonly Kept[] },
  expiry: { readonly cutoffs: Cutoffs; readonly from: string | undefined; readonly takeOut: TakeOut },
): Promise<Expired> {
  const rows: Record<string, number> = {}
  let { index, block } = placeOf(keeps, expiry.from)
  let taken = 0
  for (let looked = 0; looked < WINDOWS && taken < ENOUGH; looked++) {
    const kept = keeps[index]
    if (kept === undefined) return { rows, next: undefined }
    const cutoff = expiry.cutoffs[kept.table]
    if (cutoff === undefined || block >= (await blocksOf(tx, `${name}.${kept.table}`))) {
      index++
      block = 0
      continue
    }
    const n = await expiry.takeOut(kept.table, windowAt(kept, block, cutoff))
    if (n > 0) rows[kept.table] = (rows[kept.table] ?? 0) + n
    taken += n
    block += BLOCKS
  }
  return { rows, next: index < keeps.length ? `${keeps[index]!.table}:${block}` : undefined }
}

function placeOf(keeps: readonly Kept[], from: string | undefined): { index: number; block: number } {
  const [table, block = '0'] = from?.split(':') ?? []
  return {
    index: Math.max(0, table === undefined ? 0 : keeps.findIndex((kept) => kept.table === table)),
    block: Number(block),
  }
}

function windowAt(kept: Kept, block: number, cutoff: string): Window {
  return {
    where: `ctid >= $1::tid and ctid < $2::tid and ${isPast(kept, '$3')}`,
    values: [`(${block},0)`, `(${block + BLOCKS},0)`, cutoff],
  }
}

async function blocksOf(tx: Tx, table: string): Promise<number> {
  const { rows } = await tx.$client.query<{ blocks: number }>(
    `select (pg_relation_size($1::regclass) / current_setting('block_size')::integer)::float8 as blocks`,
    [table],
  )
  return rows[0]!.blocks
}
