-- hash_of_held(flex_line_item_ids, flex_resource_ids)
--
-- The name of what is held: the same lines with the same resources have the same name.
--
-- Parameters   flex_line_item_ids, flex_resource_ids   of the held removals, in the same order; or null
-- Returns      text, null when nothing is held
create or replace function flex_sync.hash_of_held(flex_line_item_ids text[], flex_resource_ids text[])
returns text
language plpgsql
immutable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return (
    select md5(string_agg(held.line || ' ' || coalesce(held.resource, ''), ',' order by held.line))
    from unnest(hash_of_held.flex_line_item_ids, hash_of_held.flex_resource_ids) as held (line, resource)
  );
end
$$;
comment on function flex_sync.hash_of_held(text[], text[]) is 'The name of a set of held removals, for approve_removals and reject_removals.';
