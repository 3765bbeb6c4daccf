-- close_call(call_number, outcome, http_status, error)
--
-- Write down how a counted call ended.
--
-- Writes       calls
create or replace function flex_sync.close_call(call_number bigint, outcome text, http_status int, error text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  update calls
  set answered_at = clock(), outcome = close_call.outcome, http_status = close_call.http_status, error = left(close_call.error, 500)
  where calls.number = close_call.call_number
    and calls.answered_at is null;
end
$$;
comment on function flex_sync.close_call(bigint, text, int, text) is 'Writes down how a counted call ended.';
