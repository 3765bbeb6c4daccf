-- confirm_stale(flex_element_id, began_at)
--
-- Compare what is recorded with a reading: a recorded line that it lacks (with that resource) is missing; one that was
-- missing confirm_after ago already is stale, and the host's row goes. A line that is there is missing no more.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
--              began_at          beginning of the reading just stored
-- Reads        crew_calls, recorded_crew, ledger, desired_or_nobody, lines, outbox, settings
-- Writes       missing_lines, lines, ledger, the host's flex_crew_assignments
create or replace function flex_sync.confirm_stale(flex_element_id text, began_at timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
as $$
declare
  v_stale record;
begin
  delete from missing_lines
  using lines
  where missing_lines.flex_element_id = confirm_stale.flex_element_id
    and lines.flex_element_id = confirm_stale.flex_element_id
    and lines.flex_line_item_id = missing_lines.flex_line_item_id
    and missing_lines.flex_resource_id in (lines.flex_resource_id, 'unknown')
    and lines.present;

  insert into missing_lines (flex_line_item_id, flex_resource_id, flex_element_id, missing_since)
  select distinct recorded.line, recorded.resource, confirm_stale.flex_element_id, confirm_stale.began_at
  from (
    select recorded_crew.flex_line_item_id as line,
      coalesce(
        ledger.flex_resource_id,
        (
          select desired.resource from desired_or_nobody(recorded_crew.crew_call_id) as desired
          where desired.technician_id = recorded_crew.technician_id
        ),
        known.flex_resource_id,
        'unknown'
      ) as resource
    from crew_calls
    join recorded_crew on recorded_crew.crew_call_id = crew_calls.id
    left join ledger on ledger.flex_line_item_id = recorded_crew.flex_line_item_id
    left join lines as known
      on known.flex_element_id = confirm_stale.flex_element_id and known.flex_line_item_id = recorded_crew.flex_line_item_id
    where crew_calls.flex_element_id = confirm_stale.flex_element_id
      and (ledger.flex_element_id is null or ledger.flex_element_id = confirm_stale.flex_element_id)
    union all
    -- Where no crew call points any more, the ledger alone remembers what has to be cleaned up.
    select ledger.flex_line_item_id, ledger.flex_resource_id
    from ledger
    where ledger.flex_element_id = confirm_stale.flex_element_id
      and ledger.flex_resource_id is not null
      and ledger.gone_at is null
      and not exists (select from crew_calls where crew_calls.flex_element_id = confirm_stale.flex_element_id)
  ) as recorded
  where not exists (
      select from lines
      where lines.flex_element_id = confirm_stale.flex_element_id
        and lines.flex_line_item_id = recorded.line
        and lines.present
        and (lines.flex_resource_id = recorded.resource or recorded.resource = 'unknown')
    )
    -- Our own removal of it is on its way or just happened.
    and not exists (
      select from outbox
      where outbox.flex_element_id = confirm_stale.flex_element_id
        and outbox.kind = 'remove'
        and outbox.flex_line_item_id = recorded.line
        and outbox.state in ('sending', 'unknown')
    )
  on conflict do nothing;

  for v_stale in
    select missing_lines.flex_line_item_id, missing_lines.flex_resource_id
    from missing_lines, settings
    where missing_lines.flex_element_id = confirm_stale.flex_element_id
      and missing_lines.missing_since + settings.confirm_after <= confirm_stale.began_at
      and missing_lines.missing_since < confirm_stale.began_at
    order by missing_lines.flex_line_item_id
  loop
    insert into lines (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, present, stale_at)
    values (confirm_stale.flex_element_id, v_stale.flex_line_item_id, nullif(v_stale.flex_resource_id, 'unknown'), true, false, confirm_stale.began_at)
    on conflict on constraint lines_pkey do update
    set stale_at = case when lines.present then lines.stale_at else excluded.stale_at end;
    if policy_of(confirm_stale.flex_element_id) = 'report' then
      -- Nothing is written, the host's row neither.
      delete from missing_lines where missing_lines.flex_line_item_id = v_stale.flex_line_item_id;
    else
      perform forget_line(confirm_stale.flex_element_id, v_stale.flex_line_item_id);
    end if;
  end loop;
end
$$;
comment on function flex_sync.confirm_stale(text, timestamptz) is 'Two readings that both lack a recorded line make it stale.';
