-- record_done(done)
--
-- Flex did these writes: record them together, in one transaction and a few statements, however many they are. It is a
-- quicker way of record_add, record_set_role and record_remove for the usual case and decides nothing of its own: what
-- is out of the ordinary about one of them it leaves to these, and whatever it raises undoes all of it. A drainer sets a
-- short lock_timeout: what somebody holds is waited for where writes are recorded one by one.
--
-- Parameters   done   [{id, token, line, status}]: operation and token from claim_operations, the new line of an add,
--                     the HTTP status as answered
-- Returns      the operations that are recorded; each other one has to be recorded by its own function
-- Errors       what a row of the host's table refuses; then nothing is recorded
-- Reads        element_health, tenant, crew_calls
-- Writes       outbox, ledger, lines, calls, the host's flex_crew_assignments, syncs, due_elements
create or replace function flex_sync.record_done(done jsonb)
returns table (operation_id bigint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
-- Found by their ids, whatever the statistics say.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := clock();
  v_ids bigint[];
  -- In the order of the ids; no line where none was made.
  v_calls bigint[];
  v_lines text[];
  v_statuses int[];
  v_elements text[];
  v_syncs bigint[];
  v_adds boolean;
  v_roles boolean;
  v_removals boolean;
begin
  with
  told as materialized (
    select told.id, told.token, flex_id(told.line) as line, told.status
    from jsonb_to_recordset(record_done.done) as told (id bigint, token uuid, line text, status int)
  ),
  in_flight as materialized (
    select outbox.*, told.line, told.status, told.token as told_token
    from told
    join outbox on outbox.id = told.id
    order by outbox.id
    for update of outbox skip locked
  ),
  usual as (
    select in_flight.*
    from in_flight
    -- Asked here: the ids find the rows, and not an index of everything that was ever sent.
    where in_flight.state = 'sending'
      and in_flight.token = in_flight.told_token
      and (in_flight.kind in ('set_role', 'remove') or (
        in_flight.kind = 'add'
        and in_flight.line is not null
        and in_flight.attempts = 1
        and in_flight.persons <> '[]'
        -- One row each and its index: of "not exists" the planner may read every line there is into a hash table.
        and (select true from ledger where ledger.flex_line_item_id = in_flight.line limit 1) is null
        and (
          select true from lines
          where lines.flex_element_id = in_flight.flex_element_id and lines.flex_line_item_id = in_flight.line
          limit 1
        ) is null
        and (
          select bool_and((
            select true from crew_calls
            where crew_calls.id = person.crew_call_id and crew_calls.flex_element_id = in_flight.flex_element_id
            limit 1
          ) is not null)
          from jsonb_to_recordset(in_flight.persons) as person (crew_call_id uuid)
        )
      ))
  )
  select array_agg(usual.id order by usual.id), array_agg(usual.call_number order by usual.id),
    array_agg(case when usual.kind = 'add' then usual.line end order by usual.id), array_agg(usual.status order by usual.id),
    array_agg(distinct usual.flex_element_id), array_agg(distinct usual.sync_id),
    bool_or(usual.kind = 'add'), bool_or(usual.kind = 'set_role'), bool_or(usual.kind = 'remove')
  into v_ids, v_calls, v_lines, v_statuses, v_elements, v_syncs, v_adds, v_roles, v_removals
  from usual;
  if v_ids is null then
    return;
  end if;

  update outbox
  set
    state = 'done',
    finished_at = v_now,
    flex_line_item_id = coalesce(v_lines[array_position(v_ids, outbox.id)], outbox.flex_line_item_id),
    http_status = v_statuses[array_position(v_ids, outbox.id)],
    error = null
  where outbox.id = any (v_ids);
  update calls
  set
    answered_at = v_now,
    outcome = 'done',
    http_status = v_statuses[array_position(v_calls, calls.number)],
    error = null,
    flex_line_item_id = coalesce(v_lines[array_position(v_calls, calls.number)], calls.flex_line_item_id)
  where calls.number = any (v_calls)
    and calls.answered_at is null;

  if v_adds then
    insert into ledger (flex_line_item_id, flex_element_id, flex_resource_id, crew_call_id, technician_id, source, operation_id, entered_at)
    select outbox.flex_line_item_id, outbox.flex_element_id, outbox.flex_resource_id, outbox.crew_call_id, outbox.technician_id, 'added', outbox.id, v_now
    from outbox
    where outbox.id = any (v_ids)
      and outbox.kind = 'add'
    order by outbox.flex_line_item_id
    -- A reading may have seen it this moment: as in enter_ledger.
    on conflict on constraint ledger_pkey do update
    set
      gone_at = null,
      flex_element_id = coalesce(ledger.flex_element_id, excluded.flex_element_id),
      flex_resource_id = coalesce(ledger.flex_resource_id, excluded.flex_resource_id);
    insert into lines (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, present, added_at)
    select outbox.flex_element_id, outbox.flex_line_item_id, outbox.flex_resource_id, true, true, v_now
    from outbox
    where outbox.id = any (v_ids)
      and outbox.kind = 'add'
    order by outbox.flex_element_id, outbox.flex_line_item_id
    on conflict on constraint lines_pkey do update
    set present = true, added_at = excluded.added_at, flex_resource_id = excluded.flex_resource_id;
    perform write_assignments(
      array_agg(person.crew_call_id order by person.crew_call_id, person.technician_id),
      array_agg(person.technician_id order by person.crew_call_id, person.technician_id),
      array_agg(outbox.flex_line_item_id order by person.crew_call_id, person.technician_id)
    )
    from outbox
    cross join lateral jsonb_to_recordset(outbox.persons) as person (crew_call_id uuid, technician_id uuid)
    where outbox.id = any (v_ids)
      and outbox.kind = 'add';
    perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));

    -- What waited for the lines: their roles, and the lines they replace. A row that a planner holds is left to a reading.
    with
    waiting as materialized (
      select outbox.id, outbox.state
      from outbox
      where outbox.after_operation_id = any (v_ids)
      order by outbox.id
      for update skip locked
    )
    update outbox
    set
      after_operation_id = null,
      due_at = v_now,
      flex_line_item_id = case when outbox.kind = 'set_role' then added.flex_line_item_id else outbox.flex_line_item_id end
    from waiting, outbox as added
    where outbox.id = waiting.id
      and waiting.state = 'pending'
      and added.id = outbox.after_operation_id;
    perform note_element(locked.flex_element_id, 'what waited for an add was locked', true)
    from (
      select distinct waiting.flex_element_id
      from (select outbox.flex_element_id, outbox.state from outbox where outbox.after_operation_id = any (v_ids) offset 0) as waiting
      where waiting.state = 'pending'
    ) as locked;
    -- A reading made meanwhile showed such a line beside another one, and planned without knowing whose it is.
    perform note_element(beside.flex_element_id, 'an added line is not the only one of its resource', true)
    from (
      select distinct outbox.flex_element_id
      from outbox
      join lines on lines.flex_element_id = outbox.flex_element_id and lines.flex_resource_id = outbox.flex_resource_id
      where outbox.id = any (v_ids)
        and outbox.kind = 'add'
        and lines.flex_line_item_id <> outbox.flex_line_item_id
        and lines.present
    ) as beside;
  end if;
  if v_roles then
    perform write_role(outbox.flex_element_id, outbox.flex_line_item_id, outbox.flex_role_id)
    from outbox
    where outbox.id = any (v_ids)
      and outbox.kind = 'set_role'
    order by outbox.flex_element_id, outbox.flex_line_item_id;
  end if;
  if v_removals then
    update lines
    set present = false, removed_at = v_now
    from outbox
    where outbox.id = any (v_ids)
      and outbox.kind = 'remove'
      and lines.flex_element_id = outbox.flex_element_id
      and lines.flex_line_item_id = outbox.flex_line_item_id;
    perform forget_removed(v_ids);
  end if;

  if exists (select from tenant where tenant.failures > 0 or tenant.careful_successes is not null)
    or exists (select from element_health where element_health.flex_element_id = any (v_elements) and element_health.failures > 0)
  then
    perform note_success(outbox.flex_element_id) from outbox where outbox.id = any (v_ids) order by outbox.flex_element_id;
  end if;
  -- Everybody locks syncs last, and by id; and looks for what is open afterwards, as finish_sync does.
  perform from syncs
  where syncs.id = any (v_syncs)
    -- "is null", as finish_sync says it.
    and coalesce(syncs.finished_at, 'infinity') = 'infinity'
  order by syncs.id
  for update;
  perform finish_sync(ended.id)
  from (
    select sync.id
    from unnest(v_syncs) as sync (id)
    where (select true from outbox where outbox.sync_id = sync.id and outbox.state in ('pending', 'sending') limit 1) is null
    order by sync.id
  ) as ended;
  return query select recorded.id from unnest(v_ids) as recorded (id);
end
$$;
comment on function flex_sync.record_done(jsonb) is 'Records writes that Flex did together; what is out of the ordinary it leaves to the function of its kind.';
