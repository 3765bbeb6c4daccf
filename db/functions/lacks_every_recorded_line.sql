-- lacks_every_recorded_line(flex_element_id, lines, began_at)
--
-- Lines are recorded and this reading lacks every one of them: is the element itself gone? Asked once per
-- disappearance, not with every reading of it.
--
-- Parameters   flex_element_id   normalised
--              lines             as in record_observation
--              began_at          beginning of the reading
-- Returns      boolean
-- Reads        crew_calls, recorded_crew, ledger, elements, missing_lines
create or replace function flex_sync.lacks_every_recorded_line(flex_element_id text, lines jsonb, began_at timestamptz)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
as $$
declare
  v_recorded text[];
begin
  select array_agg(recorded_crew.flex_line_item_id) into v_recorded
  from crew_calls
  join recorded_crew on recorded_crew.crew_call_id = crew_calls.id
  left join ledger on ledger.flex_line_item_id = recorded_crew.flex_line_item_id
  where crew_calls.flex_element_id = lacks_every_recorded_line.flex_element_id
    and (ledger.flex_element_id is null or ledger.flex_element_id = lacks_every_recorded_line.flex_element_id)
    and not exists (
      -- What we just wrote ourselves is not expected in a reading begun before.
      select from flex_sync.lines as known
      where known.flex_element_id = lacks_every_recorded_line.flex_element_id
        and known.flex_line_item_id = recorded_crew.flex_line_item_id
        and known.added_at > lacks_every_recorded_line.began_at
    );
  if v_recorded is null then
    return false;
  end if;
  if exists (
    select from jsonb_array_elements(lacks_every_recorded_line.lines) as line
    where flex_id(line.value ->> 'flex_line_item_id') = any (v_recorded)
  ) then
    return false;
  end if;
  return not exists (
    select from elements
    join missing_lines on missing_lines.flex_element_id = elements.flex_element_id
    where elements.flex_element_id = lacks_every_recorded_line.flex_element_id
      and elements.identity_checked_at >= missing_lines.missing_since
  );
end
$$;
comment on function flex_sync.lacks_every_recorded_line(text, jsonb, timestamptz) is 'Whether a reading lacks every recorded line, so that the element itself may be gone.';
