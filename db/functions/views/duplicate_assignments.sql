-- duplicate_assignments: people recorded more than once on one crew call; impossible once the unique constraint is there.
create or replace view flex_sync.duplicate_assignments as
select
  flex_crew_assignments.crew_call_id,
  flex_crew_assignments.technician_id,
  count(*) - 1 as too_many,
  array_agg(flex_crew_assignments.flex_line_item_id::text order by flex_crew_assignments.created_at nulls last, flex_crew_assignments.id) as flex_line_item_ids
from :HOST_SCHEMA.flex_crew_assignments
where flex_crew_assignments.crew_call_id is not null
  and flex_crew_assignments.technician_id is not null
group by flex_crew_assignments.crew_call_id, flex_crew_assignments.technician_id
having count(*) > 1;
comment on view flex_sync.duplicate_assignments is 'People recorded more than once on one crew call.';
