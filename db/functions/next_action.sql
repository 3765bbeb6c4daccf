-- next_action(condition, reason, crew_call_id, operation_id, plan)
--
-- What a person does about a condition, ready to be pasted where it is a command. docs/operations.md says more about each.
--
-- Returns      text, null when there is nothing to do
create or replace function flex_sync.next_action(condition text, reason text, crew_call_id uuid, operation_id bigint, plan text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_sync constant text := format('select sync_crew_call(%L);', next_action.crew_call_id);
  -- A person's row is asked about without the plan: it is the one that their removal is held under.
  v_plan constant text := case when next_action.condition = 'held' then coalesce(next_action.plan, (
    select held_plan(next_action.crew_call_id, outbox.flex_element_id)
    from outbox
    where outbox.id = next_action.operation_id
  )) end;
begin
  return case next_action.condition
    when 'paused' then 'select flex_sync.resume();'
    when 'blocked' then case next_action.reason
      when 'no_element' then format('Set flex_crew_calls.flex_element_id of %s to the crew call''s id in Flex, then %s', next_action.crew_call_id, v_sync)
      when 'malformed_id' then format('flex_crew_calls.flex_element_id of %s is not a Flex id: correct it, then %s', next_action.crew_call_id, v_sync)
      when 'element_gone' then format('The crew call is deleted in Flex: restore it there or correct flex_element_id, then %s', v_sync)
      when 'access_denied' then format('Give the Flex user of the token access to this crew call, then %s', v_sync)
      when 'host_view' then format('Mend the view flex_sync.desired_crew (select * from flex_sync.desired_crew limit 1), then %s', v_sync)
      when 'host_table' then format('flex_crew_assignments refused a row: select error from flex_sync.crew_call_blocks where crew_call_id = %L; then %s', next_action.crew_call_id, v_sync)
      when 'token_refused' then 'Give the daemon a valid FLEX_AUTH_TOKEN and restart it; the rest goes on by itself'
    end
    when 'failed' then case
      when next_action.reason = 'contested' then format('Somebody in Flex keeps deleting this line: talk to them, then select flex_sync.retry(%s);', next_action.operation_id)
      when next_action.operation_id is not null then format('select error from flex_sync.outbox where id = %s; mend the cause, then select flex_sync.retry(%s);', next_action.operation_id, next_action.operation_id)
      else format('select flex_sync.retry_failed(%L);', next_action.crew_call_id)
    end
    when 'held' then case
      when v_plan is null then format('select flex_sync.explain(%L); then approve_removals or reject_removals', next_action.crew_call_id)
      else format('select flex_sync.explain(%L); then select flex_sync.approve_removals(%L, %L); or reject_removals with the same', next_action.crew_call_id, next_action.crew_call_id, v_plan)
    end
    when 'unknown' then 'Nothing to do: readings decide within a minute or two'
    when 'pending' then case next_action.reason
      when 'quota' then format('Nothing to do: goes on by itself when Flex calls free, at %s', to_char((select calls_left.frees_at from calls_left()), 'YYYY-MM-DD HH24:MI:SS TZ'))
      when 'not_requested' then v_sync
      when 'report_only' then format('The policy is report: nothing is written. select flex_sync.set_policy(%L, ''mirror''); then %s', next_action.crew_call_id, v_sync)
      when 'removal_limit' then 'Nothing to do: goes on by itself within the hour; settings.removal_limit is the limit'
      when 'doubtful_reading' then 'Nothing to do, unless it stays: select doubt_reason, doubt_error from flex_sync.elements'
      when 'locked' then 'Unlock the crew call in Flex; it is tried again by itself'
      when 'flex_down' then 'Nothing to do: goes on by itself when Flex answers again'
      when 'rate_limited' then 'Nothing to do: goes on by itself when Flex takes calls again'
      else 'Nothing to do if a drainer runs: flex-crew-sync drain'
    end
    when 'unmapped' then case next_action.reason
      when 'no_resource' then format('Set profiles.flex_resource_id to the person''s contact id in Flex, then %s', v_sync)
      else format('profiles.flex_resource_id is not a Flex id: correct it, then %s', v_sync)
    end
    when 'never_synced' then v_sync
  end;
end
$$;
comment on function flex_sync.next_action(text, text, uuid, bigint, text) is 'What a person does about a condition.';
