-- Retention. DETACH PARTITION … CONCURRENTLY runs in no transaction and in no function, and asks for the owner of the
-- parent table: the parents of partitions belong to a role that the gateway may take on for that statement, as it takes
-- on a module's. The partitions themselves stay the owner's: what is detached only weir.drop_detached() drops, which
-- looks at the rows first.
do $$
begin
  if not exists (select from pg_roles where rolname = 'weir_retention') then
    create role weir_retention noinherit nologin;
  end if;
exception when duplicate_object or unique_violation then null; -- two databases migrated at once
end
$$;
do $$
begin
  execute 'grant weir_retention to weir_app';
  -- Whoever owns the database makes partitions of those parents.
  if not pg_has_role(current_user, 'weir_retention', 'usage') then
    execute format('grant weir_retention to %I', current_user);
  end if;
end
$$;
grant usage on schema weir to weir_retention;

-- An owner must be allowed to make tables at the moment it becomes one, and at no other.
create function weir.give_to_retention(parent text) returns void
language plpgsql set search_path = weir, pg_temp as $$
begin
  grant create on schema weir to weir_retention;
  execute format('alter table weir.%I owner to weir_retention', parent);
  revoke create on schema weir from weir_retention;
end
$$;
revoke execute on function weir.give_to_retention(text) from public;
select weir.give_to_retention('event_log');
select weir.give_to_retention(c.relname) from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'weir.sealed'::regclass;

-- As in 0009, and the class's table is given to the role that detaches its partitions. A partition that was detached to
-- be kept under restriction has its name still: it is not made again.
create or replace function weir.ensure_class(class_name text, class_step text, class_days integer, today date) returns smallint
language plpgsql security definer set search_path = weir, pg_temp as $$
declare
  id smallint;
  first date;
  next date;
  last date := today + class_days + 62;
  width interval := case class_step when 'day' then interval '1 day' else interval '1 month' end;
begin
  update weir.field_class set retain_days = class_days where name = class_name returning class_id into id;
  if id is null then
    insert into weir.field_class (name, step, retain_days) values (class_name, class_step, class_days) returning class_id into id;
  end if;
  if to_regclass('weir.sealed_' || class_name) is null then
    execute format('create table weir.%I partition of weir.sealed for values in (%L) partition by range (due)',
      'sealed_' || class_name, id);
    perform weir.give_to_retention('sealed_' || class_name);
  end if;
  select step into class_step from weir.field_class where class_id = id; -- a class keeps its first step
  width := case class_step when 'day' then interval '1 day' else interval '1 month' end;
  first := (date_trunc(class_step, today::timestamp) + width)::date;
  if class_step = 'day' then last := today + class_days + 2; end if;
  while first <= last loop
    next := (first + width)::date;
    if to_regclass('weir.sealed_' || class_name || to_char(first, '_YYYY_MM_DD')) is null then
      execute format('create table weir.%I partition of weir.%I for values from (%L) to (%L)',
        'sealed_' || class_name || to_char(first, '_YYYY_MM_DD'), 'sealed_' || class_name, first, next);
    end if;
    first := next;
  end loop;
  return id;
end
$$;
drop function weir.drop_due(date);

