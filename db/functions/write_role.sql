-- write_role(flex_element_id, flex_line_item_id, flex_role_id)
--
-- Remember that we wrote a role to a line: it shows that role until a later reading speaks, and where rows do not show
-- roles, for good.
--
-- Writes       lines
create or replace function flex_sync.write_role(flex_element_id text, flex_line_item_id text, flex_role_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  update lines
  set
    written_role_id = write_role.flex_role_id,
    role_written_at = clock(),
    flex_role_id = case when lines.shows_role then write_role.flex_role_id else lines.flex_role_id end
  where lines.flex_element_id = write_role.flex_element_id
    and lines.flex_line_item_id = write_role.flex_line_item_id;
end
$$;
comment on function flex_sync.write_role(text, text, text) is 'Remembers that we wrote a role to a line.';
