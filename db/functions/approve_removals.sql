-- approve_removals(crew_call_id, plan)
--
-- Yes, remove the held lines of this plan: exactly those (id and resource), until they are gone or a day has passed.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              plan           crew_call_status.plan, or the plan that sync_crew_call answered
-- Returns      how many lines the answer covers
-- Errors       NOCAL   no crew call has this id
--              NOPLN   nothing is held under this plan
create or replace function flex_sync.approve_removals(crew_call_id uuid, plan text)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  return decide_removals(approve_removals.crew_call_id, approve_removals.plan, 'approved');
end
$$;
comment on function flex_sync.approve_removals(uuid, text) is 'Yes, remove the held lines of this plan.';
