-- waiting_for(operation_id)
--
-- The pending operations that wait for an add, locked, without those that a planner holds: an application's transaction
-- may stay open after sync_crew_call, and recording never waits for it.
--
-- Parameters   operation_id   of the add
-- Returns      outbox.id
create or replace function flex_sync.waiting_for(operation_id bigint)
returns table (id bigint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return query
  select outbox.id
  from outbox
  where outbox.after_operation_id = waiting_for.operation_id
    and outbox.state = 'pending'
  order by outbox.id
  for update skip locked;
end
$$;
comment on function flex_sync.waiting_for(bigint) is 'The pending operations that wait for an add, locked, without those that a planner holds.';
