-- nobodys_lines(crew_call_id)
--
-- Contact lines on a crew call's element that are nobody's: not in the ledger, not recorded, for a resource that no
-- crew call of the element desires.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      line ids
-- Reads        crew_calls, desired_or_nobody, lines, ledger, recorded_crew
create or replace function flex_sync.nobodys_lines(crew_call_id uuid)
returns table (flex_line_item_id text)
language plpgsql
volatile
rows 20 -- of one crew call; a guess of a thousand makes plans of the views that are dear to make
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_element constant text := (select crew_calls.flex_element_id from crew_calls where crew_calls.id = nobodys_lines.crew_call_id);
  v_wanted text[];
begin
  perform from lines
  where lines.flex_element_id = v_element and lines.present and lines.is_contact and lines.flex_resource_id is not null
    and not exists (select from ledger where ledger.flex_line_item_id = lines.flex_line_item_id);
  if not found then
    return;
  end if;
  select array_agg(desired.resource) into v_wanted
  from crew_calls
  cross join lateral desired_or_nobody(crew_calls.id) as desired
  where crew_calls.flex_element_id = v_element
    and desired.resource is not null;

  return query
  select lines.flex_line_item_id
  from lines
  where lines.flex_element_id = v_element
    and lines.present
    and lines.is_contact
    and lines.flex_resource_id is not null
    and lines.flex_resource_id <> all (coalesce(v_wanted, '{}'))
    and not exists (select from ledger where ledger.flex_line_item_id = lines.flex_line_item_id)
    and not exists (
      select from recorded_crew
      where recorded_crew.crew_call_id = nobodys_lines.crew_call_id and recorded_crew.flex_line_item_id = lines.flex_line_item_id
    );
end
$$;
comment on function flex_sync.nobodys_lines(uuid) is 'Contact lines on a crew call''s element that are nobody''s.';
