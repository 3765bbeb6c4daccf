-- pin_search_path(search_path)
--
-- Look for names here again, after a statement that ran triggers of the host's: one of them may have set search_path for
-- the whole session, which holds in the function that is running too. Nothing happens where none did.
--
-- Parameters   search_path   what the caller sees now: current_setting('search_path')
-- Writes       the setting search_path, until the session ends
create or replace function flex_sync.pin_search_path(search_path text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  if pin_search_path.search_path <> 'pg_catalog, flex_sync, pg_temp' then
    perform set_config('search_path', 'pg_catalog, flex_sync, pg_temp', false);
  end if;
end
$$;
comment on function flex_sync.pin_search_path(text) is 'Looks for names in flex_sync again, whatever a trigger of the host''s set.';
