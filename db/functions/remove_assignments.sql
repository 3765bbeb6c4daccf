-- remove_assignments(crew_call_ids, technician_ids, flex_line_item_ids)
--
-- Delete rows of the host's flex_crew_assignments. Triggers of the host's run in it, and find names as they do when the
-- application writes: in the host's schema and in public. Nothing else is in here, because of that.
--
-- Parameters   crew_call_ids, technician_ids   whose rows, in the same order
--              flex_line_item_ids              as the rows name them: what names another line by now stays
-- Errors       whatever the host's table refuses, what it deferred to the commit too
-- Writes       the host's flex_crew_assignments
create or replace function flex_sync.remove_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[])
returns void
language plpgsql
volatile
set search_path = :HOST_SCHEMA, public, extensions, pg_temp
as $$
begin
  delete from :HOST_SCHEMA.flex_crew_assignments
  using unnest(remove_assignments.crew_call_ids, remove_assignments.technician_ids, remove_assignments.flex_line_item_ids)
    as named (crew_call_id, technician_id, line)
  where flex_crew_assignments.crew_call_id = named.crew_call_id
    and flex_crew_assignments.technician_id = named.technician_id
    and flex_crew_assignments.flex_line_item_id::text = named.line;
  -- What the host deferred to the commit is said now, where it can be caught.
  set constraints all immediate;
end
$$;
comment on function flex_sync.remove_assignments(uuid[], uuid[], text[]) is 'Deletes rows of the host; its triggers find names as they do when the application writes.';
