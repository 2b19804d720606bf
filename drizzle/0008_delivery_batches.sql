-- The start of a delivery batch in one round trip: the lock of law 3, then what the batch begins with. Volatile: each
-- query of a plpgsql function has its own snapshot, so what follows the lock is read after it. The commit does not wait
-- for the disk: module state and cursor are lost together or not at all, and what was lost is handed over again.
create function weir.begin_batch(lock_class integer, destination integer)
returns table (version integer, pos bigint, erasures boolean, letters boolean)
language plpgsql volatile set search_path = weir, pg_temp as $$
begin
  perform pg_advisory_xact_lock(lock_class, destination);
  perform set_config('synchronous_commit', 'off', true);
  return query select
    (select p.version from weir.active_policy p),
    coalesce((select c.pos from weir.delivery_cursor c where c.destination_id = destination), 0),
    exists (select from weir.purge u where u.destination_id = destination),
    exists (select from weir.dead_letter l where l.destination_id = destination and l.retry_at <= clock_timestamp());
end
$$;
revoke execute on function weir.begin_batch(integer, integer) from public;
grant execute on function weir.begin_batch(integer, integer) to weir_app;
