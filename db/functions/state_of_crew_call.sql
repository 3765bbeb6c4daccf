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
