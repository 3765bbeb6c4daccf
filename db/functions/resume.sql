-- resume()
--
-- Go on after pause().
--
-- Writes       tenant, operator_log; NOTIFY flex_sync_work; nothing where it is not paused
create or replace function flex_sync.resume()
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
  select tenant.* into v_was from tenant for update;
  if v_was.paused_at is null then
    return;
  end if;
  update tenant set paused_at = null, paused_reason = null;
  perform log_operator('resume', jsonb_build_object('paused_at', v_was.paused_at, 'was', v_was.paused_reason));
  perform pg_notify('flex_sync_work', '');
end
$$;
comment on function flex_sync.resume() is 'Goes on after pause().';
