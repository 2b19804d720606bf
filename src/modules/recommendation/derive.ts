import type { Tx } from '../../db/pool.ts'

/** Makes this transaction the only writer of the module until it ends, and gives the state that it leaves a new name. */
export async function takeTurn(tx: Tx): Promise<void> {
  await tx.$client.query({
    name: 'recommendation-turn',
    text: 'update recommendation.state set version = version + 1',
  })
}

/** An order as its base rows name it. */
export interface OrderRef {
  readonly subject: string
  readonly order: string
}

/** Brings the baskets of these orders, and the counts that follow from them, into line with the base rows. */
export async function settleOrders(tx: Tx, orders: readonly OrderRef[]): Promise<void> {
  await addInterest(tx, await settleBasketsOf(tx, orders))
}

/**
 * Brings the baskets of these orders into line with the base rows; answers with what then has to be added to the counts.
 * An order is (whom the subject counts as, order token): a return counts only where the same person sent it.
 */
export async function settleBasketsOf(tx: Tx, orders: readonly OrderRef[]): Promise<InterestChange[]> {
  if (orders.length === 0) return []
  return settleBaskets(
    tx,
    'recommendation-settle-orders',
    `select distinct coalesce(k.root, t.subject), t.order_token
    from unnest($1::text[], $2::text[]) as t (subject, order_token)
    left join recommendation.link k on k.subject = t.subject`,
    [orders.map((o) => o.subject), orders.map((o) => o.order)],
  )
}

/** The same, for orders of which also the owner has changed: (root, order token) as they are and as they were. */
export async function settleRoots(tx: Tx, orders: readonly { root: string; order: string }[]): Promise<void> {
  if (orders.length === 0) return
  const touched = 'select distinct * from unnest($1::text[], $2::text[])'
  const values = [orders.map((o) => o.root), orders.map((o) => o.order)]
  await addInterest(tx, await settleBaskets(tx, 'recommendation-settle-roots', touched, values))
}

// Lateral subqueries and scalar lookups keep the plan to index reads per order, also before Postgres has statistics.
async function settleBaskets(
  tx: Tx,
  name: string,
  touched: string,
  values: readonly string[][],
): Promise<InterestChange[]> {
  const result = await tx.$client.query<{ root: string; item: string; orders: number }>({
    name,
    text: `with touched (root, order_token) as materialized (${touched}),
     fresh as materialized (
       select t.root, t.order_token, kept.items
       from touched t cross join lateral (
         select array_agg(distinct l.item order by l.item) as items
         from recommendation.order_line l
         where l.order_token = t.order_token
           and coalesce((select root from recommendation.link where subject = l.subject), l.subject) = t.root
           and not exists (
             select from recommendation.order_return r
             where r.order_token = t.order_token and (r.item = '' or r.item = l.item)
               and coalesce((select root from recommendation.link where subject = r.subject), r.subject) = t.root)
       ) kept
     ),
     old as materialized (
       select t.root, t.order_token, b.items
       from touched t join recommendation.basket b on b.root = t.root and b.order_token = t.order_token
     ),
     put as (
       insert into recommendation.basket as b (root, order_token, items)
       select root, order_token, items from fresh where items is not null order by root, order_token
       on conflict (root, order_token) do update set items = excluded.items where b.items <> excluded.items
     ),
     gone as (
       delete from recommendation.basket b using fresh f
       where f.items is null and b.root = f.root and b.order_token = f.order_token
     ),
     counted as (
       update recommendation.state set orders = orders
         + (select count(*) from fresh where items is not null) - (select count(*) from old)
     )
     select root, item, sum(n)::integer as orders from (
       select root, unnest(items) as item, 1 as n from fresh
       union all
       select root, unnest(items), -1 from old
     ) change group by root, item having sum(n) <> 0`,
    values: [...values],
  })
  return result.rows
}

/** Changes in how often somebody bought or saw an item. Several of the same (root, item) add up. */
export interface InterestChange {
  readonly root: string
  readonly item: string
  readonly orders?: number
  readonly views?: number
}

/** Adds to the counts per person and item, and to the counts per item that follow from them. Rows at zero go. */
export async function addInterest(tx: Tx, changes: readonly InterestChange[]): Promise<void> {
  if (changes.length === 0) return
  await tx.$client.query({
    name: 'recommendation-add-interest',
    text: ADD_INTEREST,
    values: [
      changes.map((c) => c.root),
      changes.map((c) => c.item),
      changes.map((c) => c.orders ?? 0),
      changes.map((c) => c.views ?? 0),
    ],
  })
}

const ADD_INTEREST = `with change as materialized (
    select root, item, sum(orders)::bigint as orders, sum(views)::bigint as views
    from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as t (root, item, orders, views)
    group by root, item
  ),
  now as materialized (
    select c.root, c.item, c.orders as more_orders,
      coalesce(i.orders, 0) as old_orders, coalesce(i.views, 0) as old_views,
      coalesce(i.orders, 0) + c.orders as orders, coalesce(i.views, 0) + c.views as views
    from change c left join lateral (
      select orders, views from recommendation.interest where root = c.root and item = c.item offset 0
    ) i on true
  ),
  put as (
    insert into recommendation.interest (root, item, orders, views)
    select root, item, orders, views from now where orders > 0 or views > 0 order by root, item
    on conflict (root, item) do update set orders = excluded.orders, views = excluded.views
  ),
  gone as (
    delete from recommendation.interest i using now n
    where n.orders = 0 and n.views = 0 and i.root = n.root and i.item = n.item
  ),
  item_change as materialized (
    select item, sum(more_orders)::bigint as orders,
      sum((orders > 0)::integer - (old_orders > 0)::integer) as buyers,
      sum((views > 0)::integer - (old_views > 0)::integer) as viewers
    from now group by item
    having sum(more_orders) <> 0 or sum((orders > 0)::integer - (old_orders > 0)::integer) <> 0
      or sum((views > 0)::integer - (old_views > 0)::integer) <> 0
  ),
  item_now as materialized (
    select c.item, coalesce(i.orders, 0) + c.orders as orders, coalesce(i.buyers, 0) + c.buyers as buyers,
      coalesce(i.viewers, 0) + c.viewers as viewers
    from item_change c left join lateral (
      select orders, buyers, viewers from recommendation.item where item = c.item offset 0
    ) i on true
  ),
  item_gone as (
    delete from recommendation.item i using item_now n where n.buyers = 0 and n.viewers = 0 and i.item = n.item
  )
  insert into recommendation.item (item, orders, buyers, viewers)
  select item, orders, buyers, viewers from item_now where buyers > 0 or viewers > 0 order by item
  on conflict (item) do update
    set orders = excluded.orders, buyers = excluded.buyers, viewers = excluded.viewers`
