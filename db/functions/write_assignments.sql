-- write_assignments(crew_call_ids, technician_ids, flex_line_item_ids)
--
-- Many upserts of the host's flex_crew_assignments in one statement: write_assignment for adds that are recorded together.
-- Whatever is wrong with one of them undoes all, and somebody named twice is wrong here.
--
-- Parameters   crew_call_ids, technician_ids   who
--              flex_line_item_ids              the lines they are on, in the same order
-- Errors       as write_assignment, and where another column of the table has a domain that is never null
-- Writes       the host's flex_crew_assignments
create or replace function flex_sync.write_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[])
returns void
language plpgsql
volatile
set search_path = :HOST_SCHEMA, public, extensions, pg_temp
-- For the host's triggers, whatever record_done walks its own tables with.
set enable_seqscan = on
set enable_hashjoin = on
set enable_mergejoin = on
set plan_cache_mode = auto
as $$
#variable_conflict use_column
begin
  insert into :HOST_SCHEMA.flex_crew_assignments as row_there (crew_call_id, technician_id, flex_line_item_id)
  select named.crew_call_id, named.technician_id, of_the_host.flex_line_item_id
  from unnest(write_assignments.crew_call_ids, write_assignments.technician_ids, write_assignments.flex_line_item_ids)
    as named (crew_call_id, technician_id, line)
  -- The host's own type, uuid or text.
  cross join lateral jsonb_populate_record(
    cast(null as :HOST_SCHEMA.flex_crew_assignments), jsonb_build_object('flex_line_item_id', named.line)
  ) as of_the_host
  on conflict (crew_call_id, technician_id) do update
  set flex_line_item_id = excluded.flex_line_item_id
  where row_there.flex_line_item_id is distinct from excluded.flex_line_item_id;
  -- What the host deferred to the commit is said now, where it can be caught.
  set constraints all immediate;
end
$$;
comment on function flex_sync.write_assignments(uuid[], uuid[], text[]) is
  'Upserts rows of the host together; its triggers find names as they do when the application writes.';
