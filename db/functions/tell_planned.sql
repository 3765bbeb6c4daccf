-- tell_planned(planned)
--
-- One row of a plan as a line, for flex_sync.explain: what happens, to whom, and why.
--
-- Reads        lines, name_of
create or replace function flex_sync.tell_planned(planned flex_sync.planned)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_planned constant planned := tell_planned.planned;
  v_who constant text := case when v_planned.technician_id is not null then name_of(v_planned.technician_id) end;
  v_line constant text := 'line ' || coalesce(v_planned.flex_line_item_id, '?') || coalesce(' of ' || coalesce(v_who, v_planned.name), '');
  v_why constant text := case v_planned.reason
    when 'undesired' then 'nobody wants it any more'
    when 'resource_changed' then 'its person has another resource now'
    when 'foreign' then 'made in Flex, for somebody whom nobody desires'
    when 'surplus' then 'one more for somebody who has a line'
  end;
  v_role text;
begin
  if v_planned.action = 'set_role' then
    select coalesce(lines.flex_role_id, lines.written_role_id) into v_role
    from lines
    where lines.flex_line_item_id = v_planned.flex_line_item_id
    limit 1;
  end if;
  return case v_planned.action
    when 'keep' then format('keep      %s on line %s%s', v_who, v_planned.flex_line_item_id, case when not v_planned.ours then ' (made in Flex by a person)' else '' end)
    when 'add' then format('add       %s, resource %s%s', v_who, v_planned.flex_resource_id, case when v_planned.reason = 'stale' then ': somebody deleted their line in Flex' else '' end)
    when 'confirm' then format('confirm   %s: the last reading lacks %s, a second one decides', v_who, coalesce('their line ' || v_planned.flex_line_item_id, 'lines that are recorded here'))
    when 'contest' then format('contested %s: added again twice within a day, deleted in Flex once more', v_who)
    when 'wait' then format('wait      %s: %s', v_who, case v_planned.reason
      when 'unknown' then 'an add was sent and nobody knows whether Flex did it'
      when 'sending' then 'an add is in flight'
      when 'refused' then 'the last add was refused, and only a new request tries again'
      else 'their old line is being removed' end)
    when 'unmapped' then format('unmapped  %s: %s', v_who, case v_planned.reason when 'no_resource' then 'no flex_resource_id' else 'flex_resource_id is not a Flex id' end)
    when 'set_role' then format('set role  %s: business role %s%s', v_who, v_planned.flex_role_id, case when v_planned.flex_line_item_id is null then '' else ', now ' || coalesce(v_role, 'none') end)
    when 'wait_role' then format('wait      %s: the last role write was refused', v_who)
    when 'remove' then format('remove    %s: %s', v_line, v_why)
    when 'hold' then format('hold      %s: %s; held by the brake %s', v_line, v_why, v_planned.brake)
    when 'report' then format('leave     %s: %s, but it stays (policy, a no, or a refused removal)', v_line, v_why)
  end;
end
$$;
comment on function flex_sync.tell_planned(flex_sync.planned) is 'One row of a plan as a line.';
