-- record_kept(flex_element_id, plan)
--
-- Bring the host's rows up to the plan: everyone kept is recorded with the line that they keep, and whoever is no longer
-- desired is not recorded with somebody else's line. Under policy report nothing is written.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
--              plan              rows of plan_element, from a reading just stored
-- Reads        recorded_crew, crew_calls, crew_call_blocks
-- Writes       the host's flex_crew_assignments, crew_call_blocks
create or replace function flex_sync.record_kept(flex_element_id text, plan flex_sync.planned[])
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
-- The host's table is as large as it is: planned anew for each element, whatever the caller keeps.
set plan_cache_mode = auto
as $$
declare
  v_kept record;
  v_since jsonb;
  v_rows record;
begin
  if policy_of(record_kept.flex_element_id) = 'report' then
    return;
  end if;
  -- What the host's table refused is tried again here; what it refuses still blocks anew.
  with tried_again as (
    delete from crew_call_blocks
    where crew_call_blocks.crew_call_id in (select crew_calls.id from crew_calls where crew_calls.flex_element_id = record_kept.flex_element_id)
    returning crew_call_blocks.crew_call_id, crew_call_blocks.since
  )
  select jsonb_object_agg(tried_again.crew_call_id, tried_again.since) into v_since from tried_again;

  for v_kept in
    select planned.crew_call_id, planned.technician_id, planned.flex_line_item_id
    from unnest(record_kept.plan) as planned
    left join recorded_crew on recorded_crew.crew_call_id = planned.crew_call_id and recorded_crew.technician_id = planned.technician_id
    where planned.action = 'keep'
      and recorded_crew.flex_line_item_id is distinct from planned.flex_line_item_id
    order by planned.crew_call_id, planned.technician_id
  loop
    perform record_person(v_kept.crew_call_id, v_kept.technician_id, record_kept.flex_element_id, v_kept.flex_line_item_id);
  end loop;
  if v_since is not null then
    update crew_call_blocks
    set since = (v_since ->> crew_call_blocks.crew_call_id::text)::timestamptz
    where v_since ? crew_call_blocks.crew_call_id::text;
  end if;

  -- Rows of people nobody desires any more, on a line that stays for somebody else.
  select array_agg(flex_crew_assignments.crew_call_id) as crew_call_ids, array_agg(flex_crew_assignments.technician_id) as technician_ids,
    array_agg(flex_crew_assignments.flex_line_item_id::text) as lines
  into v_rows
  from :HOST_SCHEMA.flex_crew_assignments
  where flex_crew_assignments.crew_call_id in (
      select crew_calls.id from crew_calls where crew_calls.flex_element_id = record_kept.flex_element_id
    )
    and exists (
      select from unnest(record_kept.plan) as planned
      where planned.action = 'keep'
        and planned.flex_line_item_id = lower(btrim(flex_crew_assignments.flex_line_item_id::text, E' \t\r\n'))
    )
    and not exists (
      select from unnest(record_kept.plan) as planned
      where planned.action in ('keep', 'add', 'wait', 'confirm', 'contest', 'unmapped')
        and planned.crew_call_id = flex_crew_assignments.crew_call_id
        and planned.technician_id = flex_crew_assignments.technician_id
    );
  if v_rows.lines is not null then
    perform remove_assignments(v_rows.crew_call_ids, v_rows.technician_ids, v_rows.lines);
  end if;
  perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));
exception
  when others then
    perform note_element(record_kept.flex_element_id, 'rows of flex_crew_assignments could not be written: ' || sqlerrm, false);
end
$$;
comment on function flex_sync.record_kept(text, flex_sync.planned[]) is 'Brings the host''s rows up to the plan.';
