import type { Db } from '../../src/db/pool.ts'

/** Bytes of a sealed blob: what most events have, with the header and the tag. */
const BLOB = 160

export interface Made {
  readonly rows: number
  /** The partition that they lie in; absent where they go one by one. */
  readonly part?: string
}

/**
 * Fills one partition of `behaviour` that fell due on `due` (the first of a month long past) with so many blobs of random
 * bytes, without the events that they would belong to. As the owner; 10,000,000 take about 3 GB.
 */
export async function makeExpiredPartition(owner: Db, rows: number, due = '2020-01-01'): Promise<Made> {
  const part = `sealed_behaviour_${due.replaceAll('-', '_')}`
  await owner.$client.query(
    `create table weir.${part} partition of weir.sealed_behaviour
     for values from ('${due}') to ('${due.slice(0, 5)}${String(Number(due.slice(5, 7)) + 1).padStart(2, '0')}-01')`,
  )
  await owner.$client.query(
    `insert into weir.sealed (class_id, due, subject_id, pos, bytes)
     select (select class_id from weir.field_class where name = 'behaviour'), $2::date,
       ('00000000-0000-4000-8000-' || lpad(to_hex(n % 100000), 12, '0'))::uuid, -n, decode(repeat(md5(n::text), $3), 'hex')
     from generate_series(1, $1::integer) as n`,
    [rows, due, BLOB / 16],
  )
  return { rows, part }
}

/** So many touches of the attribution module, of a day long past, and as many of yesterday beside them in each block. */
export async function makeExpiredTouches(owner: Db, rows: number, day = '2020-01-01'): Promise<Made> {
  await owner.$client.query(
    `insert into attribution.touch (subject, event_key, at, source, medium, campaign, creative, tag, referrer)
     select 'p1.bench.' || n % 100000, 't1.bench.' || n || '.' || half || '.' || $2::text,
       case half when 0 then $2::text::timestamp else date_trunc('minute', now() at time zone 'UTC') - interval '1 day' end,
       'mail', 'email', 'spring', '', '', ''
     from generate_series(1, $1::integer) as n, generate_series(0, 1) as half`,
    [rows, day],
  )
  return { rows }
}
