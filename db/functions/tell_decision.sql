-- tell_decision(decision)
--
-- One decision of a plan as a sentence, for flex_sync.history.
create or replace function flex_sync.tell_decision(decision flex_sync.decisions)
returns text
language plpgsql
immutable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_line constant text := (tell_decision.decision).flex_line_item_id;
  v_reason constant text := (tell_decision.decision).reason;
  v_why constant text := case v_reason
    when 'undesired' then format('Nobody wants line %s any more', v_line)
    when 'resource_changed' then format('The person of line %s has another resource now', v_line)
    when 'foreign' then format('Line %s is of somebody whom nobody desires, made in Flex', v_line)
    when 'surplus' then format('Line %s is one more for somebody who has one', v_line)
  end;
begin
  return case (tell_decision.decision).decision
    when 'add' then case when v_reason = 'stale' then 'Somebody deleted the line in Flex: it is to be added again' else 'Desired and not there: to be added' end
    when 'confirm' then format('A reading lacked %s: a second reading decides', coalesce('line ' || v_line, 'lines that are recorded here'))
    when 'contest' then 'Added again twice within a day and deleted in Flex once more: somebody has to look'
    when 'unmapped' then 'Cannot be added: ' || case when v_reason = 'no_resource' then 'the person has no flex_resource_id' else 'the person''s flex_resource_id is not a Flex id' end
    when 'set_role' then format('Business role %s is to be set', (tell_decision.decision).flex_role_id)
    when 'remove' then v_why || ': to be removed'
    when 'hold' then format('%s: held by the brake %s until a person says yes or no', v_why, (tell_decision.decision).brake)
    when 'report' then v_why || ': it stays (the policy, a no, or a refused removal)'
    when 'released' then format('Line %s is held no longer', v_line)
    when 'keep' then 'The line is there: nothing is to do'
    when 'drop' then 'No longer desired here, and nothing was to remove'
    when 'blocked' then concat_ws(': ', 'Nothing can be done, ' || v_reason, (tell_decision.decision).error)
  end
  || case when (tell_decision.decision).reading_at is null and (tell_decision.decision).decision <> 'blocked' then ', once a reading confirms it.' else '.' end;
end
$$;
comment on function flex_sync.tell_decision(flex_sync.decisions) is 'One decision of a plan as a sentence.';
