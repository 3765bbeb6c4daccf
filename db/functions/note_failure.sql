-- note_failure(flex_element_id, sent_at, error, tenant_wide)
--
-- A call failed in a way that says something about Flex: the element backs off, and after three failures in a row that
-- touch two elements the breaker opens. Failures of calls that were in flight together count once.
--
-- Parameters   flex_element_id   normalised
--              sent_at           when the failed call was claimed
--              error             what was seen
--              tenant_wide       5xx or connection failure: counts towards the breaker
-- Writes       element_health, tenant
create or replace function flex_sync.note_failure(flex_element_id text, sent_at timestamptz, error text, tenant_wide boolean)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
  v_tenant tenant;
begin
  insert into element_health as health (flex_element_id, failures, last_failure_at, backoff_until)
  values (note_failure.flex_element_id, 1, v_now, v_now + backoff(1))
  on conflict on constraint element_health_pkey do update
  set
    failures = health.failures + 1,
    last_failure_at = v_now,
    backoff_until = v_now + backoff(health.failures + 1)
  where health.failures = 0 or health.last_failure_at is null or health.last_failure_at < note_failure.sent_at;

  if not note_failure.tenant_wide then
    return;
  end if;
  update tenant
  set
    failures = tenant.failures + (tenant.failures = 0 or tenant.last_failure_at is null or tenant.last_failure_at < note_failure.sent_at)::int,
    last_failure_at = case
      when tenant.failures = 0 or tenant.last_failure_at is null or tenant.last_failure_at < note_failure.sent_at then v_now
      else tenant.last_failure_at
    end,
    failed_elements = case
      when note_failure.flex_element_id = any (tenant.failed_elements) then tenant.failed_elements
      else (tenant.failed_elements || note_failure.flex_element_id)[1:8]
    end
  returning tenant.* into v_tenant;
  if v_tenant.failures >= 3 and cardinality(v_tenant.failed_elements) >= 2 then
    perform open_breaker('flex_down', note_failure.error);
  end if;
end
$$;
comment on function flex_sync.note_failure(text, timestamptz, text, boolean) is 'The element backs off; three failures in a row over two elements open the breaker.';
