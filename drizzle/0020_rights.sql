-- The rights of people: requests and what becomes of them, erasure that lasts, who received what.
do $$
begin
  if not exists (select from pg_roles where rolname = 'weir_statutory') then
    create role weir_statutory noinherit nologin;
  end if;
exception when duplicate_object or unique_violation then null; -- two databases migrated at once
end
$$;
do $$
begin
  execute 'grant weir_statutory to weir_app';
  -- A command that works as the owner takes the role on as the gateway does.
  if not pg_has_role(current_user, 'weir_statutory', 'usage') then
    execute format('grant weir_statutory to %I', current_user);
  end if;
end
$$;

-- Restricted: kept, and used for nothing (GDPR art. 18, PIPL art. 47). The request that asked for it.
alter table weir.subject add column restricted_by uuid;
alter table weir.subject add column restricted_at timestamptz(3);
create index subject_restricted on weir.subject (restricted_by) where restricted_by is not null;

-- Log rows of a person, found whether there is content left of them or not.
create index event_log_by_subject on weir.event_log (subject_id) where subject_id is not null;

alter table weir.consent_ledger drop constraint consent_ledger_evidence_check;
alter table weir.consent_ledger add constraint consent_ledger_evidence_check
  check (evidence in ('api', 'segment', 'rudderstack', 'carried', 'request'));
alter table weir.consent_ledger drop constraint consent_ledger_proof_check;
alter table weir.consent_ledger add constraint consent_ledger_proof_check
  check (proof in ('server-key', 'device-secret', 'subject-token', 'none', 'request'));

-- Public key of somebody who asks for people, with mandates. Apart from subject_jwk: who signs mandates vouches for nobody.
alter table weir.source add column agent_jwk jsonb;

