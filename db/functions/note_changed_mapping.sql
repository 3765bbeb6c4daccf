-- note_changed_mapping()  (statement trigger on flex_crew_calls, only after enable_auto_sync)
--
-- Crew calls were made or changed: ask for a sync of the elements they point at now.
--
-- Writes       due_elements; NOTIFY flex_sync_work
create or replace function flex_sync.note_changed_mapping()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  insert into due_elements (flex_element_id, reason, wants_reading, requests_sync, noted_at)
  select distinct flex_id(changed_rows.flex_element_id::text), 'a crew call was mapped', false, true, clock()
  from changed_rows
  where is_flex_id(changed_rows.flex_element_id::text);
  if found then
    perform pg_notify('flex_sync_work', '');
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_mapping() is 'Asks for a sync of crew calls that were made or changed.';
