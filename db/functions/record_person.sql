-- record_person(crew_call_id, technician_id, flex_element_id, flex_line_item_id)
--
-- Write into the host's table that a person is on a crew call with this line: an upsert, and only while the crew call
-- still points at the element. What the host's table refuses (foreign key, constraint, trigger) blocks the crew call
-- and nothing else; a row that somebody holds is tried again with the next reading.
--
-- Parameters   crew_call_id, technician_id   who
--              flex_element_id               normalised
--              flex_line_item_id             the line they are on
-- Returns      whether the row says so now
-- Reads        crew_calls
-- Writes       the host's flex_crew_assignments, crew_call_blocks, due_elements, decisions
create or replace function flex_sync.record_person(crew_call_id uuid, technician_id uuid, flex_element_id text, flex_line_item_id text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set lock_timeout = '500ms'
as $$
#variable_conflict use_column
declare
  v_error text;
begin
  perform from crew_calls
  where crew_calls.id = record_person.crew_call_id
    and crew_calls.flex_element_id = record_person.flex_element_id;
  if not found then
    return false;
  end if;

  begin
    perform write_assignment(record_person.crew_call_id, record_person.technician_id, record_person.flex_line_item_id);
    perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));
    return true;
  exception
    when lock_not_available or deadlock_detected then
      perform note_element(record_person.flex_element_id, 'a row of flex_crew_assignments was locked', true);
      return false;
    when others then
      get stacked diagnostics v_error = message_text;
      insert into crew_call_blocks (crew_call_id, reason, error, since)
      values (record_person.crew_call_id, 'host_table', format('person %s: %s', record_person.technician_id, v_error), clock())
      on conflict on constraint crew_call_blocks_pkey do update
      set reason = excluded.reason, error = excluded.error;
      -- Its next look, in an hour, is queued by whoever has the element's lock.
      perform note_element(record_person.flex_element_id, 'flex_crew_assignments refused a row', false);
      perform note_block(record_person.flex_element_id, record_person.crew_call_id, record_person.technician_id, 'host_table', v_error);
      return false;
  end;
end
$$;
comment on function flex_sync.record_person(uuid, uuid, text, text) is 'Upserts who is on a crew call with which line; what the host''s table refuses blocks the crew call and nothing else.';
