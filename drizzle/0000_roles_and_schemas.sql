-- Roles are of the cluster, so they may be there already (another database of the same cluster, or the embedded
-- server, which gives weir_app its password).
do $$
begin
  if not exists (select from pg_roles where rolname = 'weir_app') then
    create role weir_app noinherit nologin;
  end if;
  if not exists (select from pg_roles where rolname = 'weir_recommendation') then
    create role weir_recommendation noinherit nologin;
  end if;
exception when duplicate_object or unique_violation then null; -- two databases migrated at once
end
$$;
do $$
begin
  -- The gateway takes a module's role for the length of handle(); it never inherits its rights.
  execute 'grant weir_recommendation to weir_app';
  -- Whoever owns the database may act as the gateway (DATABASE_URL with a single user).
  if not pg_has_role(current_user, 'weir_app', 'member') then
    execute format('grant weir_app to %I', current_user);
  end if;
end
$$;
create schema if not exists weir;
create schema if not exists recommendation;
revoke all on schema public from public;
grant usage on schema weir to weir_app;
grant usage on schema recommendation to weir_app, weir_recommendation;
