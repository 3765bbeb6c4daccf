-- name_of(technician_id)
--
-- How people call somebody: by the name that the host's profiles have, whatever their columns are called (full_name,
-- first_name and last_name, display_name, name), and the id. The id alone where there is no such column, or it cannot be read.
--
-- Parameters   technician_id   profiles.id
-- Reads        the host's profiles
create or replace function flex_sync.name_of(technician_id uuid)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_columns text[];
  v_expression text;
  v_name text;
begin
  select array_agg(pg_attribute.attname::text) into v_columns
  from pg_attribute
  where pg_attribute.attrelid = ':HOST_SCHEMA.profiles'::regclass
    and pg_attribute.attname in ('full_name', 'first_name', 'last_name', 'display_name', 'name')
    and not pg_attribute.attisdropped;
  v_expression := case
    when v_columns @> '{full_name}' then 'full_name::text'
    when v_columns && '{first_name,last_name}' then (
      select format('concat_ws('' '', %s)', string_agg(format('nullif(%I::text, '''')', part.name), ', ' order by part.name))
      from unnest(v_columns) as part (name)
      where part.name in ('first_name', 'last_name')
    )
    when v_columns @> '{display_name}' then 'display_name::text'
    when v_columns @> '{name}' then 'name::text'
  end;
  if v_expression is not null then
    execute format('select left(btrim(%s), 80) from :HOST_SCHEMA.profiles where profiles.id = $1', v_expression)
    into v_name
    using name_of.technician_id;
  end if;
  return coalesce(nullif(v_name, '') || ' ', '') || coalesce(name_of.technician_id::text, 'somebody');
exception
  when others then
    return name_of.technician_id::text;
end
$$;
comment on function flex_sync.name_of(uuid) is 'How people call somebody: the name that the host''s profiles have, and the id.';
