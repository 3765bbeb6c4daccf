-- next_action(condition, reason, crew_call_id, operation_id, plan, people)
--
-- What a person does about a condition, ready to be pasted into psql: SQL, and what is no SQL is a comment. docs/operations.md says more about each.
--
-- Parameters   people   who is unmapped: technician ids, of which the first is named
-- Returns      text, null when there is nothing to do
-- Reads        name_of, outbox, calls_left, two_calls_free_at
create or replace function flex_sync.next_action(condition text, reason text, crew_call_id uuid, operation_id bigint, plan text, people uuid[])
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_sync constant text := format('select sync_crew_call(%L);', next_action.crew_call_id);
  -- A person's row is asked about without the plan: it is the one that their removal is held under.
  v_plan constant text := case when next_action.condition = 'held' then coalesce(next_action.plan, (
    select held_plan(next_action.crew_call_id, outbox.flex_element_id)
    from outbox
    where outbox.id = next_action.operation_id
  )) end;
  v_frees_at constant timestamptz := case when next_action.reason = 'quota' then coalesce((select calls_left.frees_at from calls_left()), two_calls_free_at()) end;
begin
  return case next_action.condition
    when 'paused' then 'select flex_sync.resume();'
    when 'blocked' then case next_action.reason
      when 'no_element' then v_sync || ' -- once its flex_element_id is the crew call''s id in Flex'
      when 'malformed_id' then v_sync || ' -- once its flex_element_id is an id of Flex'
      when 'element_gone' then v_sync || ' -- once the crew call is restored in Flex, or its flex_element_id corrected'
      when 'access_denied' then v_sync || ' -- once the Flex user of the token may see this crew call'
      when 'host_view' then v_sync || ' -- once the view is mended: select * from flex_sync.desired_crew limit 1;'
      when 'host_table' then format('%s -- once flex_crew_assignments takes the row: select error from flex_sync.crew_call_blocks where crew_call_id = %L;', v_sync, next_action.crew_call_id)
      when 'token_refused' then '-- give the daemon a valid FLEX_AUTH_TOKEN and restart it; the rest goes on by itself'
    end
    when 'failed' then case
      when next_action.reason = 'contested' then format('select flex_sync.retry(%s); -- once whoever deletes this line in Flex knows', next_action.operation_id)
      when next_action.operation_id is not null then format('select flex_sync.retry(%s); -- once the cause is mended: select error from flex_sync.outbox where id = %s;', next_action.operation_id, next_action.operation_id)
      else format('select flex_sync.retry_failed(%L);', next_action.crew_call_id)
    end
    when 'held' then format('select flex_sync.explain(%L); -- then %s', next_action.crew_call_id, case
      when v_plan is null then 'approve_removals or reject_removals'
      else format('yes: select flex_sync.approve_removals(%L, %L); or reject_removals with the same: no', next_action.crew_call_id, v_plan)
    end)
    when 'unknown' then '-- nothing to do: readings decide within a minute or two'
    when 'pending' then case next_action.reason
      when 'quota' then case
        when isfinite(v_frees_at) then format('-- nothing to do: goes on by itself when Flex calls free, at %s', to_char(v_frees_at, 'YYYY-MM-DD HH24:MI:SS TZ'))
        else 'update flex_sync.settings set monthly_limit = default, daily_limit = default, hourly_limit = default; -- a limit is 0, so none ever frees'
      end
      when 'not_requested' then v_sync
      when 'report_only' then format('select flex_sync.set_policy(%L, ''mirror''); %s -- the policy is report: nothing is written', next_action.crew_call_id, v_sync)
      when 'removal_limit' then '-- nothing to do: goes on by itself within the hour; settings.removal_limit is the limit'
      when 'doubtful_reading' then format('select doubt_reason, doubt_error from flex_sync.elements join flex_sync.crew_call_status using (flex_element_id) where crew_call_status.crew_call_id = %L; -- goes on by itself with the next good reading', next_action.crew_call_id)
      when 'locked' then '-- unlock the crew call in Flex; it is tried again by itself'
      when 'flex_down' then '-- nothing to do: goes on by itself when Flex answers again'
      when 'rate_limited' then '-- nothing to do: goes on by itself when Flex takes calls again'
      else '-- nothing to do while a drainer runs: flex-crew-sync drain'
    end
    when 'unmapped' then format('%s -- once profiles.flex_resource_id of %s%s is their contact id in Flex', v_sync,
      case when next_action.people[1] is null then 'the person' else printable(name_of(next_action.people[1])) end,
      case when cardinality(next_action.people) > 1 then format(' (and of %s more)', cardinality(next_action.people) - 1) end)
    when 'never_synced' then v_sync
  end;
end
$$;
comment on function flex_sync.next_action(text, text, uuid, bigint, text, uuid[]) is 'What a person does about a condition.';
