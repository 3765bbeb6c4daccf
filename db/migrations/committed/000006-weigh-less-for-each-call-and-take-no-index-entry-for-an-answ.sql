--! Previous: sha1:67c5c295a0d811ec3e7bb1a042230b480e5f5e16
--! Hash: sha1:244aa0272bba57561f5e4b178728e4cdd27ecfcb
--! Message: Weigh less for each call, and take no index entry for an answer

select flex_sync.remember_objects();

-- An answer touches nothing that an index of calls holds: the new version of the row stays on its page, and takes no entry.
alter table flex_sync.calls set (fillfactor = 70);
alter table flex_sync.calls add column if not exists unanswered boolean generated always as (nullif(outcome = 'unknown', false)) stored;
comment on column flex_sync.calls.unanswered is 'True where nobody knows whether Flex did it, null for any other outcome: what the index of unanswered calls is for.';
drop index if exists flex_sync.calls_unanswered;
create index calls_unanswered on flex_sync.calls (flex_element_id, number) where unanswered;

-- record_done calls write_assignments itself.
drop function if exists flex_sync.record_persons(bigint[]);

--! Included tier_of.sql
-- tier_of(role_code)
--
-- The tier of a role code: its last part after a '-', upper-case. SND-FOH-R is R, SND-RF-E is E, FOH has none.
-- Put in place of each call, as flex_id.
--
-- Parameters   role_code   as the host stores it
-- Returns      text, or null when the code has no '-' or ends with one
create or replace function flex_sync.tier_of(role_code text)
returns text
language sql
immutable
parallel safe
as $$
  select case
    when role_code operator(pg_catalog.~~) '%-%' and role_code operator(pg_catalog.!~~) '%-'
      then pg_catalog.upper(pg_catalog.btrim(pg_catalog.split_part(role_code, '-', -1)))
  end
$$;
comment on function flex_sync.tier_of(text) is 'The tier of a role code: the last part after a ''-'', upper-case; null when there is none.';
--! EndIncluded tier_of.sql
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
          when observed.shows_role and observed.role_id = desired.role_id then false
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
  v_allowed record;
  v_last bigint;
  v_used record;
begin
  select coalesce(settings.hourly_limit, settings.monthly_limit / 50)::bigint as hourly,
    coalesce(settings.daily_limit, settings.monthly_limit / 10)::bigint as daily,
    settings.monthly_limit::bigint as monthly
  into v_allowed
  from settings;
  -- Not max(): Postgres 14 would read every call for it here.
  v_last := coalesce((select calls.number from calls order by calls.number desc limit 1), 0);
  -- The newest call that has left each window; calls before the oldest kept one left it long ago.
  select
    v_last - coalesce(
      (select calls.number from calls where calls.made_at <= v_now - interval '1 hour' order by calls.made_at desc, calls.number desc limit 1),
      oldest.number
    ) as hourly,
    v_last - coalesce(
      (select calls.number from calls where calls.made_at <= v_now - interval '24 hours' order by calls.made_at desc, calls.number desc limit 1),
      oldest.number
    ) as daily,
    -- The longest month, docs/decisions/0015.
    v_last - coalesce(
      (select calls.number from calls where calls.made_at <= v_now - interval '744 hours' order by calls.made_at desc, calls.number desc limit 1),
      oldest.number
    ) as monthly
  into v_used
  from (select coalesce((select calls.number from calls order by calls.number limit 1) - 1, 0) as number) as oldest;

  calls_left.hourly := greatest(v_allowed.hourly - v_used.hourly, 0);
  calls_left.daily := greatest(v_allowed.daily - v_used.daily, 0);
  calls_left.monthly := greatest(v_allowed.monthly - v_used.monthly, 0);
  calls_left.left_now := least(calls_left.hourly, calls_left.daily, calls_left.monthly);
  if calls_left.left_now = 0 then
    select max(case
      when windows.allowed = 0 then 'infinity'
      -- The call whose leaving makes room for the next one.
      when windows.used >= windows.allowed then (
        select calls.made_at + windows.length from calls where calls.number = v_last - windows.allowed + 1
      )
    end)
    into calls_left.frees_at
    from (values
      (interval '1 hour', v_allowed.hourly, v_used.hourly),
      (interval '24 hours', v_allowed.daily, v_used.daily),
      (interval '744 hours', v_allowed.monthly, v_used.monthly)
    ) as windows (length, allowed, used);
  end if;
  return next;
