-- join_sync(sync_id, allow_mass_removal)
--
-- One more request for a sync that still waits: its time is raised, so that only a reading begun from now on answers it.
--
-- Parameters   sync_id              from request_sync, in this transaction
--              allow_mass_removal   as in sync_crew_call
-- Writes       syncs
create or replace function flex_sync.join_sync(sync_id bigint, allow_mass_removal boolean)
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
end
$$;
comment on function flex_sync.join_sync(bigint, boolean) is 'One more request for a sync that still waits for its reading.';
