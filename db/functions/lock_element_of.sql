-- lock_element_of(crew_call_id)
--
-- Lock the element that a crew call points at, and answer which it is: the id is read again after the lock, and when
-- it moved meanwhile, the first lock is let go and the new one taken.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      the normalised element id, or null when the crew call has gone or lost its element
-- Locks        element
-- Reads        crew_calls
create or replace function flex_sync.lock_element_of(crew_call_id uuid)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_element text;
  v_after text;
begin
  loop
    select crew_calls.flex_element_id into v_element from crew_calls where crew_calls.id = lock_element_of.crew_call_id;
    if v_element is null then
      return null;
    end if;
    begin
      perform lock_element(v_element);
      select crew_calls.flex_element_id into v_after from crew_calls where crew_calls.id = lock_element_of.crew_call_id;
      if v_after is distinct from v_element then
        -- Leaving the block by an error releases the lock that it took.
        raise exception 'moved' using errcode = 'MOVED';
      end if;
      return v_element;
    exception
      when sqlstate 'MOVED' then
        null;
    end;
  end loop;
end
$$;
comment on function flex_sync.lock_element_of(uuid) is 'Locks the element that a crew call points at and answers which it is, read again after the lock.';
