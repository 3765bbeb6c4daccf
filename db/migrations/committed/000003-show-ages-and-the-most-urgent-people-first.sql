--! Previous: sha1:883baac73eb6ec3b35ec706906571d506e1405fd
--! Hash: sha1:1fbfd8f502b67c58d447a78347a4af98be020386
--! Message: Show ages, and the most urgent people first

select flex_sync.remember_objects();

--! Included claim_operations.sql
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
-- Reads        settings, tenant, elements, element_health, crew_calls, calls_left
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
--! EndIncluded claim_operations.sql
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
  flex_sync.next_action(verdict.condition, verdict.reason, person.crew_call_id, operation.id, null) as next_action,
  flex_sync.ago(times.since) as since_ago
from (
  select found.crew_call_id, found.technician_id, found.line, bool_or(found.desired) as desired,
    max(found.resource) as resource, max(found.problem) as problem, max(found.role_code) as role_code, max(found.role_id) as role_id
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
) as person
cross join flex_sync.tenant
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
  select outbox.*
  from flex_sync.outbox
  where (outbox.state in ('pending', 'sending', 'unknown', 'held') or (outbox.state = 'failed' and outbox.superseded_at is null))
    and outbox.kind <> 'observe'
    and (
      (outbox.crew_call_id = person.crew_call_id and outbox.technician_id = person.technician_id)
      or (outbox.flex_element_id = crew_calls.flex_element_id and outbox.flex_resource_id = person.resource)
      or (outbox.crew_call_id = person.crew_call_id and outbox.technician_id is null and outbox.flex_line_item_id = person.line)
    )
  order by array_position(array['failed', 'held', 'unknown', 'sending', 'pending'], outbox.state), outbox.id
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
    when operation.state = 'pending' then array['pending', flex_sync.why_pending(operation.flex_element_id, operation.limited)]
    when person.problem is not null then array['unmapped', person.problem]
    when not person.desired and recorded.technician_id is not null and (
      rule.policy = 'add_only'
      or (rule.policy = 'owned' and not exists (select from flex_sync.ledger where ledger.flex_line_item_id = recorded.flex_line_item_id))
      or exists (
        select from flex_sync.removal_decisions
        where removal_decisions.flex_line_item_id = recorded.flex_line_item_id and removal_decisions.decision = 'rejected'
      )
    ) then array['synced', 'kept_by_policy']
    when person.desired and elements.reading_at is null and waiting.requested_at is null then array['never_synced', 'never_synced']
    when waiting.requested_at is not null and (person.desired) <> (recorded.technician_id is not null) then array['pending', 'requested']
    when not person.desired and recorded.technician_id is null then array['synced', 'foreign']
    when rule.policy = 'report' and ((person.desired) <> (recorded.technician_id is not null) or observed.flex_line_item_id is null) then array['pending', 'report_only']
    when person.desired and observed.flex_line_item_id is null then array['pending', 'not_requested']
    when (person.desired) <> (recorded.technician_id is not null) then array['pending', 'not_requested']
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
    when 'blocked' then coalesce(elements.blocked_at, crew_call_blocks.since, tenant.breaker_opened_at)
    when 'failed' then operation.finished_at
    when 'unknown' then coalesce(operation.unknown_at, late.absent_at)
    when 'held' then operation.created_at
    when 'pending' then coalesce(missing.missing_since, operation.created_at, waiting.requested_at)
    when 'synced' then greatest(observed.first_seen_at, observed.added_at)
  end as since
) as times
order by
  array_position(array['paused', 'blocked', 'failed', 'held', 'unknown', 'pending', 'unmapped', 'never_synced', 'synced'], verdict.condition),
  person.crew_call_id,
  person.technician_id;
comment on view flex_sync.crew_status is 'Why is this one person not in sync? One row per person and crew call, with the reason and the next action.';
--! EndIncluded views/crew_status.sql
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
  select elements.crew_call_id, elements.job_id, elements.department, elements.flex_element_id, true
  from flex_sync.elements
  where (
      elements.retired_at is not null
      or elements.flex_element_id in (select due_elements.flex_element_id from flex_sync.due_elements)
    )
    and elements.crew_call_id is not null
    and not exists (select from flex_sync.crew_calls where crew_calls.flex_element_id = elements.flex_element_id)
    and (
      exists (select from flex_sync.ledger where ledger.flex_element_id = elements.flex_element_id and ledger.gone_at is null)
      or exists (select from flex_sync.outbox where outbox.flex_element_id = elements.flex_element_id and outbox.state in ('pending', 'sending', 'unknown', 'held'))
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
grant execute on function flex_sync.ago(timestamptz), flex_sync.name_of(uuid) to flex_sync_app, flex_sync_drainer, flex_sync_operator;

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
    elsif v_object.type = 'function' and v_object.plain in ('explain', 'history', 'state_of_crew_call', 'ago', 'name_of') then
      -- What applications ask, and what the views call, so that whoever may read them can: the drainer for its page.
      execute format('grant execute on function %s to flex_sync_app, flex_sync_drainer, flex_sync_operator', v_object.name);
    end if;
  end loop;
end
$$;
comment on function flex_sync.grant_privileges() is 'Who may do what with the objects that a migration added; the last statement of each migration.';
--! EndIncluded grant_privileges.sql
select flex_sync.grant_privileges();
