-- desired_or_nobody(crew_call_id)
--
-- desired_of for views that people read: where the host's view cannot be read they go on, and say host_view.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      as desired_of; nothing when it raises
-- Reads        desired_of
create or replace function flex_sync.desired_or_nobody(crew_call_id uuid)
returns table (technician_id uuid, resource text, problem text, role_code text, role_id text)
language plpgsql
volatile
rows 20 -- of one crew call; a guess of a thousand makes plans of the views that are dear to make
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  return query select * from desired_of(desired_or_nobody.crew_call_id);
exception
  when others then
    return;
end
$$;
comment on function flex_sync.desired_or_nobody(uuid) is 'desired_of for views that people read; nothing where the host''s view cannot be read.';
