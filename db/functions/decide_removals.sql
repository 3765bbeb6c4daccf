-- decide_removals(crew_call_id, plan, decision)
--
-- A person's yes or no to the held removals of exactly one plan. Saying the same again changes nothing; saying the
-- opposite of an earlier answer overrules it while its lines are still there.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              plan           crew_call_status.plan, or the plan that sync_crew_call answered
--              decision       approved | rejected
-- Returns      how many lines the answer covers
-- Errors       NOCAL   no crew call has this id
--              NOPLN   nothing is held under this plan
-- Writes       removal_decisions, due_elements, operator_log
create or replace function flex_sync.decide_removals(crew_call_id uuid, plan text, decision text)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_element constant text := crew_call_or_raise(decide_removals.crew_call_id);
  v_now constant timestamptz := clock();
  v_current text;
  v_number int;
begin
  select md5(string_agg(outbox.flex_line_item_id || ' ' || coalesce(outbox.flex_resource_id, ''), ',' order by outbox.flex_line_item_id)) into v_current
  from outbox
  where outbox.flex_element_id = v_element
    and outbox.crew_call_id = decide_removals.crew_call_id
    and outbox.kind = 'remove'
    and outbox.state = 'held';

  if v_current = decide_removals.plan then
    insert into removal_decisions (flex_element_id, flex_line_item_id, flex_resource_id, crew_call_id, plan, decision, decided_at, decided_by)
    select v_element, outbox.flex_line_item_id, outbox.flex_resource_id, decide_removals.crew_call_id, decide_removals.plan,
      decide_removals.decision, v_now, session_user::text
    from outbox
    where outbox.flex_element_id = v_element
      and outbox.crew_call_id = decide_removals.crew_call_id
      and outbox.kind = 'remove'
      and outbox.state = 'held'
      and outbox.flex_resource_id is not null
    on conflict on constraint removal_decisions_pkey do update
    set plan = excluded.plan, decision = excluded.decision, decided_at = excluded.decided_at, decided_by = excluded.decided_by;
  else
    update removal_decisions
    set decision = decide_removals.decision, decided_at = v_now, decided_by = session_user::text
    where removal_decisions.flex_element_id = v_element
      and removal_decisions.crew_call_id = decide_removals.crew_call_id
      and removal_decisions.plan = decide_removals.plan;
  end if;
  get diagnostics v_number = row_count;

  if v_number = 0 then
    -- The same answer again, after its lines are gone, is no mistake.
    perform from operator_log
    where operator_log.action = decide_removals.decision || ' removals'
      and operator_log.arguments @> jsonb_build_object('crew_call_id', decide_removals.crew_call_id, 'plan', decide_removals.plan);
    if found then
      return 0;
    end if;
    raise exception 'nothing is held under the plan %', coalesce(decide_removals.plan, 'null')
      using errcode = 'NOPLN', hint = case
        when v_current is null then 'Nothing is held on this crew call now.'
        else format('What is held now is plan %s: read select flex_sync.explain(%L); and answer that.', v_current, decide_removals.crew_call_id)
      end;
  end if;
  perform log_operator(decide_removals.decision || ' removals', jsonb_build_object(
    'crew_call_id', decide_removals.crew_call_id, 'plan', decide_removals.plan, 'lines', v_number
  ));
  perform note_element(v_element, 'removals were ' || decide_removals.decision, true);
  return v_number;
end
$$;
comment on function flex_sync.decide_removals(uuid, text, text) is 'A person''s yes or no to the held removals of exactly one plan.';
