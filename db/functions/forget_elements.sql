-- forget_elements(before, batch)
--
-- Forget elements that no crew call points at, where nothing of ours is left and nothing happened since a time: the
-- element, its lines, and what people set or decided for crew calls that are gone with it.
--
-- Parameters   before   nothing younger is forgotten
--              batch    how many elements at most
-- Returns      how many elements
-- Locks        element (tried, never waited for)
-- Reads        crew_calls, ledger, outbox, syncs, due_elements
-- Writes       elements, element_health, lines, missing_lines, removal_decisions, last_decisions, crew_call_settings,
--              crew_call_blocks
create or replace function flex_sync.forget_elements(before timestamptz, batch int)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_element record;
  v_number int := 0;
begin
  for v_element in
    select elements.flex_element_id, elements.crew_call_id
    from elements
    where coalesce(greatest(elements.reading_at, elements.reading_wanted_at, elements.doubt_at, elements.blocked_at), '-infinity') < forget_elements.before
      and not exists (select from crew_calls where crew_calls.flex_element_id = elements.flex_element_id)
      and not exists (select from ledger where ledger.flex_element_id = elements.flex_element_id and ledger.gone_at is null)
      and not exists (select from outbox where outbox.flex_element_id = elements.flex_element_id and outbox.state in ('pending', 'sending', 'unknown', 'held'))
      and not exists (select from syncs where syncs.flex_element_id = elements.flex_element_id and syncs.finished_at is null)
      and not exists (select from due_elements where due_elements.flex_element_id = elements.flex_element_id)
    order by elements.flex_element_id
    limit forget_elements.batch
  loop
    continue when not pg_try_advisory_xact_lock(hashtextextended('flex_sync element ' || v_element.flex_element_id, 0));
    -- A failure that nothing will try again is history like the rest.
    update outbox
    set superseded_at = clock()
    where outbox.flex_element_id = v_element.flex_element_id and outbox.state = 'failed' and outbox.superseded_at is null;
    delete from lines where lines.flex_element_id = v_element.flex_element_id;
    delete from missing_lines where missing_lines.flex_element_id = v_element.flex_element_id;
    delete from removal_decisions where removal_decisions.flex_element_id = v_element.flex_element_id;
    delete from last_decisions where last_decisions.flex_element_id = v_element.flex_element_id;
    delete from element_health where element_health.flex_element_id = v_element.flex_element_id;
    delete from elements where elements.flex_element_id = v_element.flex_element_id;
    delete from crew_call_settings
    where crew_call_settings.crew_call_id = v_element.crew_call_id
      and not exists (select from crew_calls where crew_calls.id = v_element.crew_call_id);
    delete from crew_call_blocks
    where crew_call_blocks.crew_call_id = v_element.crew_call_id
      and not exists (select from crew_calls where crew_calls.id = v_element.crew_call_id);
    v_number := v_number + 1;
  end loop;
  return v_number;
end
$$;
comment on function flex_sync.forget_elements(timestamptz, int) is 'Forgets elements that no crew call points at, where nothing of ours is left and nothing happened since.';