end
$$;
comment on function flex_sync.calls_left() is 'How many Flex calls may be made now, in each window, and when the next one frees where none is left.';
--! EndIncluded calls_left.sql
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
--! EndIncluded claim_operations.sql
--! Included write_assignments.sql
-- write_assignments(crew_call_ids, technician_ids, flex_line_item_ids)
--
-- Many upserts of the host's flex_crew_assignments in one statement: write_assignment for adds that are recorded together.
-- Whatever is wrong with one of them undoes all, and somebody named twice is wrong here.
--
-- Parameters   crew_call_ids, technician_ids   who
--              flex_line_item_ids              the lines they are on, in the same order
-- Errors       as write_assignment, and where another column of the table has a domain that is never null
-- Writes       the host's flex_crew_assignments
create or replace function flex_sync.write_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[])
returns void
language plpgsql
volatile
set search_path = :HOST_SCHEMA, public, extensions, pg_temp
-- For the host's triggers, whatever record_done walks its own tables with.
set enable_seqscan = on
set enable_hashjoin = on
set enable_mergejoin = on
set plan_cache_mode = auto
as $$
#variable_conflict use_column
begin
  insert into :HOST_SCHEMA.flex_crew_assignments as row_there (crew_call_id, technician_id, flex_line_item_id)
  select named.crew_call_id, named.technician_id, of_the_host.flex_line_item_id
  from unnest(write_assignments.crew_call_ids, write_assignments.technician_ids, write_assignments.flex_line_item_ids)
    as named (crew_call_id, technician_id, line)
  -- The host's own type, uuid or text.
  cross join lateral jsonb_populate_record(
    cast(null as :HOST_SCHEMA.flex_crew_assignments), jsonb_build_object('flex_line_item_id', named.line)
  ) as of_the_host
  on conflict (crew_call_id, technician_id) do update
  set flex_line_item_id = excluded.flex_line_item_id
  where row_there.flex_line_item_id is distinct from excluded.flex_line_item_id;
  -- What the host deferred to the commit is said now, where it can be caught.
  set constraints all immediate;
end
$$;
comment on function flex_sync.write_assignments(uuid[], uuid[], text[]) is
  'Upserts rows of the host together; its triggers find names as they do when the application writes.';