-- The tables that content and log rows lie in, attached or not. `name` and `class` are null of no class (the log).
create view weir.retained_partition as
select c.oid, c.relname::text as part, p.relname::text as parent, f.name as class, f.class_id,
  case when p.oid is null then 'detached' when i.inhdetachpending then 'pending' else 'attached' end as state,
  ((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([0-9-]+)''\)'))[1])::date as first,
  ((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([0-9-]+)''\)'))[1])::date as past
from pg_class c
  left join pg_inherits i on i.inhrelid = c.oid
  left join pg_class p on p.oid = i.inhparent
  left join weir.field_class f on c.relname ~ ('^sealed_' || f.name || '_[0-9]{4}_[0-9]{2}_[0-9]{2}$')
where c.relnamespace = 'weir'::regnamespace and c.relkind = 'r'
  and (f.name is not null or c.relname ~ '^event_log_[0-9]{4}_[0-9]{2}$');
grant select on weir.retained_partition to weir_app;

-- What really lies in one of them: the gateway cannot look into a detached one.
create function weir.partition_span(part text, out n bigint, out first date, out last date)
language plpgsql stable security definer set search_path = weir, pg_temp as $$
declare
  class_name text;
begin
  select class into strict class_name from weir.retained_partition r where r.part = partition_span.part;
  if class_name is null then
    execute format('select count(*), min(at_day), max(at_day) from weir.%I', part) into n, first, last;
  else
    execute format('select count(*), min(due), max(due) from weir.%I', part) into n, first, last;
  end if;
end
$$;

-- Drops a detached partition where its own rows say that all of them are past their end.
create function weir.drop_detached(part text, today date) returns bigint
language plpgsql security definer set search_path = weir, pg_temp as $$
declare
  found record;
  span record;
  longest integer;
begin
  perform set_config('lock_timeout', '2s', true);
  select * into strict found from weir.retained_partition r where r.part = drop_detached.part;
  if found.state <> 'detached' then raise exception 'a partition that is attached is not dropped' using errcode = '55006'; end if;
  select * into span from weir.partition_span(part);
  if found.class is null then
    select max(retain_days) into longest from weir.field_class;
    if span.last + longest >= today then raise exception 'a log partition has content still' using errcode = '55006'; end if;
  elsif span.last > today then
    raise exception 'a partition has rows that are not due' using errcode = '55006';
  end if;
  execute format('drop table weir.%I', part);
  return span.n;
end
$$;

-- Of whom the ledger has proof of consent and who is nobody any more.
create view weir.ledger_of_nobody as
select l.subject_id, max(l.recorded_at) as last_at, count(*) as entries
from weir.consent_ledger l where not exists (select from weir.subject s where s.subject_id = l.subject_id)
group by l.subject_id;
grant select on weir.ledger_of_nobody to weir_app;

-- Takes such proof out, some people at a time; the gateway itself cannot touch the ledger.
create function weir.expire_ledger(cutoff date, after uuid, at_most integer, out removed bigint, out upto uuid)
language plpgsql security definer set search_path = weir, pg_temp as $$
begin
  with nobody as materialized (
    select subject_id from weir.ledger_of_nobody
    where subject_id > after and last_at < cutoff order by subject_id limit at_most
  ),
  gone as (delete from weir.consent_ledger l using nobody n where l.subject_id = n.subject_id returning 1)
  select (select count(*) from gone), (select subject_id from nobody order by subject_id desc limit 1) into removed, upto;
end
$$;
revoke execute on function weir.partition_span(text), weir.drop_detached(text, date), weir.expire_ledger(date, uuid, integer) from public;
grant execute on function weir.partition_span(text), weir.drop_detached(text, date), weir.expire_ledger(date, uuid, integer) to weir_app;

-- Runs and how far each of their steps is: after a kill -9 the next run goes on from there. Names no person.
create table weir.retention_run (
  run_id bigint generated always as identity primary key,
  plan_hash text not null,
  plan jsonb not null,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  outcome text check (outcome in ('done', 'abandoned'))
);
create index retention_run_open on weir.retention_run (run_id) where finished_at is null;
create table weir.retention_step (
  run_id bigint not null,
  step text not null,
  rows_done bigint not null,
  cursor text,
  finished boolean not null,
  primary key (run_id, step)
);
grant select, insert, update, delete on weir.retention_run, weir.retention_step to weir_app;

-- A return falls due like any other row: by its day. Of those that are there already the day is that of their order,
-- which was before it, so that they go early rather than late.
alter table recommendation.order_return add column day date;
update recommendation.order_return r set day = coalesce(
  (select min(l.day) from recommendation.order_line l where l.order_token = r.order_token), current_date);
alter table recommendation.order_return alter column day set not null;

-- Expiry leaves dead rows by the hundred thousand: vacuum comes for them sooner than after a fifth of the table.
do $$
declare
  name text;
begin
  foreach name in array array['attribution.touch', 'attribution.conversion', 'recommendation.view', 'recommendation.cart_change',
    'recommendation.order_line', 'recommendation.order_return', 'weir.consent_ledger', 'weir.subject'] loop
    execute format('alter table %s set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000)', name);
  end loop;
end
$$;
