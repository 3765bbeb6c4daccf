-- is_flex_id(value)
--
-- Whether a resource or element id may be sent to Flex: it is UUID-shaped (any version) once trimmed.
--
-- Parameters   value   any text
-- Returns      boolean, false for null
create or replace function flex_sync.is_flex_id(value text)
returns boolean
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(
    lower(btrim(is_flex_id.value, E' \t\r\n')) ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
    false
  );
end
$$;
comment on function flex_sync.is_flex_id(text) is 'Whether an id is UUID-shaped once trimmed; anything else is never sent to Flex.';
