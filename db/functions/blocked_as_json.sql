-- blocked_as_json(crew_call_id, flex_element_id, sync_id)
--
-- What sync_crew_call answers where nothing can be planned: no sets, and why is in crew_call_status.
--
-- Parameters   crew_call_id      flex_crew_calls.id
--              flex_element_id   as stored, null when it cannot be read
--              sync_id           the sync that was opened for it, null when none was
-- Returns      jsonb, shaped as plan_as_json plus the four first keys of sync_crew_call
-- Reads        tenant
create or replace function flex_sync.blocked_as_json(crew_call_id uuid, flex_element_id text, sync_id bigint)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return jsonb_build_object(
    'crew_call_id', blocked_as_json.crew_call_id,
    'flex_element_id', blocked_as_json.flex_element_id,
    'sync_id', blocked_as_json.sync_id,
    'condition', case when exists (select from tenant where tenant.paused_at is not null) then 'paused' else 'blocked' end,
    'observed_at', null,
    'stale', null,
    'to_add', '[]'::jsonb,
    'to_remove', '[]'::jsonb,
    'to_set_role', '[]'::jsonb,
    'held', null,
    'plan', null,
    'kept', 0,
    'unmapped', '[]'::jsonb
  );
end
$$;
comment on function flex_sync.blocked_as_json(uuid, text, bigint) is 'What sync_crew_call answers where nothing can be planned.';
