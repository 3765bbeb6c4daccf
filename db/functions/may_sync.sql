-- may_sync(crew_call_id)
--
-- The host's hook: whether the current session may ask for this sync. Replace it; a later migration never touches it.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      boolean; anything but true refuses the request with NOTAL
create or replace function flex_sync.may_sync(crew_call_id uuid)
returns boolean
language plpgsql
stable
as $$
begin
  return true;
end
$$;
comment on function flex_sync.may_sync(uuid) is 'The host''s hook: whether the current session may ask for this sync. Created once, yours to replace.';
