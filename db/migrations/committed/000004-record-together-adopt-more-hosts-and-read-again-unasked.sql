--! Previous: sha1:1fbfd8f502b67c58d447a78347a4af98be020386
--! Hash: sha1:dcd346cedab1d92d6a17ae4a0db3ccc445cebe6a
--! Message: Record together, adopt more hosts and read again unasked

select flex_sync.remember_objects();

-- Since when an element is blocked, however often it was tried since; and when its next background reading is due.
alter table flex_sync.elements add column if not exists blocked_since timestamptz;
comment on column flex_sync.elements.blocked_since is 'Since when it is blocked; blocked_at is when that was seen last.';
update flex_sync.elements set blocked_since = blocked_at where blocked_reason is not null and blocked_since is null;
alter table flex_sync.elements add column if not exists background_at timestamptz;
comment on column flex_sync.elements.background_at is 'Its next background reading is due no earlier: they are spread, and put off while few calls are left.';

-- One person's open operations among the thousands of an element; when a contested person was looked at.
drop index if exists flex_sync.outbox_open;
create index outbox_open on flex_sync.outbox (flex_element_id, kind, flex_resource_id) where state in ('pending', 'sending', 'unknown', 'held');
drop index if exists flex_sync.outbox_failed;
create index outbox_failed on flex_sync.outbox (flex_element_id, kind, flex_resource_id) where state = 'failed' and superseded_at is null;
create index if not exists outbox_contested on flex_sync.outbox (flex_element_id, flex_resource_id)
  where kind = 'add' and state = 'failed' and reason = 'contested';

