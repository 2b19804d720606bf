import type { Tx } from '../../db/pool.ts'
import type { Bought, Journey, TouchAt } from './path.ts'

/** Days (UTC, YYYY-MM-DD), inclusive. */
export interface Days {
  readonly from: string
  readonly to: string
}

const FETCH = 5_000

/**
 * Everybody who has a conversion on a day of the range, one after another, streamed by a cursor so that memory holds
 * one person at a time. An order that was told twice is one conversion.
 */
export async function* journeysOf(
  tx: Tx,
  days: Days & { readonly lookbackDays: number; readonly served: readonly string[] },
): AsyncGenerator<Journey> {
  // A cursor takes no parameters: they are settings of this transaction.
  await tx.$client.query(
    `select set_config('weir.credit_from', $1, true), set_config('weir.credit_to', $2, true),
       set_config('weir.credit_lookback', $3, true), set_config('weir.credit_served', $4::text[]::text, true)`,
    [days.from, days.to, String(days.lookbackDays), days.served],
  )
  await tx.$client.query(`declare journey_rows no scroll cursor for ${JOURNEYS}`)
  let root: string | undefined
  let person: Person = emptyPerson()
  for (;;) {
    const { rows } = await tx.$client.query<Row>(`fetch ${FETCH} from journey_rows`)
    for (const row of rows) {
      if (row.root !== root) {
        if (root !== undefined) yield person
        root = row.root
        person = emptyPerson()
      }
      if (row.value === null) person.touches.push(row)
      else person.conversions.push({ ...row, value: row.value })
    }
    if (rows.length < FETCH) break
  }
  if (root !== undefined) yield person
  await tx.$client.query('close journey_rows')
}

interface Person {
  readonly touches: TouchAt[]
  readonly conversions: Bought[]
}

function emptyPerson(): Person {
  return { touches: [], conversions: [] }
}

interface Row extends TouchAt {
  readonly root: string
  readonly currency: string
  /** Null of a touch. */
  readonly value: bigint | null
  readonly counts: boolean
}

// A browser's orders count where no server of the shop tells orders: its key is public (docs/decisions/0007).
const tells = (c: string): string => `(${c}.told = 'server' or not ${c}.shop = any ((select served from span)::text[]))`

// Of an order told twice the server's word stands, then that which names a value, then the smaller key.
const rank = (c: string): string => `(${c}.told = 'browser', ${c}.value = 0, ${c}.event_key, ${c}.subject)`

const STANDS = `${tells('c')} and not exists (
      select from attribution.conversion o
      where o.order_token = c.order_token and o.shop = c.shop and ${tells('o')} and ${rank('o')} < ${rank('c')})`

const JOURNEYS = `with span as materialized (
    select current_setting('weir.credit_from')::timestamp as first, current_setting('weir.credit_served')::text[] as served,
      current_setting('weir.credit_to')::timestamp + interval '1 day' as past,
      current_setting('weir.credit_from')::timestamp - make_interval(days => current_setting('weir.credit_lookback')::integer) as back
  ),
  buyer as materialized (
    select distinct coalesce(k.root, c.subject) as root
    from attribution.conversion c left join attribution.link k on k.subject = c.subject
    where c.at >= (select first from span) and c.at < (select past from span) and ${STANDS}
  ),
  member as materialized (
    select root, root as subject from buyer
    union
    select k.root, k.subject from buyer b join attribution.link k on k.root = b.root
  )
  select m.root, (extract(epoch from t.at) / 60)::integer as minute, t.event_key, t.source, t.medium, t.campaign, t.creative,
    t.tag, t.referrer, '' as currency, null::bigint as value, false as counts
  from member m join attribution.touch t on t.subject = m.subject
  where t.at >= (select back from span) and t.at < (select past from span)
  union all
  select m.root, (extract(epoch from c.at) / 60)::integer, c.event_key, '', '', '', '', '', '', c.currency, c.value,
    c.at >= (select first from span) and c.at < (select past from span)
  from member m join attribution.conversion c on c.subject = m.subject
  where ${STANDS}
  order by root, minute, event_key`
