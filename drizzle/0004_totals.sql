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
-- written in key order; called inside the intake's transaction.
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
    on conflict (day, shop, currency) do update set orders = t.orders + excluded.orders, units = t.units + excluded.units,
      value = t.value + excluded.value, new_customers = t.new_customers + excluded.new_customers
  )
  insert into total as t (day, shop, currency, product_id, orders, leads, units, value, new_customers)
  select day, shop, currency, product_id, count(distinct order_no), count(*) filter (where leads), sum(units), sum(value),
    count(distinct order_no) filter (where new_customer > 0)
  from line group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (day, shop, currency, product_id) do update set orders = t.orders + excluded.orders,
    leads = t.leads + excluded.leads, units = t.units + excluded.units, value = t.value + excluded.value,
    new_customers = t.new_customers + excluded.new_customers
$$;
revoke all on function weir.count_orders from public;
grant execute on function weir.count_orders to weir_app;
grant select, insert, update on weir.total, weir.total_day, weir.total_taken, weir.total_published to weir_app;
grant select, insert on weir.total_batch to weir_app;
