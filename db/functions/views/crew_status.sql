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
