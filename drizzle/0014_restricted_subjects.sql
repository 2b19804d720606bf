-- Whether content of a subject lies in a partition that was detached to be kept under restriction: a key that opens it
-- must stay as long. The gateway itself cannot look into those.
create function weir.is_restricted(subject uuid) returns boolean
language plpgsql stable security definer set search_path = weir, pg_temp as $$
declare
  part text;
  found boolean;
begin
  for part in select r.part from weir.retained_partition r where r.class is not null and r.state <> 'attached' loop
    execute format('select exists (select from weir.%I where subject_id = $1)', part) into found using subject;
    if found then return true; end if;
  end loop;
  return false;
end
$$;
revoke execute on function weir.is_restricted(uuid) from public;
grant execute on function weir.is_restricted(uuid) to weir_app;
