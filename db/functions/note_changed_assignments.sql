-- note_changed_assignments(column)  (statement trigger on job_assignments, after enable_auto_sync; the host's on other tables)
--
-- The crew of some jobs changed: ask for a sync of their crew calls, once per transaction and element. Any changed column
-- counts, for desired_crew may read it; rows that are written as they were do not. A truncated table took everybody away
-- who is recorded. An error asks for nothing: the host's statement goes on.
--
-- Parameters   column   the column with the ids of jobs or of crew calls; job_id when it is left out
-- Reads        crew_calls, recorded_crew, changed_rows, former_rows
-- Writes       what note_elements writes
create or replace function flex_sync.note_changed_assignments()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_column constant text := coalesce(tg_argv[0], 'job_id');
  v_ids uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(distinct (to_jsonb(changed_rows) ->> v_column)::uuid) into v_ids from changed_rows;
  elsif tg_op = 'DELETE' then
    select array_agg(distinct (to_jsonb(former_rows) ->> v_column)::uuid) into v_ids from former_rows;
  elsif tg_op = 'UPDATE' then
    -- Compared as text, which every type has.
    with
    changed as (
      select to_jsonb(changed_rows) ->> v_column as id, changed_rows::text as content from changed_rows
    ),
    former as (
      select to_jsonb(former_rows) ->> v_column as id, former_rows::text as content from former_rows
    ),
    differing as (
      (select changed.id, changed.content from changed except select former.id, former.content from former)
      union all
      (select former.id, former.content from former except select changed.id, changed.content from changed)
    )
    select array_agg(distinct differing.id::uuid) into v_ids from differing;
  else
    perform note_elements(array_agg(distinct crew_calls.flex_element_id), 'the crew was truncated', false, true)
    from crew_calls
    where crew_calls.id in (select recorded_crew.crew_call_id from recorded_crew);
    return null;
  end if;

  if v_ids is not null then
    perform note_elements(array_agg(distinct crew_calls.flex_element_id), 'the crew changed', false, true)
    from crew_calls
    where crew_calls.job_id = any (v_ids)
      or crew_calls.id = any (v_ids);
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_assignments() is
  'Asks for a sync of the crew calls whose crew changed: a statement trigger, also for other tables that desired_crew reads.';
