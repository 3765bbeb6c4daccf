-- note_deleted_job()  (trigger on jobs)
--
-- A job was deleted: its elements must be looked at, also where the host keeps the crew calls of deleted jobs.
--
-- Reads        crew_calls, elements
-- Writes       due_elements
create or replace function flex_sync.note_deleted_job()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  perform note_element(gone.flex_element_id, 'a job was deleted', true)
  from (
    select elements.flex_element_id from elements where elements.job_id::text = old.id::text
    union
    select crew_calls.flex_element_id from crew_calls where crew_calls.job_id::text = old.id::text
  ) as gone;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_deleted_job() is 'Notes the elements of a deleted job.';
