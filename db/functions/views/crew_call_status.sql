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
    count(*) filter (where outbox.state in ('pending', 'sending') and outbox.priority = 0) as pending,
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
  select elements.reading_at is not null and latest.last_sync_at is not null as synced_once
) as known
cross join lateral (
  -- The most urgent that holds, in the order of docs/reasons.md.
  select judged.pair[1] as condition, judged.pair[2] as reason
  from (select case
    when tenant.paused_at is not null then array['paused', 'paused']
    when call.flex_element_id is null then array['blocked', 'no_element']
    when not flex_sync.is_flex_id(call.flex_element_id) then array['blocked', 'malformed_id']
    when elements.blocked_reason is not null then array['blocked', elements.blocked_reason]
    when crew_call_blocks.reason is not null then array['blocked', crew_call_blocks.reason]
    when tenant.breaker_reason = 'token_refused' and (operations.pending > 0 or latest.waiting) then array['blocked', 'token_refused']
    when operations.failed > 0 then array['failed', operations.failed_reason]
    when operations.held > 0 then array['held', operations.brake]
    when operations.unknown > 0 then array['unknown', 'unanswered']
    when exists (
      select from flex_sync.calls
      where calls.flex_element_id = call.flex_element_id
        and calls.outcome = 'unknown'
        and calls.absent_at is not null
        and calls.late_checked_at is null
    ) then array['unknown', 'late_check']
    when persons.confirming > 0 then array['pending', 'confirming']
    when elements.doubt_reason is not null and tenant.breaker_opened_at is null then array['pending', 'doubtful_reading']
    when operations.pending > 0 then array['pending', flex_sync.why_pending(call.flex_element_id, operations.limited_line is not null)]
    when latest.waiting then array['pending', flex_sync.why_pending(call.flex_element_id, false)]
    when call.retired then array['pending', 'retired']
    when known.synced_once and persons.report_only > 0 then array['pending', 'report_only']
    when known.synced_once and persons.not_requested > 0 then array['pending', 'not_requested']
    when known.synced_once and elements.reading_at < latest.last_requested_at then array['pending', 'requested']
    when persons.unmapped > 0 then array['unmapped', persons.unmapped_reason]
    when not known.synced_once then array['never_synced', 'never_synced']
    else array['synced', null]
  end as pair) as judged
) as verdict;
comment on view flex_sync.crew_call_status is 'One row per crew call: its condition, why, and what to do next.';
