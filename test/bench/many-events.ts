import type pg from 'pg'

/** Rows that an event of somebody leads to, and what they are found by. */
const TABLES = [
  'weir.subject',
  'weir.subject_key',
  'weir.identifier',
  'weir.consent_state',
  'weir.consent_ledger',
  'weir.event_log',
  'weir.sealed',
  'recommendation.view',
  'recommendation.order_line',
  'recommendation.basket',
  'recommendation.interest',
  'attribution.touch',
  'attribution.conversion',
]

/** How each column of a copy differs from its original, so that it is of somebody else. */
const OTHERWISE: Readonly<Record<string, string>> = {
  subject_id: `md5(t.subject_id::text || k)::uuid`,
  identifier_id: `md5(t.identifier_id::text || k)::uuid`,
  record_id: `md5(t.record_id::text || k)::uuid`,
  index_key: `decode(md5(encode(t.index_key, 'hex') || k), 'hex')`,
  pos: `-(t.pos + k * 10000000::bigint)`, // before everything that comes, so that the cursors and the sequence stay right
  subject: `left(t.subject, 8) || left(md5(t.subject || k), 22)`,
  root: `left(t.root, 8) || left(md5(t.root || k), 22)`,
  order_token: `left(t.order_token, 8) || left(md5(t.order_token || k), 22)`,
}
const EVENT_KEYS: Readonly<Record<string, string>> = {
  bytea: `decode(md5(encode(t.event_key, 'hex') || k), 'hex')`,
  text: `left(t.event_key, 8) || left(md5(t.event_key || k), 22)`,
}

/** Keeps what there is of people now, for as long as the connection: the originals of all copies. */
export async function keepOriginals(database: pg.Client): Promise<void> {
  for (const table of TABLES) {
    await database.query(`create temp table ${originalOf(table)} as select * from ${table}`)
    await database.query(`analyze ${originalOf(table)}`)
  }
}

function originalOf(table: string): string {
  return `original_${table.replace('.', '_')}`
}

/**
 * Copies what was kept of people, as copies `from` to `to`: the same shapes and sizes under other names. A hundred times
 * as fast as sending it, and for whoever searches and deletes it is the same.
 */
export async function copyEverybody(database: pg.Client, from: number, to: number): Promise<void> {
  for (const table of TABLES) {
    const { rows } = await database.query<{ name: string; kind: string }>(
      `select attname as name, format_type(atttypid, null) as kind from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
      [table],
    )
    const names = rows.map(({ name }) => `"${name}"`).join(', ')
    const values = rows.map(
      ({ name, kind }) => (name === 'event_key' ? EVENT_KEYS[kind] : OTHERWISE[name]) ?? `t."${name}"`,
    )
    await database.query(
      `insert into ${table} (${names}) select ${values.join(', ')}
       from ${originalOf(table)} t, generate_series(${from}::integer, ${to}::integer) as k on conflict do nothing`,
    )
  }
  const copies = to - from + 1
  await database.query(
    `update recommendation.item set orders = orders + ${copies} * orders / ${from}, buyers = buyers + ${copies} * buyers / ${from},
       viewers = viewers + ${copies} * viewers / ${from}`,
  )
  await database.query(`update recommendation.state set orders = orders + ${copies} * orders / ${from}`)
}
