-- flex_id(value)
--
-- A Flex id as it is compared, locked and sent: trimmed, lower-case, null when blank.
--
-- One expression in plain SQL, which Postgres puts in place of each call; a set search_path would forbid that, so that
-- every name in it says its schema. So do is_flex_id and tier_of.
create or replace function flex_sync.flex_id(value text)
returns text
language sql
immutable
parallel safe
as $$
  select case
    when pg_catalog.btrim(value, E' \t\r\n') operator(pg_catalog.<>) '' then pg_catalog.lower(pg_catalog.btrim(value, E' \t\r\n'))
  end
$$;
comment on function flex_sync.flex_id(text) is 'A Flex id as it is compared, locked and sent: trimmed, lower-case, null when blank.';
