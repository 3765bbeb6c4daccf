-- claim_operations(drainer, slots, deadline)
--
-- Take the operations that may be sent now, for a bounded time: due, confirmed by a fresh reading, within the budget,
-- within max_concurrency over all drainers and element_concurrency per element. Every one is counted as a Flex call and
-- committed as sending, synchronously, before the drainer may send it. They are chosen first and taken together: a few
-- statements for a claim, however many operations it takes.
--
-- Parameters   drainer    who claims, for people
--              slots      how many it can send at once
--              deadline   after how long it gives up waiting for an answer
-- Returns      claimed operations: id, kind, token, flex_element_id, flex_resource_id, flex_line_item_id, flex_role_id, attempts,
--              lease_until, lease_ms, call_number
-- Errors       LEASE   settings.lease is not longer than the deadline plus a second
--              ISOLA   the transaction is not read committed
-- Locks        budget
-- Reads        settings, tenant, elements, element_health, crew_calls, calls_left, room_for_background
-- Writes       outbox, calls, syncs
create or replace function flex_sync.claim_operations(drainer text, slots int, deadline interval)
returns table (
  id bigint, kind text, token uuid, flex_element_id text, flex_resource_id text, flex_line_item_id text, flex_role_id text,
  attempts int, lease_until timestamptz, lease_ms int, call_number bigint
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
-- The queue is walked in the order of its index, however many operations wait and whatever the statistics say.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_settings settings;
  v_now timestamptz;
  v_server_started_at timestamptz;
  v_free bigint;
  v_removals_left bigint;
  v_calls_left bigint;
  v_two_needed boolean;
  v_candidate record;
  -- The element of each operation in flight, as often as it has some; and the elements that can take no more.
  v_in_flight text[];
  v_busy text[];
  v_priority smallint := -32768;
  v_due_at timestamptz := '-infinity';
  v_id bigint := 0;
  v_passed_over int := 0;
  v_goes_on boolean := true;
  v_chosen bigint[];
  v_locked bigint[];
  v_elsewhere bigint[];
  v_taken bigint[] := '{}';
  v_readings boolean := false;
begin
  select settings.* into v_settings from settings;
  if v_settings.lease <= claim_operations.deadline + interval '1 s' then
    raise exception 'the lease (%) is not longer than the HTTP deadline (%) plus one second', v_settings.lease, claim_operations.deadline
      using errcode = 'LEASE', hint = 'Lower FLEX_TIMEOUT_MS, or update flex_sync.settings set lease = ….';
  end if;
  -- What is sent must be remembered, whatever the host chose: the commit before a send is always synchronous.
  perform read_committed_only();
  perform set_config('synchronous_commit', 'on', true);
  perform lock_budget();
  perform from tenant where tenant.paused_at is not null or tenant.breaker_opened_at is not null;
  if found then
    return;
  end if;

  v_now := clock();
  v_server_started_at := server_started_at();
  v_in_flight := array(
    select outbox.flex_element_id
    from outbox
    where outbox.state = 'sending'
      and outbox.lease_until > v_now - interval '15 min'
  );
  v_busy := array(
    select sending.flex_element_id
    from unnest(v_in_flight) as sending (flex_element_id)
    group by sending.flex_element_id
    having count(*) >= v_settings.element_concurrency
  );
  select calls_left.left_now, least(
    claim_operations.slots,
    calls_left.left_now,
    case when exists (select from tenant where tenant.careful_successes is not null) then 1 else v_settings.max_concurrency end
      - cardinality(v_in_flight)
  )
  into v_calls_left, v_free
  from calls_left();
  if v_free <= 0 then
    return;
  end if;
  v_removals_left := v_settings.removal_limit - removals_within_the_hour();
  v_two_needed := least(coalesce(v_settings.hourly_limit, v_settings.monthly_limit / 50), coalesce(v_settings.daily_limit, v_settings.monthly_limit / 10),
    v_settings.monthly_limit) >= 2;

  while v_goes_on and v_free > 0 loop
    v_chosen := '{}';
    v_goes_on := false;
    for v_candidate in
      select outbox.id, outbox.kind, outbox.flex_element_id, outbox.limited, outbox.reason, outbox.priority, outbox.due_at,
        case when element_health.careful_until > v_now then 1 else v_settings.element_concurrency end as at_once
      from outbox
      left join element_health on element_health.flex_element_id = outbox.flex_element_id
      left join elements on elements.flex_element_id = outbox.flex_element_id
      where outbox.state = 'pending'
        and outbox.after_operation_id is null
        and outbox.due_at <= v_now
        and (outbox.priority, outbox.due_at, outbox.id) > (v_priority, v_due_at, v_id)
        and (element_health.backoff_until is null or element_health.backoff_until <= v_now)
        and (
          outbox.kind = 'observe'
          or (
            outbox.reading_at > v_now - v_settings.max_reading_age
            and outbox.reading_at > v_server_started_at
            and elements.blocked_reason is null
            and elements.doubt_reason is null
          )
        )
        and outbox.flex_element_id <> all (v_busy)
        and not (outbox.limited and v_removals_left <= 0)
      order by outbox.priority, outbox.due_at, outbox.id
    loop
      v_priority := v_candidate.priority;
      v_due_at := v_candidate.due_at;
      v_id := v_candidate.id;
      if cardinality(array_positions(v_in_flight, v_candidate.flex_element_id)) >= v_candidate.at_once then
        -- An element that can take no more is passed over, and where much waits there left out of the rest of the walk.
        if v_candidate.flex_element_id <> all (v_busy) then
          v_busy := v_busy || v_candidate.flex_element_id;
        end if;
        v_passed_over := v_passed_over + 1;
        v_goes_on := v_passed_over % 20 = 0;
        exit when v_goes_on;
        continue;
      end if;
      if v_candidate.kind = 'observe' then
        -- They come last, and tick() puts off what is left of them.
        exit when v_candidate.reason = 'background' and not room_for_background();
        -- A reading for the sake of a write leaves one call for the write.
        continue when v_candidate.reason = 'reading_too_old' and v_two_needed and v_calls_left < 2;
        continue when exists (
          select from outbox
          where outbox.flex_element_id = v_candidate.flex_element_id and outbox.kind = 'observe' and outbox.state = 'sending'
        );
        v_readings := true;
      elsif v_candidate.kind = 'remove' then
        continue when v_candidate.limited and v_removals_left <= 0;
        v_removals_left := v_removals_left - 1;
      end if;
      v_chosen := v_chosen || v_candidate.id;
      v_in_flight := v_in_flight || v_candidate.flex_element_id;
      v_calls_left := v_calls_left - 1;
      v_free := v_free - 1;
      exit when v_free = 0;
    end loop;
    continue when cardinality(v_chosen) = 0;

    with
    -- The ids find the rows: an index of everything that waits has entries of all that ever did, under an old snapshot.
    locked as materialized (
      select outbox.id, outbox.state,
        -- The crew call may have been pointed at another element since.
        outbox.kind in ('add', 'set_role') and pointing.flex_element_id is distinct from outbox.flex_element_id as elsewhere
      from outbox
      left join lateral (
        select crew_calls.flex_element_id from crew_calls where crew_calls.id = outbox.crew_call_id limit 1
      ) as pointing on true
      where outbox.id = any (v_chosen)
      for update of outbox skip locked
    )
    select array_agg(locked.id), array_agg(locked.id) filter (where locked.elsewhere) into v_locked, v_elsewhere
    from locked
    where locked.state = 'pending';
    if v_elsewhere is not null then
      perform note_element(moved.flex_element_id, 'a crew call points elsewhere', true)
      from (select distinct outbox.flex_element_id from outbox where outbox.id = any (v_elsewhere)) as moved;
      update outbox set state = 'cancelled', reason = 'points_elsewhere', finished_at = v_now where outbox.id = any (v_elsewhere);
    end if;
    if cardinality(v_chosen) = cardinality(v_locked) and v_elsewhere is null then
      v_taken := v_taken || v_chosen;
    else
      -- Whoever plans on such a row right now decides first; it is due again in a moment. Others may go instead.
      v_busy := v_busy || array(
        select distinct outbox.flex_element_id from outbox where outbox.id = any (v_chosen) and outbox.id <> all (coalesce(v_locked, '{}'))
      );
      v_free := v_free + cardinality(v_chosen) - coalesce(cardinality(v_locked), 0) + coalesce(cardinality(v_elsewhere), 0);
      v_goes_on := true;
      v_taken := v_taken || array(
        select chosen.id
        from unnest(v_chosen) with ordinality as chosen (id, place)
        where chosen.id = any (coalesce(v_locked, '{}'))
          and chosen.id <> all (coalesce(v_elsewhere, '{}'))
        order by chosen.place
      );
    end if;
  end loop;
  if cardinality(v_taken) = 0 then
    return;
  end if;

  if v_readings then
    -- From here on the waiting syncs' readings have begun: later requests need another one. Everybody locks syncs by id.
    -- They are found by their element and then sorted: the other way round, every sync there ever was would be read.
    perform from syncs
    where syncs.id = any (array(
      select waiting.id
      from outbox
      cross join lateral (
        select syncs.id
        from syncs
        where syncs.flex_element_id = outbox.flex_element_id
          and syncs.finished_at is null
          and syncs.reading_at is null
        offset 0
      ) as waiting
      where outbox.id = any (v_taken)
        and outbox.kind = 'observe'
    ))
      and syncs.finished_at is null
      and syncs.reading_at is null
    order by syncs.id
    for update;
  end if;

  return query
  with
  last as materialized (
    select coalesce((select calls.number from calls order by calls.number desc limit 1), 0) as number,
      -- Never before the call before it, whatever the clock did.
      greatest(clock(), (select calls.made_at from calls order by calls.number desc limit 1)) as made_at
  ),
  taken as (
    update outbox
    set
      state = 'sending',
      attempts = outbox.attempts + 1,
      token = gen_random_uuid(),
      -- A reading never begins before the one that is stored, whatever the clock did: it would be taken for an old one.
      sent_at = case when outbox.kind = 'observe' then greatest(v_now, (
        select elements.reading_at + interval '1 us' from elements where elements.flex_element_id = outbox.flex_element_id
      )) else v_now end,
      lease_until = v_now + v_settings.lease,
      deadline = v_now + claim_operations.deadline,
      call_number = last.number + chosen.place,
      http_status = null,
      error = null
    from last, unnest(v_taken) with ordinality as chosen (id, place)
    where outbox.id = chosen.id
    returning outbox.*
  ),
  -- Numbers without a gap, as count_call gives them: whoever counts holds the budget's lock.
  counted as (
    insert into calls (number, made_at, kind, operation_id, sync_id, flex_element_id, flex_resource_id, flex_line_item_id, flex_role_id,
      attempt, drainer, deadline, reading_at)
    select taken.call_number, last.made_at, taken.kind, taken.id, taken.sync_id, taken.flex_element_id, taken.flex_resource_id,
      case when taken.kind <> 'add' then taken.flex_line_item_id end, taken.flex_role_id, taken.attempts, claim_operations.drainer, taken.deadline,
      (select elements.reading_at from elements where elements.flex_element_id = taken.flex_element_id)
    from taken, last
    order by taken.call_number
  ),
  begun as (
    update syncs
    set reading_at = taken.sent_at
    from taken
    where taken.kind = 'observe'
      and syncs.flex_element_id = taken.flex_element_id
      and syncs.finished_at is null
      and syncs.reading_at is null
  )
  select taken.id, taken.kind, taken.token, taken.flex_element_id, taken.flex_resource_id, taken.flex_line_item_id, taken.flex_role_id,
    taken.attempts, taken.lease_until, (extract(epoch from v_settings.lease) * 1000)::int, taken.call_number
  from taken
  order by taken.call_number;
end
$$;
comment on function flex_sync.claim_operations(text, int, interval) is
  'Takes the operations that may be sent now, for a bounded time; each is counted as a Flex call and committed before it is sent.';
