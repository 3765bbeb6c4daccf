-- claim_call(drainer, kind, deadline, operation_id)
--
-- Count one further call that an operation in flight needs: whether its element exists, whether the token works.
--
-- Parameters   drainer        who makes it
--              kind           identity | user
--              deadline       after how long it gives up waiting for an answer
--              operation_id   outbox.id
-- Returns      the call's number, or null when the budget has none left: then ask again later
-- Errors       ISOLA   the transaction is not read committed
-- Locks        budget
-- Writes       calls
create or replace function flex_sync.claim_call(drainer text, kind text, deadline interval, operation_id bigint)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_operation outbox;
begin
  perform read_committed_only();
  perform set_config('synchronous_commit', 'on', true);
  perform lock_budget();
  perform from calls_left() where calls_left.left_now > 0;
  if not found then
    return null;
  end if;
  select outbox.* into v_operation from outbox where outbox.id = claim_call.operation_id;
  return count_call(claim_call.kind, claim_call.drainer, clock() + claim_call.deadline, v_operation);
end
$$;
comment on function flex_sync.claim_call(text, text, interval, bigint) is 'Counts one further call that an operation in flight needs; null when the budget has none left.';
