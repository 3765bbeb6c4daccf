-- pause(reason)
--
-- Stop all Flex calls, of all drainers, until resume(). What is in flight ends; requests are taken and wait.
--
-- Parameters   reason   for whoever wonders
-- Errors       NOWHY   no reason was given
-- Writes       tenant, operator_log; nothing where it is paused for this reason already
create or replace function flex_sync.pause(reason text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_was tenant;
begin
  if nullif(btrim(printable(pause.reason)), '') is null then
    raise exception 'a pause needs a reason'
      using errcode = 'NOWHY', hint = 'select flex_sync.pause(''why''); whoever wonders tomorrow reads it.';
  end if;
  select tenant.* into v_was from tenant for update;
  if v_was.paused_at is not null and v_was.paused_reason is not distinct from pause.reason then
    return;
  end if;
  update tenant set paused_at = coalesce(tenant.paused_at, clock()), paused_reason = pause.reason;
  perform log_operator('pause', jsonb_build_object('reason', pause.reason, 'was', v_was.paused_reason));
end
$$;
comment on function flex_sync.pause(text) is 'Stops all Flex calls, of all drainers, until resume().';
