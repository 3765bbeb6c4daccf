-- trim_history()
--
-- Forget what is older than settings.retention, in small batches, at most every ten minutes. Calls are kept for a month
-- at least: the budget counts them. Rows that still matter (open, failed and not superseded, a crew call's last sync,
-- the last call, whose number the next one follows) are kept.
--
-- Returns      how many rows
-- Locks        the tenant's row (tried, never waited for)
-- Writes       outbox, syncs, calls, readings, lines, ledger, removal_decisions, decisions, joined_requests, operator_log,
--              tenant, and what forget_elements writes
create or replace function flex_sync.trim_history()
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
  v_before timestamptz;
  v_batch constant int := 500;
  v_rows int;
  v_sum int := 0;
begin
  -- Whoever holds the row may wait for what this transaction did before: trimming has time.
  perform from tenant
  where tenant.trimmed_at is null or tenant.trimmed_at < v_now - interval '10 min'
  for update skip locked;
  if not found then
    return 0;
  end if;
  update tenant set trimmed_at = v_now;
  select v_now - settings.retention into v_before from settings;

  delete from outbox
  where outbox.id in (
    select outbox.id from outbox
    where outbox.state in ('done', 'failed', 'cancelled') and outbox.finished_at < v_before
      and (outbox.state <> 'failed' or outbox.superseded_at is not null)
    order by outbox.finished_at limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from syncs
  where syncs.id in (
    select syncs.id from syncs
    where syncs.finished_at < v_before
      -- The last one of a crew call stays: it says that it was synced.
      and (
        not exists (select from crew_calls where crew_calls.flex_element_id = syncs.flex_element_id)
        or exists (select from syncs as later where later.flex_element_id = syncs.flex_element_id and later.id > syncs.id)
      )
    order by syncs.finished_at limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from calls
  where calls.number in (
    select calls.number from calls
    where calls.made_at < least(v_before, v_now - interval '32 days')
      and calls.number < (select max(calls.number) from calls)
    order by calls.number limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from readings
  where readings.id in (
    select readings.id from readings
    where readings.recorded_at < v_before
    order by readings.recorded_at limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from lines
  where (lines.flex_element_id, lines.flex_line_item_id) in (
    select old.flex_element_id, old.flex_line_item_id from lines as old
    where not old.present and greatest(old.last_seen_at, old.removed_at, old.added_at, old.stale_at) < v_before
    limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  -- Lines of ours that are gone. Should a person bring one back, it is theirs.
  delete from ledger
  where ledger.flex_line_item_id in (
    select old.flex_line_item_id from ledger as old
    where old.gone_at < v_before
      and not exists (
        select from lines
        where lines.flex_element_id = old.flex_element_id and lines.flex_line_item_id = old.flex_line_item_id and lines.present
      )
    order by old.gone_at limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  -- A yes ended after a day. A no ends with its line.
  delete from removal_decisions
  where (removal_decisions.flex_line_item_id, removal_decisions.flex_resource_id) in (
    select old.flex_line_item_id, old.flex_resource_id from removal_decisions as old
    where old.decided_at < v_before
      and (old.decision = 'approved' or not exists (
        select from lines
        where lines.flex_element_id = old.flex_element_id and lines.flex_line_item_id = old.flex_line_item_id and lines.present
      ))
    limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from operator_log
  where operator_log.id in (
    select operator_log.id from operator_log where operator_log.at < v_before order by operator_log.id limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from decisions
  where decisions.id in (
    select decisions.id from decisions where decisions.decided_at < v_before order by decisions.decided_at limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from joined_requests
  where joined_requests.id in (
    select joined_requests.id from joined_requests where joined_requests.requested_at < v_before order by joined_requests.requested_at limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows + forget_elements(v_before, v_batch);
  if v_sum >= v_batch then
    -- More is waiting: go on with the next tick.
    update tenant set trimmed_at = null;
  end if;
  return v_sum;
end
$$;
comment on function flex_sync.trim_history() is 'Forgets what is older than settings.retention, in small batches.';
