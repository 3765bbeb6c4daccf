-- lock_element(flex_element_id)
--
-- One planner at a time per Flex document. Held until the transaction ends.
-- Only planning takes it (sync_crew_call, record_observation); recording a write's outcome never does.
--
-- Parameters   flex_element_id   normalised
-- Locks        element
create or replace function flex_sync.lock_element(flex_element_id text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('flex_sync element ' || lock_element.flex_element_id, 0));
end
$$;
comment on function flex_sync.lock_element(text) is 'One planner at a time per Flex document, until the transaction ends.';
