-- note_changed_interval()  (trigger on settings and crew_call_settings)
--
-- Another resync_interval: the readings that wait for the old one are timed anew, or cancelled where it is off now. What
-- has none waiting is found by begin_background_readings.
--
-- Reads        crew_calls, outbox
-- Writes       what note_elements writes
create or replace function flex_sync.note_changed_interval()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and old.resync_interval is not distinct from new.resync_interval then
    return null;
  end if;
  perform note_elements(array_agg(outbox.flex_element_id), 'resync_interval changed', false, false)
  from outbox
  where outbox.kind = 'observe'
    and outbox.state = 'pending'
    and outbox.reason = 'background'
    and (tg_relid = 'settings'::regclass or exists (
      select from crew_calls
      where crew_calls.flex_element_id = outbox.flex_element_id
        and crew_calls.id in ((to_jsonb(old) ->> 'crew_call_id')::uuid, (to_jsonb(new) ->> 'crew_call_id')::uuid)
    ));
  return null;
end
$$;
comment on function flex_sync.note_changed_interval() is 'Notes the elements whose background reading has to be timed anew.';
