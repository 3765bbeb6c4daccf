-- record_add(operation_id, token, flex_line_item_id, also_added, http_status)
--
-- Flex answered an add with the id of the new line: in one transaction the operation is done, the line enters the
-- ledger, everyone desired with the resource is recorded with it, and what waited for it may go.
-- A drainer whose claim was taken over changes none of that, but the line it reports enters the ledger all the same.
--
-- Parameters   operation_id, token   from claim_operations
--              flex_line_item_id     the new line
--              also_added            further lines that Flex made of its own accord
--              http_status           as answered
-- Returns      recorded | unknown (the line was there before the send) | fenced
-- Reads        calls, lines
-- Writes       outbox, ledger, lines, calls, the host's flex_crew_assignments, syncs, due_elements
create or replace function flex_sync.record_add(
  operation_id bigint,
  token uuid,
  flex_line_item_id text,
  also_added text[] default '{}',
  http_status int default 200
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now constant timestamptz := clock();
  v_line constant text := flex_id(record_add.flex_line_item_id);
  v_operation outbox := operation_in_flight(record_add.operation_id, record_add.token);
  v_claimed outbox;
  v_person record;
  v_recorded boolean := false;
begin
  if v_operation.id is null then
    select outbox.* into v_claimed from outbox where outbox.id = record_add.operation_id;
    if v_claimed.id is not null and v_line is not null then
      perform enter_ledger(v_line, v_claimed.flex_element_id, v_claimed.flex_resource_id, v_claimed.crew_call_id, v_claimed.technician_id, 'added', v_claimed.id);
      perform note_element(v_claimed.flex_element_id, 'a drainer reported a line after its claim was taken over', true);
    end if;
    return 'fenced';
  end if;

  perform from lines
  join calls on calls.number = v_operation.call_number
  where lines.flex_element_id = v_operation.flex_element_id
    and lines.flex_line_item_id = v_line
    and lines.first_seen_at <= calls.reading_at;
  if found or v_line is null then
    perform record_failure(record_add.operation_id, record_add.token, 'unknown', record_add.http_status,
      format('the answer names line %s, which was there before the add', coalesce(v_line, 'null')));
    return 'unknown';
  end if;

  update outbox
  set state = 'done', finished_at = v_now, flex_line_item_id = v_line, http_status = record_add.http_status, error = null
  where outbox.id = v_operation.id;
  -- A reading made while the add was under way may have accounted its line to an earlier attempt: that one may still land.
  update calls
  set flex_line_item_id = null, late_checked_at = null
  where calls.operation_id = v_operation.id
    and calls.number <> v_operation.call_number
    and calls.flex_line_item_id = v_line;
  if found then
    perform note_element(v_operation.flex_element_id, 'an earlier attempt may still land', false);
  end if;
  update calls set flex_line_item_id = v_line where calls.number = v_operation.call_number;
  perform close_call(v_operation.call_number, 'done', record_add.http_status, null);

  perform enter_ledger(v_line, v_operation.flex_element_id, v_operation.flex_resource_id, v_operation.crew_call_id, v_operation.technician_id, 'added', v_operation.id);
  perform enter_ledger(flex_id(further.line), v_operation.flex_element_id, null, v_operation.crew_call_id, null, 'added', v_operation.id)
  from unnest(record_add.also_added) as further (line)
  where flex_id(further.line) is not null and flex_id(further.line) <> v_line;
  insert into lines (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, present, added_at)
  values (v_operation.flex_element_id, v_line, v_operation.flex_resource_id, true, true, v_now)
  on conflict on constraint lines_pkey do update
  set present = true, added_at = excluded.added_at, flex_resource_id = excluded.flex_resource_id;

  for v_person in
    select person.crew_call_id, person.technician_id
    from jsonb_to_recordset(v_operation.persons) as person (crew_call_id uuid, technician_id uuid)
    order by person.crew_call_id, person.technician_id
  loop
    v_recorded := record_person(v_person.crew_call_id, v_person.technician_id, v_operation.flex_element_id, v_line) or v_recorded;
  end loop;
  if not v_recorded then
    -- The crew call went elsewhere while the add was under way: the new line must not stay behind.
    perform note_element(v_operation.flex_element_id, 'a line was added for nobody', true);
  end if;

  -- What waited for the line: its role, and the line it replaces. A row that a planner holds is left to a reading.
  update outbox
  set
    after_operation_id = null,
    due_at = v_now,
    flex_line_item_id = case when outbox.kind = 'set_role' then v_line else outbox.flex_line_item_id end
  where outbox.id in (select waiting.id from waiting_for(v_operation.id) as waiting);
  if exists (select from outbox where outbox.after_operation_id = v_operation.id and outbox.state = 'pending') then
    perform note_element(v_operation.flex_element_id, 'what waited for an add was locked', true);
  end if;

  -- A reading made while the add was under way showed this line beside another one, and planned without knowing whose it is.
  if exists (
    select from lines
    where lines.flex_element_id = v_operation.flex_element_id
      and lines.flex_resource_id = v_operation.flex_resource_id
      and lines.flex_line_item_id <> v_line
      and lines.present
  ) then
    perform note_element(v_operation.flex_element_id, 'an added line is not the only one of its resource', true);
  end if;

  perform note_success(v_operation.flex_element_id);
  perform finish_sync(v_operation.sync_id);
  return 'recorded';
end
$$;
comment on function flex_sync.record_add(bigint, uuid, text, text[], int) is
  'Flex answered an add with the new line: operation, ledger and the host''s rows say so in one transaction.';
