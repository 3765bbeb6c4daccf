-- record_failure(operation_id, token, outcome, http_status, error, retry_after)
--
-- What became of an attempt that was not plainly done, by the class the caller saw:
--
--   not_sent          certainly not executed: due again after a backoff
--   refused           Flex said no: failed, until a new sync request (a refused removal is checked by a reading;
--                     a refused reading is simply read again)
--   refused_for_now   409, 423: due again after a backoff, the element one call at a time for a minute
--   rate_limited      429: the whole tenant waits; no attempt is used up
--   denied            401 although the token works: only this element is blocked
--   token_refused     401 and the token does not work: the breaker opens
--   unknown           nobody knows whether Flex did it: only a reading decides (a reading is simply read again)
--   doubtful          a reading that cannot be trusted: nothing is written on this element until a good one
--   lease_over        the drainer noticed in time that its claim ended: not sent, due again at once
--   no_budget         a further call was needed and the budget had none left: due again at once, reason quota
--
-- Parameters   operation_id, token   from claim_operations
--              outcome               one of the above
--              http_status, error    as seen
--              retry_after           what a 429 asked for
-- Returns      recorded | fenced
-- Errors       CLASS   no such outcome
-- Writes       outbox, calls, elements, element_health, tenant, syncs, due_elements
create or replace function flex_sync.record_failure(
  operation_id bigint,
  token uuid,
  outcome text,
  http_status int,
  error text,
  retry_after interval default null
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now constant timestamptz := clock();
  v_outcome constant text := record_failure.outcome;
  v_error constant text := left(record_failure.error, 500);
  v_operation outbox;
  v_state text;
  v_reading boolean;
  v_executed boolean := v_outcome in ('refused', 'unknown', 'doubtful');
begin
  if v_outcome is null or v_outcome not in ('not_sent', 'refused', 'refused_for_now', 'rate_limited', 'denied', 'token_refused',
    'unknown', 'doubtful', 'lease_over', 'no_budget') then
    raise exception 'no outcome is called %', coalesce(v_outcome, 'null')
      using errcode = 'CLASS', hint = 'See docs/states.md for the classes of outcome.';
  end if;
  v_operation := operation_in_flight(record_failure.operation_id, record_failure.token);
  if v_operation.id is null then
    return 'fenced';
  end if;
  v_reading := v_operation.kind = 'observe';

  v_state := case
    when v_outcome = 'refused' and v_operation.kind = 'remove' and record_failure.http_status in (400, 404) then 'unknown'
    when v_outcome = 'refused' and not v_reading then 'failed'
    when v_outcome = 'denied' then 'cancelled'
    when v_outcome in ('unknown', 'doubtful') and not v_reading then 'unknown'
    else 'pending'
  end;

  -- A reading is simply read again; where a request queued another one meanwhile, that one does.
  if v_reading and v_state = 'pending' and exists (
    select from outbox
    where outbox.flex_element_id = v_operation.flex_element_id and outbox.kind = 'observe' and outbox.state = 'pending'
  ) then
    v_state := 'cancelled';
  end if;

  update outbox
  set
    state = v_state,
    attempts = v_operation.attempts - (not v_executed)::int,
    retries = case when v_outcome in ('not_sent', 'refused_for_now') then v_operation.retries + 1 else v_operation.retries end,
    due_at = case when v_outcome in ('not_sent', 'refused_for_now') then v_now + backoff(v_operation.retries + 1) else v_now end,
    reason = case when v_state = 'failed' then 'refused' when v_outcome = 'denied' and not v_reading then 'denied' else v_operation.reason end,
    http_status = record_failure.http_status,
    error = v_error,
    unknown_at = case when v_state = 'unknown' then v_now end,
    finished_at = case when v_state in ('failed', 'cancelled') then v_now end,
    lease_until = null
  where outbox.id = v_operation.id;
  perform close_call(v_operation.call_number, v_outcome, record_failure.http_status, v_error);

  -- What waited for this operation cannot go any more; the next plan makes it anew.
  if v_state <> 'pending' then
    update outbox
    set state = 'cancelled', reason = 'waited_in_vain', finished_at = v_now
    where outbox.id in (select waiting.id from waiting_for(v_operation.id) as waiting);
    if exists (select from outbox where outbox.after_operation_id = v_operation.id and outbox.state = 'pending') then
      perform note_element(v_operation.flex_element_id, 'what waited for an operation was locked', true);
    end if;
  end if;

  case v_outcome
    when 'not_sent' then
      perform note_failure(v_operation.flex_element_id, v_operation.sent_at, v_error, true);
    when 'unknown' then
      if v_reading or record_failure.http_status is null or record_failure.http_status >= 500 then
        perform note_failure(v_operation.flex_element_id, v_operation.sent_at, v_error,
          record_failure.http_status is null or record_failure.http_status >= 500);
      end if;
    when 'doubtful' then
      perform note_failure(v_operation.flex_element_id, v_operation.sent_at, v_error, false);
      perform doubt_element(v_operation.flex_element_id, coalesce(split_part(v_error, ':', 1), 'unreadable'), v_error);
    when 'refused_for_now' then
      perform note_failure(v_operation.flex_element_id, v_operation.sent_at, v_error, false);
      update element_health set careful_until = v_now + interval '1 min' where element_health.flex_element_id = v_operation.flex_element_id;
    when 'rate_limited' then
      perform open_breaker('rate_limited', v_error, record_failure.retry_after);
    when 'token_refused' then
      perform open_breaker('token_refused', v_error);
    when 'denied' then
      perform block_element(v_operation.flex_element_id, 'access_denied', v_error);
    when 'refused' then
      if v_reading then
        perform note_failure(v_operation.flex_element_id, v_operation.sent_at, v_error, false);
      else
        perform note_success(v_operation.flex_element_id);
      end if;
    else
      null;
  end case;

  -- An error instead of lines is a doubtful reading too.
  if v_reading and v_outcome in ('refused', 'unknown') then
    -- A 2xx that is an error only because the rest of it never came is no error status.
    perform doubt_element(v_operation.flex_element_id,
      case when record_failure.http_status = 202 or record_failure.http_status >= 300 then 'error_status' else 'no_answer' end, v_error);
  end if;
  if v_state = 'unknown' or v_reading then
    perform note_element(v_operation.flex_element_id, v_outcome, false);
  end if;
  perform finish_sync(v_operation.sync_id);
  return 'recorded';
end
$$;
comment on function flex_sync.record_failure(bigint, uuid, text, int, text, interval) is
  'What became of an attempt that was not plainly done, by the class of outcome that the caller saw.';
