-- host_error()
--
-- Why the host's crew calls or their recorded crew cannot be read in full, if so: a row level security policy that would
-- hide rows is an error, never an element without crew calls.
--
-- Returns      the error's text, or null
-- Reads        crew_calls, recorded_crew
create or replace function flex_sync.host_error()
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
as $$
declare
  v_error text;
begin
  perform from crew_calls limit 1;
  perform from recorded_crew limit 1;
  return null;
exception
  when others then
    get stacked diagnostics v_error = message_text;
    return v_error;
end
$$;
comment on function flex_sync.host_error() is 'Why the host''s crew calls or their recorded crew cannot be read in full; null when they can.';
