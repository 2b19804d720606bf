-- Person-free sums of orders: no identifier, no order id, no event key, no time finer than a day. Value is in minor
-- units of the currency. '' is what names no product.
create table weir.total (
  day date not null,
  shop text collate "C" not null,
  currency text collate "C" not null,
  product_id text collate "C" not null,
  orders bigint not null,
  leads bigint not null,           -- orders counted at this product and at no other: over several products they add up to
                                   -- no more than the orders there are, so k is kept when cells are merged
  units bigint not null,
  value bigint not null,
  new_customers bigint not null,
  primary key (day, shop, currency, product_id)
);
-- The same orders, each counted once.
create table weir.total_day (
  day date not null,
  shop text collate "C" not null,
  currency text collate "C" not null,
  orders bigint not null,
  units bigint not null,
  value bigint not null,
  new_customers bigint not null,
  primary key (day, shop, currency)
);

-- What of both has been published; '*' is the day as a whole. Apart from the live rows, so that reading never makes
-- the intake wait.
create table weir.total_taken (
  day date not null,
  shop text collate "C" not null,
  currency text collate "C" not null,
  product_id text collate "C" not null,
  orders bigint not null,
  leads bigint not null,
  units bigint not null,
  value bigint not null,
  new_customers bigint not null,
  primary key (day, shop, currency, product_id)
);
-- What anybody may see, by day, month or year: grows by k orders or more at a time, never by fewer. '' is all products
-- that are not shown by themselves, '*' all orders, each counted once.
create table weir.total_published (
  from_day date not null,
  to_day date not null,
  shop text collate "C" not null,
  currency text collate "C" not null,
  product_id text collate "C" not null,
  orders bigint not null,
  units bigint not null,
  value bigint not null,
  new_customers bigint not null,
  primary key (from_day, to_day, shop, currency, product_id)
);
-- Deliveries of an ERP that have been added.
create table weir.total_batch (
  batch_id text primary key,
  added_on date not null
);

-- Adds a group of orders: one element per line, lines of an order together, the order's number first. Rows are
-- written in key order; called inside the intake's transaction. A sum stops at 10^15, where no shop comes: an event is
-- never lost because its order overflows a sum.
create function weir.count_orders(p_order integer[], p_day date[], p_shop text[], p_currency text[], p_product text[],
  p_units bigint[], p_value bigint[], p_new smallint[]) returns void
language sql set search_path = weir, pg_temp as $$
  with line as materialized (
    select *, row_number() over (partition by order_no order by nth) = 1 as leads
    from unnest(p_order, p_day, p_shop, p_currency, p_product, p_units, p_value, p_new) with ordinality
      as t (order_no, day, shop, currency, product_id, units, value, new_customer, nth)
  ),
  by_day as (
    insert into total_day as t (day, shop, currency, orders, units, value, new_customers)
    select day, shop, currency, count(*) filter (where leads), sum(units), sum(value), sum(new_customer) filter (where leads)
    from line group by 1, 2, 3 order by 1, 2, 3
    on conflict (day, shop, currency) do update set orders = least(t.orders + excluded.orders, 1000000000000000), units = least(t.units + excluded.units, 1000000000000000),
      value = least(t.value + excluded.value, 1000000000000000), new_customers = least(t.new_customers + excluded.new_customers, 1000000000000000)
  )
  insert into total as t (day, shop, currency, product_id, orders, leads, units, value, new_customers)
  select day, shop, currency, product_id, count(distinct order_no), count(*) filter (where leads), sum(units), sum(value),
    count(distinct order_no) filter (where new_customer > 0)
  from line group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (day, shop, currency, product_id) do update set orders = least(t.orders + excluded.orders, 1000000000000000),
    leads = least(t.leads + excluded.leads, 1000000000000000), units = least(t.units + excluded.units, 1000000000000000), value = least(t.value + excluded.value, 1000000000000000),
    new_customers = least(t.new_customers + excluded.new_customers, 1000000000000000)
$$;
revoke all on function weir.count_orders from public;
grant execute on function weir.count_orders to weir_app;
grant select, insert, update on weir.total, weir.total_day, weir.total_taken, weir.total_published to weir_app;
grant select, insert on weir.total_batch to weir_app;

-- The orders (from 0) of fresh events that nobody has told of within the dedupe window, now taken. An order without an
-- id is as fresh as its event.
create function weir.take_orders(fresh integer[], order_event integer[], order_key bytea[]) returns integer[]
language plpgsql set search_path = weir, pg_temp as $$
declare
  numbers integer[];
  distinct_keys bytea[];
  without_key integer[];
  taken integer[];
