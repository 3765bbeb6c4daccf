-- remove_assignments(places)
--
-- Delete rows of the host's flex_crew_assignments. Triggers of the host's run in it, and find names as they do when the
-- application writes: in the host's schema and in public. Nothing else is in here, because of that.
--
-- Parameters   places   ctids, read by the statement that calls this
-- Errors       whatever the host's table refuses, what it deferred to the commit too
-- Writes       the host's flex_crew_assignments
create or replace function flex_sync.remove_assignments(places tid[])
returns void
language plpgsql
volatile
set search_path = :HOST_SCHEMA, public, extensions, pg_temp
as $$
begin
  delete from :HOST_SCHEMA.flex_crew_assignments
  where flex_crew_assignments.ctid = any (remove_assignments.places);
  -- What the host deferred to the commit is said now, where it can be caught.
  set constraints all immediate;
end
$$;
comment on function flex_sync.remove_assignments(tid[]) is 'Deletes rows of the host; its triggers find names as they do when the application writes.';
