-- note_changed_profiles()  (statement trigger on profiles, only after enable_auto_sync)
--
-- Somebody became known or another Flex resource: ask for a sync of the crew calls of their jobs and of those they are
-- recorded on, once per transaction and element. What counts is the resource, and any other column that desired_crew names.
--
-- Reads        desired_columns, crew_calls, recorded_crew, the host's job_assignments, changed_rows, former_rows
-- Writes       what note_elements writes
create or replace function flex_sync.note_changed_profiles()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_columns text[];
  v_people uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(changed_rows.id::uuid) into v_people from changed_rows;
  else
    v_columns := desired_columns(tg_relid) || array['flex_resource_id'];
    select array_agg(changed.id) into v_people
    from (
      select changed_rows.id::uuid as id, to_jsonb(changed_rows) as row_now, to_jsonb(former_rows) as row_before
      from changed_rows
      left join former_rows on former_rows.id = changed_rows.id
    ) as changed
    where exists (
      select from unnest(v_columns) as compared (name)
      where changed.row_now -> compared.name is distinct from changed.row_before -> compared.name
    );
  end if;
  if v_people is not null then
    perform note_elements(array_agg(distinct crew_calls.flex_element_id), 'a resource changed', false, true)
    from crew_calls
    where crew_calls.job_id in (
        select job_assignments.job_id from :HOST_SCHEMA.job_assignments where job_assignments.technician_id = any (v_people)
      )
      or crew_calls.id in (select recorded_crew.crew_call_id from recorded_crew where recorded_crew.technician_id = any (v_people));
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_profiles() is 'Asks for a sync of the crew calls of people whose resource changed.';
