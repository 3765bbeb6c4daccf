-- write_assignment(crew_call_id, technician_id, flex_line_item_id)
--
-- One upsert of the host's flex_crew_assignments. Triggers of the host's run in it, and find names as they do when the
-- application writes: in the host's schema and in public. Nothing else is in here, because of that.
--
-- Parameters   crew_call_id, technician_id   who
--              flex_line_item_id             the line they are on
-- Errors       whatever the host's table refuses, what it deferred to the commit too
-- Writes       the host's flex_crew_assignments
create or replace function flex_sync.write_assignment(crew_call_id uuid, technician_id uuid, flex_line_item_id text)
returns void
language plpgsql
volatile
set search_path = :HOST_SCHEMA, public, extensions, pg_temp
as $$
#variable_conflict use_column
declare
  -- The host's own type, uuid or text.
  v_line constant :HOST_SCHEMA.flex_crew_assignments.flex_line_item_id%type := write_assignment.flex_line_item_id;
begin
  insert into :HOST_SCHEMA.flex_crew_assignments as row_there (crew_call_id, technician_id, flex_line_item_id)
  values (write_assignment.crew_call_id, write_assignment.technician_id, v_line)
  on conflict (crew_call_id, technician_id) do update
  set flex_line_item_id = excluded.flex_line_item_id
  where row_there.flex_line_item_id is distinct from excluded.flex_line_item_id;
  -- What the host deferred to the commit is said now, where it can be caught.
  set constraints all immediate;
end
$$;
comment on function flex_sync.write_assignment(uuid, uuid, text) is 'Upserts a row of the host; its triggers find names as they do when the application writes.';
