-- record_probe(call_number, outcome, http_status, error, retry_after)
--
-- What a probe found: a good answer closes the breaker, anything else doubles the wait, up to a minute.
--
-- Parameters   call_number   from claim_probe
--              outcome       class of the attempt: done | unauthorized | rate_limited | any other
--              http_status, error, retry_after   as seen
-- Writes       tenant, calls; NOTIFY flex_sync_work when the breaker closes
create or replace function flex_sync.record_probe(
  call_number bigint,
  outcome text,
  http_status int,
  error text,
  retry_after interval default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_now constant timestamptz := clock();
begin
  perform close_call(record_probe.call_number, record_probe.outcome, record_probe.http_status, record_probe.error);
  if record_probe.outcome = 'done' then
    update tenant
    set
      -- After a 429 calls go one at a time at first, and another 429 goes on doubling the wait.
      careful_successes = case when tenant.breaker_reason = 'rate_limited' then 0 end,
      probe_wait = case when tenant.breaker_reason = 'rate_limited' then tenant.probe_wait end,
      breaker_opened_at = null, breaker_reason = null, breaker_error = null, probe_at = null,
      failures = 0, failed_elements = '{}', last_failure_at = null;
    -- What backed off because Flex was down need not wait for its own turn.
    update element_health set failures = 0, backoff_until = null where element_health.backoff_until > v_now;
    perform pg_notify('flex_sync_work', '');
  else
    update tenant
    set
      probe_wait = least(tenant.probe_wait * 2, interval '1 min'),
      probe_at = v_now + greatest(record_probe.retry_after, least(tenant.probe_wait * 2, interval '1 min')),
      breaker_reason = case record_probe.outcome
        when 'unauthorized' then 'token_refused'
        when 'rate_limited' then 'rate_limited'
        else 'flex_down'
      end,
      breaker_error = record_probe.error
    where tenant.breaker_opened_at is not null;
  end if;
end
$$;
comment on function flex_sync.record_probe(bigint, text, int, text, interval) is 'What a probe found: a good answer closes the breaker, anything else doubles the wait.';
