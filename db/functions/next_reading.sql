-- next_reading(flex_element_id)
--
-- When an element has to be read again, and what for: the most pressing of everything that waits for a reading.
--
-- Parameters   flex_element_id   normalised
-- Returns      one row, or none when nothing waits: due_at, reason, sync_id (of the sync it keeps open), priority
--              reason: requested | confirming | unknown | late_check | asked | reading_too_old | blocked | background
-- Reads        waiting_request, elements, element_health, syncs, outbox, calls, missing_lines, settings, crew_call_settings, crew_calls, crew_call_blocks, ledger
create or replace function flex_sync.next_reading(flex_element_id text)
returns table (due_at timestamptz, reason text, sync_id bigint, priority smallint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now constant timestamptz := clock();
  v_waiting constant bigint := waiting_request(next_reading.flex_element_id);
  v_settings settings;
  v_element elements;
  v_read_at timestamptz;
begin
  if v_waiting is not null then
    return query select v_now, 'requested', v_waiting, 0::smallint;
    return;
  end if;

  select settings.* into v_settings from settings;
  select elements.* into v_element from elements where elements.flex_element_id = next_reading.flex_element_id;
  v_read_at := coalesce(v_element.reading_at, '-infinity');

  return query
  with
  active as (
    select max(syncs.id) as id
    from syncs
    where syncs.flex_element_id = next_reading.flex_element_id
      and syncs.finished_at is null
      and syncs.reading_at is not null
  ),
  needs as (
    -- A request waits for a reading begun after it; an active sync may end first, for ten seconds.
    select
      case when exists (select from active where active.id < syncs.id) then syncs.requested_at + interval '10 s' else v_now end as due_at,
      'requested' as reason, syncs.id as sync_id, 0 as priority
    from syncs
    where syncs.flex_element_id = next_reading.flex_element_id
      and syncs.finished_at is null
      and (syncs.reading_at is null or syncs.reading_at > v_read_at)
      and not exists (
        select from outbox
        where outbox.flex_element_id = next_reading.flex_element_id
          and outbox.kind = 'observe'
          and outbox.state = 'sending'
          and outbox.sync_id = syncs.id
      )
    union all
    -- Lines that one reading lacked, in the same sync.
    select min(missing_lines.missing_since) + v_settings.confirm_after, 'confirming', (select active.id from active), 0
    from missing_lines
    where missing_lines.flex_element_id = next_reading.flex_element_id
      and v_element.blocked_reason is null
    having count(*) > 0
    union all
    -- Unanswered writes: at once, then when their absence can be proved.
    select
      case when v_read_at <= min(outbox.unknown_at) then v_now
        else min(outbox.deadline) + v_settings.late_landing + interval '1 ms' end,
      'unknown', null, 0
    from outbox
    where outbox.flex_element_id = next_reading.flex_element_id
      and outbox.state = 'unknown'
      and v_element.blocked_reason is null
    group by v_read_at <= outbox.unknown_at
    union all
    -- Proved absent: once more, whether it landed late after all.
    select min(calls.absent_at) + v_settings.late_landing, 'late_check', null, 0
    from calls
    where calls.flex_element_id = next_reading.flex_element_id
      and calls.unanswered
      and calls.absent_at is not null
      and calls.late_checked_at is null
      and v_element.blocked_reason is null
    having count(*) > 0
    union all
    select v_element.reading_wanted_at, 'asked', null, 0
    where v_element.reading_wanted_at >= v_read_at
      -- An element that nothing points at and nothing of ours is on is nobody's business.
      and (
        exists (select from crew_calls where crew_calls.flex_element_id = next_reading.flex_element_id)
        or exists (select from ledger where ledger.flex_element_id = next_reading.flex_element_id and ledger.gone_at is null)
        or exists (select from outbox where outbox.flex_element_id = next_reading.flex_element_id and outbox.state in ('sending', 'unknown'))
      )
    union all
    -- Writes that are due, but whose reading is too old to send them on.
    select min(outbox.due_at), 'reading_too_old', (select active.id from active), 0
    from outbox
    where outbox.flex_element_id = next_reading.flex_element_id
      and outbox.kind <> 'observe'
      and outbox.state = 'pending'
      and outbox.reading_at is not null
      and outbox.after_operation_id is null
      and (outbox.reading_at <= v_now - v_settings.max_reading_age or outbox.reading_at <= server_started_at())
      -- What removal_limit holds back needs no reading before a removal is free again.
      and not (outbox.limited and removals_within_the_hour() >= v_settings.removal_limit)
      and v_element.blocked_reason is null
    having count(*) > 0
    union all
    select v_element.blocked_at + interval '1 hour', 'blocked', null, 1
    where v_element.blocked_reason is not null
      -- Nobody can request the clean-up of an element that no crew call points at any more.
      and (
        exists (select from crew_calls where crew_calls.flex_element_id = next_reading.flex_element_id)
        or exists (select from ledger where ledger.flex_element_id = next_reading.flex_element_id and ledger.gone_at is null)
      )
    union all
    -- Rows that the host's table refused: it may take them by now.
    select greatest(min(crew_call_blocks.since), v_read_at) + interval '1 hour', 'blocked', null, 1
    from crew_calls
    join crew_call_blocks on crew_call_blocks.crew_call_id = crew_calls.id
    where crew_calls.flex_element_id = next_reading.flex_element_id
    having count(*) > 0
    union all
    -- Up to a fifth earlier, so that what was read together is not read together for ever; see begin_background_readings.
    select greatest(
      greatest(v_element.reading_at, v_element.doubt_at)
        + least(min(coalesce(crew_call_settings.resync_interval, v_settings.resync_interval)), interval '10 years')
        * (0.8 + 0.2 * (hashtextextended(v_element.flex_element_id || extract(epoch from v_element.reading_at)::text, 0) & 1023) / 1023),
      v_element.background_at
    ), 'background', null, 1
    from crew_calls
    left join crew_call_settings on crew_call_settings.crew_call_id = crew_calls.id
    where crew_calls.flex_element_id = next_reading.flex_element_id
      and v_element.reading_at is not null
    having min(coalesce(crew_call_settings.resync_interval, v_settings.resync_interval)) is not null
  )
  select
    greatest(needs.due_at, (
      select element_health.backoff_until from element_health where element_health.flex_element_id = next_reading.flex_element_id
    )),
    needs.reason,
    -- Whatever it is for, the reading answers a request that waits too.
    coalesce((select max(waiting.sync_id) from needs as waiting where waiting.reason = 'requested'), needs.sync_id),
    needs.priority::smallint
  from needs
  -- What is due already is equally pressing, so that a request is never held up as a background reading.
  order by greatest(needs.due_at, v_now), needs.priority, needs.due_at
  limit 1;
end
$$;
comment on function flex_sync.next_reading(text) is 'When an element has to be read again, and what for; no row when nothing waits for a reading.';
