-- what_stands_in_the_way(condition, reason, flex_element_id)
--
-- Why a crew call is not synced now, as a sentence, with the facts that its next action leaves out: since when, until
-- when, and what was seen.
--
-- Parameters   condition, reason   of crew_call_status
--              flex_element_id     normalised
-- Returns      text, null when nothing stands in the way
-- Reads        tenant, elements, element_health, crew_call_blocks, calls_left, outbox, syncs
create or replace function flex_sync.what_stands_in_the_way(condition text, reason text, flex_element_id text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant constant tenant := (select tenant from tenant);
  v_element constant elements := (select elements from elements where elements.flex_element_id = what_stands_in_the_way.flex_element_id);
  v_frees_at constant timestamptz := (select calls_left.frees_at from calls_left());
  v_retry_at constant timestamptz := (
    select element_health.backoff_until from element_health where element_health.flex_element_id = what_stands_in_the_way.flex_element_id
  );
begin
  return case what_stands_in_the_way.condition
    when 'paused' then format('everything is paused since %s ago%s', ago(v_tenant.paused_at), coalesce(': ' || v_tenant.paused_reason, ''))
    when 'blocked' then case what_stands_in_the_way.reason
      when 'no_element' then 'the crew call has no flex_element_id'
      when 'malformed_id' then format('its flex_element_id %s is not a Flex id', coalesce(what_stands_in_the_way.flex_element_id, 'null'))
      when 'host_table' then 'flex_crew_assignments refused a row: ' || coalesce((
        select crew_call_blocks.error
        from crew_call_blocks
        join crew_calls on crew_calls.id = crew_call_blocks.crew_call_id
        where crew_calls.flex_element_id = what_stands_in_the_way.flex_element_id
        order by crew_call_blocks.since limit 1
      ), '?')
      when 'token_refused' then format('Flex refuses the token since %s ago', ago(v_tenant.breaker_opened_at))
      else format('blocked since %s ago: %s', ago(v_element.blocked_since), coalesce(v_element.blocked_error, what_stands_in_the_way.reason))
    end
    when 'pending' then case what_stands_in_the_way.reason
      when 'quota' then case when isfinite(v_frees_at) then format('no Flex call is left until %s', to_char(v_frees_at, 'YYYY-MM-DD HH24:MI:SS TZ'))
        else 'no Flex call is left, and none will free: a limit in flex_sync.settings is 0' end
      when 'flex_down' then format('Flex fails since %s ago (%s); next probe at %s', ago(v_tenant.breaker_opened_at), coalesce(v_tenant.breaker_error, 'no answer'), to_char(v_tenant.probe_at, 'HH24:MI:SS TZ'))
      when 'rate_limited' then format('Flex takes no calls since %s ago; next probe at %s', ago(v_tenant.breaker_opened_at), to_char(v_tenant.probe_at, 'HH24:MI:SS TZ'))
      when 'doubtful_reading' then format('the last reading cannot be trusted: %s', coalesce(v_element.doubt_error, v_element.doubt_reason))
      when 'backing_off' then format('the last call on it failed%s; tried again at %s', coalesce(': ' || v_element.doubt_error, ''), to_char(v_retry_at, 'HH24:MI:SS TZ'))
      when 'locked' then format('Flex says that somebody holds or locked it; tried again at %s', to_char(v_retry_at, 'HH24:MI:SS TZ'))
      when 'removal_limit' then 'the removals of this hour are used up'
      when 'requested' then 'a request' || coalesce(format(' of %s ago', (
        select ago(min(syncs.requested_at)) from syncs where syncs.flex_element_id = what_stands_in_the_way.flex_element_id and syncs.finished_at is null
      )), '') || ' waits for a drainer to read the crew call'
      when 'queued' then 'what is due waits for a drainer'
      when 'confirming' then 'the last reading lacks a recorded line; a second reading decides'
    end
    when 'unknown' then case what_stands_in_the_way.reason
      when 'late_check' then 'a write was proved absent; one more reading looks whether it landed late'
      else (
        select format('%s write%s unanswered since %s ago: a reading decides', count(*), case when count(*) = 1 then ' is' else 's are' end, ago(min(outbox.unknown_at)))
        from outbox
        where outbox.flex_element_id = what_stands_in_the_way.flex_element_id and outbox.state = 'unknown'
      )
    end
  end;
end
$$;
comment on function flex_sync.what_stands_in_the_way(text, text, text) is 'Why a crew call is not synced now, as a sentence.';
