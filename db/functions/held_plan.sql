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
    select hash_of_held(array_agg(held.flex_line_item_id), array_agg(held.flex_resource_id))
    from outbox as held
    where held.flex_element_id = held_plan.flex_element_id
      and held.crew_call_id = held_plan.crew_call_id
      and held.kind = 'remove'
      and held.state = 'held'
  );
end
$$;
comment on function flex_sync.held_plan(uuid, text) is 'The name of what is held for a crew call on an element, for approve_removals and reject_removals.';
