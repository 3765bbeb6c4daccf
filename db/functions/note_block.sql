-- note_block(flex_element_id, crew_call_id, technician_id, reason, error)
--
-- Remember that nothing could be done, for flex_sync.history: an element that is blocked, a row that the host's table
-- refused. The same again within a day is not told again.
--
-- Parameters   crew_call_id, technician_id   null where the whole element is meant
--              reason, error                 as in crew_call_status
-- Writes       decisions
create or replace function flex_sync.note_block(flex_element_id text, crew_call_id uuid, technician_id uuid, reason text, error text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
begin
  insert into decisions (decided_at, flex_element_id, crew_call_id, technician_id, decision, reason, error)
  select v_now, note_block.flex_element_id, note_block.crew_call_id, note_block.technician_id, 'blocked', note_block.reason, left(note_block.error, 500)
  where not exists (
    select from decisions
    where decisions.flex_element_id = note_block.flex_element_id
      and decisions.decided_at > v_now - interval '1 day'
      and decisions.decision = 'blocked'
      and decisions.technician_id is not distinct from note_block.technician_id
      and (decisions.reason, decisions.error) is not distinct from (note_block.reason, left(note_block.error, 500))
  );
end
$$;
comment on function flex_sync.note_block(text, uuid, uuid, text, text) is 'Remembers that nothing could be done, for the history.';
