-- begin_background_readings()
--
-- Queue the next reading of elements that have a resync_interval and none queued: at most 50 at a time, spread by when
-- each was last read.
--
-- Returns      how many
-- Locks        element (tried, never waited for)
-- Reads        settings, crew_call_settings, crew_calls, elements
-- Writes       outbox
create or replace function flex_sync.begin_background_readings()
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_element record;
  v_number int := 0;
begin
  if not exists (select from settings where settings.resync_interval is not null)
    and not exists (select from crew_call_settings where crew_call_settings.resync_interval is not null) then
    return 0;
  end if;
  for v_element in
    select distinct elements.flex_element_id, elements.reading_at
    from settings
    cross join elements
    join crew_calls on crew_calls.flex_element_id = elements.flex_element_id
    left join crew_call_settings on crew_call_settings.crew_call_id = crew_calls.id
    where elements.reading_at + coalesce(crew_call_settings.resync_interval, settings.resync_interval) <= clock()
      and not exists (
        select from outbox
        where outbox.flex_element_id = elements.flex_element_id and outbox.kind = 'observe' and outbox.state in ('pending', 'sending')
      )
    order by elements.reading_at
    limit 50
  loop
    continue when not pg_try_advisory_xact_lock(hashtextextended('flex_sync element ' || v_element.flex_element_id, 0));
    perform queue_reading(v_element.flex_element_id);
    v_number := v_number + 1;
  end loop;
  return v_number;
end
$$;
comment on function flex_sync.begin_background_readings() is 'Queues the next reading of elements that have a resync_interval.';
