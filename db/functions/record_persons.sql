-- record_persons(operation_ids)
--
-- Write into the host's table whom adds that are done were for, or raise: record_person for many, in the usual case that
-- the table takes them all. The caller saw that their crew calls still point at their elements.
--
-- Parameters   operation_ids   outbox.id; those that are no adds are left out
-- Errors       whatever the host's table refuses
-- Reads        outbox
-- Writes       the host's flex_crew_assignments
create or replace function flex_sync.record_persons(operation_ids bigint[])
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
-- For the host's triggers, whatever the caller walks its own tables with.
set enable_seqscan = on
set enable_hashjoin = on
set enable_mergejoin = on
set plan_cache_mode = auto
as $$
declare
  v_row record;
begin
  for v_row in
    select person.crew_call_id, person.technician_id, outbox.flex_line_item_id as line
    from outbox
    cross join lateral jsonb_to_recordset(outbox.persons) as person (crew_call_id uuid, technician_id uuid)
    where outbox.id = any (record_persons.operation_ids)
      and outbox.kind = 'add'
    order by person.crew_call_id, person.technician_id
  loop
    perform write_assignment(v_row.crew_call_id, v_row.technician_id, v_row.line);
    perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));
  end loop;
end
$$;
comment on function flex_sync.record_persons(bigint[]) is 'Upserts whom adds that are done were for, or raises what the host''s table refuses.';
