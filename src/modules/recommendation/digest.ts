import { createHash } from 'node:crypto'
import type { Tx } from '../../db/pool.ts'

/** Every table of the state with its columns, the key first: the order of reading is the order of the key. */
const TABLES = [
  { name: 'view', columns: ['subject', 'event_key', 'item', 'day'], key: 3 },
  { name: 'cart_change', columns: ['subject', 'event_key', 'item', 'day', 'step'], key: 3 },
  { name: 'order_line', columns: ['subject', 'event_key', 'item', 'order_token', 'day'], key: 3 },
  { name: 'order_return', columns: ['subject', 'event_key', 'item', 'order_token', 'day'], key: 3 },
  { name: 'link', columns: ['subject', 'target', 'root'], key: 1 },
  { name: 'basket', columns: ['root', 'order_token', 'items'], key: 2 },
  { name: 'interest', columns: ['root', 'item', 'orders', 'views'], key: 2 },
  { name: 'item', columns: ['item', 'orders', 'buyers', 'viewers'], key: 1 },
  { name: 'state', columns: ['one', 'orders'], key: 1 }, // without version: it counts changes, not what they led to
] as const

const FETCH = 5_000

/**
 * SHA-256 (hex) over all rows, each a line of JSON after a line with its table's name, streamed by a cursor so that
 * memory stays flat. Equal digests mean equal states, derived rows included.
 */
export async function digest(tx: Tx): Promise<string> {
  const hash = createHash('sha256')
  for (const { name, columns, key } of TABLES) {
    hash.update(`${name}\n`)
    const rows = `select json_build_array(${columns.join(', ')})::text as line from recommendation.${name}
      order by ${columns.slice(0, key).join(', ')}`
    for await (const line of linesOf(tx, rows)) hash.update(`${line}\n`)
  }
  return hash.digest('hex')
}

async function* linesOf(tx: Tx, query: string): AsyncGenerator<string> {
  await tx.$client.query(`declare digest_rows no scroll cursor for ${query}`)
  for (;;) {
    const { rows } = await tx.$client.query<{ line: string }>(`fetch ${FETCH} from digest_rows`)
    for (const { line } of rows) yield line
    if (rows.length < FETCH) break
  }
  await tx.$client.query('close digest_rows')
}
