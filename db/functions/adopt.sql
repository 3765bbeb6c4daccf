-- adopt(crew_call_id, flex_line_item_id)
--
-- A line that a person made in Flex for somebody desired becomes ours: it enters the ledger.
--
-- Parameters   crew_call_id        flex_crew_calls.id
--              flex_line_item_id   a line the last reading showed
-- Returns      text, whose line it is now
-- Errors       NOCAL   no crew call has this id
--              NOLIN   the line is not on the crew call, or nobody desired has its resource
-- Reads        lines, ledger, desired_of
-- Writes       ledger, due_elements, operator_log; nothing where the line is ours already
create or replace function flex_sync.adopt(crew_call_id uuid, flex_line_item_id text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_element constant text := crew_call_or_raise(adopt.crew_call_id);
  v_resource text;
  v_technician_id uuid;
begin
  select lines.flex_resource_id into v_resource
  from lines
  where lines.flex_element_id = v_element
    and lines.flex_line_item_id = flex_id(adopt.flex_line_item_id)
    and lines.present;
  select desired.technician_id into v_technician_id
  from desired_of(adopt.crew_call_id) as desired
  where desired.resource = v_resource
  order by desired.technician_id
  limit 1;
  if v_technician_id is null then
    raise exception 'line % cannot be adopted: %', coalesce(printable(left(adopt.flex_line_item_id, 100)), 'null'),
      case when v_resource is null then 'the last reading shows no such contact line on this crew call' else 'nobody desired has its resource ' || v_resource end
      using errcode = 'NOLIN', hint = case
        when v_element is null then 'The crew call has no element: set flex_crew_calls.flex_element_id first.'
        else format('select flex_line_item_id, name from flex_sync.lines where flex_element_id = %L and present;', v_element)
      end;
  end if;
  perform from ledger
  where ledger.flex_line_item_id = flex_id(adopt.flex_line_item_id)
    and ledger.flex_resource_id = v_resource
    and ledger.gone_at is null;
  if found then
    return format('line %s is ours already, for person %s', flex_id(adopt.flex_line_item_id), v_technician_id);
  end if;
  perform enter_ledger(flex_id(adopt.flex_line_item_id), v_element, v_resource, adopt.crew_call_id, v_technician_id, 'adopted');
  perform log_operator('adopt', jsonb_build_object(
    'crew_call_id', adopt.crew_call_id, 'flex_line_item_id', flex_id(adopt.flex_line_item_id), 'flex_resource_id', v_resource,
    'technician_id', v_technician_id
  ));
  perform note_element(v_element, 'a line was adopted', true);
  return format('line %s is ours now, for person %s', flex_id(adopt.flex_line_item_id), v_technician_id);
end
$$;
comment on function flex_sync.adopt(uuid, text) is 'A human-made line of somebody desired becomes ours.';
