-- operation_in_flight(operation_id, token)
--
-- Fencing: the operation, locked, if it is still held by the claim with this token. After a takeover it is not.
--
-- Parameters   operation_id, token   from claim_operations
-- Returns      the outbox row; all null when somebody else holds it or it is over
create or replace function flex_sync.operation_in_flight(operation_id bigint, token uuid)
returns flex_sync.outbox
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_operation outbox;
begin
  select outbox.* into v_operation
  from outbox
  where outbox.id = operation_in_flight.operation_id
    and outbox.token = operation_in_flight.token
    and outbox.state = 'sending'
  for update;
  return v_operation;
end
$$;
comment on function flex_sync.operation_in_flight(bigint, uuid) is 'The operation, locked, if it is still held by the claim with this token.';
