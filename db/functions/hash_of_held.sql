-- hash_of_held(held)
--
-- The name of a plan's held removals: the same lines with the same resources have the same name.
--
-- Parameters   held   rows of plan_element with action hold, or null
-- Returns      text, null when nothing is held
create or replace function flex_sync.hash_of_held(held flex_sync.planned[])
returns text
language plpgsql
immutable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return (
    select md5(string_agg(held.flex_line_item_id || ' ' || coalesce(held.flex_resource_id, ''), ',' order by held.flex_line_item_id))
    from unnest(hash_of_held.held) as held
  );
end
$$;
comment on function flex_sync.hash_of_held(flex_sync.planned[]) is 'The name of a set of held removals, for approve_removals and reject_removals.';
