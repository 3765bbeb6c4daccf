-- crew_call_or_raise(crew_call_id)
--
-- The element of a crew call an operator named, or an error that says which id is wrong. Crew calls that were deleted
-- while something of ours is still on their element are known too.
--
-- Returns      the normalised element id; null when the crew call has none
-- Errors       NOCAL   no crew call has this id
create or replace function flex_sync.crew_call_or_raise(crew_call_id uuid)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_element text;
begin
  select crew_calls.flex_element_id into v_element from crew_calls where crew_calls.id = crew_call_or_raise.crew_call_id;
  if found then
    return v_element;
  end if;
  select elements.flex_element_id into v_element
  from elements
  where elements.crew_call_id = crew_call_or_raise.crew_call_id
  order by elements.flex_element_id
  limit 1;
  if found then
    return v_element;
  end if;
  raise exception 'no crew call has the id %', coalesce(crew_call_or_raise.crew_call_id::text, 'null')
    using errcode = 'NOCAL', hint = 'Pass flex_crew_calls.id, not the Flex element id: select crew_call_id, flex_element_id from flex_sync.crew_call_status.';
end
$$;
comment on function flex_sync.crew_call_or_raise(uuid) is 'The element of a crew call an operator named, or an error that names the id.';
