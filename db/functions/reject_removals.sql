-- reject_removals(crew_call_id, plan)
--
-- No, keep the held lines of this plan: they no longer spoil synced, until they are gone.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              plan           crew_call_status.plan, or the plan that sync_crew_call answered
-- Returns      how many lines the answer covers
-- Errors       NOCAL   no crew call has this id
--              NOPLN   nothing is held under this plan
create or replace function flex_sync.reject_removals(crew_call_id uuid, plan text)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  return decide_removals(reject_removals.crew_call_id, reject_removals.plan, 'rejected');
end
$$;
comment on function flex_sync.reject_removals(uuid, text) is 'No, keep the held lines of this plan.';
