-- note_changed_profiles()  (statement trigger on profiles, only after enable_auto_sync)
--
-- Somebody's Flex resource changed: ask for a sync of the crew calls of their jobs.
--
-- Reads        crew_calls, the host's job_assignments
-- Writes       due_elements; NOTIFY flex_sync_work
create or replace function flex_sync.note_changed_profiles()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  insert into due_elements (flex_element_id, reason, wants_reading, requests_sync, noted_at)
  select distinct crew_calls.flex_element_id, 'a resource changed', false, true, clock()
  from changed_rows
  join former_rows on former_rows.id = changed_rows.id
  join :HOST_SCHEMA.job_assignments on job_assignments.technician_id = changed_rows.id
  join crew_calls on crew_calls.job_id = job_assignments.job_id
  where changed_rows.flex_resource_id::text is distinct from former_rows.flex_resource_id::text
    and is_flex_id(crew_calls.flex_element_id);
  if found then
    perform pg_notify('flex_sync_work', '');
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_profiles() is 'Asks for a sync of the crew calls of people whose resource changed.';
