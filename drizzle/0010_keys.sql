-- Every key that Weir works with but those of subjects, as the provider's root wrapped it. A key moves forward only:
-- pending, active, decrypt-only, destroyed. root_version is what the root has to be destroyed of once the key is;
-- unrecoverable_at says when that takes effect.
create table weir.key (
  class text not null check (class in ('epoch', 'pseudonym', 'index', 'dedupe', 'tombstone', 'token', 'audit')),
  kid integer not null check (kid between 1 and 16777215),
  state text not null check (state in ('pending', 'active', 'decrypt-only', 'destroyed')),
  wrapped bytea,
  check_value bytea check (length(check_value) = 8), -- tells this key from another one; 64 bits of an HMAC give nothing of it
  made_at timestamptz not null default clock_timestamp(),
  activated_at timestamptz,
  retired_at timestamptz,              -- when it became decrypt-only
  destroyed_at timestamptz,
  root_version text,
  unrecoverable_at timestamptz,
  primary key (class, kid),
  check ((state = 'destroyed') = (wrapped is null)),
  check ((state = 'destroyed') = (destroyed_at is not null))
);
create unique index key_one_active on weir.key (class) where state = 'active';
create unique index key_one_pending on weir.key (class) where state = 'pending';

create function weir.key_moves_forward() returns trigger language plpgsql set search_path = weir, pg_temp as $$
declare
  states text[] := array['pending', 'active', 'decrypt-only', 'destroyed'];
begin
  if tg_op = 'DELETE' then raise exception 'a key is destroyed, never deleted' using errcode = '42501'; end if;
  if new.class <> old.class or new.kid <> old.kid or array_position(states, new.state) < array_position(states, old.state) then
    raise exception 'a key moves forward only' using errcode = '42501';
  end if;
  return new;
end
$$;
create trigger key_moves_forward before update or delete on weir.key for each row execute function weir.key_moves_forward();

insert into weir.key (class, kid, state, wrapped, made_at, activated_at, retired_at)
select 'epoch', kid, state, wrapped, created_at, created_at, case when state = 'decrypt-only' then created_at end
from weir.key_epoch where state <> 'destroyed';
drop table weir.key_epoch;
grant select, insert, update on weir.key to weir_app;

-- A node that has not heard of a roll of the epoch must not wrap under the one before: who rewraps would miss that key,
-- and it would be lost with the epoch. The node looks again and wraps anew.
create function weir.subject_key_is_of_the_active_epoch() returns trigger language plpgsql set search_path = weir, pg_temp as $$
begin
  if not exists (select from weir.key k where k.class = 'epoch' and k.state = 'active'
      and k.kid = ('x' || encode(substring(new.wrapped from 3 for 4), 'hex'))::bit(32)::integer) then
    raise exception 'the key epoch is not active' using errcode = 'WK001';
  end if;
  return new;
end
$$;
create trigger subject_key_is_of_the_active_epoch before insert on weir.subject_key
  for each row execute function weir.subject_key_is_of_the_active_epoch();
-- When a newer version of the subject's key took its place: it opens until nothing is sealed under it any more.
alter table weir.subject_key add column retired_at timestamptz;
-- Rewrapping visits every row: what it leaves behind is taken back while it goes on. Since Postgres 17 a right of its own.
do $$
begin
  if current_setting('server_version_num')::integer >= 170000 then
    execute 'grant maintain on weir.subject_key to weir_app';
  end if;
end
$$;
alter table weir.subject_key set (autovacuum_vacuum_threshold = 50000, autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_insert_scale_factor = 0.2);

-- Sealed copies of the keys that were given out: a destroyed key lives on in those that have not expired.
create table weir.key_backup (
  backup_id uuid primary key,
  made_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  sealed_to text not null check (sealed_to in ('passphrase', 'public-keys')),
  keys text[] not null,                -- 'class/kid' of each
  verified_at timestamptz
);
grant select, insert, update on weir.key_backup to weir_app;
