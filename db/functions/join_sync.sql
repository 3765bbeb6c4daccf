-- join_sync(sync_id, allow_mass_removal, crew_call_id, requested_by)
--
-- One more request for a sync that still waits: its time is raised, so that only a reading begun from now on answers it.
--
-- Parameters   sync_id              from request_sync, in this transaction
--              allow_mass_removal   as in sync_crew_call
--              crew_call_id         which crew call of the element was asked for
--              requested_by         who asks, for the history
-- Writes       syncs, joined_requests
create or replace function flex_sync.join_sync(sync_id bigint, allow_mass_removal boolean, crew_call_id uuid, requested_by text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  update syncs
  set
    requests = syncs.requests + 1,
    last_requested_at = clock(),
    reading_at = null,
    allow_mass_removal = syncs.allow_mass_removal or join_sync.allow_mass_removal
  where syncs.id = join_sync.sync_id;
  insert into joined_requests (sync_id, crew_call_id, requested_at, requested_by)
  values (join_sync.sync_id, join_sync.crew_call_id, clock(), join_sync.requested_by);
end
$$;
comment on function flex_sync.join_sync(bigint, boolean, uuid, text) is 'One more request for a sync that still waits for its reading.';
