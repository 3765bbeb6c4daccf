-- next_sync_work_at()
--
-- When the next operation of an unfinished sync falls due: what a drainer that is about to exit may still wait for.
--
-- Returns      timestamptz on the clock of clock(), null when no sync goes on by itself
-- Reads        outbox, syncs, elements, element_health, tenant, calls_left
create or replace function flex_sync.next_sync_work_at()
returns timestamptz
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_due timestamptz;
begin
  perform from tenant where tenant.paused_at is not null or tenant.breaker_opened_at is not null;
  if found or (select calls_left.left_now from calls_left()) <= 0 then
    return null;
  end if;
  select min(greatest(case when outbox.state = 'sending' then outbox.lease_until else outbox.due_at end, element_health.backoff_until)) into v_due
  from syncs
  join outbox on outbox.sync_id = syncs.id
  left join element_health on element_health.flex_element_id = outbox.flex_element_id
  left join elements on elements.flex_element_id = outbox.flex_element_id
  where syncs.finished_at is null
    and (
      outbox.state = 'sending'
      or (
        outbox.state = 'pending'
        and outbox.after_operation_id is null
        and (outbox.kind = 'observe' or (outbox.reading_at is not null and elements.doubt_reason is null and elements.blocked_reason is null))
      )
    );
  return v_due;
end
$$;
comment on function flex_sync.next_sync_work_at() is 'When the next operation of an unfinished sync falls due.';
