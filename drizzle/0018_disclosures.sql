-- Break-glass: what officers asked to see, or to let happen, and what became of it. A request cannot be changed once it
-- was asked: the gateway is granted the columns of its course alone, and each of those goes one way.
create table weir.disclosure (
  disclosure_id uuid primary key,
  number bigint generated always as identity unique, -- the order of lists
  kind text not null check (kind in ('fields', 'reidentify', 'translate', 'retention-fuse')),
  case_id text not null,
  purpose text not null,
  wanted text[] not null,          -- field classes and paths, or types of identifiers
  destination text,                -- whose pseudonym was given
  to_destination text,             -- whose pseudonym is wanted
  plan_hash text check (plan_hash ~ '^[0-9a-f]{64}$'),
  reads smallint not null check (reads between 1 and 20),
  minutes smallint not null check (minutes between 1 and 15),
  emergency boolean not null,
  -- HMAC-SHA-256(32 random bytes, person and reason). Those bytes and the reason are sealed under the person's key, as the
  -- detail of the entry `record_id` of the audit log; where there is no person, in `reason`, under the officers' key.
  commitment bytea not null check (length(commitment) = 32),
  reason bytea,
  record_id bigint not null,
  asked_by uuid not null references weir.officer,
  asked_at timestamptz(3) not null,
  opens_at timestamptz(3),         -- of an emergency
  decision text check (decision in ('approved', 'refused')),
  decided_by uuid references weir.officer,
  decided_role text,
  decided_at timestamptz(3),
  expires_at timestamptz(3),
  used smallint not null default 0,
  voided_at timestamptz,           -- who asked or approved lost the account or the role
  review text check (review in ('justified', 'not-justified')),
  reviewed_by uuid references weir.officer,
  reviewed_at timestamptz(3),
  check (used between 0 and reads),
  check (decided_by <> asked_by),
  check (reviewed_by <> asked_by),
  check ((decision is null) = (decided_by is null) and (decision is null) = (decided_at is null)),
  check ((review is null) = (reviewed_by is null) and (review is null) = (reviewed_at is null)),
  check (emergency or review is null),
  check (emergency = (opens_at is not null)),
  check (decision is distinct from 'approved' or not emergency and expires_at is not null),
  check (kind <> 'retention-fuse' or plan_hash is not null and reads = 1 and not emergency and reason is not null),
  check (kind = 'retention-fuse' or plan_hash is null),
  check ((kind in ('reidentify', 'translate')) = (destination is not null)),
  check ((kind = 'translate') = (to_destination is not null))
);
create index disclosure_by_asker on weir.disclosure (asked_by, number);
create index disclosure_by_case on weir.disclosure (case_id, number);
-- At most one emergency of an officer that nobody has reviewed.
create unique index disclosure_one_emergency on weir.disclosure (asked_by) where emergency and reviewed_at is null;
grant select, insert on weir.disclosure to weir_app;
grant update (decision, decided_by, decided_role, decided_at, expires_at, used, voided_at, review, reviewed_by, reviewed_at)
  on weir.disclosure to weir_app;

-- Whom a request is about. The row goes with the person.
create table weir.disclosure_person (
  disclosure_id uuid primary key references weir.disclosure,
  subject_id uuid not null
);
create index disclosure_person_by_subject on weir.disclosure_person (subject_id);
grant select, insert, delete on weir.disclosure_person to weir_app;

create function weir.disclosure_person_is_gone() returns trigger
language plpgsql security definer set search_path = weir, pg_temp as $$
begin
  delete from weir.disclosure_person p using gone g where p.subject_id = g.subject_id;
  return null;
end
$$;
create trigger disclosure_person_goes_too after delete on weir.subject
  referencing old table as gone for each statement execute function weir.disclosure_person_is_gone();

create function weir.disclosure_goes_on() returns trigger language plpgsql as $$
begin
  if tg_op <> 'UPDATE' then
    raise exception 'what was disclosed stays on record' using errcode = '42501';
  end if;
  if old.decision is not null and (new.decision, new.decided_by, new.decided_role, new.decided_at)
      is distinct from (old.decision, old.decided_by, old.decided_role, old.decided_at)
    or old.expires_at is not null and new.expires_at is distinct from old.expires_at
    or new.used not in (old.used, old.used + 1)
    or old.voided_at is not null and new.voided_at is null
    or old.review is not null and (new.review, new.reviewed_by, new.reviewed_at)
      is distinct from (old.review, old.reviewed_by, old.reviewed_at)
    or (new.disclosure_id, new.kind, new.case_id, new.purpose, new.wanted, new.destination, new.to_destination, new.plan_hash,
        new.reads, new.minutes, new.emergency, new.commitment, new.reason, new.record_id, new.asked_by, new.asked_at, new.opens_at)
      is distinct from (old.disclosure_id, old.kind, old.case_id, old.purpose, old.wanted, old.destination, old.to_destination,
        old.plan_hash, old.reads, old.minutes, old.emergency, old.commitment, old.reason, old.record_id, old.asked_by,
        old.asked_at, old.opens_at) then
    raise exception 'a request for disclosure cannot be changed' using errcode = '42501';
  end if;
  return new;
end
$$;
create trigger disclosure_only_goes_on before update or delete on weir.disclosure
  for each row execute function weir.disclosure_goes_on();

-- What an officer asked for or approved is worth nothing any more once the role changes or the account ends, for good.
create function weir.disclosure_loses_officer() returns trigger
language plpgsql security definer set search_path = weir, pg_temp as $$
begin
  update weir.disclosure set voided_at = clock_timestamp()
  where voided_at is null and new.officer_id in (asked_by, decided_by) and decision is distinct from 'refused';
  return null;
end
$$;
create trigger disclosure_loses_officer after update of role, disabled_at on weir.officer for each row
  when (old.role is distinct from new.role or new.disabled_at is not null and old.disabled_at is null)
  execute function weir.disclosure_loses_officer();

-- Mails to the data protection officer, written with what they tell of. Ids only: the text is made when it is sent.
create table weir.mail_outbox (
  mail_id uuid primary key,
  kind text not null check (kind in ('approved', 'emergency-asked', 'emergency-opens')),
  disclosure_id uuid not null references weir.disclosure,
  due_at timestamptz(3) not null,
  next_at timestamptz(3) not null,
  attempts smallint not null default 0,
  sent_at timestamptz(3)
);
create index mail_outbox_waiting on weir.mail_outbox (next_at) where sent_at is null;
grant select, insert, delete on weir.mail_outbox to weir_app;
grant update (next_at, attempts, sent_at) on weir.mail_outbox to weir_app;
