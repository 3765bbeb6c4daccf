-- crew_status: why is this one person not in sync? One row per person and crew call; one per line nobody is known for.
create or replace view flex_sync.crew_status as
select
  person.crew_call_id,
  person.technician_id,
  coalesce(desired.resource, operation.flex_resource_id, known.flex_resource_id) as flex_resource_id,
  desired.technician_id is not null as desired,
  recorded.flex_line_item_id,
  coalesce(observed.flex_line_item_id, stray.flex_line_item_id) as observed_line_item_id,
  desired.role_code,
  coalesce(observed.flex_role_id, observed.written_role_id) as observed_role,
  operation.id as operation_id,
  verdict.condition,
  verdict.reason,
  case verdict.condition
    when 'paused' then tenant.paused_at
    when 'blocked' then coalesce(elements.blocked_at, crew_call_blocks.since, tenant.breaker_opened_at)
    when 'failed' then operation.finished_at
    when 'unknown' then coalesce(operation.unknown_at, late.absent_at)
    when 'held' then operation.created_at
    when 'pending' then coalesce(missing.missing_since, operation.created_at, waiting.requested_at)
    when 'synced' then greatest(observed.first_seen_at, observed.added_at)
  end as since,
  flex_sync.next_action(verdict.condition, verdict.reason, person.crew_call_id, operation.id, null) as next_action
from (
  select desired_crew.crew_call_id, desired_crew.technician_id, null::text as line from flex_sync.desired_crew
  union
  select recorded_crew.crew_call_id, recorded_crew.technician_id, null from flex_sync.recorded_crew
  union
  select outbox.crew_call_id, outbox.technician_id, case when outbox.technician_id is null then outbox.flex_line_item_id end
  from flex_sync.outbox
  where outbox.state in ('pending', 'sending', 'unknown', 'held')
    and outbox.kind <> 'observe'
    and outbox.crew_call_id is not null
  union
  select outbox.crew_call_id, outbox.technician_id, case when outbox.technician_id is null then outbox.flex_line_item_id end
  from flex_sync.outbox
  where outbox.state = 'failed'
    and outbox.superseded_at is null
    and outbox.kind <> 'observe'
    and outbox.crew_call_id is not null
  union
  select crew_calls.id, null, lines.flex_line_item_id
  from flex_sync.crew_calls
  join flex_sync.lines on lines.flex_element_id = crew_calls.flex_element_id
  where lines.present
    and lines.is_contact
    and lines.flex_resource_id is not null
    and not exists (select from flex_sync.ledger where ledger.flex_line_item_id = lines.flex_line_item_id)
    and not exists (
      select from flex_sync.crew_calls as sharing
      join flex_sync.desired_crew on desired_crew.crew_call_id = sharing.id
      where sharing.flex_element_id = crew_calls.flex_element_id
        and lower(btrim(desired_crew.flex_resource_id, E' \t\r\n')) = lines.flex_resource_id
    )
    and not exists (
      select from flex_sync.recorded_crew where recorded_crew.crew_call_id = crew_calls.id and recorded_crew.flex_line_item_id = lines.flex_line_item_id
    )
) as person
cross join flex_sync.tenant
left join flex_sync.crew_calls on crew_calls.id = person.crew_call_id
left join flex_sync.elements on elements.flex_element_id = crew_calls.flex_element_id
left join flex_sync.crew_call_blocks on crew_call_blocks.crew_call_id = person.crew_call_id
left join flex_sync.recorded_crew as recorded
  on recorded.crew_call_id = person.crew_call_id and recorded.technician_id = person.technician_id
