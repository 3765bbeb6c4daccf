-- lock_budget()
--
-- One claim at a time over all drainers: counting calls and taking them is one step. Held until the transaction ends.
--
-- Locks        budget
create or replace function flex_sync.lock_budget()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('flex_sync budget', 0));
end
$$;
comment on function flex_sync.lock_budget() is 'One claim at a time over all drainers, until the transaction ends.';
