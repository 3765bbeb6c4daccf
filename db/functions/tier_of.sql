-- tier_of(role_code)
--
-- The tier of a role code: the last part after a '-', upper-case (SND-FOH-R is R); null when there is none.
-- An expression that Postgres puts in place of each call, as flex_id.
create or replace function flex_sync.tier_of(role_code text)
returns text
language sql
immutable
parallel safe
return upper(btrim(substring(role_code from '-([^-]+)$')));
comment on function flex_sync.tier_of(text) is 'The tier of a role code: the last part after a ''-'', upper-case; null when there is none.';
