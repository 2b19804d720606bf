-- Every look is recorded first. Insert-only: nobody is granted update or delete, and the trigger stops the owner too.
create table weir.audit_entry (
  index bigint primary key,
  at timestamptz not null default clock_timestamp(),
  actor text not null,      -- token:<uuid>, source:<id>, cli, weir
  action text not null,     -- consent.read, decision.read…
  resource text not null,   -- what was looked at: a kind and an opaque reference, never a value
  purpose text not null,
  case_id text,
  outcome text not null default 'released' check (outcome in ('released', 'refused', 'done'))
);
create index audit_entry_by_action on weir.audit_entry (action, index);

create function weir.audit_is_final() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is insert-only' using errcode = '42501';
end
$$;
create trigger audit_entry_is_final before update or delete or truncate on weir.audit_entry
  for each statement execute function weir.audit_is_final();

-- Numbers entries without gaps, in commit order, under one lock.
create function weir.audit_append(actors text[], actions text[], resources text[], purposes text[], cases text[], outcomes text[])
returns bigint language plpgsql set search_path = weir, pg_temp as $$
declare
  last bigint;
begin
  perform pg_advisory_xact_lock(20002, 0);
  select coalesce(max(index), -1) into last from weir.audit_entry;
  insert into weir.audit_entry (index, actor, action, resource, purpose, case_id, outcome)
  select last + n, actor, action, resource, purpose, case_id, outcome
  from unnest(actors, actions, resources, purposes, cases, outcomes)
    with ordinality as e(actor, action, resource, purpose, case_id, outcome, n);
  return last + cardinality(actors);
end
$$;
grant select, insert on weir.audit_entry to weir_app;
