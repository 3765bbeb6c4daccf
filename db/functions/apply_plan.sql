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
