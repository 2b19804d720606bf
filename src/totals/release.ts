import type { Tx } from '../db/pool.ts'

export interface ReleaseRange {
  readonly from: string
  readonly to: string
  readonly k: number
}

/**
 * Publishes what may be published of the days in the range; afterwards the published rows are all that anybody reads.
 *
 * The unit is a block: all orders of a day (shop, currency) that no earlier block held, and only if they are k or
 * more. Days that are over and have fewer wait for their month, then for their year; never for the range that was
 * asked for, because two ranges that differ by a day would tell that day. A block is cut into parts: each product of
 * k orders or more, and `other`, all the rest. Where fewer than k orders stand behind the rest (most orders of one of
 * its products, or the sum of `leads`, whichever is more, is what there are at least), the smallest product joins it:
 * what is left over of a sum that is shown is a part like the others. So every figure ever shown, and every
 * difference between two of them, is a sum of whole parts of k orders or more, whenever and however often one asks.
 */
export async function release(tx: Tx, range: ReleaseRange): Promise<void> {
  // Two readers at once would publish the same orders twice. Counting goes on meanwhile: it touches other tables.
  await tx.$client.query(`select pg_advisory_xact_lock(hashtextextended('weir.total_published', 0))`)
  for (const step of ['day', 'month', 'year']) {
    await tx.$client.query(RELEASE, [step, range.from, range.to, range.k])
  }
}

const RELEASE = `with waiting as (
    select d.day, d.shop, d.currency, d.orders - coalesce(t.orders, 0) as orders, d.units - coalesce(t.units, 0) as units,
      d.value - coalesce(t.value, 0) as value, d.new_customers - coalesce(t.new_customers, 0) as new_customers,
      date_trunc($1, d.day::timestamp)::date as first,
      (date_trunc($1, d.day::timestamp) + ('1 ' || $1)::interval - interval '1 day')::date as last
    from weir.total_day d
      left join weir.total_taken t on (t.day, t.shop, t.currency, t.product_id) = (d.day, d.shop, d.currency, '*')
    where d.day between $2::date and $3::date and d.orders > coalesce(t.orders, 0)
      and ($1 = 'day' or d.day < (now() at time zone 'utc')::date)
  ),
  block as materialized (
    select first, last, shop, currency, sum(orders) as orders, sum(units) as units, sum(value) as value,
      sum(new_customers) as new_customers
    from waiting where first >= $2::date and last <= $3::date
    group by first, last, shop, currency having sum(orders) >= $4::integer
  ),
  cell as materialized (
    select b.first, b.shop, b.currency, c.product_id, sum(c.orders - coalesce(t.orders, 0)) as orders,
      sum(c.leads - coalesce(t.leads, 0)) as leads, sum(c.units - coalesce(t.units, 0)) as units,
      sum(c.value - coalesce(t.value, 0)) as value, sum(c.new_customers - coalesce(t.new_customers, 0)) as new_customers
    from block b join waiting w on (w.first, w.shop, w.currency) = (b.first, b.shop, b.currency)
      join weir.total c on (c.day, c.shop, c.currency) = (w.day, w.shop, w.currency)
      left join weir.total_taken t on (t.day, t.shop, t.currency, t.product_id) = (c.day, c.shop, c.currency, c.product_id)
    where (c.orders, c.units, c.value) is distinct from (coalesce(t.orders, 0), coalesce(t.units, 0), coalesce(t.value, 0))
    group by b.first, b.shop, b.currency, c.product_id
  ),
  sized as (
    select *, orders >= $4 and product_id <> '' as large from cell
  ),
  rest as (
    select first, shop, currency, greatest(max(orders), sum(leads)) < $4 as too_small
    from sized where not large group by first, shop, currency
  ),
  part as materialized (
    select first, shop, currency, case when large and not joins_rest then product_id else '' end as product_id,
      sum(orders) as orders, sum(units) as units, sum(value) as value, sum(new_customers) as new_customers
    from (
      select s.*, coalesce(r.too_small, false) and row_number() over (
        partition by s.first, s.shop, s.currency, s.large order by s.orders, s.product_id) = 1 as joins_rest
      from sized s left join rest r on (r.first, r.shop, r.currency) = (s.first, s.shop, s.currency)
    ) ranked
    group by 1, 2, 3, 4
  ),
  published as (
    insert into weir.total_published as p
      (from_day, to_day, shop, currency, product_id, orders, units, value, new_customers)
    select first, last, shop, currency, '*', orders, units, value, new_customers from block
    union all
    select b.first, b.last, b.shop, b.currency, p.product_id, least(p.orders, b.orders), p.units, p.value,
      least(p.new_customers, b.new_customers)
    from part p join block b on (b.first, b.shop, b.currency) = (p.first, p.shop, p.currency)
    on conflict (from_day, to_day, shop, currency, product_id) do update
      set orders = p.orders + excluded.orders, units = p.units + excluded.units, value = p.value + excluded.value,
        new_customers = p.new_customers + excluded.new_customers
  )
  insert into weir.total_taken (day, shop, currency, product_id, orders, leads, units, value, new_customers)
  select d.day, d.shop, d.currency, '*', d.orders, 0, d.units, d.value, d.new_customers
  from weir.total_day d join waiting w on (w.day, w.shop, w.currency) = (d.day, d.shop, d.currency)
    join block b on (b.first, b.shop, b.currency) = (w.first, w.shop, w.currency)
  union all
  select c.day, c.shop, c.currency, c.product_id, c.orders, c.leads, c.units, c.value, c.new_customers
  from weir.total c join waiting w on (w.day, w.shop, w.currency) = (c.day, c.shop, c.currency)
    join block b on (b.first, b.shop, b.currency) = (w.first, w.shop, w.currency)
  on conflict (day, shop, currency, product_id) do update set orders = excluded.orders, leads = excluded.leads,
    units = excluded.units, value = excluded.value, new_customers = excluded.new_customers`
