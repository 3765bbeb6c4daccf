-- retry(operation_id)
--
-- Send again what was refused: the failed operation becomes history, and a reading begun after now plans it anew.
-- Of an unknown operation only a reading is asked for; nothing is ever sent blindly. Said twice it is said once.
--
-- Parameters   operation_id   outbox.id
-- Returns      text, what happens now
-- Errors       NOOPE   no operation has this id
--              NORET   the operation is in a state that cannot be retried
-- Writes       outbox, due_elements, operator_log
create or replace function flex_sync.retry(operation_id bigint)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_operation outbox;
begin
  select outbox.* into v_operation from outbox where outbox.id = retry.operation_id for update;
  if not found then
    raise exception 'no operation has the id %', coalesce(retry.operation_id::text, 'null')
      using errcode = 'NOOPE', hint = 'select operation_id from flex_sync.crew_status where operation_id is not null;';
  end if;
  if v_operation.state not in ('failed', 'unknown') then
    raise exception 'operation % is %, only failed and unknown ones can be retried', v_operation.id, v_operation.state
      using errcode = 'NORET', hint = case v_operation.state
        when 'held' then 'A held removal waits for approve_removals or reject_removals.'
        when 'done' then 'It is done; sync_crew_call plans what is still to do.'
        when 'cancelled' then 'It is no longer wanted; sync_crew_call plans what is still to do.'
        else 'It goes on by itself.'
      end;
  end if;
  if v_operation.superseded_at is not null then
    return 'is history already: a retry or a later plan took its place';
  end if;
  perform log_operator('retry', jsonb_build_object(
    'operation_id', v_operation.id, 'crew_call_id', v_operation.crew_call_id, 'technician_id', v_operation.technician_id,
    'kind', v_operation.kind, 'was', concat_ws(' ', v_operation.state, v_operation.reason)
  ));
  perform note_element(v_operation.flex_element_id, 'an operator retries', true);
  if v_operation.state = 'unknown' then
    return 'reads Flex now; nothing is sent before a reading says that it did not land';
  end if;
  update outbox set superseded_at = clock() where outbox.id = v_operation.id;
  return 'reads Flex now, then tries once more what is still wanted';
end
$$;
comment on function flex_sync.retry(bigint) is 'Sends again what was refused; of an unknown operation only a reading is asked for.';
