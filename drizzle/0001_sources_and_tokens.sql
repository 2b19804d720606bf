create table weir.source (
  source_id integer generated always as identity primary key,
  name text not null unique check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
  kind text not null check (kind in ('browser', 'server')),
  shop text not null default 'main' check (shop ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
  origins text[] not null default '{}',
  test boolean not null default false,
  write_key_hash bytea not null unique check (length(write_key_hash) = 32), -- sha-256 of ≥ 128 random bits
  secret_hash bytea check (length(secret_hash) = 32),                       -- absent: the write key alone will do
  subject_jwk jsonb,                                                        -- public key of the shop's subject tokens
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
create table weir.api_token (
  token_id uuid primary key,
  token_hash bytea not null unique check (length(token_hash) = 32),
  role text not null check (role in ('compliance', 'auditor', 'analyst', 'merchandiser', 'operator')),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);
grant select on weir.source, weir.api_token to weir_app;
