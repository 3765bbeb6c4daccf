-- log_operator(action, arguments)
--
-- Leave a trace of who did what: the session's user, with the subject of the request's token where there is one.
--
-- Writes       operator_log
create or replace function flex_sync.log_operator(action text, arguments jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_subject text;
begin
  begin
    v_subject := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub';
  exception
    when others then
      v_subject := null;
  end;
  insert into operator_log (at, who, action, arguments)
  values (clock(), concat_ws(' ', session_user::text, v_subject), log_operator.action, log_operator.arguments);
end
$$;
comment on function flex_sync.log_operator(text, jsonb) is 'Leaves a trace of who did what.';
