-- operations_of(plan)
--
-- The operations that a plan asks for: one add per resource, one set_role per resource, one remove per line.
--
-- Parameters   plan   rows of plan_element
-- Returns      one row per operation; subject is what it is about: the line of a removal, the resource of anything else;
--              state is pending or held
create or replace function flex_sync.operations_of(plan flex_sync.planned[])
returns table (
  kind text, subject text, state text, crew_call_id uuid, technician_id uuid, resource text, line text, role_id text,
  reason text, brake text, after_resource text, limited boolean, persons jsonb
)
language plpgsql
immutable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return query
  with
  planned as materialized (select row_of_plan.* from unnest(operations_of.plan) as row_of_plan),
  -- The first person of each resource stands for everybody who shares it.
  adds as (
    select distinct on (planned.flex_resource_id)
      planned.*,
      jsonb_agg(jsonb_build_object('crew_call_id', planned.crew_call_id, 'technician_id', planned.technician_id)) over (
        partition by planned.flex_resource_id
        order by planned.crew_call_id, planned.technician_id
        rows between unbounded preceding and unbounded following
      ) as persons
    from planned
    where planned.action = 'add'
    order by planned.flex_resource_id, planned.crew_call_id, planned.technician_id
  )
  select 'add', adds.flex_resource_id, 'pending', adds.crew_call_id, adds.technician_id, adds.flex_resource_id, null::text, null::text,
    adds.reason, null::text, null::text, false, adds.persons
  from adds
  union all
  select 'set_role', planned.flex_resource_id, 'pending', planned.crew_call_id, planned.technician_id, planned.flex_resource_id, planned.flex_line_item_id,
    planned.flex_role_id, null, null, planned.after_resource, false, '[]'::jsonb
  from planned
  where planned.action = 'set_role'
  union all
  select 'remove', planned.flex_line_item_id, case when planned.action = 'hold' then 'held' else 'pending' end, planned.crew_call_id, planned.technician_id,
    planned.flex_resource_id, planned.flex_line_item_id, null, planned.reason, planned.brake, planned.after_resource,
    planned.limited, '[]'::jsonb
  from planned
  where planned.action in ('remove', 'hold');
end
$$;
comment on function flex_sync.operations_of(flex_sync.planned[]) is 'The operations that a plan asks for: one per resource to add or to give a role, one per line to remove.';
