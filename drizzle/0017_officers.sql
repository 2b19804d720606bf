-- Officers: who they are, what proves them, which sessions are open. The gateway cannot make an account (there is no
-- sign-up): only the owner inserts one, with `weir officer add`. E-mail addresses are sealed and found by a keyed hash.
create table weir.officer (
  officer_id uuid primary key,
  email_index bytea not null unique check (length(email_index) = 16),
  email bytea not null,
  role text not null check (role in ('compliance', 'auditor', 'analyst', 'merchandiser', 'operator')),
  password_hash text not null check (password_hash like '$argon2id$%'),
  pepper smallint not null,              -- which derivation of the pepper went into password_hash
  password_at timestamptz not null,
  totp_seed bytea not null,
  totp_next_seed bytea,                  -- a new one, until a code of it was shown
  totp_step bigint not null default 0,   -- the last step of which a code was taken: each is taken once (RFC 6238 §5.2)
  created_at timestamptz not null,
  disabled_at timestamptz
);
grant select on weir.officer to weir_app;
grant update (role, password_hash, pepper, password_at, totp_seed, totp_next_seed, totp_step, disabled_at)
  on weir.officer to weir_app;

create table weir.officer_recovery (
  officer_id uuid not null references weir.officer on delete cascade,
  code_hash bytea not null check (length(code_hash) = 32),
  primary key (officer_id, code_hash)
);
grant select, insert, delete on weir.officer_recovery to weir_app;

create table weir.officer_authenticator (
  authenticator_id uuid primary key,
  officer_id uuid not null references weir.officer on delete cascade,
  credential_id bytea not null unique check (length(credential_id) between 1 and 1023),
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null default '{}',
  device_type text not null check (device_type in ('singleDevice', 'multiDevice')),
  created_at timestamptz not null,
  used_at timestamptz
);
create index officer_authenticator_by_officer on weir.officer_authenticator (officer_id);
grant select, insert, delete on weir.officer_authenticator to weir_app;
grant update (counter, used_at) on weir.officer_authenticator to weir_app;

create table weir.officer_session (
  session_id uuid primary key,           -- stays when the token is replaced; opens nothing
  token_hash bytea not null unique check (length(token_hash) = 32), -- sha-256 of 256 random bits
  officer_id uuid not null references weir.officer on delete cascade,
  amr text[] not null,                   -- how it was proved (RFC 8176)
  started_at timestamptz not null,
  seen_at timestamptz not null,
  expires_at timestamptz not null,
  stepped_up_at timestamptz not null
);
create index officer_session_by_officer on weir.officer_session (officer_id);
grant select, insert, delete on weir.officer_session to weir_app;
grant update (token_hash, seen_at, stepped_up_at, amr) on weir.officer_session to weir_app;

-- What an authenticator is asked to sign, once. `ticket_hash` is of what only the asker holds: of a session's id, or of
-- a random ticket before there is a session.
create table weir.officer_challenge (
  ticket_hash bytea not null check (length(ticket_hash) = 32),
  use text not null check (use in ('sign-in', 'step-up', 'register')),
  challenge bytea not null check (length(challenge) = 32),
  officer_id uuid not null references weir.officer on delete cascade,
  expires_at timestamptz not null,
  primary key (ticket_hash, use)
);
grant select, insert, update, delete on weir.officer_challenge to weir_app;

-- Approvals that were given, so that none counts twice.
create table weir.officer_approval (
  officer_id uuid not null references weir.officer on delete cascade,
  challenge bytea not null check (length(challenge) = 32),
  approved_at timestamptz not null,
  primary key (officer_id, challenge)
);
grant select, insert on weir.officer_approval to weir_app;

-- Failed attempts, by keyed hashes of account, address prefix, and both together.
create table weir.login_throttle (
  key bytea primary key check (length(key) = 16),
  failures integer not null,
  last_at timestamptz not null,          -- of the last attempt that was let through, or of the first that was not
  trusted_until timestamptz              -- the right password and second factor came from there
);
create index login_throttle_by_age on weir.login_throttle (last_at);
grant select, insert, update, delete on weir.login_throttle to weir_app;

-- Machines that sign their own short assertions; only the owner registers one, with `weir token key add`.
create table weir.service_key (
  key_id uuid primary key,
  role text not null check (role in ('compliance', 'auditor', 'analyst', 'merchandiser', 'operator')),
  jwk jsonb not null,                    -- a public key, Ed25519
  thumbprint bytea not null unique check (length(thumbprint) = 32), -- RFC 7638
  created_at timestamptz not null,
  revoked_at timestamptz
);
grant select on weir.service_key to weir_app;

create table weir.service_assertion (
  jti_hash bytea primary key check (length(jti_hash) = 32),
  expires_at timestamptz not null
);
create index service_assertion_by_age on weir.service_assertion (expires_at);
grant select, insert, delete on weir.service_assertion to weir_app;
