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

// Windows instead of joins between the steps: Postgres has no statistics of a step and would loop over all pairs.
const RELEASE = `with waiting as (
    select d.day, d.shop, d.currency, date_trunc($1, d.day::timestamp)::date as first,
      (date_trunc($1, d.day::timestamp) + ('1 ' || $1)::interval - interval '1 day')::date as last,
      d.orders - coalesce(t.orders, 0) as orders, d.units - coalesce(t.units, 0) as units,
      d.value - coalesce(t.value, 0) as value, d.new_customers - coalesce(t.new_customers, 0) as new_customers,
      d.orders as all_orders, d.units as all_units, d.value as all_value, d.new_customers as all_new
    from weir.total_day d
      left join weir.total_taken t on (t.day, t.shop, t.currency, t.product_id) = (d.day, d.shop, d.currency, '*')
    where d.day between $2::date and $3::date and d.orders > coalesce(t.orders, 0)
      and ($1 = 'day' or d.day < (now() at time zone 'utc')::date)
  ),
  block_day as materialized (
    select * from (
      select *, sum(orders) over block as block_orders, sum(new_customers) over block as block_new
      from waiting where first >= $2::date and last <= $3::date
      window block as (partition by first, shop, currency)
    ) day where block_orders >= $4::integer
  ),
  cell_day as materialized (
    select b.day, b.first, b.last, b.shop, b.currency, b.block_orders, b.block_new, c.product_id,
      c.orders - coalesce(t.orders, 0) as orders, c.leads - coalesce(t.leads, 0) as leads,
      c.units - coalesce(t.units, 0) as units, c.value - coalesce(t.value, 0) as value,
      c.new_customers - coalesce(t.new_customers, 0) as new_customers,
      c.orders as all_orders, c.leads as all_leads, c.units as all_units, c.value as all_value, c.new_customers as all_new
    from block_day b
      cross join lateral (
        select * from weir.total where day = b.day and shop = b.shop and currency = b.currency offset 0
      ) c
      left join lateral (
        select * from weir.total_taken
        where day = b.day and shop = b.shop and currency = b.currency and product_id = c.product_id offset 0
      ) t on true
    where (c.orders, c.units, c.value) is distinct from (coalesce(t.orders, 0), coalesce(t.units, 0), coalesce(t.value, 0))
  ),
  cell as (
    select first, last, shop, currency, block_orders, block_new, product_id, sum(orders) as orders, sum(leads) as leads,
      sum(units) as units, sum(value) as value, sum(new_customers) as new_customers,
      sum(orders) >= $4 and product_id <> '' as large
    from cell_day group by first, last, shop, currency, block_orders, block_new, product_id
  ),
  ranked as (
    select *, row_number() over (partition by first, shop, currency, large order by orders, product_id) as rank,
      greatest(max(orders) filter (where not large) over block, sum(leads) filter (where not large) over block) as rest
    from cell window block as (partition by first, shop, currency)
  ),
  part as (
    select first, last, shop, currency, block_orders, block_new,
      case when large and not (rank = 1 and coalesce(rest < $4, false)) then product_id else '' end as product_id,
      orders, units, value, new_customers
    from ranked
  ),
  published as (
    insert into weir.total_published as p
      (from_day, to_day, shop, currency, product_id, orders, units, value, new_customers)
    select first, last, shop, currency, '*', sum(orders), sum(units), sum(value), sum(new_customers)
    from block_day group by first, last, shop, currency
    union all
    select first, last, shop, currency, product_id, least(sum(orders), block_orders), sum(units), sum(value),
      least(sum(new_customers), block_new)
    from part group by first, last, shop, currency, product_id, block_orders, block_new
    on conflict (from_day, to_day, shop, currency, product_id) do update
      set orders = p.orders + excluded.orders, units = p.units + excluded.units, value = p.value + excluded.value,
        new_customers = p.new_customers + excluded.new_customers
  )
  insert into weir.total_taken (day, shop, currency, product_id, orders, leads, units, value, new_customers)
  select day, shop, currency, '*', all_orders, 0, all_units, all_value, all_new from block_day
  union all
  select day, shop, currency, product_id, all_orders, all_leads, all_units, all_value, all_new from cell_day
  on conflict (day, shop, currency, product_id) do update set orders = excluded.orders, leads = excluded.leads,
    units = excluded.units, value = excluded.value, new_customers = excluded.new_customers`
