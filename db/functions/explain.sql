-- explain(crew_call_id, allow_mass_removal)
--
-- The plan of a crew call in words: what stands in its way now, from which reading and how old, who is held, added, removed,
-- kept and why, and what to do next. flex-crew-sync sync --dry-run says the same.
--
-- Parameters   crew_call_id         flex_crew_calls.id
--              allow_mass_removal   the plan of a request that lifts the counting brakes for our own lines
-- Returns      text, several lines
-- Errors       NOCAL   no crew call has this id
-- Reads        plan_element, crew_call_status, elements
create or replace function flex_sync.explain(crew_call_id uuid, allow_mass_removal boolean default false)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_element constant text := crew_call_or_raise(explain.crew_call_id);
  v_status crew_call_status;
  v_read_at timestamptz;
  v_text text;
  v_plan text;
begin
  select crew_call_status.* into v_status from crew_call_status where crew_call_status.crew_call_id = explain.crew_call_id and crew_call_status.flex_element_id is not distinct from v_element;
  select elements.reading_at into v_read_at from elements where elements.flex_element_id = v_element;
  v_text := concat_ws(E'\n',
    format('Crew call %s (%s): %s%s', explain.crew_call_id, coalesce(printable(v_status.department),
      case when exists (select from crew_calls where crew_calls.id = explain.crew_call_id) then 'no department' else 'retired' end), v_status.condition, coalesce(', ' || v_status.reason, '')),
    'In the way: ' || what_stands_in_the_way(v_status.condition, v_status.reason, v_element) || '.',
    case
      when not is_flex_id(v_element) then null
      when v_read_at is null then format('Element %s was never read: the plan below knows only what is desired and recorded.', v_element)
      else format('Element %s, read %s ago (%s), policy %s.', v_element, ago(v_read_at), to_char(v_read_at, 'YYYY-MM-DD HH24:MI:SS TZ'), policy_of(v_element))
    end
  );

  if is_flex_id(v_element) then
    begin
      select string_agg(E'\n  ' || printable(tell_planned(planned)), ''
        order by array_position(array['hold', 'contest', 'wait', 'confirm', 'add', 'remove', 'set_role', 'wait_role', 'unmapped', 'report', 'keep'], planned.action),
          planned.technician_id, planned.flex_line_item_id)
      into v_plan
      from plan_element(v_element, explain.allow_mass_removal) as planned
      where planned.crew_call_id = explain.crew_call_id;
      v_text := v_text || coalesce(v_plan, E'\n  nobody is desired and nobody is there');
    exception
      when others then
        v_text := v_text || E'\n  no plan: ' || printable(sqlerrm);
    end;
  end if;
  return v_text || coalesce(E'\nNext: ' || v_status.next_action, '');
end
$$;
comment on function flex_sync.explain(uuid, boolean) is 'The plan of a crew call in words.';