--! EndIncluded write_assignments.sql
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
    perform write_assignments(
      array_agg(person.crew_call_id order by person.crew_call_id, person.technician_id),
      array_agg(person.technician_id order by person.crew_call_id, person.technician_id),
      array_agg(outbox.flex_line_item_id order by person.crew_call_id, person.technician_id)
    )
    from outbox
    cross join lateral jsonb_to_recordset(outbox.persons) as person (crew_call_id uuid, technician_id uuid)
    where outbox.id = any (v_ids)
      and outbox.kind = 'add';
    perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));

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
    -- "is null", as finish_sync says it.
    and coalesce(syncs.finished_at, 'infinity') = 'infinity'
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
--! Included finish_sync.sql
-- finish_sync(sync_id)
--
-- Close a sync that has nothing pending or in flight any more, and let the waiting one's reading go.
-- The sync's row is locked before its operations are counted: of two records that end its last two operations, the
-- second to come sees both.
--
-- Parameters   sync_id   syncs.id; null does nothing
-- Reads        outbox, calls, elements, state_of_crew_call, crew_calls
-- Writes       syncs, due_elements; NOTIFY flex_sync_done with the sync's id
create or replace function flex_sync.finish_sync(sync_id bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_sync record;
begin
  select syncs.id, syncs.crew_call_id, syncs.flex_element_id, syncs.reading_at into v_sync
  from syncs
  where syncs.id = finish_sync.sync_id
    -- "is null", said so that the id finds the row: the index of open syncs has entries of all that ever were, under an old snapshot.
    and coalesce(syncs.finished_at, 'infinity') = 'infinity'
  for update;
  -- A sync that waits for a good reading goes on waiting, unless nothing can be read.
  if not found or not exists (
    select from elements
    where elements.flex_element_id = v_sync.flex_element_id
      and (elements.reading_at >= v_sync.reading_at or elements.blocked_reason is not null)
  ) or exists (
    select from outbox
    where outbox.sync_id = v_sync.id
      and outbox.state in ('pending', 'sending')
  ) then
    return;
  end if;

  update syncs
  set
    finished_at = clock(),
    added = done.added,
    removed = done.removed,
    roles_set = done.roles_set,
    failed = done.failed,
    flex_calls = (select count(*) from calls where calls.sync_id = v_sync.id)
  from (
    select
      count(*) filter (where outbox.kind = 'add' and outbox.state = 'done') as added,
      count(*) filter (where outbox.kind = 'remove' and outbox.state = 'done') as removed,
      count(*) filter (where outbox.kind = 'set_role' and outbox.state = 'done') as roles_set,
      count(*) filter (where outbox.state = 'failed') as failed
    from outbox
    where outbox.sync_id = v_sync.id
  ) as done
  where syncs.id = v_sync.id;

  update syncs
  set outcome = case when exists (
    select from elements where elements.flex_element_id = v_sync.flex_element_id and elements.blocked_reason is not null
  ) then 'blocked' else (
    select state.condition
    from state_of_crew_call(v_sync.crew_call_id, v_sync.flex_element_id, not exists (
      select from crew_calls where crew_calls.id = v_sync.crew_call_id and crew_calls.flex_element_id = v_sync.flex_element_id
    )) as state
  ) end
  where syncs.id = v_sync.id;

  perform pg_notify('flex_sync_done', v_sync.id::text);
  if exists (select from syncs where syncs.flex_element_id = v_sync.flex_element_id and syncs.finished_at is null) then
    perform note_element(v_sync.flex_element_id, 'a waiting sync may go on', false);
  end if;
end
$$;
comment on function flex_sync.finish_sync(bigint) is 'Closes a sync that has nothing pending or in flight any more, and lets the waiting one go on.';
--! EndIncluded finish_sync.sql
--! Included settle_unknown.sql
-- settle_unknown(flex_element_id, began_at)
--
-- Let a reading decide what became of unanswered writes, still wanted or not, by the element, resource and line they
-- were sent with. What is found is done. What is not found stays unknown until a reading begun after its deadline plus
-- late_landing: only that proves that it did not land. One more reading later checks that nothing landed after all.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
--              began_at          beginning of the reading just stored
-- Reads        calls, lines, ledger, settings
-- Writes       outbox, calls, ledger, lines, the host's flex_crew_assignments
create or replace function flex_sync.settle_unknown(flex_element_id text, began_at timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
  v_settings settings;
  v_attempt record;
  v_line text;
  v_operation outbox;
  v_proved boolean;
  v_landed boolean;
begin
  select settings.* into v_settings from settings;

  -- Attempts in the order they were made; each accounts for at most one line that its last reading before lacked.
  for v_attempt in
    select calls.*
    from calls
    where calls.flex_element_id = settle_unknown.flex_element_id
      and calls.kind = 'add'
      and calls.unanswered
      and calls.flex_line_item_id is null
      and calls.made_at > v_now - interval '1 day'
    order by calls.number
  loop
    select lines.flex_line_item_id into v_line
    from lines
    where lines.flex_element_id = settle_unknown.flex_element_id
      and lines.flex_resource_id = v_attempt.flex_resource_id
      and lines.present
      and lines.first_seen_at > coalesce(v_attempt.reading_at, '-infinity')
      and lines.first_seen_at > v_attempt.made_at - interval '1 day'
      -- Ours already, unless a drainer that was taken over reported it for this very operation.
      and not exists (
        select from ledger
        where ledger.flex_line_item_id = lines.flex_line_item_id
          and ledger.operation_id is distinct from v_attempt.operation_id
      )
      and not exists (
        select from calls as accounted
        where accounted.operation_id = v_attempt.operation_id and accounted.flex_line_item_id = lines.flex_line_item_id
      )
    order by lines.first_seen_at, lines.flex_line_item_id
    limit 1;
    -- Whoever records the answer to a later attempt holds the operation and may wait for our lines: a later reading accounts.
    select outbox.* into v_operation from outbox where outbox.id = v_attempt.operation_id for update skip locked;
    continue when not found and exists (select from outbox where outbox.id = v_attempt.operation_id);

    if v_line is not null then
      update calls set flex_line_item_id = v_line, late_checked_at = coalesce(calls.late_checked_at, settle_unknown.began_at) where calls.number = v_attempt.number;
      perform enter_ledger(v_line, settle_unknown.flex_element_id, v_attempt.flex_resource_id, v_operation.crew_call_id, v_operation.technician_id,
        'accounted', v_attempt.operation_id);
      update outbox
      set state = 'done', finished_at = v_now, flex_line_item_id = v_line
      where outbox.id = v_operation.id
        and outbox.state = 'unknown'
        and outbox.call_number = v_attempt.number;
    end if;
  end loop;

  -- Operations that are still unanswered.
  for v_operation in
    select outbox.*
    from outbox
    where outbox.flex_element_id = settle_unknown.flex_element_id
      and outbox.state = 'unknown'
      -- A reading begun before the outcome was unknown saw too early.
      and outbox.sent_at < settle_unknown.began_at
    order by outbox.id
    for update
  loop
    v_landed := case v_operation.kind
      when 'remove' then not exists (
        select from lines
        where lines.flex_element_id = settle_unknown.flex_element_id
          and lines.flex_line_item_id = v_operation.flex_line_item_id
          and lines.present
      )
      when 'set_role' then exists (
        select from lines
        where lines.flex_element_id = settle_unknown.flex_element_id
          and lines.flex_line_item_id = v_operation.flex_line_item_id
          and lines.present
          and lines.shows_role
          and lower(btrim(lines.flex_role_id)) = lower(btrim(v_operation.flex_role_id))
      )
      else false
    end;
    v_proved := settle_unknown.began_at > v_operation.deadline + v_settings.late_landing;

    if v_landed then
      update outbox set state = 'done', finished_at = v_now where outbox.id = v_operation.id;
      update calls set late_checked_at = settle_unknown.began_at where calls.number = v_operation.call_number;
      if v_operation.kind = 'remove' then
        perform forget_line(settle_unknown.flex_element_id, v_operation.flex_line_item_id);
      else
        perform write_role(settle_unknown.flex_element_id, v_operation.flex_line_item_id, v_operation.flex_role_id);
      end if;
    elsif v_operation.kind = 'remove' and v_operation.http_status in (400, 404) then
      -- Refused, and still there.
      update outbox set state = 'failed', reason = 'refused', finished_at = v_now where outbox.id = v_operation.id;
      update calls set outcome = 'refused', late_checked_at = settle_unknown.began_at where calls.number = v_operation.call_number;
    elsif v_proved then
      update calls set absent_at = settle_unknown.began_at where calls.number = v_operation.call_number;
      if v_operation.attempts >= v_settings.max_attempts then
        update outbox set state = 'failed', reason = 'not_accepted', finished_at = v_now where outbox.id = v_operation.id;
      else
        -- It may be sent again; the plan that follows says whether anybody still wants it.
        update outbox set state = 'pending', reading_at = null, due_at = v_now, unknown_at = null where outbox.id = v_operation.id;
      end if;
    end if;
  end loop;

  -- Proved absent a while ago, and this reading found nothing either: it did not land late.
  update calls
  set late_checked_at = settle_unknown.began_at
  where calls.flex_element_id = settle_unknown.flex_element_id
    and calls.unanswered
    and calls.late_checked_at is null
    and calls.absent_at + v_settings.late_landing <= settle_unknown.began_at;
end
$$;
comment on function flex_sync.settle_unknown(text, timestamptz) is 'Lets a reading decide what became of unanswered writes.';
--! EndIncluded settle_unknown.sql
--! Included waiting_request.sql
-- waiting_request(flex_element_id)
--
-- The sync that waits for a reading of an element, where the reading can be made now and nothing else needs one as much.
-- It is what next_reading says then, for a fraction of the time; whatever is out of the ordinary it leaves to the rest of
-- next_reading and answers null.
--
-- Parameters   flex_element_id   normalised
-- Returns      syncs.id, or null
-- Reads        syncs, elements, element_health, outbox, calls, missing_lines
create or replace function flex_sync.waiting_request(flex_element_id text)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now constant timestamptz := clock();
begin
  return (
    select syncs.id
    from syncs
    where syncs.flex_element_id = waiting_request.flex_element_id
      and syncs.finished_at is null
      and syncs.reading_at is null
      and not exists (
        select from syncs as active
        where active.flex_element_id = waiting_request.flex_element_id and active.finished_at is null and active.reading_at is not null
      )
      and not exists (
        select from elements
        where elements.flex_element_id = waiting_request.flex_element_id
          and elements.reading_wanted_at >= coalesce(elements.reading_at, '-infinity')
      )
      and not exists (
        select from element_health
        where element_health.flex_element_id = waiting_request.flex_element_id and element_health.backoff_until > v_now
      )
      -- Its reading in flight, an unanswered write, or a write whose reading may be too old to send it on.
      and not exists (
        select from outbox
        where outbox.flex_element_id = waiting_request.flex_element_id
          and outbox.state in ('pending', 'sending', 'unknown')
          and case outbox.kind
            when 'observe' then outbox.state = 'sending' and outbox.sync_id = syncs.id
            else outbox.state = 'unknown' or (outbox.state = 'pending' and outbox.reading_at is not null)
          end
      )
      and not exists (
        select from calls
        where calls.flex_element_id = waiting_request.flex_element_id and calls.unanswered and calls.late_checked_at is null
      )
      and not exists (select from missing_lines where missing_lines.flex_element_id = waiting_request.flex_element_id)
  );
end
$$;
comment on function flex_sync.waiting_request(text) is 'The sync that waits for a reading which can be made now and that nothing else needs as much; null where there is more to say.';
--! EndIncluded waiting_request.sql
--! Included next_reading.sql
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
--! EndIncluded next_reading.sql
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
  if v_sync_before is not null and v_sync_before is distinct from v_need.sync_id then
    perform finish_sync(v_sync_before);
  end if;
end
$$;
comment on function flex_sync.queue_reading(text) is 'Keeps the one pending observe of an element as next_reading wants it.';
--! EndIncluded queue_reading.sql
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
      and calls.unanswered
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
--! Included elements_with_old_readings.sql
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
--! EndIncluded elements_with_old_readings.sql
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
-- Reads        elements_with_old_readings
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
      select old.flex_element_id, false, false, null
      from elements_with_old_readings() as old (flex_element_id)
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
    and calls.unanswered
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

select flex_sync.grant_privileges();
