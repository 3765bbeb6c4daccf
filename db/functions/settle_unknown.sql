-- settle_unknown(flex_element_id, began_at)
--
-- Let a reading decide what became of unanswered writes, still wanted or not, by the element, resource and line they
-- were sent with. What is found is done. What is not found stays unknown until a reading begun after its deadline plus
-- late_landing: only that proves that it did not land. One more reading later checks that nothing landed after all.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
--              began_at          beginning of the reading just stored
-- Reads        calls, lines, ledger, settings
-- Writes       outbox, calls, ledger, lines, the host's flex_crew_assignments
create or replace function flex_sync.settle_unknown(flex_element_id text, began_at timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
  v_settings settings;
  v_attempt record;
  v_line text;
  v_operation outbox;
  v_proved boolean;
  v_landed boolean;
begin
  select settings.* into v_settings from settings;

  -- Attempts in the order they were made; each accounts for at most one line that its last reading before lacked.
  for v_attempt in
    select calls.*
    from calls
    where calls.flex_element_id = settle_unknown.flex_element_id
      and calls.kind = 'add'
      and calls.unanswered
      and calls.flex_line_item_id is null
      and calls.made_at > v_now - interval '1 day'
    order by calls.number
  loop
    select lines.flex_line_item_id into v_line
    from lines
    where lines.flex_element_id = settle_unknown.flex_element_id
      and lines.flex_resource_id = v_attempt.flex_resource_id
      and lines.present
      and lines.first_seen_at > coalesce(v_attempt.reading_at, '-infinity')
      and lines.first_seen_at > v_attempt.made_at - interval '1 day'
      -- Ours already, unless a drainer that was taken over reported it for this very operation.
      and not exists (
        select from ledger
        where ledger.flex_line_item_id = lines.flex_line_item_id
          and ledger.operation_id is distinct from v_attempt.operation_id
      )
      and not exists (
        select from calls as accounted
        where accounted.operation_id = v_attempt.operation_id and accounted.flex_line_item_id = lines.flex_line_item_id
      )
    order by lines.first_seen_at, lines.flex_line_item_id
    limit 1;
    -- Whoever records the answer to a later attempt holds the operation and may wait for our lines: a later reading accounts.
    select outbox.* into v_operation from outbox where outbox.id = v_attempt.operation_id for update skip locked;
    continue when not found and exists (select from outbox where outbox.id = v_attempt.operation_id);

    if v_line is not null then
      update calls set flex_line_item_id = v_line, late_checked_at = coalesce(calls.late_checked_at, settle_unknown.began_at) where calls.number = v_attempt.number;
      perform enter_ledger(v_line, settle_unknown.flex_element_id, v_attempt.flex_resource_id, v_operation.crew_call_id, v_operation.technician_id,
        'accounted', v_attempt.operation_id);
      update outbox
      set state = 'done', finished_at = v_now, flex_line_item_id = v_line
      where outbox.id = v_operation.id
        and outbox.state = 'unknown'
        and outbox.call_number = v_attempt.number;
    end if;
  end loop;

  -- Operations that are still unanswered.
  for v_operation in
    select outbox.*
    from outbox
    where outbox.flex_element_id = settle_unknown.flex_element_id
      and outbox.state = 'unknown'
      -- A reading begun before the outcome was unknown saw too early.
      and outbox.sent_at < settle_unknown.began_at
    order by outbox.id
    for update
  loop
    v_landed := case v_operation.kind
      when 'remove' then not exists (
        select from lines
        where lines.flex_element_id = settle_unknown.flex_element_id
          and lines.flex_line_item_id = v_operation.flex_line_item_id
          and lines.present
      )
      when 'set_role' then exists (
        select from lines
        where lines.flex_element_id = settle_unknown.flex_element_id
          and lines.flex_line_item_id = v_operation.flex_line_item_id
          and lines.present
          and lines.shows_role
          and lower(btrim(lines.flex_role_id)) = lower(btrim(v_operation.flex_role_id))
      )
      else false
    end;
    v_proved := settle_unknown.began_at > v_operation.deadline + v_settings.late_landing;

    if v_landed then
      update outbox set state = 'done', finished_at = v_now where outbox.id = v_operation.id;
      update calls set late_checked_at = settle_unknown.began_at where calls.number = v_operation.call_number;
      if v_operation.kind = 'remove' then
        perform forget_line(settle_unknown.flex_element_id, v_operation.flex_line_item_id);
      else
        perform write_role(settle_unknown.flex_element_id, v_operation.flex_line_item_id, v_operation.flex_role_id);
      end if;
    elsif v_operation.kind = 'remove' and v_operation.http_status in (400, 404) then
      -- Refused, and still there.
      update outbox set state = 'failed', reason = 'refused', finished_at = v_now where outbox.id = v_operation.id;
      update calls set outcome = 'refused', late_checked_at = settle_unknown.began_at where calls.number = v_operation.call_number;
    elsif v_proved then
      update calls set absent_at = settle_unknown.began_at where calls.number = v_operation.call_number;
      if v_operation.attempts >= v_settings.max_attempts then
        update outbox set state = 'failed', reason = 'not_accepted', finished_at = v_now where outbox.id = v_operation.id;
      else
        -- It may be sent again; the plan that follows says whether anybody still wants it.
        update outbox set state = 'pending', reading_at = null, due_at = v_now, unknown_at = null where outbox.id = v_operation.id;
      end if;
    end if;
  end loop;

  -- Proved absent a while ago, and this reading found nothing either: it did not land late.
  update calls
  set late_checked_at = settle_unknown.began_at
  where calls.flex_element_id = settle_unknown.flex_element_id
    and calls.unanswered
    and calls.late_checked_at is null
    and calls.absent_at + v_settings.late_landing <= settle_unknown.began_at;
end
$$;
comment on function flex_sync.settle_unknown(text, timestamptz) is 'Lets a reading decide what became of unanswered writes.';
