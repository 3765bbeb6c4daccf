-- note_changed_mapping()  (statement trigger on flex_crew_calls, only after enable_auto_sync)
--
-- Crew calls were made or changed: ask for a sync of the elements they point at now, once per transaction and element. What
-- counts is the job, the department, the element, and any other column that desired_crew names.
--
-- Reads        desired_columns, changed_rows, former_rows
-- Writes       what note_elements writes
create or replace function flex_sync.note_changed_mapping()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_columns text[];
begin
  if tg_op = 'INSERT' then
    perform note_elements(array_agg(distinct flex_id(changed_rows.flex_element_id::text)), 'a crew call was mapped', false, true)
    from changed_rows;
    return null;
  end if;
  v_columns := desired_columns(tg_relid) || array['job_id', 'department', 'flex_element_id'];
  perform note_elements(array_agg(distinct flex_id(changed.row_now ->> 'flex_element_id')), 'a crew call was mapped', false, true)
  from (
    select to_jsonb(changed_rows) as row_now, to_jsonb(former_rows) as row_before
    from changed_rows
    left join former_rows on former_rows.id = changed_rows.id
  ) as changed
  where exists (
    select from unnest(v_columns) as compared (name)
    where changed.row_now -> compared.name is distinct from changed.row_before -> compared.name
  );
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_mapping() is 'Asks for a sync of crew calls that were made or changed.';
