-- tick()
--
-- What time and other people's notes ask for: take over expired claims, follow up notes on elements, read again where
-- writes wait on a reading that became too old, begin background readings, trim history. Cheap when there is nothing.
-- Never waits for a planner: an element whose lock is taken keeps its note.
--
-- Returns      how many things it did
-- Errors       ISOLA   the transaction is not read committed
-- Locks        element (tried, never waited for)
-- Reads        elements_with_old_readings
-- Writes       outbox, calls, elements, due_elements, syncs
create or replace function flex_sync.tick()
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_now constant timestamptz := clock();
  v_done int := 0;
  v_note record;
begin
  perform read_committed_only();
  v_done := take_over_expired();

  for v_note in
    select noted.flex_element_id, bool_or(noted.wants_reading) as wants_reading, bool_or(noted.requests_sync) as requests_sync,
      array_agg(noted.id) as ids
    from (
      select due_elements.flex_element_id, due_elements.wants_reading, due_elements.requests_sync, due_elements.id
      from due_elements
      union all
      select old.flex_element_id, false, false, null
      from elements_with_old_readings() as old (flex_element_id)
    ) as noted
    group by noted.flex_element_id
    order by noted.flex_element_id
    limit 200
  loop
    continue when not pg_try_advisory_xact_lock(hashtextextended('flex_sync element ' || v_note.flex_element_id, 0));
    perform know_element(v_note.flex_element_id);
    if v_note.wants_reading then
      -- Counted from now: the transaction that noted it may have ended long after it wrote the note.
      update elements
      set reading_wanted_at = v_now
      where elements.flex_element_id = v_note.flex_element_id;
    end if;
    if v_note.requests_sync then
      perform request_unasked(v_note.flex_element_id);
    end if;
    -- A request may have cancelled all that an active sync had left.
    perform finish_answered_syncs(v_note.flex_element_id, v_now);
    perform queue_reading(v_note.flex_element_id);
    delete from due_elements where due_elements.id = any (v_note.ids);
    v_done := v_done + 1;
  end loop;

  return v_done + begin_background_readings() + trim_history();
end
$$;
comment on function flex_sync.tick() is 'Does what time and notes ask for: takes over expired claims, queues readings, trims history.';
