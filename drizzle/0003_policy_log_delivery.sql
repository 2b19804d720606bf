-- Every policy text that ever decided anything: log rows name its version and are explained with it.
create table weir.policy_version (
  version integer generated always as identity primary key,
  fingerprint text not null unique,
  source text not null,
  activated_at timestamptz not null default now()
);
-- The one that decides now, on every node: delivery reads it under its lock.
create table weir.active_policy (
  one boolean primary key default true check (one),
  version integer not null
);
create table weir.destination (
  destination_id smallint generated always as identity primary key,
  name text not null unique
);
create table weir.field_class (
  class_id smallint generated always as identity primary key,
  name text not null unique check (name ~ '^[a-z][a-z0-9_]{0,30}$'),
  step text not null check (step in ('day', 'month')),
  retain_days integer not null check (retain_days > 0)
);

-- The log: a skeleton without content. pos is commit order (numbered under one lock), so a plain cursor never skips.
create sequence weir.log_position;
create table weir.event_log (
  pos bigint not null,
  at_day date not null,
  received_at timestamptz not null,
  kind smallint not null,              -- 0 event, 1 link, 2 unlink, 3 flow probe
  source_id integer not null,
  event_key bytea not null,
  subject_id uuid,                     -- absent where everything was refused: a refusal is nobody's
  other_id uuid,                       -- link, unlink: the user
  policy_version integer not null,
  event_type smallint not null,        -- index into that version's events; -1 unknown
  routes integer not null,             -- bits of the routes that were permitted at intake
  granted integer not null,
  refused integer not null,
  narrowed integer not null,
  consent_epoch integer not null,      -- of the subject
  user_epoch integer not null,         -- of the user it was linked to
  consent_ref bytea,                   -- record id xor the unstored half of the event's HMAC: opens only to who has the message id
  removed bytea not null,              -- u16 each: indices of removed fields
  unclassified smallint not null,
  blobs bytea not null,                -- u16 class id, u16 due in days since 2000-01-01, for each sealed blob
  closed integer not null default 0,   -- bits of routes whose content was erased since, after a withdrawal
  primary key (pos, at_day)
) partition by range (at_day);
create index event_log_by_key on weir.event_log (event_key);

-- The content: one blob per retention class, gone with its partition on the day it falls due.
create table weir.sealed (
  class_id smallint not null,
  due date not null,
  subject_id uuid not null,
  pos bigint not null,
  bytes bytea not null,
  primary key (subject_id, pos, class_id, due)
) partition by list (class_id);
alter table weir.sealed alter column bytes set storage external; -- ciphertext does not compress

-- Exact dedupe: two tables that take turns every 24 hours by the database's clock.
create table weir.dedupe_0 (source_id integer, key bytea, primary key (source_id, key));
create table weir.dedupe_1 (source_id integer, key bytea, primary key (source_id, key));
create table weir.dedupe_window (one boolean primary key default true check (one), period bigint not null);
insert into weir.dedupe_window (period) values (floor(extract(epoch from clock_timestamp()) / 86400));

create table weir.delivery_cursor (
  destination_id smallint primary key,
  pos bigint not null default 0,
  moved_at timestamptz not null default clock_timestamp()
);
-- Sealed by reference: the content stays in weir.sealed and goes with it.
create table weir.dead_letter (
  subject_id uuid not null,
  destination_id smallint not null,
  pos bigint not null,
  at_day date not null,
  error_code text not null,
  attempts smallint not null,
  failed_at timestamptz not null,
  retry_at timestamptz,                 -- absent: given up, waits for an operator
  primary key (subject_id, destination_id, pos)
);
create index dead_letter_due on weir.dead_letter (destination_id, retry_at);
-- What a withdrawal leaves to erase; destination 0 is the stored content.
create table weir.purge (
  subject_id uuid not null,
  destination_id smallint not null,
  requested_at timestamptz not null default clock_timestamp(),
  primary key (subject_id, destination_id)
);
create index purge_by_destination on weir.purge (destination_id, requested_at);

-- Makes the partitions that rows written from today on can need. Called at start and daily; safe to call twice.
create function weir.ensure_log_partitions(from_day date, months integer) returns void
language plpgsql security definer set search_path = weir, pg_temp as $$
declare
  first date;
begin
  for i in 0 .. months - 1 loop
    first := (date_trunc('month', from_day) + make_interval(months => i))::date;
    if to_regclass('weir.event_log_' || to_char(first, 'YYYY_MM')) is null then
      execute format('create table weir.%I partition of weir.event_log for values from (%L) to (%L)',
        'event_log_' || to_char(first, 'YYYY_MM'), first, (first + interval '1 month')::date);
    end if;
  end loop;
end
$$;

create function weir.ensure_class(class_name text, class_step text, class_days integer, today date) returns smallint
language plpgsql security definer set search_path = weir, pg_temp as $$
declare
  id smallint;
  first date;
  next date;
  last date := today + class_days + 62;
  width interval := case class_step when 'day' then interval '1 day' else interval '1 month' end;
