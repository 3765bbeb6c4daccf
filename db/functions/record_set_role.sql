-- record_set_role(operation_id, token, http_status)
--
-- Flex took a role write.
--
-- Parameters   operation_id, token   from claim_operations
--              http_status           as answered
-- Returns      recorded | fenced
-- Writes       outbox, lines, calls, syncs
create or replace function flex_sync.record_set_role(operation_id bigint, token uuid, http_status int default 200)
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
  v_operation outbox := operation_in_flight(record_set_role.operation_id, record_set_role.token);
begin
  if v_operation.id is null then
    return 'fenced';
  end if;
  update outbox
  set state = 'done', finished_at = v_now, http_status = record_set_role.http_status, error = null
  where outbox.id = v_operation.id;
  perform close_call(v_operation.call_number, 'done', record_set_role.http_status, null);
  perform write_role(v_operation.flex_element_id, v_operation.flex_line_item_id, v_operation.flex_role_id);
  perform note_success(v_operation.flex_element_id);
  perform finish_sync(v_operation.sync_id);
  return 'recorded';
end
$$;
comment on function flex_sync.record_set_role(bigint, uuid, int) is 'Flex took a role write.';
