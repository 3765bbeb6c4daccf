-- request_unasked(flex_element_id)
--
-- A sync request that a trigger asked for (enable_auto_sync), made here because triggers never take the element's lock.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
-- Writes       syncs, elements
create or replace function flex_sync.request_unasked(flex_element_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_crew_call_id uuid;
  v_request record;
begin
  select crew_calls.id into v_crew_call_id
  from crew_calls
  where crew_calls.flex_element_id = request_unasked.flex_element_id
  order by crew_calls.id
  limit 1;
  if v_crew_call_id is null then
    return;
  end if;
  select request.* into v_request
  from request_sync(v_crew_call_id, request_unasked.flex_element_id, 'auto sync', false) as request;
  if v_request.joined then
    perform join_sync(v_request.sync_id, false, v_crew_call_id, 'auto sync');
  end if;
end
$$;
comment on function flex_sync.request_unasked(text) is 'A sync request that a trigger asked for.';