begin
  -- Looked up first, by callers who take turns: an insert that conflicts burns a number, and numbers end at 32,767.
  update weir.field_class set retain_days = class_days where name = class_name returning class_id into id;
  if id is null then
    insert into weir.field_class (name, step, retain_days) values (class_name, class_step, class_days) returning class_id into id;
  end if;
  if to_regclass('weir.sealed_' || class_name) is null then
    execute format('create table weir.%I partition of weir.sealed for values in (%L) partition by range (due)',
      'sealed_' || class_name, id);
  end if;
  select step into class_step from weir.field_class where class_id = id; -- a class keeps its first step
  width := case class_step when 'day' then interval '1 day' else interval '1 month' end;
  first := date_trunc(class_step, today)::date;
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

-- Drops sealed partitions whose first row has fallen due. Gives up at once where a reader holds one: tried again later.
create function weir.drop_due(today date) returns integer
language plpgsql security definer set search_path = weir, pg_temp as $$
declare
  part record;
  dropped integer := 0;
begin
  perform set_config('lock_timeout', '200ms', true);
  for part in
    select c.relname, f.name
    from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
      join weir.field_class f on p.relname = 'sealed_' || f.name
    where p.relnamespace = 'weir'::regnamespace
  loop
    if to_date(right(part.relname, 10), 'YYYY_MM_DD') <= today then
      begin
        execute format('drop table weir.%I', part.relname);
        dropped := dropped + 1;
      exception when lock_not_available then null;
      end;
    end if;
  end loop;
  return dropped;
end
$$;

create function weir.roll_dedupe(current_period bigint) returns void
language plpgsql security definer set search_path = weir, pg_temp as $$
declare
  known bigint;
begin
  select period into known from weir.dedupe_window for update;
  if known >= current_period then return; end if;
  if current_period % 2 = 0 or current_period - known > 1 then truncate weir.dedupe_0; end if;
  if current_period % 2 = 1 or current_period - known > 1 then truncate weir.dedupe_1; end if;
  update weir.dedupe_window set period = current_period;
end
$$;

-- Keys that nobody has used within 24 hours, now taken. Returns the ordinals (from 1) of the fresh ones.
-- Within 60 s of a change of tables both are written: two transactions on either side of the change then meet.
create function weir.take_keys(sources integer[], keys bytea[]) returns integer[]
language plpgsql set search_path = weir, pg_temp as $$
declare
  seconds bigint := floor(extract(epoch from clock_timestamp()));
  current_period bigint := seconds / 86400;
  fresh integer[];
begin
  if cardinality(keys) = 0 then return '{}'; end if;
  if (select period from weir.dedupe_window) < current_period then perform weir.roll_dedupe(current_period); end if;
  if seconds % 86400 < 60 then
    if current_period % 2 = 0 then
      with e as materialized (select * from unnest(sources, keys) with ordinality as e(s, k, n)),
        older as (insert into weir.dedupe_1 select s, k from e order by s, k on conflict do nothing returning source_id, key),
        newer as (insert into weir.dedupe_0 select s, k from e order by s, k on conflict do nothing returning source_id, key)
      select coalesce(array_agg(n::integer order by n), '{}') into fresh
      from e join older o on o.source_id = s and o.key = k join newer w on w.source_id = s and w.key = k;
    else
      with e as materialized (select * from unnest(sources, keys) with ordinality as e(s, k, n)),
        older as (insert into weir.dedupe_0 select s, k from e order by s, k on conflict do nothing returning source_id, key),
        newer as (insert into weir.dedupe_1 select s, k from e order by s, k on conflict do nothing returning source_id, key)
      select coalesce(array_agg(n::integer order by n), '{}') into fresh
      from e join older o on o.source_id = s and o.key = k join newer w on w.source_id = s and w.key = k;
    end if;
  elsif current_period % 2 = 0 then
    with e as materialized (
        select * from unnest(sources, keys) with ordinality as e(s, k, n)
        where not exists (select from weir.dedupe_1 d where d.source_id = s and d.key = k)),
      taken as (insert into weir.dedupe_0 select s, k from e order by s, k on conflict do nothing returning source_id, key)
    select coalesce(array_agg(n::integer order by n), '{}') into fresh
    from e join taken t on t.source_id = s and t.key = k;
  else
    with e as materialized (
        select * from unnest(sources, keys) with ordinality as e(s, k, n)
        where not exists (select from weir.dedupe_0 d where d.source_id = s and d.key = k)),
      taken as (insert into weir.dedupe_1 select s, k from e order by s, k on conflict do nothing returning source_id, key)
    select coalesce(array_agg(n::integer order by n), '{}') into fresh
    from e join taken t on t.source_id = s and t.key = k;
  end if;
  return fresh;
end
$$;

grant select on weir.policy_version, weir.destination, weir.field_class to weir_app;
grant insert on weir.policy_version, weir.destination to weir_app;
grant select, insert, update on weir.active_policy to weir_app;
grant select, insert on weir.event_log to weir_app;
grant delete, update on weir.event_log to weir_app; -- probes go after an hour; erasure takes rows out
grant select, insert, update, delete on weir.sealed to weir_app;
grant select, insert on weir.dedupe_0, weir.dedupe_1 to weir_app;
grant select on weir.dedupe_window to weir_app;
grant usage, select, update on sequence weir.log_position to weir_app;
grant select, insert, update on weir.delivery_cursor to weir_app;
grant select, insert, update, delete on weir.dead_letter, weir.purge to weir_app;
revoke execute on function weir.ensure_log_partitions, weir.ensure_class, weir.drop_due, weir.roll_dedupe from public;
grant execute on function weir.ensure_log_partitions, weir.ensure_class, weir.drop_due, weir.roll_dedupe to weir_app;
