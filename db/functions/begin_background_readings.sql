-- begin_background_readings()
--
-- See that the readings of resync_interval are spread, and that they leave calls for what somebody asks for. At most 250
-- elements at a time.
--
-- A reading that is late by more than a tenth of its interval (after an outage, or when the interval was just set) goes to a
-- time picked at random within the interval to come. While there is no room for them, what falls due within ten minutes is
-- put off, by ten minutes and up to another hour. Every ten minutes, before trim_history, elements with an interval that
-- have no reading queued get one: such as those that a crew call was pointed at again.
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
    select reading.flex_element_id, case
        when lateness.is_late then v_now + random() * lateness.length
        else v_now + interval '10 min' + random() * least(lateness.length, interval '1 hour')
      end as put_off_to
    from outbox as reading
    cross join lateral (
      select every.length, coalesce(reading.due_at < v_now - greatest(every.length / 10, interval '1 min'), false) as is_late
      from (
        select least(min(coalesce(crew_call_settings.resync_interval, settings.resync_interval)), interval '10 years') as length
        from settings
        cross join crew_calls
        left join crew_call_settings on crew_call_settings.crew_call_id = crew_calls.id
        where crew_calls.flex_element_id = reading.flex_element_id
      ) as every
    ) as lateness
    where reading.state = 'pending'
      and reading.after_operation_id is null
      and reading.priority = 1
      and reading.kind = 'observe'
      and reading.reason = 'background'
      and reading.due_at < case when v_room then v_now - interval '1 min' else v_now + interval '10 min' end
      and (lateness.is_late or not v_room)
    order by reading.due_at
    limit 250
  loop
    continue when not pg_try_advisory_xact_lock(hashtextextended('flex_sync element ' || v_element.flex_element_id, 0));
    -- A time and not the reading's own row: the element may wait for something else as well.
    update elements
    set background_at = v_element.put_off_to
    where elements.flex_element_id = v_element.flex_element_id;
    perform queue_reading(v_element.flex_element_id);
    v_number := v_number + 1;
  end loop;

  if exists (select from tenant where tenant.trimmed_at is null or tenant.trimmed_at < v_now - interval '10 min') then
    for v_element in
      select distinct crew_calls.flex_element_id
      from settings
      cross join crew_calls
      join elements on elements.flex_element_id = crew_calls.flex_element_id and elements.reading_at is not null
      left join crew_call_settings on crew_call_settings.crew_call_id = crew_calls.id
      where coalesce(crew_call_settings.resync_interval, settings.resync_interval) is not null
        and not exists (
          select from outbox
          where outbox.flex_element_id = crew_calls.flex_element_id and outbox.kind = 'observe' and outbox.state in ('pending', 'sending')
        )
      limit 250
    loop
      continue when not pg_try_advisory_xact_lock(hashtextextended('flex_sync element ' || v_element.flex_element_id, 0));
      perform queue_reading(v_element.flex_element_id);
      v_number := v_number + 1;
    end loop;
  end if;
  return v_number;
end
$$;
comment on function flex_sync.begin_background_readings() is 'Spreads the readings of resync_interval, and puts them off while calls are needed for what is asked for.';
