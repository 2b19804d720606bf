-- The attribution module: what was delivered, row by row. Credit is computed when it is read, so nothing derived lies
-- here. Texts compare by byte (collate "C"): the order of keys is part of the digest.
do $$
begin
  if not exists (select from pg_roles where rolname = 'weir_attribution') then
    create role weir_attribution noinherit nologin;
  end if;
exception when duplicate_object or unique_violation then null; -- two databases migrated at once
end
$$;
-- The gateway takes a module's role for the length of handle(); it never inherits its rights.
do $$ begin execute 'grant weir_attribution to weir_app'; end $$;
create schema attribution;
grant usage on schema attribution to weir_app, weir_attribution;

-- How somebody came, as the event said; '' where it did not. Written once, never changed, removed by erase.
create table attribution.touch (
  subject text collate "C" not null,
  event_key text collate "C" not null,
  at timestamp(0) not null,                             -- UTC, the minute
  source text collate "C" not null,
  medium text collate "C" not null,
  campaign text collate "C" not null,
  creative text collate "C" not null,
  tag text collate "C" not null,
  referrer text collate "C" not null,                  -- the host, where it is none of the shop's own
  primary key (subject, event_key)
);
create index touch_by_time on attribution.touch (subject, at);
create table attribution.conversion (
  subject text collate "C" not null,
  event_key text collate "C" not null,
  order_token text collate "C" not null,               -- the event key where the order has no id
  at timestamp(0) not null,
  currency text collate "C" not null,
  value bigint not null check (value >= 0),            -- minor units
  told text collate "C" not null check (told in ('browser', 'server')),
  shop text collate "C" not null,
  primary key (subject, event_key)
);
create index conversion_by_order on attribution.conversion (order_token, shop);
create index conversion_by_time on attribution.conversion (at);

-- relink: whom a pseudonym counts as. root is the end of the chain of targets (of a circle: its smallest).
create table attribution.link (
  subject text collate "C" primary key,
  target text collate "C" not null,
  root text collate "C" not null
);
create index link_by_target on attribution.link (target);
create index link_by_root on attribution.link (root);

grant select, insert, delete on attribution.touch, attribution.conversion to weir_attribution;
grant select, insert, update, delete on attribution.link to weir_attribution;
-- The gateway computes credit without taking the module's role: it reads, it writes nothing.
grant select on attribution.touch, attribution.conversion, attribution.link to weir_app;

-- What marketing cost: nobody's data. '' where the cost names no source or campaign; cost in minor units.
create table weir.marketing_cost (
  day date not null,
  channel text collate "C" not null,
  source text collate "C" not null,
  campaign text collate "C" not null,
  currency text collate "C" not null,
  cost bigint not null,
  primary key (day, channel, source, campaign, currency)
);
-- Deliveries of costs that have been added.
create table weir.marketing_cost_batch (
  batch_id text primary key,
  added_on date not null
);
grant select, insert, update on weir.marketing_cost to weir_app;
grant select, insert on weir.marketing_cost_batch to weir_app;
