-- record_remove(operation_id, token, http_status)
--
-- Flex took a line away: the operation is done, the line is gone, no row of the host names it.
--
-- Parameters   operation_id, token   from claim_operations
--              http_status           as answered
-- Returns      recorded | fenced
-- Writes       outbox, lines, ledger, calls, the host's flex_crew_assignments, syncs
create or replace function flex_sync.record_remove(operation_id bigint, token uuid, http_status int default 200)
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
  v_operation outbox := operation_in_flight(record_remove.operation_id, record_remove.token);
begin
  if v_operation.id is null then
    return 'fenced';
  end if;
  update outbox
  set state = 'done', finished_at = v_now, http_status = record_remove.http_status, error = null
  where outbox.id = v_operation.id;
  perform close_call(v_operation.call_number, 'done', record_remove.http_status, null);
  update lines
  set present = false, removed_at = v_now
  where lines.flex_element_id = v_operation.flex_element_id
    and lines.flex_line_item_id = v_operation.flex_line_item_id;
  perform forget_line(v_operation.flex_element_id, v_operation.flex_line_item_id);
  perform note_success(v_operation.flex_element_id);
  perform finish_sync(v_operation.sync_id);
  return 'recorded';
end
$$;
comment on function flex_sync.record_remove(bigint, uuid, int) is 'Flex took a line away: the operation is done and no row of the host names the line.';
