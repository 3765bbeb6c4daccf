-- open_breaker(reason, error, first_probe)
--
-- Stop all Flex calls of the tenant, for all drainers, until a probe succeeds.
--
-- Parameters   reason        token_refused | flex_down | rate_limited
--              error         what was seen
--              first_probe   after how long Flex is asked for the first time; null is 5 s, longer for one 429 after another
-- Writes       tenant
create or replace function flex_sync.open_breaker(reason text, error text, first_probe interval default null)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
begin
  update tenant
  set
    breaker_opened_at = v_now,
    breaker_reason = open_breaker.reason,
    breaker_error = open_breaker.error,
    probe_wait = case when open_breaker.reason = 'rate_limited' and tenant.careful_successes is not null
      then least(tenant.probe_wait * 2, interval '1 min') else interval '5 s' end,
    probe_at = v_now + coalesce(open_breaker.first_probe, case when open_breaker.reason = 'rate_limited' and tenant.careful_successes is not null
      then least(tenant.probe_wait * 2, interval '1 min') else interval '5 s' end),
    careful_successes = null
  where tenant.breaker_opened_at is null
    -- A refused token tells more than a Flex that answers badly.
    or (open_breaker.reason = 'token_refused' and tenant.breaker_reason <> 'token_refused');
end
$$;
comment on function flex_sync.open_breaker(text, text, interval) is 'Stops all Flex calls of the tenant, for all drainers, until a probe succeeds.';
