-- tier_of(role_code)
--
-- The tier of a role code: its last part after a '-', upper-case. SND-FOH-R is R, SND-RF-E is E, FOH has none.
-- Put in place of each call, as flex_id.
--
-- Parameters   role_code   as the host stores it
-- Returns      text, or null when the code has no '-' or ends with one
create or replace function flex_sync.tier_of(role_code text)
returns text
language sql
immutable
parallel safe
as $$
  select case
    when role_code operator(pg_catalog.~~) '%-%' and role_code operator(pg_catalog.!~~) '%-'
      then pg_catalog.upper(pg_catalog.btrim(pg_catalog.split_part(role_code, '-', -1)))
  end
$$;
comment on function flex_sync.tier_of(text) is 'The tier of a role code: the last part after a ''-'', upper-case; null when there is none.';
