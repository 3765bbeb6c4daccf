-- resume()
--
-- Go on after pause().
--
-- Writes       tenant, operator_log; NOTIFY flex_sync_work
create or replace function flex_sync.resume()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  update tenant set paused_at = null, paused_reason = null;
  perform log_operator('resume', '{}');
  perform pg_notify('flex_sync_work', '');
end
$$;
comment on function flex_sync.resume() is 'Goes on after pause().';
