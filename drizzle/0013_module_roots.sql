-- By which pseudonyms a module knows people: the number of the pseudonym root that all its rows are under, and for how many
-- days a pseudonym lasts where it rolls. Changes in the transaction that clears the module's state, so that no module ever
-- holds rows under two. Written and read under the destination's delivery lock.
create table weir.module_root (
  destination_id smallint primary key,
  kid integer not null check (kid >= 0),  -- 0: nobody can tell, which no root is: the module is rebuilt
  rolling_days integer check (rolling_days > 0), -- null: a pseudonym lasts as long as the root
  -- Where pseudonyms roll, in periods: no row is of one before from_period, links are told up to told_period.
  from_period integer not null default 0,
  told_period integer not null default 0,
  -- The links that hold are being told: of devices up to this one they have been. Null: of all.
  telling_after uuid,
  telling_period integer not null default 0,
  until_pos bigint,                       -- rebuilt once the cursor is here; null: it is
  begun_at timestamptz not null default clock_timestamp()
);
grant select, insert, update on weir.module_root to weir_app;

-- A module's state is cleared at once, not row by row, while withdrawals wait.
grant truncate on attribution.touch, attribution.conversion, attribution.link to weir_attribution;
grant truncate on recommendation.view, recommendation.cart_change, recommendation.order_line, recommendation.order_return,
  recommendation.link, recommendation.basket, recommendation.interest, recommendation.item to weir_recommendation;
