-- doubt_of_lines(lines)
--
-- Why a list of lines cannot be trusted, if so. The drainer's reader has already refused what it could not understand;
-- this is the same rule once more where the decision is made.
--
-- Parameters   lines   as in record_observation
-- Returns      text beginning with a reason code, or null when nothing speaks against it
create or replace function flex_sync.doubt_of_lines(lines jsonb)
returns text
language plpgsql
immutable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  if doubt_of_lines.lines is null or jsonb_typeof(doubt_of_lines.lines) <> 'array' then
    return format('not_an_array: the lines are %s', coalesce(jsonb_typeof(doubt_of_lines.lines), 'missing'));
  end if;
  return coalesce(
    (
      select 'row_not_an_object: a line is ' || jsonb_typeof(line.value)
      from jsonb_array_elements(doubt_of_lines.lines) as line
      where jsonb_typeof(line.value) <> 'object'
      limit 1
    ),
    (
      select 'resource_without_line_id: resource ' || (line.value ->> 'flex_resource_id')
      from jsonb_array_elements(doubt_of_lines.lines) as line
      where flex_id(line.value ->> 'flex_line_item_id') is null
      limit 1
    ),
    (
      select 'repeated_line_id: line ' || flex_id(line.value ->> 'flex_line_item_id')
      from jsonb_array_elements(doubt_of_lines.lines) as line
      group by flex_id(line.value ->> 'flex_line_item_id')
      having count(*) > 1
      limit 1
    )
  );
end
$$;
comment on function flex_sync.doubt_of_lines(jsonb) is 'Why a list of lines cannot be trusted, or null.';
