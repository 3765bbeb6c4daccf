-- held_plan(crew_call_id, flex_element_id)
--
-- The name of what is held for a crew call on an element now, as hash_of_held names a plan's.
--
-- Parameters   crew_call_id      flex_crew_calls.id
--              flex_element_id   normalised; a crew call that was pointed elsewhere may leave something held behind
-- Returns      text, null when nothing is held
-- Reads        outbox
create or replace function flex_sync.held_plan(crew_call_id uuid, flex_element_id text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return (
    select md5(string_agg(outbox.flex_line_item_id || ' ' || coalesce(outbox.flex_resource_id, ''), ',' order by outbox.flex_line_item_id))
    from outbox
    where outbox.flex_element_id = held_plan.flex_element_id
      and outbox.crew_call_id = held_plan.crew_call_id
      and outbox.kind = 'remove'
      and outbox.state = 'held'
  );
end
$$;
comment on function flex_sync.held_plan(uuid, text) is 'The name of what is held for a crew call on an element, for approve_removals and reject_removals.';
