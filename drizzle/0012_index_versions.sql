-- An identifier is found under each version of its index: a root of the index keys (index_version is its number in
-- weir.key) and a version of the rules that normalise its type (norm_version). One row a version; the rows that are one
-- identifier bear one identifier_id, which is random and leads nowhere else. conflict_with: under newer rules somebody
-- else, who is named there, is found by what this one would be found by: for a person to decide, never merged.
alter table weir.identifier alter column index_version type integer;
alter table weir.identifier
  add column norm_version smallint not null default 1,
  add column identifier_id uuid not null default gen_random_uuid(),
  add column conflict_with uuid;
alter table weir.identifier drop constraint identifier_type_check;
alter table weir.identifier add constraint identifier_type_check
  check (type in ('user_id', 'anonymous_id', 'email', 'phone'));
create index identifier_in_conflict on weir.identifier (type) where conflict_with is not null;

-- Rules that no release reads any more.
create table weir.closed_normalisation (
  type text not null,
  norm_version smallint not null,
  closed_at timestamptz not null default clock_timestamp(),
  primary key (type, norm_version)
);
grant select, insert on weir.closed_normalisation to weir_app;

-- A node that has not heard of the newest index root would make people whom the others cannot find, and one that still
-- holds a root that is destroyed would make people whom nobody finds. Looked at when the transaction ends: by then the
-- identifier stands under all its versions. The lock is shared by all who make identifiers; who takes it exclusively
-- waits for those who looked before the newest root was active.
create function weir.identifier_is_current() returns trigger language plpgsql set search_path = weir, pg_temp as $$
begin
  perform pg_advisory_xact_lock_shared(20007, 0);
  if exists (select from weir.closed_normalisation c where c.type = new.type and c.norm_version = new.norm_version) then
    raise exception 'the identifier is normalised by rules that are not read any more' using errcode = 'WK002';
  end if;
  if exists (select from weir.key k where k.class = 'index' and k.state = 'active' and k.kid = new.index_version) then
    return null;
  end if;
  if not exists (select from weir.identifier i where i.index_key = new.index_key) then
    return null; -- taken back in the same transaction
  end if;
  if not exists (select from weir.key k where k.class = 'index' and k.state = 'decrypt-only' and k.kid = new.index_version)
    or not exists (select from weir.identifier i join weir.key k on k.class = 'index' and k.state = 'active'
      where i.subject_id = new.subject_id and i.identifier_id = new.identifier_id and i.index_version = k.kid) then
    raise exception 'the identifier is not indexed under the active root' using errcode = 'WK002';
  end if;
  return null;
end
$$;
create constraint trigger identifier_is_current after insert on weir.identifier
  deferrable initially deferred for each row execute function weir.identifier_is_current();
