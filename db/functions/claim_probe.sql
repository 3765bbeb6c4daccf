-- claim_probe(drainer, deadline)
--
-- While the breaker is open: let one drainer ask Flex whether it works again (GET current-user), at most every
-- probe_wait, one at a time.
--
-- Parameters   drainer    who asks
--              deadline   after how long it gives up waiting for an answer
-- Returns      the call's number, or null when nobody may ask now
-- Errors       ISOLA   the transaction is not read committed
-- Locks        budget
-- Writes       tenant, calls
create or replace function flex_sync.claim_probe(drainer text, deadline interval)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_now timestamptz;
begin
  perform read_committed_only();
  perform set_config('synchronous_commit', 'on', true);
  perform lock_budget();
  v_now := clock();
  perform from calls_left() where calls_left.left_now > 0;
  if not found then
    return null;
  end if;
  -- Whoever probes has until its deadline; if it dies, the next may ask then.
  update tenant
  set probe_at = v_now + greatest(tenant.probe_wait, claim_probe.deadline + interval '1 s')
  where tenant.breaker_opened_at is not null
    and tenant.paused_at is null
    and tenant.probe_at <= v_now;
  if not found then
    return null;
  end if;
  return count_call('user', claim_probe.drainer, v_now + claim_probe.deadline);
end
$$;
comment on function flex_sync.claim_probe(text, interval) is 'While the breaker is open: lets one drainer at a time ask Flex whether it works again.';
