-- pause(reason)
--
-- Stop all Flex calls, of all drainers, until resume(). What is in flight ends; requests are taken and wait.
--
-- Parameters   reason   for whoever wonders
-- Writes       tenant, operator_log
create or replace function flex_sync.pause(reason text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  update tenant set paused_at = coalesce(tenant.paused_at, clock()), paused_reason = pause.reason;
  perform log_operator('pause', jsonb_build_object('reason', pause.reason));
end
$$;
comment on function flex_sync.pause(text) is 'Stops all Flex calls, of all drainers, until resume().';
