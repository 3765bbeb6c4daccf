-- next_work_at()
--
-- When a drainer has to look again although nothing notifies it: an operation falls due, a lease runs out, a probe may be
-- made, a call frees, a background reading begins.
--
-- Returns      timestamptz on the clock of clock(), null when nothing is waiting for time to pass
-- Reads        outbox, elements, element_health, tenant, calls_left, two_calls_free_at, settings, crew_call_settings
create or replace function flex_sync.next_work_at()
returns timestamptz
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
-- The queue is walked in the order of its index, as in claim_operations.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  v_now constant timestamptz := clock();
  v_tenant tenant;
  v_due timestamptz;
  v_frees_at timestamptz;
  v_other timestamptz;
  v_removal_at timestamptz;
  v_two_at timestamptz;
  v_max_reading_age constant interval := (select settings.max_reading_age from settings);
  v_limited boolean;
begin
  select tenant.* into v_tenant from tenant;
  if v_tenant.paused_at is not null then
    return null;
  end if;
  -- What ran out earlier was taken over: see take_over_expired.
  select min(outbox.lease_until) into v_other from outbox where outbox.state = 'sending' and outbox.lease_until > v_now - interval '15 min';
  if v_tenant.breaker_opened_at is not null then
    -- A probe is a call like any other.
    return least(v_other, greatest(v_tenant.probe_at, (select calls_left.frees_at from calls_left())));
  end if;

  -- When removal_limit lets the next line go: the oldest of the last that used it up leaves the hour.
  if removals_within_the_hour() >= (select settings.removal_limit from settings) then
    v_removal_at := coalesce((
      select outbox.finished_at + interval '1 hour'
      from outbox
      where outbox.kind = 'remove' and outbox.state = 'done' and outbox.finished_at > v_now - interval '1 hour'
      order by outbox.finished_at desc
      offset greatest((select settings.removal_limit from settings) - 1, 0)
      limit 1
    ), 'infinity');
  end if;

  v_two_at := two_calls_free_at();
  -- Anything due already? Then there is no need to look at everything that waits.
  perform from outbox
  left join element_health on element_health.flex_element_id = outbox.flex_element_id
  left join elements on elements.flex_element_id = outbox.flex_element_id
  where outbox.state = 'pending'
    and outbox.after_operation_id is null
    and outbox.due_at <= v_now
    and not (v_two_at is not null and case outbox.kind
      when 'observe' then outbox.reason is not distinct from 'reading_too_old'
      else outbox.reading_at <= v_now - v_max_reading_age
    end)
    and (element_health.backoff_until is null or element_health.backoff_until <= v_now)
    and not (outbox.limited and coalesce(v_removal_at > v_now, false))
    and (outbox.kind = 'observe' or (outbox.reading_at is not null and elements.doubt_reason is null and elements.blocked_reason is null))
  order by outbox.priority, outbox.due_at, outbox.id
  limit 1;
  if found then
    return least(v_other, greatest(v_now, (select calls_left.frees_at from calls_left())));
  end if;

  select
    min(greatest(
      outbox.due_at,
      element_health.backoff_until,
      -- A reading too old is made anew once a call is left for the write as well.
      case when case outbox.kind when 'observe' then outbox.reason = 'reading_too_old' else outbox.reading_at <= v_now - v_max_reading_age end then v_two_at end
    )) filter (
      where not (outbox.limited and coalesce(v_removal_at > v_now, false))
        and (outbox.kind = 'observe' or (outbox.reading_at is not null and elements.doubt_reason is null and elements.blocked_reason is null))
    ),
    bool_or(outbox.limited)
  into v_due, v_limited
  from outbox
  left join element_health on element_health.flex_element_id = outbox.flex_element_id
  left join elements on elements.flex_element_id = outbox.flex_element_id
  where outbox.state = 'pending'
    and outbox.after_operation_id is null;
  if v_removal_at > v_now and v_limited then
    v_due := least(v_due, v_removal_at);
  end if;
  if v_due is not null then
    select calls_left.frees_at into v_frees_at from calls_left();
    v_due := greatest(v_due, v_frees_at);
  end if;
  return least(v_other, v_due);
end
$$;
comment on function flex_sync.next_work_at() is 'When a drainer has to look again although nothing notifies it; null when nothing waits for time to pass.';
