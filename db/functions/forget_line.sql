-- forget_line(flex_element_id, flex_line_item_id)
--
-- A line is gone from Flex: no row of the host names it any more.
--
-- Parameters   flex_element_id, flex_line_item_id   normalised
-- Reads        crew_calls, ledger
-- Writes       the host's flex_crew_assignments, ledger, missing_lines, removal_decisions, crew_call_blocks, due_elements
create or replace function flex_sync.forget_line(flex_element_id text, flex_line_item_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set lock_timeout = '500ms'
as $$
declare
  v_error text;
  v_calls uuid[];
  v_rows record;
begin
  update ledger
  set gone_at = coalesce(ledger.gone_at, clock())
  where ledger.flex_line_item_id = forget_line.flex_line_item_id;
  delete from missing_lines where missing_lines.flex_line_item_id = forget_line.flex_line_item_id;
  delete from removal_decisions where removal_decisions.flex_line_item_id = forget_line.flex_line_item_id;

  -- The crew call that the line was made for may point elsewhere by now; its row must not name it either.
  select array_agg(crew_calls.id) into v_calls
  from crew_calls
  where crew_calls.flex_element_id = forget_line.flex_element_id
    or crew_calls.id = (select ledger.crew_call_id from ledger where ledger.flex_line_item_id = forget_line.flex_line_item_id);
  begin
    select array_agg(flex_crew_assignments.crew_call_id) as crew_call_ids, array_agg(flex_crew_assignments.technician_id) as technician_ids,
      array_agg(flex_crew_assignments.flex_line_item_id::text) as lines
    into v_rows
    from :HOST_SCHEMA.flex_crew_assignments
    where flex_crew_assignments.crew_call_id = any (v_calls)
      and lower(btrim(flex_crew_assignments.flex_line_item_id::text, E' \t\r\n')) = forget_line.flex_line_item_id;
    if v_rows.lines is not null then
      perform remove_assignments(v_rows.crew_call_ids, v_rows.technician_ids, v_rows.lines);
    end if;
    perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));
  exception
    when lock_not_available or deadlock_detected then
      perform note_element(forget_line.flex_element_id, 'a row of flex_crew_assignments was locked', true);
    when others then
      get stacked diagnostics v_error = message_text;
      insert into crew_call_blocks (crew_call_id, reason, error, since)
      select call.id, 'host_table', format('line %s: %s', forget_line.flex_line_item_id, v_error), clock()
      from unnest(v_calls) as call (id)
      on conflict on constraint crew_call_blocks_pkey do update
      set reason = excluded.reason, error = excluded.error;
      -- Its next look, in an hour, is queued by whoever has the element's lock.
      perform note_element(forget_line.flex_element_id, 'flex_crew_assignments refused a row', false);
  end;
end
$$;
comment on function flex_sync.forget_line(text, text) is 'A line is gone from Flex: no row of the host names it any more.';
