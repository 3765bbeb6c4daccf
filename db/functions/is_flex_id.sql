-- is_flex_id(value)
--
-- Whether a resource or element id may be sent to Flex: it is UUID-shaped (any version) once trimmed.
-- Put in place of each call, as flex_id. What is left of a UUID without its digits are four dashes: a regular expression
-- says the same and costs more.
--
-- Parameters   value   any text
-- Returns      boolean, false for null
create or replace function flex_sync.is_flex_id(value text)
returns boolean
language sql
immutable
parallel safe
as $$
  select coalesce(
    pg_catalog.btrim(value, E' \t\r\n') operator(pg_catalog.~~) '________-____-____-____-____________'
      and pg_catalog.translate(pg_catalog.btrim(value, E' \t\r\n'), '0123456789abcdefABCDEF', '') operator(pg_catalog.=) '----',
    false
  )
$$;
comment on function flex_sync.is_flex_id(text) is 'Whether an id is UUID-shaped once trimmed; anything else is never sent to Flex.';
