--! Previous: sha1:dcd346cedab1d92d6a17ae4a0db3ccc445cebe6a
--! Hash: sha1:67c5c295a0d811ec3e7bb1a042230b480e5f5e16
--! Message: Plan at a glance where nothing is to do, and read no table whole

select flex_sync.remember_objects();

-- It answers one thing more; drop by the name alone would say that the package has none.
do $$
begin
  drop function if exists flex_sync.open_condition(uuid, text, boolean);
end
$$;

--! Included apply_plan.sql
-- apply_plan(flex_element_id, plan, sync_id, reading_at)
--
-- Make the open outbox rows of one element equal to its plan: what is missing is inserted, what is no longer wanted
-- and not yet sent is cancelled, what is there stays. Rows in flight are never touched.
--
-- Parameters   flex_element_id   normalised
--              plan              rows of plan_element
--              sync_id           the sync that new operations belong to (and kept ones, once a reading confirmed them)
--              reading_at        beginning of the reading that the plan was made from; null is a preview, never sent
-- Locks        the caller holds the element
-- Writes       outbox, decisions, last_decisions
create or replace function flex_sync.apply_plan(
  flex_element_id text,
  plan flex_sync.planned[],
  sync_id bigint,
  reading_at timestamptz
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
-- As plan_element has it: what both of them ask is planned anew whenever this changes.
set row_security = off
as $$
declare
  v_now constant timestamptz := clock();
  v_plan flex_sync.planned[] := apply_plan.plan;
  -- By kind and subject: the open add that an operation waits for.
  v_first jsonb;
begin
  perform note_decisions(apply_plan.flex_element_id, apply_plan.plan, apply_plan.sync_id, apply_plan.reading_at);
  -- Nothing is open and nothing is wanted: the usual case, and no statement more.
  if not exists (
    select from outbox
    where outbox.flex_element_id = apply_plan.flex_element_id
      and outbox.kind <> 'observe'
      and outbox.state in ('pending', 'sending', 'unknown', 'held')
  ) and not exists (
    select from outbox
    where outbox.flex_element_id = apply_plan.flex_element_id
      and outbox.state = 'failed'
      and outbox.superseded_at is null
  ) and not exists (
    select from unnest(v_plan) as planned
    where planned.action in ('add', 'set_role', 'remove', 'hold', 'contest')
  ) then
    return;
  end if;
  if policy_of(apply_plan.flex_element_id) = 'report' then
    v_plan := '{}';
  end if;

  -- No longer wanted and not yet sent.
  update outbox
  set state = 'cancelled', reason = 'not_wanted', finished_at = v_now
  where outbox.flex_element_id = apply_plan.flex_element_id
    and outbox.kind <> 'observe'
    and outbox.state in ('pending', 'held')
    and not exists (
      select from operations_of(v_plan) as operation
      where operation.kind = outbox.kind
        and operation.subject = case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end
    );

  -- Wanted already: it stays, with what the plan knows now. A removal that a brake let go,
  -- and another role, wait for their own reading.
  update outbox
  set
    state = operation.state,
    sync_id = case when apply_plan.reading_at is null then outbox.sync_id else coalesce(apply_plan.sync_id, outbox.sync_id) end,
    reading_at = case
      when apply_plan.reading_at is not null then apply_plan.reading_at
      when outbox.state = 'held' or outbox.flex_role_id is distinct from operation.role_id then null
      else outbox.reading_at
    end,
    due_at = case when outbox.state = 'held' then v_now else outbox.due_at end,
    crew_call_id = operation.crew_call_id,
    technician_id = operation.technician_id,
    flex_line_item_id = coalesce(operation.line, outbox.flex_line_item_id),
    flex_role_id = operation.role_id,
    reason = operation.reason,
    brake = operation.brake,
    limited = operation.limited,
    persons = operation.persons,
    after_operation_id = case when operation.after_resource is null then null else outbox.after_operation_id end
  from operations_of(v_plan) as operation
  where outbox.flex_element_id = apply_plan.flex_element_id
    and outbox.kind = operation.kind
    and outbox.state in ('pending', 'held')
    and operation.subject = case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end
    and (
      apply_plan.reading_at is not null
      or (outbox.state, outbox.flex_role_id, outbox.brake, outbox.persons, outbox.limited)
        is distinct from (operation.state, operation.role_id, operation.brake, operation.persons, operation.limited)
    );

  -- A failure that the plan tries again, or no longer needs, is history.
  update outbox
  set superseded_at = v_now
  where outbox.flex_element_id = apply_plan.flex_element_id
    and outbox.kind <> 'observe'
    and outbox.state = 'failed'
    and outbox.superseded_at is null
    and not exists (
      select from unnest(v_plan) as planned
      where planned.action = case outbox.kind when 'add' then 'wait' when 'set_role' then 'wait_role' else 'report' end
        and case planned.action when 'report' then planned.flex_line_item_id else planned.flex_resource_id end
          = case outbox.kind when 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end
    );

  -- Missing: adds first, what follows them second.
  insert into outbox (sync_id, crew_call_id, flex_element_id, technician_id, kind, flex_resource_id, state, reason, due_at, created_at, reading_at, persons)
  select apply_plan.sync_id, operation.crew_call_id, apply_plan.flex_element_id, operation.technician_id, 'add', operation.resource,
    'pending', operation.reason, v_now, v_now, apply_plan.reading_at, operation.persons
  from operations_of(v_plan) as operation
  where operation.kind = 'add'
    -- Read once into a hash table, however many there are: of "not exists" the planner may make a loop in a loop.
    and operation.resource not in (
      select outbox.flex_resource_id from outbox
      where outbox.flex_element_id = apply_plan.flex_element_id and outbox.kind = 'add'
        and outbox.flex_resource_id is not null and outbox.state in ('pending', 'sending', 'unknown')
    )
  order by operation.crew_call_id, operation.technician_id;

  insert into outbox (sync_id, crew_call_id, flex_element_id, technician_id, kind, flex_resource_id, flex_line_item_id, flex_role_id,
    state, reason, due_at, created_at, reading_at, after_operation_id, brake, limited)
  select apply_plan.sync_id, operation.crew_call_id, apply_plan.flex_element_id, operation.technician_id, operation.kind, operation.resource,
    operation.line, operation.role_id, operation.state, operation.reason, v_now, v_now, apply_plan.reading_at, first.id, operation.brake, operation.limited
  from operations_of(v_plan) as operation
  left join outbox as first
    on first.flex_element_id = apply_plan.flex_element_id and first.kind = 'add'
    and first.flex_resource_id = operation.after_resource and first.state in ('pending', 'sending')
  where operation.kind <> 'add'
    and (operation.after_resource is null or first.id is not null)
    and operation.kind || operation.subject not in (
      select outbox.kind || case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end
      from outbox
      where outbox.flex_element_id = apply_plan.flex_element_id
        and outbox.kind in ('set_role', 'remove')
        and case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end is not null
        and outbox.state in ('pending', 'sending', 'unknown', 'held')
    )
  order by operation.crew_call_id, operation.technician_id, operation.line;

  -- What waits for an add waits for the one that is open now.
  select jsonb_object_agg(operation.kind || operation.subject, first.id) into v_first
  from operations_of(v_plan) as operation
  join outbox as first
    on first.flex_element_id = apply_plan.flex_element_id and first.kind = 'add'
    and first.flex_resource_id = operation.after_resource and first.state in ('pending', 'sending');
  update outbox
  set after_operation_id = (v_first ->> (outbox.kind || case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end))::bigint
  where outbox.flex_element_id = apply_plan.flex_element_id
    and outbox.kind in ('set_role', 'remove')
    and outbox.state in ('pending', 'held')
    and v_first ? (outbox.kind || case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end)
    and outbox.after_operation_id is distinct from
      (v_first ->> (outbox.kind || case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end))::bigint;

  -- Brought back twice within a day and deleted again: somebody has to look.
  insert into outbox (sync_id, crew_call_id, flex_element_id, technician_id, kind, flex_resource_id, state, reason, error, due_at, created_at, finished_at)
  select distinct on (planned.flex_resource_id) apply_plan.sync_id, planned.crew_call_id, apply_plan.flex_element_id, planned.technician_id, 'add',
    planned.flex_resource_id, 'failed', 'contested', 'the line was added again twice within a day and was deleted in Flex once more', v_now, v_now, v_now
  from unnest(v_plan) as planned
  where planned.action = 'contest'
    and apply_plan.reading_at is not null
  order by planned.flex_resource_id, planned.crew_call_id, planned.technician_id;
end
$$;
comment on function flex_sync.apply_plan(text, flex_sync.planned[], bigint, timestamptz) is
  'Makes the open outbox rows of one element equal to its plan; rows in flight are never touched.';
--! EndIncluded apply_plan.sql
--! Included claim_operations.sql
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
  v_in_flight jsonb;
  v_busy text[] := '{}';
  v_priority smallint := -32768;
  v_due_at timestamptz := '-infinity';
  v_id bigint := 0;
  v_passed_over int := 0;
  v_goes_on boolean := true;
  v_chosen bigint[];
  v_locked bigint[];
  v_elsewhere bigint[];
  v_taken bigint[] := '{}';
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
  select coalesce(jsonb_object_agg(sending.flex_element_id, sending.number), '{}'), coalesce(sum(sending.number), 0)
  into v_in_flight, v_free
  from (
    select outbox.flex_element_id, count(*) as number
    from outbox
    where outbox.state = 'sending'
      and outbox.lease_until > v_now - interval '15 min'
    group by outbox.flex_element_id
  ) as sending;
  select calls_left.left_now, least(
    claim_operations.slots,
    calls_left.left_now,
    case when exists (select from tenant where tenant.careful_successes is not null) then 1 else v_settings.max_concurrency end - v_free
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
      if coalesce((v_in_flight ->> v_candidate.flex_element_id)::int, 0) >= v_candidate.at_once then
        -- An element that can take no more is passed over, and where much waits there left out of the rest of the walk.
        if v_candidate.flex_element_id <> all (v_busy) then
          v_busy := v_busy || v_candidate.flex_element_id;
        end if;
        v_passed_over := v_passed_over + 1;
        v_goes_on := v_passed_over % 50 = 0;
        exit when v_goes_on;
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
      v_chosen := v_chosen || v_candidate.id;
      v_free := v_free - 1;
      v_calls_left := v_calls_left - 1;
      v_removals_left := v_removals_left - (v_candidate.kind = 'remove')::int;
      v_in_flight := v_in_flight || jsonb_build_object(v_candidate.flex_element_id, coalesce((v_in_flight ->> v_candidate.flex_element_id)::int, 0) + 1);
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
    if cardinality(v_chosen) > coalesce(cardinality(v_locked), 0) or v_elsewhere is not null then
      -- Whoever plans on such a row right now decides first; it is due again in a moment. Others may go instead.
      v_busy := v_busy || array(
        select distinct outbox.flex_element_id from outbox where outbox.id = any (v_chosen) and outbox.id <> all (coalesce(v_locked, '{}'))
      );
      v_free := v_free + cardinality(v_chosen) - coalesce(cardinality(v_locked), 0) + coalesce(cardinality(v_elsewhere), 0);
      v_goes_on := true;
    end if;
    v_taken := v_taken || array(
      select chosen.id
      from unnest(v_chosen) with ordinality as chosen (id, place)
      where chosen.id = any (coalesce(v_locked, '{}'))
        and chosen.id <> all (coalesce(v_elsewhere, '{}'))
      order by chosen.place
    );
  end loop;
  if cardinality(v_taken) = 0 then
    return;
  end if;

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
--! EndIncluded claim_operations.sql
--! Included open_condition.sql
-- open_condition(crew_call_id, flex_element_id, retired)
--
-- What is open or in the way on one crew call, from what is stored: everything that is more urgent than comparing who is
-- desired with who is there. The order is the one of docs/reasons.md.
--
-- Parameters   crew_call_id      flex_crew_calls.id, or the last one that pointed at a retired element
--              flex_element_id   normalised; null where the crew call has none
--              retired           whether no crew call points at the element any more
-- Returns      condition and reason, null when nothing is open, and reason also where why_pending has to be asked; and what
--              it counted: pending, limited (whether removal_limit applies to a removal that is pending), unknown, held,
--              failed, failed_operation_id, plan (hash of what is held), observed_at, last_sync_at, last_requested_at
-- Reads        tenant, elements, crew_call_blocks, outbox, held_plan, syncs, calls, missing_lines, recorded_crew, ledger
create or replace function flex_sync.open_condition(
  crew_call_id uuid,
  flex_element_id text,
  retired boolean,
  out condition text,
  out reason text,
  out pending bigint,
  out limited boolean,
  out unknown bigint,
  out held bigint,
  out failed bigint,
  out failed_operation_id bigint,
  out plan text,
  out observed_at timestamptz,
  out last_sync_at timestamptz,
  out last_requested_at timestamptz
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_tenant tenant;
  v_element elements;
  v_operations record;
  v_waiting boolean;
  v_blocked text;
begin
  select tenant.* into v_tenant from tenant;
  select elements.* into v_element from elements where elements.flex_element_id = open_condition.flex_element_id;
  open_condition.observed_at := v_element.reading_at;

  select
    count(*) filter (where outbox.state in ('pending', 'sending') and outbox.priority = 0) as pending,
    count(*) filter (where outbox.state = 'unknown') as unknown,
    count(*) filter (where outbox.state = 'held') as held,
    count(*) filter (where outbox.state = 'failed') as failed,
    min(outbox.id) filter (where outbox.state = 'failed') as failed_operation_id,
    min(outbox.reason) filter (where outbox.state = 'failed') as failed_reason,
    min(outbox.brake) filter (where outbox.state = 'held') as brake,
    coalesce(bool_or(outbox.limited) filter (where outbox.state in ('pending', 'sending') and outbox.kind = 'remove'), false) as limited
  into v_operations
  from outbox
  where outbox.flex_element_id = open_condition.flex_element_id
    and (outbox.state in ('pending', 'sending', 'unknown', 'held') or (outbox.state = 'failed' and outbox.superseded_at is null))
    and (
      outbox.crew_call_id = open_condition.crew_call_id
      or open_condition.retired
      or outbox.persons @> jsonb_build_array(jsonb_build_object('crew_call_id', open_condition.crew_call_id))
    );
  open_condition.pending := v_operations.pending;
  open_condition.limited := v_operations.limited;
  open_condition.unknown := v_operations.unknown;
  open_condition.held := v_operations.held;
  open_condition.failed := v_operations.failed;
  open_condition.failed_operation_id := v_operations.failed_operation_id;
  if v_operations.held > 0 then
    open_condition.plan := held_plan(open_condition.crew_call_id, open_condition.flex_element_id);
  end if;

  v_waiting := exists (
    select from syncs where syncs.flex_element_id = open_condition.flex_element_id and syncs.finished_at is null
  );
  select syncs.last_requested_at into open_condition.last_requested_at
  from syncs
  where syncs.flex_element_id = open_condition.flex_element_id
  order by syncs.id desc
  limit 1;
  select syncs.finished_at into open_condition.last_sync_at
  from syncs
  where syncs.flex_element_id = open_condition.flex_element_id
    and syncs.finished_at is not null
  order by syncs.id desc
  limit 1;

  v_blocked := case
    when open_condition.flex_element_id is null then 'no_element'
    when not is_flex_id(open_condition.flex_element_id) then 'malformed_id'
    when v_element.blocked_reason is not null then v_element.blocked_reason
    when not open_condition.retired and exists (
      select from crew_call_blocks where crew_call_blocks.crew_call_id = open_condition.crew_call_id
    ) then (select crew_call_blocks.reason from crew_call_blocks where crew_call_blocks.crew_call_id = open_condition.crew_call_id)
    when v_tenant.breaker_reason = 'token_refused' and (v_operations.pending > 0 or v_waiting) then 'token_refused'
  end;

  if v_tenant.paused_at is not null then
    open_condition.condition := 'paused';
    open_condition.reason := 'paused';
  elsif v_blocked is not null then
    open_condition.condition := 'blocked';
    open_condition.reason := v_blocked;
  elsif v_operations.failed > 0 then
    open_condition.condition := 'failed';
    open_condition.reason := v_operations.failed_reason;
  elsif v_operations.held > 0 then
    open_condition.condition := 'held';
    open_condition.reason := v_operations.brake;
  elsif v_operations.unknown > 0 then
    open_condition.condition := 'unknown';
    open_condition.reason := 'unanswered';
  elsif exists (
    select from calls
    where calls.flex_element_id = open_condition.flex_element_id
      and calls.outcome = 'unknown'
      and calls.absent_at is not null
      and calls.late_checked_at is null
  ) then
    open_condition.condition := 'unknown';
    open_condition.reason := 'late_check';
  elsif exists (
    select from missing_lines
    join recorded_crew on recorded_crew.flex_line_item_id = missing_lines.flex_line_item_id
    where missing_lines.flex_element_id = open_condition.flex_element_id
      and recorded_crew.crew_call_id = open_condition.crew_call_id
  ) and not open_condition.retired then
    open_condition.condition := 'pending';
    open_condition.reason := 'confirming';
  elsif v_element.doubt_reason is not null and v_tenant.breaker_opened_at is null then
    open_condition.condition := 'pending';
    open_condition.reason := 'doubtful_reading';
  elsif v_operations.pending > 0 or v_waiting then
    open_condition.condition := 'pending';
  elsif open_condition.retired and exists (
    select from ledger where ledger.flex_element_id = open_condition.flex_element_id and ledger.gone_at is null
  ) then
    open_condition.condition := 'pending';
    open_condition.reason := 'retired';
  end if;
end
$$;
comment on function flex_sync.open_condition(uuid, text, boolean) is 'What is open or in the way on one crew call, from what is stored.';
--! EndIncluded open_condition.sql
--! Included plan_if_in_sync.sql
-- plan_if_in_sync(flex_element_id)
--
-- The plan of an element that shows exactly who is desired, with nothing open and nothing missing: everybody is kept.
-- It is what plan_element says then, for a fraction of the time; whatever is out of the ordinary it leaves to the rest of
-- plan_element and answers null.
--
-- Parameters   flex_element_id   normalised
-- Returns      keep rows, empty where nobody is desired and no line shows a resource; null when it has to be worked out
-- Errors       as plan_element
-- Reads        crew_calls, desired_crew, lines, missing_lines, ledger, elements, outbox, business_roles, tenant
create or replace function flex_sync.plan_if_in_sync(flex_element_id text)
returns flex_sync.planned[]
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
set plan_cache_mode = force_generic_plan
as $$
begin
  if not exists (
    select from elements
    where elements.flex_element_id = plan_if_in_sync.flex_element_id and elements.reading_at is not null
  ) or exists (
    select from outbox
    where outbox.flex_element_id = plan_if_in_sync.flex_element_id
      and outbox.kind <> 'observe'
      and outbox.state in ('pending', 'sending', 'unknown', 'held')
  ) or exists (
    select from missing_lines where missing_lines.flex_element_id = plan_if_in_sync.flex_element_id
  ) then
    return null;
  end if;

  return (
    with
    desired as materialized (
      select crew_calls.id as crew_call_id, person.technician_id, person.resource, person.problem, person.role_id
      from crew_calls
      cross join lateral desired_of(crew_calls.id) as person
      where crew_calls.flex_element_id = plan_if_in_sync.flex_element_id
    ),
    observed as materialized (
      select lines.flex_line_item_id as line, lines.flex_resource_id as resource, lines.flex_role_id as role_id, lines.shows_role,
        lines.written_role_id
      from lines
      where lines.flex_element_id = plan_if_in_sync.flex_element_id
        and lines.present
        and lines.flex_resource_id is not null
    ),
    kept as (
      select desired.crew_call_id, desired.technician_id, desired.resource, observed.line,
        ledger.flex_line_item_id is not null as ours,
        -- As plan_element decides it.
        desired.role_id is not null and case
          when observed.shows_role
            and (observed.role_id is not null or exists (select from tenant where tenant.roles_shown_at is not null))
            and (observed.role_id is null or is_flex_id(observed.role_id) = is_flex_id(desired.role_id))
            then lower(btrim(observed.role_id)) is distinct from lower(btrim(desired.role_id))
          else observed.written_role_id is distinct from desired.role_id
        end as differs
      from desired
      join observed on observed.resource = desired.resource
      left join ledger
        on ledger.flex_line_item_id = observed.line
        and ledger.flex_element_id = plan_if_in_sync.flex_element_id
        and (ledger.flex_resource_id = observed.resource or ledger.flex_resource_id is null)
      where desired.problem is null
    )
    select case
      -- One line for each of them, and no further one.
      when count(*) = (select count(*) from observed)
        and count(*) = (select count(*) from desired)
        and count(*) = count(distinct kept.resource)
        and not coalesce(bool_or(kept.differs), false)
        then coalesce(array_agg(row(
          'keep', kept.crew_call_id, kept.technician_id, kept.resource, kept.line, null, null, null, null, kept.ours, false, null
        )::planned), '{}')
    end
    from kept
  );
end
$$;
comment on function flex_sync.plan_if_in_sync(text) is 'The plan of an element that shows exactly who is desired, with nothing open; null when it has to be worked out.';
--! EndIncluded plan_if_in_sync.sql
--! Included plan_element.sql
-- plan_element(flex_element_id, allow_mass_removal, requested_at)
--
-- Say what has to change on one Flex document so that it shows exactly who its crew calls desire.
-- A pure function of desired, recorded and observed: it writes nothing. Whoever acts on it holds the element's lock.
--
-- Parameters   flex_element_id      normalised
--              allow_mass_removal   lift the counting brakes for lines in the ledger
--              requested_at         a request that has no row in syncs yet: what failed before it is tried once more
-- Returns      planned rows: one per desired person (keep, confirm, wait, contest, unmapped, add), one per role to set,
--              one per line to remove, hold or merely report; docs/planning.md walks through them
-- Errors       whatever desired_crew raises; a row level security policy that would hide rows is an error
-- Reads        plan_if_in_sync, crew_calls, desired_crew, recorded_crew, lines, missing_lines, ledger, elements, outbox, business_roles,
--              settings, syncs, tenant, removal_decisions
create or replace function flex_sync.plan_element(
  flex_element_id text,
  allow_mass_removal boolean default false,
  requested_at timestamptz default null
)
returns setof flex_sync.planned
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_kept constant planned[] := plan_if_in_sync(plan_element.flex_element_id);
begin
  if v_kept is not null then
    return query select kept.* from unnest(v_kept) as kept;
    return;
  end if;
  return query
  with
  now_is as materialized (select clock() as at),
  knobs as materialized (select settings.* from settings),
  element as materialized (
    select elements.* from elements where elements.flex_element_id = plan_element.flex_element_id
  ),
  -- The crew calls that point here; none means that the element is retired.
  calls as materialized (
    select crew_calls.id
    from crew_calls
    where crew_calls.flex_element_id = plan_element.flex_element_id
  ),
  rule as materialized (
    select
      policy_of(plan_element.flex_element_id) as policy,
      not exists (select from calls) as retired,
      not exists (select from element where element.reading_at is not null) as unread,
      (select min(calls.id::text)::uuid from calls) as first_call
  ),
  -- Who should be there. Several rows for one person are read as one.
  desired as materialized (
    select calls.id as crew_call_id, person.technician_id, person.resource, person.problem, person.role_id
    from calls
    cross join lateral desired_of(calls.id) as person
  ),
  -- One line per resource is wanted; where roles differ, the lowest crew call that has one decides.
  wanted as materialized (
    select distinct on (desired.resource) desired.resource, desired.crew_call_id, desired.technician_id, desired.role_id
    from desired
    where desired.resource is not null
    order by desired.resource, desired.role_id is null, desired.crew_call_id, desired.technician_id
  ),
  known as materialized (
    select ledger.flex_line_item_id as line, ledger.flex_resource_id as resource, ledger.crew_call_id, ledger.technician_id
    from ledger
    where ledger.flex_element_id = plan_element.flex_element_id
  ),
  -- Who we believe is there. A row whose line belongs to another element tells nothing about this one.
  recorded as materialized (
    select recorded_crew.crew_call_id, recorded_crew.technician_id, recorded_crew.flex_line_item_id as line,
      coalesce(known.resource, desired.resource) as resource
    from calls
    join recorded_crew on recorded_crew.crew_call_id = calls.id
    left join known on known.line = recorded_crew.flex_line_item_id
    left join desired on desired.crew_call_id = recorded_crew.crew_call_id and desired.technician_id = recorded_crew.technician_id
    where known.line is not null
      or not exists (
        select from ledger
        where ledger.flex_line_item_id = recorded_crew.flex_line_item_id
          and ledger.flex_element_id <> plan_element.flex_element_id
      )
  ),
  -- What the last reading showed, corrected by our own writes; before the first one, what is recorded.
  observed as materialized (
    select lines.flex_line_item_id as line, lines.flex_resource_id as resource, lines.is_contact, lines.parent_line_item_id as parent,
      lines.flex_role_id as role_id, lines.shows_role, lines.written_role_id, lines.name, lines.first_seen_at,
      known.line is not null as ours
    from lines
    left join known on known.line = lines.flex_line_item_id and (known.resource = lines.flex_resource_id or known.resource is null)
    where lines.flex_element_id = plan_element.flex_element_id
      and lines.present
    union all
    select distinct on (recorded.line) recorded.line, recorded.resource, true, null, null, false, null, null, null::timestamptz, known.line is not null
    from rule, recorded
    left join known on known.line = recorded.line
    where rule.unread
      and not exists (
        select from lines
        where lines.flex_element_id = plan_element.flex_element_id and lines.flex_line_item_id = recorded.line
      )
  ),
  open as materialized (
    select outbox.kind, outbox.state, outbox.flex_resource_id as resource, outbox.flex_line_item_id as line
    from outbox
    where outbox.flex_element_id = plan_element.flex_element_id
      and outbox.kind <> 'observe'
      and outbox.state in ('sending', 'unknown')
  ),
  -- Refused since the newest request: only a further request tries once more.
  refused as materialized (
    select outbox.kind, outbox.flex_resource_id as resource, outbox.flex_line_item_id as line, outbox.reason
    from outbox
    cross join now_is
    where outbox.flex_element_id = plan_element.flex_element_id
      and outbox.kind <> 'observe'
      and outbox.state = 'failed'
      and outbox.superseded_at is null
      and case outbox.reason
        when 'contested' then outbox.finished_at > now_is.at - interval '1 day'
        else outbox.finished_at >= greatest(plan_element.requested_at, (
          select max(syncs.last_requested_at) from syncs where syncs.flex_element_id = plan_element.flex_element_id
        ), '-infinity')
      end
  ),
  -- A line whose removal was sent does not count as present.
  countable as materialized (
    select observed.*
    from observed
    where observed.resource is not null
      and not exists (select from open where open.kind = 'remove' and open.line = observed.line)
  ),
  -- The one line each wanted resource keeps: the recorded one, else one of ours, else the oldest.
  chosen as materialized (
    select distinct on (wanted.resource) wanted.resource, wanted.crew_call_id, wanted.technician_id, wanted.role_id as wanted_role_id, countable.line,
      countable.ours, countable.role_id, countable.shows_role, countable.written_role_id, countable.name
    from wanted
    join countable on countable.resource = wanted.resource
    order by
      wanted.resource,
      exists (select from recorded where recorded.line = countable.line) desc,
      countable.ours desc,
      countable.first_seen_at nulls last,
      countable.line
  ),
  missing as materialized (
    select distinct recorded.crew_call_id, recorded.technician_id, recorded.line, recorded.resource
    from recorded
    join missing_lines on missing_lines.flex_line_item_id = recorded.line and missing_lines.flex_resource_id = recorded.resource
  ),
  -- A reading that shows nobody where somebody is recorded: until a second one says so too, nobody is added.
  emptied as materialized (
    select from missing where not exists (select from countable)
  ),
  -- Resources whose recorded line somebody deleted in Flex, and how often we brought it back within a day.
  vanished as materialized (
    select wanted.resource, (
      select count(*)
      from outbox
      where outbox.flex_element_id = plan_element.flex_element_id
        and outbox.kind = 'add'
        and outbox.state = 'done'
        and outbox.reason = 'stale'
        and outbox.flex_resource_id = wanted.resource
        and outbox.finished_at > (select now_is.at from now_is) - interval '1 day'
        -- A person looked and said: once more.
        and outbox.finished_at > coalesce((
          select max(looked_at.superseded_at)
          from outbox as looked_at
          where looked_at.flex_element_id = plan_element.flex_element_id
            and looked_at.kind = 'add'
            and looked_at.state = 'failed'
            and looked_at.reason = 'contested'
            and looked_at.flex_resource_id = wanted.resource
        ), '-infinity')
    ) as times_added_again
    from wanted
    where exists (
      select from lines
      where lines.flex_element_id = plan_element.flex_element_id
        and lines.flex_resource_id = wanted.resource
        and lines.stale_at is not null
        and not exists (
          select from lines as later
          where later.flex_element_id = plan_element.flex_element_id
            and later.flex_resource_id = wanted.resource
            and later.stale_at is null
            and greatest(later.added_at, later.last_seen_at) > lines.stale_at
        )
    )
  ),
  persons as materialized (
    select
      desired.*,
      chosen.line,
      chosen.ours,
      case
        when desired.problem is not null then 'unmapped'
        when missing.line is not null and desired.resource = (
          select recorded.resource from recorded
          where recorded.crew_call_id = desired.crew_call_id and recorded.technician_id = desired.technician_id
          limit 1
        ) then 'confirm'
        when chosen.line is not null then 'keep'
        when exists (select from open where open.kind = 'add' and open.resource = desired.resource) then 'wait'
        when exists (select from open join observed on observed.line = open.line where open.kind = 'remove' and observed.resource = desired.resource) then 'wait'
        when exists (select from refused where refused.kind = 'add' and refused.resource = desired.resource) then 'wait'
        when vanished.times_added_again >= 2 then 'contest'
        when exists (select from emptied) then 'confirm'
        -- Their line is missing in one reading, and recorded for somebody else: who shares the resource, or had it here before.
        when exists (select from missing as theirs where theirs.resource = desired.resource) then 'confirm'
        else 'add'
      end as action,
      vanished.resource is not null as was_deleted,
      (select open.state from open where open.kind = 'add' and open.resource = desired.resource) as open_add
    from desired
    left join chosen on chosen.resource = desired.resource
    left join missing on missing.crew_call_id = desired.crew_call_id and missing.technician_id = desired.technician_id
    left join vanished on vanished.resource = desired.resource
  ),
  -- Lines that nobody wants. Only what says that it is a contact, or is ours, may ever be removed.
  unwanted as materialized (
    select
      countable.line, countable.resource, countable.ours, countable.name, countable.parent,
      case when calls.id is not null then known.crew_call_id end as ledger_call,
      known.technician_id,
      case
        when wanted.resource is not null then 'surplus'
        when not countable.ours then 'foreign'
        when replaced.resource is not null then 'resource_changed'
        else 'undesired'
      end as reason,
      replaced.resource as replaced_by,
      replaced.action as replaced_action,
      replaced.open_add as replaced_open_add
    from countable
    left join wanted on wanted.resource = countable.resource
    left join chosen on chosen.line = countable.line
    left join known on known.line = countable.line
    left join calls on calls.id = known.crew_call_id
    -- The person this line was made for is still desired, by another resource.
    left join lateral (
      select persons.resource, persons.action, persons.open_add
      from persons
      where countable.ours
        and persons.technician_id = known.technician_id
        and persons.resource is distinct from countable.resource
      order by persons.crew_call_id = known.crew_call_id desc, persons.crew_call_id
      limit 1
    ) as replaced on true
    where chosen.line is null
      and (countable.is_contact or countable.ours)
      -- Somebody desired lost their resource: they keep their line.
      and not exists (
        select from persons
        where persons.problem is not null
          and (
            persons.technician_id = known.technician_id
            or exists (
              select from recorded
              where recorded.line = countable.line
                and recorded.crew_call_id = persons.crew_call_id
                and recorded.technician_id = persons.technician_id
            )
          )
      )
      and not exists (
        select from removal_decisions
        where removal_decisions.flex_line_item_id = countable.line
          and removal_decisions.flex_resource_id = countable.resource
          and removal_decisions.decision = 'rejected'
      )
      -- A recorded line that shows somebody else: first it is confirmed that the person lost it.
      and not exists (select from missing where missing.line = countable.line)
      -- The person is still being confirmed: their only line of that resource is nobody's surplus yet.
      and not (wanted.resource is not null and exists (select from persons where persons.resource = countable.resource and persons.action <> 'keep'))
  ),
  -- What the policy lets go, and whether a person already said yes.
  removable as materialized (
    select unwanted.*,
      exists (
        select from removal_decisions, now_is
        where removal_decisions.flex_line_item_id = unwanted.line
          and removal_decisions.flex_resource_id = unwanted.resource
          and removal_decisions.decision = 'approved'
          and removal_decisions.decided_at > now_is.at - interval '1 day'
      ) as approved
    from unwanted, rule
    where (rule.policy in ('mirror', 'report') or (rule.policy = 'owned' and unwanted.ours))
      and not exists (select from refused where refused.kind = 'remove' and refused.line = unwanted.line)
      -- The new line comes first.
      and (unwanted.reason <> 'resource_changed' or unwanted.replaced_action in ('keep', 'add') or unwanted.replaced_open_add = 'sending')
  ),
  counts as materialized (
    select
      (select count(*) from removable) as removals,
      (select count(*) from removable where not removable.ours and removable.reason = 'foreign') as foreign_lines,
      (select count(*) from countable where countable.is_contact or countable.ours or exists (select from wanted where wanted.resource = countable.resource)) as contact_lines,
      (select count(distinct persons.resource) from persons where persons.action = 'add') as adds,
      (
        select count(*) from outbox, now_is
        where outbox.flex_element_id = plan_element.flex_element_id
          and outbox.kind = 'remove'
          and (outbox.state in ('sending', 'unknown') or (outbox.state = 'done' and outbox.finished_at > now_is.at - interval '1 hour'))
      ) as removed_here,
      removals_within_the_hour() as removed_anywhere
  ),
  braked as materialized (
    select removable.*,
      case
        when rule.retired or rule.unread or removable.approved then null
        when removable.reason = 'surplus' and not removable.ours then 'surplus_not_ours'
        when not removable.ours and counts.foreign_lines > 3 then 'many_foreign'
        when removable.ours and plan_element.allow_mass_removal then null
        when counts.removals + counts.removed_here > greatest(5, 0.5 * (counts.contact_lines + counts.removed_here)) then 'large_share'
        when counts.contact_lines > 2 and counts.contact_lines + counts.adds - counts.removals <= 0 then 'empties_the_call'
        when counts.removals + counts.removed_anywhere > knobs.removal_limit then 'removal_limit'
      end as brake
    from removable, counts, knobs, rule
  ),
  -- Flex deletes children with their parent: a line goes alone only if everything under it goes too.
  kin as materialized (
    with recursive below as (
      select observed.parent as ancestor, observed.line from observed where observed.parent is not null
      union
      select observed.parent, below.line from below join observed on observed.line = below.ancestor where observed.parent is not null
    )
    select distinct below.ancestor
    from below
    where not exists (select from braked where braked.line = below.line and braked.brake is null)
      and not exists (select from open where open.kind = 'remove' and open.line = below.line)
  ),
  going as materialized (
    select braked.*,
      case
        when braked.brake is null and not braked.approved and exists (select from kin where kin.ancestor = braked.line) then 'has_children'
        else braked.brake
      end as final_brake,
      coalesce(braked.ledger_call, recorded.crew_call_id, wanted.crew_call_id, rule.first_call, (select element.crew_call_id from element)) as for_call,
      coalesce(braked.technician_id, recorded.technician_id, wanted.technician_id) as for_technician
    from rule
    cross join braked
    left join wanted on wanted.resource = braked.resource
    left join lateral (
      select recorded.crew_call_id, recorded.technician_id from recorded where recorded.line = braked.line order by recorded.crew_call_id limit 1
    ) as recorded on true
  ),
  -- A role is written when the row shows another one; where rows do not show roles, when we do not know that we wrote it.
  roles as materialized (
    select wanted.resource, wanted.crew_call_id, wanted.technician_id, wanted.role_id, chosen.line,
      exists (select from refused where refused.kind = 'set_role' and refused.resource = wanted.resource) as was_refused
    from wanted
    left join chosen on chosen.resource = wanted.resource
    where wanted.role_id is not null
      and exists (select from persons where persons.resource = wanted.resource and (persons.action in ('keep', 'add') or persons.open_add = 'sending'))
      and not exists (select from open where open.kind = 'set_role' and open.resource = wanted.resource)
      and (
        chosen.line is null
        or case
          when chosen.shows_role
            and (chosen.role_id is not null or exists (select from tenant where tenant.roles_shown_at is not null))
            and (chosen.role_id is null or is_flex_id(chosen.role_id) = is_flex_id(wanted.role_id))
            then lower(btrim(chosen.role_id)) is distinct from lower(btrim(wanted.role_id))
          else chosen.written_role_id is distinct from wanted.role_id
        end
      )
  )
  select persons.action, persons.crew_call_id, persons.technician_id, persons.resource, persons.line, null::text,
    case
      when persons.problem is not null then persons.problem
      when persons.action = 'add' and persons.was_deleted then 'stale'
      when persons.action = 'add' then 'desired'
      when persons.action = 'confirm' then 'confirming'
      when persons.action = 'contest' then 'contested'
      when persons.action = 'wait' then coalesce(persons.open_add, case when exists (select from refused where refused.resource = persons.resource) then 'refused' else 'leaving' end)
    end,
    null::text, null::text, persons.ours, false, null::text
  from persons
  union all
  select case when roles.was_refused then 'wait_role' else 'set_role' end,
    roles.crew_call_id, roles.technician_id, roles.resource, roles.line, roles.role_id,
    null, null, case when roles.line is null then roles.resource end, null, false, null
  from roles
  union all
  select case when going.final_brake is null then 'remove' else 'hold' end,
    going.for_call, going.for_technician, going.resource, going.line, null,
    going.reason, going.final_brake,
    case when going.replaced_action <> 'keep' then going.replaced_by end,
    going.ours,
    rule.retired or not (going.approved or (going.ours and plan_element.allow_mass_removal)),
    going.name
  from going, rule
  union all
  select 'report', coalesce(rule.first_call, (select element.crew_call_id from element)), unwanted.technician_id, unwanted.resource, unwanted.line, null,
    unwanted.reason, null, null, unwanted.ours, false, unwanted.name
  from unwanted, rule
  where not exists (select from removable where removable.line = unwanted.line);
end
$$;
comment on function flex_sync.plan_element(text, boolean, timestamptz) is
  'What has to change on one Flex document so that it shows exactly who its crew calls desire. Writes nothing.';
--! EndIncluded plan_element.sql
--! Included queue_reading.sql
-- queue_reading(flex_element_id)
--
-- Keep the one pending observe of an element as next_reading wants it: inserted, moved, or cancelled.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock (who must not wait for it calls note_element)
-- Reads        next_reading
-- Writes       outbox, syncs
create or replace function flex_sync.queue_reading(flex_element_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_need record;
  v_call record;
  v_sync_before bigint;
begin
  if not is_flex_id(queue_reading.flex_element_id) then
    return;
  end if;
  select outbox.sync_id into v_sync_before
  from outbox
  where outbox.flex_element_id = queue_reading.flex_element_id
    and outbox.kind = 'observe'
    and outbox.state = 'pending';
  select next_reading.* into v_need from next_reading(queue_reading.flex_element_id);
  v_now := clock();

  if v_need.due_at is null then
    update outbox
    set state = 'cancelled', finished_at = v_now
    where outbox.flex_element_id = queue_reading.flex_element_id
      and outbox.kind = 'observe'
      and outbox.state = 'pending';
    perform finish_sync(v_sync_before);
    return;
  end if;

  select coalesce(syncs.crew_call_id, elements.crew_call_id) as id into v_call
  from (select queue_reading.flex_element_id as id) as this
  left join elements on elements.flex_element_id = this.id
  left join syncs on syncs.id = v_need.sync_id;

  insert into outbox (sync_id, crew_call_id, flex_element_id, kind, reason, due_at, created_at, priority)
  values (v_need.sync_id, v_call.id, queue_reading.flex_element_id, 'observe', v_need.reason, v_need.due_at, v_now, v_need.priority)
  on conflict (flex_element_id) where kind = 'observe' and state = 'pending'
  do update set
    sync_id = excluded.sync_id,
    due_at = excluded.due_at,
    reason = excluded.reason,
    priority = excluded.priority,
    crew_call_id = excluded.crew_call_id
  -- What is due already keeps its place, however often it is asked for.
  where (outbox.sync_id, outbox.reason, outbox.priority, outbox.crew_call_id, greatest(outbox.due_at, v_now))
    is distinct from (excluded.sync_id, excluded.reason, excluded.priority, excluded.crew_call_id, greatest(excluded.due_at, v_now));
  if v_sync_before is distinct from v_need.sync_id then
    perform finish_sync(v_sync_before);
  end if;
end
$$;
comment on function flex_sync.queue_reading(text) is 'Keeps the one pending observe of an element as next_reading wants it.';
--! EndIncluded queue_reading.sql
--! Included record_done.sql
-- record_done(done)
--
-- Flex did these writes: record them together, in one transaction and a few statements, however many they are. It is a
-- quicker way of record_add, record_set_role and record_remove for the usual case and decides nothing of its own: what
-- is out of the ordinary about one of them it leaves to these, and whatever it raises undoes all of it. A drainer sets a
-- short lock_timeout: what somebody holds is waited for where writes are recorded one by one.
--
-- Parameters   done   [{id, token, line, status}]: operation and token from claim_operations, the new line of an add,
--                     the HTTP status as answered
-- Returns      the operations that are recorded; each other one has to be recorded by its own function
-- Errors       what a row of the host's table refuses; then nothing is recorded
-- Reads        element_health, tenant, crew_calls
-- Writes       outbox, ledger, lines, calls, the host's flex_crew_assignments, syncs, due_elements
create or replace function flex_sync.record_done(done jsonb)
returns table (operation_id bigint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
-- Found by their ids, whatever the statistics say.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := clock();
  v_ids bigint[];
  -- In the order of the ids; no line where none was made.
  v_calls bigint[];
  v_lines text[];
  v_statuses int[];
  v_elements text[];
  v_syncs bigint[];
  v_adds boolean;
  v_roles boolean;
  v_removals boolean;
begin
  with
  told as materialized (
    select told.id, told.token, flex_id(told.line) as line, told.status
    from jsonb_to_recordset(record_done.done) as told (id bigint, token uuid, line text, status int)
  ),
  in_flight as materialized (
    select outbox.*, told.line, told.status, told.token as told_token
    from told
    join outbox on outbox.id = told.id
    order by outbox.id
    for update of outbox skip locked
  ),
  usual as (
    select in_flight.*
    from in_flight
    -- Asked here: the ids find the rows, and not an index of everything that was ever sent.
    where in_flight.state = 'sending'
      and in_flight.token = in_flight.told_token
      and (in_flight.kind in ('set_role', 'remove') or (
        in_flight.kind = 'add'
        and in_flight.line is not null
        and in_flight.attempts = 1
        and in_flight.persons <> '[]'
        -- One row each and its index: of "not exists" the planner may read every line there is into a hash table.
        and (select true from ledger where ledger.flex_line_item_id = in_flight.line limit 1) is null
        and (
          select true from lines
          where lines.flex_element_id = in_flight.flex_element_id and lines.flex_line_item_id = in_flight.line
          limit 1
        ) is null
        and (
          select bool_and((
            select true from crew_calls
            where crew_calls.id = person.crew_call_id and crew_calls.flex_element_id = in_flight.flex_element_id
            limit 1
          ) is not null)
          from jsonb_to_recordset(in_flight.persons) as person (crew_call_id uuid)
        )
      ))
  )
  select array_agg(usual.id order by usual.id), array_agg(usual.call_number order by usual.id),
    array_agg(case when usual.kind = 'add' then usual.line end order by usual.id), array_agg(usual.status order by usual.id),
    array_agg(distinct usual.flex_element_id), array_agg(distinct usual.sync_id),
    bool_or(usual.kind = 'add'), bool_or(usual.kind = 'set_role'), bool_or(usual.kind = 'remove')
  into v_ids, v_calls, v_lines, v_statuses, v_elements, v_syncs, v_adds, v_roles, v_removals
  from usual;
  if v_ids is null then
    return;
  end if;

  update outbox
  set
    state = 'done',
    finished_at = v_now,
    flex_line_item_id = coalesce(v_lines[array_position(v_ids, outbox.id)], outbox.flex_line_item_id),
    http_status = v_statuses[array_position(v_ids, outbox.id)],
    error = null
  where outbox.id = any (v_ids);
  update calls
  set
    answered_at = v_now,
    outcome = 'done',
    http_status = v_statuses[array_position(v_calls, calls.number)],
    error = null,
    flex_line_item_id = coalesce(v_lines[array_position(v_calls, calls.number)], calls.flex_line_item_id)
  where calls.number = any (v_calls)
    and calls.answered_at is null;

  if v_adds then
    insert into ledger (flex_line_item_id, flex_element_id, flex_resource_id, crew_call_id, technician_id, source, operation_id, entered_at)
    select outbox.flex_line_item_id, outbox.flex_element_id, outbox.flex_resource_id, outbox.crew_call_id, outbox.technician_id, 'added', outbox.id, v_now
    from outbox
    where outbox.id = any (v_ids)
      and outbox.kind = 'add'
    order by outbox.flex_line_item_id
    -- A reading may have seen it this moment: as in enter_ledger.
    on conflict on constraint ledger_pkey do update
    set
      gone_at = null,
      flex_element_id = coalesce(ledger.flex_element_id, excluded.flex_element_id),
      flex_resource_id = coalesce(ledger.flex_resource_id, excluded.flex_resource_id);
    insert into lines (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, present, added_at)
    select outbox.flex_element_id, outbox.flex_line_item_id, outbox.flex_resource_id, true, true, v_now
    from outbox
    where outbox.id = any (v_ids)
      and outbox.kind = 'add'
    order by outbox.flex_element_id, outbox.flex_line_item_id
    on conflict on constraint lines_pkey do update
    set present = true, added_at = excluded.added_at, flex_resource_id = excluded.flex_resource_id;
    perform record_persons(v_ids);

    -- What waited for the lines: their roles, and the lines they replace. A row that a planner holds is left to a reading.
    with
    waiting as materialized (
      select outbox.id, outbox.state
      from outbox
      where outbox.after_operation_id = any (v_ids)
      order by outbox.id
      for update skip locked
    )
    update outbox
    set
      after_operation_id = null,
      due_at = v_now,
      flex_line_item_id = case when outbox.kind = 'set_role' then added.flex_line_item_id else outbox.flex_line_item_id end
    from waiting, outbox as added
    where outbox.id = waiting.id
      and waiting.state = 'pending'
      and added.id = outbox.after_operation_id;
    perform note_element(locked.flex_element_id, 'what waited for an add was locked', true)
    from (
      select distinct waiting.flex_element_id
      from (select outbox.flex_element_id, outbox.state from outbox where outbox.after_operation_id = any (v_ids) offset 0) as waiting
      where waiting.state = 'pending'
    ) as locked;
    -- A reading made meanwhile showed such a line beside another one, and planned without knowing whose it is.
    perform note_element(beside.flex_element_id, 'an added line is not the only one of its resource', true)
    from (
      select distinct outbox.flex_element_id
      from outbox
      join lines on lines.flex_element_id = outbox.flex_element_id and lines.flex_resource_id = outbox.flex_resource_id
      where outbox.id = any (v_ids)
        and outbox.kind = 'add'
        and lines.flex_line_item_id <> outbox.flex_line_item_id
        and lines.present
    ) as beside;
  end if;
  if v_roles then
    perform write_role(outbox.flex_element_id, outbox.flex_line_item_id, outbox.flex_role_id)
    from outbox
    where outbox.id = any (v_ids)
      and outbox.kind = 'set_role'
    order by outbox.flex_element_id, outbox.flex_line_item_id;
  end if;
  if v_removals then
    update lines
    set present = false, removed_at = v_now
    from outbox
    where outbox.id = any (v_ids)
      and outbox.kind = 'remove'
      and lines.flex_element_id = outbox.flex_element_id
      and lines.flex_line_item_id = outbox.flex_line_item_id;
    perform forget_removed(v_ids);
  end if;

  if exists (select from tenant where tenant.failures > 0 or tenant.careful_successes is not null)
    or exists (select from element_health where element_health.flex_element_id = any (v_elements) and element_health.failures > 0)
  then
    perform note_success(outbox.flex_element_id) from outbox where outbox.id = any (v_ids) order by outbox.flex_element_id;
  end if;
  -- Everybody locks syncs last, and by id; and looks for what is open afterwards, as finish_sync does.
  perform from syncs
  where syncs.id = any (v_syncs)
    and syncs.finished_at is null
  order by syncs.id
  for update;
  perform finish_sync(ended.id)
  from (
    select sync.id
    from unnest(v_syncs) as sync (id)
    where (select true from outbox where outbox.sync_id = sync.id and outbox.state in ('pending', 'sending') limit 1) is null
    order by sync.id
  ) as ended;
  return query select recorded.id from unnest(v_ids) as recorded (id);
end
$$;
comment on function flex_sync.record_done(jsonb) is 'Records writes that Flex did together; what is out of the ordinary it leaves to the function of its kind.';
--! EndIncluded record_done.sql
--! Included state_of_crew_call.sql
-- state_of_crew_call(crew_call_id, flex_element_id, retired)
--
-- How one crew call stands: what crew_call_status shows of it.
--
-- Parameters   as open_condition
-- Returns      one row: condition, reason, desired, recorded, observed, pending, unknown, held, failed, plan, observed_at,
--              last_sync_at, next_action
-- Reads        open_condition, why_pending, desired_or_nobody, recorded_crew, lines, crew_calls, policy_of, stays_by_policy
create or replace function flex_sync.state_of_crew_call(
  crew_call_id uuid,
  flex_element_id text,
  retired boolean,
  out condition text,
  out reason text,
  out desired bigint,
  out recorded bigint,
  out observed bigint,
  out pending bigint,
  out unknown bigint,
  out held bigint,
  out failed bigint,
  out plan text,
  out observed_at timestamptz,
  out last_sync_at timestamptz,
  out next_action text
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_open record;
  v_differs bigint := 0;
  v_unmapped text;
  v_unmapped_people uuid[];
  v_policy text;
begin
  select open_condition.* into v_open
  from open_condition(state_of_crew_call.crew_call_id, state_of_crew_call.flex_element_id, state_of_crew_call.retired);
  state_of_crew_call.condition := v_open.condition;
  state_of_crew_call.reason := case
    when v_open.condition = 'pending' and v_open.reason is null then why_pending(state_of_crew_call.flex_element_id, v_open.limited)
    else v_open.reason
  end;
  state_of_crew_call.pending := v_open.pending;
  state_of_crew_call.unknown := v_open.unknown;
  state_of_crew_call.held := v_open.held;
  state_of_crew_call.failed := v_open.failed;
  state_of_crew_call.plan := v_open.plan;
  state_of_crew_call.observed_at := v_open.observed_at;
  state_of_crew_call.last_sync_at := v_open.last_sync_at;

  select count(*) into state_of_crew_call.observed
  from lines
  where lines.flex_element_id = state_of_crew_call.flex_element_id
    and lines.present
    and lines.flex_resource_id is not null;

  if state_of_crew_call.retired then
    state_of_crew_call.desired := 0;
    state_of_crew_call.recorded := 0;
  else
    v_policy := policy_of(state_of_crew_call.flex_element_id);
    with
    desired as materialized (
      select * from desired_or_nobody(state_of_crew_call.crew_call_id)
    ),
    recorded as materialized (
      select recorded_crew.technician_id, recorded_crew.flex_line_item_id as line
      from recorded_crew
      where recorded_crew.crew_call_id = state_of_crew_call.crew_call_id
    ),
    there as materialized (
      select lines.flex_resource_id as resource, lines.flex_line_item_id as line, lines.shows_role, lines.flex_role_id,
        lines.written_role_id, lines.first_seen_at
      from lines
      where lines.flex_element_id = state_of_crew_call.flex_element_id
        and lines.present
        and lines.flex_resource_id is not null
    ),
    -- The line that stands for each desired person: the recorded one, else the oldest.
    shown as materialized (
      select distinct on (desired.technician_id) desired.technician_id, there.*
      from desired
      join there on there.resource = desired.resource
      left join recorded on recorded.technician_id = desired.technician_id
      order by desired.technician_id, there.line = recorded.line desc nulls last, there.first_seen_at, there.line
    ),
    persons as (
      select
        desired.technician_id,
        desired.technician_id is not null as is_desired,
        recorded.technician_id is not null as is_recorded,
        desired.problem,
        case
          when desired.problem is not null then false
          when desired.technician_id is null then not stays_by_policy(state_of_crew_call.flex_element_id, recorded.line, v_policy)
          when recorded.technician_id is null or shown.line is null then true
          when v_policy <> 'report' and desired.role_id is not null and case
              when shown.shows_role and shown.flex_role_id is not null then lower(btrim(shown.flex_role_id)) <> lower(btrim(desired.role_id))
              else shown.written_role_id is distinct from desired.role_id
            end
            then not exists (
              -- Somebody else with this resource has another role, here or on another crew call: the lowest id decides.
              select from crew_calls as sharing
              cross join lateral desired_or_nobody(sharing.id) as other
              where sharing.flex_element_id = state_of_crew_call.flex_element_id
                and (sharing.id <> state_of_crew_call.crew_call_id or other.technician_id <> desired.technician_id)
                and other.resource = desired.resource
                and (other.role_code, other.role_id) is distinct from (desired.role_code, desired.role_id)
            )
          else false
        end as differs
      from desired
      full join recorded on recorded.technician_id = desired.technician_id
      left join shown on shown.technician_id = desired.technician_id
    )
    select
      count(*) filter (where persons.is_desired),
      count(*) filter (where persons.is_recorded),
      count(*) filter (where persons.differs),
      min(persons.problem),
      array_agg(persons.technician_id order by persons.problem, persons.technician_id) filter (where persons.problem is not null)
    into state_of_crew_call.desired, state_of_crew_call.recorded, v_differs, v_unmapped, v_unmapped_people
    from persons;
  end if;

  if state_of_crew_call.condition is null then
    if state_of_crew_call.retired then
      state_of_crew_call.condition := 'synced';
    elsif v_open.observed_at is not null and v_open.last_sync_at is not null and v_differs > 0 then
      state_of_crew_call.condition := 'pending';
      state_of_crew_call.reason := case when v_policy = 'report' then 'report_only' else 'not_requested' end;
    elsif v_open.last_sync_at is not null and v_open.observed_at < v_open.last_requested_at then
      state_of_crew_call.condition := 'pending';
      state_of_crew_call.reason := 'requested';
    elsif v_unmapped is not null then
      state_of_crew_call.condition := 'unmapped';
      state_of_crew_call.reason := v_unmapped;
    elsif v_open.observed_at is null or v_open.last_sync_at is null then
      state_of_crew_call.condition := 'never_synced';
      state_of_crew_call.reason := 'never_synced';
    else
      state_of_crew_call.condition := 'synced';
    end if;
  end if;
  state_of_crew_call.next_action := next_action(
    state_of_crew_call.condition, state_of_crew_call.reason, state_of_crew_call.crew_call_id, v_open.failed_operation_id, v_open.plan, v_unmapped_people
  );
end
$$;
comment on function flex_sync.state_of_crew_call(uuid, text, boolean) is 'How one crew call stands: what crew_call_status shows of it.';
--! EndIncluded state_of_crew_call.sql

select flex_sync.grant_privileges();
