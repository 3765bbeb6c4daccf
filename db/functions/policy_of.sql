-- policy_of(flex_element_id)
--
-- What may be deleted on one element: the most careful policy of its crew calls.
-- An element that no crew call points at any more is cleaned of what is ours, and of nothing else.
--
-- Parameters   flex_element_id   normalised
-- Returns      mirror, owned, add_only or report
-- Reads        crew_calls, crew_call_settings, settings
create or replace function flex_sync.policy_of(flex_element_id text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  return coalesce(
    (
      select coalesce(crew_call_settings.policy, settings.policy)
      from settings
      cross join crew_calls
      left join crew_call_settings on crew_call_settings.crew_call_id = crew_calls.id
      where crew_calls.flex_element_id = policy_of.flex_element_id
      order by array_position(array['report', 'add_only', 'owned', 'mirror'], coalesce(crew_call_settings.policy, settings.policy))
      limit 1
    ),
    'owned'
  );
end
$$;
comment on function flex_sync.policy_of(text) is 'What may be deleted on one element: the most careful policy of its crew calls; owned when none points there.';
