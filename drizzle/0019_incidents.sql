-- The file of an incident: what happened, whom it touches, who was told when. It is added to and never changed, and kept
-- three years from its end (Network Data Security Regulations art. 12, PIPL art. 56). Names nobody: counts, references of
-- the policy and of the audit log, and notes, which are sealed.
create table weir.incident (
  incident_id uuid primary key,
  number bigint generated always as identity unique, -- the order of lists
  kind text not null check (kind in ('destination', 'export', 'key', 'officer')),
  target text not null,            -- a destination, an entry or a resource of the audit log, class/kid of a key, an officer
  begins timestamptz(3),           -- when it lasted; unknown ends are open
  ends timestamptz(3),
  known_at timestamptz(3) not null, -- the clocks run from here
  case_id text not null,
  critical boolean not null,       -- of an operator of critical information infrastructure
  high_risk boolean not null,      -- for the people's rights and freedoms (GDPR art. 34)
  opened_by text not null,         -- as the audit log names who did
  opened_at timestamptz(3) not null default clock_timestamp(),
  closed_at timestamptz(3),        -- by the database's clock: nobody dates it back to be rid of the file
  check (begins < ends)
);
create index incident_open on weir.incident (number) where closed_at is null;
create table weir.incident_event (
  incident_id uuid not null references weir.incident,
  seq integer not null check (seq > 0),
  at timestamptz(3) not null default clock_timestamp(),
  by_actor text not null,
  kind text not null check (kind in ('opened', 'counted', 'told', 'note', 'closed')),
  law text check (law in ('PIPL', 'GDPR', 'CCPA')),
  whom text check (whom in ('authority', 'people')),
  told_at timestamptz(3),
  counts jsonb,                    -- sums: nobody's
  note bytea,                      -- sealed under a key of incidents' own
  primary key (incident_id, seq),
  check ((kind = 'told') = (law is not null) and (kind = 'told') = (whom is not null) and (kind = 'told') = (told_at is not null)),
  check ((kind in ('opened', 'counted')) = (counts is not null)),
  check (kind <> 'note' or note is not null)
);
grant select, insert on weir.incident, weir.incident_event to weir_app;
grant update (closed_at) on weir.incident to weir_app;

create function weir.incident_may_go(closed timestamptz) returns boolean language sql stable as $$
  select coalesce(closed < clock_timestamp() - interval '3 years', false)
$$;
create function weir.incident_is_kept() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and weir.incident_may_go(old.closed_at) then return old; end if;
  if tg_op = 'UPDATE' and old.closed_at is null and new.closed_at is not null then
    old.closed_at := clock_timestamp();
    return old; -- nothing else of it can be changed
  end if;
  raise exception 'the file of an incident is kept as it is' using errcode = '42501';
end
$$;
create trigger incident_is_kept before update or delete on weir.incident
  for each row execute function weir.incident_is_kept();
create function weir.incident_event_is_kept() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and exists (
    select from weir.incident i where i.incident_id = old.incident_id and weir.incident_may_go(i.closed_at)) then
    return old;
  end if;
  raise exception 'the file of an incident is only added to' using errcode = '42501';
end
$$;
create trigger incident_event_is_kept before update or delete on weir.incident_event
  for each row execute function weir.incident_event_is_kept();
create function weir.incident_never_all() returns trigger language plpgsql as $$
begin
  raise exception 'the file of an incident is kept as it is' using errcode = '42501';
end
$$;
create trigger incident_never_all before truncate on weir.incident
  for each statement execute function weir.incident_never_all();
create trigger incident_event_never_all before truncate on weir.incident_event
  for each statement execute function weir.incident_never_all();

-- Files whose three years are over. Returns their ids: whoever calls enters them in the audit log, in the same transaction.
create function weir.expire_incidents(out gone uuid[])
language plpgsql security definer set search_path = weir, pg_temp as $$
begin
  select coalesce(array_agg(incident_id), '{}') into gone from (
    select incident_id from weir.incident where weir.incident_may_go(closed_at) for update skip locked) as due;
  delete from weir.incident_event where incident_id = any(gone);
  delete from weir.incident where incident_id = any(gone);
end
$$;
revoke execute on function weir.expire_incidents from public;
grant execute on function weir.expire_incidents to weir_app;
