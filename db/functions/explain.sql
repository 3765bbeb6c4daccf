-- explain(crew_call_id)
--
-- The plan of a crew call in words: who is kept, added, removed, held and why, and from which reading.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      text, several lines
-- Errors       NOCAL   no crew call has this id
-- Reads        plan_element, crew_call_status, elements
create or replace function flex_sync.explain(crew_call_id uuid)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_element constant text := crew_call_or_raise(explain.crew_call_id);
  v_status crew_call_status;
  v_read_at timestamptz;
  v_text text;
begin
  select crew_call_status.* into v_status from crew_call_status where crew_call_status.crew_call_id = explain.crew_call_id and crew_call_status.flex_element_id is not distinct from v_element;
  select elements.reading_at into v_read_at from elements where elements.flex_element_id = v_element;
  v_text := format('Crew call %s (%s): %s%s', explain.crew_call_id, coalesce(v_status.department, 'retired'), v_status.condition,
    coalesce(', ' || v_status.reason, ''));
  if not is_flex_id(v_element) then
    return v_text || E'\n' || v_status.next_action;
  end if;
  v_text := v_text || E'\n' || case
    when v_read_at is null then format('Element %s was never read: the plan below knows only what is desired and recorded.', v_element)
    else format('Element %s, read %s ago (%s), policy %s.', v_element, date_trunc('second', clock() - v_read_at), to_char(v_read_at, 'YYYY-MM-DD HH24:MI:SS TZ'), policy_of(v_element))
  end;
  return v_text || coalesce((
    select string_agg(E'\n' || sentence.text, '' order by sentence.position, sentence.text)
    from (
      select
        array_position(array['hold', 'contest', 'wait', 'confirm', 'add', 'remove', 'set_role', 'wait_role', 'unmapped', 'report', 'keep'], planned.action) as position,
        case planned.action
          when 'keep' then format('  keep      person %s on line %s%s', planned.technician_id, planned.flex_line_item_id, case when not planned.ours then ' (made by a person in Flex)' else '' end)
          when 'add' then format('  add       person %s (resource %s)%s', planned.technician_id, planned.flex_resource_id,
            case planned.reason when 'stale' then ': somebody deleted their line in Flex' else '' end)
          when 'confirm' then format('  confirm   person %s: the last reading lacks their line %s, a second one decides', planned.technician_id, coalesce(planned.flex_line_item_id, ''))
          when 'contest' then format('  contested person %s: added again twice within a day, deleted in Flex once more', planned.technician_id)
          when 'wait' then format('  wait      person %s: %s', planned.technician_id, case planned.reason
            when 'unknown' then 'an add was sent and nobody knows whether Flex did it'
            when 'sending' then 'an add is in flight'
            when 'refused' then 'the last add was refused, see flex_sync.crew_status'
            else 'their old line is being removed' end)
          when 'unmapped' then format('  unmapped  person %s: %s', planned.technician_id, case planned.reason
            when 'no_resource' then 'no flex_resource_id' else 'flex_resource_id is not a Flex id' end)
          when 'set_role' then format('  set role  person %s: business role %s', planned.technician_id, planned.flex_role_id)
          when 'wait_role' then format('  wait      person %s: the last role write was refused', planned.technician_id)
          when 'remove' then format('  remove    line %s%s: %s', planned.flex_line_item_id, coalesce(' of ' || coalesce(planned.name, planned.technician_id::text), ''), planned.reason)
          when 'hold' then format('  hold      line %s%s: %s, held by the brake %s', planned.flex_line_item_id, coalesce(' of ' || coalesce(planned.name, planned.technician_id::text), ''), planned.reason, planned.brake)
          when 'report' then format('  leave     line %s%s: %s, but it stays (policy, a no, or a refused removal)', planned.flex_line_item_id, coalesce(' of ' || planned.name, ''), planned.reason)
        end as text
      from plan_element(v_element) as planned
      where planned.crew_call_id = explain.crew_call_id
    ) as sentence
  ), E'\n  nobody is desired and nobody is there') || coalesce(E'\nNext: ' || v_status.next_action, '');
end
$$;
comment on function flex_sync.explain(uuid) is 'The plan of a crew call in words.';
