/** SQL of the rules that hold after every statement, whatever happens. */
export const INVARIANTS = `
  create schema model;
  create table model.differing_plans (plans text not null);
  -- Whatever plan_if_in_sync answers is held against the plan that is worked out without it.
  alter function flex_sync.plan_if_in_sync(text) set schema model;
  create function flex_sync.plan_if_in_sync(flex_element_id text) returns flex_sync.planned[] language plpgsql volatile as $$
  declare
    v_plan flex_sync.planned[];
    v_worked_out flex_sync.planned[];
  begin
    if current_setting('model.works_it_out', true) = 'yes' then
      return null;
    end if;
    v_plan := model.plan_if_in_sync(flex_element_id);
    if v_plan is null then
      return null;
    end if;
    perform set_config('model.works_it_out', 'yes', true);
    v_worked_out := array(select planned from flex_sync.plan_element(flex_element_id) as planned order by planned);
    perform set_config('model.works_it_out', 'no', true);
    if array(select planned from unnest(v_plan) as planned order by planned) <> v_worked_out then
      insert into model.differing_plans values (format('%s and %s', v_plan, v_worked_out));
    end if;
    return v_plan;
  end
  $$;
  create table model.differing_readings (readings text not null);
  -- Whatever waiting_request answers is held against the reading that is found without it.
  alter function flex_sync.waiting_request(text) set schema model;
  create function flex_sync.waiting_request(flex_element_id text) returns bigint language plpgsql volatile as $$
  declare
    v_waiting bigint;
  begin
    if current_setting('model.looks_for_it', true) = 'yes' then
      return null;
    end if;
    v_waiting := model.waiting_request(flex_element_id);
    if v_waiting is not null then
      perform set_config('model.looks_for_it', 'yes', true);
      insert into model.differing_readings
      select format('%s and %s', v_waiting, otherwise)
      from (select) as looked
      left join flex_sync.next_reading(flex_element_id) as otherwise on true
      where (otherwise.sync_id, otherwise.reason, otherwise.priority) is distinct from (v_waiting, 'requested', 0)
        or otherwise.due_at > flex_sync.clock();
      perform set_config('model.looks_for_it', 'no', true);
    end if;
    return v_waiting;
  end
  $$;
  create function model.broken_rules() returns text[] language sql volatile as $$
    select coalesce(array_agg(rule), '{}') from (
      select 'more than one waiting sync on element ' || syncs.flex_element_id as rule
      from flex_sync.syncs
      where syncs.finished_at is null
      group by syncs.flex_element_id
      having count(*) filter (where syncs.reading_at is null) > 1
      union all
      select 'more calls in flight than max_concurrency'
      from flex_sync.settings
      where settings.max_concurrency < (select count(*) from flex_sync.outbox where outbox.state = 'sending')
      union all
      select 'more calls in flight on one element than element_concurrency: ' || outbox.flex_element_id
      from flex_sync.outbox
      where outbox.state = 'sending'
      group by outbox.flex_element_id
      having count(*) > (select settings.element_concurrency from flex_sync.settings)
      union all
      select 'two readings of one element at once: ' || outbox.flex_element_id
      from flex_sync.outbox
      where outbox.state = 'sending' and outbox.kind = 'observe'
      group by outbox.flex_element_id
      having count(*) > 1
      union all
      select 'plan_if_in_sync says otherwise than plan_element: ' || differs.plans from model.differing_plans as differs
      union all
      select 'waiting_request says otherwise than next_reading: ' || differs.readings from model.differing_readings as differs
    ) as broken
  $$;
  create view model.calls_over_a_limit as
    select calls.number
    from flex_sync.calls
    cross join flex_sync.settings
    cross join lateral (
      select
        count(*) filter (where earlier.made_at > calls.made_at - interval '1 hour') as within_an_hour,
        count(*) filter (where earlier.made_at > calls.made_at - interval '24 hours') as within_a_day
      from flex_sync.calls as earlier
      where earlier.number <= calls.number
    ) as used
    where used.within_an_hour > coalesce(settings.hourly_limit, settings.monthly_limit / 50)
      or used.within_a_day > coalesce(settings.daily_limit, settings.monthly_limit / 10);`;
