-- note_deleted_profile()  (trigger on profiles)
--
-- A person was deleted: the elements that hold a line of theirs must be looked at, each once per transaction.
--
-- Reads        ledger
-- Writes       what note_elements writes
create or replace function flex_sync.note_deleted_profile()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
begin
  perform note_elements(array_agg(distinct ledger.flex_element_id), 'a profile was deleted', true, false)
  from ledger
  where ledger.technician_id = old.id::uuid
    and ledger.gone_at is null;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_deleted_profile() is 'Notes the elements that hold a line of a deleted person.';
