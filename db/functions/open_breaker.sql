-- open_breaker(reason, error, first_probe)
--
-- Stop all Flex calls of the tenant, for all drainers, until a probe succeeds.
--
-- Parameters   reason        token_refused | flex_down | rate_limited
--              error         what was seen
--              first_probe   what a 429 asked for: after how long, at least a second, Flex is asked for the first time; null is 5 s.
--                            One 429 after another waits longer, whatever it asks for
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
    probe_wait = next.wait,
    probe_at = v_now + case
      when open_breaker.first_probe is null then next.wait
      -- One 429 after another: whoever says "at once" each time is not asked without a rest.
      when next.again then greatest(open_breaker.first_probe, next.wait)
      else greatest(open_breaker.first_probe, interval '1 s')
    end,
    careful_successes = null
  from (
    select again.again, case when again.again then least(tenant.probe_wait * 2, interval '1 min') else interval '5 s' end as wait
    from tenant
    cross join lateral (select open_breaker.reason = 'rate_limited' and tenant.careful_successes is not null as again) as again
  ) as next
  where tenant.breaker_opened_at is null
    -- A refused token tells more than a Flex that answers badly.
    or (open_breaker.reason = 'token_refused' and tenant.breaker_reason <> 'token_refused');

  -- It was open already: of all that Flex asks to wait, the longest counts.
  if not found and open_breaker.reason = 'rate_limited' then
    update tenant
    set probe_at = v_now + open_breaker.first_probe
    where tenant.probe_at < v_now + open_breaker.first_probe;
  end if;
end
$$;
comment on function flex_sync.open_breaker(text, text, interval) is 'Stops all Flex calls of the tenant, for all drainers, until a probe succeeds.';
