create table weir.key_epoch (
  kid integer primary key,
  wrapped bytea not null,
  state text not null check (state in ('pending', 'active', 'decrypt-only', 'destroyed')),
  created_at timestamptz not null default now()
);
create unique index key_epoch_one_active on weir.key_epoch ((true)) where state = 'active';

-- A subject is a device (known by an anonymous id) or a user (known by a user id). Several make up a person:
-- that is what link says, and it can be undone.
create table weir.subject (
  subject_id uuid primary key,
  kind text not null check (kind in ('device', 'user')),
  generation integer not null default 1,
  key_version smallint not null default 1,
  created_on date not null default current_date,
  seen_on date not null default current_date
);

create table weir.subject_key (
  subject_id uuid not null,
  key_version smallint not null,
  wrapped bytea not null,
  primary key (subject_id, key_version)
) with (fillfactor = 80);

-- Looked up by the blind index alone; the value itself is sealed under the subject's key.
create table weir.identifier (
  index_key bytea primary key check (length(index_key) = 16),
  subject_id uuid not null,
  type text not null check (type in ('user_id', 'anonymous_id')),
  index_version smallint not null,
  sealed bytea not null
);
create index identifier_by_subject on weir.identifier (subject_id);

-- A device belongs to at most one user; a second user starts a new device subject (links are never rewritten).
create table weir.link (
  device_id uuid primary key,
  user_id uuid not null,
  state text not null check (state in ('claimed', 'confirmed')),
  since timestamptz not null default now(),
  by_source integer not null,
  confirmed_at timestamptz,
  confirmed_by integer,
  ended_at timestamptz
);
create index link_by_user on weir.link (user_id);

-- What holds now. Masks: bit i is purpose i of src/event/purpose.ts.
create table weir.consent_state (
  subject_id uuid primary key,
  consent_epoch integer not null,
  record_id uuid not null,
  granted integer not null,
  refused integer not null,
  -- refused by the subject itself or by anybody in its confirmed cluster
  cluster_refused integer not null,
  -- per purpose bit, client time of the last restriction: a grant that is older does not lift it
  restricted_at timestamptz[] not null,
  -- per purpose bit, the consent epoch that the last restriction began: what was decided before it stays refused
  restricted_epoch integer[] not null,
  secret_hash bytea check (length(secret_hash) = 32)
);

-- How it came to hold: appended in the same transaction, never changed.
create table weir.consent_ledger (
  subject_id uuid not null,
  consent_epoch integer not null,
  record_id uuid not null,
  recorded_at timestamptz not null default clock_timestamp(),
  claimed_at timestamptz not null,
  asked_granted integer not null,
  asked_refused integer not null,
  granted integer not null,
  refused integer not null,
  evidence text not null check (evidence in ('api', 'segment', 'rudderstack', 'carried')),
  proof text not null check (proof in ('server-key', 'device-secret', 'subject-token', 'none')),
  source_id integer not null,
  policy_version integer not null,
  notice_token bytea,
  primary key (subject_id, consent_epoch)
);

grant select on weir.key_epoch to weir_app;
grant insert on weir.key_epoch to weir_app;
grant select, insert, update, delete on weir.subject, weir.subject_key, weir.identifier, weir.link, weir.consent_state to weir_app;
grant select, insert on weir.consent_ledger to weir_app;
