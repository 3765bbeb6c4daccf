-- crew_call_status: one row per crew call, the most urgent first to look at; retired elements keep a row while anything of ours is on them.
create or replace view flex_sync.crew_call_status as
select
  call.crew_call_id,
  call.job_id,
  call.department,
  call.flex_element_id,
  verdict.condition,
  verdict.reason,
  coalesce(persons.desired, 0) as desired,
  coalesce(persons.recorded, 0) as recorded,
  coalesce(shown.observed, 0) as observed,
  coalesce(operations.pending, 0) as pending,
  coalesce(operations.unknown, 0) as unknown,
  coalesce(operations.held, 0) as held,
  coalesce(operations.failed, 0) as failed,
  operations.plan,
  elements.reading_at as observed_at,
  latest.last_sync_at,
  flex_sync.next_action(verdict.condition, verdict.reason, call.crew_call_id, operations.failed_operation_id, operations.plan) as next_action
from (
  select crew_calls.id as crew_call_id, crew_calls.job_id, crew_calls.department, nullif(crew_calls.flex_element_id, '') as flex_element_id, false as retired
  from flex_sync.crew_calls
  union all
  select elements.crew_call_id, elements.job_id, elements.department, elements.flex_element_id, true
  from flex_sync.elements
  where elements.crew_call_id is not null
    and not exists (select from flex_sync.crew_calls where crew_calls.flex_element_id = elements.flex_element_id)
    and (
      exists (select from flex_sync.ledger where ledger.flex_element_id = elements.flex_element_id and ledger.gone_at is null)
      or exists (select from flex_sync.outbox where outbox.flex_element_id = elements.flex_element_id and outbox.state in ('pending', 'sending', 'unknown', 'held'))
    )
) as call
cross join flex_sync.tenant
left join flex_sync.elements on elements.flex_element_id = call.flex_element_id
left join flex_sync.crew_call_blocks on crew_call_blocks.crew_call_id = call.crew_call_id and not call.retired
left join lateral (
  select
    count(*) filter (where crew_status.desired) as desired,
    count(crew_status.flex_line_item_id) as recorded,
    count(*) filter (where crew_status.condition = 'pending' and crew_status.reason = 'confirming') as confirming,
    count(*) filter (where crew_status.condition = 'unknown' and crew_status.reason = 'late_check') as late_checks,
    count(*) filter (where crew_status.condition = 'unmapped') as unmapped,
    count(*) filter (where crew_status.condition = 'pending' and crew_status.reason = 'not_requested') as not_requested,
    count(*) filter (where crew_status.condition = 'pending' and crew_status.reason = 'report_only') as report_only,
    min(crew_status.reason) filter (where crew_status.condition = 'unmapped') as unmapped_reason,
    min(crew_status.reason) filter (where crew_status.condition = 'failed') as failed_reason,
    min(crew_status.reason) filter (where crew_status.condition = 'pending' and crew_status.reason not in ('confirming', 'not_requested', 'report_only')) as pending_reason
  from flex_sync.crew_status
  where crew_status.crew_call_id = call.crew_call_id
    and not call.retired
) as persons on true
left join lateral (
  select count(*) as observed
  from flex_sync.lines
  where lines.flex_element_id = call.flex_element_id
    and lines.present
    and lines.flex_resource_id is not null
) as shown on true
left join lateral (
  select
    count(*) filter (where outbox.state in ('pending', 'sending')) as pending,
    count(*) filter (where outbox.state = 'unknown') as unknown,
    count(*) filter (where outbox.state = 'held') as held,
    count(*) filter (where outbox.state = 'failed') as failed,
    min(outbox.id) filter (where outbox.state = 'failed') as failed_operation_id,
    min(outbox.reason) filter (where outbox.state = 'failed') as failed_reason,
    min(outbox.brake) filter (where outbox.state = 'held') as brake,
    min(outbox.flex_line_item_id) filter (where outbox.state in ('pending', 'sending') and outbox.kind = 'remove' and outbox.limited) as limited_line,
    md5(string_agg(outbox.flex_line_item_id || ' ' || coalesce(outbox.flex_resource_id, ''), ',' order by outbox.flex_line_item_id)
      filter (where outbox.state = 'held')) as plan
  from flex_sync.outbox
  where outbox.flex_element_id = call.flex_element_id
    and (outbox.state in ('pending', 'sending', 'unknown', 'held') or (outbox.state = 'failed' and outbox.superseded_at is null))
    and (outbox.crew_call_id = call.crew_call_id or outbox.persons @> jsonb_build_array(jsonb_build_object('crew_call_id', call.crew_call_id)) or call.retired)
) as operations on true
left join lateral (
  select max(syncs.finished_at) as last_sync_at, bool_or(syncs.finished_at is null) as waiting, max(syncs.last_requested_at) as last_requested_at
  from flex_sync.syncs
  where syncs.flex_element_id = call.flex_element_id
) as latest on true
cross join lateral (
  select verdicts.condition, verdicts.reason
  from (values
    (1, tenant.paused_at is not null, 'paused', 'paused'),
    (2, call.flex_element_id is null, 'blocked', 'no_element'),
    (3, not flex_sync.is_flex_id(call.flex_element_id), 'blocked', 'malformed_id'),
    (4, elements.blocked_reason is not null, 'blocked', elements.blocked_reason),
    (5, crew_call_blocks.reason is not null, 'blocked', crew_call_blocks.reason),
    (6, tenant.breaker_reason = 'token_refused' and (operations.pending > 0 or latest.waiting), 'blocked', 'token_refused'),
    (7, operations.failed > 0, 'failed', operations.failed_reason),
    (8, operations.held > 0, 'held', operations.brake),
    (9, operations.unknown > 0, 'unknown', 'unanswered'),
    (10, exists (
      select from flex_sync.calls
      where calls.flex_element_id = call.flex_element_id
        and calls.outcome = 'unknown'
        and calls.absent_at is not null
        and calls.late_checked_at is null
    ), 'unknown', 'late_check'),
    (11, persons.confirming > 0, 'pending', 'confirming'),
    (12, elements.doubt_reason is not null, 'pending', 'doubtful_reading'),
    (13, operations.pending > 0, 'pending', flex_sync.why_pending(call.flex_element_id, operations.limited_line is not null)),
    (14, latest.waiting, 'pending', flex_sync.why_pending(call.flex_element_id, false)),
    (15, persons.unmapped > 0, 'unmapped', persons.unmapped_reason),
    (16, elements.reading_at is null or latest.last_sync_at is null, 'never_synced', 'never_synced'),
    (17, persons.report_only > 0, 'pending', 'report_only'),
    (17, persons.not_requested > 0, 'pending', 'not_requested'),
    (18, elements.reading_at < latest.last_requested_at, 'pending', 'requested'),
    (19, call.retired, 'pending', 'retired'),
    (20, true, 'synced', null)
  ) as verdicts (urgency, holds, condition, reason)
  where verdicts.holds
  order by verdicts.urgency
  limit 1
) as verdict;
comment on view flex_sync.crew_call_status is 'One row per crew call: its condition, why, and what to do next.';
