-- note_changed_assignments()  (statement trigger on job_assignments, only after enable_auto_sync)
--
-- The crew of some jobs changed: ask for a sync of their crew calls, once per statement and element.
--
-- Reads        crew_calls
-- Writes       due_elements; NOTIFY flex_sync_work
create or replace function flex_sync.note_changed_assignments()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  insert into due_elements (flex_element_id, reason, wants_reading, requests_sync, noted_at)
  select distinct crew_calls.flex_element_id, 'the crew changed', false, true, clock()
  from changed_rows
  join crew_calls on crew_calls.job_id::text = changed_rows.job_id::text
  where is_flex_id(crew_calls.flex_element_id);
  if found then
    perform pg_notify('flex_sync_work', '');
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_assignments() is 'Asks for a sync of the crew calls whose crew changed.';