left join lateral (
  select desired_crew.technician_id, desired_crew.role_code,
    lower(btrim(desired_crew.flex_resource_id, E' \t\r\n')) as resource,
    case
      when nullif(btrim(desired_crew.flex_resource_id, E' \t\r\n'), '') is null then 'no_resource'
      when not flex_sync.is_flex_id(desired_crew.flex_resource_id) then 'malformed_id'
    end as problem
  from flex_sync.desired_crew
  where desired_crew.crew_call_id = person.crew_call_id
    and desired_crew.technician_id = person.technician_id
  order by flex_sync.is_flex_id(desired_crew.flex_resource_id) desc, desired_crew.role_code
  limit 1
) as desired on true
left join lateral (
  select lines.* from flex_sync.lines
  where lines.flex_element_id = crew_calls.flex_element_id
    and lines.present
    and lines.flex_resource_id = desired.resource
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
      or (outbox.flex_element_id = crew_calls.flex_element_id and outbox.flex_resource_id = desired.resource)
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
    and calls.flex_resource_id = desired.resource
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
  select verdicts.condition, verdicts.reason
  from (values
    (1, tenant.paused_at is not null, 'paused', 'paused'),
    (2, crew_calls.id is not null and crew_calls.flex_element_id is null or crew_calls.flex_element_id = '', 'blocked', 'no_element'),
    (3, crew_calls.id is not null and not flex_sync.is_flex_id(crew_calls.flex_element_id), 'blocked', 'malformed_id'),
    (4, elements.blocked_reason is not null, 'blocked', elements.blocked_reason),
    (5, crew_call_blocks.reason is not null, 'blocked', crew_call_blocks.reason),
    (6, operation.id is not null and tenant.breaker_reason = 'token_refused', 'blocked', 'token_refused'),
    (7, operation.state = 'failed', 'failed', operation.reason),
    (8, operation.state = 'held', 'held', operation.brake),
    (9, operation.state = 'unknown', 'unknown', 'unanswered'),
    (10, late.absent_at is not null, 'unknown', 'late_check'),
    (11, missing.missing_since is not null, 'pending', 'confirming'),
    (12, operation.state = 'sending', 'pending', 'sending'),
    (13, operation.state = 'pending', 'pending', flex_sync.why_pending(operation.flex_element_id, operation.limited)),
    (14, desired.problem is not null, 'unmapped', desired.problem),
    (15, desired.technician_id is null and recorded.technician_id is not null and (
      rule.policy = 'add_only'
      or (rule.policy = 'owned' and not exists (select from flex_sync.ledger where ledger.flex_line_item_id = recorded.flex_line_item_id))
      or exists (
        select from flex_sync.removal_decisions
        where removal_decisions.flex_line_item_id = recorded.flex_line_item_id and removal_decisions.decision = 'rejected'
      )
    ), 'synced', 'kept_by_policy'),
    (16, desired.technician_id is not null and elements.reading_at is null and waiting.requested_at is null, 'never_synced', 'never_synced'),
    (17, waiting.requested_at is not null and (desired.technician_id is not null) <> (recorded.technician_id is not null), 'pending', 'requested'),
    (18, desired.technician_id is null and recorded.technician_id is null, 'synced', 'foreign'),
    (19, rule.policy = 'report' and ((desired.technician_id is not null) <> (recorded.technician_id is not null) or observed.flex_line_item_id is null), 'pending', 'report_only'),
    (20, desired.technician_id is not null and observed.flex_line_item_id is null, 'pending', 'not_requested'),
    (21, (desired.technician_id is not null) <> (recorded.technician_id is not null), 'pending', 'not_requested'),
    (22, desired.technician_id is not null and exists (
      select from flex_sync.crew_calls as sharing
      join flex_sync.desired_crew as other on other.crew_call_id = sharing.id
      where sharing.flex_element_id = crew_calls.flex_element_id
        and lower(btrim(other.flex_resource_id, E' \t\r\n')) = desired.resource
        and (other.crew_call_id, other.technician_id) <> (person.crew_call_id, person.technician_id)
        and other.role_code is distinct from desired.role_code
    ), 'synced', 'shared_resource'),
    (23, true, 'synced', null)
  ) as verdicts (urgency, holds, condition, reason)
  where verdicts.holds
  order by verdicts.urgency
  limit 1
) as verdict;
comment on view flex_sync.crew_status is 'Why is this one person not in sync? One row per person and crew call, with the reason and the next action.';
