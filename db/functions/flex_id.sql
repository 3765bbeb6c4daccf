-- flex_id(value)
--
-- A Flex id as it is compared, locked and sent: trimmed, lower-case.
--
-- Parameters   value   any text, as people typed it
-- Returns      text, or null when nothing is left
create or replace function flex_sync.flex_id(value text)
returns text
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return nullif(lower(btrim(flex_id.value, E' \t\r\n')), '');
end
$$;
comment on function flex_sync.flex_id(text) is 'A Flex id as it is compared, locked and sent: trimmed, lower-case, null when blank.';