--! Included adopt.sql
-- adopt(crew_call_id, flex_line_item_id)
--
-- A line that a person made in Flex for somebody desired becomes ours: it enters the ledger.
--
-- Parameters   crew_call_id        flex_crew_calls.id
--              flex_line_item_id   a line the last reading showed
-- Returns      text, whose line it is now
-- Errors       NOCAL   no crew call has this id
--              NOLIN   the line is not on the crew call, or nobody desired has its resource
-- Reads        lines, ledger, desired_of
-- Writes       ledger, due_elements, operator_log; nothing where the line is ours already
create or replace function flex_sync.adopt(crew_call_id uuid, flex_line_item_id text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_element constant text := crew_call_or_raise(adopt.crew_call_id);
  v_resource text;
  v_technician_id uuid;
begin
  select lines.flex_resource_id into v_resource
  from lines
  where lines.flex_element_id = v_element
    and lines.flex_line_item_id = flex_id(adopt.flex_line_item_id)
    and lines.present;
  select desired.technician_id into v_technician_id
  from desired_of(adopt.crew_call_id) as desired
  where desired.resource = v_resource
  order by desired.technician_id
  limit 1;
  if v_technician_id is null then
    raise exception 'line % cannot be adopted: %', coalesce(printable(left(adopt.flex_line_item_id, 100)), 'null'),
      case when v_resource is null then 'the last reading shows no such contact line on this crew call' else 'nobody desired has its resource ' || v_resource end
      using errcode = 'NOLIN', hint = case
        when v_element is null then 'The crew call has no element: set flex_crew_calls.flex_element_id first.'
        else format('select flex_line_item_id, name from flex_sync.lines where flex_element_id = %L and present;', v_element)
      end;
  end if;
  perform from ledger
  where ledger.flex_line_item_id = flex_id(adopt.flex_line_item_id)
    and ledger.flex_resource_id = v_resource
    and ledger.gone_at is null;
  if found then
    return format('line %s is ours already, for person %s', flex_id(adopt.flex_line_item_id), v_technician_id);
  end if;
  perform enter_ledger(flex_id(adopt.flex_line_item_id), v_element, v_resource, adopt.crew_call_id, v_technician_id, 'adopted');
  perform log_operator('adopt', jsonb_build_object(
    'crew_call_id', adopt.crew_call_id, 'flex_line_item_id', flex_id(adopt.flex_line_item_id), 'flex_resource_id', v_resource,
    'technician_id', v_technician_id
  ));
  perform note_element(v_element, 'a line was adopted', true);
  return format('line %s is ours now, for person %s', flex_id(adopt.flex_line_item_id), v_technician_id);
end
$$;
comment on function flex_sync.adopt(uuid, text) is 'A human-made line of somebody desired becomes ours.';
--! EndIncluded adopt.sql
--! Included ago.sql
-- ago(at)
--
-- How long ago a time was, as people say it: 12 s, 4 min, 3 h, 2 days.
--
-- Parameters   at   null answers null
create or replace function flex_sync.ago(at timestamptz)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_seconds constant numeric := floor(extract(epoch from clock() - ago.at));
begin
  return case
    when v_seconds < 120 then format('%s s', greatest(v_seconds, 0))
    when v_seconds < 7200 then format('%s min', floor(v_seconds / 60))
    when v_seconds < 172800 then format('%s h', floor(v_seconds / 3600))
    when v_seconds is not null then format('%s days', floor(v_seconds / 86400))
  end;
end
$$;
comment on function flex_sync.ago(timestamptz) is 'How long ago a time was, as people say it.';
--! EndIncluded ago.sql
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
    and not exists (
      select from outbox
      where outbox.flex_element_id = apply_plan.flex_element_id and outbox.kind = 'add'
        and outbox.flex_resource_id = operation.resource and outbox.state in ('pending', 'sending', 'unknown')
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
    and not exists (
      select from outbox
      where outbox.flex_element_id = apply_plan.flex_element_id and outbox.kind = operation.kind
        and outbox.state in ('pending', 'sending', 'unknown', 'held')
        and case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end = operation.subject
    )
  order by operation.crew_call_id, operation.technician_id, operation.line;

  -- What waits for an add waits for the one that is open now.
  update outbox
  set after_operation_id = first.id
  from operations_of(v_plan) as operation
  join outbox as first
    on first.flex_element_id = apply_plan.flex_element_id and first.kind = 'add'
    and first.flex_resource_id = operation.after_resource and first.state in ('pending', 'sending')
  where outbox.flex_element_id = apply_plan.flex_element_id
    and outbox.kind = operation.kind
    and outbox.kind <> 'add'
    and outbox.state in ('pending', 'held')
    and operation.subject = case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end
    and outbox.after_operation_id is distinct from first.id;

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
--! Included approve_removals.sql
-- approve_removals(crew_call_id, plan)
--
-- Yes, remove the held lines of this plan: exactly those (id and resource), until they are gone or a day has passed.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              plan           crew_call_status.plan, or the plan that sync_crew_call answered
-- Returns      how many lines the answer covers
-- Errors       NOCAL   no crew call has this id
--              NOPLN   nothing is held under this plan
create or replace function flex_sync.approve_removals(crew_call_id uuid, plan text)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  return decide_removals(approve_removals.crew_call_id, approve_removals.plan, 'approved');
end
$$;
comment on function flex_sync.approve_removals(uuid, text) is 'Yes, remove the held lines of this plan.';
--! EndIncluded approve_removals.sql
--! Included begin_background_readings.sql
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
--! EndIncluded begin_background_readings.sql
--! Included block_element.sql
-- block_element(flex_element_id, reason, error)
--
-- Nothing can be done on this element for now: cancel what was not sent, so that its syncs end, and say why.
-- The next sync request tries again, and so does an hourly reading.
--
-- Parameters   flex_element_id   normalised
--              reason            element_gone | access_denied | host_view
--              error             what was seen
-- Writes       elements, outbox, due_elements, decisions
create or replace function flex_sync.block_element(flex_element_id text, reason text, error text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
begin
  update outbox
  set state = 'cancelled', reason = 'blocked', finished_at = v_now
  where outbox.flex_element_id = block_element.flex_element_id
    and outbox.kind <> 'observe'
    and outbox.state = 'pending';

  update elements
  set
    -- Tried again and blocked all the same is one block; the hour until the next try begins anew.
    blocked_since = case when elements.blocked_reason = block_element.reason then coalesce(elements.blocked_since, elements.blocked_at) else v_now end,
    blocked_reason = block_element.reason, blocked_error = block_element.error, blocked_at = v_now, reading_wanted_at = null
  where elements.flex_element_id = block_element.flex_element_id;
  perform note_block(block_element.flex_element_id, null, null, block_element.reason, block_element.error);
  perform note_element(block_element.flex_element_id, block_element.reason, false);
end
$$;
comment on function flex_sync.block_element(text, text, text) is 'Cancels what was not sent on an element and says why nothing can be done there for now.';
--! EndIncluded block_element.sql
--! Included calls_left.sql
-- calls_left()
--
-- How many Flex calls may be made now, and when the next one frees where none is left. Exact sliding windows:
-- call numbers are gapless and rise with time, so a window's count is one subtraction.
--
-- Returns      one row: hourly, daily, monthly (left in each window), left_now (the least), frees_at (null while any is left)
-- Reads        settings, calls
create or replace function flex_sync.calls_left()
returns table (hourly bigint, daily bigint, monthly bigint, left_now bigint, frees_at timestamptz)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_now constant timestamptz := clock();
begin
  return query
  with
  windows as (
    select 'hourly' as name, interval '1 hour' as length, coalesce(settings.hourly_limit, settings.monthly_limit / 50)::bigint as allowed from settings
    union all
    select 'daily', interval '24 hours', coalesce(settings.daily_limit, settings.monthly_limit / 10)::bigint from settings
    union all
    -- The longest month, docs/decisions/0015.
    select 'monthly', interval '744 hours', settings.monthly_limit::bigint from settings
  ),
  last as (
    -- Not max(): Postgres 14 would read every call for it here.
    select coalesce((select calls.number from calls order by calls.number desc limit 1), 0) as number
  ),
  -- The newest call that has left each window; calls before the oldest kept one left it long ago.
  counted as (
    select windows.name, windows.length, windows.allowed,
      last.number - coalesce(
        (select calls.number from calls where calls.made_at <= v_now - windows.length order by calls.made_at desc, calls.number desc limit 1),
        (select min(calls.number) - 1 from calls),
        0
      ) as used,
      last.number as last_number
    from windows, last
  ),
  remaining as (
    select counted.*, greatest(counted.allowed - counted.used, 0) as remaining,
      -- The call whose leaving makes room for the next one.
      case when counted.used >= counted.allowed and counted.allowed > 0 then (
        select calls.made_at + counted.length from calls where calls.number = counted.last_number - counted.allowed + 1
      ) when counted.allowed = 0 then timestamptz 'infinity' end as frees_at
    from counted
  )
  select
    max(remaining.remaining) filter (where remaining.name = 'hourly'),
    max(remaining.remaining) filter (where remaining.name = 'daily'),
    max(remaining.remaining) filter (where remaining.name = 'monthly'),
    min(remaining.remaining),
    max(remaining.frees_at)
  from remaining;
end
$$;
comment on function flex_sync.calls_left() is 'How many Flex calls may be made now, in each window, and when the next one frees where none is left.';
--! EndIncluded calls_left.sql
--! Included claim_call.sql
-- claim_call(drainer, kind, deadline, operation_id)
--
-- Count one further call that an operation in flight needs: whether its element exists, whether the token works.
--
-- Parameters   drainer        who makes it
--              kind           identity | user
--              deadline       after how long it gives up waiting for an answer
--              operation_id   outbox.id
-- Returns      the call's number, or null when the budget has none left: then ask again later
-- Errors       ISOLA   the transaction is not read committed
-- Locks        budget
-- Writes       calls
create or replace function flex_sync.claim_call(drainer text, kind text, deadline interval, operation_id bigint)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_operation outbox;
begin
  perform read_committed_only();
  perform set_config('synchronous_commit', 'on', true);
  perform lock_budget();
  perform from calls_left() where calls_left.left_now > 0;
  if not found then
    return null;
  end if;
  select outbox.* into v_operation from outbox where outbox.id = claim_call.operation_id;
  return count_call(claim_call.kind, claim_call.drainer, clock() + claim_call.deadline, v_operation);
end
$$;
comment on function flex_sync.claim_call(text, text, interval, bigint) is 'Counts one further call that an operation in flight needs; null when the budget has none left.';
--! EndIncluded claim_call.sql
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
        -- An element that can take no more is left out of the rest of the walk, however much waits there.
        v_busy := v_busy || v_candidate.flex_element_id;
        v_goes_on := true;
        exit;
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
  perform from syncs
  where syncs.flex_element_id in (select outbox.flex_element_id from outbox where outbox.id = any (v_taken) and outbox.kind = 'observe')
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
--! Included claim_probe.sql
-- claim_probe(drainer, deadline)
--
-- While the breaker is open: let one drainer ask Flex whether it works again (GET current-user), at most every
-- probe_wait, one at a time.
--
-- Parameters   drainer    who asks
--              deadline   after how long it gives up waiting for an answer
-- Returns      the call's number, or null when nobody may ask now
-- Errors       ISOLA   the transaction is not read committed
-- Locks        budget
-- Writes       tenant, calls
create or replace function flex_sync.claim_probe(drainer text, deadline interval)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_now timestamptz;
begin
  perform read_committed_only();
  perform set_config('synchronous_commit', 'on', true);
  perform lock_budget();
  v_now := clock();
  perform from calls_left() where calls_left.left_now > 0;
  if not found then
    return null;
  end if;
  -- Whoever probes has until its deadline; if it dies, the next may ask then.
  update tenant
  set probe_at = v_now + greatest(tenant.probe_wait, claim_probe.deadline + interval '1 s')
  where tenant.breaker_opened_at is not null
    and tenant.paused_at is null
    and tenant.probe_at <= v_now;
  if not found then
    return null;
  end if;
  return count_call('user', claim_probe.drainer, v_now + claim_probe.deadline);
end
$$;
comment on function flex_sync.claim_probe(text, interval) is 'While the breaker is open: lets one drainer at a time ask Flex whether it works again.';
--! EndIncluded claim_probe.sql
--! Included close_call.sql
-- close_call(call_number, outcome, http_status, error)
--
-- Write down how a counted call ended.
--
-- Writes       calls
create or replace function flex_sync.close_call(call_number bigint, outcome text, http_status int, error text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  update calls
  set answered_at = clock(), outcome = close_call.outcome, http_status = close_call.http_status, error = left(close_call.error, 500)
  where calls.number = close_call.call_number
    and calls.answered_at is null;
end
$$;
comment on function flex_sync.close_call(bigint, text, int, text) is 'Writes down how a counted call ended.';
--! EndIncluded close_call.sql
--! Included decide_removals.sql
-- decide_removals(crew_call_id, plan, decision)
--
-- A person's yes or no to the held removals of exactly one plan. Saying the same again while it holds changes nothing;
-- saying the opposite of an earlier answer overrules it while its lines are still there.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              plan           crew_call_status.plan, or the plan that sync_crew_call answered
--              decision       approved | rejected
-- Returns      how many lines the answer covers
-- Errors       NOCAL   no crew call has this id
--              NOPLN   nothing is held under this plan
-- Reads        outbox, operator_log
-- Writes       removal_decisions, outbox, due_elements, operator_log
create or replace function flex_sync.decide_removals(crew_call_id uuid, plan text, decision text)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
  v_element text := crew_call_or_raise(decide_removals.crew_call_id);
  v_current text := held_plan(decide_removals.crew_call_id, v_element);
  v_held boolean;
  v_was text;
  v_covered int;
  v_number int := 0;
begin
  -- A crew call that was pointed elsewhere may have left something held behind.
  select found.flex_element_id, found.held into v_element, v_held
  from (
    select distinct outbox.flex_element_id, true as held
    from outbox
    where outbox.crew_call_id = decide_removals.crew_call_id
      and outbox.state = 'held'
      and held_plan(decide_removals.crew_call_id, outbox.flex_element_id) = decide_removals.plan
    union all
    select removal_decisions.flex_element_id, false
    from removal_decisions
    where removal_decisions.crew_call_id = decide_removals.crew_call_id and removal_decisions.plan = decide_removals.plan
  ) as found
  order by found.held desc, found.flex_element_id
  limit 1;

  select
    max(removal_decisions.decision),
    count(*) filter (where removal_decisions.decision = decide_removals.decision
      and (removal_decisions.decision = 'rejected' or removal_decisions.decided_at > v_now - interval '1 day'))
  into v_was, v_covered
  from removal_decisions
  where removal_decisions.crew_call_id = decide_removals.crew_call_id
    and removal_decisions.plan = decide_removals.plan;

  if v_covered > 0 then
    return v_covered;
  elsif v_held then
    insert into removal_decisions (flex_element_id, flex_line_item_id, flex_resource_id, crew_call_id, plan, decision, decided_at, decided_by)
    select v_element, outbox.flex_line_item_id, outbox.flex_resource_id, decide_removals.crew_call_id, decide_removals.plan,
      decide_removals.decision, v_now, who_acts()
    from outbox
    where outbox.flex_element_id = v_element
      and outbox.crew_call_id = decide_removals.crew_call_id
      and outbox.kind = 'remove'
      and outbox.state = 'held'
      and outbox.flex_resource_id is not null
    on conflict on constraint removal_decisions_pkey do update
    set plan = excluded.plan, decision = excluded.decision, decided_at = excluded.decided_at, decided_by = excluded.decided_by;
    get diagnostics v_number = row_count;
  elsif v_was <> decide_removals.decision then
    update removal_decisions
    set decision = decide_removals.decision, decided_at = v_now, decided_by = who_acts()
    where removal_decisions.crew_call_id = decide_removals.crew_call_id
      and removal_decisions.plan = decide_removals.plan;
    get diagnostics v_number = row_count;
  end if;

  if v_number = 0 then
    -- The same answer again, after its lines are gone, is no mistake.
    perform from operator_log
    where v_was is null
      and operator_log.action = decide_removals.decision || ' removals'
      and operator_log.arguments @> jsonb_build_object('crew_call_id', decide_removals.crew_call_id, 'plan', decide_removals.plan);
    if found then
      return 0;
    end if;
    raise exception 'nothing is held under the plan %', coalesce(printable(left(decide_removals.plan, 100)), 'null')
      using errcode = 'NOPLN', hint = case
        when v_current is null then 'Nothing is held on this crew call now.'
        else format('What is held now is plan %s: read select flex_sync.explain(%L); and answer that.', v_current, decide_removals.crew_call_id)
      end;
  end if;
  perform log_operator(decide_removals.decision || ' removals', jsonb_build_object(
    'crew_call_id', decide_removals.crew_call_id, 'plan', decide_removals.plan, 'lines', v_number, 'was', v_was,
    'flex_line_item_ids', (
      select jsonb_agg(removal_decisions.flex_line_item_id order by removal_decisions.flex_line_item_id)
      from removal_decisions
      where removal_decisions.crew_call_id = decide_removals.crew_call_id and removal_decisions.plan = decide_removals.plan
    )
  ));
  if decide_removals.decision = 'rejected' then
    -- A yes that is taken back: what a reading has confirmed since is not sent before the next one. What a planner or a
    -- drainer holds right now is left to them.
    update outbox
    set reading_at = null
    where outbox.id in (
      select confirmed.id
      from outbox as confirmed
      join removal_decisions
        on removal_decisions.flex_line_item_id = confirmed.flex_line_item_id and removal_decisions.flex_resource_id = confirmed.flex_resource_id
      where confirmed.flex_element_id = v_element
        and confirmed.kind = 'remove'
        and confirmed.state = 'pending'
        and removal_decisions.decision = 'rejected'
      order by confirmed.id
      for update of confirmed skip locked
    );
  end if;
  perform note_element(v_element, 'removals were ' || decide_removals.decision, true);
  return v_number;
end
$$;
comment on function flex_sync.decide_removals(uuid, text, text) is 'A person''s yes or no to the held removals of exactly one plan.';
--! EndIncluded decide_removals.sql
--! Included desired_columns.sql
-- desired_columns(host_table)
--
-- The columns of a table that the view desired_crew names, itself or through other views. A whole row and what a function
-- reads are not seen.
--
-- Parameters   host_table   its oid
-- Returns      their names
create or replace function flex_sync.desired_columns(host_table oid)
returns text[]
language plpgsql
stable
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return (
    with recursive
    views as (
      select 'flex_sync.desired_crew'::regclass::oid as id
      union
      select pg_depend.refobjid
      from views
      join pg_rewrite on pg_rewrite.ev_class = views.id
      join pg_depend on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid and pg_depend.refclassid = 'pg_class'::regclass
      join pg_class on pg_class.oid = pg_depend.refobjid and pg_class.relkind = 'v'
    )
    select coalesce(array_agg(distinct pg_attribute.attname::text), '{}')
    from views
    join pg_rewrite on pg_rewrite.ev_class = views.id
    join pg_depend on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid
      and pg_depend.refclassid = 'pg_class'::regclass and pg_depend.refobjid = desired_columns.host_table
    join pg_attribute on pg_attribute.attrelid = pg_depend.refobjid and pg_attribute.attnum = pg_depend.refobjsubid
  );
end
$$;
comment on function flex_sync.desired_columns(oid) is 'The columns of a table that the view desired_crew names.';
--! EndIncluded desired_columns.sql
--! Included desired_of.sql
-- desired_of(crew_call_id)
--
-- Who one crew call should show, one row per person, with ids that can be compared: desired_crew as everything else reads it.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      technician_id, resource (normalised; null where there is none that may be sent), problem (no_resource |
--              malformed_id), role_code, role_id (from business_roles; null when the code has no tier or no row)
-- Errors       whatever the host's view raises; a row level security policy that would hide rows is an error
-- Reads        desired_crew, crew_calls, business_roles
create or replace function flex_sync.desired_of(crew_call_id uuid)
returns table (technician_id uuid, resource text, problem text, role_code text, role_id text)
language plpgsql
volatile
rows 40
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  with
  -- Each id and each tier is worked out once, whatever they cost.
  people as materialized (
    select desired_crew.technician_id, flex_id(desired_crew.flex_resource_id) as id, is_flex_id(desired_crew.flex_resource_id) as well_formed,
      desired_crew.role_code, tier_of(desired_crew.role_code) as tier
    from desired_crew
    where desired_crew.crew_call_id = desired_of.crew_call_id
      and desired_crew.technician_id is not null
  ),
  tiers as materialized (
    select upper(btrim(business_roles.tier)) as tier, business_roles.flex_role_id
    from business_roles
    where lower(btrim(business_roles.department)) = (
      select crew_calls.department from crew_calls where crew_calls.id = desired_of.crew_call_id
    )
  )
  select distinct on (people.technician_id)
    people.technician_id,
    case when people.well_formed then people.id end,
    case
      when people.id is null then 'no_resource'
      when not people.well_formed then 'malformed_id'
    end,
    people.role_code,
    tiers.flex_role_id
  from people
  left join tiers on tiers.tier = people.tier
  order by
    people.technician_id,
    -- To the last column: whoever is listed twice is read as the same one each time.
    people.well_formed desc, tiers.flex_role_id is null, people.role_code, people.id, tiers.flex_role_id;
end
$$;
comment on function flex_sync.desired_of(uuid) is 'Who one crew call should show, one row per person, with ids that can be compared.';
--! EndIncluded desired_of.sql
--! Included desired_or_nobody.sql
-- desired_or_nobody(crew_call_id)
--
-- desired_of for views that people read: where the host's view cannot be read they go on, and say host_view.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      as desired_of; nothing when it raises
-- Reads        desired_of
create or replace function flex_sync.desired_or_nobody(crew_call_id uuid)
returns table (technician_id uuid, resource text, problem text, role_code text, role_id text)
language plpgsql
volatile
rows 20 -- of one crew call; a guess of a thousand makes plans of the views that are dear to make
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  return query select * from desired_of(desired_or_nobody.crew_call_id);
exception
  when others then
    return;
end
$$;
comment on function flex_sync.desired_or_nobody(uuid) is 'desired_of for views that people read; nothing where the host''s view cannot be read.';
--! EndIncluded desired_or_nobody.sql
--! Included disable_auto_sync.sql
-- disable_auto_sync()
--
-- Take the triggers of enable_auto_sync away again; without them nothing changes.
--
-- Writes       triggers on job_assignments, profiles, flex_crew_calls; operator_log
create or replace function flex_sync.disable_auto_sync()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set client_min_messages = warning
as $$
begin
  perform from pg_trigger
  where pg_trigger.tgname like 'flex\_sync\_auto\_%'
    and pg_trigger.tgrelid in (':HOST_SCHEMA.job_assignments'::regclass, ':HOST_SCHEMA.profiles'::regclass, ':HOST_SCHEMA.flex_crew_calls'::regclass);
  if not found then
    return;
  end if;
  drop trigger if exists flex_sync_auto_insert on :HOST_SCHEMA.job_assignments;
  drop trigger if exists flex_sync_auto_update on :HOST_SCHEMA.job_assignments;
  drop trigger if exists flex_sync_auto_delete on :HOST_SCHEMA.job_assignments;
  drop trigger if exists flex_sync_auto_truncate on :HOST_SCHEMA.job_assignments;
  -- As earlier versions had it.
  drop trigger if exists flex_sync_auto_update_from on :HOST_SCHEMA.job_assignments;
  drop trigger if exists flex_sync_auto_insert on :HOST_SCHEMA.profiles;
  drop trigger if exists flex_sync_auto_update on :HOST_SCHEMA.profiles;
  drop trigger if exists flex_sync_auto_insert on :HOST_SCHEMA.flex_crew_calls;
  drop trigger if exists flex_sync_auto_update on :HOST_SCHEMA.flex_crew_calls;
  perform log_operator('disable_auto_sync', '{}');
end
$$;
comment on function flex_sync.disable_auto_sync() is 'Takes the triggers of enable_auto_sync away again.';
--! EndIncluded disable_auto_sync.sql
--! Included enable_auto_sync.sql
-- enable_auto_sync()
--
-- Triggers on the host's tables that request syncs when assignments, resources or mappings change. Off until called;
-- calling it again changes nothing.
--
-- Writes       triggers on job_assignments, profiles, flex_crew_calls; operator_log
create or replace function flex_sync.enable_auto_sync()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  if (
    select count(*) from pg_trigger
    where pg_trigger.tgname like 'flex\_sync\_auto\_%'
      and pg_trigger.tgrelid in (':HOST_SCHEMA.job_assignments'::regclass, ':HOST_SCHEMA.profiles'::regclass, ':HOST_SCHEMA.flex_crew_calls'::regclass)
  ) = 8 then
    return;
  end if;
  perform disable_auto_sync();
  create trigger flex_sync_auto_insert after insert on :HOST_SCHEMA.job_assignments
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_update after update on :HOST_SCHEMA.job_assignments
    referencing old table as former_rows new table as changed_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_delete after delete on :HOST_SCHEMA.job_assignments
    referencing old table as former_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_truncate after truncate on :HOST_SCHEMA.job_assignments
    for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_insert after insert on :HOST_SCHEMA.profiles
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_profiles();
  create trigger flex_sync_auto_update after update on :HOST_SCHEMA.profiles
    referencing old table as former_rows new table as changed_rows for each statement execute function flex_sync.note_changed_profiles();
  create trigger flex_sync_auto_insert after insert on :HOST_SCHEMA.flex_crew_calls
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_mapping();
  create trigger flex_sync_auto_update after update on :HOST_SCHEMA.flex_crew_calls
    referencing old table as former_rows new table as changed_rows for each statement execute function flex_sync.note_changed_mapping();
  perform log_operator('enable_auto_sync', '{}');
end
$$;
comment on function flex_sync.enable_auto_sync() is 'Triggers that request syncs when the crew changes; off by default.';
--! EndIncluded enable_auto_sync.sql
--! Included explain.sql
-- explain(crew_call_id, allow_mass_removal)
--
-- The plan of a crew call in words: what stands in its way now, from which reading and how old, who is held, added, removed,
-- kept and why, and what to do next. flex-crew-sync sync --dry-run says the same.
--
-- Parameters   crew_call_id         flex_crew_calls.id
--              allow_mass_removal   the plan of a request that lifts the counting brakes for our own lines
-- Returns      text, several lines
-- Errors       NOCAL   no crew call has this id
-- Reads        plan_element, crew_call_status, elements
create or replace function flex_sync.explain(crew_call_id uuid, allow_mass_removal boolean default false)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_element constant text := crew_call_or_raise(explain.crew_call_id);
  v_status crew_call_status;
  v_read_at timestamptz;
  v_text text;
  v_plan text;
begin
  select crew_call_status.* into v_status from crew_call_status where crew_call_status.crew_call_id = explain.crew_call_id and crew_call_status.flex_element_id is not distinct from v_element;
  select elements.reading_at into v_read_at from elements where elements.flex_element_id = v_element;
  v_text := concat_ws(E'\n',
    format('Crew call %s (%s): %s%s', explain.crew_call_id, coalesce(printable(v_status.department),
      case when exists (select from crew_calls where crew_calls.id = explain.crew_call_id) then 'no department' else 'retired' end), v_status.condition, coalesce(', ' || v_status.reason, '')),
    'In the way: ' || what_stands_in_the_way(v_status.condition, v_status.reason, v_element) || '.',
    case
      when not is_flex_id(v_element) then null
      when v_read_at is null then format('Element %s was never read: the plan below knows only what is desired and recorded.', v_element)
      else format('Element %s, read %s ago (%s), policy %s.', v_element, ago(v_read_at), to_char(v_read_at, 'YYYY-MM-DD HH24:MI:SS TZ'), policy_of(v_element))
    end
  );

  if is_flex_id(v_element) then
    begin
      select string_agg(E'\n  ' || printable(tell_planned(planned)), ''
        order by array_position(array['hold', 'contest', 'wait', 'confirm', 'add', 'remove', 'set_role', 'wait_role', 'unmapped', 'report', 'keep'], planned.action),
          planned.technician_id, planned.flex_line_item_id)
      into v_plan
      from plan_element(v_element, explain.allow_mass_removal) as planned
      where planned.crew_call_id = explain.crew_call_id;
      v_text := v_text || coalesce(v_plan, E'\n  nobody is desired and nobody is there');
    exception
      when others then
        v_text := v_text || E'\n  no plan: ' || printable(sqlerrm);
    end;
  end if;
  return v_text || coalesce(E'\nNext: ' || v_status.next_action, '');
end
$$;
comment on function flex_sync.explain(uuid, boolean) is 'The plan of a crew call in words.';
--! EndIncluded explain.sql
--! Included forget_line.sql
-- forget_line(flex_element_id, flex_line_item_id)
--
-- A line is gone from Flex: no row of the host names it any more.
--
-- Parameters   flex_element_id, flex_line_item_id   normalised
-- Reads        crew_calls, ledger
-- Writes       the host's flex_crew_assignments, ledger, missing_lines, removal_decisions, crew_call_blocks, due_elements
create or replace function flex_sync.forget_line(flex_element_id text, flex_line_item_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set lock_timeout = '500ms'
as $$
declare
  v_error text;
  v_calls uuid[];
  v_rows record;
begin
  update ledger
  set gone_at = coalesce(ledger.gone_at, clock())
  where ledger.flex_line_item_id = forget_line.flex_line_item_id;
  delete from missing_lines where missing_lines.flex_line_item_id = forget_line.flex_line_item_id;
  delete from removal_decisions where removal_decisions.flex_line_item_id = forget_line.flex_line_item_id;

  -- The crew call that the line was made for may point elsewhere by now; its row must not name it either.
  select array_agg(crew_calls.id) into v_calls
  from crew_calls
  where crew_calls.flex_element_id = forget_line.flex_element_id
    or crew_calls.id = (select ledger.crew_call_id from ledger where ledger.flex_line_item_id = forget_line.flex_line_item_id);
  begin
    select array_agg(flex_crew_assignments.crew_call_id) as crew_call_ids, array_agg(flex_crew_assignments.technician_id) as technician_ids,
      array_agg(flex_crew_assignments.flex_line_item_id::text) as lines
    into v_rows
    from :HOST_SCHEMA.flex_crew_assignments
    where flex_crew_assignments.crew_call_id = any (v_calls)
      and lower(btrim(flex_crew_assignments.flex_line_item_id::text, E' \t\r\n')) = forget_line.flex_line_item_id;
    if v_rows.lines is not null then
      perform remove_assignments(v_rows.crew_call_ids, v_rows.technician_ids, v_rows.lines);
    end if;
    perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));
  exception
    when lock_not_available or deadlock_detected then
      perform note_element(forget_line.flex_element_id, 'a row of flex_crew_assignments was locked', true);
    when others then
      get stacked diagnostics v_error = message_text;
      insert into crew_call_blocks (crew_call_id, reason, error, since)
      select call.id, 'host_table', format('line %s: %s', forget_line.flex_line_item_id, v_error), clock()
      from unnest(v_calls) as call (id)
      on conflict on constraint crew_call_blocks_pkey do update
      set reason = excluded.reason, error = excluded.error;
      -- Its next look, in an hour, is queued by whoever has the element's lock.
      perform note_element(forget_line.flex_element_id, 'flex_crew_assignments refused a row', false);
  end;
end
$$;
comment on function flex_sync.forget_line(text, text) is 'A line is gone from Flex: no row of the host names it any more.';
--! EndIncluded forget_line.sql
--! Included forget_removed.sql
-- forget_removed(operation_ids)
--
-- The lines that removals took away are gone: forget_line for each, in one order.
--
-- Parameters   operation_ids   outbox.id; those that are no removals are left out
-- Reads        outbox
-- Writes       as forget_line
create or replace function flex_sync.forget_removed(operation_ids bigint[])
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
-- For the host's triggers, whatever the caller walks its own tables with.
set enable_seqscan = on
set enable_hashjoin = on
set enable_mergejoin = on
as $$
begin
  perform forget_line(removed.flex_element_id, removed.flex_line_item_id)
  from (
    select outbox.flex_element_id, outbox.flex_line_item_id
    from outbox
    where outbox.id = any (forget_removed.operation_ids)
      and outbox.kind = 'remove'
    order by outbox.flex_element_id, outbox.flex_line_item_id
  ) as removed;
end
$$;
comment on function flex_sync.forget_removed(bigint[]) is 'The lines that removals took away are gone: forget_line for each.';
--! EndIncluded forget_removed.sql
--! Included grant_privileges.sql
-- grant_privileges()
--
-- Who may do what with functions, tables and views that a migration added: nothing for PUBLIC and nothing that default
-- privileges may have granted, then what each role of flex-crew-sync needs. What was there before the migration keeps
-- what the host decided since. A migration calls it last:
--
--     select flex_sync.remember_objects();        -- first
--     …
--     select flex_sync.grant_privileges();        -- last
--
-- Writes       privileges of the objects of flex_sync that remember_objects did not see
create or replace function flex_sync.grant_privileges()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_before constant oid[] := string_to_array(current_setting('flex_sync.objects_before', true), ',')::oid[];
  v_object record;
  v_role text;
begin
  for v_object in
    select 'function' as type, pg_proc.oid::regprocedure::text as name, pg_proc.proname as plain
    from pg_proc
    where pg_proc.pronamespace = 'flex_sync'::regnamespace
      and pg_proc.oid <> all (coalesce(v_before, '{}'))
    union all
    select case pg_class.relkind when 'S' then 'sequence' else 'table' end, pg_class.oid::regclass::text, pg_class.relname
    from pg_class
    where pg_class.relnamespace = 'flex_sync'::regnamespace
      and pg_class.relkind in ('r', 'p', 'v', 'm', 'S')
      and pg_class.oid <> all (coalesce(v_before, '{}'))
  loop
    foreach v_role in array array['public', 'anon', 'authenticated', 'service_role'] loop
      if v_role = 'public' or to_regrole(v_role) is not null then
        execute format('revoke all on %s %s from %s', v_object.type, v_object.name, v_role);
      end if;
    end loop;

    if v_object.type = 'table' then
      execute format('grant select on table %s to flex_sync_operator', v_object.name);
    elsif v_object.type = 'function' and v_object.plain in ('explain', 'history', 'state_of_crew_call', 'stays_by_policy', 'ago', 'name_of', 'next_action') then
      -- What applications ask, and what the views call, so that whoever may read them can: the drainer for its page.
      execute format('grant execute on function %s to flex_sync_app, flex_sync_drainer, flex_sync_operator', v_object.name);
    elsif v_object.type = 'function' and v_object.plain = 'set_resync_interval' then
      execute format('grant execute on function %s to flex_sync_operator', v_object.name);
    elsif v_object.type = 'function' and v_object.plain = 'record_done' then
      execute format('grant execute on function %s to flex_sync_drainer', v_object.name);
    end if;
  end loop;
  perform flex_sync.share_with_service_role(v_before);
end
$$;
comment on function flex_sync.grant_privileges() is 'Who may do what with the objects that a migration added; the last statement of each migration.';
--! EndIncluded grant_privileges.sql
--! Included hash_of_held.sql
-- hash_of_held(flex_line_item_ids, flex_resource_ids)
--
-- The name of what is held: the same lines with the same resources have the same name.
--
-- Parameters   flex_line_item_ids, flex_resource_ids   of the held removals, in the same order; or null
-- Returns      text, null when nothing is held
create or replace function flex_sync.hash_of_held(flex_line_item_ids text[], flex_resource_ids text[])
returns text
language plpgsql
immutable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return (
    select md5(string_agg(held.line || ' ' || coalesce(held.resource, ''), ',' order by held.line))
    from unnest(hash_of_held.flex_line_item_ids, hash_of_held.flex_resource_ids) as held (line, resource)
  );
end
$$;
comment on function flex_sync.hash_of_held(text[], text[]) is 'The name of a set of held removals, for approve_removals and reject_removals.';
--! EndIncluded hash_of_held.sql
--! Included held_plan.sql
-- held_plan(crew_call_id, flex_element_id)
--
-- The name of what is held for a crew call on an element now, as hash_of_held names a plan's.
--
-- Parameters   crew_call_id      flex_crew_calls.id
--              flex_element_id   normalised; a crew call that was pointed elsewhere may leave something held behind
-- Returns      text, null when nothing is held
-- Reads        outbox
create or replace function flex_sync.held_plan(crew_call_id uuid, flex_element_id text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return (
    select hash_of_held(array_agg(held.flex_line_item_id), array_agg(held.flex_resource_id))
    from outbox as held
    where held.flex_element_id = held_plan.flex_element_id
      and held.crew_call_id = held_plan.crew_call_id
      and held.kind = 'remove'
      and held.state = 'held'
  );
end
$$;
comment on function flex_sync.held_plan(uuid, text) is 'The name of what is held for a crew call on an element, for approve_removals and reject_removals.';
--! EndIncluded held_plan.sql
--! Included history.sql
-- history(crew_call_id, technician_id, since)
--
-- What happened to Ana on Friday: every request, decision, Flex call, reading and operator's action of one crew call, in
-- the order of time, for as long as settings.retention says (Flex calls for 32 days at least). Readings that nobody asked
-- for are told when they showed something new. Decisions come from flex_sync.decisions, which remembers what a plan
-- decided anew; who joined a sync from flex_sync.joined_requests. Both only ever grow, and are trimmed with the rest.
--
-- Parameters   crew_call_id    flex_crew_calls.id, also of a crew call that is gone
--              technician_id   rows about this person and about the whole crew call; null is everybody
--              since           nothing before this time; null is as far back as there is
-- Returns      at, technician_id (null: the whole crew call, or a line that nobody is known for), what, outcome, reason, who,
--              operation_id, sync_id, http_status, detail: one sentence
--
--              what       outcome                                    reason
--              request    opened | joined
--              plan       what was decided: add | hold | …           why, as in the outbox; of hold the brake
--              call       how it ended, see docs/states.md           what was asked: add | observe | …
--              reading    seen | gone | changed | still_seen | not_seen | read
--              settled    landed | absent | not_late                 of which unanswered write: add | remove | set_role
--              ended      cancelled | failed                         why
--              sync       the condition at its end
--              operator   what they did
--
-- Errors       NOCAL   no crew call has this id, and nothing is known of it
-- Reads        syncs, joined_requests, decisions, outbox, calls, readings, operator_log
create or replace function flex_sync.history(
  crew_call_id uuid,
  technician_id uuid default null,
  since timestamptz default null
)
returns setof flex_sync.happened
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_call constant uuid := history.crew_call_id;
  v_person constant uuid := history.technician_id;
  v_since constant timestamptz := coalesce(history.since, '-infinity');
  v_elements text[];
begin
  select array_agg(found.flex_element_id) into v_elements
  from (
    select crew_calls.flex_element_id from crew_calls where crew_calls.id = v_call and is_flex_id(crew_calls.flex_element_id)
    union
    select elements.flex_element_id from elements where elements.crew_call_id = v_call
    union
    select syncs.flex_element_id from syncs where syncs.crew_call_id = v_call and syncs.flex_element_id is not null
  ) as found;
  if v_elements is null and not exists (select from syncs where syncs.crew_call_id = v_call) then
    -- Nothing happened yet; of an id that nobody knows that is an error.
    perform from crew_calls where crew_calls.id = v_call;
    if not found then
      raise exception 'no crew call has the id %', coalesce(v_call::text, 'null')
        using errcode = 'NOCAL', hint = 'Pass flex_crew_calls.id, not the Flex element id: select crew_call_id, flex_element_id from flex_sync.crew_call_status.';
    end if;
  end if;

  return query
  with
  runs as materialized (
    select syncs.* from syncs where syncs.crew_call_id = v_call or syncs.flex_element_id = any (v_elements)
  ),
  -- Operations, each once for every person of this crew call whom it was for.
  operations as materialized (
    select outbox.*, person.technician_id as for_technician
    from outbox
    cross join lateral (
      select outbox.technician_id where outbox.crew_call_id = v_call
      union
      select (person ->> 'technician_id')::uuid from jsonb_array_elements(outbox.persons) as person where (person ->> 'crew_call_id')::uuid = v_call
    ) as person
    where outbox.kind <> 'observe'
      and (
        outbox.crew_call_id = v_call
        or (outbox.persons <> '[]' and outbox.sync_id in (select runs.id from runs))
      )
  ),
  -- Every resource that somebody of this crew call has or had.
  resources as materialized (
    select desired.technician_id, desired.resource from desired_or_nobody(v_call) as desired
    union
    select ledger.technician_id, ledger.flex_resource_id from ledger where ledger.flex_element_id = any (v_elements) and ledger.crew_call_id = v_call
    union
    select operations.for_technician, operations.flex_resource_id from operations
    union
    select decisions.technician_id, decisions.flex_resource_id from decisions where decisions.crew_call_id = v_call
  ),
  people as materialized (
    select resources.technician_id, resources.resource
    from resources
    where resources.technician_id is not null
      and resources.resource is not null
      and (v_person is null or resources.technician_id = v_person)
  ),
  -- Complete readings since then, and the one before, to tell what was new.
  looked as materialized (
    select readings.id, readings.flex_element_id, readings.recorded_at, readings.line_count, readings.operation_id, readings.lines,
      outbox.sync_id, outbox.http_status
    from readings
    left join outbox on outbox.id = readings.operation_id
    where readings.flex_element_id = any (v_elements)
      and readings.recorded_at >= coalesce((
        select max(earlier.recorded_at) from readings as earlier
        where earlier.flex_element_id = readings.flex_element_id and earlier.recorded_at < v_since
      ), '-infinity')
  ),
  shown as (
    select looked.id, people.technician_id, array_agg(distinct lower(btrim(line.flex_line_item_id))) as lines
    from looked
    cross join lateral jsonb_to_recordset(looked.lines) as line (flex_line_item_id text, flex_resource_id text)
    join people on people.resource = lower(btrim(line.flex_resource_id))
    group by looked.id, people.technician_id
  ),
  compared as (
    select looked.id, looked.recorded_at, looked.operation_id, looked.sync_id, looked.http_status, person.technician_id,
      coalesce(shown.lines, '{}') as lines,
      coalesce(lag(shown.lines) over (partition by looked.flex_element_id, person.technician_id order by looked.recorded_at, looked.id), '{}') as lines_before
    from looked
    cross join (select distinct people.technician_id from people) as person
    left join shown on shown.id = looked.id and shown.technician_id = person.technician_id
  ),
  said as (
    select syncs.requested_at as at, null::uuid as technician_id, 'request' as what, 'opened' as outcome, null::text as reason, syncs.requested_by as who,
      null::bigint as operation_id, syncs.id as sync_id, null::int as http_status,
      case
        when syncs.requested_by like 'flex-crew-sync: %' then format('A reading found something to do (%s).', substr(syncs.requested_by, 17))
        when syncs.requested_by = 'auto sync' then 'The crew changed, and its trigger asked for a sync.'
        else format('%s asked for a sync%s.', syncs.requested_by, case when syncs.crew_call_id <> v_call then format(' of crew call %s, which shares the element', syncs.crew_call_id) else '' end)
      end as detail,
      1 as position, syncs.id as id
    from runs as syncs
    union all
    select joined_requests.requested_at, null, 'request', 'joined', null, joined_requests.requested_by, null, joined_requests.sync_id, null,
      format('%s asked too and joined sync %s.', joined_requests.requested_by, joined_requests.sync_id), 1, joined_requests.id
    from joined_requests
    where joined_requests.sync_id in (select runs.id from runs)
    union all
    select decisions.decided_at, decisions.technician_id, 'plan', decisions.decision,
      case when decisions.decision = 'hold' then decisions.brake else decisions.reason end, null, null, decisions.sync_id, null,
      tell_decision(decisions), 4, decisions.id
    from decisions
    where decisions.flex_element_id = any (v_elements)
      and (decisions.crew_call_id = v_call or decisions.crew_call_id is null)
      and (
        v_person is null
        or decisions.technician_id = v_person
        or (decisions.technician_id is null and (
          decisions.decision = 'blocked'
          or decisions.flex_resource_id in (select people.resource from people)
          or decisions.flex_line_item_id in (select unnest(shown.lines) from shown)
        ))
      )
    union all
    select calls.made_at, operations.for_technician, 'call', coalesce(calls.outcome, 'sending'), calls.kind, calls.drainer, calls.operation_id, calls.sync_id,
      calls.http_status, tell_call(calls, operations.flex_line_item_id), 2, calls.number
    from operations
    join calls on calls.operation_id = operations.id and calls.kind = operations.kind
    where v_person is null
      or operations.for_technician = v_person
      or (operations.for_technician is null and operations.flex_resource_id in (select people.resource from people))
    union all
    -- A reading that was good is told by what it showed.
    select calls.made_at, null, 'call', coalesce(calls.outcome, 'sending'), calls.kind, calls.drainer, calls.operation_id, calls.sync_id,
      calls.http_status, tell_call(calls, null), 2, calls.number
    from calls
    where calls.flex_element_id = any (v_elements)
      and calls.kind in ('observe', 'identity', 'user')
      and not (calls.kind = 'observe' and calls.outcome is not distinct from 'done')
    union all
    select compared.recorded_at, compared.technician_id, 'reading',
      case
        when compared.lines = compared.lines_before then case when compared.lines = '{}' then 'not_seen' else 'still_seen' end
        when compared.lines_before = '{}' then 'seen'
        when compared.lines = '{}' then 'gone'
        else 'changed'
      end,
      null, null, compared.operation_id, compared.sync_id, compared.http_status,
      case
        when compared.lines = '{}' and compared.lines_before = '{}' then 'A reading showed no line of the person.'
        when compared.lines = '{}' then format('A reading showed line %s of the person no longer.', array_to_string(compared.lines_before, ', '))
        when compared.lines = compared.lines_before then format('A reading still showed line %s of the person.', array_to_string(compared.lines, ', '))
        else format('A reading showed line %s of the person%s.', array_to_string(compared.lines, ', '),
          case when compared.lines_before = '{}' then ' for the first time' else ', before it was ' || array_to_string(compared.lines_before, ', ') end)
      end,
      3, compared.id
    from compared
    where compared.lines <> compared.lines_before
      or (v_person is not null and compared.sync_id is not null)
    union all
    select looked.recorded_at, null, 'reading', 'read', null, null, looked.operation_id, looked.sync_id, looked.http_status,
      format('A reading showed %s line%s.', looked.line_count, case when looked.line_count = 1 then '' else 's' end), 3, looked.id
    from looked
    where v_person is null
      and looked.sync_id is not null
    union all
    select settled.at, operations.for_technician, 'settled', settled.outcome, calls.kind, null, calls.operation_id, calls.sync_id, null,
      case settled.outcome
        when 'landed' then format('A reading showed that the unanswered %s was done%s.', settled.name, coalesce(': line ' || calls.flex_line_item_id, ''))
        when 'absent' then format('A reading proved that the unanswered %s was not done.', settled.name)
        else format('One more reading showed that the %s did not land late.', settled.name)
      end,
      3, calls.number
    from operations
    join calls on calls.operation_id = operations.id and calls.kind = operations.kind and calls.outcome = 'unknown'
    cross join lateral (
      select outcome.*, replace(calls.kind, 'set_role', 'role write') as name
      from (values
        (calls.absent_at, 'absent'),
        (case when calls.absent_at is null or (calls.kind = 'add' and calls.flex_line_item_id is not null) then calls.late_checked_at end, 'landed'),
        (case when calls.absent_at is not null and (calls.kind <> 'add' or calls.flex_line_item_id is null) then calls.late_checked_at end, 'not_late')
      ) as outcome (at, outcome)
    ) as settled
    where settled.at is not null
      and (v_person is null or operations.for_technician = v_person
        or (operations.for_technician is null and operations.flex_resource_id in (select people.resource from people)))
    union all
    select operations.finished_at, operations.for_technician, 'ended', operations.state, operations.reason, null, operations.id, operations.sync_id, operations.http_status,
      format('%s %s.', case operations.kind when 'add' then 'The add' when 'remove' then 'The removal of line ' || operations.flex_line_item_id else 'The role write' end,
        case operations.reason
          when 'not_wanted' then 'was cancelled before it was sent: it is not wanted any more'
          when 'blocked' then 'was cancelled before it was sent: the crew call is blocked'
          when 'points_elsewhere' then 'was cancelled before it was sent: the crew call points at another element'
          when 'waited_in_vain' then 'was cancelled: what it waited for was not done'
          when 'denied' then 'was cancelled: Flex denies access to the crew call'
          when 'refused' then 'failed: Flex said no' || coalesce(' (' || translate(left(operations.error, 200), E'\r\n\t', '   ') || ')', '')
          when 'not_accepted' then 'failed: it was sent too often, each time proved absent'
          when 'contested' then 'failed: somebody keeps deleting the line in Flex'
          else 'was ' || operations.state
        end), 5, operations.id
    from operations
    where operations.state in ('cancelled', 'failed')
      and (v_person is null or operations.for_technician = v_person
        or (operations.for_technician is null and operations.flex_resource_id in (select people.resource from people)))
    union all
    select syncs.finished_at, null, 'sync', syncs.outcome, null, null, null, syncs.id, null,
      format('Sync %s ended %s after %s s: %s added, %s removed, %s roles set, %s kept, %s failed, %s Flex calls.', syncs.id, syncs.outcome,
        round(extract(epoch from syncs.duration)::numeric, 1), syncs.added, syncs.removed, syncs.roles_set, syncs.kept, syncs.failed, syncs.flex_calls), 6, syncs.id
    from runs as syncs
    where syncs.finished_at is not null
    union all
    select operator_log.at, null, 'operator', operator_log.action, null, operator_log.who, (operator_log.arguments ->> 'operation_id')::bigint, null, null,
      format('%s: %s%s.', operator_log.who, operator_log.action, coalesce(nullif(' ' || (operator_log.arguments - 'crew_call_id')::text, ' {}'), '')), 0, operator_log.id
    from operator_log
    where operator_log.arguments ->> 'crew_call_id' = v_call::text
      or (operator_log.arguments ->> 'operation_id')::bigint in (select operations.id from operations)
      or operator_log.action in ('pause', 'resume')
  )
  select date_trunc('milliseconds', said.at), said.technician_id, said.what, said.outcome, said.reason, said.who, said.operation_id, said.sync_id, said.http_status, said.detail
  from said
  where said.at >= v_since
  order by said.at, said.position, said.id;
end
$$;
comment on function flex_sync.history(uuid, uuid, timestamptz) is 'What happened on one crew call, or to one person there: requests, decisions, Flex calls, readings and operators'' actions, in the order of time.';
--! EndIncluded history.sql
--! Included is_flex_id.sql
-- is_flex_id(value)
--
-- Whether a resource or element id may be sent to Flex: it is UUID-shaped (any version) once trimmed.
-- Put in place of each call, as flex_id. What is left of a UUID without its digits are four dashes: a regular expression
-- says the same and costs more.
--
-- Parameters   value   any text
-- Returns      boolean, false for null
create or replace function flex_sync.is_flex_id(value text)
returns boolean
language sql
immutable
parallel safe
as $$
  select coalesce(
    pg_catalog.btrim(value, E' \t\r\n') operator(pg_catalog.~~) '________-____-____-____-____________'
      and pg_catalog.translate(pg_catalog.btrim(value, E' \t\r\n'), '0123456789abcdefABCDEF', '') operator(pg_catalog.=) '----',
    false
  )
$$;
comment on function flex_sync.is_flex_id(text) is 'Whether an id is UUID-shaped once trimmed; anything else is never sent to Flex.';
--! EndIncluded is_flex_id.sql
--! Included name_of.sql
-- name_of(technician_id)
--
-- How people call somebody: by the name that the host's profiles have, whatever their columns are called (full_name,
-- first_name and last_name, display_name, name), and the id. The id alone where there is no such column, or it cannot be read.
--
-- Parameters   technician_id   profiles.id
-- Reads        the host's profiles
create or replace function flex_sync.name_of(technician_id uuid)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_columns text[];
  v_expression text;
  v_name text;
begin
  select array_agg(pg_attribute.attname::text) into v_columns
  from pg_attribute
  where pg_attribute.attrelid = ':HOST_SCHEMA.profiles'::regclass
    and pg_attribute.attname in ('full_name', 'first_name', 'last_name', 'display_name', 'name')
    and not pg_attribute.attisdropped;
  v_expression := case
    when v_columns @> '{full_name}' then 'full_name::text'
    when v_columns && '{first_name,last_name}' then (
      select format('concat_ws('' '', %s)', string_agg(format('nullif(%I::text, '''')', part.name), ', ' order by part.name))
      from unnest(v_columns) as part (name)
      where part.name in ('first_name', 'last_name')
    )
    when v_columns @> '{display_name}' then 'display_name::text'
    when v_columns @> '{name}' then 'name::text'
  end;
  if v_expression is not null then
    execute format('select left(btrim(%s), 80) from :HOST_SCHEMA.profiles where profiles.id = $1', v_expression)
    into v_name
    using name_of.technician_id;
  end if;
  return coalesce(nullif(v_name, '') || ' ', '') || coalesce(name_of.technician_id::text, 'somebody');
exception
  when others then
    return name_of.technician_id::text;
end
$$;
comment on function flex_sync.name_of(uuid) is 'How people call somebody: the name that the host''s profiles have, and the id.';
--! EndIncluded name_of.sql
--! Included next_action.sql
-- next_action(condition, reason, crew_call_id, operation_id, plan, people)
--
-- What a person does about a condition, ready to be pasted into psql: SQL, and what is no SQL is a comment. docs/operations.md says more about each.
--
-- Parameters   people   who is unmapped: technician ids, of which the first is named
-- Returns      text, null when there is nothing to do
-- Reads        name_of, outbox, calls_left, two_calls_free_at
create or replace function flex_sync.next_action(condition text, reason text, crew_call_id uuid, operation_id bigint, plan text, people uuid[])
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_sync constant text := format('select sync_crew_call(%L);', next_action.crew_call_id);
  -- A person's row is asked about without the plan: it is the one that their removal is held under.
  v_plan constant text := case when next_action.condition = 'held' then coalesce(next_action.plan, (
    select held_plan(next_action.crew_call_id, outbox.flex_element_id)
    from outbox
    where outbox.id = next_action.operation_id
  )) end;
  v_frees_at constant timestamptz := case when next_action.reason = 'quota' then coalesce((select calls_left.frees_at from calls_left()), two_calls_free_at()) end;
begin
  return case next_action.condition
    when 'paused' then 'select flex_sync.resume();'
    when 'blocked' then case next_action.reason
      when 'no_element' then v_sync || ' -- once its flex_element_id is the crew call''s id in Flex'
      when 'malformed_id' then v_sync || ' -- once its flex_element_id is an id of Flex'
      when 'element_gone' then v_sync || ' -- once the crew call is restored in Flex, or its flex_element_id corrected'
      when 'access_denied' then v_sync || ' -- once the Flex user of the token may see this crew call'
      when 'host_view' then v_sync || ' -- once the view is mended: select * from flex_sync.desired_crew limit 1;'
      when 'host_table' then format('%s -- once flex_crew_assignments takes the row: select error from flex_sync.crew_call_blocks where crew_call_id = %L;', v_sync, next_action.crew_call_id)
      when 'token_refused' then '-- give the daemon a valid FLEX_AUTH_TOKEN and restart it; the rest goes on by itself'
    end
    when 'failed' then case
      when next_action.reason = 'contested' then format('select flex_sync.retry(%s); -- once whoever deletes this line in Flex knows', next_action.operation_id)
      when next_action.operation_id is not null then format('select flex_sync.retry(%s); -- once the cause is mended: select error from flex_sync.outbox where id = %s;', next_action.operation_id, next_action.operation_id)
      else format('select flex_sync.retry_failed(%L);', next_action.crew_call_id)
    end
    when 'held' then format('select flex_sync.explain(%L); -- then %s', next_action.crew_call_id, case
      when v_plan is null then 'approve_removals or reject_removals'
      else format('yes: select flex_sync.approve_removals(%L, %L); or reject_removals with the same: no', next_action.crew_call_id, v_plan)
    end)
    when 'unknown' then '-- nothing to do: readings decide within a minute or two'
    when 'pending' then case next_action.reason
      when 'quota' then case
        when isfinite(v_frees_at) then format('-- nothing to do: goes on by itself when Flex calls free, at %s', to_char(v_frees_at, 'YYYY-MM-DD HH24:MI:SS TZ'))
        else 'update flex_sync.settings set monthly_limit = default, daily_limit = default, hourly_limit = default; -- a limit is 0, so none ever frees'
      end
      when 'not_requested' then v_sync
      when 'report_only' then format('select flex_sync.set_policy(%L, ''mirror''); %s -- the policy is report: nothing is written', next_action.crew_call_id, v_sync)
      when 'removal_limit' then '-- nothing to do: goes on by itself within the hour; settings.removal_limit is the limit'
      when 'doubtful_reading' then format('select doubt_reason, doubt_error from flex_sync.elements join flex_sync.crew_call_status using (flex_element_id) where crew_call_status.crew_call_id = %L; -- goes on by itself with the next good reading', next_action.crew_call_id)
      when 'locked' then '-- unlock the crew call in Flex; it is tried again by itself'
      when 'flex_down' then '-- nothing to do: goes on by itself when Flex answers again'
      when 'rate_limited' then '-- nothing to do: goes on by itself when Flex takes calls again'
      else '-- nothing to do while a drainer runs: flex-crew-sync drain'
    end
    when 'unmapped' then format('%s -- once profiles.flex_resource_id of %s%s is their contact id in Flex', v_sync,
      case when next_action.people[1] is null then 'the person' else printable(name_of(next_action.people[1])) end,
      case when cardinality(next_action.people) > 1 then format(' (and of %s more)', cardinality(next_action.people) - 1) end)
    when 'never_synced' then v_sync
  end;
end
$$;
comment on function flex_sync.next_action(text, text, uuid, bigint, text, uuid[]) is 'What a person does about a condition.';
--! EndIncluded next_action.sql
--! Included next_reading.sql
-- next_reading(flex_element_id)
--
-- When an element has to be read again, and what for: the most pressing of everything that waits for a reading.
--
-- Parameters   flex_element_id   normalised
-- Returns      one row, or none when nothing waits: due_at, reason, sync_id (of the sync it keeps open), priority
--              reason: requested | confirming | unknown | late_check | asked | reading_too_old | blocked | background
-- Reads        elements, element_health, syncs, outbox, calls, missing_lines, settings, crew_call_settings, crew_calls, crew_call_blocks, ledger
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
  v_settings settings;
  v_element elements;
  v_read_at timestamptz;
begin
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
      and calls.outcome = 'unknown'
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
--! EndIncluded next_reading.sql
--! Included next_sync_work_at.sql
-- next_sync_work_at()
--
-- When the next operation of an unfinished sync falls due: what a drainer that is about to exit may still wait for.
--
-- Returns      timestamptz on the clock of clock(), null when no sync goes on by itself
-- Reads        outbox, syncs, elements, element_health, tenant, calls_left
create or replace function flex_sync.next_sync_work_at()
returns timestamptz
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_due timestamptz;
begin
  perform from tenant where tenant.paused_at is not null or tenant.breaker_opened_at is not null;
  if found or (select calls_left.left_now from calls_left()) <= 0 then
    return null;
  end if;
  select min(greatest(case when outbox.state = 'sending' then outbox.lease_until else outbox.due_at end, element_health.backoff_until)) into v_due
  from syncs
  join outbox on outbox.sync_id = syncs.id
  left join element_health on element_health.flex_element_id = outbox.flex_element_id
  left join elements on elements.flex_element_id = outbox.flex_element_id
  where syncs.finished_at is null
    and (
      outbox.state = 'sending'
      or (
        outbox.state = 'pending'
        and outbox.after_operation_id is null
        and (outbox.kind = 'observe' or (outbox.reading_at is not null and elements.doubt_reason is null and elements.blocked_reason is null))
      )
    );
  return v_due;
end
$$;
comment on function flex_sync.next_sync_work_at() is 'When the next operation of an unfinished sync falls due.';
--! EndIncluded next_sync_work_at.sql
--! Included next_work_at.sql
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
--! EndIncluded next_work_at.sql
--! Included nobodys_lines.sql
-- nobodys_lines(crew_call_id)
--
-- Contact lines on a crew call's element that are nobody's: not in the ledger, not recorded, for a resource that no
-- crew call of the element desires.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      line ids
-- Reads        crew_calls, desired_or_nobody, lines, ledger, recorded_crew
create or replace function flex_sync.nobodys_lines(crew_call_id uuid)
returns table (flex_line_item_id text)
language plpgsql
volatile
rows 20 -- of one crew call; a guess of a thousand makes plans of the views that are dear to make
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_element constant text := (select crew_calls.flex_element_id from crew_calls where crew_calls.id = nobodys_lines.crew_call_id);
  v_wanted text[];
begin
  perform from lines
  where lines.flex_element_id = v_element and lines.present and lines.is_contact and lines.flex_resource_id is not null
    and not exists (select from ledger where ledger.flex_line_item_id = lines.flex_line_item_id);
  if not found then
    return;
  end if;
  select array_agg(desired.resource) into v_wanted
  from crew_calls
  cross join lateral desired_or_nobody(crew_calls.id) as desired
  where crew_calls.flex_element_id = v_element
    and desired.resource is not null;

  return query
  select lines.flex_line_item_id
  from lines
  where lines.flex_element_id = v_element
    and lines.present
    and lines.is_contact
    and lines.flex_resource_id is not null
    and lines.flex_resource_id <> all (coalesce(v_wanted, '{}'))
    and not exists (select from ledger where ledger.flex_line_item_id = lines.flex_line_item_id)
    and not exists (
      select from recorded_crew
      where recorded_crew.crew_call_id = nobodys_lines.crew_call_id and recorded_crew.flex_line_item_id = lines.flex_line_item_id
    );
end
$$;
comment on function flex_sync.nobodys_lines(uuid) is 'Contact lines on a crew call''s element that are nobody''s.';
--! EndIncluded nobodys_lines.sql
--! Included note_changed_assignments.sql
-- note_changed_assignments(column)  (statement trigger on job_assignments, after enable_auto_sync; the host's on other tables)
--
-- The crew of some jobs changed: ask for a sync of their crew calls, once per transaction and element. Any changed column
-- counts, for desired_crew may read it; rows that are written as they were do not. A truncated table took everybody away
-- who is recorded. An error asks for nothing: the host's statement goes on.
--
-- Parameters   column   the column with the ids of jobs or of crew calls; job_id when it is left out
-- Reads        crew_calls, recorded_crew, changed_rows, former_rows
-- Writes       what note_elements writes
create or replace function flex_sync.note_changed_assignments()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_column constant text := coalesce(tg_argv[0], 'job_id');
  v_ids uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(distinct (to_jsonb(changed_rows) ->> v_column)::uuid) into v_ids from changed_rows;
  elsif tg_op = 'DELETE' then
    select array_agg(distinct (to_jsonb(former_rows) ->> v_column)::uuid) into v_ids from former_rows;
  elsif tg_op = 'UPDATE' then
    -- Compared as text, which every type has.
    with
    changed as (
      select to_jsonb(changed_rows) ->> v_column as id, changed_rows::text as content from changed_rows
    ),
    former as (
      select to_jsonb(former_rows) ->> v_column as id, former_rows::text as content from former_rows
    ),
    differing as (
      (select changed.id, changed.content from changed except select former.id, former.content from former)
      union all
      (select former.id, former.content from former except select changed.id, changed.content from changed)
    )
    select array_agg(distinct differing.id::uuid) into v_ids from differing;
  else
    perform note_elements(array_agg(distinct crew_calls.flex_element_id), 'the crew was truncated', false, true)
    from crew_calls
    where crew_calls.id in (select recorded_crew.crew_call_id from recorded_crew);
    return null;
  end if;

  if v_ids is not null then
    perform note_elements(array_agg(distinct crew_calls.flex_element_id), 'the crew changed', false, true)
    from crew_calls
    where crew_calls.job_id = any (v_ids)
      or crew_calls.id = any (v_ids);
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_assignments() is
  'Asks for a sync of the crew calls whose crew changed: a statement trigger, also for other tables that desired_crew reads.';
--! EndIncluded note_changed_assignments.sql
--! Included note_changed_crew_call.sql
-- note_changed_crew_call()  (trigger on flex_crew_calls)
--
-- A crew call was deleted or pointed at another element: the old element must be cleaned of what is ours. The note is
-- all that happens here; it waits for nobody and never raises.
--
-- Writes       due_elements
create or replace function flex_sync.note_changed_crew_call()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  if tg_op = 'DELETE' or flex_id(old.flex_element_id::text) is distinct from flex_id(new.flex_element_id::text) then
    perform note_element(flex_id(old.flex_element_id::text), 'a crew call was deleted or points elsewhere', true);
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_crew_call() is 'Notes the old element of a crew call that was deleted or points elsewhere.';
--! EndIncluded note_changed_crew_call.sql
--! Included note_changed_interval.sql
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
--! EndIncluded note_changed_interval.sql
--! Included note_changed_mapping.sql
-- note_changed_mapping()  (statement trigger on flex_crew_calls, only after enable_auto_sync)
--
-- Crew calls were made or changed: ask for a sync of the elements they point at now, once per transaction and element. What
-- counts is the job, the department, the element, and any other column that desired_crew names.
--
-- Reads        desired_columns, changed_rows, former_rows
-- Writes       what note_elements writes
create or replace function flex_sync.note_changed_mapping()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_columns text[];
begin
  if tg_op = 'INSERT' then
    perform note_elements(array_agg(distinct flex_id(changed_rows.flex_element_id::text)), 'a crew call was mapped', false, true)
    from changed_rows;
    return null;
  end if;
  v_columns := desired_columns(tg_relid) || array['job_id', 'department', 'flex_element_id'];
  perform note_elements(array_agg(distinct flex_id(changed.row_now ->> 'flex_element_id')), 'a crew call was mapped', false, true)
  from (
    select to_jsonb(changed_rows) as row_now, to_jsonb(former_rows) as row_before
    from changed_rows
    left join former_rows on former_rows.id = changed_rows.id
  ) as changed
  where exists (
    select from unnest(v_columns) as compared (name)
    where changed.row_now -> compared.name is distinct from changed.row_before -> compared.name
  );
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_mapping() is 'Asks for a sync of crew calls that were made or changed.';
--! EndIncluded note_changed_mapping.sql
--! Included note_changed_policy.sql
-- note_changed_policy()  (trigger on settings and crew_call_settings)
--
-- Another policy holds from now on: what the old one let go and nobody sent yet waits for a plan of a new reading.
-- A row that a planner or a drainer holds right now is left to that reading: nobody waits here.
--
-- Reads        crew_calls
-- Writes       outbox, what note_element writes
create or replace function flex_sync.note_changed_policy()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_element text;
begin
  if to_jsonb(old) ->> 'policy' is not distinct from to_jsonb(new) ->> 'policy' then
    return null;
  end if;
  for v_element in
    select distinct outbox.flex_element_id
    from outbox
    where outbox.state = 'pending'
      and outbox.kind <> 'observe'
      and outbox.reading_at is not null
      and (
        tg_relid = 'settings'::regclass
        or outbox.flex_element_id in (
          select crew_calls.flex_element_id
          from crew_calls
          where crew_calls.id in ((to_jsonb(old) ->> 'crew_call_id')::uuid, (to_jsonb(new) ->> 'crew_call_id')::uuid)
        )
      )
    order by outbox.flex_element_id
  loop
    update outbox
    set reading_at = null
    where outbox.id in (
      select confirmed.id
      from outbox as confirmed
      where confirmed.flex_element_id = v_element
        and confirmed.kind <> 'observe'
        and confirmed.state = 'pending'
        and confirmed.reading_at is not null
      order by confirmed.id
      for update skip locked
    );
    perform note_element(v_element, 'the policy changed', true);
  end loop;
  return null;
end
$$;
comment on function flex_sync.note_changed_policy() is 'What another policy let go waits for a plan of a new reading.';
--! EndIncluded note_changed_policy.sql
--! Included note_changed_profiles.sql
-- note_changed_profiles()  (statement trigger on profiles, only after enable_auto_sync)
--
-- Somebody became known or another Flex resource: ask for a sync of the crew calls of their jobs and of those they are
-- recorded on, once per transaction and element. What counts is the resource, and any other column that desired_crew names.
--
-- Reads        desired_columns, crew_calls, recorded_crew, the host's job_assignments, changed_rows, former_rows
-- Writes       what note_elements writes
create or replace function flex_sync.note_changed_profiles()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_columns text[];
  v_people uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(changed_rows.id::uuid) into v_people from changed_rows;
  else
    v_columns := desired_columns(tg_relid) || array['flex_resource_id'];
    select array_agg(changed.id) into v_people
    from (
      select changed_rows.id::uuid as id, to_jsonb(changed_rows) as row_now, to_jsonb(former_rows) as row_before
      from changed_rows
      left join former_rows on former_rows.id = changed_rows.id
    ) as changed
    where exists (
      select from unnest(v_columns) as compared (name)
      where changed.row_now -> compared.name is distinct from changed.row_before -> compared.name
    );
  end if;
  if v_people is not null then
    perform note_elements(array_agg(distinct crew_calls.flex_element_id), 'a resource changed', false, true)
    from crew_calls
    where crew_calls.job_id in (
        select job_assignments.job_id from :HOST_SCHEMA.job_assignments where job_assignments.technician_id = any (v_people)
      )
      or crew_calls.id in (select recorded_crew.crew_call_id from recorded_crew where recorded_crew.technician_id = any (v_people));
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_profiles() is 'Asks for a sync of the crew calls of people whose resource changed.';
--! EndIncluded note_changed_profiles.sql
--! Included note_deleted_job.sql
-- note_deleted_job()  (trigger on jobs)
--
-- A job was deleted: its elements must be looked at, also where the host keeps the crew calls of deleted jobs.
--
-- Reads        crew_calls, elements
-- Writes       due_elements
create or replace function flex_sync.note_deleted_job()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  perform note_element(gone.flex_element_id, 'a job was deleted', true)
  from (
    select elements.flex_element_id from elements where elements.job_id::text = old.id::text
    union
    select crew_calls.flex_element_id from crew_calls where crew_calls.job_id::text = old.id::text
  ) as gone;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_deleted_job() is 'Notes the elements of a deleted job.';
--! EndIncluded note_deleted_job.sql
--! Included note_deleted_profile.sql
-- note_deleted_profile()  (trigger on profiles)
--
-- A person was deleted: the elements that hold a line of theirs must be looked at, each once per transaction.
--
-- Reads        ledger
-- Writes       what note_elements writes
create or replace function flex_sync.note_deleted_profile()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  perform note_elements(array_agg(distinct ledger.flex_element_id), 'a profile was deleted', true, false)
  from ledger
  where ledger.technician_id = old.id::uuid
    and ledger.gone_at is null;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_deleted_profile() is 'Notes the elements that hold a line of a deleted person.';
--! EndIncluded note_deleted_profile.sql
--! Included note_elements.sql
-- note_elements(flex_element_ids, reason, wants_reading, requests_sync)
--
-- Note several elements as note_element does, each once in a transaction: a transaction of thousands of statements leaves
-- one note per element. What was noted is remembered in a setting of the transaction and not looked up in due_elements:
-- reading there would make serializable transactions of the host's fail each other. A rollback to a savepoint takes the
-- notes and the memory of them back together.
--
-- Parameters   flex_element_ids   normalised; those that are no ids are left out
--              reason             for people
--              wants_reading      whether only a reading begun after now settles it
--              requests_sync      whether it counts as a sync request
-- Writes       due_elements; NOTIFY flex_sync_work; a setting, until the transaction ends
create or replace function flex_sync.note_elements(flex_element_ids text[], reason text, wants_reading boolean, requests_sync boolean)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_setting constant text := format('flex_sync.noted_%s_%s', note_elements.wants_reading, note_elements.requests_sync);
  -- What somebody may have set for the session does not count.
  v_transaction constant text := pg_current_xact_id()::text || ' ';
  v_noted text := coalesce(current_setting(v_setting, true), '');
  v_new text[];
begin
  if not starts_with(v_noted, v_transaction) then
    v_noted := v_transaction;
  end if;
  select array_agg(distinct named.id) into v_new
  from unnest(note_elements.flex_element_ids) as named (id)
  where strpos(v_noted, named.id) = 0
    and is_flex_id(named.id);
  if v_new is null then
    return;
  end if;

  insert into due_elements (flex_element_id, reason, wants_reading, requests_sync, noted_at)
  select new_one.id, note_elements.reason, note_elements.wants_reading, note_elements.requests_sync, clock()
  from unnest(v_new) as new_one (id);
  perform set_config(v_setting, v_noted || array_to_string(v_new, ' ') || ' ', true);
  perform pg_notify('flex_sync_work', '');
end
$$;
comment on function flex_sync.note_elements(text[], text, boolean, boolean) is 'Notes several elements, each once in a transaction, without waiting for anybody.';
--! EndIncluded note_elements.sql
--! Included open_condition.sql
-- open_condition(crew_call_id, flex_element_id, retired)
--
-- What is open or in the way on one crew call, from what is stored: everything that is more urgent than comparing who is
-- desired with who is there. The order is the one of docs/reasons.md.
--
-- Parameters   crew_call_id      flex_crew_calls.id, or the last one that pointed at a retired element
--              flex_element_id   normalised; null where the crew call has none
--              retired           whether no crew call points at the element any more
-- Returns      condition and reason, null when nothing is open; and what it counted: pending, unknown, held, failed,
--              failed_operation_id, plan (hash of what is held), observed_at, last_sync_at, last_requested_at
-- Reads        tenant, elements, crew_call_blocks, outbox, held_plan, syncs, calls, missing_lines, recorded_crew, ledger
create or replace function flex_sync.open_condition(
  crew_call_id uuid,
  flex_element_id text,
  retired boolean,
  out condition text,
  out reason text,
  out pending bigint,
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
    bool_or(outbox.limited) filter (where outbox.state in ('pending', 'sending') and outbox.kind = 'remove') as limited
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
    open_condition.reason := why_pending(open_condition.flex_element_id, coalesce(v_operations.limited, false));
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
--! Included pause.sql
-- pause(reason)
--
-- Stop all Flex calls, of all drainers, until resume(). What is in flight ends; requests are taken and wait.
--
-- Parameters   reason   for whoever wonders
-- Errors       NOWHY   no reason was given
-- Writes       tenant, operator_log; nothing where it is paused for this reason already
create or replace function flex_sync.pause(reason text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_was tenant;
begin
  if nullif(btrim(printable(pause.reason)), '') is null then
    raise exception 'a pause needs a reason'
      using errcode = 'NOWHY', hint = 'select flex_sync.pause(''why''); whoever wonders tomorrow reads it.';
  end if;
  select tenant.* into v_was from tenant for update;
  if v_was.paused_at is not null and v_was.paused_reason is not distinct from pause.reason then
    return;
  end if;
  update tenant set paused_at = coalesce(tenant.paused_at, clock()), paused_reason = pause.reason;
  perform log_operator('pause', jsonb_build_object('reason', pause.reason, 'was', v_was.paused_reason));
end
$$;
comment on function flex_sync.pause(text) is 'Stops all Flex calls, of all drainers, until resume().';
--! EndIncluded pause.sql
--! Included plan_as_json.sql
-- plan_as_json(crew_call_id, flex_element_id, plan)
--
-- The sets of one crew call, as sync_crew_call answers them.
--
-- Parameters   crew_call_id      whose sets
--              flex_element_id   normalised
--              plan              rows of plan_element, for all crew calls of the element
-- Returns      jsonb with observed_at, stale, to_add, to_remove, to_set_role, held, plan, kept, unmapped
-- Reads        elements, lines
create or replace function flex_sync.plan_as_json(crew_call_id uuid, flex_element_id text, plan flex_sync.planned[])
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_observed_at timestamptz;
  v_sets jsonb;
begin
  select elements.reading_at into v_observed_at
  from elements
  where elements.flex_element_id = plan_as_json.flex_element_id;

  select jsonb_build_object(
    'observed_at', v_observed_at,
    'stale', case when v_observed_at is not null then coalesce(jsonb_agg(
      jsonb_build_object('technician_id', planned.technician_id, 'flex_line_item_id', (
        select lines.flex_line_item_id from lines
        where lines.flex_element_id = plan_as_json.flex_element_id
          and lines.flex_resource_id = planned.flex_resource_id
          and lines.stale_at is not null
        order by lines.stale_at desc limit 1
      )) order by planned.technician_id
    ) filter (where planned.action = 'add' and planned.reason = 'stale'), '[]') end,
    'to_add', coalesce(jsonb_agg(
      jsonb_build_object('technician_id', planned.technician_id, 'flex_resource_id', planned.flex_resource_id) order by planned.technician_id
    ) filter (where planned.action = 'add'), '[]'),
    'to_remove', coalesce(jsonb_agg(
      jsonb_build_object('technician_id', planned.technician_id, 'flex_line_item_id', planned.flex_line_item_id, 'reason', planned.reason)
      order by planned.flex_line_item_id
    ) filter (where planned.action = 'remove'), '[]'),
    'to_set_role', coalesce(jsonb_agg(
      jsonb_build_object('technician_id', planned.technician_id, 'flex_role_id', planned.flex_role_id) order by planned.technician_id
    ) filter (where planned.action = 'set_role'), '[]'),
    'held', case when v_observed_at is not null then coalesce(jsonb_agg(
      jsonb_build_object('technician_id', planned.technician_id, 'flex_line_item_id', planned.flex_line_item_id, 'reason', planned.reason)
      order by planned.flex_line_item_id
    ) filter (where planned.action = 'hold'), '[]') end,
    'plan', case when v_observed_at is not null then hash_of_held(
      array_agg(planned.flex_line_item_id) filter (where planned.action = 'hold'),
      array_agg(planned.flex_resource_id) filter (where planned.action = 'hold')
    ) end,
    'kept', count(*) filter (where planned.action = 'keep'),
    'unmapped', coalesce(jsonb_agg(
      jsonb_build_object('technician_id', planned.technician_id, 'reason', planned.reason) order by planned.technician_id
    ) filter (where planned.action = 'unmapped'), '[]')
  )
  into v_sets
  from unnest(plan_as_json.plan) as planned
  where planned.crew_call_id = plan_as_json.crew_call_id;
  return v_sets;
end
$$;
comment on function flex_sync.plan_as_json(uuid, text, flex_sync.planned[]) is 'The sets of one crew call as sync_crew_call answers them.';
--! EndIncluded plan_as_json.sql
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
-- Reads        crew_calls, desired_crew, recorded_crew, lines, missing_lines, ledger, elements, outbox, business_roles,
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
begin
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
--! Included policy_of.sql
-- policy_of(flex_element_id)
--
-- What may be deleted on one element: the most careful policy of its crew calls.
-- An element that no crew call points at any more is cleaned of what is ours, and of nothing else.
--
-- Parameters   flex_element_id   normalised
-- Returns      mirror, owned, add_only or report
-- Reads        crew_calls, crew_call_settings, settings
create or replace function flex_sync.policy_of(flex_element_id text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  return coalesce(
    (
      select coalesce(crew_call_settings.policy, settings.policy)
      from settings
      cross join crew_calls
      left join crew_call_settings on crew_call_settings.crew_call_id = crew_calls.id
      where crew_calls.flex_element_id = policy_of.flex_element_id
      order by array_position(array['report', 'add_only', 'owned', 'mirror'], coalesce(crew_call_settings.policy, settings.policy))
      limit 1
    ),
    'owned'
  );
end
$$;
comment on function flex_sync.policy_of(text) is 'What may be deleted on one element: the most careful policy of its crew calls; owned when none points there.';
--! EndIncluded policy_of.sql
--! Included record_add.sql
-- record_add(operation_id, token, flex_line_item_id, also_added, http_status)
--
-- Flex answered an add with the id of the new line: in one transaction the operation is done, the line enters the
-- ledger, everyone desired with the resource is recorded with it, and what waited for it may go.
-- A drainer whose claim was taken over changes none of that, but the line it reports enters the ledger all the same.
--
-- Parameters   operation_id, token   from claim_operations
--              flex_line_item_id     the new line
--              also_added            further lines that Flex made of its own accord
--              http_status           as answered
-- Returns      recorded | unknown (the line was there before the send) | fenced
-- Reads        calls, lines
-- Writes       outbox, ledger, lines, calls, the host's flex_crew_assignments, syncs, due_elements
create or replace function flex_sync.record_add(
  operation_id bigint,
  token uuid,
  flex_line_item_id text,
  also_added text[] default '{}',
  http_status int default 200
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now constant timestamptz := clock();
  v_line constant text := flex_id(record_add.flex_line_item_id);
  v_operation outbox := operation_in_flight(record_add.operation_id, record_add.token);
  v_claimed outbox;
  v_person record;
  v_recorded boolean := false;
begin
  if v_operation.id is null then
    select outbox.* into v_claimed from outbox where outbox.id = record_add.operation_id;
    if v_claimed.id is not null and v_line is not null then
      perform enter_ledger(v_line, v_claimed.flex_element_id, v_claimed.flex_resource_id, v_claimed.crew_call_id, v_claimed.technician_id, 'added', v_claimed.id);
      perform note_element(v_claimed.flex_element_id, 'a drainer reported a line after its claim was taken over', true);
    end if;
    return 'fenced';
  end if;

  perform from lines
  join calls on calls.number = v_operation.call_number
  where lines.flex_element_id = v_operation.flex_element_id
    and lines.flex_line_item_id = v_line
    and lines.first_seen_at <= calls.reading_at;
  if found or v_line is null then
    perform record_failure(record_add.operation_id, record_add.token, 'unknown', record_add.http_status,
      format('the answer names line %s, which was there before the add', coalesce(v_line, 'null')));
    return 'unknown';
  end if;

  update outbox
  set state = 'done', finished_at = v_now, flex_line_item_id = v_line, http_status = record_add.http_status, error = null
  where outbox.id = v_operation.id;
  -- A reading made while the add was under way may have accounted its line to an earlier attempt: that one may still land.
  update calls
  set flex_line_item_id = null, late_checked_at = null
  where calls.operation_id = v_operation.id
    and calls.number <> v_operation.call_number
    and calls.flex_line_item_id = v_line;
  if found then
    perform note_element(v_operation.flex_element_id, 'an earlier attempt may still land', false);
  end if;
  update calls set flex_line_item_id = v_line where calls.number = v_operation.call_number;
  perform close_call(v_operation.call_number, 'done', record_add.http_status, null);

  perform enter_ledger(v_line, v_operation.flex_element_id, v_operation.flex_resource_id, v_operation.crew_call_id, v_operation.technician_id, 'added', v_operation.id);
  perform enter_ledger(flex_id(further.line), v_operation.flex_element_id, null, v_operation.crew_call_id, null, 'added', v_operation.id)
  from unnest(record_add.also_added) as further (line)
  where flex_id(further.line) is not null and flex_id(further.line) <> v_line;
  insert into lines (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, present, added_at)
  values (v_operation.flex_element_id, v_line, v_operation.flex_resource_id, true, true, v_now)
  on conflict on constraint lines_pkey do update
  set present = true, added_at = excluded.added_at, flex_resource_id = excluded.flex_resource_id;

  for v_person in
    select person.crew_call_id, person.technician_id
    from jsonb_to_recordset(v_operation.persons) as person (crew_call_id uuid, technician_id uuid)
    order by person.crew_call_id, person.technician_id
  loop
    v_recorded := record_person(v_person.crew_call_id, v_person.technician_id, v_operation.flex_element_id, v_line) or v_recorded;
  end loop;
  if not v_recorded then
    -- The crew call went elsewhere while the add was under way: the new line must not stay behind.
    perform note_element(v_operation.flex_element_id, 'a line was added for nobody', true);
  end if;

  -- What waited for the line: its role, and the line it replaces. A row that a planner holds is left to a reading.
  update outbox
  set
    after_operation_id = null,
    due_at = v_now,
    flex_line_item_id = case when outbox.kind = 'set_role' then v_line else outbox.flex_line_item_id end
  where outbox.id in (select waiting.id from waiting_for(v_operation.id) as waiting);
  if exists (select from outbox where outbox.after_operation_id = v_operation.id and outbox.state = 'pending') then
    perform note_element(v_operation.flex_element_id, 'what waited for an add was locked', true);
  end if;

  -- A reading made while the add was under way showed this line beside another one, and planned without knowing whose it is.
  if exists (
    select from lines
    where lines.flex_element_id = v_operation.flex_element_id
      and lines.flex_resource_id = v_operation.flex_resource_id
      and lines.flex_line_item_id <> v_line
      and lines.present
  ) then
    perform note_element(v_operation.flex_element_id, 'an added line is not the only one of its resource', true);
  end if;

  perform note_success(v_operation.flex_element_id);
  perform finish_sync(v_operation.sync_id);
  return 'recorded';
end
$$;
comment on function flex_sync.record_add(bigint, uuid, text, text[], int) is
  'Flex answered an add with the new line: operation, ledger and the host''s rows say so in one transaction.';
--! EndIncluded record_add.sql
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
  v_elements text[];
  v_syncs bigint[];
  v_adds boolean;
  v_roles boolean;
  v_removals boolean;
begin
  with
  told as materialized (
    select told.id, told.token, flex_id(told.line) as line
    from jsonb_to_recordset(record_done.done) as told (id bigint, token uuid, line text)
  ),
  in_flight as materialized (
    select outbox.*, told.line, told.token as told_token
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
        and not exists (select from ledger where ledger.flex_line_item_id = in_flight.line)
        and not exists (select from lines where lines.flex_element_id = in_flight.flex_element_id and lines.flex_line_item_id = in_flight.line)
        and not exists (
          select from jsonb_to_recordset(in_flight.persons) as person (crew_call_id uuid)
          where not exists (
            select from crew_calls
            where crew_calls.id = person.crew_call_id and crew_calls.flex_element_id = in_flight.flex_element_id
          )
        )
      ))
  )
  select array_agg(usual.id order by usual.id), array_agg(distinct usual.flex_element_id), array_agg(distinct usual.sync_id),
    bool_or(usual.kind = 'add'), bool_or(usual.kind = 'set_role'), bool_or(usual.kind = 'remove')
  into v_ids, v_elements, v_syncs, v_adds, v_roles, v_removals
  from usual;
  if v_ids is null then
    return;
  end if;

  update outbox
  set
    state = 'done',
    finished_at = v_now,
    flex_line_item_id = case when outbox.kind = 'add' then flex_id(told.line) else outbox.flex_line_item_id end,
    http_status = told.status,
    error = null
  from jsonb_to_recordset(record_done.done) as told (id bigint, line text, status int)
  where outbox.id = told.id
    and outbox.id = any (v_ids);
  update calls
  set
    answered_at = v_now,
    outcome = 'done',
    http_status = outbox.http_status,
    error = null,
    flex_line_item_id = case when outbox.kind = 'add' then outbox.flex_line_item_id else calls.flex_line_item_id end
  from outbox
  where outbox.id = any (v_ids)
    and calls.number = outbox.call_number
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
  -- Everybody locks syncs last, and by id.
  perform finish_sync(ended.id) from (select distinct sync.id from unnest(v_syncs) as sync (id) order by sync.id) as ended;
  return query select recorded.id from unnest(v_ids) as recorded (id);
end
$$;
comment on function flex_sync.record_done(jsonb) is 'Records writes that Flex did together; what is out of the ordinary it leaves to the function of its kind.';
--! EndIncluded record_done.sql
--! Included record_failure.sql
-- record_failure(operation_id, token, outcome, http_status, error, retry_after)
--
-- What became of an attempt that was not plainly done, by the class the caller saw:
--
--   not_sent          certainly not executed: due again after a backoff
--   refused           Flex said no: failed, until a new sync request (a refused removal is checked by a reading;
--                     a refused reading is simply read again)
--   refused_for_now   409, 423: due again after a backoff, the element one call at a time for a minute
--   rate_limited      429: the whole tenant waits; no attempt is used up
--   denied            401 although the token works: only this element is blocked
--   token_refused     401 and the token does not work: the breaker opens
--   unknown           nobody knows whether Flex did it: only a reading decides (a reading is simply read again)
--   doubtful          a reading that cannot be trusted: nothing is written on this element until a good one
--   lease_over        the drainer noticed in time that its claim ended: not sent, due again at once
--   no_budget         a further call was needed and the budget had none left: due again at once, reason quota
--
-- Parameters   operation_id, token   from claim_operations
--              outcome               one of the above
--              http_status, error    as seen
--              retry_after           what a 429 asked for
-- Returns      recorded | fenced
-- Errors       CLASS   no such outcome
-- Writes       outbox, calls, elements, element_health, tenant, syncs, due_elements
create or replace function flex_sync.record_failure(
  operation_id bigint,
  token uuid,
  outcome text,
  http_status int,
  error text,
  retry_after interval default null
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now constant timestamptz := clock();
  v_outcome constant text := record_failure.outcome;
  v_error constant text := left(record_failure.error, 500);
  v_operation outbox;
  v_state text;
  v_reading boolean;
  v_executed boolean := v_outcome in ('refused', 'unknown', 'doubtful');
begin
  if v_outcome is null or v_outcome not in ('not_sent', 'refused', 'refused_for_now', 'rate_limited', 'denied', 'token_refused',
    'unknown', 'doubtful', 'lease_over', 'no_budget') then
    raise exception 'no outcome is called %', coalesce(v_outcome, 'null')
      using errcode = 'CLASS', hint = 'See docs/states.md for the classes of outcome.';
  end if;
  v_operation := operation_in_flight(record_failure.operation_id, record_failure.token);
  if v_operation.id is null then
    return 'fenced';
  end if;
  v_reading := v_operation.kind = 'observe';

  v_state := case
    when v_outcome = 'refused' and v_operation.kind = 'remove' and record_failure.http_status in (400, 404) then 'unknown'
    when v_outcome = 'refused' and not v_reading then 'failed'
    when v_outcome = 'denied' then 'cancelled'
    when v_outcome in ('unknown', 'doubtful') and not v_reading then 'unknown'
    else 'pending'
  end;

  -- A reading is simply read again; where a request queued another one meanwhile, that one does.
  if v_reading and v_state = 'pending' and exists (
    select from outbox
    where outbox.flex_element_id = v_operation.flex_element_id and outbox.kind = 'observe' and outbox.state = 'pending'
  ) then
    v_state := 'cancelled';
  end if;

  update outbox
  set
    state = v_state,
    attempts = v_operation.attempts - (not v_executed)::int,
    retries = case when v_outcome in ('not_sent', 'refused_for_now') then v_operation.retries + 1 else v_operation.retries end,
    due_at = case when v_outcome in ('not_sent', 'refused_for_now') then v_now + backoff(v_operation.retries + 1) else v_now end,
    reason = case when v_state = 'failed' then 'refused' when v_outcome = 'denied' and not v_reading then 'denied' else v_operation.reason end,
    http_status = record_failure.http_status,
    error = v_error,
    unknown_at = case when v_state = 'unknown' then v_now end,
    finished_at = case when v_state in ('failed', 'cancelled') then v_now end,
    lease_until = null
  where outbox.id = v_operation.id;
  perform close_call(v_operation.call_number, v_outcome, record_failure.http_status, v_error);

  -- What waited for this operation cannot go any more; the next plan makes it anew.
  if v_state <> 'pending' then
    update outbox
    set state = 'cancelled', reason = 'waited_in_vain', finished_at = v_now
    where outbox.id in (select waiting.id from waiting_for(v_operation.id) as waiting);
    if exists (select from outbox where outbox.after_operation_id = v_operation.id and outbox.state = 'pending') then
      perform note_element(v_operation.flex_element_id, 'what waited for an operation was locked', true);
    end if;
  end if;

  case v_outcome
    when 'not_sent' then
      perform note_failure(v_operation.flex_element_id, v_operation.sent_at, v_error, true);
    when 'unknown' then
      if v_reading or record_failure.http_status is null or record_failure.http_status >= 500 then
        perform note_failure(v_operation.flex_element_id, v_operation.sent_at, v_error,
          record_failure.http_status is null or record_failure.http_status >= 500);
      end if;
    when 'doubtful' then
      perform note_failure(v_operation.flex_element_id, v_operation.sent_at, v_error, false);
      perform doubt_element(v_operation.flex_element_id, coalesce(split_part(v_error, ':', 1), 'unreadable'), v_error);
    when 'refused_for_now' then
      perform note_failure(v_operation.flex_element_id, v_operation.sent_at, v_error, false);
      update element_health set careful_until = v_now + interval '1 min' where element_health.flex_element_id = v_operation.flex_element_id;
    when 'rate_limited' then
      perform open_breaker('rate_limited', v_error, record_failure.retry_after);
    when 'token_refused' then
      perform open_breaker('token_refused', v_error);
    when 'denied' then
      perform block_element(v_operation.flex_element_id, 'access_denied', v_error);
    when 'refused' then
      if v_reading then
        perform note_failure(v_operation.flex_element_id, v_operation.sent_at, v_error, false);
      else
        perform note_success(v_operation.flex_element_id);
      end if;
    else
      null;
  end case;

  -- An error instead of lines is a doubtful reading too.
  if v_reading and v_outcome in ('refused', 'unknown') then
    -- A 2xx that is an error only because the rest of it never came is no error status.
    perform doubt_element(v_operation.flex_element_id,
      case when record_failure.http_status = 202 or record_failure.http_status >= 300 then 'error_status' else 'no_answer' end, v_error);
  end if;
  if v_state = 'unknown' or v_reading then
    perform note_element(v_operation.flex_element_id, v_outcome, false);
  end if;
  perform finish_sync(v_operation.sync_id);
  return 'recorded';
end
$$;
comment on function flex_sync.record_failure(bigint, uuid, text, int, text, interval) is
  'What became of an attempt that was not plainly done, by the class of outcome that the caller saw.';
--! EndIncluded record_failure.sql
--! Included record_kept.sql
-- record_kept(flex_element_id, plan)
--
-- Bring the host's rows up to the plan: everyone kept is recorded with the line that they keep, and whoever is no longer
-- desired is not recorded with somebody else's line. Under policy report nothing is written.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
--              plan              rows of plan_element, from a reading just stored
-- Reads        recorded_crew, crew_calls, crew_call_blocks
-- Writes       the host's flex_crew_assignments, crew_call_blocks
create or replace function flex_sync.record_kept(flex_element_id text, plan flex_sync.planned[])
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
-- The host's table is as large as it is: planned anew for each element, whatever the caller keeps.
set plan_cache_mode = auto
as $$
declare
  v_kept record;
  v_since jsonb;
  v_rows record;
begin
  if policy_of(record_kept.flex_element_id) = 'report' then
    return;
  end if;
  -- What the host's table refused is tried again here; what it refuses still blocks anew.
  with tried_again as (
    delete from crew_call_blocks
    where crew_call_blocks.crew_call_id in (select crew_calls.id from crew_calls where crew_calls.flex_element_id = record_kept.flex_element_id)
    returning crew_call_blocks.crew_call_id, crew_call_blocks.since
  )
  select jsonb_object_agg(tried_again.crew_call_id, tried_again.since) into v_since from tried_again;

  for v_kept in
    select planned.crew_call_id, planned.technician_id, planned.flex_line_item_id
    from unnest(record_kept.plan) as planned
    left join recorded_crew on recorded_crew.crew_call_id = planned.crew_call_id and recorded_crew.technician_id = planned.technician_id
    where planned.action = 'keep'
      and recorded_crew.flex_line_item_id is distinct from planned.flex_line_item_id
    order by planned.crew_call_id, planned.technician_id
  loop
    perform record_person(v_kept.crew_call_id, v_kept.technician_id, record_kept.flex_element_id, v_kept.flex_line_item_id);
  end loop;
  if v_since is not null then
    update crew_call_blocks
    set since = (v_since ->> crew_call_blocks.crew_call_id::text)::timestamptz
    where v_since ? crew_call_blocks.crew_call_id::text;
  end if;

  -- Rows of people nobody desires any more, on a line that stays for somebody else.
  select array_agg(flex_crew_assignments.crew_call_id) as crew_call_ids, array_agg(flex_crew_assignments.technician_id) as technician_ids,
    array_agg(flex_crew_assignments.flex_line_item_id::text) as lines
  into v_rows
  from :HOST_SCHEMA.flex_crew_assignments
  where flex_crew_assignments.crew_call_id in (
      select crew_calls.id from crew_calls where crew_calls.flex_element_id = record_kept.flex_element_id
    )
    and exists (
      select from unnest(record_kept.plan) as planned
      where planned.action = 'keep'
        and planned.flex_line_item_id = lower(btrim(flex_crew_assignments.flex_line_item_id::text, E' \t\r\n'))
    )
    and not exists (
      select from unnest(record_kept.plan) as planned
      where planned.action in ('keep', 'add', 'wait', 'confirm', 'contest', 'unmapped')
        and planned.crew_call_id = flex_crew_assignments.crew_call_id
        and planned.technician_id = flex_crew_assignments.technician_id
    );
  if v_rows.lines is not null then
    perform remove_assignments(v_rows.crew_call_ids, v_rows.technician_ids, v_rows.lines);
  end if;
  perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));
exception
  when others then
    perform note_element(record_kept.flex_element_id, 'rows of flex_crew_assignments could not be written: ' || sqlerrm, false);
end
$$;
comment on function flex_sync.record_kept(text, flex_sync.planned[]) is 'Brings the host''s rows up to the plan.';
--! EndIncluded record_kept.sql
--! Included record_observation.sql
-- record_observation(operation_id, token, lines, identity, http_status)
--
-- Record one complete reading of an element, and act on it under the element's lock: settle what was unanswered, confirm
-- what is stale, record who is there, and make the plan anew; what the plan wants may be sent from here on.
--
-- Parameters   operation_id, token   from claim_operations
--              lines                 [{flex_line_item_id, flex_resource_id, is_contact, parent_line_item_id, flex_role_id, shows_role, name}];
--                                    null when Flex said that the element does not exist
--              identity              what GET identity said when it was asked: present | gone | unclear
--              http_status           as answered
-- Returns      recorded
--              identity_needed   recorded lines are all missing: ask GET identity and call again with what it said
--              old               a younger reading is stored; this one changed nothing
--              doubtful          the lines contradict themselves; nothing changed
--              blocked           the element is gone, or the host's view cannot be read
--              fenced            the claim was taken over
-- Locks        element
-- Writes       readings, lines, missing_lines, ledger, outbox, calls, elements, syncs, the host's flex_crew_assignments
create or replace function flex_sync.record_observation(
  operation_id bigint,
  token uuid,
  lines jsonb,
  identity text default null,
  http_status int default 200
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_element constant text := (select outbox.flex_element_id from outbox where outbox.id = record_observation.operation_id);
  v_operation outbox;
  v_began timestamptz;
  v_sync syncs;
  v_plan planned[];
  v_error text;
begin
  perform read_committed_only();
  if v_element is null then
    return 'fenced';
  end if;
  perform lock_element(v_element);
  v_operation := operation_in_flight(record_observation.operation_id, record_observation.token);
  if v_operation.id is null then
    return 'fenced';
  end if;
  v_began := v_operation.sent_at;

  if record_observation.identity is distinct from 'gone' and doubt_of_lines(record_observation.lines) is not null then
    perform record_failure(record_observation.operation_id, record_observation.token, 'doubtful', record_observation.http_status,
      doubt_of_lines(record_observation.lines));
    return 'doubtful';
  end if;
  v_error := host_error();
  if v_error is not null then
    update outbox
    set state = 'done', finished_at = clock(), http_status = record_observation.http_status, error = null
    where outbox.id = v_operation.id;
    perform close_call(v_operation.call_number, 'done', record_observation.http_status, null);
    perform block_element(v_element, 'host_view', v_error);
    perform finish_answered_syncs(v_element, v_began);
    perform queue_reading(v_element);
    return 'blocked';
  end if;
  if record_observation.identity is null and lacks_every_recorded_line(v_element, record_observation.lines, v_began) then
    return 'identity_needed';
  end if;

  update outbox
  set state = 'done', finished_at = clock(), http_status = record_observation.http_status, error = null
  where outbox.id = v_operation.id;
  perform close_call(v_operation.call_number, 'done', record_observation.http_status, null);
  perform know_element(v_element);

  if record_observation.identity = 'gone' then
    perform block_element(v_element, 'element_gone', 'Flex says that the element is deleted or does not exist');
    -- Nothing of ours can be left there; a crew call that still points here keeps what it knows.
    update ledger
    set gone_at = clock()
    where ledger.flex_element_id = v_element
      and ledger.gone_at is null
      and not exists (select from crew_calls where crew_calls.flex_element_id = v_element);
    perform note_success(v_element);
    perform finish_answered_syncs(v_element, v_began);
    perform queue_reading(v_element);
    return 'blocked';
  end if;
  if v_began <= (select elements.reading_at from elements where elements.flex_element_id = v_element) then
    perform queue_reading(v_element);
    perform finish_sync(v_operation.sync_id);
    return 'old';
  end if;

  perform store_reading(v_element, v_operation.id, v_began, record_observation.lines, record_observation.identity is not null);
  perform settle_unknown(v_element, v_began);
  perform confirm_stale(v_element, v_began);

  -- The newest sync that this reading answers goes on with what older ones left open.
  select syncs.* into v_sync
  from syncs
  where syncs.flex_element_id = v_element
    and syncs.finished_at is null
    and syncs.reading_at <= v_began
  order by syncs.id desc
  limit 1;

  begin
    select array_agg(row_of_plan.*::planned) into v_plan
    from plan_element(v_element, coalesce(v_sync.allow_mass_removal, false)) as row_of_plan;
  exception
    when others then
      get stacked diagnostics v_error = message_text;
      perform block_element(v_element, 'host_view', v_error);
      perform finish_answered_syncs(v_element, v_began);
      perform queue_reading(v_element);
      return 'blocked';
  end;

  if v_sync.id is null and policy_of(v_element) <> 'report' and exists (
    select from operations_of(v_plan) as operation where operation.state = 'pending'
  ) then
    -- Nobody asked: a background reading, a late landing or a clean-up found something to do.
    insert into syncs (crew_call_id, flex_element_id, requested_by, requested_at, last_requested_at, reading_at)
    select coalesce(elements.crew_call_id, v_operation.crew_call_id), v_element, 'flex-crew-sync: ' || coalesce(v_operation.reason, 'reading'), v_began, v_began, v_began
    from elements
    where elements.flex_element_id = v_element
      and coalesce(elements.crew_call_id, v_operation.crew_call_id) is not null
    returning syncs.* into v_sync;
  end if;

  update elements
  set unmapped = counted.unmapped
  from (select count(*) as unmapped from unnest(v_plan) as planned where planned.action = 'unmapped') as counted
  where elements.flex_element_id = v_element
    and elements.unmapped <> counted.unmapped;
  perform record_kept(v_element, v_plan);
  perform apply_plan(v_element, v_plan, v_sync.id, v_began);
  perform queue_reading(v_element);
  perform note_success(v_element);
  update syncs
  set
    stale = syncs.stale + (select count(*) from unnest(v_plan) as planned where planned.action = 'add' and planned.reason = 'stale'
      and not exists (
        select from outbox
        where outbox.flex_element_id = v_element and outbox.kind = 'add' and outbox.flex_resource_id = planned.flex_resource_id
          and outbox.reason = 'stale' and outbox.state = 'pending' and outbox.created_at < v_began
      )),
    kept = (select count(*) from unnest(v_plan) as planned where planned.action = 'keep')
  where syncs.id = v_sync.id;

  perform finish_answered_syncs(v_element, v_began);
  perform pg_notify('flex_sync_work', v_element);
  return 'recorded';
end
$$;
comment on function flex_sync.record_observation(bigint, uuid, jsonb, text, int) is
  'Records one complete reading of an element and acts on it: settle, confirm, record, plan anew.';
--! EndIncluded record_observation.sql
--! Included record_person.sql
-- record_person(crew_call_id, technician_id, flex_element_id, flex_line_item_id)
--
-- Write into the host's table that a person is on a crew call with this line: an upsert, and only while the crew call
-- still points at the element. What the host's table refuses (foreign key, constraint, trigger) blocks the crew call
-- and nothing else; a row that somebody holds is tried again with the next reading.
--
-- Parameters   crew_call_id, technician_id   who
--              flex_element_id               normalised
--              flex_line_item_id             the line they are on
-- Returns      whether the row says so now
-- Reads        crew_calls
-- Writes       the host's flex_crew_assignments, crew_call_blocks, due_elements, decisions
create or replace function flex_sync.record_person(crew_call_id uuid, technician_id uuid, flex_element_id text, flex_line_item_id text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set lock_timeout = '500ms'
as $$
#variable_conflict use_column
declare
  v_error text;
begin
  perform from crew_calls
  where crew_calls.id = record_person.crew_call_id
    and crew_calls.flex_element_id = record_person.flex_element_id;
  if not found then
    return false;
  end if;

  begin
    perform write_assignment(record_person.crew_call_id, record_person.technician_id, record_person.flex_line_item_id);
    perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));
    return true;
  exception
    when lock_not_available or deadlock_detected then
      perform note_element(record_person.flex_element_id, 'a row of flex_crew_assignments was locked', true);
      return false;
    when others then
      get stacked diagnostics v_error = message_text;
      insert into crew_call_blocks (crew_call_id, reason, error, since)
      values (record_person.crew_call_id, 'host_table', format('person %s: %s', record_person.technician_id, v_error), clock())
      on conflict on constraint crew_call_blocks_pkey do update
      set reason = excluded.reason, error = excluded.error;
      -- Its next look, in an hour, is queued by whoever has the element's lock.
      perform note_element(record_person.flex_element_id, 'flex_crew_assignments refused a row', false);
      perform note_block(record_person.flex_element_id, record_person.crew_call_id, record_person.technician_id, 'host_table', v_error);
      return false;
  end;
end
$$;
comment on function flex_sync.record_person(uuid, uuid, text, text) is 'Upserts who is on a crew call with which line; what the host''s table refuses blocks the crew call and nothing else.';
--! EndIncluded record_person.sql
--! Included record_persons.sql
-- record_persons(operation_ids)
--
-- Write into the host's table whom adds that are done were for, or raise: record_person for many, in the usual case that
-- the table takes them all. The caller saw that their crew calls still point at their elements.
--
-- Parameters   operation_ids   outbox.id; those that are no adds are left out
-- Errors       whatever the host's table refuses
-- Reads        outbox
-- Writes       the host's flex_crew_assignments
create or replace function flex_sync.record_persons(operation_ids bigint[])
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
-- For the host's triggers, whatever the caller walks its own tables with.
set enable_seqscan = on
set enable_hashjoin = on
set enable_mergejoin = on
set plan_cache_mode = auto
as $$
declare
  v_row record;
begin
  for v_row in
    select person.crew_call_id, person.technician_id, outbox.flex_line_item_id as line
    from outbox
    cross join lateral jsonb_to_recordset(outbox.persons) as person (crew_call_id uuid, technician_id uuid)
    where outbox.id = any (record_persons.operation_ids)
      and outbox.kind = 'add'
    order by person.crew_call_id, person.technician_id
  loop
    perform write_assignment(v_row.crew_call_id, v_row.technician_id, v_row.line);
    perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));
  end loop;
end
$$;
comment on function flex_sync.record_persons(bigint[]) is 'Upserts whom adds that are done were for, or raises what the host''s table refuses.';
--! EndIncluded record_persons.sql
--! Included record_probe.sql
-- record_probe(call_number, outcome, http_status, error, retry_after)
--
-- What a probe found: a good answer closes the breaker, anything else doubles the wait, up to a minute.
--
-- Parameters   call_number   from claim_probe
--              outcome       class of the attempt: done | unauthorized | rate_limited | any other
--              http_status, error, retry_after   as seen
-- Writes       tenant, calls; NOTIFY flex_sync_work when the breaker closes
create or replace function flex_sync.record_probe(
  call_number bigint,
  outcome text,
  http_status int,
  error text,
  retry_after interval default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_now constant timestamptz := clock();
begin
  perform close_call(record_probe.call_number, record_probe.outcome, record_probe.http_status, record_probe.error);
  if record_probe.outcome = 'done' then
    update tenant
    set
      -- After a 429 calls go one at a time at first, and another 429 goes on doubling the wait.
      careful_successes = case when tenant.breaker_reason = 'rate_limited' then 0 end,
      probe_wait = case when tenant.breaker_reason = 'rate_limited' then tenant.probe_wait end,
      breaker_opened_at = null, breaker_reason = null, breaker_error = null, probe_at = null,
      failures = 0, failed_elements = '{}', last_failure_at = null;
    -- What backed off because Flex was down need not wait for its own turn.
    update element_health set failures = 0, backoff_until = null where element_health.backoff_until > v_now;
    perform pg_notify('flex_sync_work', '');
  else
    update tenant
    set
      probe_wait = least(tenant.probe_wait * 2, interval '1 min'),
      probe_at = v_now + greatest(record_probe.retry_after, least(tenant.probe_wait * 2, interval '1 min')),
      breaker_reason = case record_probe.outcome
        when 'unauthorized' then 'token_refused'
        when 'rate_limited' then 'rate_limited'
        else 'flex_down'
      end,
      breaker_error = record_probe.error
    where tenant.breaker_opened_at is not null;
  end if;
end
$$;
comment on function flex_sync.record_probe(bigint, text, int, text, interval) is 'What a probe found: a good answer closes the breaker, anything else doubles the wait.';
--! EndIncluded record_probe.sql
--! Included record_remove.sql
-- record_remove(operation_id, token, http_status)
--
-- Flex took a line away: the operation is done, the line is gone, no row of the host names it.
--
-- Parameters   operation_id, token   from claim_operations
--              http_status           as answered
-- Returns      recorded | fenced
-- Writes       outbox, lines, ledger, calls, the host's flex_crew_assignments, syncs
create or replace function flex_sync.record_remove(operation_id bigint, token uuid, http_status int default 200)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now constant timestamptz := clock();
  v_operation outbox := operation_in_flight(record_remove.operation_id, record_remove.token);
begin
  if v_operation.id is null then
    return 'fenced';
  end if;
  update outbox
  set state = 'done', finished_at = v_now, http_status = record_remove.http_status, error = null
  where outbox.id = v_operation.id;
  perform close_call(v_operation.call_number, 'done', record_remove.http_status, null);
  update lines
  set present = false, removed_at = v_now
  where lines.flex_element_id = v_operation.flex_element_id
    and lines.flex_line_item_id = v_operation.flex_line_item_id;
  perform forget_line(v_operation.flex_element_id, v_operation.flex_line_item_id);
  perform note_success(v_operation.flex_element_id);
  perform finish_sync(v_operation.sync_id);
  return 'recorded';
end
$$;
comment on function flex_sync.record_remove(bigint, uuid, int) is 'Flex took a line away: the operation is done and no row of the host names the line.';
--! EndIncluded record_remove.sql
--! Included record_set_role.sql
-- record_set_role(operation_id, token, http_status)
--
-- Flex took a role write.
--
-- Parameters   operation_id, token   from claim_operations
--              http_status           as answered
-- Returns      recorded | fenced
-- Writes       outbox, lines, calls, syncs
create or replace function flex_sync.record_set_role(operation_id bigint, token uuid, http_status int default 200)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now constant timestamptz := clock();
  v_operation outbox := operation_in_flight(record_set_role.operation_id, record_set_role.token);
begin
  if v_operation.id is null then
    return 'fenced';
  end if;
  update outbox
  set state = 'done', finished_at = v_now, http_status = record_set_role.http_status, error = null
  where outbox.id = v_operation.id;
  perform close_call(v_operation.call_number, 'done', record_set_role.http_status, null);
  perform write_role(v_operation.flex_element_id, v_operation.flex_line_item_id, v_operation.flex_role_id);
  perform note_success(v_operation.flex_element_id);
  perform finish_sync(v_operation.sync_id);
  return 'recorded';
end
$$;
comment on function flex_sync.record_set_role(bigint, uuid, int) is 'Flex took a role write.';
--! EndIncluded record_set_role.sql
--! Included reject_removals.sql
-- reject_removals(crew_call_id, plan)
--
-- No, keep the held lines of this plan: they no longer spoil synced, until they are gone.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              plan           crew_call_status.plan, or the plan that sync_crew_call answered
-- Returns      how many lines the answer covers
-- Errors       NOCAL   no crew call has this id
--              NOPLN   nothing is held under this plan
create or replace function flex_sync.reject_removals(crew_call_id uuid, plan text)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  return decide_removals(reject_removals.crew_call_id, reject_removals.plan, 'rejected');
end
$$;
comment on function flex_sync.reject_removals(uuid, text) is 'No, keep the held lines of this plan.';
--! EndIncluded reject_removals.sql
--! Included remove_assignments.sql
-- remove_assignments(crew_call_ids, technician_ids, flex_line_item_ids)
--
-- Delete rows of the host's flex_crew_assignments. Triggers of the host's run in it, and find names as they do when the
-- application writes: in the host's schema and in public. Nothing else is in here, because of that.
--
-- Parameters   crew_call_ids, technician_ids   whose rows, in the same order
--              flex_line_item_ids              as the rows name them: what names another line by now stays
-- Errors       whatever the host's table refuses, what it deferred to the commit too
-- Writes       the host's flex_crew_assignments
create or replace function flex_sync.remove_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[])
returns void
language plpgsql
volatile
set search_path = :HOST_SCHEMA, public, extensions, pg_temp
as $$
begin
  delete from :HOST_SCHEMA.flex_crew_assignments
  using unnest(remove_assignments.crew_call_ids, remove_assignments.technician_ids, remove_assignments.flex_line_item_ids)
    as named (crew_call_id, technician_id, line)
  where flex_crew_assignments.crew_call_id = named.crew_call_id
    and flex_crew_assignments.technician_id = named.technician_id
    and flex_crew_assignments.flex_line_item_id::text = named.line;
  -- What the host deferred to the commit is said now, where it can be caught.
  set constraints all immediate;
end
$$;
comment on function flex_sync.remove_assignments(uuid[], uuid[], text[]) is 'Deletes rows of the host; its triggers find names as they do when the application writes.';
--! EndIncluded remove_assignments.sql
--! Included request_sync.sql
-- request_sync(crew_call_id, flex_element_id, requested_by, allow_mass_removal)
--
-- Find the sync that still waits for its reading, or open one. Whoever joins calls join_sync as the last step of its
-- transaction: everything that locks operations and syncs locks the operations first.
--
-- Parameters   crew_call_id, flex_element_id      normalised; the caller holds the element's lock
--              requested_by, allow_mass_removal   as in sync_crew_call
-- Returns      sync_id, and joined: whether it was there already
-- Reads        syncs, elements
-- Writes       syncs, elements; locks the pending observe, so that its reading does not begin before we commit
create or replace function flex_sync.request_sync(
  crew_call_id uuid,
  flex_element_id text,
  requested_by text,
  allow_mass_removal boolean,
  out sync_id bigint,
  out joined boolean
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now timestamptz;
begin
  perform from outbox
  where outbox.flex_element_id = request_sync.flex_element_id
    and outbox.kind = 'observe'
    and outbox.state = 'pending'
  for update;

  v_now := clock();
  perform know_element(request_sync.flex_element_id);

  -- The newest sync still waits if no reading for it is recorded or in flight. Beside an older one that is not finished
  -- it waits again, whatever it has: one active and one waiting, never three.
  select syncs.id into request_sync.sync_id
  from syncs
  join elements on elements.flex_element_id = syncs.flex_element_id
  where syncs.flex_element_id = request_sync.flex_element_id
    and syncs.finished_at is null
    and (
      -- Joined after its reading began: that one is not for it any more.
      syncs.reading_at is null
      or exists (
        select from syncs as older
        where older.flex_element_id = request_sync.flex_element_id
          and older.finished_at is null
          and older.id < syncs.id
      )
      or (
        syncs.reading_at > coalesce(elements.reading_at, '-infinity')
        and not exists (
          select from outbox
          where outbox.flex_element_id = request_sync.flex_element_id
            and outbox.kind = 'observe'
            and outbox.state = 'sending'
            and outbox.sync_id = syncs.id
        )
      )
    )
  -- Only one row may wait without a reading: where readings failed, several syncs wait, and that one is joined.
  order by syncs.reading_at is null desc, syncs.id desc
  limit 1;
  request_sync.joined := request_sync.sync_id is not null;

  if not request_sync.joined then
    insert into syncs (crew_call_id, flex_element_id, requested_by, requested_at, last_requested_at, allow_mass_removal)
    values (request_sync.crew_call_id, request_sync.flex_element_id, request_sync.requested_by, v_now, v_now, request_sync.allow_mass_removal)
    returning syncs.id into request_sync.sync_id;
  end if;
end
$$;
comment on function flex_sync.request_sync(uuid, text, text, boolean) is 'Finds the sync that still waits for its reading, or opens one.';
--! EndIncluded request_sync.sql
--! Included resume.sql
-- resume()
--
-- Go on after pause().
--
-- Writes       tenant, operator_log; NOTIFY flex_sync_work; nothing where it is not paused
create or replace function flex_sync.resume()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_was tenant;
begin
  select tenant.* into v_was from tenant for update;
  if v_was.paused_at is null then
    return;
  end if;
  update tenant set paused_at = null, paused_reason = null;
  perform log_operator('resume', jsonb_build_object('paused_at', v_was.paused_at, 'was', v_was.paused_reason));
  perform pg_notify('flex_sync_work', '');
end
$$;
comment on function flex_sync.resume() is 'Goes on after pause().';
--! EndIncluded resume.sql
--! Included retry.sql
-- retry(operation_id)
--
-- Send again what was refused: the failed operation becomes history, and a reading begun after now plans it anew.
-- Of an unknown operation only a reading is asked for; nothing is ever sent blindly. Said twice it is said once.
--
-- Parameters   operation_id   outbox.id
-- Returns      text, what happens now
-- Errors       NOOPE   no operation has this id
--              NORET   the operation is in a state that cannot be retried
-- Writes       outbox, due_elements, operator_log
create or replace function flex_sync.retry(operation_id bigint)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_operation outbox;
begin
  select outbox.* into v_operation from outbox where outbox.id = retry.operation_id for update;
  if not found then
    raise exception 'no operation has the id %', coalesce(retry.operation_id::text, 'null')
      using errcode = 'NOOPE', hint = 'select operation_id from flex_sync.crew_status where operation_id is not null;';
  end if;
  if v_operation.state not in ('failed', 'unknown') then
    raise exception 'operation % is %, only failed and unknown ones can be retried', v_operation.id, v_operation.state
      using errcode = 'NORET', hint = case v_operation.state
        when 'held' then 'A held removal waits for approve_removals or reject_removals.'
        when 'done' then 'It is done; sync_crew_call plans what is still to do.'
        when 'cancelled' then 'It is no longer wanted; sync_crew_call plans what is still to do.'
        else 'It goes on by itself.'
      end;
  end if;
  if v_operation.superseded_at is not null then
    return 'is history already: a retry or a later plan took its place';
  end if;
  perform log_operator('retry', jsonb_build_object(
    'operation_id', v_operation.id, 'crew_call_id', v_operation.crew_call_id, 'technician_id', v_operation.technician_id,
    'kind', v_operation.kind, 'was', concat_ws(' ', v_operation.state, v_operation.reason)
  ));
  perform note_element(v_operation.flex_element_id, 'an operator retries', true);
  if v_operation.state = 'unknown' then
    return 'reads Flex now; nothing is sent before a reading says that it did not land';
  end if;
  update outbox set superseded_at = clock() where outbox.id = v_operation.id;
  return 'reads Flex now, then tries once more what is still wanted';
end
$$;
comment on function flex_sync.retry(bigint) is 'Sends again what was refused; of an unknown operation only a reading is asked for.';
--! EndIncluded retry.sql
--! Included retry_failed.sql
-- retry_failed(crew_call_id)
--
-- retry() for everything that failed on a crew call.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      how many
-- Errors       NOCAL   no crew call has this id
-- Writes       outbox, due_elements, operator_log
create or replace function flex_sync.retry_failed(crew_call_id uuid)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_operation record;
  v_number int := 0;
begin
  perform crew_call_or_raise(retry_failed.crew_call_id);
  for v_operation in
    select outbox.id
    from outbox
    where (
        outbox.crew_call_id = retry_failed.crew_call_id
        -- Where people of several crew calls share a line, its add belongs to one of them.
        or outbox.persons @> jsonb_build_array(jsonb_build_object('crew_call_id', retry_failed.crew_call_id))
      )
      and outbox.kind <> 'observe'
      and outbox.state = 'failed'
      and outbox.superseded_at is null
    order by outbox.id
  loop
    perform retry(v_operation.id);
    v_number := v_number + 1;
  end loop;
  return v_number;
end
$$;
comment on function flex_sync.retry_failed(uuid) is 'retry() for everything that failed on a crew call.';
--! EndIncluded retry_failed.sql
--! Included room_for_background.sql
-- room_for_background()
--
-- Whether background readings may be made: more than a quarter of every window of Flex calls is left, which they leave for
-- what somebody asks for.
--
-- Returns      boolean
-- Reads        settings, calls_left
create or replace function flex_sync.room_for_background()
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return (
    select calls_left.hourly > coalesce(settings.hourly_limit, settings.monthly_limit / 50) / 4
      and calls_left.daily > coalesce(settings.daily_limit, settings.monthly_limit / 10) / 4
      and calls_left.monthly > settings.monthly_limit / 4
    from calls_left(), settings
  );
end
$$;
comment on function flex_sync.room_for_background() is 'Whether background readings may be made: more than a quarter of every window of Flex calls is left.';
--! EndIncluded room_for_background.sql
--! Included set_policy.sql
-- set_policy(crew_call_id, policy)
--
-- What may be deleted on one crew call; null returns to settings.policy. A reading plans anew under it.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              policy         mirror | owned | add_only | report | null
-- Errors       NOCAL   no crew call has this id
--              NOPOL   no such policy
-- Writes       crew_call_settings, due_elements, operator_log; nothing where it is so already
create or replace function flex_sync.set_policy(crew_call_id uuid, policy text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_element constant text := crew_call_or_raise(set_policy.crew_call_id);
  v_was text;
begin
  perform from crew_calls where crew_calls.id = set_policy.crew_call_id;
  if not found then
    raise exception 'crew call % is gone', set_policy.crew_call_id
      using errcode = 'NOCAL', hint = 'What is left on its element is ours to clean up: there the policy is owned, whatever was set.';
  end if;
  if set_policy.policy not in ('mirror', 'owned', 'add_only', 'report') then
    raise exception 'no policy is called %', printable(left(set_policy.policy, 100))
      using errcode = 'NOPOL', hint = 'mirror, owned, add_only or report; null returns to flex_sync.settings.policy.';
  end if;
  select crew_call_settings.policy into v_was from crew_call_settings where crew_call_settings.crew_call_id = set_policy.crew_call_id for update;
  if v_was is not distinct from set_policy.policy then
    return;
  end if;
  insert into crew_call_settings (crew_call_id, policy)
  values (set_policy.crew_call_id, set_policy.policy)
  on conflict on constraint crew_call_settings_pkey do update
  set policy = excluded.policy;
  perform log_operator('set_policy', jsonb_build_object('crew_call_id', set_policy.crew_call_id, 'was', v_was, 'is', set_policy.policy));
  perform note_element(v_element, 'the policy changed', true);
end
$$;
comment on function flex_sync.set_policy(uuid, text) is 'What may be deleted on one crew call; null returns to the setting.';
--! EndIncluded set_policy.sql
--! Included set_resync_interval.sql
-- set_resync_interval(crew_call_id, resync_interval)
--
-- After how long one crew call is read again though nobody asks; null returns to settings.resync_interval. To leave one out
-- where the setting is on, give it ten years.
--
-- Parameters   crew_call_id      flex_crew_calls.id
--              resync_interval   a minute to ten years, or null
-- Errors       NOCAL   no crew call has this id
--              NOINT   no such interval
-- Writes       crew_call_settings, operator_log, what note_changed_interval writes; nothing where it is so already
create or replace function flex_sync.set_resync_interval(crew_call_id uuid, resync_interval interval)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_was interval;
begin
  perform crew_call_or_raise(set_resync_interval.crew_call_id);
  perform from crew_calls where crew_calls.id = set_resync_interval.crew_call_id;
  if not found then
    raise exception 'crew call % is gone', set_resync_interval.crew_call_id
      using errcode = 'NOCAL', hint = 'What is left on its element is cleaned up without background readings.';
  end if;
  if not set_resync_interval.resync_interval between interval '1 min' and interval '10 years' then
    raise exception 'a crew call cannot be read every %', set_resync_interval.resync_interval
      using errcode = 'NOINT', hint = 'From 1 minute to 10 years; null returns to flex_sync.settings.resync_interval.';
  end if;
  select crew_call_settings.resync_interval into v_was
  from crew_call_settings
  where crew_call_settings.crew_call_id = set_resync_interval.crew_call_id
  for update;
  if v_was is not distinct from set_resync_interval.resync_interval then
    return;
  end if;
  insert into crew_call_settings (crew_call_id, resync_interval)
  values (set_resync_interval.crew_call_id, set_resync_interval.resync_interval)
  on conflict on constraint crew_call_settings_pkey do update
  set resync_interval = excluded.resync_interval;
  perform log_operator('set_resync_interval', jsonb_build_object(
    'crew_call_id', set_resync_interval.crew_call_id, 'was', v_was, 'is', set_resync_interval.resync_interval
  ));
end
$$;
comment on function flex_sync.set_resync_interval(uuid, interval) is
  'After how long one crew call is read again though nobody asks; null returns to the setting.';
--! EndIncluded set_resync_interval.sql
--! Included share_with_service_role.sql
-- share_with_service_role(before)
--
-- service_role, where it exists, may what flex_sync_app may. It is a member of it, but Supabase's inherits nothing
-- (noinherit), and PostgREST never takes on a further role: it needs the privileges themselves.
--
-- Parameters   before   objects that are left as the host has them by now
-- Writes       privileges of service_role
create or replace function flex_sync.share_with_service_role(before oid[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_grant text;
begin
  if to_regrole('service_role') is null then
    return;
  end if;
  grant usage on schema flex_sync to service_role;
  for v_grant in
    select format('grant execute on function %s to service_role', pg_proc.oid::regprocedure)
    from pg_proc
    cross join lateral aclexplode(pg_proc.proacl) as granted
    where granted.grantee = 'flex_sync_app'::regrole
      and pg_proc.oid <> all (coalesce(share_with_service_role.before, '{}'))
      and (
        pg_proc.pronamespace = 'flex_sync'::regnamespace
        -- No migration remembers these; they are granted once.
        or share_with_service_role.before = '{}'
          and pg_proc.pronamespace = 'public'::regnamespace
          and pg_proc.proname in ('sync_crew_call', 'sync_crew_for_job')
      )
    union all
    select format('grant %s on table %s to service_role', granted.privilege_type, pg_class.oid::regclass)
    from pg_class
    cross join lateral aclexplode(pg_class.relacl) as granted
    where granted.grantee = 'flex_sync_app'::regrole
      and pg_class.oid <> all (coalesce(share_with_service_role.before, '{}'))
      and pg_class.relnamespace = 'flex_sync'::regnamespace
      and pg_class.relkind in ('r', 'p', 'v', 'm')
  loop
    execute v_grant;
  end loop;
end
$$;
comment on function flex_sync.share_with_service_role(oid[]) is 'Gives service_role, which may inherit nothing, what flex_sync_app may.';
--! EndIncluded share_with_service_role.sql
--! Included state_of_crew_call.sql
-- state_of_crew_call(crew_call_id, flex_element_id, retired)
--
-- How one crew call stands: what crew_call_status shows of it.
--
-- Parameters   as open_condition
-- Returns      one row: condition, reason, desired, recorded, observed, pending, unknown, held, failed, plan, observed_at,
--              last_sync_at, next_action
-- Reads        open_condition, desired_or_nobody, recorded_crew, lines, crew_calls, policy_of, stays_by_policy
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
  state_of_crew_call.reason := v_open.reason;
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
--! Included stays_by_policy.sql
-- stays_by_policy(flex_element_id, flex_line_item_id, policy)
--
-- Whether the line of somebody nobody desires is to stay: by the policy, by a person's no, or because it neither says
-- that it is a contact nor is ours, and so may never be removed.
--
-- Parameters   flex_element_id, flex_line_item_id   normalised; a line that somebody is recorded with
--              policy                               policy_of(flex_element_id)
-- Returns      boolean
-- Reads        ledger, lines, removal_decisions
create or replace function flex_sync.stays_by_policy(flex_element_id text, flex_line_item_id text, policy text)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  return stays_by_policy.policy = 'add_only'
    or exists (
      select from removal_decisions
      where removal_decisions.flex_line_item_id = stays_by_policy.flex_line_item_id
        and removal_decisions.decision = 'rejected'
    )
    or (
      not exists (select from ledger where ledger.flex_line_item_id = stays_by_policy.flex_line_item_id)
      and (
        stays_by_policy.policy = 'owned'
        or exists (
          select from lines
          where lines.flex_element_id = stays_by_policy.flex_element_id
            and lines.flex_line_item_id = stays_by_policy.flex_line_item_id
            and lines.present
            and not lines.is_contact
        )
      )
    );
end
$$;
comment on function flex_sync.stays_by_policy(text, text, text) is 'Whether the line of somebody nobody desires is to stay.';
--! EndIncluded stays_by_policy.sql
--! Included sync_crew_call.sql
-- sync_crew_call(crew_call_id, dry_run, allow_mass_removal, requested_by)
--
-- Say what has to change in Flex so that one crew call shows its job's crew, and queue it.
-- Calling it twice, or from two places at once, is the same as calling it once. Nothing is sent to Flex before a
-- reading that begins after this call confirmed the plan.
--
-- Parameters   crew_call_id         flex_crew_calls.id (not the Flex element id)
--              dry_run              answer the sets and write nothing, lock nothing
--              allow_mass_removal   lift the counting brakes for our own lines, in this request only
--              requested_by         who asks, for the history; the session's user when null
-- Returns      jsonb: crew_call_id, flex_element_id, sync_id, condition, observed_at, stale, to_add, to_remove, to_set_role,
--              held, plan, kept, unmapped (docs/sql.md)
-- Errors       NOCAL   no crew call has this id
--              NOTAL   may_sync() does not allow it
--              ISOLA   the transaction is not read committed
-- Locks        element
-- Reads        crew_calls, plan_element
-- Writes       syncs, outbox, elements, due_elements; NOTIFY flex_sync_work, flex_sync_done when nothing can be planned
create or replace function public.sync_crew_call(
  crew_call_id uuid,
  dry_run boolean default false,
  allow_mass_removal boolean default false,
  requested_by text default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  -- In a variable, because a name sorts otherwise than a text: a function that is passed one compares everything as it
  -- does, and no index on a text serves it.
  v_requested_by constant text := coalesce(sync_crew_call.requested_by, session_user::text);
  v_element text;
  v_found boolean;
  v_sync_id bigint;
  v_joined boolean;
  v_plan planned[];
  v_error text;
begin
  -- Clients that pass every parameter pass null for what nobody said.
  sync_crew_call.dry_run := coalesce(sync_crew_call.dry_run, false);
  sync_crew_call.allow_mass_removal := coalesce(sync_crew_call.allow_mass_removal, false);
  if not sync_crew_call.dry_run then
    perform read_committed_only();
  end if;
  select crew_calls.flex_element_id into v_element
  from crew_calls
  where crew_calls.id = sync_crew_call.crew_call_id;
  v_found := found;
  if not v_found and host_error() is not null then
    -- A policy hides the host's crew calls: an error of the host's, never an unknown id.
    return blocked_as_json(sync_crew_call.crew_call_id, null, null);
  end if;
  if not v_found then
    raise exception 'no crew call has the id %', coalesce(sync_crew_call.crew_call_id::text, 'null')
      using errcode = 'NOCAL', hint = 'Pass flex_crew_calls.id, not the Flex element id: select id, flex_element_id from flex_crew_calls.';
  end if;
  if may_sync(sync_crew_call.crew_call_id) is not true then
    raise exception 'this session may not sync crew call %', sync_crew_call.crew_call_id
      using errcode = 'NOTAL', hint = 'flex_sync.may_sync(crew_call_id) decides; it belongs to the host application.';
  end if;

  if not is_flex_id(v_element) then
    if not sync_crew_call.dry_run then
      insert into syncs (crew_call_id, requested_by, requested_at, last_requested_at, finished_at, outcome)
      select sync_crew_call.crew_call_id, v_requested_by, now_is.at, now_is.at, now_is.at, 'blocked'
      from (select clock() as at) as now_is
      returning syncs.id into v_sync_id;
      perform pg_notify('flex_sync_done', v_sync_id::text);
    end if;
    return blocked_as_json(sync_crew_call.crew_call_id, nullif(v_element, ''), v_sync_id);
  end if;

  if not sync_crew_call.dry_run then
    v_element := lock_element_of(sync_crew_call.crew_call_id);
    if not is_flex_id(v_element) then
      return public.sync_crew_call(sync_crew_call.crew_call_id, false, sync_crew_call.allow_mass_removal, sync_crew_call.requested_by);
    end if;
    select request.sync_id, request.joined into v_sync_id, v_joined
    from request_sync(
      sync_crew_call.crew_call_id, v_element, v_requested_by, sync_crew_call.allow_mass_removal
    ) as request;
  end if;

  begin
    select array_agg(planned.*::planned) into v_plan
    from plan_element(v_element, sync_crew_call.allow_mass_removal, clock()) as planned;
  exception
    when others then
      -- The host's view cannot be read: an error of the host's, never an empty crew.
      get stacked diagnostics v_error = message_text;
      if not sync_crew_call.dry_run then
        perform block_element(v_element, 'host_view', v_error);
        perform finish_sync(v_sync_id);
      end if;
      return blocked_as_json(sync_crew_call.crew_call_id, v_element, v_sync_id);
  end;

  if not sync_crew_call.dry_run then
    perform apply_plan(v_element, v_plan, v_sync_id, null);
    perform queue_reading(v_element);
    if exists (
      select from syncs
      where syncs.flex_element_id = v_element and syncs.finished_at is null and syncs.id <> v_sync_id
        and not exists (select from outbox where outbox.sync_id = syncs.id and outbox.state in ('pending', 'sending'))
    ) then
      -- The active sync lost its last operations to this plan. Its row is not ours to lock: this transaction may stay open.
      perform note_element(v_element, 'an active sync has nothing left to do', false);
    end if;
    if v_joined then
      perform join_sync(v_sync_id, sync_crew_call.allow_mass_removal, sync_crew_call.crew_call_id, v_requested_by);
    end if;
    perform pg_notify('flex_sync_work', v_element);
  end if;
  return jsonb_build_object('crew_call_id', sync_crew_call.crew_call_id, 'flex_element_id', v_element, 'sync_id', v_sync_id)
    || plan_as_json(sync_crew_call.crew_call_id, v_element, v_plan)
    || jsonb_build_object('condition', case
      -- After a request something is always open.
      when sync_crew_call.dry_run then (select state.condition from state_of_crew_call(sync_crew_call.crew_call_id, v_element, false) as state)
      else (select open.condition from open_condition(sync_crew_call.crew_call_id, v_element, false) as open)
    end);
end
$$;
comment on function public.sync_crew_call(uuid, boolean, boolean, text) is
  'Says what has to change in Flex so that one crew call shows its job''s crew, and queues it; calling it twice is the same as once.';
--! EndIncluded sync_crew_call.sql
--! Included sync_crew_for_job.sql
-- sync_crew_for_job(job_id, departments, dry_run, allow_mass_removal, requested_by)
--
-- sync_crew_call for every crew call of a job, or for the departments named.
--
-- Parameters   job_id        jobs.id
--              departments   null for all; names are compared trimmed and lower-case
--              dry_run, allow_mass_removal, requested_by   as in sync_crew_call
-- Returns      jsonb: { department: what sync_crew_call answers, or {"condition": "no_crew_call"} }. Without departments named,
--              a department that has crew on the job but no crew call is there too. A second crew call of a department
--              is named "sound (2)", one that has no department "".
-- Errors       NOJOB   no job has this id
--              NOTAL, ISOLA   as in sync_crew_call
-- Locks        the elements, in the order of the lock key
create or replace function public.sync_crew_for_job(
  job_id uuid,
  departments text[] default null,
  dry_run boolean default false,
  allow_mass_removal boolean default false,
  requested_by text default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_result jsonb := '{}';
  v_call record;
  v_named text[];
begin
  sync_crew_for_job.dry_run := coalesce(sync_crew_for_job.dry_run, false);
  if not sync_crew_for_job.dry_run then
    perform read_committed_only();
  end if;
  perform from :HOST_SCHEMA.jobs where jobs.id = sync_crew_for_job.job_id;
  if not found then
    raise exception 'no job has the id %', coalesce(sync_crew_for_job.job_id::text, 'null')
      using errcode = 'NOJOB', hint = 'Pass jobs.id.';
  end if;

  if sync_crew_for_job.departments is not null then
    select array_agg(distinct lower(btrim(named.department))) into v_named
    from unnest(sync_crew_for_job.departments) as named (department)
    where nullif(btrim(named.department), '') is not null;
    v_named := coalesce(v_named, '{}');
  else
    select array_agg(distinct found.department) into v_named
    from (
      select coalesce(crew_calls.department, '') as department from crew_calls where crew_calls.job_id = sync_crew_for_job.job_id
      union
      select role.department
      from :HOST_SCHEMA.job_assignments
      cross join lateral (values
        ('sound', job_assignments.sound_role::text), ('lights', job_assignments.lights_role::text), ('video', job_assignments.video_role::text)
      ) as role (department, code)
      where job_assignments.job_id = sync_crew_for_job.job_id
        and lower(btrim(coalesce(role.code, ''))) not in ('', 'none')
    ) as found;
  end if;

  if not sync_crew_for_job.dry_run then
    -- All locks first, in one order everywhere, so that two jobs that share elements never wait for each other.
    for v_call in
      select distinct crew_calls.flex_element_id, hashtextextended('flex_sync element ' || crew_calls.flex_element_id, 0) as lock_key
      from crew_calls
      where crew_calls.job_id = sync_crew_for_job.job_id
        and coalesce(crew_calls.department, '') = any (v_named)
        and is_flex_id(crew_calls.flex_element_id)
      order by lock_key
    loop
      perform lock_element(v_call.flex_element_id);
    end loop;
  end if;

  for v_call in
    select
      named.department,
      crew_calls.id,
      row_number() over (partition by named.department order by crew_calls.id) as position
    from unnest(v_named) as named (department)
    left join crew_calls on crew_calls.job_id = sync_crew_for_job.job_id and coalesce(crew_calls.department, '') = named.department
    order by named.department, position
  loop
    v_result := v_result || jsonb_build_object(
      v_call.department || case when v_call.position > 1 then format(' (%s)', v_call.position) else '' end,
      case when v_call.id is null then jsonb_build_object('condition', 'no_crew_call')
        else public.sync_crew_call(v_call.id, sync_crew_for_job.dry_run, sync_crew_for_job.allow_mass_removal, sync_crew_for_job.requested_by)
      end
    );
  end loop;
  return v_result;
end
$$;
comment on function public.sync_crew_for_job(uuid, text[], boolean, boolean, text) is
  'sync_crew_call for every crew call of a job, or for the departments named.';
--! EndIncluded sync_crew_for_job.sql
--! Included tell_decision.sql
-- tell_decision(decision)
--
-- One decision of a plan as a sentence, for flex_sync.history.
create or replace function flex_sync.tell_decision(decision flex_sync.decisions)
returns text
language plpgsql
immutable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_line constant text := (tell_decision.decision).flex_line_item_id;
  v_reason constant text := (tell_decision.decision).reason;
  v_why constant text := case v_reason
    when 'undesired' then format('Nobody wants line %s any more', v_line)
    when 'resource_changed' then format('The person of line %s has another resource now', v_line)
    when 'foreign' then format('Line %s is of somebody whom nobody desires, made in Flex', v_line)
    when 'surplus' then format('Line %s is one more for somebody who has one', v_line)
  end;
begin
  return case (tell_decision.decision).decision
    when 'add' then case when v_reason = 'stale' then 'Somebody deleted the line in Flex: it is to be added again' else 'Desired and not there: to be added' end
    when 'confirm' then format('A reading lacked %s: a second reading decides', coalesce('line ' || v_line, 'lines that are recorded here'))
    when 'contest' then 'Added again twice within a day and deleted in Flex once more: somebody has to look'
    when 'unmapped' then 'Cannot be added: ' || case when v_reason = 'no_resource' then 'the person has no flex_resource_id' else 'the person''s flex_resource_id is not a Flex id' end
    when 'set_role' then format('Business role %s is to be set', (tell_decision.decision).flex_role_id)
    when 'remove' then v_why || ': to be removed'
    when 'hold' then format('%s: held by the brake %s until a person says yes or no', v_why, (tell_decision.decision).brake)
    when 'report' then v_why || ': it stays (the policy, a no, or a refused removal)'
    when 'released' then format('Line %s is held no longer', v_line)
    when 'keep' then 'The line is there: nothing is to do'
    when 'drop' then 'No longer desired here, and nothing was to remove'
    when 'blocked' then concat_ws(': ', 'Nothing can be done, ' || v_reason, (tell_decision.decision).error)
  end
  || case when (tell_decision.decision).reading_at is null and (tell_decision.decision).decision <> 'blocked' then ', once a reading confirms it.' else '.' end;
end
$$;
comment on function flex_sync.tell_decision(flex_sync.decisions) is 'One decision of a plan as a sentence.';
--! EndIncluded tell_decision.sql
--! Included tell_planned.sql
-- tell_planned(planned)
--
-- One row of a plan as a line, for flex_sync.explain: what happens, to whom, and why.
--
-- Reads        lines, name_of
create or replace function flex_sync.tell_planned(planned flex_sync.planned)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_planned constant planned := tell_planned.planned;
  v_who constant text := case when v_planned.technician_id is not null then name_of(v_planned.technician_id) end;
  v_line constant text := 'line ' || coalesce(v_planned.flex_line_item_id, '?') || coalesce(' of ' || coalesce(v_who, v_planned.name), '');
  v_why constant text := case v_planned.reason
    when 'undesired' then 'nobody wants it any more'
    when 'resource_changed' then 'its person has another resource now'
    when 'foreign' then 'made in Flex, for somebody whom nobody desires'
    when 'surplus' then 'one more for somebody who has a line'
  end;
  v_role text;
begin
  if v_planned.action = 'set_role' then
    select coalesce(lines.flex_role_id, lines.written_role_id) into v_role
    from lines
    where lines.flex_line_item_id = v_planned.flex_line_item_id
    limit 1;
  end if;
  return case v_planned.action
    when 'keep' then format('keep      %s on line %s%s', v_who, v_planned.flex_line_item_id, case when not v_planned.ours then ' (made in Flex by a person)' else '' end)
    when 'add' then format('add       %s, resource %s%s', v_who, v_planned.flex_resource_id, case when v_planned.reason = 'stale' then ': somebody deleted their line in Flex' else '' end)
    when 'confirm' then format('confirm   %s: the last reading lacks %s, a second one decides', v_who, coalesce('their line ' || v_planned.flex_line_item_id, 'lines that are recorded here'))
    when 'contest' then format('contested %s: added again twice within a day, deleted in Flex once more', v_who)
    when 'wait' then format('wait      %s: %s', v_who, case v_planned.reason
      when 'unknown' then 'an add was sent and nobody knows whether Flex did it'
      when 'sending' then 'an add is in flight'
      when 'refused' then 'the last add was refused, and only a new request tries again'
      else 'their old line is being removed' end)
    when 'unmapped' then format('unmapped  %s: %s', v_who, case v_planned.reason when 'no_resource' then 'no flex_resource_id' else 'flex_resource_id is not a Flex id' end)
    when 'set_role' then format('set role  %s: business role %s%s', v_who, v_planned.flex_role_id, case when v_planned.flex_line_item_id is null then '' else ', now ' || coalesce(v_role, 'none') end)
    when 'wait_role' then format('wait      %s: the last role write was refused', v_who)
    when 'remove' then format('remove    %s: %s', v_line, v_why)
    when 'hold' then format('hold      %s: %s; held by the brake %s', v_line, v_why, v_planned.brake)
    when 'report' then format('leave     %s: %s, but it stays (policy, a no, or a refused removal)', v_line, v_why)
  end;
end
$$;
comment on function flex_sync.tell_planned(flex_sync.planned) is 'One row of a plan as a line.';
--! EndIncluded tell_planned.sql
--! Included tick.sql
-- tick()
--
-- What time and other people's notes ask for: take over expired claims, follow up notes on elements, read again where
-- writes wait on a reading that became too old, begin background readings, trim history. Cheap when there is nothing.
-- Never waits for a planner: an element whose lock is taken keeps its note.
--
-- Returns      how many things it did
-- Errors       ISOLA   the transaction is not read committed
-- Locks        element (tried, never waited for)
-- Writes       outbox, calls, elements, due_elements, syncs
create or replace function flex_sync.tick()
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_now constant timestamptz := clock();
  v_started_at constant timestamptz := server_started_at();
  v_done int := 0;
  v_note record;
begin
  perform read_committed_only();
  v_done := take_over_expired();

  for v_note in
    select noted.flex_element_id, bool_or(noted.wants_reading) as wants_reading, bool_or(noted.requests_sync) as requests_sync,
      array_agg(noted.id) as ids
    from (
      select due_elements.flex_element_id, due_elements.wants_reading, due_elements.requests_sync, due_elements.id
      from due_elements
      union all
      select outbox.flex_element_id, false, false, null
      from outbox
      cross join settings
      left join elements on elements.flex_element_id = outbox.flex_element_id
      left join element_health on element_health.flex_element_id = outbox.flex_element_id
      where outbox.state = 'pending'
        and outbox.kind <> 'observe'
        and outbox.after_operation_id is null
        and outbox.due_at <= v_now
        and outbox.reading_at <= greatest(v_now - settings.max_reading_age, v_started_at)
        and elements.blocked_reason is null
        -- No reading comes sooner than that: to look again would change nothing.
        and (element_health.backoff_until is null or element_health.backoff_until <= v_now)
        and not (outbox.limited and removals_within_the_hour() >= settings.removal_limit)
        -- A reading that waits for later, such as a background one, comes now; one for this very reason may be backing off.
        and not exists (
          select from outbox as reading
          where reading.flex_element_id = outbox.flex_element_id
            and reading.kind = 'observe'
            and (
              reading.state = 'sending'
              or reading.state = 'pending' and (reading.due_at <= v_now or reading.reason = 'reading_too_old')
            )
        )
    ) as noted
    group by noted.flex_element_id
    order by noted.flex_element_id
    limit 200
  loop
    continue when not pg_try_advisory_xact_lock(hashtextextended('flex_sync element ' || v_note.flex_element_id, 0));
    perform know_element(v_note.flex_element_id);
    if v_note.wants_reading then
      -- Counted from now: the transaction that noted it may have ended long after it wrote the note.
      update elements
      set reading_wanted_at = v_now
      where elements.flex_element_id = v_note.flex_element_id;
    end if;
    if v_note.requests_sync then
      perform request_unasked(v_note.flex_element_id);
    end if;
    -- A request may have cancelled all that an active sync had left.
    perform finish_answered_syncs(v_note.flex_element_id, v_now);
    perform queue_reading(v_note.flex_element_id);
    delete from due_elements where due_elements.id = any (v_note.ids);
    v_done := v_done + 1;
  end loop;

  return v_done + begin_background_readings() + trim_history();
end
$$;
comment on function flex_sync.tick() is 'Does what time and notes ask for: takes over expired claims, queues readings, trims history.';
--! EndIncluded tick.sql
--! Included what_stands_in_the_way.sql
-- what_stands_in_the_way(condition, reason, flex_element_id)
--
-- Why a crew call is not synced now, as a sentence, with the facts that its next action leaves out: since when, until
-- when, and what was seen.
--
-- Parameters   condition, reason   of crew_call_status
--              flex_element_id     normalised
-- Returns      text, null when nothing stands in the way
-- Reads        tenant, elements, element_health, crew_call_blocks, calls_left, outbox, syncs
create or replace function flex_sync.what_stands_in_the_way(condition text, reason text, flex_element_id text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant constant tenant := (select tenant from tenant);
  v_element constant elements := (select elements from elements where elements.flex_element_id = what_stands_in_the_way.flex_element_id);
  v_frees_at constant timestamptz := (select calls_left.frees_at from calls_left());
  v_retry_at constant timestamptz := (
    select element_health.backoff_until from element_health where element_health.flex_element_id = what_stands_in_the_way.flex_element_id
  );
begin
  return case what_stands_in_the_way.condition
    when 'paused' then format('everything is paused since %s ago%s', ago(v_tenant.paused_at), coalesce(': ' || v_tenant.paused_reason, ''))
    when 'blocked' then case what_stands_in_the_way.reason
      when 'no_element' then 'the crew call has no flex_element_id'
      when 'malformed_id' then format('its flex_element_id %s is not a Flex id', coalesce(what_stands_in_the_way.flex_element_id, 'null'))
      when 'host_table' then 'flex_crew_assignments refused a row: ' || coalesce((
        select crew_call_blocks.error
        from crew_call_blocks
        join crew_calls on crew_calls.id = crew_call_blocks.crew_call_id
        where crew_calls.flex_element_id = what_stands_in_the_way.flex_element_id
        order by crew_call_blocks.since limit 1
      ), '?')
      when 'token_refused' then format('Flex refuses the token since %s ago', ago(v_tenant.breaker_opened_at))
      else format('blocked since %s ago: %s', ago(v_element.blocked_since), coalesce(v_element.blocked_error, what_stands_in_the_way.reason))
    end
    when 'pending' then case what_stands_in_the_way.reason
      when 'quota' then case when isfinite(v_frees_at) then format('no Flex call is left until %s', to_char(v_frees_at, 'YYYY-MM-DD HH24:MI:SS TZ'))
        else 'no Flex call is left, and none will free: a limit in flex_sync.settings is 0' end
      when 'flex_down' then format('Flex fails since %s ago (%s); next probe at %s', ago(v_tenant.breaker_opened_at), coalesce(v_tenant.breaker_error, 'no answer'), to_char(v_tenant.probe_at, 'HH24:MI:SS TZ'))
      when 'rate_limited' then format('Flex takes no calls since %s ago; next probe at %s', ago(v_tenant.breaker_opened_at), to_char(v_tenant.probe_at, 'HH24:MI:SS TZ'))
      when 'doubtful_reading' then format('the last reading cannot be trusted: %s', coalesce(v_element.doubt_error, v_element.doubt_reason))
      when 'backing_off' then format('the last call on it failed%s; tried again at %s', coalesce(': ' || v_element.doubt_error, ''), to_char(v_retry_at, 'HH24:MI:SS TZ'))
      when 'locked' then format('Flex says that somebody holds or locked it; tried again at %s', to_char(v_retry_at, 'HH24:MI:SS TZ'))
      when 'removal_limit' then 'the removals of this hour are used up'
      when 'requested' then 'a request' || coalesce(format(' of %s ago', (
        select ago(min(syncs.requested_at)) from syncs where syncs.flex_element_id = what_stands_in_the_way.flex_element_id and syncs.finished_at is null
      )), '') || ' waits for a drainer to read the crew call'
      when 'queued' then 'what is due waits for a drainer'
      when 'confirming' then 'the last reading lacks a recorded line; a second reading decides'
    end
    when 'unknown' then case what_stands_in_the_way.reason
      when 'late_check' then 'a write was proved absent; one more reading looks whether it landed late'
      else (
        select format('%s write%s unanswered since %s ago: a reading decides', count(*), case when count(*) = 1 then ' is' else 's are' end, ago(min(outbox.unknown_at)))
        from outbox
        where outbox.flex_element_id = what_stands_in_the_way.flex_element_id and outbox.state = 'unknown'
      )
    end
  end;
end
$$;
comment on function flex_sync.what_stands_in_the_way(text, text, text) is 'Why a crew call is not synced now, as a sentence.';
--! EndIncluded what_stands_in_the_way.sql
--! Included why_pending.sql
-- why_pending(flex_element_id, limited)
--
-- What an operation that is pending waits for.
--
-- Parameters   flex_element_id   normalised
--              limited           whether removal_limit applies to it
-- Returns      token_refused | flex_down | rate_limited | quota | doubtful_reading | locked | backing_off | removal_limit | requested | queued
-- Reads        tenant, elements, element_health, syncs, outbox, calls_left, two_calls_free_at
create or replace function flex_sync.why_pending(flex_element_id text, limited boolean)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_now constant timestamptz := clock();
  v_breaker text := (select tenant.breaker_reason from tenant);
begin
  return case
    when v_breaker is not null then v_breaker
    when (select calls_left.left_now from calls_left()) <= 0 then 'quota'
    when exists (
      select from outbox
      where outbox.flex_element_id = why_pending.flex_element_id
        and outbox.kind = 'observe'
        and outbox.state = 'pending'
        and outbox.reason = 'reading_too_old'
    ) and two_calls_free_at() is not null then 'quota'
    when (select elements.doubt_reason from elements where elements.flex_element_id = why_pending.flex_element_id) is not null then 'doubtful_reading'
    when exists (
      select from element_health
      where element_health.flex_element_id = why_pending.flex_element_id and element_health.careful_until > v_now
    ) then 'locked'
    when exists (
      select from element_health
      where element_health.flex_element_id = why_pending.flex_element_id and element_health.backoff_until > v_now
    ) then 'backing_off'
    when why_pending.limited and removals_within_the_hour() >= (select settings.removal_limit from settings) then 'removal_limit'
    when exists (
      select from syncs
      join elements on elements.flex_element_id = syncs.flex_element_id
      where syncs.flex_element_id = why_pending.flex_element_id
        and syncs.finished_at is null
        and syncs.last_requested_at > coalesce(elements.reading_at, '-infinity')
    ) then 'requested'
    else 'queued'
  end;
end
$$;
comment on function flex_sync.why_pending(text, boolean) is 'What an operation that is pending waits for.';
--! EndIncluded why_pending.sql
--! Included write_assignment.sql
-- write_assignment(crew_call_id, technician_id, flex_line_item_id)
--
-- One upsert of the host's flex_crew_assignments. Triggers of the host's run in it, and find names as they do when the
-- application writes: in the host's schema and in public. Nothing else is in here, because of that.
--
-- Parameters   crew_call_id, technician_id   who
--              flex_line_item_id             the line they are on
-- Errors       whatever the host's table refuses, what it deferred to the commit too
-- Writes       the host's flex_crew_assignments
create or replace function flex_sync.write_assignment(crew_call_id uuid, technician_id uuid, flex_line_item_id text)
returns void
language plpgsql
volatile
set search_path = :HOST_SCHEMA, public, extensions, pg_temp
as $$
#variable_conflict use_column
declare
  -- The host's own type, uuid or text.
  v_line constant :HOST_SCHEMA.flex_crew_assignments.flex_line_item_id%type := write_assignment.flex_line_item_id;
begin
  insert into :HOST_SCHEMA.flex_crew_assignments as row_there (crew_call_id, technician_id, flex_line_item_id)
  values (write_assignment.crew_call_id, write_assignment.technician_id, v_line)
  on conflict (crew_call_id, technician_id) do update
  set flex_line_item_id = excluded.flex_line_item_id
  where row_there.flex_line_item_id is distinct from excluded.flex_line_item_id;
  -- What the host deferred to the commit is said now, where it can be caught.
  set constraints all immediate;
end
$$;
comment on function flex_sync.write_assignment(uuid, uuid, text) is 'Upserts a row of the host; its triggers find names as they do when the application writes.';
--! EndIncluded write_assignment.sql

--! Included views/crew_call_status.sql
-- crew_call_status: one row per crew call, the most urgent first; retired elements keep a row while anything of ours is on them.
-- The list is put together from what is stored: blocked for want of an element, then what has something open, retired,
-- unmapped or unread, then all others. Each row is worked out by itself only when it is asked for, so that the first page
-- of a long list costs little more than its rows.
create or replace view flex_sync.crew_call_status as
select
  call.crew_call_id,
  call.job_id,
  call.department,
  call.flex_element_id,
  state.condition,
  state.reason,
  state.desired,
  state.recorded,
  state.observed,
  state.pending,
  state.unknown,
  state.held,
  state.failed,
  state.plan,
  state.observed_at,
  state.last_sync_at,
  state.next_action,
  flex_sync.ago(state.observed_at) as observed_ago,
  flex_sync.ago(state.last_sync_at) as last_sync_ago
from (
  -- Without an element that could be one. An id of the right length that is none all the same comes last.
  select crew_calls.id as crew_call_id, crew_calls.job_id, crew_calls.department, nullif(crew_calls.flex_element_id, '') as flex_element_id, false as retired
  from flex_sync.crew_calls
  where length(crew_calls.flex_element_id) is distinct from 36
  union all
  (
    select crew_calls.id, crew_calls.job_id, crew_calls.department, crew_calls.flex_element_id, false
    from flex_sync.crew_calls
    join flex_sync.elements on elements.flex_element_id = crew_calls.flex_element_id
    where length(crew_calls.flex_element_id) = 36
      and elements.flex_element_id in (select urgent_elements.flex_element_id from flex_sync.urgent_elements)
    order by
      case
        when elements.blocked_reason is not null
          or exists (select from flex_sync.crew_call_blocks where crew_call_blocks.crew_call_id = crew_calls.id) then 1
        when exists (
          select from flex_sync.outbox
          where outbox.flex_element_id = elements.flex_element_id and outbox.state = 'failed' and outbox.superseded_at is null
        ) then 2
        when exists (
          select from flex_sync.outbox where outbox.flex_element_id = elements.flex_element_id and outbox.state = 'held'
        ) then 3
        when exists (
          select from flex_sync.outbox where outbox.flex_element_id = elements.flex_element_id and outbox.state = 'unknown'
        ) then 4
        else 5
      end,
      crew_calls.id
  )
  union all
  select left_behind.crew_call_id, left_behind.job_id, left_behind.department, left_behind.flex_element_id, true
  from (
    -- Known to be retired, or noted and not yet looked at: each found by its own index, never by reading every element.
    select elements.crew_call_id, elements.job_id, elements.department, elements.flex_element_id
    from flex_sync.elements
    where elements.retired_at is not null
    union
    select elements.crew_call_id, elements.job_id, elements.department, elements.flex_element_id
    from flex_sync.due_elements
    join flex_sync.elements on elements.flex_element_id = due_elements.flex_element_id
    union
    -- Never asked about: only lines that were recorded before the installation know whose it was.
    (
      select distinct on (ledger.flex_element_id) ledger.crew_call_id, null::uuid, null::text, ledger.flex_element_id
      from flex_sync.due_elements
      join flex_sync.ledger on ledger.flex_element_id = due_elements.flex_element_id
      where ledger.crew_call_id is not null
        and not exists (select from flex_sync.elements where elements.flex_element_id = due_elements.flex_element_id)
      order by ledger.flex_element_id, ledger.crew_call_id
    )
  ) as left_behind
  where left_behind.crew_call_id is not null
    and not exists (select from flex_sync.crew_calls where crew_calls.flex_element_id = left_behind.flex_element_id)
    and (
      exists (select from flex_sync.ledger where ledger.flex_element_id = left_behind.flex_element_id and ledger.gone_at is null)
      or exists (
        select from flex_sync.outbox
        where outbox.flex_element_id = left_behind.flex_element_id and outbox.state in ('pending', 'sending', 'unknown', 'held')
      )
    )
  union all
  (
    select crew_calls.id, crew_calls.job_id, crew_calls.department, crew_calls.flex_element_id, false
    from flex_sync.crew_calls
    join flex_sync.elements on elements.flex_element_id = crew_calls.flex_element_id
    where (elements.unmapped > 0 or elements.reading_at is null)
      and length(crew_calls.flex_element_id) = 36
      and not exists (select from flex_sync.urgent_elements where urgent_elements.flex_element_id = elements.flex_element_id)
    order by elements.unmapped = 0, crew_calls.id
  )
  union all
  select crew_calls.id, crew_calls.job_id, crew_calls.department, crew_calls.flex_element_id, false
  from flex_sync.crew_calls
  where length(crew_calls.flex_element_id) = 36
    and not exists (select from flex_sync.urgent_elements where urgent_elements.flex_element_id = crew_calls.flex_element_id)
    and not exists (
      select from flex_sync.elements
      where elements.flex_element_id = crew_calls.flex_element_id
        and (elements.unmapped > 0 or elements.reading_at is null)
    )
) as call
cross join lateral flex_sync.state_of_crew_call(call.crew_call_id, call.flex_element_id, call.retired) as state;
comment on view flex_sync.crew_call_status is 'One row per crew call, the most urgent first: its condition, why, and what to do next.';
--! EndIncluded views/crew_call_status.sql
--! Included views/crew_status.sql
-- crew_status: why is this one person not in sync? One row per person and crew call; one per line nobody is known for.
-- The most urgent first.
create or replace view flex_sync.crew_status as
select
  person.crew_call_id,
  person.technician_id,
  coalesce(person.resource, operation.flex_resource_id, known.flex_resource_id) as flex_resource_id,
  person.desired,
  recorded.flex_line_item_id,
  coalesce(observed.flex_line_item_id, stray.flex_line_item_id) as observed_line_item_id,
  person.role_code,
  coalesce(observed.flex_role_id, observed.written_role_id) as observed_role,
  operation.id as operation_id,
  verdict.condition,
  verdict.reason,
  times.since,
  flex_sync.next_action(verdict.condition, verdict.reason, person.crew_call_id, operation.id, null, array[person.technician_id]) as next_action,
  flex_sync.ago(times.since) as since_ago
from (
  select found.crew_call_id, found.technician_id, found.line, bool_or(found.desired) as desired,
    max(found.resource) as resource, max(found.problem) as problem, max(found.role_code) as role_code, max(found.role_id) as role_id,
    -- Somebody else of this crew call has the same resource and another role.
    min(concat_ws(' ', max(found.role_code), max(found.role_id))) over alike
      <> max(concat_ws(' ', max(found.role_code), max(found.role_id))) over alike as differ_in_role
  from (
    select crew_calls.id as crew_call_id, desired.technician_id, null::text as line, true as desired,
      desired.resource, desired.problem, desired.role_code, desired.role_id
    from flex_sync.crew_calls
    cross join lateral flex_sync.desired_or_nobody(crew_calls.id) as desired
    union all
    select recorded_crew.crew_call_id, recorded_crew.technician_id, null, false, null, null, null, null from flex_sync.recorded_crew
    union all
    select outbox.crew_call_id, outbox.technician_id, case when outbox.technician_id is null then outbox.flex_line_item_id end, false, null, null, null, null
    from flex_sync.outbox
    where outbox.state in ('pending', 'sending', 'unknown', 'held')
      and outbox.kind <> 'observe'
      and outbox.crew_call_id is not null
    union all
    select outbox.crew_call_id, outbox.technician_id, case when outbox.technician_id is null then outbox.flex_line_item_id end, false, null, null, null, null
    from flex_sync.outbox
    where outbox.state = 'failed'
      and outbox.superseded_at is null
      and outbox.kind <> 'observe'
      and outbox.crew_call_id is not null
    union all
    select crew_calls.id, null, nobodys_lines.flex_line_item_id, false, null, null, null, null
    from flex_sync.crew_calls
    cross join lateral flex_sync.nobodys_lines(crew_calls.id) as nobodys_lines
  ) as found
  group by found.crew_call_id, found.technician_id, found.line
  window alike as (partition by found.crew_call_id, max(found.resource))
) as person
-- One row. Without the limit Postgres may expect hundreds, and compile the plan, which takes longer than it does.
cross join (select * from flex_sync.tenant limit 1) as tenant
left join flex_sync.crew_calls on crew_calls.id = person.crew_call_id
left join flex_sync.elements on elements.flex_element_id = crew_calls.flex_element_id
left join flex_sync.crew_call_blocks on crew_call_blocks.crew_call_id = person.crew_call_id
left join flex_sync.recorded_crew as recorded
  on recorded.crew_call_id = person.crew_call_id and recorded.technician_id = person.technician_id
left join lateral (
  select lines.* from flex_sync.lines
  where lines.flex_element_id = crew_calls.flex_element_id
    and lines.present
    and lines.flex_resource_id = person.resource
  order by lines.flex_line_item_id = recorded.flex_line_item_id desc nulls last, lines.first_seen_at, lines.flex_line_item_id
  limit 1
) as observed on true
left join flex_sync.lines as stray
  on stray.flex_element_id = crew_calls.flex_element_id
  and stray.flex_line_item_id = coalesce(person.line, recorded.flex_line_item_id)
  and stray.present
left join flex_sync.lines as known
  on known.flex_element_id = crew_calls.flex_element_id
  and known.flex_line_item_id = coalesce(person.line, recorded.flex_line_item_id)
left join lateral (
  select theirs.*
  from (
    select outbox.*
    from flex_sync.outbox
    where outbox.crew_call_id = person.crew_call_id
      and outbox.kind <> 'observe'
      and (outbox.state in ('pending', 'sending', 'unknown', 'held') or (outbox.state = 'failed' and outbox.superseded_at is null))
      and outbox.technician_id = person.technician_id
    union all
    select outbox.*
    from flex_sync.outbox
    where outbox.crew_call_id = person.crew_call_id
      and outbox.kind <> 'observe'
      and (outbox.state in ('pending', 'sending', 'unknown', 'held') or (outbox.state = 'failed' and outbox.superseded_at is null))
      and outbox.technician_id is null
      and outbox.flex_line_item_id = person.line
    -- Of whoever shares the resource.
    union all
    select outbox.*
    from flex_sync.outbox
    where outbox.flex_element_id = crew_calls.flex_element_id
      and outbox.kind in ('add', 'set_role', 'remove')
      and (outbox.state in ('pending', 'sending', 'unknown', 'held') or (outbox.state = 'failed' and outbox.superseded_at is null))
      and outbox.flex_resource_id = person.resource
      -- A second line that is held, or a role, is the business of the one crew call that it is told on.
      and (outbox.crew_call_id = person.crew_call_id or not (outbox.state = 'held' or outbox.kind = 'set_role'))
  ) as theirs
  order by array_position(array['failed', 'held', 'unknown', 'sending', 'pending'], theirs.state), theirs.id
  limit 1
) as operation on true
left join lateral (
  select calls.absent_at from flex_sync.calls
  where calls.flex_element_id = crew_calls.flex_element_id
    and calls.outcome = 'unknown'
    and calls.absent_at is not null
    and calls.late_checked_at is null
    and calls.flex_resource_id = person.resource
  limit 1
) as late on true
left join lateral (
  select missing_lines.missing_since from flex_sync.missing_lines
  where missing_lines.flex_element_id = crew_calls.flex_element_id
    and missing_lines.flex_line_item_id = recorded.flex_line_item_id
  limit 1
) as missing on true
left join lateral (
  select syncs.requested_at from flex_sync.syncs
  where syncs.flex_element_id = crew_calls.flex_element_id
    and syncs.finished_at is null
  order by syncs.id desc
  limit 1
) as waiting on true
cross join lateral (select flex_sync.policy_of(crew_calls.flex_element_id) as policy) as rule
-- Asked once for everybody who waits for the same.
left join lateral (
  select flex_sync.why_pending(operation.flex_element_id, operation.limited) as reason
  where operation.state = 'pending'
) as queue on true
cross join lateral (
  -- The most urgent that holds, in the order of docs/reasons.md.
  select judged.pair[1] as condition, judged.pair[2] as reason
  from (select case
    when tenant.paused_at is not null then array['paused', 'paused']
    when crew_calls.id is not null and nullif(crew_calls.flex_element_id, '') is null then array['blocked', 'no_element']
    when crew_calls.id is not null and not flex_sync.is_flex_id(crew_calls.flex_element_id) then array['blocked', 'malformed_id']
    when elements.blocked_reason is not null then array['blocked', elements.blocked_reason]
    when crew_call_blocks.reason is not null then array['blocked', crew_call_blocks.reason]
    when operation.id is not null and tenant.breaker_reason = 'token_refused' then array['blocked', 'token_refused']
    when operation.state = 'failed' then array['failed', operation.reason]
    when operation.state = 'held' then array['held', operation.brake]
    when operation.state = 'unknown' then array['unknown', 'unanswered']
    when late.absent_at is not null then array['unknown', 'late_check']
    when missing.missing_since is not null then array['pending', 'confirming']
    when operation.state = 'sending' then array['pending', 'sending']
    when operation.state = 'pending' then array['pending', queue.reason]
    when person.problem is not null then array['unmapped', person.problem]
    when not person.desired and recorded.technician_id is not null
      and flex_sync.stays_by_policy(crew_calls.flex_element_id, recorded.flex_line_item_id, rule.policy) then array['synced', 'kept_by_policy']
    when person.desired and elements.reading_at is null and waiting.requested_at is null then array['never_synced', 'never_synced']
    when waiting.requested_at is not null
      and ((person.desired) <> (recorded.technician_id is not null) or person.desired and observed.flex_line_item_id is null) then array['pending', 'requested']
    when not person.desired and recorded.technician_id is null then array['synced', 'foreign']
    when rule.policy = 'report' and ((person.desired) <> (recorded.technician_id is not null) or observed.flex_line_item_id is null) then array['pending', 'report_only']
    when person.desired and observed.flex_line_item_id is null then array['pending', 'not_requested']
    when (person.desired) <> (recorded.technician_id is not null) then array['pending', 'not_requested']
    when person.resource is not null and person.differ_in_role then array['synced', 'shared_resource']
    when case when person.desired and exists (
        select from flex_sync.crew_calls as sharing
        where sharing.flex_element_id = crew_calls.flex_element_id and sharing.id <> person.crew_call_id
      ) then exists (
        select from flex_sync.crew_calls as sharing
        cross join lateral flex_sync.desired_or_nobody(sharing.id) as other
        where sharing.flex_element_id = crew_calls.flex_element_id
          and sharing.id <> person.crew_call_id
          and other.resource = person.resource
          and (other.role_code, other.role_id) is distinct from (person.role_code, person.role_id)
      ) else false end then array['synced', 'shared_resource']
    when person.role_id is not null and observed.flex_line_item_id is not null and case
        when observed.shows_role and observed.flex_role_id is not null then lower(btrim(observed.flex_role_id)) <> lower(btrim(person.role_id))
        else observed.written_role_id is distinct from person.role_id
      end and rule.policy <> 'report' then array['pending', 'not_requested']
    else array['synced', null]
  end as pair) as judged
) as verdict
cross join lateral (
  select case verdict.condition
    when 'paused' then tenant.paused_at
    when 'blocked' then case
      when elements.blocked_reason is not null then elements.blocked_since
      when flex_sync.is_flex_id(crew_calls.flex_element_id) then coalesce(crew_call_blocks.since, tenant.breaker_opened_at)
    end
    when 'failed' then operation.finished_at
    when 'unknown' then coalesce(operation.unknown_at, late.absent_at)
    when 'held' then operation.created_at
    when 'pending' then coalesce(missing.missing_since, operation.created_at, waiting.requested_at)
    when 'unmapped' then (
      -- As long as no plan has seen it otherwise.
      select decisions.decided_at
      from flex_sync.decisions
      join flex_sync.last_decisions on last_decisions.flex_element_id = decisions.flex_element_id
      where decisions.flex_element_id = crew_calls.flex_element_id
        and decisions.crew_call_id = person.crew_call_id
        and decisions.technician_id = person.technician_id
        and decisions.decision = 'unmapped'
        and last_decisions.decisions -> concat_ws(' ', 'person', person.crew_call_id, person.technician_id) ->> 0 = 'unmapped'
      order by decisions.decided_at desc
      limit 1
    )
    when 'synced' then greatest(observed.first_seen_at, observed.added_at, stray.first_seen_at, stray.added_at)
  end as since
) as times
order by
  array_position(array['paused', 'blocked', 'failed', 'held', 'unknown', 'pending', 'unmapped', 'never_synced', 'synced'], verdict.condition),
  person.crew_call_id,
  person.technician_id;
comment on view flex_sync.crew_status is 'Why is this one person not in sync? One row per person and crew call, with the reason and the next action.';
--! EndIncluded views/crew_status.sql

-- Nothing calls these any more: what is held is named by its lines, and the next action names people. In a block, for a
-- drop by the name alone would say that the package has none.
do $$
begin
  drop function if exists flex_sync.hash_of_held(flex_sync.planned[]);
  drop function if exists flex_sync.next_action(text, text, uuid, bigint, text);
end
$$;

-- Another policy or interval holds at once, also for what was not sent yet.
drop trigger if exists note_changed_policy on flex_sync.settings;
create trigger note_changed_policy
after update of policy on flex_sync.settings
for each row execute function flex_sync.note_changed_policy();
drop trigger if exists note_changed_policy on flex_sync.crew_call_settings;
create trigger note_changed_policy
after insert or update or delete on flex_sync.crew_call_settings
for each row execute function flex_sync.note_changed_policy();
drop trigger if exists note_changed_interval on flex_sync.settings;
create trigger note_changed_interval
after update of resync_interval on flex_sync.settings
for each row execute function flex_sync.note_changed_interval();
drop trigger if exists note_changed_interval on flex_sync.crew_call_settings;
create trigger note_changed_interval
after insert or delete or update of resync_interval on flex_sync.crew_call_settings
for each row execute function flex_sync.note_changed_interval();

-- Where auto sync is on, its triggers are made anew: their rows have other names now.
do $$
begin
  perform from pg_trigger where tgname = 'flex_sync_auto_update_from' and tgrelid = ':HOST_SCHEMA.job_assignments'::regclass;
  if found then
    perform flex_sync.enable_auto_sync();
  end if;
end
$$;

-- Supabase's service_role inherits nothing of flex_sync_app: what it may is granted to it, for what was there before too.
select flex_sync.share_with_service_role('{}');

select flex_sync.grant_privileges();
