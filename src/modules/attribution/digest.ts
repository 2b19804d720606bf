import { createHash } from 'node:crypto'
import type { Tx } from '../../db/pool.ts'

/** Every table of the state with its columns, the key first: the order of reading is the order of the key. */
const TABLES = [
  {
    name: 'touch',
    columns: ['subject', 'event_key', 'at', 'source', 'medium', 'campaign', 'creative', 'tag', 'referrer'],
    key: 2,
  },
  {
    name: 'conversion',
    columns: ['subject', 'event_key', 'order_token', 'at', 'currency', 'value', 'told', 'shop'],
    key: 2,
  },
  { name: 'link', columns: ['subject', 'target', 'root'], key: 1 },
] as const

const FETCH = 5_000

/** SHA-256 (hex) over all rows, each a line of JSON after a line with its table's name, streamed by a cursor. */
export async function digest(tx: Tx): Promise<string> {
  const hash = createHash('sha256')
  for (const { name, columns, key } of TABLES) {
    hash.update(`${name}\n`)
    await tx.$client.query(`declare digest_rows no scroll cursor for
      select json_build_array(${columns.join(', ')})::text as line from attribution.${name}
      order by ${columns.slice(0, key).join(', ')}`)
    for (;;) {
      const { rows } = await tx.$client.query<{ line: string }>(`fetch ${FETCH} from digest_rows`)
      for (const { line } of rows) hash.update(`${line}\n`)
      if (rows.length < FETCH) break
    }
    await tx.$client.query('close digest_rows')
  }
  return hash.digest('hex')
}
