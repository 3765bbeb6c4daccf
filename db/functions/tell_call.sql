-- tell_call(call, line)
--
-- One Flex call as a sentence, for flex_sync.history.
--
-- Parameters   call   the counted call
--              line   the line that an add made
create or replace function flex_sync.tell_call(call flex_sync.calls, line text)
returns text
language plpgsql
immutable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_line constant text := coalesce(tell_call.line, (tell_call.call).flex_line_item_id);
  v_done constant boolean := (tell_call.call).outcome = 'done';
  v_error constant text := coalesce(': ' || nullif(translate(left((tell_call.call).error, 200), E'\r\n\t', '   '), ''), '');
begin
  return case
    when v_done and (tell_call.call).kind = 'add' then format('Flex added the person: line %s', v_line)
    when v_done and (tell_call.call).kind = 'remove' then format('Flex removed line %s', v_line)
    when v_done and (tell_call.call).kind = 'set_role' then format('Flex set business role %s on line %s', (tell_call.call).flex_role_id, v_line)
    when v_done then format('Flex was asked %s', case (tell_call.call).kind when 'identity' then 'whether the crew call exists' when 'user' then 'whether the token works' else 'for every line' end)
    else case (tell_call.call).kind
      when 'add' then 'The add'
      when 'remove' then format('The removal of line %s', v_line)
      when 'set_role' then format('The write of business role %s', (tell_call.call).flex_role_id)
      when 'observe' then 'The reading'
      when 'identity' then 'The question whether the crew call exists'
      else 'The question whether the token works'
    end || case
      when (tell_call.call).outcome is null then ' was sent; no answer is recorded yet'
      else case (tell_call.call).outcome
        when 'not_sent' then ' never left'
        when 'refused' then ' was refused'
        when 'refused_for_now' then ' was refused for now'
        when 'rate_limited' then ' was too many for Flex, and the whole tenant waits'
        when 'denied' then ' was denied, although the token works'
        when 'token_refused' then ' was refused with the token'
        when 'unauthorized' then ' was refused with the token'
        when 'unknown' then case when (tell_call.call).kind in ('add', 'remove', 'set_role') then ' was sent, and nobody knows whether Flex did it' else ' failed' end
        when 'doubtful' then ' cannot be trusted'
        when 'lease_over' then ' was not sent: its lease was over'
        when 'no_budget' then ' was not made: no Flex call was left'
        else ' ended ' || (tell_call.call).outcome
      end || v_error
    end
  end || '.';
end
$$;
comment on function flex_sync.tell_call(flex_sync.calls, text) is 'One Flex call as a sentence.';
