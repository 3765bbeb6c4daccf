-- note_success(flex_element_id)
--
-- Flex answered: failures in a row start again at none. Writes only where there were any.
--
-- Parameters   flex_element_id   normalised
-- Writes       element_health, tenant
create or replace function flex_sync.note_success(flex_element_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  update element_health
  set failures = 0, backoff_until = null
  where element_health.flex_element_id = note_success.flex_element_id
    and element_health.failures > 0;
  update tenant
  set failures = 0, failed_elements = '{}'
  where tenant.failures > 0;
  update tenant
  set
    careful_successes = case when tenant.careful_successes + 1 < settings.max_concurrency then tenant.careful_successes + 1 end,
    probe_wait = case when tenant.careful_successes + 1 < settings.max_concurrency then tenant.probe_wait end
  from settings
  where tenant.careful_successes is not null
    and tenant.breaker_opened_at is null;
end
$$;
comment on function flex_sync.note_success(text) is 'Flex answered: failures in a row start again at none.';
