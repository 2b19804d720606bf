-- The audit log becomes a Merkle tree (RFC 6962). An entry is durable once it lies in the queue, which everybody may add
-- to and nobody may change; one sequencer at a time moves entries into the tree, entries and checkpoint in one
-- transaction, and signs after the commit. Nobody is granted update or delete on any of it.
do $$
begin
  if not exists (select from pg_roles where rolname = 'weir_sequencer') then
    create role weir_sequencer noinherit nologin;
  end if;
exception when duplicate_object or unique_violation then null; -- two databases migrated at once
end
$$;
do $$
begin
  -- The gateway takes it on for the one connection of its sequencer; it never inherits its rights.
  execute 'grant weir_sequencer to weir_app';
  if not pg_has_role(current_user, 'weir_sequencer', 'member') then
    execute format('grant weir_sequencer to %I', current_user);
  end if;
end
$$;
grant usage on schema weir to weir_sequencer;

drop function weir.audit_append(text[], text[], text[], text[], text[], text[]);
drop trigger audit_entry_is_final on weir.audit_entry;
alter table weir.audit_entry rename to audit_entry_before;
alter table weir.audit_entry_before rename constraint audit_entry_pkey to audit_entry_before_pkey;
drop index weir.audit_entry_by_action;

create sequence weir.audit_record;
create table weir.audit_queue (
  record_id bigint primary key default nextval('weir.audit_record'),
  at timestamptz(3) not null default clock_timestamp(),
  actor text not null check (length(actor) <= 200), -- officer:<uuid>, token:<uuid>, service:<uuid>, source:<id>, cli, weir
  action text not null check (length(action) <= 100), -- consent.read, decision.read…
  -- what was looked at: a kind and an opaque reference, never a value
  resource text not null check (length(resource) <= 500),
  purpose text not null check (length(purpose) <= 200),
  case_id text check (length(case_id) <= 200),
  outcome text not null check (outcome in ('released', 'refused', 'done')),
  more text check (length(more) <= 60000) -- further members of the entry's body, canonical JSON (RFC 8785)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
-- What was decided for a group of events, written with them. A queue of its own: where the other one cannot be written
-- nothing is shown to anybody, and events are still taken.
create table weir.decision_queue (
  record_id bigint primary key default nextval('weir.audit_record'),
  at timestamptz(3) not null default clock_timestamp(),
  more text not null check (length(more) <= 1000), -- how many, and the root of their tree
  decided_from bigint not null, -- position of the first event in the log
  hashes bytea not null     -- the leaves of the tree, 32 bytes each
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table weir.decision_queue alter column hashes set storage external;

-- A log that lost its end, since a backup was restored, goes on under another origin, never under the same one: whoever
-- restores leaves a break, and the next entry opens a shard. So does every year.
create table weir.audit_break (
  break_id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  reason text not null check (reason in ('restore', 'reopen'))
);
create table weir.audit_shard (
  shard integer primary key,
  year integer not null,
  origin text not null unique,
  vkey text not null,                 -- C2SP signed-note verifier key
  first_index bigint not null,        -- index of its leaf 0 among all entries; that of the next one where it stayed empty
  previous text,                      -- last signed checkpoint of the shard before
  break_id bigint not null,           -- the newest break that it comes after; 0 for none
  opened_at timestamptz not null default clock_timestamp()
);
create table weir.audit_entry (
  shard integer not null,
  index bigint not null,              -- among all entries of all shards
  record_id bigint not null,
  at timestamptz(3) not null,
  actor text not null,
  action text not null,
  resource text not null,
  purpose text not null,
  case_id text,
  outcome text not null,
  more text,
  decided_from bigint,
  hashes bytea,
  leaf bytea not null check (length(leaf) = 32), -- SHA-256(0x00 ‖ body), RFC 6962 §2.1
  primary key (shard, index)
) partition by list (shard);
alter table weir.audit_entry alter column hashes set storage external;
create index audit_entry_by_decision on weir.audit_entry (decided_from) where decided_from is not null;
create index audit_entry_by_record on weir.audit_entry (record_id) where action <> 'intake.decide';
create index audit_entry_by_action on weir.audit_entry (action, index) where action <> 'intake.decide';
create index audit_entry_by_actor on weir.audit_entry (actor, index) where action <> 'intake.decide';
create index audit_entry_by_resource on weir.audit_entry (resource, index) where action <> 'intake.decide';
create index audit_entry_by_case on weir.audit_entry (case_id, index) where case_id is not null;
create index audit_entry_by_time on weir.audit_entry using brin (at) with (pages_per_range = 16);

-- Full tiles of 256 hashes (C2SP tlog-tiles) with the hash of the tree below each; what is not full follows from the entries.
create table weir.audit_tile (
  shard integer not null,
  level smallint not null,
  index bigint not null,
  hashes bytea not null check (length(hashes) = 8192),
  root bytea not null check (length(root) = 32),
  primary key (shard, level, index)
);
alter table weir.audit_tile alter column hashes set storage external;
create table weir.audit_checkpoint (
  shard integer not null,
  size bigint not null,
  root bytea not null check (length(root) = 32),
  at timestamptz(3) not null default clock_timestamp(),
  primary key (shard, size)
);
-- Written after the checkpoint's commit.
create table weir.audit_signature (
  shard integer not null,
  size bigint not null,
  note text not null,
  at timestamptz(3) not null default clock_timestamp(),
  primary key (shard, size)
);
create table weir.audit_cosignature (
  shard integer not null,
  size bigint not null,
  witness text not null,
  line text not null,
  at timestamptz(3) not null default clock_timestamp(),
  primary key (shard, size, witness)
);
-- What an entry says of a person, sealed under that person's key and bound to the entry by a commitment in its leaf: it
-- goes with the person and the tree stays whole.
create table weir.audit_detail (
  subject_id uuid not null,
  record_id bigint not null,
  commitment bytea not null check (length(commitment) = 32),
  sealed bytea not null,
  primary key (subject_id, record_id)
);
create index audit_detail_by_record on weir.audit_detail (record_id);

do $$
declare
  name text;
begin
  foreach name in array array['audit_break', 'audit_shard', 'audit_entry', 'audit_tile', 'audit_checkpoint', 'audit_signature',
    'audit_cosignature'] loop
    execute format('create trigger %I before update or delete or truncate on weir.%I
      for each statement execute function weir.audit_is_final()', name || '_is_final', name);
    execute format('grant select on weir.%I to weir_app, weir_sequencer', name);
  end loop;
end
$$;
create trigger audit_queue_is_final before update or truncate on weir.audit_queue
  for each statement execute function weir.audit_is_final();
create trigger decision_queue_is_final before update or truncate on weir.decision_queue
  for each statement execute function weir.audit_is_final();
-- Not its number, nor when: those are the database's.
grant select, insert (actor, action, resource, purpose, case_id, outcome, more) on weir.audit_queue to weir_app;
grant select, insert (more, decided_from, hashes) on weir.decision_queue to weir_app;
grant select on weir.audit_queue, weir.decision_queue to weir_sequencer;
grant usage on sequence weir.audit_record to weir_app;
grant select, insert, update, delete on weir.audit_detail to weir_app; -- sealed anew under a new key of the person's

-- What waits, in the order in which it is taken.
create view weir.audit_waiting as
select record_id, at, actor, action, resource, purpose, case_id, outcome, more from weir.audit_queue
union all
select record_id, at, 'weir', 'intake.decide', 'decisions:' || decided_from, 'record', null, 'done', more from weir.decision_queue;
grant select on weir.audit_waiting to weir_app, weir_sequencer;

-- Entries into the queue, with the details that belong to them (detail_of counts from 1). Durable with the caller's
-- commit. Also says for how many seconds the first of those that wait has waited: whoever shows data wants to know.
create function weir.audit_append(
  actors text[], actions text[], resources text[], purposes text[], cases text[], outcomes text[], mores text[],
  detail_of integer[], detail_subject uuid[], detail_commitment bytea[], detail_sealed bytea[],
  out ids bigint[], out behind double precision
) language plpgsql set search_path = weir, pg_temp as $$
begin
  select coalesce(extract(epoch from clock_timestamp() - q.at), 0) into behind
  from weir.audit_queue q order by q.record_id limit 1;
  behind := coalesce(behind, 0);
  with added as (
    insert into weir.audit_queue (actor, action, resource, purpose, case_id, outcome, more)
    select actor, action, resource, purpose, case_id, outcome, more
    from unnest(actors, actions, resources, purposes, cases, outcomes, mores)
      with ordinality as e(actor, action, resource, purpose, case_id, outcome, more, n) order by n
    returning record_id)
  select array_agg(record_id order by record_id) into ids from added;
  if cardinality(detail_of) > 0 then
    insert into weir.audit_detail (subject_id, record_id, commitment, sealed)
    select d.subject, ids[d.entry], d.commitment, d.sealed
    from unnest(detail_of, detail_subject, detail_commitment, detail_sealed) as d(entry, subject, commitment, sealed);
  end if;
end
$$;

-- Entries that were made before there was a tree come first in it.
insert into weir.audit_queue (at, actor, action, resource, purpose, case_id, outcome)
select at, actor, action, resource, purpose, case_id, outcome from weir.audit_entry_before order by index;
drop table weir.audit_entry_before;

-- The partition of a new shard; a shard ends where the next one begins.
create function weir.audit_open_shard(new_shard integer, new_year integer, new_origin text, new_vkey text, previous_note text)
returns bigint language plpgsql security definer set search_path = weir, pg_temp as $$
declare
  first bigint := 0;
begin
  perform pg_advisory_xact_lock(20002, 1);
  if new_shard <> coalesce((select max(shard) from weir.audit_shard), 0) + 1 then
    raise exception 'another sequencer opened a shard' using errcode = 'WA001';
  end if;
  select s.first_index + coalesce((select max(c.size) from weir.audit_checkpoint c where c.shard = s.shard), 0) into first
  from weir.audit_shard s order by s.shard desc limit 1;
  insert into weir.audit_shard (shard, year, origin, vkey, first_index, previous, break_id)
  values (new_shard, new_year, new_origin, new_vkey, coalesce(first, 0), previous_note,
    coalesce((select max(break_id) from weir.audit_break), 0));
  insert into weir.audit_queue (actor, action, resource, purpose, outcome, more)
  values ('weir', 'audit.open', 'shard:' || new_origin, 'audit', 'done',
    '{"previous":' || coalesce(to_json(split_part(previous_note, E'\n\n', 1) || E'\n')::text, 'null') || '}');
  execute format('create table weir.%I partition of weir.audit_entry for values in (%s)', 'audit_entry_' || new_shard, new_shard);
  return coalesce(first, 0);
end
$$;

-- One batch into the tree: entries out of the queue, tiles, checkpoint. `expected` fences: who was overtaken is refused.
create function weir.audit_extend(
  to_shard integer, expected bigint, ids bigint[], leaves bytea[], new_root bytea,
  tile_levels smallint[], tile_indexes bigint[], tile_hashes bytea[], tile_roots bytea[]
) returns void language plpgsql security definer set search_path = weir, pg_temp as $$
declare
  held bigint;
  base bigint;
  moved bigint;
begin
  perform pg_advisory_xact_lock(20002, 1);
  select first_index into base from weir.audit_shard where shard = to_shard
    and shard = (select max(shard) from weir.audit_shard);
  select coalesce(max(size), 0) into held from weir.audit_checkpoint where shard = to_shard;
  if base is null or held <> expected or exists (
    select from weir.audit_break b where b.break_id > (select s.break_id from weir.audit_shard s where s.shard = to_shard)) then
    raise exception 'another sequencer extended the log' using errcode = 'WA001';
  end if;
  with wanted as materialized (select * from unnest(ids, leaves) with ordinality as w(id, leaf, n)),
    acts as (delete from weir.audit_queue q using wanted w where q.record_id = w.id returning q.*),
    decisions as (delete from weir.decision_queue q using wanted w where q.record_id = w.id returning q.*),
    taken as (
      select record_id, at, actor, action, resource, purpose, case_id, outcome, more, null::bigint as decided_from, null::bytea as hashes
      from acts
      union all
      select record_id, at, 'weir', 'intake.decide', 'decisions:' || decided_from, 'record', null, 'done', more, decided_from, hashes
      from decisions)
  insert into weir.audit_entry (shard, index, record_id, at, actor, action, resource, purpose, case_id, outcome, more,
    decided_from, hashes, leaf)
  select to_shard, base + expected + w.n - 1, t.record_id, t.at, t.actor, t.action, t.resource, t.purpose, t.case_id,
    t.outcome, t.more, t.decided_from, t.hashes, w.leaf
  from taken t join wanted w on w.id = t.record_id order by w.n;
  get diagnostics moved = row_count;
  if moved <> cardinality(ids) then
    raise exception 'an entry is no longer in the queue' using errcode = 'WA002';
  end if;
  insert into weir.audit_tile (shard, level, index, hashes, root)
  select to_shard, t.level, t.index, t.hashes, t.root
  from unnest(tile_levels, tile_indexes, tile_hashes, tile_roots) as t(level, index, hashes, root);
  insert into weir.audit_checkpoint (shard, size, root) values (to_shard, expected + cardinality(ids), new_root);
end
$$;

create function weir.audit_publish(of_shard integer, of_size bigint, signed_note text) returns void
language sql security definer set search_path = weir, pg_temp as $$
  insert into weir.audit_signature (shard, size, note)
  select of_shard, of_size, signed_note from weir.audit_checkpoint c
  where c.shard = of_shard and c.size = of_size and split_part(signed_note, E'\n', 2) = of_size::text
    and split_part(signed_note, E'\n', 3) = encode(c.root, 'base64')
  on conflict do nothing
$$;
create function weir.audit_cosign(of_shard integer, of_size bigint, by_witness text, signature_line text) returns void
language sql security definer set search_path = weir, pg_temp as $$
  insert into weir.audit_cosignature (shard, size, witness, line) values (of_shard, of_size, by_witness, signature_line)
  on conflict do nothing
$$;
revoke execute on function weir.audit_open_shard, weir.audit_extend, weir.audit_publish, weir.audit_cosign from public;
grant execute on function weir.audit_open_shard, weir.audit_extend, weir.audit_publish, weir.audit_cosign to weir_sequencer;

-- What was decided for an event can be proved one by one: its log row and its salt hash to a leaf of its group's tree.
-- The salt goes with the row, so that nobody can try out what a leaf stood for.
alter table weir.event_log add column salt bytea;
drop function weir.append_events(integer, smallint[], integer[], bytea[], uuid[], uuid[], smallint[], integer[], integer[], integer[], integer[],
  integer[], integer[], bytea[], bytea[], smallint[], bytea[], integer[], smallint[], date[], uuid[], bytea[], integer[],
  bytea[], integer[], date[], text[], text[], text[], bigint[], bigint[], smallint[]);
-- One group of events, one statement, one transaction: keys, then the log under its lock, then the blobs.
-- Arrays run in parallel, one element an event; those that begin with blob_ one element a blob, blob_event from 1.
-- Orders come apart: order_event says whose each is (from 1), order_key what it is counted once by within the dedupe
-- window, whichever source told it; line_order numbers the orders from 0. They count whatever was decided for the event:
-- the order is known for its own sake, and as a sum it is nobody's.
-- The group's decisions are one entry of the audit log: `decided` is its body, `decided_hashes` the leaves of its tree,
-- those of events that turn out to be repeats among them. Null where the rows are no decisions (links, probes).
-- Returns the ordinals of the events that were not seen before; the others changed nothing.
create function weir.append_events(
  version integer, kinds smallint[], sources integer[], keys bytea[], subjects uuid[], others uuid[], types smallint[],
  route_masks integer[], granted_masks integer[], refused_masks integer[], narrowed_masks integer[],
  epochs integer[], user_epochs integer[], refs bytea[], removed_fields bytea[], unclassified_counts smallint[], blob_lists bytea[],
  blob_event integer[], blob_class smallint[], blob_due date[], blob_subject uuid[], blob_bytes bytea[],
  order_event integer[], order_key bytea[], line_order integer[], line_day date[], line_shop text[], line_currency text[],
  line_product text[], line_units bigint[], line_value bigint[], line_new smallint[],
  salts bytea[], decided text, decided_hashes bytea
) returns integer[] language plpgsql set search_path = weir, pg_temp as $$
declare
  fresh integer[];
  base bigint;
  now_at timestamptz;
  counted integer[];
begin
  fresh := weir.take_keys(sources, keys);
  if cardinality(fresh) = 0 then return fresh; end if;
  if cardinality(order_event) > 0 then counted := weir.take_orders(fresh, order_event, order_key); end if;
  perform pg_advisory_xact_lock(20001, 0); -- held to the end of the commit: numbers are given in commit order
  base := nextval('weir.log_position');
  perform setval('weir.log_position', base + cardinality(fresh) - 1);
  now_at := clock_timestamp();
  insert into weir.event_log
  select base + f.rank - 1, (now_at at time zone 'UTC')::date, now_at, e.kind, e.source, e.key, e.subject, e.other, version, e.type,
    e.routes, e.granted, e.refused, e.narrowed, e.epoch, e.user_epoch, e.ref, e.removed, e.unclassified, e.blobs, 0, e.salt
  from unnest(kinds, sources, keys, subjects, others, types, route_masks, granted_masks, refused_masks, narrowed_masks,
      epochs, user_epochs, refs, removed_fields, unclassified_counts, blob_lists, salts) with ordinality
      as e(kind, source, key, subject, other, type, routes, granted, refused, narrowed, epoch, user_epoch, ref, removed, unclassified, blobs, salt, n)
    join unnest(fresh) with ordinality as f(n, rank) on f.n = e.n;
  if decided is not null then
    insert into weir.decision_queue (more, decided_from, hashes) values (decided, base, decided_hashes);
  end if;
  if cardinality(blob_event) > 0 then
    insert into weir.sealed
    select b.class, b.due, b.subject, base + f.rank - 1, b.bytes
    from unnest(blob_event, blob_class, blob_due, blob_subject, blob_bytes) as b(event, class, due, subject, bytes)
      join unnest(fresh) with ordinality as f(n, rank) on f.n = b.event;
  end if;
  if cardinality(counted) > 0 then
    perform weir.count_orders(array_agg(o), array_agg(day), array_agg(shop), array_agg(currency), array_agg(product),
      array_agg(units), array_agg(value), array_agg(new))
    from unnest(line_order, line_day, line_shop, line_currency, line_product, line_units, line_value, line_new)
      as l(o, day, shop, currency, product, units, value, new)
    where o = any(counted)
    having count(*) > 0;
  end if;
  return fresh;
end
$$;
