-- why_pending(flex_element_id, limited)
--
-- What an operation that is pending waits for.
--
-- Parameters   flex_element_id   normalised
--              limited           whether removal_limit applies to it
-- Returns      token_refused | flex_down | rate_limited | quota | doubtful_reading | locked | backing_off | removal_limit | requested | queued
-- Reads        tenant, elements, element_health, syncs, outbox, calls_left, two_calls_free_at
create or replace function flex_sync.why_pending(flex_element_id text, limited boolean)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_now constant timestamptz := clock();
  v_breaker text := (select tenant.breaker_reason from tenant);
begin
  return case
    when v_breaker is not null then v_breaker
    when (select calls_left.left_now from calls_left()) <= 0 then 'quota'
    when exists (
      select from outbox
      where outbox.flex_element_id = why_pending.flex_element_id
        and outbox.kind = 'observe'
        and outbox.state = 'pending'
        and outbox.reason = 'reading_too_old'
    ) and two_calls_free_at() is not null then 'quota'
    when (select elements.doubt_reason from elements where elements.flex_element_id = why_pending.flex_element_id) is not null then 'doubtful_reading'
    when exists (
      select from element_health
      where element_health.flex_element_id = why_pending.flex_element_id and element_health.careful_until > v_now
    ) then 'locked'
    when exists (
      select from element_health
      where element_health.flex_element_id = why_pending.flex_element_id and element_health.backoff_until > v_now
    ) then 'backing_off'
    when why_pending.limited and removals_within_the_hour() >= (select settings.removal_limit from settings) then 'removal_limit'
    when exists (
      select from syncs
      join elements on elements.flex_element_id = syncs.flex_element_id
      where syncs.flex_element_id = why_pending.flex_element_id
        and syncs.finished_at is null
        and syncs.last_requested_at > coalesce(elements.reading_at, '-infinity')
    ) then 'requested'
    else 'queued'
  end;
end
$$;
comment on function flex_sync.why_pending(text, boolean) is 'What an operation that is pending waits for.';
