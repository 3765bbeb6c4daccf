-- note_changed_interval()  (trigger on settings and crew_call_settings)
--
-- Another resync_interval: the next readings of the elements it concerns are queued, timed anew, or cancelled where it is
-- off now.
--
-- Reads        crew_calls, elements
-- Writes       what note_elements writes
create or replace function flex_sync.note_changed_interval()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  if to_jsonb(old) ->> 'resync_interval' is not distinct from to_jsonb(new) ->> 'resync_interval' then
    return null;
  end if;
  if tg_relid = 'settings'::regclass then
    perform note_elements(array_agg(elements.flex_element_id), 'resync_interval changed', false, false)
    from elements
    where elements.reading_at is not null;
  else
    perform note_elements(array_agg(crew_calls.flex_element_id), 'resync_interval changed', false, false)
    from crew_calls
    where crew_calls.id in ((to_jsonb(old) ->> 'crew_call_id')::uuid, (to_jsonb(new) ->> 'crew_call_id')::uuid);
  end if;
  return null;
end
$$;
comment on function flex_sync.note_changed_interval() is 'Notes the elements whose background reading has to be timed anew.';
