-- decide_removals(crew_call_id, plan, decision)
--
-- A person's yes or no to the held removals of exactly one plan. Saying the same again while it holds changes nothing;
-- saying the opposite of an earlier answer overrules it while its lines are still there.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              plan           crew_call_status.plan, or the plan that sync_crew_call answered
--              decision       approved | rejected
-- Returns      how many lines the answer covers
-- Errors       NOCAL   no crew call has this id
--              NOPLN   nothing is held under this plan
-- Reads        outbox, operator_log
-- Writes       removal_decisions, outbox, due_elements, operator_log
create or replace function flex_sync.decide_removals(crew_call_id uuid, plan text, decision text)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
  v_element text := crew_call_or_raise(decide_removals.crew_call_id);
  v_current text := held_plan(decide_removals.crew_call_id, v_element);
  v_held boolean;
  v_was text;
  v_covered int;
  v_number int := 0;
begin
  -- A crew call that was pointed elsewhere may have left something held behind.
  select found.flex_element_id, found.held into v_element, v_held
  from (
    select distinct outbox.flex_element_id, true as held
    from outbox
    where outbox.crew_call_id = decide_removals.crew_call_id
      and outbox.state = 'held'
      and held_plan(decide_removals.crew_call_id, outbox.flex_element_id) = decide_removals.plan
    union all
    select removal_decisions.flex_element_id, false
    from removal_decisions
    where removal_decisions.crew_call_id = decide_removals.crew_call_id and removal_decisions.plan = decide_removals.plan
  ) as found
  order by found.held desc, found.flex_element_id
  limit 1;

  select
    max(removal_decisions.decision),
    count(*) filter (where removal_decisions.decision = decide_removals.decision
      and (removal_decisions.decision = 'rejected' or removal_decisions.decided_at > v_now - interval '1 day'))
  into v_was, v_covered
  from removal_decisions
  where removal_decisions.crew_call_id = decide_removals.crew_call_id
    and removal_decisions.plan = decide_removals.plan;

  if v_covered > 0 then
    return v_covered;
  elsif v_held then
    insert into removal_decisions (flex_element_id, flex_line_item_id, flex_resource_id, crew_call_id, plan, decision, decided_at, decided_by)
    select v_element, outbox.flex_line_item_id, outbox.flex_resource_id, decide_removals.crew_call_id, decide_removals.plan,
      decide_removals.decision, v_now, who_acts()
    from outbox
    where outbox.flex_element_id = v_element
      and outbox.crew_call_id = decide_removals.crew_call_id
      and outbox.kind = 'remove'
      and outbox.state = 'held'
      and outbox.flex_resource_id is not null
    on conflict on constraint removal_decisions_pkey do update
    set plan = excluded.plan, decision = excluded.decision, decided_at = excluded.decided_at, decided_by = excluded.decided_by;
    get diagnostics v_number = row_count;
  elsif v_was <> decide_removals.decision then
    update removal_decisions
    set decision = decide_removals.decision, decided_at = v_now, decided_by = who_acts()
    where removal_decisions.crew_call_id = decide_removals.crew_call_id
      and removal_decisions.plan = decide_removals.plan;
    get diagnostics v_number = row_count;
  end if;

  if v_number = 0 then
    -- The same answer again, after its lines are gone, is no mistake.
    perform from operator_log
    where v_was is null
      and operator_log.action = decide_removals.decision || ' removals'
      and operator_log.arguments @> jsonb_build_object('crew_call_id', decide_removals.crew_call_id, 'plan', decide_removals.plan);
    if found then
      return 0;
    end if;
    raise exception 'nothing is held under the plan %', coalesce(printable(left(decide_removals.plan, 100)), 'null')
      using errcode = 'NOPLN', hint = case
        when v_current is null then 'Nothing is held on this crew call now.'
        else format('What is held now is plan %s: read select flex_sync.explain(%L); and answer that.', v_current, decide_removals.crew_call_id)
      end;
  end if;
  perform log_operator(decide_removals.decision || ' removals', jsonb_build_object(
    'crew_call_id', decide_removals.crew_call_id, 'plan', decide_removals.plan, 'lines', v_number, 'was', v_was,
    'flex_line_item_ids', (
      select jsonb_agg(removal_decisions.flex_line_item_id order by removal_decisions.flex_line_item_id)
      from removal_decisions
      where removal_decisions.crew_call_id = decide_removals.crew_call_id and removal_decisions.plan = decide_removals.plan
    )
  ));
  if decide_removals.decision = 'rejected' then
    -- A yes that is taken back: what a reading has confirmed since is not sent before the next one. What a planner or a
    -- drainer holds right now is left to them.
    update outbox
    set reading_at = null
    where outbox.id in (
      select confirmed.id
      from outbox as confirmed
      join removal_decisions
        on removal_decisions.flex_line_item_id = confirmed.flex_line_item_id and removal_decisions.flex_resource_id = confirmed.flex_resource_id
      where confirmed.flex_element_id = v_element
        and confirmed.kind = 'remove'
        and confirmed.state = 'pending'
        and removal_decisions.decision = 'rejected'
      order by confirmed.id
      for update of confirmed skip locked
    );
  end if;
  perform note_element(v_element, 'removals were ' || decide_removals.decision, true);
  return v_number;
end
$$;
comment on function flex_sync.decide_removals(uuid, text, text) is 'A person''s yes or no to the held removals of exactly one plan.';
