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
