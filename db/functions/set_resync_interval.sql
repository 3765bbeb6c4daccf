-- set_resync_interval(crew_call_id, resync_interval)
--
-- After how long one crew call is read again though nobody asks; null returns to settings.resync_interval. To leave one out
-- where the setting is on, give it ten years.
--
-- Parameters   crew_call_id      flex_crew_calls.id
--              resync_interval   a minute to ten years, or null
-- Errors       NOCAL   no crew call has this id
--              NOINT   no such interval
-- Writes       crew_call_settings, operator_log, what note_changed_interval writes; nothing where it is so already
create or replace function flex_sync.set_resync_interval(crew_call_id uuid, resync_interval interval)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_was interval;
begin
  perform crew_call_or_raise(set_resync_interval.crew_call_id);
  perform from crew_calls where crew_calls.id = set_resync_interval.crew_call_id;
  if not found then
    raise exception 'crew call % is gone', set_resync_interval.crew_call_id
      using errcode = 'NOCAL', hint = 'What is left on its element is cleaned up without background readings.';
  end if;
  if not set_resync_interval.resync_interval between interval '1 min' and interval '10 years' then
    raise exception 'a crew call cannot be read every %', set_resync_interval.resync_interval
      using errcode = 'NOINT', hint = 'From 1 minute to 10 years; null returns to flex_sync.settings.resync_interval.';
  end if;
  select crew_call_settings.resync_interval into v_was
  from crew_call_settings
  where crew_call_settings.crew_call_id = set_resync_interval.crew_call_id
  for update;
  if v_was is not distinct from set_resync_interval.resync_interval then
    return;
  end if;
  insert into crew_call_settings (crew_call_id, resync_interval)
  values (set_resync_interval.crew_call_id, set_resync_interval.resync_interval)
  on conflict on constraint crew_call_settings_pkey do update
  set resync_interval = excluded.resync_interval;
  perform log_operator('set_resync_interval', jsonb_build_object(
    'crew_call_id', set_resync_interval.crew_call_id, 'was', v_was, 'is', set_resync_interval.resync_interval
  ));
end
$$;
comment on function flex_sync.set_resync_interval(uuid, interval) is
  'After how long one crew call is read again though nobody asks; null returns to the setting.';
