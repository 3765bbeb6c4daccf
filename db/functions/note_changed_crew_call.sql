-- note_changed_crew_call()  (trigger on flex_crew_calls)
--
-- A crew call was deleted or pointed at another element: the old element must be cleaned of what is ours. The note is
-- all that happens here; it waits for nobody and never raises.
--
-- Writes       due_elements
create or replace function flex_sync.note_changed_crew_call()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  if tg_op = 'DELETE' or flex_id(old.flex_element_id::text) is distinct from flex_id(new.flex_element_id::text) then
    perform note_element(flex_id(old.flex_element_id::text), 'a crew call was deleted or points elsewhere', true);
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_crew_call() is 'Notes the old element of a crew call that was deleted or points elsewhere.';
