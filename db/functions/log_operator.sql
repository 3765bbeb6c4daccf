-- log_operator(action, arguments)
--
-- Leave a trace of who did what, with what and what it changed.
--
-- Parameters   action      the function's name
--              arguments   what it was called with, and under "was" and "is" what it changed
-- Writes       operator_log
create or replace function flex_sync.log_operator(action text, arguments jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  insert into operator_log (at, who, action, arguments)
  values (clock(), who_acts(), log_operator.action, log_operator.arguments);
end
$$;
comment on function flex_sync.log_operator(text, jsonb) is 'Leaves a trace of who did what, with what, and what it changed.';
