-- tier_of(role_code)
--
-- The tier of a role code: its last part after a '-', upper-case. SND-FOH-R is R, SND-RF-E is E, FOH has none.
--
-- Parameters   role_code   as the host stores it
-- Returns      text, or null when the code has no '-' or ends with one
create or replace function flex_sync.tier_of(role_code text)
returns text
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return upper(btrim(substring(tier_of.role_code from '-([^-]+)$')));
end
$$;
comment on function flex_sync.tier_of(text) is 'The tier of a role code: the last part after a ''-'', upper-case; null when there is none.';
