-- begin_background_readings()
--
-- See that each element with a resync_interval has its next reading queued, that they are spread, and that they leave calls
-- for what somebody asked for. At most 250 elements at a time.
--
-- A reading that is late by more than a tenth of its interval (after an outage, or when the interval was just set) goes to a
-- time picked at random within the interval to come. While there is no room for them, what falls due within ten minutes is
-- put off, by ten minutes and up to another hour.
--
-- Returns      how many elements it timed
-- Locks        element (tried, never waited for)
-- Reads        settings, crew_call_settings, crew_calls, outbox, tenant, room_for_background
-- Writes       elements, outbox
create or replace function flex_sync.begin_background_readings()
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
  v_room boolean;
  v_element record;
  v_number int := 0;
begin
  if not exists (select from settings where settings.resync_interval is not null)
    and not exists (select from crew_call_settings where crew_call_settings.resync_interval is not null)
    or exists (select from tenant where tenant.paused_at is not null or tenant.breaker_opened_at is not null) then
    return 0;
  end if;
  v_room := room_for_background();
  for v_element in
    with
    intervals as (
      select crew_calls.flex_element_id, least(min(coalesce(crew_call_settings.resync_interval, settings.resync_interval)), interval '10 years') as length
      from settings
      cross join crew_calls
      left join crew_call_settings on crew_call_settings.crew_call_id = crew_calls.id
      where coalesce(crew_call_settings.resync_interval, settings.resync_interval) is not null
      group by crew_calls.flex_element_id
    ),
    timed as (
      select intervals.flex_element_id, intervals.length, reading.id is not null as queued,
        coalesce(reading.due_at, greatest(elements.reading_at + intervals.length, elements.background_at)) as due_at
      from intervals
      join elements on elements.flex_element_id = intervals.flex_element_id and elements.reading_at is not null
      left join outbox as reading on reading.flex_element_id = intervals.flex_element_id
        and reading.kind = 'observe'
        and reading.state in ('pending', 'sending')
      where reading.id is null
        or reading.state = 'pending' and reading.reason = 'background' and reading.due_at < v_now + interval '10 min'
    )
    select timed.flex_element_id,
      case
        when timed.due_at < v_now - greatest(timed.length / 10, interval '1 min') then v_now + random() * timed.length
        when not v_room and timed.due_at < v_now + interval '10 min' then v_now + interval '10 min' + random() * least(timed.length, interval '1 hour')
      end as put_off_to,
      timed.queued
    from timed
    where not timed.queued
      or not v_room
      or timed.due_at < v_now - greatest(timed.length / 10, interval '1 min')
    order by timed.due_at
    limit 250
  loop
    continue when not pg_try_advisory_xact_lock(hashtextextended('flex_sync element ' || v_element.flex_element_id, 0));
    update elements
    set background_at = v_element.put_off_to
    where elements.flex_element_id = v_element.flex_element_id
      and v_element.put_off_to is not null;
    perform queue_reading(v_element.flex_element_id);
    v_number := v_number + 1;
  end loop;
  return v_number;
end
$$;
comment on function flex_sync.begin_background_readings() is 'Queues the next reading of elements that have a resync_interval, spread, and while calls are left for what is asked for.';
