-- is_flex_id(value)
--
-- Whether an id is UUID-shaped once trimmed; anything else is never sent to Flex.
-- An expression that Postgres puts in place of each call, as flex_id.
create or replace function flex_sync.is_flex_id(value text)
returns boolean
language sql
immutable
parallel safe
return coalesce(
  lower(btrim(value, E' \t\r\n')) ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  false
);
comment on function flex_sync.is_flex_id(text) is 'Whether an id is UUID-shaped once trimmed; anything else is never sent to Flex.';
