-- elements_with_old_readings()
--
-- The elements where writes wait whose reading became too old to send them on, and where no reading comes that may.
--
-- Returns      flex_element_id, one for each such write
-- Reads        outbox, settings, elements, element_health
create or replace function flex_sync.elements_with_old_readings()
returns setof text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
-- Usually there are none: found by the time of their reading, however many wait and whatever the statistics say.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now constant timestamptz := clock();
  v_settings settings;
  v_too_old timestamptz;
begin
  select settings.* into v_settings from settings;
  v_too_old := greatest(v_now - v_settings.max_reading_age, server_started_at());
  return query
  select outbox.flex_element_id
  from outbox
  left join elements on elements.flex_element_id = outbox.flex_element_id
  left join element_health on element_health.flex_element_id = outbox.flex_element_id
  where outbox.state = 'pending'
    and outbox.kind <> 'observe'
    and outbox.after_operation_id is null
    and outbox.due_at <= v_now
    and outbox.reading_at <= v_too_old
    and elements.blocked_reason is null
    -- No reading comes sooner than that: to look again would change nothing.
    and (element_health.backoff_until is null or element_health.backoff_until <= v_now)
    and not (outbox.limited and removals_within_the_hour() >= v_settings.removal_limit)
    -- A reading that waits for later, such as a background one, comes now; one for this very reason may be backing off.
    and not exists (
      select from outbox as reading
      where reading.flex_element_id = outbox.flex_element_id
        and reading.kind = 'observe'
        and (
          reading.state = 'sending'
          or reading.state = 'pending' and (reading.due_at <= v_now or reading.reason = 'reading_too_old')
        )
    );
end
$$;
comment on function flex_sync.elements_with_old_readings() is 'The elements where writes wait whose reading became too old to send them on.';
