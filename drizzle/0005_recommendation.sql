-- The recommendation module. Texts compare by byte (collate "C"): the order of keys is part of the digest.

-- What was delivered, row by row: written once, never changed, removed by erase.
create table recommendation.view (
  subject text collate "C" not null,
  event_key text collate "C" not null,
  item text collate "C" not null,
  day date not null,
  primary key (subject, event_key, item)
);
create table recommendation.cart_change (
  subject text collate "C" not null,
  event_key text collate "C" not null,
  item text collate "C" not null,
  day date not null,
  step smallint not null check (step in (-1, 1)),      -- put in, taken out
  primary key (subject, event_key, item)
);
create table recommendation.order_line (
  subject text collate "C" not null,
  event_key text collate "C" not null,
  order_token text collate "C" not null,
  item text collate "C" not null,
  day date not null,
  primary key (subject, event_key, item)
);
create index order_line_by_order on recommendation.order_line (order_token);
create table recommendation.order_return (
  subject text collate "C" not null,
  event_key text collate "C" not null,
  order_token text collate "C" not null,
  item text collate "C" not null,                      -- '' takes the whole order back
  primary key (subject, event_key, item)
);
create index order_return_by_order on recommendation.order_return (order_token);

-- relink: whom a pseudonym counts as. root is the end of the chain of targets (of a circle: its smallest).
create table recommendation.link (
  subject text collate "C" primary key,
  target text collate "C" not null,
  root text collate "C" not null
);
create index link_by_target on recommendation.link (target);

-- Derived from the rows above, kept in the same transaction: what counts of an order after returns, who holds how much
-- of an item, how many hold it. Rows at zero do not exist.
create table recommendation.basket (
  root text collate "C" not null,
  order_token text collate "C" not null,
  items text[] collate "C" not null check (cardinality(items) > 0),
  primary key (root, order_token)
);
create index basket_by_item on recommendation.basket using gin (items) with (fastupdate = off);
create table recommendation.interest (
  root text collate "C" not null,
  item text collate "C" not null,
  orders bigint not null check (orders >= 0),
  views bigint not null check (views >= 0),
  primary key (root, item),
  check (orders > 0 or views > 0)
);
create table recommendation.item (
  item text collate "C" primary key,
  orders bigint not null check (orders >= 0),
  buyers bigint not null check (buyers >= 0),
  viewers bigint not null check (viewers >= 0),
  check (buyers > 0 or viewers > 0)
);
create index item_by_buyers on recommendation.item (buyers desc, orders desc, item);
create index item_by_viewers on recommendation.item (viewers desc, item);

-- One row. Updating it first makes writers take turns; version names the state served (no part of the digest).
create table recommendation.state (
  one boolean primary key default true check (one),
  version bigint not null,
  orders bigint not null
) with (fillfactor = 10);
insert into recommendation.state (version, orders) values (0, 0);

grant select, insert, delete on recommendation.view, recommendation.cart_change, recommendation.order_line,
  recommendation.order_return to weir_recommendation;
grant select, insert, update, delete on recommendation.link, recommendation.basket, recommendation.interest,
  recommendation.item to weir_recommendation;
grant select, update on recommendation.state to weir_recommendation;
-- The gateway answers recommendations without taking the module's role: it reads what answers are made of, writes nothing.
grant select on recommendation.view, recommendation.cart_change, recommendation.order_line, recommendation.order_return,
  recommendation.basket, recommendation.item, recommendation.state to weir_app;
