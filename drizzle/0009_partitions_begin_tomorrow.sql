-- As in 0003, but beginning with the first step that is not yet due: what drop_due() takes at once was never needed, since
-- nothing that is due already is stored, and a first start that drops partitions looks like a loss of data.
create or replace function weir.ensure_class(class_name text, class_step text, class_days integer, today date) returns smallint
language plpgsql security definer set search_path = weir, pg_temp as $$
declare
  id smallint;
  first date;
  next date;
  last date := today + class_days + 62;
  width interval := case class_step when 'day' then interval '1 day' else interval '1 month' end;
begin
  -- Looked up first, by callers who take turns: an insert that conflicts burns a number, and numbers end at 32,767.
  update weir.field_class set retain_days = class_days where name = class_name returning class_id into id;
  if id is null then
    insert into weir.field_class (name, step, retain_days) values (class_name, class_step, class_days) returning class_id into id;
  end if;
  if to_regclass('weir.sealed_' || class_name) is null then
    execute format('create table weir.%I partition of weir.sealed for values in (%L) partition by range (due)',
      'sealed_' || class_name, id);
  end if;
  select step into class_step from weir.field_class where class_id = id; -- a class keeps its first step
  width := case class_step when 'day' then interval '1 day' else interval '1 month' end;
  first := (date_trunc(class_step, today::timestamp) + width)::date;
  if class_step = 'day' then last := today + class_days + 2; end if;
  while first <= last loop
    next := (first + width)::date;
    if to_regclass('weir.sealed_' || class_name || to_char(first, '_YYYY_MM_DD')) is null then
      execute format('create table weir.%I partition of weir.%I for values from (%L) to (%L)',
        'sealed_' || class_name || to_char(first, '_YYYY_MM_DD'), 'sealed_' || class_name, first, next);
    end if;
    first := next;
  end loop;
  return id;
end
$$;
