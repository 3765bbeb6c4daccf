-- flex_id(value)
--
-- A Flex id as it is compared, locked and sent: trimmed, lower-case, null when blank.
-- An expression that Postgres puts in place of each call (it is made of no names, so no search_path can turn it).
create or replace function flex_sync.flex_id(value text)
returns text
language sql
immutable
parallel safe
return nullif(lower(btrim(value, E' \t\r\n')), '');
comment on function flex_sync.flex_id(text) is 'A Flex id as it is compared, locked and sent: trimmed, lower-case, null when blank.';