begin
  select coalesce(array_agg(number), '{}'), coalesce(array_agg(key), '{}') into numbers, distinct_keys
  from (
    select distinct on (key) (n - 1)::integer as number, key
    from unnest(order_event, order_key) with ordinality as o(event, key, n)
    where event = any(fresh) and key is not null order by key, n
  ) as first_told;
  select coalesce(array_agg((n - 1)::integer), '{}') into without_key
  from unnest(order_event, order_key) with ordinality as o(event, key, n)
  where event = any(fresh) and key is null;
  taken := weir.take_keys(array_fill(0, array[cardinality(numbers)]), distinct_keys);
  return without_key || array(select numbers[t] from unnest(taken) as t);
end
$$;

-- One group of events, one statement, one transaction: keys, then the log under its lock, then the blobs.
-- Arrays run in parallel, one element an event; those that begin with blob_ one element a blob, blob_event from 1.
-- Orders come apart: order_event says whose each is (from 1), order_key what it is counted once by within the dedupe
-- window, whichever source told it; line_order numbers the orders from 0. They count whatever was decided for the event:
-- the order is known for its own sake, and as a sum it is nobody's.
-- Returns the ordinals of the events that were not seen before; the others changed nothing.
create function weir.append_events(
  version integer, kinds smallint[], sources integer[], keys bytea[], subjects uuid[], others uuid[], types smallint[],
  route_masks integer[], granted_masks integer[], refused_masks integer[], narrowed_masks integer[],
  epochs integer[], user_epochs integer[], refs bytea[], removed_fields bytea[], unclassified_counts smallint[], blob_lists bytea[],
  blob_event integer[], blob_class smallint[], blob_due date[], blob_subject uuid[], blob_bytes bytea[],
  order_event integer[], order_key bytea[], line_order integer[], line_day date[], line_shop text[], line_currency text[],
  line_product text[], line_units bigint[], line_value bigint[], line_new smallint[]
) returns integer[] language plpgsql set search_path = weir, pg_temp as $$
declare
  fresh integer[];
  base bigint;
  now_at timestamptz;
  counted integer[];
begin
  fresh := weir.take_keys(sources, keys);
  if cardinality(fresh) = 0 then return fresh; end if;
  if cardinality(order_event) > 0 then counted := weir.take_orders(fresh, order_event, order_key); end if;
  perform pg_advisory_xact_lock(20001, 0); -- held to the end of the commit: numbers are given in commit order
  base := nextval('weir.log_position');
  perform setval('weir.log_position', base + cardinality(fresh) - 1);
  now_at := clock_timestamp();
  insert into weir.event_log
  select base + f.rank - 1, (now_at at time zone 'UTC')::date, now_at, e.kind, e.source, e.key, e.subject, e.other, version, e.type,
    e.routes, e.granted, e.refused, e.narrowed, e.epoch, e.user_epoch, e.ref, e.removed, e.unclassified, e.blobs
  from unnest(kinds, sources, keys, subjects, others, types, route_masks, granted_masks, refused_masks, narrowed_masks,
      epochs, user_epochs, refs, removed_fields, unclassified_counts, blob_lists) with ordinality
      as e(kind, source, key, subject, other, type, routes, granted, refused, narrowed, epoch, user_epoch, ref, removed, unclassified, blobs, n)
    join unnest(fresh) with ordinality as f(n, rank) on f.n = e.n;
  if cardinality(blob_event) > 0 then
    insert into weir.sealed
    select b.class, b.due, b.subject, base + f.rank - 1, b.bytes
    from unnest(blob_event, blob_class, blob_due, blob_subject, blob_bytes) as b(event, class, due, subject, bytes)
      join unnest(fresh) with ordinality as f(n, rank) on f.n = b.event;
  end if;
  if cardinality(counted) > 0 then
    perform weir.count_orders(array_agg(o), array_agg(day), array_agg(shop), array_agg(currency), array_agg(product),
      array_agg(units), array_agg(value), array_agg(new))
    from unnest(line_order, line_day, line_shop, line_currency, line_product, line_units, line_value, line_new)
      as l(o, day, shop, currency, product, units, value, new)
    where o = any(counted)
    having count(*) > 0;
  end if;
  return fresh;
end
$$;
