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
