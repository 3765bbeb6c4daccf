-- claim_operations(drainer, slots, deadline)
--
-- Take the operations that may be sent now, for a bounded time: due, confirmed by a fresh reading, within the budget,
-- within max_concurrency over all drainers and element_concurrency per element. Every one is counted as a Flex call and
-- committed as sending, synchronously, before the drainer may send it.
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
  v_begins timestamptz;
  v_in_flight jsonb;
  v_busy text[] := '{}';
  v_looked_at int;
  v_before bigint;
  v_operation outbox;
  -- How many candidates are looked at before elements that can take no more are left out of the walk.
  v_stretch constant int := 64;
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
  select calls_left.left_now, least(
    claim_operations.slots,
    calls_left.left_now,
    case when exists (select from tenant where tenant.careful_successes is not null) then 1 else v_settings.max_concurrency end
      - (select count(*) from outbox where outbox.state = 'sending' and outbox.lease_until > v_now - interval '15 min')
  )
  into v_calls_left, v_free
  from calls_left();
  if v_free <= 0 then
    return;
  end if;
  v_removals_left := v_settings.removal_limit - removals_within_the_hour();
  v_two_needed := least(coalesce(v_settings.hourly_limit, v_settings.monthly_limit / 50), coalesce(v_settings.daily_limit, v_settings.monthly_limit / 10),
    v_settings.monthly_limit) >= 2;
  select coalesce(jsonb_object_agg(sending.flex_element_id, sending.number), '{}') into v_in_flight
  from (
    select outbox.flex_element_id, count(*) as number
    from outbox
    where outbox.state = 'sending'
      and outbox.lease_until > v_now - interval '15 min'
    group by outbox.flex_element_id
  ) as sending;

  loop
    v_looked_at := 0;
    v_before := v_free - cardinality(v_busy);
    for v_candidate in
      select outbox.id, outbox.kind, outbox.flex_element_id, outbox.limited, outbox.reason,
        case when element_health.careful_until > v_now then 1 else v_settings.element_concurrency end as at_once,
        elements.reading_at as read_at
      from outbox
      left join element_health on element_health.flex_element_id = outbox.flex_element_id
      left join elements on elements.flex_element_id = outbox.flex_element_id
      where outbox.state = 'pending'
        and outbox.after_operation_id is null
        and outbox.due_at <= v_now
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
      limit v_stretch
    loop
      v_looked_at := v_looked_at + 1;
      exit when v_free = 0;
      if coalesce((v_in_flight ->> v_candidate.flex_element_id)::int, 0) >= v_candidate.at_once then
        if v_candidate.flex_element_id <> all (v_busy) then
          v_busy := v_busy || v_candidate.flex_element_id;
        end if;
        continue;
      end if;
      continue when v_candidate.kind = 'remove' and v_candidate.limited and v_removals_left <= 0;
      -- They come last, and tick() puts off what is left of them.
      exit when v_candidate.kind = 'observe' and v_candidate.reason = 'background' and not room_for_background();
      -- A reading for the sake of a write leaves one call for the write.
      continue when v_candidate.kind = 'observe' and v_candidate.reason = 'reading_too_old' and v_two_needed and v_calls_left < 2;
      continue when v_candidate.kind = 'observe' and exists (
        select from outbox
        where outbox.flex_element_id = v_candidate.flex_element_id and outbox.kind = 'observe' and outbox.state = 'sending'
      );
      -- Whoever plans on this row right now decides first; it is due again in a moment.
      select outbox.* into v_operation
      from outbox
      where outbox.id = v_candidate.id
        and outbox.state = 'pending'
      for update skip locked;
      if not found then
        v_busy := v_busy || v_candidate.flex_element_id;
        continue;
      end if;
      -- The crew call may have been pointed at another element since.
      if v_operation.kind in ('add', 'set_role') and not exists (
        select from crew_calls
        where crew_calls.id = v_operation.crew_call_id and crew_calls.flex_element_id = v_operation.flex_element_id
      ) then
        perform note_element(v_operation.flex_element_id, 'a crew call points elsewhere', true);
        update outbox set state = 'cancelled', reason = 'points_elsewhere', finished_at = v_now where outbox.id = v_operation.id;
        continue;
      end if;

      -- A reading never begins before the one that is stored, whatever the clock did: it would be taken for an old one.
      v_begins := case when v_operation.kind = 'observe' then greatest(v_now, v_candidate.read_at + interval '1 us') else v_now end;
      v_operation.attempts := v_operation.attempts + 1;
      claim_operations.call_number := count_call(v_operation.kind, claim_operations.drainer, v_now + claim_operations.deadline, v_operation);
      update outbox
      set
        state = 'sending',
        attempts = v_operation.attempts,
        token = gen_random_uuid(),
        sent_at = v_begins,
        lease_until = v_now + v_settings.lease,
        deadline = v_now + claim_operations.deadline,
        call_number = claim_operations.call_number,
        http_status = null,
        error = null
      where outbox.id = v_operation.id
      returning outbox.* into v_operation;
      if v_operation.kind = 'observe' then
        -- From here on the waiting sync's reading has begun: later requests need another one.
        update syncs
        set reading_at = v_begins
        where syncs.flex_element_id = v_operation.flex_element_id
          and syncs.finished_at is null
          and syncs.reading_at is null;
      end if;

      v_free := v_free - 1;
      v_calls_left := v_calls_left - 1;
      v_removals_left := v_removals_left - (v_operation.kind = 'remove')::int;
      v_in_flight := v_in_flight || jsonb_build_object(v_operation.flex_element_id, coalesce((v_in_flight ->> v_operation.flex_element_id)::int, 0) + 1);
      claim_operations.id := v_operation.id;
      claim_operations.kind := v_operation.kind;
      claim_operations.token := v_operation.token;
      claim_operations.flex_element_id := v_operation.flex_element_id;
      claim_operations.flex_resource_id := v_operation.flex_resource_id;
      claim_operations.flex_line_item_id := v_operation.flex_line_item_id;
      claim_operations.flex_role_id := v_operation.flex_role_id;
      claim_operations.attempts := v_operation.attempts;
      claim_operations.lease_until := v_operation.lease_until;
      claim_operations.lease_ms := (extract(epoch from v_settings.lease) * 1000)::int;
      return next;
    end loop;
    -- On with the next stretch, while walking on can find anything else.
    exit when v_free = 0 or v_looked_at < v_stretch or v_before = v_free - cardinality(v_busy);
  end loop;
end
$$;
comment on function flex_sync.claim_operations(text, int, interval) is
  'Takes the operations that may be sent now, for a bounded time; each is counted as a Flex call and committed before it is sent.';