-- A request of a person. It names nobody: what was said in it lies sealed in request_content under a key of its own
-- (a row of weir.subject_key under the request's id), which is destroyed when the request is over; the row stays to be counted.
create table weir.request (
  request_id uuid primary key,
  number bigint generated always as identity unique, -- the order of lists
  "right" text not null check ("right" in ('access', 'portability', 'correction', 'erasure', 'restriction', 'objection')),
  door text not null check (door in ('api', 'privacy', 'opendsr', 'shopify', 'officer', 'cli')),
  regime text not null,            -- of src/rights/regimes.ts
  language text not null check (language in ('zh-CN', 'en')),
  state text not null,             -- of src/rights/state.ts
  state_at timestamptz(3) not null,
  received_at timestamptz(3) not null, -- when the person asked: the clocks run from here
  made_at timestamptz(3) not null default clock_timestamp(),
  target_at timestamptz(3) not null,   -- our own promise
  legal_due_at timestamptz(3),         -- null where the law says no number
  acknowledge_by timestamptz(3),
  acknowledged_at timestamptz(3),
  extended_until timestamptz(3),       -- somebody decided so and said why, before the end
  alarmed smallint not null default 0 check (alarmed in (0, 50, 80, 100)), -- percent of the time, as far as was alarmed
  verified_by text check (verified_by in ('session-token', 'mail-link', 'mail-code', 'sms-code', 'device-secret', 'server-key',
    'officer', 'operator', 'processor')),
  needs_officer boolean not null default false,
  officer_decision text check (officer_decision in ('accepted', 'refused')),
  decided_by uuid,
  reason text,                     -- why refused, cancelled or failed: a code of src/rights/reasons.ts
  secret_hash bytea not null check (length(secret_hash) = 32), -- sha-256 of 256 random bits
  cooling_until timestamptz(3),
  step text,                       -- the last step of the execution that is done
  attempts smallint not null default 0,
  next_at timestamptz(3) not null, -- when the runner looks at it again
  receipt text,                    -- the signed receipt; names nobody
  case_id text,
  lifted_at timestamptz(3),        -- of a restriction that was ended again
  closed_at timestamptz(3)
);
create index request_due on weir.request (next_at) where closed_at is null;
create index request_open on weir.request (number) where closed_at is null;
create table weir.request_event (
  request_id uuid not null references weir.request on delete cascade,
  seq integer not null,
  at timestamptz(3) not null default clock_timestamp(),
  actor text not null,             -- as the audit log names it; `person` for whom it is about
  what text not null,              -- a code: created, verified, cancelled, extended, alarm, step…
  from_state text,
  to_state text,
  more text,                       -- a code or a number, never words
  primary key (request_id, seq)
);
create table weir.request_content (
  request_id uuid not null references weir.request on delete cascade,
  kind text not null,              -- identifiers, contact, changes, needles, salt, reason, manifest
  sealed bytea not null,
  primary key (request_id, kind)
);
-- Whose data it is about, once that is proven. Goes with the person.
create table weir.request_person (
  request_id uuid not null references weir.request on delete cascade,
  subject_id uuid not null,
  primary key (request_id, subject_id)
);
create index request_person_by_subject on weir.request_person (subject_id);
-- Whom a request names of which nothing is proven yet: it is shown and done nothing for it, and ends with the person.
create table weir.request_named (
  request_id uuid not null references weir.request on delete cascade,
  subject_id uuid not null,
  primary key (request_id, subject_id)
);
create index request_named_by_subject on weir.request_named (subject_id);
grant select, insert, delete on weir.request_named to weir_app;
-- What was sent to prove an address: a link or a code. Only keyed hashes are kept.
create table weir.request_proof (
  proof_id uuid primary key,
  request_id uuid not null references weir.request on delete cascade,
  kind text not null check (kind in ('mail-link', 'mail-code', 'sms-code')),
  code_hash bytea not null check (length(code_hash) = 32),
  browser_hash bytea check (length(browser_hash) = 32), -- of the nonce that only the browser that asked holds
  expires_at timestamptz(3) not null,
  tries smallint not null default 0,
  used_at timestamptz(3)
);
create index request_proof_by_request on weir.request_proof (request_id);
-- Messages to people, written with what they tell of: what they say is made when they are sent.
create table weir.request_message (
  message_id uuid primary key,
  request_id uuid not null references weir.request on delete cascade,
  channel text not null check (channel in ('mail', 'sms')),
  template text not null,          -- a code of src/rights/messages
  proof_id uuid,
  due_at timestamptz(3) not null,
  next_at timestamptz(3) not null,
  attempts smallint not null default 0,
  sent_at timestamptz(3),
  given_up_at timestamptz(3)
);
create index request_message_waiting on weir.request_message (next_at) where sent_at is null and given_up_at is null;
-- Tries by keyed hash of an address, a person, a network.
create table weir.request_throttle (
  key bytea primary key check (length(key) = 16),
  tries integer not null,
  since timestamptz(3) not null
);
create index request_throttle_by_age on weir.request_throttle (since);
-- Tokens that were shown once: session tokens, mandates, permissions to download.
create table weir.request_token (
  token_hash bytea primary key check (length(token_hash) = 32),
  request_id uuid,                 -- of a download
  expires_at timestamptz(3) not null,
  used_at timestamptz(3)
);
create index request_token_by_age on weir.request_token (expires_at);

grant select, insert, update, delete on weir.request_content, weir.request_person, weir.request_proof, weir.request_message,
  weir.request_throttle, weir.request_token to weir_app;
grant select, insert, update on weir.request to weir_app;
grant select, insert on weir.request_event to weir_app;

-- Who the shop says can be reached where: only these are ever written to. Found through weir.identifier (email, phone).
-- (The values lie there, sealed under the person's key.)

-- What remains of an erased identifier: a keyed hash that leads nowhere, so that what is late or played again is known.
create table weir.tombstone (
  tombstone bytea primary key check (length(tombstone) = 16),
  generation integer not null default 1,
  erased_at timestamptz(3) not null,
  expires_on date not null
);
create index tombstone_by_end on weir.tombstone (expires_on);
-- One row: how many erasures there were, and the last moment of one. Who decides about an event reads it first, and
-- append_events refuses what was decided before an erasure that has happened since.
create table weir.erasure_clock (
  one boolean primary key default true check (one),
  erasures bigint not null,
  newest timestamptz(3)
);
insert into weir.erasure_clock (erasures) values (0);
create function weir.erasure_clock_goes_on() returns trigger language plpgsql as $$
begin
  if new.erasures <> old.erasures + 1 or new.newest < old.newest then
    raise exception 'the clock of erasures goes on' using errcode = '42501';
  end if;
  return new;
end
$$;
create trigger erasure_clock_goes_on before update on weir.erasure_clock for each row execute function weir.erasure_clock_goes_on();
-- Erasures that this database knows: compared with the ledger outside of it, which a restored backup does not set back.
create table weir.erasure (
  erasure_id uuid primary key,     -- the request's id, or one made by the operator's command
  ledger_at timestamptz(3) not null,
  done_at timestamptz(3),
  subjects integer not null,
  scanned_at timestamptz(3),
  columns integer,
  files_scanned_at timestamptz(3)  -- the database's files, after vacuum
);
grant select, insert, update, delete on weir.tombstone to weir_app;
grant select, update on weir.erasure_clock to weir_app;
grant select, insert, update on weir.erasure to weir_app;
-- A restored database: refused to serve until what was erased since is erased again.
create table weir.restore_guard (
  restored_at timestamptz(3) primary key default clock_timestamp(),
  replayed_at timestamptz(3)
);
grant select, update on weir.restore_guard to weir_app;

-- Proof of consent stays for its time, as nobody's: under a number that only who holds the receipt's salt can make.
create function weir.detach_ledger(subject uuid, nobody uuid) returns bigint
language plpgsql security definer set search_path = weir, pg_temp as $$
declare
  n bigint;
begin
  -- Of the living nothing is detached, and nothing is put under them. Again is as good as once.
  if exists (select from weir.subject s where s.subject_id in (subject, nobody)) then
    raise exception 'only who was erased is detached from the ledger' using errcode = '42501';
  end if;
  update weir.consent_ledger set subject_id = nobody, notice_token = null where subject_id = subject;
  get diagnostics n = row_count;
  return n;
end
$$;
revoke execute on function weir.detach_ledger(uuid, uuid) from public;
grant execute on function weir.detach_ledger(uuid, uuid) to weir_app;

-- Which outside recipients got what of whom: sealed under the person's key, erased last.
create table weir.recipient (
  subject_id uuid not null,
  destination_id smallint not null,
  entry_id uuid not null,
  sealed bytea not null,           -- fields, times, consent records, the form of identifier that was sent
  primary key (subject_id, destination_id, entry_id)
);
-- How an outside recipient is told of requests.
create table weir.recipient_endpoint (
  destination_id smallint primary key,
  protocol text not null check (protocol in ('webhook', 'opendsr')),
  url text not null,
  secret bytea not null,           -- sealed under a key expanded from the token key
  certificate text,                -- of an OpenDSR processor, in PEM: what its answers are held against
  region text not null check (region ~ '^[A-Z]{2}$'),
  role text not null check (role in ('entrusted', 'joint', 'third-party')), -- as a policy says it of a destination
  sla_days smallint not null check (sla_days between 1 and 365),
  made_at timestamptz(3) not null default clock_timestamp(),
  stopped_at timestamptz(3)
);
-- What recipients are to be told. Survives the person's erasure under a key of its own (weir.subject_key under message_id).
create table weir.recipient_message (
  message_id uuid primary key,
  request_id uuid,
  destination_id smallint not null,
  kind text not null check (kind in ('erasure', 'correction', 'withdrawal', 'restriction', 'restriction-lifted', 'objection')),
  sealed bytea,                    -- null once it is done
  state text not null check (state in ('waiting', 'sent', 'acknowledged', 'verified-gone', 'failed')),
  made_at timestamptz(3) not null default clock_timestamp(),
  due_at timestamptz(3) not null,  -- by the recipient's own promise
  next_at timestamptz(3) not null,
  attempts smallint not null default 0,
  sent_at timestamptz(3),
  acknowledged_at timestamptz(3),
  ack_sha256 bytea check (length(ack_sha256) = 32),
  verified_at timestamptz(3),
  failure text,                    -- a code
  remote_id text                   -- the recipient's number of our request; random, ours
);
create index recipient_message_due on weir.recipient_message (next_at) where state in ('waiting', 'sent', 'acknowledged');
create index recipient_message_by_request on weir.recipient_message (request_id);
grant select, insert, update, delete on weir.recipient, weir.recipient_message to weir_app;
grant select on weir.recipient_endpoint to weir_app;

-- Requests that came in over another system's protocol.
create table weir.request_origin (
  request_id uuid primary key references weir.request on delete cascade,
  protocol text not null check (protocol in ('opendsr', 'shopify')),
  controller text not null,        -- who sent it: a name that the operator gave
  foreign_id_hash bytea not null check (length(foreign_id_hash) = 32), -- keyed: of the id that the sender gave it
  losses text[] not null default '{}', -- codes of what the protocol could not say
  unique (protocol, controller, foreign_id_hash)
);
grant select, insert on weir.request_origin to weir_app;
create table weir.request_callback (
  callback_id uuid primary key,
  request_id uuid not null references weir.request on delete cascade,
  sealed bytea,                    -- URL and the sender's own number, under a key of its own; null once it is over
  state text not null,             -- what it was told last, in the protocol's words
  told_seq integer not null default 0, -- of request_event, as far as it was told
  next_at timestamptz(3) not null,
  attempts smallint not null default 0,
  sent_at timestamptz(3),          -- of the last word: nothing follows
  given_up_at timestamptz(3)
);
create index request_callback_waiting on weir.request_callback (next_at) where sent_at is null and given_up_at is null;
grant select, insert, update, delete on weir.request_callback to weir_app;
-- Who may send requests over these protocols.
create table weir.request_controller (
  controller_id uuid primary key,
  protocol text not null check (protocol in ('opendsr', 'shopify')),
  name text not null check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
  secret_hash bytea check (length(secret_hash) = 32), -- of a bearer token of 256 random bits
  secret bytea,                    -- Shopify's app secret, sealed under a key expanded from the token key
  user_ids text not null default 'plain' check (user_ids in ('plain', 'prefixed')), -- 42 or shopify:42
  callback_hosts text[] not null default '{}', -- where it may ask to be called back: nowhere else
  made_at timestamptz(3) not null default clock_timestamp(),
  revoked_at timestamptz(3),
  unique (protocol, name)
);
grant select on weir.request_controller to weir_app;

-- What a law says must stay of somebody who was erased, and what a hold keeps: under keys of its own, in a schema that
-- no module and not even the gateway's own role can read.
create schema statutory;
grant usage on schema statutory to weir_statutory;
create table statutory.remainder (
  remainder_id uuid primary key,   -- its key: weir.subject_key under this id
  ground text not null,            -- the law as the policy names it, or the authority of the hold
  hold_id uuid,
  classes text[] not null,
  until date not null,             -- the last of its records goes then
  language text not null,
  notice bytea,                    -- where to tell the person that it is gone, sealed under its key
  made_at timestamptz(3) not null default clock_timestamp()
);
create table statutory.record (
  remainder_id uuid not null references statutory.remainder on delete cascade,
  seq integer not null,
  class text not null,
  due date not null,
  sealed bytea not null,
  primary key (remainder_id, seq)
);
create index record_by_due on statutory.record (due);
create table statutory.hold (
  hold_id uuid primary key,
  number bigint generated always as identity unique,
  authority text not null,
  reference text not null,
  scope text[] not null,           -- field classes
  expires_on date not null,
  placed_by text not null,
  placed_at timestamptz(3) not null default clock_timestamp(),
  release_asked_by text,
  release_asked_at timestamptz(3),
  released_by text,
  released_at timestamptz(3),
  check (released_by is distinct from release_asked_by or released_by is null)
);
create table statutory.hold_person (
  hold_id uuid not null references statutory.hold on delete cascade,
  subject_id uuid not null, -- once the person is erased, the id of the request that erased them
  primary key (hold_id, subject_id)
);
create index hold_person_by_subject on statutory.hold_person (subject_id);
grant select, insert, update, delete on statutory.remainder, statutory.record, statutory.hold_person to weir_statutory;
grant select, insert, update on statutory.hold to weir_statutory;
-- What a hold kept, handed to its authority: asked for by one officer, approved by another, carried out once.
create table statutory.hold_export (
  export_id uuid primary key,
  hold_id uuid not null references statutory.hold on delete cascade,
  case_id text not null,
  asked_by text not null,
  asked_at timestamptz(3) not null,
  approved_by text,
  approved_at timestamptz(3),
  used_at timestamptz(3),
  check (approved_by is distinct from asked_by or approved_by is null)
);
create index hold_export_by_hold on statutory.hold_export (hold_id);
grant select, insert, update on statutory.hold_export to weir_statutory;

-- What somebody struck out of what recommendations go by.
create table weir.struck_tag (
  subject_id uuid not null,
  tag bytea not null check (length(tag) = 16), -- HMAC of the product under the subject's key
  sealed bytea not null,
  struck_at timestamptz(3) not null default clock_timestamp(),
  primary key (subject_id, tag)
);
grant select, insert, delete on weir.struck_tag to weir_app;

-- Search: whether any of some values stands in a table, and in which columns. As the owner, who sees every table; it says
-- where and how often, never what. texts: parts of any text, JSON as it is written. words: too short for that, they count where no
-- letter or digit is beside them. bytes: parts of bytea. ids: uuid. numbers, coarse: whole values of numbers, and of the
-- columns coarse_in. Where nothing is found one pass does, over all columns of a row put together; as bytes, for that is ten times
-- as fast as a regular expression, and without a set for each row.
create function weir.scan_table(part regclass, texts bytea[], words text[], bytes bytea[], ids uuid[], numbers text[],
  coarse text[], coarse_in text[]) returns table (col text, hits bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  short text := (select '(^|[^0-9A-Za-z])(' || string_agg(regexp_replace(w, '([^0-9A-Za-z])', '\\\1', 'g'), '|') || ')([^0-9A-Za-z]|$)'
    from unnest(words) w);
  shorts bytea[] := (select coalesce(array_agg(convert_to(w, 'UTF8')), '{}') from unnest(words) w);
  every bytea[] := array(select distinct n from unnest(texts || bytes || shorts) n);
  named text[];
  tests text[];
  whole text;
  together text;
  found boolean;
begin
  -- A column by itself says what its hit is (test). To see whether there is any, texts and bytes are joined, and of the rest the test is it (alone).
  select array_agg(attname order by attnum), array_agg(test order by attnum), coalesce(string_agg(alone, ' or ' order by attnum), 'false'),
    concat_ws(' || ', 'convert_to(concat_ws(E''\x01''' || string_agg(format(', t.%I::text', attname), '' order by attnum) filter (where kind = 'text')
      || '), ''UTF8'')', string_agg(format('''\x01''::bytea || coalesce(t.%I, '''')', attname), ' || ' order by attnum) filter (where kind = 'bytes'))
    into named, tests, whole, together
  from (
    select c.*, case when kind is null then test
      when attname = any(coarse_in) and kind = 'text' then format('t.%I::text = any($6)', attname)
      when attname = any(coarse_in) then format('t.%I in (select convert_to(n, ''UTF8'') from unnest($6) n)', attname) end as alone
    from (
      select a.attnum, a.attname::text,
        case when e.typname = 'bytea' and not d.isarray then 'bytes'
          when e.typname in ('uuid', 'bytea') or e.typcategory in ('N', 'B', 'D', 'T', 'E') then null else 'text' end as kind,
        case
        when e.typname = 'uuid' then format(case when d.isarray then 't.%I && $4' else 't.%I = any($4)' end, a.attname)
        when e.typname = 'bytea' and d.isarray then
          format('exists (select from unnest(t.%I) u, unnest($3) n where position(n in u) > 0)', a.attname)
        when e.typname = 'bytea' then format('exists (select from unnest($3) n where position(n in t.%I) > 0)', a.attname)
          || case when a.attname = any(coarse_in) then
            format(' or t.%I in (select convert_to(n, ''UTF8'') from unnest($6) n)', a.attname) else '' end
        when e.typcategory = 'N' then case when d.isarray then null else format('t.%I::text = any($5)', a.attname) end
        when e.typcategory in ('B', 'D', 'T', 'E') then null
        else format('exists (select from unnest($1) n where position(n in convert_to(t.%1$I::text, ''UTF8'')) > 0)
            or exists (select from unnest($7) n where position(n in convert_to(t.%1$I::text, ''UTF8'')) > 0) and t.%1$I::text ~ $2', a.attname)
          || case when a.attname = any(coarse_in) then format(' or t.%I::text = any($6)', a.attname) else '' end
        end as test
      from pg_attribute a join pg_type o on o.oid = a.atttypid
        join pg_type b on b.oid = case when o.typtype = 'd' then o.typbasetype else o.oid end
        cross join lateral (select b.typcategory = 'A' and b.typelem <> 0 as isarray) d
        join pg_type e on e.oid = case when d.isarray then b.typelem else b.oid end
      where a.attrelid = part and a.attnum > 0 and not a.attisdropped) c
    where test is not null) c;
  if named is null then return; end if;
  if together <> '' and cardinality(every) > 0 then
    select format('select exists (select from (select t.*, %s as together from only %s t offset 0) t where %s or %s)', together, part, whole,
      string_agg(format('position(($8)[%s] in t.together) > 0', i), ' or ')) into together from generate_subscripts(every, 1) i;
  else
    together := format('select exists (select from only %s t where %s)', part, whole);
  end if;
  execute together into found using texts, short, bytes, ids, numbers, coarse, shorts, every;
  if not found then return; end if;
  for i in 1 .. cardinality(named) loop
    execute format('select count(*) from only %s t where %s', part, tests[i])
      into hits using texts, short, bytes, ids, numbers, coarse, shorts;
    if hits > 0 then
      col := named[i];
      return next;
    end if;
  end loop;
end
$$;
-- The same in what the planner keeps of values: bytes as hex, ids as text.
create function weir.scan_statistics(needles text[], words text[]) returns table (tab text, col text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select format('%I.%I', schemaname, tablename), attname::text
  from pg_stats s, lateral (select coalesce(s.most_common_vals::text, '') || ' ' || coalesce(s.histogram_bounds::text, '')
    || ' ' || coalesce(s.most_common_elems::text, '') as x) v,
    (select '(^|[^0-9A-Za-z])(' || string_agg(regexp_replace(w, '([^0-9A-Za-z])', '\\\1', 'g'), '|') || ')([^0-9A-Za-z]|$)' as short
     from unnest(words) w) w
  where schemaname not in ('pg_catalog', 'information_schema')
    and (exists (select from unnest(needles) n where position(n in v.x) > 0) or v.x ~ w.short)
$$;
-- Of a table without rows analyze keeps what it knew (acquire_sample_rows finds none, and nothing is written): it is cleared then,
-- before Postgres 18 by giving each column the type that it has.
create function weir.refresh_statistics(part regclass) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  one record;
  isempty boolean;
begin
  if (select relnamespace::regnamespace::text from pg_class where oid = part) in ('pg_catalog', 'information_schema') then
    raise exception 'not a table of Weir' using errcode = '42501';
  end if;
  execute format('analyze %s', part);
  execute format('select not exists (select from %s)', part) into isempty;
  if not isempty then return; end if;
  for one in
    select s.schemaname, s.tablename, s.attname, s.inherited, format_type(a.atttypid, a.atttypmod) as kind
    from pg_stats s join pg_attribute a on a.attrelid = part and a.attname = s.attname
    where format('%I.%I', s.schemaname, s.tablename)::regclass = part
  loop
    if to_regprocedure('pg_catalog.pg_clear_attribute_stats(text, text, text, boolean)') is not null then
      execute 'select pg_clear_attribute_stats($1, $2, $3, $4)'
        using one.schemaname::text, one.tablename::text, one.attname::text, one.inherited;
    else
      execute format('alter table %s alter column %I type %s', part, one.attname, one.kind);
    end if;
  end loop;
end
$$;
revoke execute on function weir.scan_table(regclass, bytea[], text[], bytea[], uuid[], text[], text[], text[]),
  weir.scan_statistics(text[], text[]), weir.refresh_statistics(regclass) from public;
grant execute on function weir.scan_table(regclass, bytea[], text[], bytea[], uuid[], text[], text[], text[]),
  weir.scan_statistics(text[], text[]), weir.refresh_statistics(regclass) to weir_app;

-- Content that falls under a statute or a hold lies in partitions of classes with a floor; what was detached to be kept
-- under restriction goes with its partition and is reached through this alone.
create function weir.erase_detached(subject uuid) returns bigint
language plpgsql security definer set search_path = weir, pg_temp as $$
declare
  part text;
  n bigint;
  total bigint := 0;
begin
  for part in select r.part from weir.retained_partition r where r.state <> 'attached' loop
    if part like 'event_log%' then
      execute format('update weir.%I set subject_id = null, other_id = null, salt = null, consent_ref = null
        where subject_id = $1 or other_id = $1', part) using subject;
    else
      execute format('delete from weir.%I where subject_id = $1', part) using subject;
    end if;
    get diagnostics n = row_count;
    total := total + n;
  end loop;
  return total;
end
$$;
revoke execute on function weir.erase_detached(uuid) from public;
grant execute on function weir.erase_detached(uuid) to weir_app;

drop function weir.append_events(integer, smallint[], integer[], bytea[], uuid[], uuid[], smallint[], integer[], integer[], integer[], integer[],
  integer[], integer[], bytea[], bytea[], smallint[], bytea[], integer[], smallint[], date[], uuid[], bytea[], integer[],
  bytea[], integer[], date[], text[], text[], text[], bigint[], bigint[], smallint[], bytea[], text, bytea);
-- One group of events, one statement, one transaction: keys, then the log under its lock, then the blobs.
-- Arrays run in parallel, one element an event; those that begin with blob_ one element a blob, blob_event from 1.
-- Orders come apart: order_event says whose each is (from 1), order_key what it is counted once by within the dedupe
-- window, whichever source told it; line_order numbers the orders from 0. They count whatever was decided for the event:
-- the order is known for its own sake, and as a sum it is nobody's.
-- The group's decisions are one entry of the audit log: `decided` is its body, `decided_hashes` the leaves of its tree,
-- those of events that turn out to be repeats among them. Null where the rows are no decisions (links, probes).
-- judged_at: how many erasures there were when the group was decided; null for what nobody was asked about.
-- Returns the ordinals of the events that were not seen before; the others changed nothing.
create function weir.append_events(
  version integer, kinds smallint[], sources integer[], keys bytea[], subjects uuid[], others uuid[], types smallint[],
  route_masks integer[], granted_masks integer[], refused_masks integer[], narrowed_masks integer[],
  epochs integer[], user_epochs integer[], refs bytea[], removed_fields bytea[], unclassified_counts smallint[], blob_lists bytea[],
  blob_event integer[], blob_class smallint[], blob_due date[], blob_subject uuid[], blob_bytes bytea[],
  order_event integer[], order_key bytea[], line_order integer[], line_day date[], line_shop text[], line_currency text[],
  line_product text[], line_units bigint[], line_value bigint[], line_new smallint[],
  salts bytea[], decided text, decided_hashes bytea, judged_at bigint
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
  -- An erasure holds this lock while it commits: what was decided before it is decided again.
  if judged_at is not null and judged_at <> (select erasures from weir.erasure_clock) then
    raise exception 'somebody was erased since this was decided' using errcode = 'WK003';
  end if;
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

-- What lies of a person in partitions that are kept apart: how much, for whoever lists everything; and itself, for the
-- person, who asks for a copy, or for what an erasure sets aside. Nobody reads it but under the role of what statutes keep.
create function weir.detached_of(subjects uuid[]) returns table (class text, n bigint, first date, last date)
language plpgsql stable security definer set search_path = weir, pg_temp as $$
declare
  one record;
begin
  for one in select r.part, r.class from weir.retained_partition r where r.state <> 'attached' loop
    if one.class is null then
      execute format('select null::text, count(*), null::date, null::date from weir.%I
        where subject_id = any($1) or other_id = any($1)', one.part) into class, n, first, last using subjects;
    else
      execute format('select $2, count(*), min(due), max(due) from weir.%I where subject_id = any($1)', one.part)
        into class, n, first, last using subjects, one.class;
    end if;
    if n > 0 then return next; end if;
  end loop;
end
$$;
create function weir.detached_page(subjects uuid[], from_pos bigint, to_pos bigint)
returns table (subject_id uuid, class_id smallint, due date, pos bigint, bytes bytea)
language plpgsql stable security definer set search_path = weir, pg_temp as $$
declare
  part text;
begin
  for part in select r.part from weir.retained_partition r where r.state <> 'attached' and r.class is not null loop
    return query execute format('select s.subject_id, s.class_id, s.due, s.pos, s.bytes from weir.%I s
      where s.subject_id = any($1) and s.pos between $2 and $3', part) using subjects, from_pos, to_pos;
  end loop;
end
$$;
revoke execute on function weir.detached_of(uuid[]), weir.detached_page(uuid[], bigint, bigint) from public;
grant usage on schema weir to weir_statutory;
grant execute on function weir.detached_of(uuid[]), weir.detached_page(uuid[], bigint, bigint) to weir_statutory;
