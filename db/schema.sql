--
-- PostgreSQL database dump
--



SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: flex_sync; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA flex_sync;


--
-- Name: SCHEMA flex_sync; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA flex_sync IS 'flex-crew-sync: keeps Flex crew calls equal to the crew planned in this database.';


--
-- Name: public; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA public;


--
-- Name: SCHEMA public; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA public IS 'standard public schema';


--
-- Name: happened; Type: TYPE; Schema: flex_sync; Owner: -
--

CREATE TYPE flex_sync.happened AS (
	at timestamp with time zone,
	technician_id uuid,
	what text,
	outcome text,
	reason text,
	who text,
	operation_id bigint,
	sync_id bigint,
	http_status integer,
	detail text
);


--
-- Name: TYPE happened; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TYPE flex_sync.happened IS 'A row of flex_sync.history.';


--
-- Name: planned; Type: TYPE; Schema: flex_sync; Owner: -
--

CREATE TYPE flex_sync.planned AS (
	action text,
	crew_call_id uuid,
	technician_id uuid,
	flex_resource_id text,
	flex_line_item_id text,
	flex_role_id text,
	reason text,
	brake text,
	after_resource text,
	ours boolean,
	limited boolean,
	name text
);


--
-- Name: TYPE planned; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TYPE flex_sync.planned IS 'One line of a plan. action: keep, confirm, wait, contest, unmapped, add (one per desired person); set_role, wait_role, remove, hold (operations); report (a line nobody wants that stays).';


--
-- Name: adopt(uuid, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.adopt(crew_call_id uuid, flex_line_item_id text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_element constant text := crew_call_or_raise(adopt.crew_call_id);
  v_resource text;
  v_technician_id uuid;
begin
  select lines.flex_resource_id into v_resource
  from lines
  where lines.flex_element_id = v_element
    and lines.flex_line_item_id = flex_id(adopt.flex_line_item_id)
    and lines.present;
  select desired.technician_id into v_technician_id
  from desired_of(adopt.crew_call_id) as desired
  where desired.resource = v_resource
  order by desired.technician_id
  limit 1;
  if v_technician_id is null then
    raise exception 'line % cannot be adopted: %', coalesce(printable(left(adopt.flex_line_item_id, 100)), 'null'),
      case when v_resource is null then 'the last reading shows no such contact line on this crew call' else 'nobody desired has its resource ' || v_resource end
      using errcode = 'NOLIN', hint = case
        when v_element is null then 'The crew call has no element: set flex_crew_calls.flex_element_id first.'
        else format('select flex_line_item_id, name from flex_sync.lines where flex_element_id = %L and present;', v_element)
      end;
  end if;
  perform from ledger
  where ledger.flex_line_item_id = flex_id(adopt.flex_line_item_id)
    and ledger.flex_resource_id = v_resource
    and ledger.gone_at is null;
  if found then
    return format('line %s is ours already, for person %s', flex_id(adopt.flex_line_item_id), v_technician_id);
  end if;
  perform enter_ledger(flex_id(adopt.flex_line_item_id), v_element, v_resource, adopt.crew_call_id, v_technician_id, 'adopted');
  perform log_operator('adopt', jsonb_build_object(
    'crew_call_id', adopt.crew_call_id, 'flex_line_item_id', flex_id(adopt.flex_line_item_id), 'flex_resource_id', v_resource,
    'technician_id', v_technician_id
  ));
  perform note_element(v_element, 'a line was adopted', true);
  return format('line %s is ours now, for person %s', flex_id(adopt.flex_line_item_id), v_technician_id);
end
$$;


--
-- Name: FUNCTION adopt(crew_call_id uuid, flex_line_item_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.adopt(crew_call_id uuid, flex_line_item_id text) IS 'A human-made line of somebody desired becomes ours.';


--
-- Name: ago(timestamp with time zone); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.ago(at timestamp with time zone) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_seconds constant numeric := floor(extract(epoch from clock() - ago.at));
begin
  return case
    when v_seconds < 120 then format('%s s', greatest(v_seconds, 0))
    when v_seconds < 7200 then format('%s min', floor(v_seconds / 60))
    when v_seconds < 172800 then format('%s h', floor(v_seconds / 3600))
    when v_seconds is not null then format('%s days', floor(v_seconds / 86400))
  end;
end
$$;


--
-- Name: FUNCTION ago(at timestamp with time zone); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.ago(at timestamp with time zone) IS 'How long ago a time was, as people say it.';


--
-- Name: apply_plan(text, flex_sync.planned[], bigint, timestamp with time zone); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.apply_plan(flex_element_id text, plan flex_sync.planned[], sync_id bigint, reading_at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET row_security TO 'off'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_plan flex_sync.planned[] := apply_plan.plan;
  -- By kind and subject: the open add that an operation waits for.
  v_first jsonb;
begin
  perform note_decisions(apply_plan.flex_element_id, apply_plan.plan, apply_plan.sync_id, apply_plan.reading_at);
  -- Nothing is open and nothing is wanted: the usual case, and no statement more.
  if not exists (
    select from outbox
    where outbox.flex_element_id = apply_plan.flex_element_id
      and outbox.kind <> 'observe'
      and outbox.state in ('pending', 'sending', 'unknown', 'held')
  ) and not exists (
    select from outbox
    where outbox.flex_element_id = apply_plan.flex_element_id
      and outbox.state = 'failed'
      and outbox.superseded_at is null
  ) and not exists (
    select from unnest(v_plan) as planned
    where planned.action in ('add', 'set_role', 'remove', 'hold', 'contest')
  ) then
    return;
  end if;
  if policy_of(apply_plan.flex_element_id) = 'report' then
    v_plan := '{}';
  end if;

  -- No longer wanted and not yet sent.
  update outbox
  set state = 'cancelled', reason = 'not_wanted', finished_at = v_now
  where outbox.flex_element_id = apply_plan.flex_element_id
    and outbox.kind <> 'observe'
    and outbox.state in ('pending', 'held')
    and not exists (
      select from operations_of(v_plan) as operation
      where operation.kind = outbox.kind
        and operation.subject = case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end
    );

  -- Wanted already: it stays, with what the plan knows now. A removal that a brake let go,
  -- and another role, wait for their own reading.
  update outbox
  set
    state = operation.state,
    sync_id = case when apply_plan.reading_at is null then outbox.sync_id else coalesce(apply_plan.sync_id, outbox.sync_id) end,
    reading_at = case
      when apply_plan.reading_at is not null then apply_plan.reading_at
      when outbox.state = 'held' or outbox.flex_role_id is distinct from operation.role_id then null
      else outbox.reading_at
    end,
    due_at = case when outbox.state = 'held' then v_now else outbox.due_at end,
    crew_call_id = operation.crew_call_id,
    technician_id = operation.technician_id,
    flex_line_item_id = coalesce(operation.line, outbox.flex_line_item_id),
    flex_role_id = operation.role_id,
    reason = operation.reason,
    brake = operation.brake,
    limited = operation.limited,
    persons = operation.persons,
    after_operation_id = case when operation.after_resource is null then null else outbox.after_operation_id end
  from operations_of(v_plan) as operation
  where outbox.flex_element_id = apply_plan.flex_element_id
    and outbox.kind = operation.kind
    and outbox.state in ('pending', 'held')
    and operation.subject = case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end
    and (
      apply_plan.reading_at is not null
      or (outbox.state, outbox.flex_role_id, outbox.brake, outbox.persons, outbox.limited)
        is distinct from (operation.state, operation.role_id, operation.brake, operation.persons, operation.limited)
    );

  -- A failure that the plan tries again, or no longer needs, is history.
  update outbox
  set superseded_at = v_now
  where outbox.flex_element_id = apply_plan.flex_element_id
    and outbox.kind <> 'observe'
    and outbox.state = 'failed'
    and outbox.superseded_at is null
    and not exists (
      select from unnest(v_plan) as planned
      where planned.action = case outbox.kind when 'add' then 'wait' when 'set_role' then 'wait_role' else 'report' end
        and case planned.action when 'report' then planned.flex_line_item_id else planned.flex_resource_id end
          = case outbox.kind when 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end
    );

  -- Missing: adds first, what follows them second.
  insert into outbox (sync_id, crew_call_id, flex_element_id, technician_id, kind, flex_resource_id, state, reason, due_at, created_at, reading_at, persons)
  select apply_plan.sync_id, operation.crew_call_id, apply_plan.flex_element_id, operation.technician_id, 'add', operation.resource,
    'pending', operation.reason, v_now, v_now, apply_plan.reading_at, operation.persons
  from operations_of(v_plan) as operation
  where operation.kind = 'add'
    -- Read once into a hash table, however many there are: of "not exists" the planner may make a loop in a loop.
    and operation.resource not in (
      select outbox.flex_resource_id from outbox
      where outbox.flex_element_id = apply_plan.flex_element_id and outbox.kind = 'add'
        and outbox.flex_resource_id is not null and outbox.state in ('pending', 'sending', 'unknown')
    )
  order by operation.crew_call_id, operation.technician_id;

  insert into outbox (sync_id, crew_call_id, flex_element_id, technician_id, kind, flex_resource_id, flex_line_item_id, flex_role_id,
    state, reason, due_at, created_at, reading_at, after_operation_id, brake, limited)
  select apply_plan.sync_id, operation.crew_call_id, apply_plan.flex_element_id, operation.technician_id, operation.kind, operation.resource,
    operation.line, operation.role_id, operation.state, operation.reason, v_now, v_now, apply_plan.reading_at, first.id, operation.brake, operation.limited
  from operations_of(v_plan) as operation
  left join outbox as first
    on first.flex_element_id = apply_plan.flex_element_id and first.kind = 'add'
    and first.flex_resource_id = operation.after_resource and first.state in ('pending', 'sending')
  where operation.kind <> 'add'
    and (operation.after_resource is null or first.id is not null)
    and operation.kind || operation.subject not in (
      select outbox.kind || case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end
      from outbox
      where outbox.flex_element_id = apply_plan.flex_element_id
        and outbox.kind in ('set_role', 'remove')
        and case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end is not null
        and outbox.state in ('pending', 'sending', 'unknown', 'held')
    )
  order by operation.crew_call_id, operation.technician_id, operation.line;

  -- What waits for an add waits for the one that is open now.
  select jsonb_object_agg(operation.kind || operation.subject, first.id) into v_first
  from operations_of(v_plan) as operation
  join outbox as first
    on first.flex_element_id = apply_plan.flex_element_id and first.kind = 'add'
    and first.flex_resource_id = operation.after_resource and first.state in ('pending', 'sending');
  update outbox
  set after_operation_id = (v_first ->> (outbox.kind || case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end))::bigint
  where outbox.flex_element_id = apply_plan.flex_element_id
    and outbox.kind in ('set_role', 'remove')
    and outbox.state in ('pending', 'held')
    and v_first ? (outbox.kind || case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end)
    and outbox.after_operation_id is distinct from
      (v_first ->> (outbox.kind || case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end))::bigint;

  -- Brought back twice within a day and deleted again: somebody has to look.
  insert into outbox (sync_id, crew_call_id, flex_element_id, technician_id, kind, flex_resource_id, state, reason, error, due_at, created_at, finished_at)
  select distinct on (planned.flex_resource_id) apply_plan.sync_id, planned.crew_call_id, apply_plan.flex_element_id, planned.technician_id, 'add',
    planned.flex_resource_id, 'failed', 'contested', 'the line was added again twice within a day and was deleted in Flex once more', v_now, v_now, v_now
  from unnest(v_plan) as planned
  where planned.action = 'contest'
    and apply_plan.reading_at is not null
  order by planned.flex_resource_id, planned.crew_call_id, planned.technician_id;
end
$$;


--
-- Name: FUNCTION apply_plan(flex_element_id text, plan flex_sync.planned[], sync_id bigint, reading_at timestamp with time zone); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.apply_plan(flex_element_id text, plan flex_sync.planned[], sync_id bigint, reading_at timestamp with time zone) IS 'Makes the open outbox rows of one element equal to its plan; rows in flight are never touched.';


--
-- Name: approve_removals(uuid, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.approve_removals(crew_call_id uuid, plan text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
begin
  return decide_removals(approve_removals.crew_call_id, approve_removals.plan, 'approved');
end
$$;


--
-- Name: FUNCTION approve_removals(crew_call_id uuid, plan text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.approve_removals(crew_call_id uuid, plan text) IS 'Yes, remove the held lines of this plan.';


--
-- Name: backoff(integer); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.backoff(failures integer) RETURNS interval
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return least(power(2, greatest(least(backoff.failures, 10), 1) - 1), 60) * (0.75 + random() / 2) * interval '1 s';
end
$$;


--
-- Name: FUNCTION backoff(failures integer); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.backoff(failures integer) IS 'How long to wait after so many failures in a row: 1 s doubling to 60 s, with jitter.';


--
-- Name: begin_background_readings(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.begin_background_readings() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_room boolean;
  v_element record;
  v_number int := 0;
begin
  if not exists (select from settings where settings.resync_interval is not null)
    and not exists (select from crew_call_settings where crew_call_settings.resync_interval is not null)
    or exists (select from tenant where tenant.paused_at is not null or tenant.breaker_opened_at is not null) then
    return 0;
  end if;
  v_room := room_for_background();

  for v_element in
    select reading.flex_element_id, case
        when lateness.is_late then v_now + random() * lateness.length
        else v_now + interval '10 min' + random() * least(lateness.length, interval '1 hour')
      end as put_off_to
    from outbox as reading
    cross join lateral (
      select every.length, coalesce(reading.due_at < v_now - greatest(every.length / 10, interval '1 min'), false) as is_late
      from (
        select least(min(coalesce(crew_call_settings.resync_interval, settings.resync_interval)), interval '10 years') as length
        from settings
        cross join crew_calls
        left join crew_call_settings on crew_call_settings.crew_call_id = crew_calls.id
        where crew_calls.flex_element_id = reading.flex_element_id
      ) as every
    ) as lateness
    where reading.state = 'pending'
      and reading.after_operation_id is null
      and reading.priority = 1
      and reading.kind = 'observe'
      and reading.reason = 'background'
      and reading.due_at < case when v_room then v_now - interval '1 min' else v_now + interval '10 min' end
      and (lateness.is_late or not v_room)
    order by reading.due_at
    limit 250
  loop
    continue when not pg_try_advisory_xact_lock(hashtextextended('flex_sync element ' || v_element.flex_element_id, 0));
    -- A time and not the reading's own row: the element may wait for something else as well.
    update elements
    set background_at = v_element.put_off_to
    where elements.flex_element_id = v_element.flex_element_id;
    perform queue_reading(v_element.flex_element_id);
    v_number := v_number + 1;
  end loop;

  if exists (select from tenant where tenant.trimmed_at is null or tenant.trimmed_at < v_now - interval '10 min') then
    for v_element in
      select distinct crew_calls.flex_element_id
      from settings
      cross join crew_calls
      join elements on elements.flex_element_id = crew_calls.flex_element_id and elements.reading_at is not null
      left join crew_call_settings on crew_call_settings.crew_call_id = crew_calls.id
      where coalesce(crew_call_settings.resync_interval, settings.resync_interval) is not null
        and not exists (
          select from outbox
          where outbox.flex_element_id = crew_calls.flex_element_id and outbox.kind = 'observe' and outbox.state in ('pending', 'sending')
        )
      limit 250
    loop
      continue when not pg_try_advisory_xact_lock(hashtextextended('flex_sync element ' || v_element.flex_element_id, 0));
      perform queue_reading(v_element.flex_element_id);
      v_number := v_number + 1;
    end loop;
  end if;
  return v_number;
end
$$;


--
-- Name: FUNCTION begin_background_readings(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.begin_background_readings() IS 'Spreads the readings of resync_interval, and puts them off while calls are needed for what is asked for.';


--
-- Name: block_element(text, text, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.block_element(flex_element_id text, reason text, error text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_now constant timestamptz := clock();
begin
  update outbox
  set state = 'cancelled', reason = 'blocked', finished_at = v_now
  where outbox.flex_element_id = block_element.flex_element_id
    and outbox.kind <> 'observe'
    and outbox.state = 'pending';

  update elements
  set
    -- Tried again and blocked all the same is one block; the hour until the next try begins anew.
    blocked_since = case when elements.blocked_reason = block_element.reason then coalesce(elements.blocked_since, elements.blocked_at) else v_now end,
    blocked_reason = block_element.reason, blocked_error = block_element.error, blocked_at = v_now, reading_wanted_at = null
  where elements.flex_element_id = block_element.flex_element_id;
  perform note_block(block_element.flex_element_id, null, null, block_element.reason, block_element.error);
  perform note_element(block_element.flex_element_id, block_element.reason, false);
end
$$;


--
-- Name: FUNCTION block_element(flex_element_id text, reason text, error text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.block_element(flex_element_id text, reason text, error text) IS 'Cancels what was not sent on an element and says why nothing can be done there for now.';


--
-- Name: blocked_as_json(uuid, text, bigint); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.blocked_as_json(crew_call_id uuid, flex_element_id text, sync_id bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  return jsonb_build_object(
    'crew_call_id', blocked_as_json.crew_call_id,
    'flex_element_id', blocked_as_json.flex_element_id,
    'sync_id', blocked_as_json.sync_id,
    'condition', case when exists (select from tenant where tenant.paused_at is not null) then 'paused' else 'blocked' end,
    'observed_at', null,
    'stale', null,
    'to_add', '[]'::jsonb,
    'to_remove', '[]'::jsonb,
    'to_set_role', '[]'::jsonb,
    'held', null,
    'plan', null,
    'kept', 0,
    'unmapped', '[]'::jsonb
  );
end
$$;


--
-- Name: FUNCTION blocked_as_json(crew_call_id uuid, flex_element_id text, sync_id bigint); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.blocked_as_json(crew_call_id uuid, flex_element_id text, sync_id bigint) IS 'What sync_crew_call answers where nothing can be planned.';


--
-- Name: calls_left(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.calls_left() RETURNS TABLE(hourly bigint, daily bigint, monthly bigint, left_now bigint, frees_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_allowed record;
  v_last bigint;
  v_used record;
begin
  select coalesce(settings.hourly_limit, settings.monthly_limit / 50)::bigint as hourly,
    coalesce(settings.daily_limit, settings.monthly_limit / 10)::bigint as daily,
    settings.monthly_limit::bigint as monthly
  into v_allowed
  from settings;
  -- Not max(): Postgres 14 would read every call for it here.
  v_last := coalesce((select calls.number from calls order by calls.number desc limit 1), 0);
  -- The newest call that has left each window; calls before the oldest kept one left it long ago.
  select
    v_last - coalesce(
      (select calls.number from calls where calls.made_at <= v_now - interval '1 hour' order by calls.made_at desc, calls.number desc limit 1),
      oldest.number
    ) as hourly,
    v_last - coalesce(
      (select calls.number from calls where calls.made_at <= v_now - interval '24 hours' order by calls.made_at desc, calls.number desc limit 1),
      oldest.number
    ) as daily,
    -- The longest month, docs/decisions/0015.
    v_last - coalesce(
      (select calls.number from calls where calls.made_at <= v_now - interval '744 hours' order by calls.made_at desc, calls.number desc limit 1),
      oldest.number
    ) as monthly
  into v_used
  from (select coalesce((select calls.number from calls order by calls.number limit 1) - 1, 0) as number) as oldest;

  calls_left.hourly := greatest(v_allowed.hourly - v_used.hourly, 0);
  calls_left.daily := greatest(v_allowed.daily - v_used.daily, 0);
  calls_left.monthly := greatest(v_allowed.monthly - v_used.monthly, 0);
  calls_left.left_now := least(calls_left.hourly, calls_left.daily, calls_left.monthly);
  if calls_left.left_now = 0 then
    select max(case
      when windows.allowed = 0 then 'infinity'
      -- The call whose leaving makes room for the next one.
      when windows.used >= windows.allowed then (
        select calls.made_at + windows.length from calls where calls.number = v_last - windows.allowed + 1
      )
    end)
    into calls_left.frees_at
    from (values
      (interval '1 hour', v_allowed.hourly, v_used.hourly),
      (interval '24 hours', v_allowed.daily, v_used.daily),
      (interval '744 hours', v_allowed.monthly, v_used.monthly)
    ) as windows (length, allowed, used);
  end if;
  return next;
end
$$;


--
-- Name: FUNCTION calls_left(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.calls_left() IS 'How many Flex calls may be made now, in each window, and when the next one frees where none is left.';


--
-- Name: claim_call(text, text, interval, bigint); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.claim_call(drainer text, kind text, deadline interval, operation_id bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_operation outbox;
begin
  perform read_committed_only();
  perform set_config('synchronous_commit', 'on', true);
  perform lock_budget();
  perform from calls_left() where calls_left.left_now > 0;
  if not found then
    return null;
  end if;
  select outbox.* into v_operation from outbox where outbox.id = claim_call.operation_id;
  return count_call(claim_call.kind, claim_call.drainer, clock() + claim_call.deadline, v_operation);
end
$$;


--
-- Name: FUNCTION claim_call(drainer text, kind text, deadline interval, operation_id bigint); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.claim_call(drainer text, kind text, deadline interval, operation_id bigint) IS 'Counts one further call that an operation in flight needs; null when the budget has none left.';


--
-- Name: claim_operations(text, integer, interval); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.claim_operations(drainer text, slots integer, deadline interval) RETURNS TABLE(id bigint, kind text, token uuid, flex_element_id text, flex_resource_id text, flex_line_item_id text, flex_role_id text, attempts integer, lease_until timestamp with time zone, lease_ms integer, call_number bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_settings settings;
  v_now timestamptz;
  v_server_started_at timestamptz;
  v_free bigint;
  v_removals_left bigint;
  v_calls_left bigint;
  v_two_needed boolean;
  v_candidate record;
  -- The element of each operation in flight, as often as it has some; and the elements that can take no more.
  v_in_flight text[];
  v_busy text[];
  v_priority smallint := -32768;
  v_due_at timestamptz := '-infinity';
  v_id bigint := 0;
  v_passed_over int := 0;
  v_goes_on boolean := true;
  v_chosen bigint[];
  v_locked bigint[];
  v_elsewhere bigint[];
  v_taken bigint[] := '{}';
  v_readings boolean := false;
begin
  select settings.* into v_settings from settings;
  if v_settings.lease <= claim_operations.deadline + interval '1 s' then
    raise exception 'the lease (%) is not longer than the HTTP deadline (%) plus one second', v_settings.lease, claim_operations.deadline
      using errcode = 'LEASE', hint = 'Lower FLEX_TIMEOUT_MS, or update flex_sync.settings set lease = ….';
  end if;
  -- What is sent must be remembered, whatever the host chose: the commit before a send is always synchronous.
  perform read_committed_only();
  perform set_config('synchronous_commit', 'on', true);
  perform lock_budget();
  perform from tenant where tenant.paused_at is not null or tenant.breaker_opened_at is not null;
  if found then
    return;
  end if;

  v_now := clock();
  v_server_started_at := server_started_at();
  v_in_flight := array(
    select outbox.flex_element_id
    from outbox
    where outbox.state = 'sending'
      and outbox.lease_until > v_now - interval '15 min'
  );
  v_busy := array(
    select sending.flex_element_id
    from unnest(v_in_flight) as sending (flex_element_id)
    group by sending.flex_element_id
    having count(*) >= v_settings.element_concurrency
  );
  select calls_left.left_now, least(
    claim_operations.slots,
    calls_left.left_now,
    case when exists (select from tenant where tenant.careful_successes is not null) then 1 else v_settings.max_concurrency end
      - cardinality(v_in_flight)
  )
  into v_calls_left, v_free
  from calls_left();
  if v_free <= 0 then
    return;
  end if;
  v_removals_left := v_settings.removal_limit - removals_within_the_hour();
  v_two_needed := least(coalesce(v_settings.hourly_limit, v_settings.monthly_limit / 50), coalesce(v_settings.daily_limit, v_settings.monthly_limit / 10),
    v_settings.monthly_limit) >= 2;

  while v_goes_on and v_free > 0 loop
    v_chosen := '{}';
    v_goes_on := false;
    for v_candidate in
      select outbox.id, outbox.kind, outbox.flex_element_id, outbox.limited, outbox.reason, outbox.priority, outbox.due_at,
        case when element_health.careful_until > v_now then 1 else v_settings.element_concurrency end as at_once
      from outbox
      left join element_health on element_health.flex_element_id = outbox.flex_element_id
      left join elements on elements.flex_element_id = outbox.flex_element_id
      where outbox.state = 'pending'
        and outbox.after_operation_id is null
        and outbox.due_at <= v_now
        and (outbox.priority, outbox.due_at, outbox.id) > (v_priority, v_due_at, v_id)
        and (element_health.backoff_until is null or element_health.backoff_until <= v_now)
        and (
          outbox.kind = 'observe'
          or (
            outbox.reading_at > v_now - v_settings.max_reading_age
            and outbox.reading_at > v_server_started_at
            and elements.blocked_reason is null
            and elements.doubt_reason is null
          )
        )
        and outbox.flex_element_id <> all (v_busy)
        and not (outbox.limited and v_removals_left <= 0)
      order by outbox.priority, outbox.due_at, outbox.id
    loop
      v_priority := v_candidate.priority;
      v_due_at := v_candidate.due_at;
      v_id := v_candidate.id;
      if cardinality(array_positions(v_in_flight, v_candidate.flex_element_id)) >= v_candidate.at_once then
        -- An element that can take no more is passed over, and where much waits there left out of the rest of the walk.
        if v_candidate.flex_element_id <> all (v_busy) then
          v_busy := v_busy || v_candidate.flex_element_id;
        end if;
        v_passed_over := v_passed_over + 1;
        v_goes_on := v_passed_over % 20 = 0;
        exit when v_goes_on;
        continue;
      end if;
      if v_candidate.kind = 'observe' then
        -- They come last, and tick() puts off what is left of them.
        exit when v_candidate.reason = 'background' and not room_for_background();
        -- A reading for the sake of a write leaves one call for the write.
        continue when v_candidate.reason = 'reading_too_old' and v_two_needed and v_calls_left < 2;
        continue when exists (
          select from outbox
          where outbox.flex_element_id = v_candidate.flex_element_id and outbox.kind = 'observe' and outbox.state = 'sending'
        );
        v_readings := true;
      elsif v_candidate.kind = 'remove' then
        continue when v_candidate.limited and v_removals_left <= 0;
        v_removals_left := v_removals_left - 1;
      end if;
      v_chosen := v_chosen || v_candidate.id;
      v_in_flight := v_in_flight || v_candidate.flex_element_id;
      v_calls_left := v_calls_left - 1;
      v_free := v_free - 1;
      exit when v_free = 0;
    end loop;
    continue when cardinality(v_chosen) = 0;

    with
    -- The ids find the rows: an index of everything that waits has entries of all that ever did, under an old snapshot.
    locked as materialized (
      select outbox.id, outbox.state,
        -- The crew call may have been pointed at another element since.
        outbox.kind in ('add', 'set_role') and pointing.flex_element_id is distinct from outbox.flex_element_id as elsewhere
      from outbox
      left join lateral (
        select crew_calls.flex_element_id from crew_calls where crew_calls.id = outbox.crew_call_id limit 1
      ) as pointing on true
      where outbox.id = any (v_chosen)
      for update of outbox skip locked
    )
    select array_agg(locked.id), array_agg(locked.id) filter (where locked.elsewhere) into v_locked, v_elsewhere
    from locked
    where locked.state = 'pending';
    if v_elsewhere is not null then
      perform note_element(moved.flex_element_id, 'a crew call points elsewhere', true)
      from (select distinct outbox.flex_element_id from outbox where outbox.id = any (v_elsewhere)) as moved;
      update outbox set state = 'cancelled', reason = 'points_elsewhere', finished_at = v_now where outbox.id = any (v_elsewhere);
    end if;
    if cardinality(v_chosen) = cardinality(v_locked) and v_elsewhere is null then
      v_taken := v_taken || v_chosen;
    else
      -- Whoever plans on such a row right now decides first; it is due again in a moment. Others may go instead.
      v_busy := v_busy || array(
        select distinct outbox.flex_element_id from outbox where outbox.id = any (v_chosen) and outbox.id <> all (coalesce(v_locked, '{}'))
      );
      v_free := v_free + cardinality(v_chosen) - coalesce(cardinality(v_locked), 0) + coalesce(cardinality(v_elsewhere), 0);
      v_goes_on := true;
      v_taken := v_taken || array(
        select chosen.id
        from unnest(v_chosen) with ordinality as chosen (id, place)
        where chosen.id = any (coalesce(v_locked, '{}'))
          and chosen.id <> all (coalesce(v_elsewhere, '{}'))
        order by chosen.place
      );
    end if;
  end loop;
  if cardinality(v_taken) = 0 then
    return;
  end if;

  if v_readings then
    -- From here on the waiting syncs' readings have begun: later requests need another one. Everybody locks syncs by id.
    -- They are found by their element and then sorted: the other way round, every sync there ever was would be read.
    perform from syncs
    where syncs.id = any (array(
      select waiting.id
      from outbox
      cross join lateral (
        select syncs.id
        from syncs
        where syncs.flex_element_id = outbox.flex_element_id
          and syncs.finished_at is null
          and syncs.reading_at is null
        offset 0
      ) as waiting
      where outbox.id = any (v_taken)
        and outbox.kind = 'observe'
    ))
      and syncs.finished_at is null
      and syncs.reading_at is null
    order by syncs.id
    for update;
  end if;

  return query
  with
  last as materialized (
    select coalesce((select calls.number from calls order by calls.number desc limit 1), 0) as number,
      -- Never before the call before it, whatever the clock did.
      greatest(clock(), (select calls.made_at from calls order by calls.number desc limit 1)) as made_at
  ),
  taken as (
    update outbox
    set
      state = 'sending',
      attempts = outbox.attempts + 1,
      token = gen_random_uuid(),
      -- A reading never begins before the one that is stored, whatever the clock did: it would be taken for an old one.
      sent_at = case when outbox.kind = 'observe' then greatest(v_now, (
        select elements.reading_at + interval '1 us' from elements where elements.flex_element_id = outbox.flex_element_id
      )) else v_now end,
      lease_until = v_now + v_settings.lease,
      deadline = v_now + claim_operations.deadline,
      call_number = last.number + chosen.place,
      http_status = null,
      error = null
    from last, unnest(v_taken) with ordinality as chosen (id, place)
    where outbox.id = chosen.id
    returning outbox.*
  ),
  -- Numbers without a gap, as count_call gives them: whoever counts holds the budget's lock.
  counted as (
    insert into calls (number, made_at, kind, operation_id, sync_id, flex_element_id, flex_resource_id, flex_line_item_id, flex_role_id,
      attempt, drainer, deadline, reading_at)
    select taken.call_number, last.made_at, taken.kind, taken.id, taken.sync_id, taken.flex_element_id, taken.flex_resource_id,
      case when taken.kind <> 'add' then taken.flex_line_item_id end, taken.flex_role_id, taken.attempts, claim_operations.drainer, taken.deadline,
      (select elements.reading_at from elements where elements.flex_element_id = taken.flex_element_id)
    from taken, last
    order by taken.call_number
  ),
  begun as (
    update syncs
    set reading_at = taken.sent_at
    from taken
    where taken.kind = 'observe'
      and syncs.flex_element_id = taken.flex_element_id
      and syncs.finished_at is null
      and syncs.reading_at is null
  )
  select taken.id, taken.kind, taken.token, taken.flex_element_id, taken.flex_resource_id, taken.flex_line_item_id, taken.flex_role_id,
    taken.attempts, taken.lease_until, (extract(epoch from v_settings.lease) * 1000)::int, taken.call_number
  from taken
  order by taken.call_number;
end
$$;


--
-- Name: FUNCTION claim_operations(drainer text, slots integer, deadline interval); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.claim_operations(drainer text, slots integer, deadline interval) IS 'Takes the operations that may be sent now, for a bounded time; each is counted as a Flex call and committed before it is sent.';


--
-- Name: claim_probe(text, interval); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.claim_probe(drainer text, deadline interval) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_now timestamptz;
begin
  perform read_committed_only();
  perform set_config('synchronous_commit', 'on', true);
  perform lock_budget();
  v_now := clock();
  perform from calls_left() where calls_left.left_now > 0;
  if not found then
    return null;
  end if;
  -- Whoever probes has until its deadline; if it dies, the next may ask then.
  update tenant
  set probe_at = v_now + greatest(tenant.probe_wait, claim_probe.deadline + interval '1 s')
  where tenant.breaker_opened_at is not null
    and tenant.paused_at is null
    and tenant.probe_at <= v_now;
  if not found then
    return null;
  end if;
  return count_call('user', claim_probe.drainer, v_now + claim_probe.deadline);
end
$$;


--
-- Name: FUNCTION claim_probe(drainer text, deadline interval); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.claim_probe(drainer text, deadline interval) IS 'While the breaker is open: lets one drainer at a time ask Flex whether it works again.';


--
-- Name: clock(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.clock() RETURNS timestamp with time zone
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select clock_timestamp();
$$;


--
-- Name: FUNCTION clock(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.clock() IS 'The one clock that is compared anywhere; a test replaces it to move time.';


--
-- Name: close_call(bigint, text, integer, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.close_call(call_number bigint, outcome text, http_status integer, error text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
begin
  update calls
  set answered_at = clock(), outcome = close_call.outcome, http_status = close_call.http_status, error = left(close_call.error, 500)
  where calls.number = close_call.call_number
    and calls.answered_at is null;
end
$$;


--
-- Name: FUNCTION close_call(call_number bigint, outcome text, http_status integer, error text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.close_call(call_number bigint, outcome text, http_status integer, error text) IS 'Writes down how a counted call ended.';


--
-- Name: confirm_stale(text, timestamp with time zone); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.confirm_stale(flex_element_id text, began_at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET row_security TO 'off'
    AS $$
declare
  v_stale record;
begin
  delete from missing_lines
  using lines
  where missing_lines.flex_element_id = confirm_stale.flex_element_id
    and lines.flex_element_id = confirm_stale.flex_element_id
    and lines.flex_line_item_id = missing_lines.flex_line_item_id
    and missing_lines.flex_resource_id in (lines.flex_resource_id, 'unknown')
    and lines.present;

  insert into missing_lines (flex_line_item_id, flex_resource_id, flex_element_id, missing_since)
  select distinct recorded.line, recorded.resource, confirm_stale.flex_element_id, confirm_stale.began_at
  from (
    select recorded_crew.flex_line_item_id as line,
      coalesce(
        ledger.flex_resource_id,
        (
          select desired.resource from desired_or_nobody(recorded_crew.crew_call_id) as desired
          where desired.technician_id = recorded_crew.technician_id
        ),
        known.flex_resource_id,
        'unknown'
      ) as resource
    from crew_calls
    join recorded_crew on recorded_crew.crew_call_id = crew_calls.id
    left join ledger on ledger.flex_line_item_id = recorded_crew.flex_line_item_id
    left join lines as known
      on known.flex_element_id = confirm_stale.flex_element_id and known.flex_line_item_id = recorded_crew.flex_line_item_id
    where crew_calls.flex_element_id = confirm_stale.flex_element_id
      and (ledger.flex_element_id is null or ledger.flex_element_id = confirm_stale.flex_element_id)
    union all
    -- Where no crew call points any more, the ledger alone remembers what has to be cleaned up.
    select ledger.flex_line_item_id, ledger.flex_resource_id
    from ledger
    where ledger.flex_element_id = confirm_stale.flex_element_id
      and ledger.flex_resource_id is not null
      and ledger.gone_at is null
      and not exists (select from crew_calls where crew_calls.flex_element_id = confirm_stale.flex_element_id)
  ) as recorded
  where not exists (
      select from lines
      where lines.flex_element_id = confirm_stale.flex_element_id
        and lines.flex_line_item_id = recorded.line
        and lines.present
        and (lines.flex_resource_id = recorded.resource or recorded.resource = 'unknown')
    )
    -- Our own removal of it is on its way or just happened.
    and not exists (
      select from outbox
      where outbox.flex_element_id = confirm_stale.flex_element_id
        and outbox.kind = 'remove'
        and outbox.flex_line_item_id = recorded.line
        and outbox.state in ('sending', 'unknown')
    )
  on conflict do nothing;

  for v_stale in
    select missing_lines.flex_line_item_id, missing_lines.flex_resource_id
    from missing_lines, settings
    where missing_lines.flex_element_id = confirm_stale.flex_element_id
      and missing_lines.missing_since + settings.confirm_after <= confirm_stale.began_at
      and missing_lines.missing_since < confirm_stale.began_at
    order by missing_lines.flex_line_item_id
  loop
    insert into lines (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, present, stale_at)
    values (confirm_stale.flex_element_id, v_stale.flex_line_item_id, nullif(v_stale.flex_resource_id, 'unknown'), true, false, confirm_stale.began_at)
    on conflict on constraint lines_pkey do update
    set stale_at = case when lines.present then lines.stale_at else excluded.stale_at end;
    if policy_of(confirm_stale.flex_element_id) = 'report' then
      -- Nothing is written, the host's row neither.
      delete from missing_lines where missing_lines.flex_line_item_id = v_stale.flex_line_item_id;
    else
      perform forget_line(confirm_stale.flex_element_id, v_stale.flex_line_item_id);
    end if;
  end loop;
end
$$;


--
-- Name: FUNCTION confirm_stale(flex_element_id text, began_at timestamp with time zone); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.confirm_stale(flex_element_id text, began_at timestamp with time zone) IS 'Two readings that both lack a recorded line make it stale.';


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: outbox; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.outbox (
    id bigint NOT NULL,
    sync_id bigint,
    crew_call_id uuid,
    flex_element_id text NOT NULL,
    technician_id uuid,
    kind text NOT NULL,
    flex_resource_id text,
    flex_line_item_id text,
    flex_role_id text,
    state text DEFAULT 'pending'::text NOT NULL,
    reason text,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone NOT NULL,
    token uuid,
    lease_until timestamp with time zone,
    deadline timestamp with time zone,
    http_status integer,
    error text,
    created_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    unknown_at timestamp with time zone,
    finished_at timestamp with time zone,
    priority smallint DEFAULT 0 NOT NULL,
    reading_at timestamp with time zone,
    after_operation_id bigint,
    persons jsonb DEFAULT '[]'::jsonb NOT NULL,
    brake text,
    limited boolean DEFAULT false NOT NULL,
    retries integer DEFAULT 0 NOT NULL,
    call_number bigint,
    superseded_at timestamp with time zone,
    CONSTRAINT "a known state" CHECK ((state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text, 'held'::text, 'done'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT "a removal names its line" CHECK (((kind <> 'remove'::text) OR (flex_line_item_id IS NOT NULL))),
    CONSTRAINT "an add names its resource" CHECK (((kind <> 'add'::text) OR (flex_resource_id IS NOT NULL))),
    CONSTRAINT "an operation is observe, add, set_role or remove" CHECK ((kind = ANY (ARRAY['observe'::text, 'add'::text, 'set_role'::text, 'remove'::text]))),
    CONSTRAINT "only removals are held" CHECK (((state <> 'held'::text) OR (kind = 'remove'::text))),
    CONSTRAINT "what is over has an end" CHECK (((state = ANY (ARRAY['done'::text, 'failed'::text, 'cancelled'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT "what is sent is claimed" CHECK (((state <> 'sending'::text) OR ((token IS NOT NULL) AND (lease_until IS NOT NULL) AND (deadline IS NOT NULL))))
)
WITH (fillfactor='70');


--
-- Name: TABLE outbox; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.outbox IS 'Operations: what has to be done in Flex, what is being done and what was done. See docs/states.md.';


--
-- Name: COLUMN outbox.attempts; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.outbox.attempts IS 'Sends that may have reached Flex and were executed or are unresolved; what was certainly not executed does not count.';


--
-- Name: COLUMN outbox.due_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.outbox.due_at IS 'Not before this time. Backoff, confirmation and late checks move it.';


--
-- Name: COLUMN outbox.token; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.outbox.token IS 'Fencing: whoever records an outcome must show the token of the claim.';


--
-- Name: COLUMN outbox.deadline; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.outbox.deadline IS 'When the drainer gives up waiting for an answer; stated at the claim.';


--
-- Name: COLUMN outbox.unknown_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.outbox.unknown_at IS 'When it became clear that nobody knows whether Flex did it.';


--
-- Name: COLUMN outbox.reading_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.outbox.reading_at IS 'Beginning of the reading that confirmed the operation. Null is a preview: it is never sent.';


--
-- Name: COLUMN outbox.after_operation_id; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.outbox.after_operation_id IS 'Waits for this add: it has no line id yet, or the new line must be recorded first.';


--
-- Name: COLUMN outbox.persons; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.outbox.persons IS 'Everyone desired with this resource: [{crew_call_id, technician_id}]; all are recorded with the line.';


--
-- Name: COLUMN outbox.brake; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.outbox.brake IS 'Why a removal is held.';


--
-- Name: COLUMN outbox.limited; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.outbox.limited IS 'Whether removal_limit applies when it is claimed.';


--
-- Name: COLUMN outbox.retries; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.outbox.retries IS 'How often in a row it was certainly not executed; the backoff grows with it.';


--
-- Name: COLUMN outbox.superseded_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.outbox.superseded_at IS 'A failed operation that a later plan replaced or no longer needs.';


--
-- Name: count_call(text, text, timestamp with time zone, flex_sync.outbox); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.count_call(kind text, drainer text, deadline timestamp with time zone, operation flex_sync.outbox DEFAULT NULL::flex_sync.outbox) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_number bigint;
begin
  insert into calls (number, made_at, kind, operation_id, sync_id, flex_element_id, flex_resource_id, flex_line_item_id, flex_role_id,
    attempt, drainer, deadline, reading_at)
  values (
    (select coalesce(max(calls.number), 0) + 1 from calls),
    -- Never before the call before it, whatever the clock did.
    greatest(clock(), (select calls.made_at from calls order by calls.number desc limit 1)),
    count_call.kind,
    (count_call.operation).id,
    (count_call.operation).sync_id,
    (count_call.operation).flex_element_id,
    (count_call.operation).flex_resource_id,
    case when count_call.kind <> 'add' then (count_call.operation).flex_line_item_id end,
    (count_call.operation).flex_role_id,
    (count_call.operation).attempts,
    count_call.drainer,
    count_call.deadline,
    (select elements.reading_at from elements where elements.flex_element_id = (count_call.operation).flex_element_id)
  )
  returning calls.number into v_number;
  return v_number;
end
$$;


--
-- Name: FUNCTION count_call(kind text, drainer text, deadline timestamp with time zone, operation flex_sync.outbox); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.count_call(kind text, drainer text, deadline timestamp with time zone, operation flex_sync.outbox) IS 'Counts one Flex call before it is made.';


--
-- Name: crew_call_or_raise(uuid); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.crew_call_or_raise(crew_call_id uuid) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_element text;
begin
  select crew_calls.flex_element_id into v_element from crew_calls where crew_calls.id = crew_call_or_raise.crew_call_id;
  if found then
    return v_element;
  end if;
  select elements.flex_element_id into v_element
  from elements
  where elements.crew_call_id = crew_call_or_raise.crew_call_id
  order by elements.flex_element_id
  limit 1;
  if found then
    return v_element;
  end if;
  raise exception 'no crew call has the id %', coalesce(crew_call_or_raise.crew_call_id::text, 'null')
    using errcode = 'NOCAL', hint = 'Pass flex_crew_calls.id, not the Flex element id: select crew_call_id, flex_element_id from flex_sync.crew_call_status.';
end
$$;


--
-- Name: FUNCTION crew_call_or_raise(crew_call_id uuid); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.crew_call_or_raise(crew_call_id uuid) IS 'The element of a crew call an operator named, or an error that names the id.';


--
-- Name: decide_removals(uuid, text, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.decide_removals(crew_call_id uuid, plan text, decision text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
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


--
-- Name: FUNCTION decide_removals(crew_call_id uuid, plan text, decision text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.decide_removals(crew_call_id uuid, plan text, decision text) IS 'A person''s yes or no to the held removals of exactly one plan.';


--
-- Name: desired_columns(oid); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.desired_columns(host_table oid) RETURNS text[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  return (
    with recursive
    views as (
      select 'flex_sync.desired_crew'::regclass::oid as id
      union
      select pg_depend.refobjid
      from views
      join pg_rewrite on pg_rewrite.ev_class = views.id
      join pg_depend on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid and pg_depend.refclassid = 'pg_class'::regclass
      join pg_class on pg_class.oid = pg_depend.refobjid and pg_class.relkind = 'v'
    )
    select coalesce(array_agg(distinct pg_attribute.attname::text), '{}')
    from views
    join pg_rewrite on pg_rewrite.ev_class = views.id
    join pg_depend on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid
      and pg_depend.refclassid = 'pg_class'::regclass and pg_depend.refobjid = desired_columns.host_table
    join pg_attribute on pg_attribute.attrelid = pg_depend.refobjid and pg_attribute.attnum = pg_depend.refobjsubid
  );
end
$$;


--
-- Name: FUNCTION desired_columns(host_table oid); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.desired_columns(host_table oid) IS 'The columns of a table that the view desired_crew names.';


--
-- Name: desired_of(uuid); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.desired_of(crew_call_id uuid) RETURNS TABLE(technician_id uuid, resource text, problem text, role_code text, role_id text)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 40
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET row_security TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
  return query
  with
  -- Each id and each tier is worked out once, whatever they cost.
  people as materialized (
    select desired_crew.technician_id, flex_id(desired_crew.flex_resource_id) as id, is_flex_id(desired_crew.flex_resource_id) as well_formed,
      desired_crew.role_code, tier_of(desired_crew.role_code) as tier
    from desired_crew
    where desired_crew.crew_call_id = desired_of.crew_call_id
      and desired_crew.technician_id is not null
  ),
  tiers as materialized (
    select upper(btrim(business_roles.tier)) as tier, business_roles.flex_role_id
    from business_roles
    where lower(btrim(business_roles.department)) = (
      select crew_calls.department from crew_calls where crew_calls.id = desired_of.crew_call_id
    )
  )
  select distinct on (people.technician_id)
    people.technician_id,
    case when people.well_formed then people.id end,
    case
      when people.id is null then 'no_resource'
      when not people.well_formed then 'malformed_id'
    end,
    people.role_code,
    tiers.flex_role_id
  from people
  left join tiers on tiers.tier = people.tier
  order by
    people.technician_id,
    -- To the last column: whoever is listed twice is read as the same one each time.
    people.well_formed desc, tiers.flex_role_id is null, people.role_code, people.id, tiers.flex_role_id;
end
$$;


--
-- Name: FUNCTION desired_of(crew_call_id uuid); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.desired_of(crew_call_id uuid) IS 'Who one crew call should show, one row per person, with ids that can be compared.';


--
-- Name: desired_or_nobody(uuid); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.desired_or_nobody(crew_call_id uuid) RETURNS TABLE(technician_id uuid, resource text, problem text, role_code text, role_id text)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 20
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
begin
  return query select * from desired_of(desired_or_nobody.crew_call_id);
exception
  when others then
    return;
end
$$;


--
-- Name: FUNCTION desired_or_nobody(crew_call_id uuid); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.desired_or_nobody(crew_call_id uuid) IS 'desired_of for views that people read; nothing where the host''s view cannot be read.';


--
-- Name: disable_auto_sync(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.disable_auto_sync() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET client_min_messages TO 'warning'
    AS $$
begin
  perform from pg_trigger
  where pg_trigger.tgname like 'flex\_sync\_auto\_%'
    and pg_trigger.tgrelid in ('public.job_assignments'::regclass, 'public.profiles'::regclass, 'public.flex_crew_calls'::regclass);
  if not found then
    return;
  end if;
  drop trigger if exists flex_sync_auto_insert on public.job_assignments;
  drop trigger if exists flex_sync_auto_update on public.job_assignments;
  drop trigger if exists flex_sync_auto_delete on public.job_assignments;
  drop trigger if exists flex_sync_auto_truncate on public.job_assignments;
  -- As earlier versions had it.
  drop trigger if exists flex_sync_auto_update_from on public.job_assignments;
  drop trigger if exists flex_sync_auto_insert on public.profiles;
  drop trigger if exists flex_sync_auto_update on public.profiles;
  drop trigger if exists flex_sync_auto_insert on public.flex_crew_calls;
  drop trigger if exists flex_sync_auto_update on public.flex_crew_calls;
  perform log_operator('disable_auto_sync', '{}');
end
$$;


--
-- Name: FUNCTION disable_auto_sync(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.disable_auto_sync() IS 'Takes the triggers of enable_auto_sync away again.';


--
-- Name: doubt_element(text, text, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.doubt_element(flex_element_id text, reason text, error text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  update elements
  set doubt_reason = doubt_element.reason, doubt_error = doubt_element.error, doubt_at = clock()
  where elements.flex_element_id = doubt_element.flex_element_id;
end
$$;


--
-- Name: FUNCTION doubt_element(flex_element_id text, reason text, error text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.doubt_element(flex_element_id text, reason text, error text) IS 'A reading cannot be trusted: nothing is written on this element until a good one.';


--
-- Name: doubt_of_lines(jsonb); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.doubt_of_lines(lines jsonb) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  if doubt_of_lines.lines is null or jsonb_typeof(doubt_of_lines.lines) <> 'array' then
    return format('not_an_array: the lines are %s', coalesce(jsonb_typeof(doubt_of_lines.lines), 'missing'));
  end if;
  return coalesce(
    (
      select 'row_not_an_object: a line is ' || jsonb_typeof(line.value)
      from jsonb_array_elements(doubt_of_lines.lines) as line
      where jsonb_typeof(line.value) <> 'object'
      limit 1
    ),
    (
      select 'resource_without_line_id: resource ' || (line.value ->> 'flex_resource_id')
      from jsonb_array_elements(doubt_of_lines.lines) as line
      where flex_id(line.value ->> 'flex_line_item_id') is null
      limit 1
    ),
    (
      select 'repeated_line_id: line ' || flex_id(line.value ->> 'flex_line_item_id')
      from jsonb_array_elements(doubt_of_lines.lines) as line
      group by flex_id(line.value ->> 'flex_line_item_id')
      having count(*) > 1
      limit 1
    )
  );
end
$$;


--
-- Name: FUNCTION doubt_of_lines(lines jsonb); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.doubt_of_lines(lines jsonb) IS 'Why a list of lines cannot be trusted, or null.';


--
-- Name: elements_with_old_readings(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.elements_with_old_readings() RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_settings settings;
  v_too_old timestamptz;
begin
  select settings.* into v_settings from settings;
  v_too_old := greatest(v_now - v_settings.max_reading_age, server_started_at());
  return query
  select outbox.flex_element_id
  from outbox
  left join elements on elements.flex_element_id = outbox.flex_element_id
  left join element_health on element_health.flex_element_id = outbox.flex_element_id
  where outbox.state = 'pending'
    and outbox.kind <> 'observe'
    and outbox.after_operation_id is null
    and outbox.due_at <= v_now
    and outbox.reading_at <= v_too_old
    and elements.blocked_reason is null
    -- No reading comes sooner than that: to look again would change nothing.
    and (element_health.backoff_until is null or element_health.backoff_until <= v_now)
    and not (outbox.limited and removals_within_the_hour() >= v_settings.removal_limit)
    -- A reading that waits for later, such as a background one, comes now; one for this very reason may be backing off.
    and not exists (
      select from outbox as reading
      where reading.flex_element_id = outbox.flex_element_id
        and reading.kind = 'observe'
        and (
          reading.state = 'sending'
          or reading.state = 'pending' and (reading.due_at <= v_now or reading.reason = 'reading_too_old')
        )
    );
end
$$;


--
-- Name: FUNCTION elements_with_old_readings(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.elements_with_old_readings() IS 'The elements where writes wait whose reading became too old to send them on.';


--
-- Name: enable_auto_sync(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.enable_auto_sync() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  if (
    select count(*) from pg_trigger
    where pg_trigger.tgname like 'flex\_sync\_auto\_%'
      and pg_trigger.tgrelid in ('public.job_assignments'::regclass, 'public.profiles'::regclass, 'public.flex_crew_calls'::regclass)
  ) = 8 then
    return;
  end if;
  perform disable_auto_sync();
  create trigger flex_sync_auto_insert after insert on public.job_assignments
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_update after update on public.job_assignments
    referencing old table as former_rows new table as changed_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_delete after delete on public.job_assignments
    referencing old table as former_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_truncate after truncate on public.job_assignments
    for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_insert after insert on public.profiles
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_profiles();
  create trigger flex_sync_auto_update after update on public.profiles
    referencing old table as former_rows new table as changed_rows for each statement execute function flex_sync.note_changed_profiles();
  create trigger flex_sync_auto_insert after insert on public.flex_crew_calls
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_mapping();
  create trigger flex_sync_auto_update after update on public.flex_crew_calls
    referencing old table as former_rows new table as changed_rows for each statement execute function flex_sync.note_changed_mapping();
  perform log_operator('enable_auto_sync', '{}');
end
$$;


--
-- Name: FUNCTION enable_auto_sync(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.enable_auto_sync() IS 'Triggers that request syncs when the crew changes; off by default.';


--
-- Name: enter_ledger(text, text, text, uuid, uuid, text, bigint); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.enter_ledger(flex_line_item_id text, flex_element_id text, flex_resource_id text, crew_call_id uuid, technician_id uuid, source text, operation_id bigint DEFAULT NULL::bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  insert into ledger (flex_line_item_id, flex_element_id, flex_resource_id, crew_call_id, technician_id, source, operation_id, entered_at)
  values (
    enter_ledger.flex_line_item_id, enter_ledger.flex_element_id, enter_ledger.flex_resource_id, enter_ledger.crew_call_id,
    enter_ledger.technician_id, enter_ledger.source, enter_ledger.operation_id, clock()
  )
  on conflict on constraint ledger_pkey do update
  set
    gone_at = null,
    flex_element_id = coalesce(ledger.flex_element_id, excluded.flex_element_id),
    -- Adopting says whose line it is now; everything else only fills what was not known.
    flex_resource_id = case when excluded.source = 'adopted' then excluded.flex_resource_id else coalesce(ledger.flex_resource_id, excluded.flex_resource_id) end,
    source = case when excluded.source = 'adopted' then excluded.source else ledger.source end;
end
$$;


--
-- Name: FUNCTION enter_ledger(flex_line_item_id text, flex_element_id text, flex_resource_id text, crew_call_id uuid, technician_id uuid, source text, operation_id bigint); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.enter_ledger(flex_line_item_id text, flex_element_id text, flex_resource_id text, crew_call_id uuid, technician_id uuid, source text, operation_id bigint) IS 'A line is ours from now on.';


--
-- Name: explain(uuid, boolean); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.explain(crew_call_id uuid, allow_mass_removal boolean DEFAULT false) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_element constant text := crew_call_or_raise(explain.crew_call_id);
  v_status crew_call_status;
  v_read_at timestamptz;
  v_text text;
  v_plan text;
begin
  select crew_call_status.* into v_status from crew_call_status where crew_call_status.crew_call_id = explain.crew_call_id and crew_call_status.flex_element_id is not distinct from v_element;
  select elements.reading_at into v_read_at from elements where elements.flex_element_id = v_element;
  v_text := concat_ws(E'\n',
    format('Crew call %s (%s): %s%s', explain.crew_call_id, coalesce(printable(v_status.department),
      case when exists (select from crew_calls where crew_calls.id = explain.crew_call_id) then 'no department' else 'retired' end), v_status.condition, coalesce(', ' || v_status.reason, '')),
    'In the way: ' || what_stands_in_the_way(v_status.condition, v_status.reason, v_element) || '.',
    case
      when not is_flex_id(v_element) then null
      when v_read_at is null then format('Element %s was never read: the plan below knows only what is desired and recorded.', v_element)
      else format('Element %s, read %s ago (%s), policy %s.', v_element, ago(v_read_at), to_char(v_read_at, 'YYYY-MM-DD HH24:MI:SS TZ'), policy_of(v_element))
    end
  );

  if is_flex_id(v_element) then
    begin
      select string_agg(E'\n  ' || printable(tell_planned(planned)), ''
        order by array_position(array['hold', 'contest', 'wait', 'confirm', 'add', 'remove', 'set_role', 'wait_role', 'unmapped', 'report', 'keep'], planned.action),
          planned.technician_id, planned.flex_line_item_id)
      into v_plan
      from plan_element(v_element, explain.allow_mass_removal) as planned
      where planned.crew_call_id = explain.crew_call_id;
      v_text := v_text || coalesce(v_plan, E'\n  nobody is desired and nobody is there');
    exception
      when others then
        v_text := v_text || E'\n  no plan: ' || printable(sqlerrm);
    end;
  end if;
  return v_text || coalesce(E'\nNext: ' || v_status.next_action, '');
end
$$;


--
-- Name: FUNCTION explain(crew_call_id uuid, allow_mass_removal boolean); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.explain(crew_call_id uuid, allow_mass_removal boolean) IS 'The plan of a crew call in words.';


--
-- Name: finish_answered_syncs(text, timestamp with time zone); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.finish_answered_syncs(flex_element_id text, began_at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_sync record;
begin
  for v_sync in
    select syncs.id
    from syncs
    where syncs.flex_element_id = finish_answered_syncs.flex_element_id
      and syncs.finished_at is null
      and syncs.reading_at <= finish_answered_syncs.began_at
    order by syncs.id
  loop
    perform finish_sync(v_sync.id);
  end loop;
end
$$;


--
-- Name: FUNCTION finish_answered_syncs(flex_element_id text, began_at timestamp with time zone); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.finish_answered_syncs(flex_element_id text, began_at timestamp with time zone) IS 'finish_sync() for every sync of an element that a reading answers.';


--
-- Name: finish_sync(bigint); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.finish_sync(sync_id bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_sync record;
begin
  select syncs.id, syncs.crew_call_id, syncs.flex_element_id, syncs.reading_at into v_sync
  from syncs
  where syncs.id = finish_sync.sync_id
    -- "is null", said so that the id finds the row: the index of open syncs has entries of all that ever were, under an old snapshot.
    and coalesce(syncs.finished_at, 'infinity') = 'infinity'
  for update;
  -- A sync that waits for a good reading goes on waiting, unless nothing can be read.
  if not found or not exists (
    select from elements
    where elements.flex_element_id = v_sync.flex_element_id
      and (elements.reading_at >= v_sync.reading_at or elements.blocked_reason is not null)
  ) or exists (
    select from outbox
    where outbox.sync_id = v_sync.id
      and outbox.state in ('pending', 'sending')
  ) then
    return;
  end if;

  update syncs
  set
    finished_at = clock(),
    added = done.added,
    removed = done.removed,
    roles_set = done.roles_set,
    failed = done.failed,
    flex_calls = (select count(*) from calls where calls.sync_id = v_sync.id)
  from (
    select
      count(*) filter (where outbox.kind = 'add' and outbox.state = 'done') as added,
      count(*) filter (where outbox.kind = 'remove' and outbox.state = 'done') as removed,
      count(*) filter (where outbox.kind = 'set_role' and outbox.state = 'done') as roles_set,
      count(*) filter (where outbox.state = 'failed') as failed
    from outbox
    where outbox.sync_id = v_sync.id
  ) as done
  where syncs.id = v_sync.id;

  update syncs
  set outcome = case when exists (
    select from elements where elements.flex_element_id = v_sync.flex_element_id and elements.blocked_reason is not null
  ) then 'blocked' else (
    select state.condition
    from state_of_crew_call(v_sync.crew_call_id, v_sync.flex_element_id, not exists (
      select from crew_calls where crew_calls.id = v_sync.crew_call_id and crew_calls.flex_element_id = v_sync.flex_element_id
    )) as state
  ) end
  where syncs.id = v_sync.id;

  perform pg_notify('flex_sync_done', v_sync.id::text);
  if exists (select from syncs where syncs.flex_element_id = v_sync.flex_element_id and syncs.finished_at is null) then
    perform note_element(v_sync.flex_element_id, 'a waiting sync may go on', false);
  end if;
end
$$;


--
-- Name: FUNCTION finish_sync(sync_id bigint); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.finish_sync(sync_id bigint) IS 'Closes a sync that has nothing pending or in flight any more, and lets the waiting one go on.';


--
-- Name: flex_id(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.flex_id(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select case
    when pg_catalog.btrim(value, E' \t\r\n') operator(pg_catalog.<>) '' then pg_catalog.lower(pg_catalog.btrim(value, E' \t\r\n'))
  end
$$;


--
-- Name: FUNCTION flex_id(value text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.flex_id(value text) IS 'A Flex id as it is compared, locked and sent: trimmed, lower-case, null when blank.';


--
-- Name: forget_elements(timestamp with time zone, integer); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.forget_elements(before timestamp with time zone, batch integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_element record;
  v_number int := 0;
begin
  for v_element in
    select elements.flex_element_id, elements.crew_call_id
    from elements
    where coalesce(greatest(elements.reading_at, elements.reading_wanted_at, elements.doubt_at, elements.blocked_at), '-infinity') < forget_elements.before
      and not exists (select from crew_calls where crew_calls.flex_element_id = elements.flex_element_id)
      and not exists (select from ledger where ledger.flex_element_id = elements.flex_element_id and ledger.gone_at is null)
      and not exists (select from outbox where outbox.flex_element_id = elements.flex_element_id and outbox.state in ('pending', 'sending', 'unknown', 'held'))
      and not exists (select from syncs where syncs.flex_element_id = elements.flex_element_id and syncs.finished_at is null)
      and not exists (select from due_elements where due_elements.flex_element_id = elements.flex_element_id)
    order by elements.flex_element_id
    limit forget_elements.batch
  loop
    continue when not pg_try_advisory_xact_lock(hashtextextended('flex_sync element ' || v_element.flex_element_id, 0));
    -- A failure that nothing will try again is history like the rest.
    update outbox
    set superseded_at = clock()
    where outbox.flex_element_id = v_element.flex_element_id and outbox.state = 'failed' and outbox.superseded_at is null;
    delete from lines where lines.flex_element_id = v_element.flex_element_id;
    delete from missing_lines where missing_lines.flex_element_id = v_element.flex_element_id;
    delete from removal_decisions where removal_decisions.flex_element_id = v_element.flex_element_id;
    delete from last_decisions where last_decisions.flex_element_id = v_element.flex_element_id;
    delete from element_health where element_health.flex_element_id = v_element.flex_element_id;
    delete from elements where elements.flex_element_id = v_element.flex_element_id;
    delete from crew_call_settings
    where crew_call_settings.crew_call_id = v_element.crew_call_id
      and not exists (select from crew_calls where crew_calls.id = v_element.crew_call_id);
    delete from crew_call_blocks
    where crew_call_blocks.crew_call_id = v_element.crew_call_id
      and not exists (select from crew_calls where crew_calls.id = v_element.crew_call_id);
    v_number := v_number + 1;
  end loop;
  return v_number;
end
$$;


--
-- Name: FUNCTION forget_elements(before timestamp with time zone, batch integer); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.forget_elements(before timestamp with time zone, batch integer) IS 'Forgets elements that no crew call points at, where nothing of ours is left and nothing happened since.';


--
-- Name: forget_line(text, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.forget_line(flex_element_id text, flex_line_item_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET lock_timeout TO '500ms'
    AS $$
declare
  v_error text;
  v_calls uuid[];
  v_rows record;
begin
  update ledger
  set gone_at = coalesce(ledger.gone_at, clock())
  where ledger.flex_line_item_id = forget_line.flex_line_item_id;
  delete from missing_lines where missing_lines.flex_line_item_id = forget_line.flex_line_item_id;
  delete from removal_decisions where removal_decisions.flex_line_item_id = forget_line.flex_line_item_id;

  -- The crew call that the line was made for may point elsewhere by now; its row must not name it either.
  select array_agg(crew_calls.id) into v_calls
  from crew_calls
  where crew_calls.flex_element_id = forget_line.flex_element_id
    or crew_calls.id = (select ledger.crew_call_id from ledger where ledger.flex_line_item_id = forget_line.flex_line_item_id);
  begin
    select array_agg(flex_crew_assignments.crew_call_id) as crew_call_ids, array_agg(flex_crew_assignments.technician_id) as technician_ids,
      array_agg(flex_crew_assignments.flex_line_item_id::text) as lines
    into v_rows
    from public.flex_crew_assignments
    where flex_crew_assignments.crew_call_id = any (v_calls)
      and lower(btrim(flex_crew_assignments.flex_line_item_id::text, E' \t\r\n')) = forget_line.flex_line_item_id;
    if v_rows.lines is not null then
      perform remove_assignments(v_rows.crew_call_ids, v_rows.technician_ids, v_rows.lines);
    end if;
    perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));
  exception
    when lock_not_available or deadlock_detected then
      perform note_element(forget_line.flex_element_id, 'a row of flex_crew_assignments was locked', true);
    when others then
      get stacked diagnostics v_error = message_text;
      insert into crew_call_blocks (crew_call_id, reason, error, since)
      select call.id, 'host_table', format('line %s: %s', forget_line.flex_line_item_id, v_error), clock()
      from unnest(v_calls) as call (id)
      on conflict on constraint crew_call_blocks_pkey do update
      set reason = excluded.reason, error = excluded.error;
      -- Its next look, in an hour, is queued by whoever has the element's lock.
      perform note_element(forget_line.flex_element_id, 'flex_crew_assignments refused a row', false);
  end;
end
$$;


--
-- Name: FUNCTION forget_line(flex_element_id text, flex_line_item_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.forget_line(flex_element_id text, flex_line_item_id text) IS 'A line is gone from Flex: no row of the host names it any more.';


--
-- Name: forget_removed(bigint[]); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.forget_removed(operation_ids bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET enable_seqscan TO 'on'
    SET enable_hashjoin TO 'on'
    SET enable_mergejoin TO 'on'
    AS $$
begin
  perform forget_line(removed.flex_element_id, removed.flex_line_item_id)
  from (
    select outbox.flex_element_id, outbox.flex_line_item_id
    from outbox
    where outbox.id = any (forget_removed.operation_ids)
      and outbox.kind = 'remove'
    order by outbox.flex_element_id, outbox.flex_line_item_id
  ) as removed;
end
$$;


--
-- Name: FUNCTION forget_removed(operation_ids bigint[]); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.forget_removed(operation_ids bigint[]) IS 'The lines that removals took away are gone: forget_line for each.';


--
-- Name: grant_privileges(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.grant_privileges() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_before constant oid[] := string_to_array(current_setting('flex_sync.objects_before', true), ',')::oid[];
  v_object record;
  v_role text;
begin
  for v_object in
    select 'function' as type, pg_proc.oid::regprocedure::text as name, pg_proc.proname as plain
    from pg_proc
    where pg_proc.pronamespace = 'flex_sync'::regnamespace
      and pg_proc.oid <> all (coalesce(v_before, '{}'))
    union all
    select case pg_class.relkind when 'S' then 'sequence' else 'table' end, pg_class.oid::regclass::text, pg_class.relname
    from pg_class
    where pg_class.relnamespace = 'flex_sync'::regnamespace
      and pg_class.relkind in ('r', 'p', 'v', 'm', 'S')
      and pg_class.oid <> all (coalesce(v_before, '{}'))
  loop
    foreach v_role in array array['public', 'anon', 'authenticated', 'service_role'] loop
      if v_role = 'public' or to_regrole(v_role) is not null then
        execute format('revoke all on %s %s from %s', v_object.type, v_object.name, v_role);
      end if;
    end loop;

    if v_object.type = 'table' then
      execute format('grant select on table %s to flex_sync_operator', v_object.name);
    elsif v_object.type = 'function' and v_object.plain in ('explain', 'history', 'state_of_crew_call', 'stays_by_policy', 'ago', 'name_of', 'next_action') then
      -- What applications ask, and what the views call, so that whoever may read them can: the drainer for its page.
      execute format('grant execute on function %s to flex_sync_app, flex_sync_drainer, flex_sync_operator', v_object.name);
    elsif v_object.type = 'function' and v_object.plain = 'set_resync_interval' then
      execute format('grant execute on function %s to flex_sync_operator', v_object.name);
    elsif v_object.type = 'function' and v_object.plain = 'record_done' then
      execute format('grant execute on function %s to flex_sync_drainer', v_object.name);
    end if;
  end loop;
  perform flex_sync.share_with_service_role(v_before);
end
$$;


--
-- Name: FUNCTION grant_privileges(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.grant_privileges() IS 'Who may do what with the objects that a migration added; the last statement of each migration.';


--
-- Name: hash_of_held(text[], text[]); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.hash_of_held(flex_line_item_ids text[], flex_resource_ids text[]) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  return (
    select md5(string_agg(held.line || ' ' || coalesce(held.resource, ''), ',' order by held.line))
    from unnest(hash_of_held.flex_line_item_ids, hash_of_held.flex_resource_ids) as held (line, resource)
  );
end
$$;


--
-- Name: FUNCTION hash_of_held(flex_line_item_ids text[], flex_resource_ids text[]); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.hash_of_held(flex_line_item_ids text[], flex_resource_ids text[]) IS 'The name of a set of held removals, for approve_removals and reject_removals.';


--
-- Name: held_plan(uuid, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.held_plan(crew_call_id uuid, flex_element_id text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  return (
    select hash_of_held(array_agg(held.flex_line_item_id), array_agg(held.flex_resource_id))
    from outbox as held
    where held.flex_element_id = held_plan.flex_element_id
      and held.crew_call_id = held_plan.crew_call_id
      and held.kind = 'remove'
      and held.state = 'held'
  );
end
$$;


--
-- Name: FUNCTION held_plan(crew_call_id uuid, flex_element_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.held_plan(crew_call_id uuid, flex_element_id text) IS 'The name of what is held for a crew call on an element, for approve_removals and reject_removals.';


--
-- Name: history(uuid, uuid, timestamp with time zone); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.history(crew_call_id uuid, technician_id uuid DEFAULT NULL::uuid, since timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS SETOF flex_sync.happened
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_call constant uuid := history.crew_call_id;
  v_person constant uuid := history.technician_id;
  v_since constant timestamptz := coalesce(history.since, '-infinity');
  v_elements text[];
begin
  select array_agg(found.flex_element_id) into v_elements
  from (
    select crew_calls.flex_element_id from crew_calls where crew_calls.id = v_call and is_flex_id(crew_calls.flex_element_id)
    union
    select elements.flex_element_id from elements where elements.crew_call_id = v_call
    union
    select syncs.flex_element_id from syncs where syncs.crew_call_id = v_call and syncs.flex_element_id is not null
  ) as found;
  if v_elements is null and not exists (select from syncs where syncs.crew_call_id = v_call) then
    -- Nothing happened yet; of an id that nobody knows that is an error.
    perform from crew_calls where crew_calls.id = v_call;
    if not found then
      raise exception 'no crew call has the id %', coalesce(v_call::text, 'null')
        using errcode = 'NOCAL', hint = 'Pass flex_crew_calls.id, not the Flex element id: select crew_call_id, flex_element_id from flex_sync.crew_call_status.';
    end if;
  end if;

  return query
  with
  runs as materialized (
    select syncs.* from syncs where syncs.crew_call_id = v_call or syncs.flex_element_id = any (v_elements)
  ),
  -- Operations, each once for every person of this crew call whom it was for.
  operations as materialized (
    select outbox.*, person.technician_id as for_technician
    from outbox
    cross join lateral (
      select outbox.technician_id where outbox.crew_call_id = v_call
      union
      select (person ->> 'technician_id')::uuid from jsonb_array_elements(outbox.persons) as person where (person ->> 'crew_call_id')::uuid = v_call
    ) as person
    where outbox.kind <> 'observe'
      and (
        outbox.crew_call_id = v_call
        or (outbox.persons <> '[]' and outbox.sync_id in (select runs.id from runs))
      )
  ),
  -- Every resource that somebody of this crew call has or had.
  resources as materialized (
    select desired.technician_id, desired.resource from desired_or_nobody(v_call) as desired
    union
    select ledger.technician_id, ledger.flex_resource_id from ledger where ledger.flex_element_id = any (v_elements) and ledger.crew_call_id = v_call
    union
    select operations.for_technician, operations.flex_resource_id from operations
    union
    select decisions.technician_id, decisions.flex_resource_id from decisions where decisions.crew_call_id = v_call
  ),
  people as materialized (
    select resources.technician_id, resources.resource
    from resources
    where resources.technician_id is not null
      and resources.resource is not null
      and (v_person is null or resources.technician_id = v_person)
  ),
  -- Complete readings since then, and the one before, to tell what was new.
  looked as materialized (
    select readings.id, readings.flex_element_id, readings.recorded_at, readings.line_count, readings.operation_id, readings.lines,
      outbox.sync_id, outbox.http_status
    from readings
    left join outbox on outbox.id = readings.operation_id
    where readings.flex_element_id = any (v_elements)
      and readings.recorded_at >= coalesce((
        select max(earlier.recorded_at) from readings as earlier
        where earlier.flex_element_id = readings.flex_element_id and earlier.recorded_at < v_since
      ), '-infinity')
  ),
  shown as (
    select looked.id, people.technician_id, array_agg(distinct lower(btrim(line.flex_line_item_id))) as lines
    from looked
    cross join lateral jsonb_to_recordset(looked.lines) as line (flex_line_item_id text, flex_resource_id text)
    join people on people.resource = lower(btrim(line.flex_resource_id))
    group by looked.id, people.technician_id
  ),
  compared as (
    select looked.id, looked.recorded_at, looked.operation_id, looked.sync_id, looked.http_status, person.technician_id,
      coalesce(shown.lines, '{}') as lines,
      coalesce(lag(shown.lines) over (partition by looked.flex_element_id, person.technician_id order by looked.recorded_at, looked.id), '{}') as lines_before
    from looked
    cross join (select distinct people.technician_id from people) as person
    left join shown on shown.id = looked.id and shown.technician_id = person.technician_id
  ),
  said as (
    select syncs.requested_at as at, null::uuid as technician_id, 'request' as what, 'opened' as outcome, null::text as reason, syncs.requested_by as who,
      null::bigint as operation_id, syncs.id as sync_id, null::int as http_status,
      case
        when syncs.requested_by like 'flex-crew-sync: %' then format('A reading found something to do (%s).', substr(syncs.requested_by, 17))
        when syncs.requested_by = 'auto sync' then 'The crew changed, and its trigger asked for a sync.'
        else format('%s asked for a sync%s.', syncs.requested_by, case when syncs.crew_call_id <> v_call then format(' of crew call %s, which shares the element', syncs.crew_call_id) else '' end)
      end as detail,
      1 as position, syncs.id as id
    from runs as syncs
    union all
    select joined_requests.requested_at, null, 'request', 'joined', null, joined_requests.requested_by, null, joined_requests.sync_id, null,
      format('%s asked too and joined sync %s.', joined_requests.requested_by, joined_requests.sync_id), 1, joined_requests.id
    from joined_requests
    where joined_requests.sync_id in (select runs.id from runs)
    union all
    select decisions.decided_at, decisions.technician_id, 'plan', decisions.decision,
      case when decisions.decision = 'hold' then decisions.brake else decisions.reason end, null, null, decisions.sync_id, null,
      tell_decision(decisions), 4, decisions.id
    from decisions
    where decisions.flex_element_id = any (v_elements)
      and (decisions.crew_call_id = v_call or decisions.crew_call_id is null)
      and (
        v_person is null
        or decisions.technician_id = v_person
        or (decisions.technician_id is null and (
          decisions.decision = 'blocked'
          or decisions.flex_resource_id in (select people.resource from people)
          or decisions.flex_line_item_id in (select unnest(shown.lines) from shown)
        ))
      )
    union all
    select calls.made_at, operations.for_technician, 'call', coalesce(calls.outcome, 'sending'), calls.kind, calls.drainer, calls.operation_id, calls.sync_id,
      calls.http_status, tell_call(calls, operations.flex_line_item_id), 2, calls.number
    from operations
    join calls on calls.operation_id = operations.id and calls.kind = operations.kind
    where v_person is null
      or operations.for_technician = v_person
      or (operations.for_technician is null and operations.flex_resource_id in (select people.resource from people))
    union all
    -- A reading that was good is told by what it showed.
    select calls.made_at, null, 'call', coalesce(calls.outcome, 'sending'), calls.kind, calls.drainer, calls.operation_id, calls.sync_id,
      calls.http_status, tell_call(calls, null), 2, calls.number
    from calls
    where calls.flex_element_id = any (v_elements)
      and calls.kind in ('observe', 'identity', 'user')
      and not (calls.kind = 'observe' and calls.outcome is not distinct from 'done')
    union all
    select compared.recorded_at, compared.technician_id, 'reading',
      case
        when compared.lines = compared.lines_before then case when compared.lines = '{}' then 'not_seen' else 'still_seen' end
        when compared.lines_before = '{}' then 'seen'
        when compared.lines = '{}' then 'gone'
        else 'changed'
      end,
      null, null, compared.operation_id, compared.sync_id, compared.http_status,
      case
        when compared.lines = '{}' and compared.lines_before = '{}' then 'A reading showed no line of the person.'
        when compared.lines = '{}' then format('A reading showed line %s of the person no longer.', array_to_string(compared.lines_before, ', '))
        when compared.lines = compared.lines_before then format('A reading still showed line %s of the person.', array_to_string(compared.lines, ', '))
        else format('A reading showed line %s of the person%s.', array_to_string(compared.lines, ', '),
          case when compared.lines_before = '{}' then ' for the first time' else ', before it was ' || array_to_string(compared.lines_before, ', ') end)
      end,
      3, compared.id
    from compared
    where compared.lines <> compared.lines_before
      or (v_person is not null and compared.sync_id is not null)
    union all
    select looked.recorded_at, null, 'reading', 'read', null, null, looked.operation_id, looked.sync_id, looked.http_status,
      format('A reading showed %s line%s.', looked.line_count, case when looked.line_count = 1 then '' else 's' end), 3, looked.id
    from looked
    where v_person is null
      and looked.sync_id is not null
    union all
    select settled.at, operations.for_technician, 'settled', settled.outcome, calls.kind, null, calls.operation_id, calls.sync_id, null,
      case settled.outcome
        when 'landed' then format('A reading showed that the unanswered %s was done%s.', settled.name, coalesce(': line ' || calls.flex_line_item_id, ''))
        when 'absent' then format('A reading proved that the unanswered %s was not done.', settled.name)
        else format('One more reading showed that the %s did not land late.', settled.name)
      end,
      3, calls.number
    from operations
    join calls on calls.operation_id = operations.id and calls.kind = operations.kind and calls.outcome = 'unknown'
    cross join lateral (
      select outcome.*, replace(calls.kind, 'set_role', 'role write') as name
      from (values
        (calls.absent_at, 'absent'),
        (case when calls.absent_at is null or (calls.kind = 'add' and calls.flex_line_item_id is not null) then calls.late_checked_at end, 'landed'),
        (case when calls.absent_at is not null and (calls.kind <> 'add' or calls.flex_line_item_id is null) then calls.late_checked_at end, 'not_late')
      ) as outcome (at, outcome)
    ) as settled
    where settled.at is not null
      and (v_person is null or operations.for_technician = v_person
        or (operations.for_technician is null and operations.flex_resource_id in (select people.resource from people)))
    union all
    select operations.finished_at, operations.for_technician, 'ended', operations.state, operations.reason, null, operations.id, operations.sync_id, operations.http_status,
      format('%s %s.', case operations.kind when 'add' then 'The add' when 'remove' then 'The removal of line ' || operations.flex_line_item_id else 'The role write' end,
        case operations.reason
          when 'not_wanted' then 'was cancelled before it was sent: it is not wanted any more'
          when 'blocked' then 'was cancelled before it was sent: the crew call is blocked'
          when 'points_elsewhere' then 'was cancelled before it was sent: the crew call points at another element'
          when 'waited_in_vain' then 'was cancelled: what it waited for was not done'
          when 'denied' then 'was cancelled: Flex denies access to the crew call'
          when 'refused' then 'failed: Flex said no' || coalesce(' (' || translate(left(operations.error, 200), E'\r\n\t', '   ') || ')', '')
          when 'not_accepted' then 'failed: it was sent too often, each time proved absent'
          when 'contested' then 'failed: somebody keeps deleting the line in Flex'
          else 'was ' || operations.state
        end), 5, operations.id
    from operations
    where operations.state in ('cancelled', 'failed')
      and (v_person is null or operations.for_technician = v_person
        or (operations.for_technician is null and operations.flex_resource_id in (select people.resource from people)))
    union all
    select syncs.finished_at, null, 'sync', syncs.outcome, null, null, null, syncs.id, null,
      format('Sync %s ended %s after %s s: %s added, %s removed, %s roles set, %s kept, %s failed, %s Flex calls.', syncs.id, syncs.outcome,
        round(extract(epoch from syncs.duration)::numeric, 1), syncs.added, syncs.removed, syncs.roles_set, syncs.kept, syncs.failed, syncs.flex_calls), 6, syncs.id
    from runs as syncs
    where syncs.finished_at is not null
    union all
    select operator_log.at, null, 'operator', operator_log.action, null, operator_log.who, (operator_log.arguments ->> 'operation_id')::bigint, null, null,
      format('%s: %s%s.', operator_log.who, operator_log.action, coalesce(nullif(' ' || (operator_log.arguments - 'crew_call_id')::text, ' {}'), '')), 0, operator_log.id
    from operator_log
    where operator_log.arguments ->> 'crew_call_id' = v_call::text
      or (operator_log.arguments ->> 'operation_id')::bigint in (select operations.id from operations)
      or operator_log.action in ('pause', 'resume')
  )
  select date_trunc('milliseconds', said.at), said.technician_id, said.what, said.outcome, said.reason, said.who, said.operation_id, said.sync_id, said.http_status, said.detail
  from said
  where said.at >= v_since
  order by said.at, said.position, said.id;
end
$$;


--
-- Name: FUNCTION history(crew_call_id uuid, technician_id uuid, since timestamp with time zone); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.history(crew_call_id uuid, technician_id uuid, since timestamp with time zone) IS 'What happened on one crew call, or to one person there: requests, decisions, Flex calls, readings and operators'' actions, in the order of time.';


--
-- Name: host_error(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.host_error() RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET row_security TO 'off'
    AS $$
declare
  v_error text;
begin
  perform from crew_calls limit 1;
  perform from recorded_crew limit 1;
  return null;
exception
  when others then
    get stacked diagnostics v_error = message_text;
    return v_error;
end
$$;


--
-- Name: FUNCTION host_error(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.host_error() IS 'Why the host''s crew calls or their recorded crew cannot be read in full; null when they can.';


--
-- Name: is_flex_id(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.is_flex_id(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select coalesce(
    pg_catalog.btrim(value, E' \t\r\n') operator(pg_catalog.~~) '________-____-____-____-____________'
      and pg_catalog.translate(pg_catalog.btrim(value, E' \t\r\n'), '0123456789abcdefABCDEF', '') operator(pg_catalog.=) '----',
    false
  )
$$;


--
-- Name: FUNCTION is_flex_id(value text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.is_flex_id(value text) IS 'Whether an id is UUID-shaped once trimmed; anything else is never sent to Flex.';


--
-- Name: join_sync(bigint, boolean, uuid, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.join_sync(sync_id bigint, allow_mass_removal boolean, crew_call_id uuid, requested_by text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  update syncs
  set
    requests = syncs.requests + 1,
    last_requested_at = clock(),
    reading_at = null,
    allow_mass_removal = syncs.allow_mass_removal or join_sync.allow_mass_removal
  where syncs.id = join_sync.sync_id;
  insert into joined_requests (sync_id, crew_call_id, requested_at, requested_by)
  values (join_sync.sync_id, join_sync.crew_call_id, clock(), join_sync.requested_by);
end
$$;


--
-- Name: FUNCTION join_sync(sync_id bigint, allow_mass_removal boolean, crew_call_id uuid, requested_by text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.join_sync(sync_id bigint, allow_mass_removal boolean, crew_call_id uuid, requested_by text) IS 'One more request for a sync that still waits for its reading.';


--
-- Name: know_element(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.know_element(flex_element_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_call record;
begin
  select crew_calls.id, crew_calls.job_id, crew_calls.department into v_call
  from crew_calls
  where crew_calls.flex_element_id = know_element.flex_element_id
  order by crew_calls.id
  limit 1;

  insert into elements (flex_element_id, crew_call_id, job_id, department)
  select
    know_element.flex_element_id,
    coalesce(v_call.id, (
      select ledger.crew_call_id from ledger
      where ledger.flex_element_id = know_element.flex_element_id and ledger.crew_call_id is not null
      order by ledger.crew_call_id limit 1
    )),
    v_call.job_id,
    v_call.department
  where not exists (select from elements where elements.flex_element_id = know_element.flex_element_id);
  if v_call.id is null then
    update elements
    set retired_at = clock()
    where elements.flex_element_id = know_element.flex_element_id
      and elements.retired_at is null;
    return;
  end if;

  update elements
  set crew_call_id = v_call.id, job_id = v_call.job_id, department = v_call.department, retired_at = null
  where elements.flex_element_id = know_element.flex_element_id
    and (
      (elements.crew_call_id, elements.job_id, elements.department) is distinct from (v_call.id, v_call.job_id, v_call.department)
      or elements.retired_at is not null
    );
end
$$;


--
-- Name: FUNCTION know_element(flex_element_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.know_element(flex_element_id text) IS 'Makes sure an element has its row and remembers the crew call that points at it.';


--
-- Name: lacks_every_recorded_line(text, jsonb, timestamp with time zone); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.lacks_every_recorded_line(flex_element_id text, lines jsonb, began_at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET row_security TO 'off'
    AS $$
declare
  v_recorded text[];
begin
  select array_agg(recorded_crew.flex_line_item_id) into v_recorded
  from crew_calls
  join recorded_crew on recorded_crew.crew_call_id = crew_calls.id
  left join ledger on ledger.flex_line_item_id = recorded_crew.flex_line_item_id
  where crew_calls.flex_element_id = lacks_every_recorded_line.flex_element_id
    and (ledger.flex_element_id is null or ledger.flex_element_id = lacks_every_recorded_line.flex_element_id)
    and not exists (
      -- What we just wrote ourselves is not expected in a reading begun before.
      select from flex_sync.lines as known
      where known.flex_element_id = lacks_every_recorded_line.flex_element_id
        and known.flex_line_item_id = recorded_crew.flex_line_item_id
        and known.added_at > lacks_every_recorded_line.began_at
    );
  if v_recorded is null then
    return false;
  end if;
  if exists (
    select from jsonb_array_elements(lacks_every_recorded_line.lines) as line
    where flex_id(line.value ->> 'flex_line_item_id') = any (v_recorded)
  ) then
    return false;
  end if;
  return not exists (
    select from elements
    join missing_lines on missing_lines.flex_element_id = elements.flex_element_id
    where elements.flex_element_id = lacks_every_recorded_line.flex_element_id
      and elements.identity_checked_at >= missing_lines.missing_since
  );
end
$$;


--
-- Name: FUNCTION lacks_every_recorded_line(flex_element_id text, lines jsonb, began_at timestamp with time zone); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.lacks_every_recorded_line(flex_element_id text, lines jsonb, began_at timestamp with time zone) IS 'Whether a reading lacks every recorded line, so that the element itself may be gone.';


--
-- Name: lock_budget(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.lock_budget() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_xact_lock(hashtextextended('flex_sync budget', 0));
end
$$;


--
-- Name: FUNCTION lock_budget(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.lock_budget() IS 'One claim at a time over all drainers, until the transaction ends.';


--
-- Name: lock_element(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.lock_element(flex_element_id text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_xact_lock(hashtextextended('flex_sync element ' || lock_element.flex_element_id, 0));
end
$$;


--
-- Name: FUNCTION lock_element(flex_element_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.lock_element(flex_element_id text) IS 'One planner at a time per Flex document, until the transaction ends.';


--
-- Name: lock_element_of(uuid); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.lock_element_of(crew_call_id uuid) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_element text;
  v_after text;
begin
  loop
    select crew_calls.flex_element_id into v_element from crew_calls where crew_calls.id = lock_element_of.crew_call_id;
    if v_element is null then
      return null;
    end if;
    begin
      perform lock_element(v_element);
      select crew_calls.flex_element_id into v_after from crew_calls where crew_calls.id = lock_element_of.crew_call_id;
      if v_after is distinct from v_element then
        -- Leaving the block by an error releases the lock that it took.
        raise exception 'moved' using errcode = 'MOVED';
      end if;
      return v_element;
    exception
      when sqlstate 'MOVED' then
        null;
    end;
  end loop;
end
$$;


--
-- Name: FUNCTION lock_element_of(crew_call_id uuid); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.lock_element_of(crew_call_id uuid) IS 'Locks the element that a crew call points at and answers which it is, read again after the lock.';


--
-- Name: log_operator(text, jsonb); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.log_operator(action text, arguments jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  insert into operator_log (at, who, action, arguments)
  values (clock(), who_acts(), log_operator.action, log_operator.arguments);
end
$$;


--
-- Name: FUNCTION log_operator(action text, arguments jsonb); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.log_operator(action text, arguments jsonb) IS 'Leaves a trace of who did what, with what, and what it changed.';


--
-- Name: may_sync(uuid); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.may_sync(crew_call_id uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
begin
  return true;
end
$$;


--
-- Name: FUNCTION may_sync(crew_call_id uuid); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.may_sync(crew_call_id uuid) IS 'The host''s hook: whether the current session may ask for this sync. Created once, yours to replace.';


--
-- Name: name_of(uuid); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.name_of(technician_id uuid) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $_$
declare
  v_columns text[];
  v_expression text;
  v_name text;
begin
  select array_agg(pg_attribute.attname::text) into v_columns
  from pg_attribute
  where pg_attribute.attrelid = 'public.profiles'::regclass
    and pg_attribute.attname in ('full_name', 'first_name', 'last_name', 'display_name', 'name')
    and not pg_attribute.attisdropped;
  v_expression := case
    when v_columns @> '{full_name}' then 'full_name::text'
    when v_columns && '{first_name,last_name}' then (
      select format('concat_ws('' '', %s)', string_agg(format('nullif(%I::text, '''')', part.name), ', ' order by part.name))
      from unnest(v_columns) as part (name)
      where part.name in ('first_name', 'last_name')
    )
    when v_columns @> '{display_name}' then 'display_name::text'
    when v_columns @> '{name}' then 'name::text'
  end;
  if v_expression is not null then
    execute format('select left(btrim(%s), 80) from public.profiles where profiles.id = $1', v_expression)
    into v_name
    using name_of.technician_id;
  end if;
  return coalesce(nullif(v_name, '') || ' ', '') || coalesce(name_of.technician_id::text, 'somebody');
exception
  when others then
    return name_of.technician_id::text;
end
$_$;


--
-- Name: FUNCTION name_of(technician_id uuid); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.name_of(technician_id uuid) IS 'How people call somebody: the name that the host''s profiles have, and the id.';


--
-- Name: next_action(text, text, uuid, bigint, text, uuid[]); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.next_action(condition text, reason text, crew_call_id uuid, operation_id bigint, plan text, people uuid[]) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
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


--
-- Name: FUNCTION next_action(condition text, reason text, crew_call_id uuid, operation_id bigint, plan text, people uuid[]); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.next_action(condition text, reason text, crew_call_id uuid, operation_id bigint, plan text, people uuid[]) IS 'What a person does about a condition.';


--
-- Name: next_reading(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.next_reading(flex_element_id text) RETURNS TABLE(due_at timestamp with time zone, reason text, sync_id bigint, priority smallint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_waiting constant bigint := waiting_request(next_reading.flex_element_id);
  v_settings settings;
  v_element elements;
  v_read_at timestamptz;
begin
  if v_waiting is not null then
    return query select v_now, 'requested', v_waiting, 0::smallint;
    return;
  end if;

  select settings.* into v_settings from settings;
  select elements.* into v_element from elements where elements.flex_element_id = next_reading.flex_element_id;
  v_read_at := coalesce(v_element.reading_at, '-infinity');

  return query
  with
  active as (
    select max(syncs.id) as id
    from syncs
    where syncs.flex_element_id = next_reading.flex_element_id
      and syncs.finished_at is null
      and syncs.reading_at is not null
  ),
  needs as (
    -- A request waits for a reading begun after it; an active sync may end first, for ten seconds.
    select
      case when exists (select from active where active.id < syncs.id) then syncs.requested_at + interval '10 s' else v_now end as due_at,
      'requested' as reason, syncs.id as sync_id, 0 as priority
    from syncs
    where syncs.flex_element_id = next_reading.flex_element_id
      and syncs.finished_at is null
      and (syncs.reading_at is null or syncs.reading_at > v_read_at)
      and not exists (
        select from outbox
        where outbox.flex_element_id = next_reading.flex_element_id
          and outbox.kind = 'observe'
          and outbox.state = 'sending'
          and outbox.sync_id = syncs.id
      )
    union all
    -- Lines that one reading lacked, in the same sync.
    select min(missing_lines.missing_since) + v_settings.confirm_after, 'confirming', (select active.id from active), 0
    from missing_lines
    where missing_lines.flex_element_id = next_reading.flex_element_id
      and v_element.blocked_reason is null
    having count(*) > 0
    union all
    -- Unanswered writes: at once, then when their absence can be proved.
    select
      case when v_read_at <= min(outbox.unknown_at) then v_now
        else min(outbox.deadline) + v_settings.late_landing + interval '1 ms' end,
      'unknown', null, 0
    from outbox
    where outbox.flex_element_id = next_reading.flex_element_id
      and outbox.state = 'unknown'
      and v_element.blocked_reason is null
    group by v_read_at <= outbox.unknown_at
    union all
    -- Proved absent: once more, whether it landed late after all.
    select min(calls.absent_at) + v_settings.late_landing, 'late_check', null, 0
    from calls
    where calls.flex_element_id = next_reading.flex_element_id
      and calls.unanswered
      and calls.absent_at is not null
      and calls.late_checked_at is null
      and v_element.blocked_reason is null
    having count(*) > 0
    union all
    select v_element.reading_wanted_at, 'asked', null, 0
    where v_element.reading_wanted_at >= v_read_at
      -- An element that nothing points at and nothing of ours is on is nobody's business.
      and (
        exists (select from crew_calls where crew_calls.flex_element_id = next_reading.flex_element_id)
        or exists (select from ledger where ledger.flex_element_id = next_reading.flex_element_id and ledger.gone_at is null)
        or exists (select from outbox where outbox.flex_element_id = next_reading.flex_element_id and outbox.state in ('sending', 'unknown'))
      )
    union all
    -- Writes that are due, but whose reading is too old to send them on.
    select min(outbox.due_at), 'reading_too_old', (select active.id from active), 0
    from outbox
    where outbox.flex_element_id = next_reading.flex_element_id
      and outbox.kind <> 'observe'
      and outbox.state = 'pending'
      and outbox.reading_at is not null
      and outbox.after_operation_id is null
      and (outbox.reading_at <= v_now - v_settings.max_reading_age or outbox.reading_at <= server_started_at())
      -- What removal_limit holds back needs no reading before a removal is free again.
      and not (outbox.limited and removals_within_the_hour() >= v_settings.removal_limit)
      and v_element.blocked_reason is null
    having count(*) > 0
    union all
    select v_element.blocked_at + interval '1 hour', 'blocked', null, 1
    where v_element.blocked_reason is not null
      -- Nobody can request the clean-up of an element that no crew call points at any more.
      and (
        exists (select from crew_calls where crew_calls.flex_element_id = next_reading.flex_element_id)
        or exists (select from ledger where ledger.flex_element_id = next_reading.flex_element_id and ledger.gone_at is null)
      )
    union all
    -- Rows that the host's table refused: it may take them by now.
    select greatest(min(crew_call_blocks.since), v_read_at) + interval '1 hour', 'blocked', null, 1
    from crew_calls
    join crew_call_blocks on crew_call_blocks.crew_call_id = crew_calls.id
    where crew_calls.flex_element_id = next_reading.flex_element_id
    having count(*) > 0
    union all
    -- Up to a fifth earlier, so that what was read together is not read together for ever; see begin_background_readings.
    select greatest(
      greatest(v_element.reading_at, v_element.doubt_at)
        + least(min(coalesce(crew_call_settings.resync_interval, v_settings.resync_interval)), interval '10 years')
        * (0.8 + 0.2 * (hashtextextended(v_element.flex_element_id || extract(epoch from v_element.reading_at)::text, 0) & 1023) / 1023),
      v_element.background_at
    ), 'background', null, 1
    from crew_calls
    left join crew_call_settings on crew_call_settings.crew_call_id = crew_calls.id
    where crew_calls.flex_element_id = next_reading.flex_element_id
      and v_element.reading_at is not null
    having min(coalesce(crew_call_settings.resync_interval, v_settings.resync_interval)) is not null
  )
  select
    greatest(needs.due_at, (
      select element_health.backoff_until from element_health where element_health.flex_element_id = next_reading.flex_element_id
    )),
    needs.reason,
    -- Whatever it is for, the reading answers a request that waits too.
    coalesce((select max(waiting.sync_id) from needs as waiting where waiting.reason = 'requested'), needs.sync_id),
    needs.priority::smallint
  from needs
  -- What is due already is equally pressing, so that a request is never held up as a background reading.
  order by greatest(needs.due_at, v_now), needs.priority, needs.due_at
  limit 1;
end
$$;


--
-- Name: FUNCTION next_reading(flex_element_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.next_reading(flex_element_id text) IS 'When an element has to be read again, and what for; no row when nothing waits for a reading.';


--
-- Name: next_sync_work_at(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.next_sync_work_at() RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_due timestamptz;
begin
  perform from tenant where tenant.paused_at is not null or tenant.breaker_opened_at is not null;
  if found or (select calls_left.left_now from calls_left()) <= 0 then
    return null;
  end if;
  select min(greatest(case when outbox.state = 'sending' then outbox.lease_until else outbox.due_at end, element_health.backoff_until)) into v_due
  from syncs
  join outbox on outbox.sync_id = syncs.id
  left join element_health on element_health.flex_element_id = outbox.flex_element_id
  left join elements on elements.flex_element_id = outbox.flex_element_id
  where syncs.finished_at is null
    and (
      outbox.state = 'sending'
      or (
        outbox.state = 'pending'
        and outbox.after_operation_id is null
        and (outbox.kind = 'observe' or (outbox.reading_at is not null and elements.doubt_reason is null and elements.blocked_reason is null))
      )
    );
  return v_due;
end
$$;


--
-- Name: FUNCTION next_sync_work_at(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.next_sync_work_at() IS 'When the next operation of an unfinished sync falls due.';


--
-- Name: next_work_at(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.next_work_at() RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_sort TO 'off'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_tenant tenant;
  v_due timestamptz;
  v_frees_at timestamptz;
  v_other timestamptz;
  v_removal_at timestamptz;
  v_two_at timestamptz;
  v_max_reading_age constant interval := (select settings.max_reading_age from settings);
  v_limited boolean;
begin
  select tenant.* into v_tenant from tenant;
  if v_tenant.paused_at is not null then
    return null;
  end if;
  -- What ran out earlier was taken over: see take_over_expired.
  select min(outbox.lease_until) into v_other from outbox where outbox.state = 'sending' and outbox.lease_until > v_now - interval '15 min';
  if v_tenant.breaker_opened_at is not null then
    -- A probe is a call like any other.
    return least(v_other, greatest(v_tenant.probe_at, (select calls_left.frees_at from calls_left())));
  end if;

  -- When removal_limit lets the next line go: the oldest of the last that used it up leaves the hour.
  if removals_within_the_hour() >= (select settings.removal_limit from settings) then
    v_removal_at := coalesce((
      select outbox.finished_at + interval '1 hour'
      from outbox
      where outbox.kind = 'remove' and outbox.state = 'done' and outbox.finished_at > v_now - interval '1 hour'
      order by outbox.finished_at desc
      offset greatest((select settings.removal_limit from settings) - 1, 0)
      limit 1
    ), 'infinity');
  end if;

  v_two_at := two_calls_free_at();
  -- Anything due already? Then there is no need to look at everything that waits.
  perform from outbox
  left join element_health on element_health.flex_element_id = outbox.flex_element_id
  left join elements on elements.flex_element_id = outbox.flex_element_id
  where outbox.state = 'pending'
    and outbox.after_operation_id is null
    and outbox.due_at <= v_now
    and not (v_two_at is not null and case outbox.kind
      when 'observe' then outbox.reason is not distinct from 'reading_too_old'
      else outbox.reading_at <= v_now - v_max_reading_age
    end)
    and (element_health.backoff_until is null or element_health.backoff_until <= v_now)
    and not (outbox.limited and coalesce(v_removal_at > v_now, false))
    and (outbox.kind = 'observe' or (outbox.reading_at is not null and elements.doubt_reason is null and elements.blocked_reason is null))
  order by outbox.priority, outbox.due_at, outbox.id
  limit 1;
  if found then
    return least(v_other, greatest(v_now, (select calls_left.frees_at from calls_left())));
  end if;

  select
    min(greatest(
      outbox.due_at,
      element_health.backoff_until,
      -- A reading too old is made anew once a call is left for the write as well.
      case when case outbox.kind when 'observe' then outbox.reason = 'reading_too_old' else outbox.reading_at <= v_now - v_max_reading_age end then v_two_at end
    )) filter (
      where not (outbox.limited and coalesce(v_removal_at > v_now, false))
        and (outbox.kind = 'observe' or (outbox.reading_at is not null and elements.doubt_reason is null and elements.blocked_reason is null))
    ),
    bool_or(outbox.limited)
  into v_due, v_limited
  from outbox
  left join element_health on element_health.flex_element_id = outbox.flex_element_id
  left join elements on elements.flex_element_id = outbox.flex_element_id
  where outbox.state = 'pending'
    and outbox.after_operation_id is null;
  if v_removal_at > v_now and v_limited then
    v_due := least(v_due, v_removal_at);
  end if;
  if v_due is not null then
    select calls_left.frees_at into v_frees_at from calls_left();
    v_due := greatest(v_due, v_frees_at);
  end if;
  return least(v_other, v_due);
end
$$;


--
-- Name: FUNCTION next_work_at(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.next_work_at() IS 'When a drainer has to look again although nothing notifies it; null when nothing waits for time to pass.';


--
-- Name: nobodys_lines(uuid); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.nobodys_lines(crew_call_id uuid) RETURNS TABLE(flex_line_item_id text)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 20
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_element constant text := (select crew_calls.flex_element_id from crew_calls where crew_calls.id = nobodys_lines.crew_call_id);
  v_wanted text[];
begin
  perform from lines
  where lines.flex_element_id = v_element and lines.present and lines.is_contact and lines.flex_resource_id is not null
    and not exists (select from ledger where ledger.flex_line_item_id = lines.flex_line_item_id);
  if not found then
    return;
  end if;
  select array_agg(desired.resource) into v_wanted
  from crew_calls
  cross join lateral desired_or_nobody(crew_calls.id) as desired
  where crew_calls.flex_element_id = v_element
    and desired.resource is not null;

  return query
  select lines.flex_line_item_id
  from lines
  where lines.flex_element_id = v_element
    and lines.present
    and lines.is_contact
    and lines.flex_resource_id is not null
    and lines.flex_resource_id <> all (coalesce(v_wanted, '{}'))
    and not exists (select from ledger where ledger.flex_line_item_id = lines.flex_line_item_id)
    and not exists (
      select from recorded_crew
      where recorded_crew.crew_call_id = nobodys_lines.crew_call_id and recorded_crew.flex_line_item_id = lines.flex_line_item_id
    );
end
$$;


--
-- Name: FUNCTION nobodys_lines(crew_call_id uuid); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.nobodys_lines(crew_call_id uuid) IS 'Contact lines on a crew call''s element that are nobody''s.';


--
-- Name: note_block(text, uuid, uuid, text, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_block(flex_element_id text, crew_call_id uuid, technician_id uuid, reason text, error text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_now constant timestamptz := clock();
begin
  insert into decisions (decided_at, flex_element_id, crew_call_id, technician_id, decision, reason, error)
  select v_now, note_block.flex_element_id, note_block.crew_call_id, note_block.technician_id, 'blocked', note_block.reason, left(note_block.error, 500)
  where not exists (
    select from decisions
    where decisions.flex_element_id = note_block.flex_element_id
      and decisions.decided_at > v_now - interval '1 day'
      and decisions.decision = 'blocked'
      and decisions.technician_id is not distinct from note_block.technician_id
      and (decisions.reason, decisions.error) is not distinct from (note_block.reason, left(note_block.error, 500))
  );
end
$$;


--
-- Name: FUNCTION note_block(flex_element_id text, crew_call_id uuid, technician_id uuid, reason text, error text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_block(flex_element_id text, crew_call_id uuid, technician_id uuid, reason text, error text) IS 'Remembers that nothing could be done, for the history.';


--
-- Name: note_changed_assignments(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_changed_assignments() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_column constant text := coalesce(tg_argv[0], 'job_id');
  v_ids uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(distinct (to_jsonb(changed_rows) ->> v_column)::uuid) into v_ids from changed_rows;
  elsif tg_op = 'DELETE' then
    select array_agg(distinct (to_jsonb(former_rows) ->> v_column)::uuid) into v_ids from former_rows;
  elsif tg_op = 'UPDATE' then
    -- Compared as text, which every type has.
    with
    changed as (
      select to_jsonb(changed_rows) ->> v_column as id, changed_rows::text as content from changed_rows
    ),
    former as (
      select to_jsonb(former_rows) ->> v_column as id, former_rows::text as content from former_rows
    ),
    differing as (
      (select changed.id, changed.content from changed except select former.id, former.content from former)
      union all
      (select former.id, former.content from former except select changed.id, changed.content from changed)
    )
    select array_agg(distinct differing.id::uuid) into v_ids from differing;
  else
    perform note_elements(array_agg(distinct crew_calls.flex_element_id), 'the crew was truncated', false, true)
    from crew_calls
    where crew_calls.id in (select recorded_crew.crew_call_id from recorded_crew);
    return null;
  end if;

  if v_ids is not null then
    perform note_elements(array_agg(distinct crew_calls.flex_element_id), 'the crew changed', false, true)
    from crew_calls
    where crew_calls.job_id = any (v_ids)
      or crew_calls.id = any (v_ids);
  end if;
  return null;
exception
  when others then
    return null;
end
$$;


--
-- Name: FUNCTION note_changed_assignments(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_changed_assignments() IS 'Asks for a sync of the crew calls whose crew changed: a statement trigger, also for other tables that desired_crew reads.';


--
-- Name: note_changed_crew_call(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_changed_crew_call() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
begin
  if tg_op = 'DELETE' or flex_id(old.flex_element_id::text) is distinct from flex_id(new.flex_element_id::text) then
    perform note_element(flex_id(old.flex_element_id::text), 'a crew call was deleted or points elsewhere', true);
  end if;
  return null;
exception
  when others then
    return null;
end
$$;


--
-- Name: FUNCTION note_changed_crew_call(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_changed_crew_call() IS 'Notes the old element of a crew call that was deleted or points elsewhere.';


--
-- Name: note_changed_interval(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_changed_interval() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
begin
  if to_jsonb(old) ->> 'resync_interval' is not distinct from to_jsonb(new) ->> 'resync_interval' then
    return null;
  end if;
  if tg_relid = 'settings'::regclass then
    perform note_elements(array_agg(elements.flex_element_id), 'resync_interval changed', false, false)
    from elements
    where elements.reading_at is not null;
  else
    perform note_elements(array_agg(crew_calls.flex_element_id), 'resync_interval changed', false, false)
    from crew_calls
    where crew_calls.id in ((to_jsonb(old) ->> 'crew_call_id')::uuid, (to_jsonb(new) ->> 'crew_call_id')::uuid);
  end if;
  return null;
end
$$;


--
-- Name: FUNCTION note_changed_interval(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_changed_interval() IS 'Notes the elements whose background reading has to be timed anew.';


--
-- Name: note_changed_mapping(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_changed_mapping() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_columns text[];
begin
  if tg_op = 'INSERT' then
    perform note_elements(array_agg(distinct flex_id(changed_rows.flex_element_id::text)), 'a crew call was mapped', false, true)
    from changed_rows;
    return null;
  end if;
  v_columns := desired_columns(tg_relid) || array['job_id', 'department', 'flex_element_id'];
  perform note_elements(array_agg(distinct flex_id(changed.row_now ->> 'flex_element_id')), 'a crew call was mapped', false, true)
  from (
    select to_jsonb(changed_rows) as row_now, to_jsonb(former_rows) as row_before
    from changed_rows
    left join former_rows on former_rows.id = changed_rows.id
  ) as changed
  where exists (
    select from unnest(v_columns) as compared (name)
    where changed.row_now -> compared.name is distinct from changed.row_before -> compared.name
  );
  return null;
exception
  when others then
    return null;
end
$$;


--
-- Name: FUNCTION note_changed_mapping(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_changed_mapping() IS 'Asks for a sync of crew calls that were made or changed.';


--
-- Name: note_changed_policy(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_changed_policy() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_element text;
begin
  if to_jsonb(old) ->> 'policy' is not distinct from to_jsonb(new) ->> 'policy' then
    return null;
  end if;
  for v_element in
    select distinct outbox.flex_element_id
    from outbox
    where outbox.state = 'pending'
      and outbox.kind <> 'observe'
      and outbox.reading_at is not null
      and (
        tg_relid = 'settings'::regclass
        or outbox.flex_element_id in (
          select crew_calls.flex_element_id
          from crew_calls
          where crew_calls.id in ((to_jsonb(old) ->> 'crew_call_id')::uuid, (to_jsonb(new) ->> 'crew_call_id')::uuid)
        )
      )
    order by outbox.flex_element_id
  loop
    update outbox
    set reading_at = null
    where outbox.id in (
      select confirmed.id
      from outbox as confirmed
      where confirmed.flex_element_id = v_element
        and confirmed.kind <> 'observe'
        and confirmed.state = 'pending'
        and confirmed.reading_at is not null
      order by confirmed.id
      for update skip locked
    );
    perform note_element(v_element, 'the policy changed', true);
  end loop;
  return null;
end
$$;


--
-- Name: FUNCTION note_changed_policy(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_changed_policy() IS 'What another policy let go waits for a plan of a new reading.';


--
-- Name: note_changed_profiles(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_changed_profiles() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_columns text[];
  v_people uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(changed_rows.id::uuid) into v_people from changed_rows;
  else
    v_columns := desired_columns(tg_relid) || array['flex_resource_id'];
    select array_agg(changed.id) into v_people
    from (
      select changed_rows.id::uuid as id, to_jsonb(changed_rows) as row_now, to_jsonb(former_rows) as row_before
      from changed_rows
      left join former_rows on former_rows.id = changed_rows.id
    ) as changed
    where exists (
      select from unnest(v_columns) as compared (name)
      where changed.row_now -> compared.name is distinct from changed.row_before -> compared.name
    );
  end if;
  if v_people is not null then
    perform note_elements(array_agg(distinct crew_calls.flex_element_id), 'a resource changed', false, true)
    from crew_calls
    where crew_calls.job_id in (
        select job_assignments.job_id from public.job_assignments where job_assignments.technician_id = any (v_people)
      )
      or crew_calls.id in (select recorded_crew.crew_call_id from recorded_crew where recorded_crew.technician_id = any (v_people));
  end if;
  return null;
exception
  when others then
    return null;
end
$$;


--
-- Name: FUNCTION note_changed_profiles(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_changed_profiles() IS 'Asks for a sync of the crew calls of people whose resource changed.';


--
-- Name: note_decisions(text, flex_sync.planned[], bigint, timestamp with time zone); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_decisions(flex_element_id text, plan flex_sync.planned[], sync_id bigint, reading_at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_before constant jsonb := coalesce((
    select last_decisions.decisions from last_decisions where last_decisions.flex_element_id = note_decisions.flex_element_id
  ), '{}');
  v_decided constant text[] := array['add', 'confirm', 'contest', 'unmapped', 'remove', 'hold', 'report', 'set_role'];
  v_after jsonb;
begin
  with
  said as (
    select
      concat_ws(' ',
        case when planned.action in ('remove', 'hold', 'report') then 'line' when planned.action in ('set_role', 'wait_role') then 'role' else 'person' end,
        planned.crew_call_id,
        case when planned.action in ('remove', 'hold', 'report') then planned.flex_line_item_id else planned.technician_id::text end
      ) as key,
      case when planned.action = any (v_decided) then to_jsonb(array[planned.action, planned.reason, planned.brake, planned.flex_role_id]) end as decided
    from unnest(note_decisions.plan) as planned
    where planned.action <> 'keep'
  )
  -- Whoever waits is where the last decision left them.
  select coalesce(jsonb_object_agg(said.key, coalesce(said.decided, v_before -> said.key)) filter (where said.decided is not null or v_before ? said.key), '{}')
  into v_after
  from said;
  if v_after = v_before then
    return;
  end if;

  insert into decisions (decided_at, flex_element_id, crew_call_id, technician_id, flex_resource_id, flex_line_item_id, flex_role_id,
    decision, reason, brake, sync_id, reading_at)
  select v_now, note_decisions.flex_element_id, planned.crew_call_id, planned.technician_id, planned.flex_resource_id, planned.flex_line_item_id,
    planned.flex_role_id, planned.action, planned.reason, planned.brake, note_decisions.sync_id, note_decisions.reading_at
  from unnest(note_decisions.plan) as planned
  where planned.action = any (v_decided)
    and to_jsonb(array[planned.action, planned.reason, planned.brake, planned.flex_role_id]) is distinct from v_before -> concat_ws(' ',
      case when planned.action in ('remove', 'hold', 'report') then 'line' when planned.action = 'set_role' then 'role' else 'person' end,
      planned.crew_call_id,
      case when planned.action in ('remove', 'hold', 'report') then planned.flex_line_item_id else planned.technician_id::text end
    );

  -- What had to wait for somebody, and does no longer.
  insert into decisions (decided_at, flex_element_id, crew_call_id, technician_id, flex_line_item_id, decision, sync_id, reading_at)
  select v_now, note_decisions.flex_element_id, over.crew_call_id,
    case when over.of = 'person' then over.subject::uuid end,
    case when over.of = 'line' then over.subject end,
    case
      when over.of = 'line' then 'released'
      when kept.technician_id is not null then 'keep'
      else 'drop'
    end,
    note_decisions.sync_id, note_decisions.reading_at
  from (
    select split_part(before.key, ' ', 1) as of, split_part(before.key, ' ', 2)::uuid as crew_call_id, split_part(before.key, ' ', 3) as subject
    from jsonb_each(v_before) as before
    where not v_after ? before.key
      and before.value ->> 0 in ('confirm', 'contest', 'unmapped', 'hold')
  ) as over
  left join (
    select distinct planned.crew_call_id, planned.technician_id from unnest(note_decisions.plan) as planned where planned.action = 'keep'
  ) as kept on kept.crew_call_id = over.crew_call_id and over.of = 'person' and kept.technician_id::text = over.subject;

  insert into last_decisions (flex_element_id, decisions)
  values (note_decisions.flex_element_id, v_after)
  on conflict on constraint last_decisions_pkey do update
  set decisions = excluded.decisions;
end
$$;


--
-- Name: FUNCTION note_decisions(flex_element_id text, plan flex_sync.planned[], sync_id bigint, reading_at timestamp with time zone); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_decisions(flex_element_id text, plan flex_sync.planned[], sync_id bigint, reading_at timestamp with time zone) IS 'Remembers what a plan decided that the one before had not, for the history.';


--
-- Name: note_deleted_job(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_deleted_job() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
begin
  perform note_element(gone.flex_element_id, 'a job was deleted', true)
  from (
    select elements.flex_element_id from elements where elements.job_id::text = old.id::text
    union
    select crew_calls.flex_element_id from crew_calls where crew_calls.job_id::text = old.id::text
  ) as gone;
  return null;
exception
  when others then
    return null;
end
$$;


--
-- Name: FUNCTION note_deleted_job(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_deleted_job() IS 'Notes the elements of a deleted job.';


--
-- Name: note_deleted_profile(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_deleted_profile() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
begin
  perform note_elements(array_agg(distinct ledger.flex_element_id), 'a profile was deleted', true, false)
  from ledger
  where ledger.technician_id = old.id::uuid
    and ledger.gone_at is null;
  return null;
exception
  when others then
    return null;
end
$$;


--
-- Name: FUNCTION note_deleted_profile(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_deleted_profile() IS 'Notes the elements that hold a line of a deleted person.';


--
-- Name: note_element(text, text, boolean); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_element(flex_element_id text, reason text, wants_reading boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  if is_flex_id(note_element.flex_element_id) then
    insert into due_elements (flex_element_id, reason, wants_reading, noted_at)
    values (flex_id(note_element.flex_element_id), note_element.reason, note_element.wants_reading, clock());
    perform pg_notify('flex_sync_work', flex_id(note_element.flex_element_id));
  end if;
end
$$;


--
-- Name: FUNCTION note_element(flex_element_id text, reason text, wants_reading boolean); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_element(flex_element_id text, reason text, wants_reading boolean) IS 'Notes that an element needs a look, without waiting for anybody.';


--
-- Name: note_elements(text[], text, boolean, boolean); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_elements(flex_element_ids text[], reason text, wants_reading boolean, requests_sync boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_setting constant text := format('flex_sync.noted_%s_%s', note_elements.wants_reading, note_elements.requests_sync);
  -- What somebody may have set for the session does not count.
  v_transaction constant text := pg_current_xact_id()::text || ' ';
  v_noted text := coalesce(current_setting(v_setting, true), '');
  v_new text[];
begin
  if not starts_with(v_noted, v_transaction) then
    v_noted := v_transaction;
  end if;
  select array_agg(distinct named.id) into v_new
  from unnest(note_elements.flex_element_ids) as named (id)
  where strpos(v_noted, named.id) = 0
    and is_flex_id(named.id);
  if v_new is null then
    return;
  end if;

  insert into due_elements (flex_element_id, reason, wants_reading, requests_sync, noted_at)
  select new_one.id, note_elements.reason, note_elements.wants_reading, note_elements.requests_sync, clock()
  from unnest(v_new) as new_one (id);
  perform set_config(v_setting, v_noted || array_to_string(v_new, ' ') || ' ', true);
  perform pg_notify('flex_sync_work', '');
end
$$;


--
-- Name: FUNCTION note_elements(flex_element_ids text[], reason text, wants_reading boolean, requests_sync boolean); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_elements(flex_element_ids text[], reason text, wants_reading boolean, requests_sync boolean) IS 'Notes several elements, each once in a transaction, without waiting for anybody.';


--
-- Name: note_failure(text, timestamp with time zone, text, boolean); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_failure(flex_element_id text, sent_at timestamp with time zone, error text, tenant_wide boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_tenant tenant;
begin
  insert into element_health as health (flex_element_id, failures, last_failure_at, backoff_until)
  values (note_failure.flex_element_id, 1, v_now, v_now + backoff(1))
  on conflict on constraint element_health_pkey do update
  set
    failures = health.failures + 1,
    last_failure_at = v_now,
    backoff_until = v_now + backoff(health.failures + 1)
  where health.failures = 0 or health.last_failure_at is null or health.last_failure_at < note_failure.sent_at;

  if not note_failure.tenant_wide then
    return;
  end if;
  update tenant
  set
    failures = tenant.failures + (tenant.failures = 0 or tenant.last_failure_at is null or tenant.last_failure_at < note_failure.sent_at)::int,
    last_failure_at = case
      when tenant.failures = 0 or tenant.last_failure_at is null or tenant.last_failure_at < note_failure.sent_at then v_now
      else tenant.last_failure_at
    end,
    failed_elements = case
      when note_failure.flex_element_id = any (tenant.failed_elements) then tenant.failed_elements
      else (tenant.failed_elements || note_failure.flex_element_id)[1:8]
    end
  returning tenant.* into v_tenant;
  if v_tenant.failures >= 3 and cardinality(v_tenant.failed_elements) >= 2 then
    perform open_breaker('flex_down', note_failure.error);
  end if;
end
$$;


--
-- Name: FUNCTION note_failure(flex_element_id text, sent_at timestamp with time zone, error text, tenant_wide boolean); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_failure(flex_element_id text, sent_at timestamp with time zone, error text, tenant_wide boolean) IS 'The element backs off; three failures in a row over two elements open the breaker.';


--
-- Name: note_success(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.note_success(flex_element_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  update element_health
  set failures = 0, backoff_until = null
  where element_health.flex_element_id = note_success.flex_element_id
    and element_health.failures > 0;
  update tenant
  set failures = 0, failed_elements = '{}'
  where tenant.failures > 0;
  update tenant
  set
    careful_successes = case when tenant.careful_successes + 1 < settings.max_concurrency then tenant.careful_successes + 1 end,
    probe_wait = case when tenant.careful_successes + 1 < settings.max_concurrency then tenant.probe_wait end
  from settings
  where tenant.careful_successes is not null
    and tenant.breaker_opened_at is null;
end
$$;


--
-- Name: FUNCTION note_success(flex_element_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.note_success(flex_element_id text) IS 'Flex answered: failures in a row start again at none.';


--
-- Name: open_breaker(text, text, interval); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.open_breaker(reason text, error text, first_probe interval DEFAULT NULL::interval) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_now constant timestamptz := clock();
begin
  update tenant
  set
    breaker_opened_at = v_now,
    breaker_reason = open_breaker.reason,
    breaker_error = open_breaker.error,
    probe_wait = next.wait,
    probe_at = v_now + case
      when open_breaker.first_probe is null then next.wait
      -- One 429 after another: whoever says "at once" each time is not asked without a rest.
      when next.again then greatest(open_breaker.first_probe, next.wait)
      else greatest(open_breaker.first_probe, interval '1 s')
    end,
    careful_successes = null
  from (
    select again.again, case when again.again then least(tenant.probe_wait * 2, interval '1 min') else interval '5 s' end as wait
    from tenant
    cross join lateral (select open_breaker.reason = 'rate_limited' and tenant.careful_successes is not null as again) as again
  ) as next
  where tenant.breaker_opened_at is null
    -- A refused token tells more than a Flex that answers badly.
    or (open_breaker.reason = 'token_refused' and tenant.breaker_reason <> 'token_refused');

  -- It was open already: of all that Flex asks to wait, the longest counts.
  if not found and open_breaker.reason = 'rate_limited' then
    update tenant
    set probe_at = v_now + open_breaker.first_probe
    where tenant.probe_at < v_now + open_breaker.first_probe;
  end if;
end
$$;


--
-- Name: FUNCTION open_breaker(reason text, error text, first_probe interval); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.open_breaker(reason text, error text, first_probe interval) IS 'Stops all Flex calls of the tenant, for all drainers, until a probe succeeds.';


--
-- Name: open_condition(uuid, text, boolean); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.open_condition(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT pending bigint, OUT limited boolean, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT failed_operation_id bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT last_requested_at timestamp with time zone) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_tenant tenant;
  v_element elements;
  v_operations record;
  v_waiting boolean;
  v_blocked text;
begin
  select tenant.* into v_tenant from tenant;
  select elements.* into v_element from elements where elements.flex_element_id = open_condition.flex_element_id;
  open_condition.observed_at := v_element.reading_at;

  select
    count(*) filter (where outbox.state in ('pending', 'sending') and outbox.priority = 0) as pending,
    count(*) filter (where outbox.state = 'unknown') as unknown,
    count(*) filter (where outbox.state = 'held') as held,
    count(*) filter (where outbox.state = 'failed') as failed,
    min(outbox.id) filter (where outbox.state = 'failed') as failed_operation_id,
    min(outbox.reason) filter (where outbox.state = 'failed') as failed_reason,
    min(outbox.brake) filter (where outbox.state = 'held') as brake,
    coalesce(bool_or(outbox.limited) filter (where outbox.state in ('pending', 'sending') and outbox.kind = 'remove'), false) as limited
  into v_operations
  from outbox
  where outbox.flex_element_id = open_condition.flex_element_id
    and (outbox.state in ('pending', 'sending', 'unknown', 'held') or (outbox.state = 'failed' and outbox.superseded_at is null))
    and (
      outbox.crew_call_id = open_condition.crew_call_id
      or open_condition.retired
      or outbox.persons @> jsonb_build_array(jsonb_build_object('crew_call_id', open_condition.crew_call_id))
    );
  open_condition.pending := v_operations.pending;
  open_condition.limited := v_operations.limited;
  open_condition.unknown := v_operations.unknown;
  open_condition.held := v_operations.held;
  open_condition.failed := v_operations.failed;
  open_condition.failed_operation_id := v_operations.failed_operation_id;
  if v_operations.held > 0 then
    open_condition.plan := held_plan(open_condition.crew_call_id, open_condition.flex_element_id);
  end if;

  v_waiting := exists (
    select from syncs where syncs.flex_element_id = open_condition.flex_element_id and syncs.finished_at is null
  );
  select syncs.last_requested_at into open_condition.last_requested_at
  from syncs
  where syncs.flex_element_id = open_condition.flex_element_id
  order by syncs.id desc
  limit 1;
  select syncs.finished_at into open_condition.last_sync_at
  from syncs
  where syncs.flex_element_id = open_condition.flex_element_id
    and syncs.finished_at is not null
  order by syncs.id desc
  limit 1;

  v_blocked := case
    when open_condition.flex_element_id is null then 'no_element'
    when not is_flex_id(open_condition.flex_element_id) then 'malformed_id'
    when v_element.blocked_reason is not null then v_element.blocked_reason
    when not open_condition.retired and exists (
      select from crew_call_blocks where crew_call_blocks.crew_call_id = open_condition.crew_call_id
    ) then (select crew_call_blocks.reason from crew_call_blocks where crew_call_blocks.crew_call_id = open_condition.crew_call_id)
    when v_tenant.breaker_reason = 'token_refused' and (v_operations.pending > 0 or v_waiting) then 'token_refused'
  end;

  if v_tenant.paused_at is not null then
    open_condition.condition := 'paused';
    open_condition.reason := 'paused';
  elsif v_blocked is not null then
    open_condition.condition := 'blocked';
    open_condition.reason := v_blocked;
  elsif v_operations.failed > 0 then
    open_condition.condition := 'failed';
    open_condition.reason := v_operations.failed_reason;
  elsif v_operations.held > 0 then
    open_condition.condition := 'held';
    open_condition.reason := v_operations.brake;
  elsif v_operations.unknown > 0 then
    open_condition.condition := 'unknown';
    open_condition.reason := 'unanswered';
  elsif exists (
    select from calls
    where calls.flex_element_id = open_condition.flex_element_id
      and calls.unanswered
      and calls.absent_at is not null
      and calls.late_checked_at is null
  ) then
    open_condition.condition := 'unknown';
    open_condition.reason := 'late_check';
  elsif exists (
    select from missing_lines
    join recorded_crew on recorded_crew.flex_line_item_id = missing_lines.flex_line_item_id
    where missing_lines.flex_element_id = open_condition.flex_element_id
      and recorded_crew.crew_call_id = open_condition.crew_call_id
  ) and not open_condition.retired then
    open_condition.condition := 'pending';
    open_condition.reason := 'confirming';
  elsif v_element.doubt_reason is not null and v_tenant.breaker_opened_at is null then
    open_condition.condition := 'pending';
    open_condition.reason := 'doubtful_reading';
  elsif v_operations.pending > 0 or v_waiting then
    open_condition.condition := 'pending';
  elsif open_condition.retired and exists (
    select from ledger where ledger.flex_element_id = open_condition.flex_element_id and ledger.gone_at is null
  ) then
    open_condition.condition := 'pending';
    open_condition.reason := 'retired';
  end if;
end
$$;


--
-- Name: FUNCTION open_condition(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT pending bigint, OUT limited boolean, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT failed_operation_id bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT last_requested_at timestamp with time zone); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.open_condition(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT pending bigint, OUT limited boolean, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT failed_operation_id bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT last_requested_at timestamp with time zone) IS 'What is open or in the way on one crew call, from what is stored.';


--
-- Name: operation_in_flight(bigint, uuid); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.operation_in_flight(operation_id bigint, token uuid) RETURNS flex_sync.outbox
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_operation outbox;
begin
  select outbox.* into v_operation
  from outbox
  where outbox.id = operation_in_flight.operation_id
    and outbox.token = operation_in_flight.token
    and outbox.state = 'sending'
  for update;
  return v_operation;
end
$$;


--
-- Name: FUNCTION operation_in_flight(operation_id bigint, token uuid); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.operation_in_flight(operation_id bigint, token uuid) IS 'The operation, locked, if it is still held by the claim with this token.';


--
-- Name: operations_of(flex_sync.planned[]); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.operations_of(plan flex_sync.planned[]) RETURNS TABLE(kind text, subject text, state text, crew_call_id uuid, technician_id uuid, resource text, line text, role_id text, reason text, brake text, after_resource text, limited boolean, persons jsonb)
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  return query
  with
  planned as materialized (select row_of_plan.* from unnest(operations_of.plan) as row_of_plan),
  -- The first person of each resource stands for everybody who shares it.
  adds as (
    select distinct on (planned.flex_resource_id)
      planned.*,
      jsonb_agg(jsonb_build_object('crew_call_id', planned.crew_call_id, 'technician_id', planned.technician_id)) over (
        partition by planned.flex_resource_id
        order by planned.crew_call_id, planned.technician_id
        rows between unbounded preceding and unbounded following
      ) as persons
    from planned
    where planned.action = 'add'
    order by planned.flex_resource_id, planned.crew_call_id, planned.technician_id
  )
  select 'add', adds.flex_resource_id, 'pending', adds.crew_call_id, adds.technician_id, adds.flex_resource_id, null::text, null::text,
    adds.reason, null::text, null::text, false, adds.persons
  from adds
  union all
  select 'set_role', planned.flex_resource_id, 'pending', planned.crew_call_id, planned.technician_id, planned.flex_resource_id, planned.flex_line_item_id,
    planned.flex_role_id, null, null, planned.after_resource, false, '[]'::jsonb
  from planned
  where planned.action = 'set_role'
  union all
  select 'remove', planned.flex_line_item_id, case when planned.action = 'hold' then 'held' else 'pending' end, planned.crew_call_id, planned.technician_id,
    planned.flex_resource_id, planned.flex_line_item_id, null, planned.reason, planned.brake, planned.after_resource,
    planned.limited, '[]'::jsonb
  from planned
  where planned.action in ('remove', 'hold');
end
$$;


--
-- Name: FUNCTION operations_of(plan flex_sync.planned[]); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.operations_of(plan flex_sync.planned[]) IS 'The operations that a plan asks for: one per resource to add or to give a role, one per line to remove.';


--
-- Name: pause(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.pause(reason text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_was tenant;
begin
  if nullif(btrim(printable(pause.reason)), '') is null then
    raise exception 'a pause needs a reason'
      using errcode = 'NOWHY', hint = 'select flex_sync.pause(''why''); whoever wonders tomorrow reads it.';
  end if;
  select tenant.* into v_was from tenant for update;
  if v_was.paused_at is not null and v_was.paused_reason is not distinct from pause.reason then
    return;
  end if;
  update tenant set paused_at = coalesce(tenant.paused_at, clock()), paused_reason = pause.reason;
  perform log_operator('pause', jsonb_build_object('reason', pause.reason, 'was', v_was.paused_reason));
end
$$;


--
-- Name: FUNCTION pause(reason text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.pause(reason text) IS 'Stops all Flex calls, of all drainers, until resume().';


--
-- Name: pin_search_path(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.pin_search_path(search_path text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  if pin_search_path.search_path <> 'pg_catalog, flex_sync, pg_temp' then
    perform set_config('search_path', 'pg_catalog, flex_sync, pg_temp', false);
  end if;
end
$$;


--
-- Name: FUNCTION pin_search_path(search_path text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.pin_search_path(search_path text) IS 'Looks for names in flex_sync again, whatever a trigger of the host''s set.';


--
-- Name: plan_as_json(uuid, text, flex_sync.planned[]); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.plan_as_json(crew_call_id uuid, flex_element_id text, plan flex_sync.planned[]) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_observed_at timestamptz;
  v_sets jsonb;
begin
  select elements.reading_at into v_observed_at
  from elements
  where elements.flex_element_id = plan_as_json.flex_element_id;

  select jsonb_build_object(
    'observed_at', v_observed_at,
    'stale', case when v_observed_at is not null then coalesce(jsonb_agg(
      jsonb_build_object('technician_id', planned.technician_id, 'flex_line_item_id', (
        select lines.flex_line_item_id from lines
        where lines.flex_element_id = plan_as_json.flex_element_id
          and lines.flex_resource_id = planned.flex_resource_id
          and lines.stale_at is not null
        order by lines.stale_at desc limit 1
      )) order by planned.technician_id
    ) filter (where planned.action = 'add' and planned.reason = 'stale'), '[]') end,
    'to_add', coalesce(jsonb_agg(
      jsonb_build_object('technician_id', planned.technician_id, 'flex_resource_id', planned.flex_resource_id) order by planned.technician_id
    ) filter (where planned.action = 'add'), '[]'),
    'to_remove', coalesce(jsonb_agg(
      jsonb_build_object('technician_id', planned.technician_id, 'flex_line_item_id', planned.flex_line_item_id, 'reason', planned.reason)
      order by planned.flex_line_item_id
    ) filter (where planned.action = 'remove'), '[]'),
    'to_set_role', coalesce(jsonb_agg(
      jsonb_build_object('technician_id', planned.technician_id, 'flex_role_id', planned.flex_role_id) order by planned.technician_id
    ) filter (where planned.action = 'set_role'), '[]'),
    'held', case when v_observed_at is not null then coalesce(jsonb_agg(
      jsonb_build_object('technician_id', planned.technician_id, 'flex_line_item_id', planned.flex_line_item_id, 'reason', planned.reason)
      order by planned.flex_line_item_id
    ) filter (where planned.action = 'hold'), '[]') end,
    'plan', case when v_observed_at is not null then hash_of_held(
      array_agg(planned.flex_line_item_id) filter (where planned.action = 'hold'),
      array_agg(planned.flex_resource_id) filter (where planned.action = 'hold')
    ) end,
    'kept', count(*) filter (where planned.action = 'keep'),
    'unmapped', coalesce(jsonb_agg(
      jsonb_build_object('technician_id', planned.technician_id, 'reason', planned.reason) order by planned.technician_id
    ) filter (where planned.action = 'unmapped'), '[]')
  )
  into v_sets
  from unnest(plan_as_json.plan) as planned
  where planned.crew_call_id = plan_as_json.crew_call_id;
  return v_sets;
end
$$;


--
-- Name: FUNCTION plan_as_json(crew_call_id uuid, flex_element_id text, plan flex_sync.planned[]); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.plan_as_json(crew_call_id uuid, flex_element_id text, plan flex_sync.planned[]) IS 'The sets of one crew call as sync_crew_call answers them.';


--
-- Name: plan_element(text, boolean, timestamp with time zone); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.plan_element(flex_element_id text, allow_mass_removal boolean DEFAULT false, requested_at timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS SETOF flex_sync.planned
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET row_security TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_kept constant planned[] := plan_if_in_sync(plan_element.flex_element_id);
begin
  if v_kept is not null then
    return query select kept.* from unnest(v_kept) as kept;
    return;
  end if;
  return query
  with
  now_is as materialized (select clock() as at),
  knobs as materialized (select settings.* from settings),
  element as materialized (
    select elements.* from elements where elements.flex_element_id = plan_element.flex_element_id
  ),
  -- The crew calls that point here; none means that the element is retired.
  calls as materialized (
    select crew_calls.id
    from crew_calls
    where crew_calls.flex_element_id = plan_element.flex_element_id
  ),
  rule as materialized (
    select
      policy_of(plan_element.flex_element_id) as policy,
      not exists (select from calls) as retired,
      not exists (select from element where element.reading_at is not null) as unread,
      (select min(calls.id::text)::uuid from calls) as first_call
  ),
  -- Who should be there. Several rows for one person are read as one.
  desired as materialized (
    select calls.id as crew_call_id, person.technician_id, person.resource, person.problem, person.role_id
    from calls
    cross join lateral desired_of(calls.id) as person
  ),
  -- One line per resource is wanted; where roles differ, the lowest crew call that has one decides.
  wanted as materialized (
    select distinct on (desired.resource) desired.resource, desired.crew_call_id, desired.technician_id, desired.role_id
    from desired
    where desired.resource is not null
    order by desired.resource, desired.role_id is null, desired.crew_call_id, desired.technician_id
  ),
  known as materialized (
    select ledger.flex_line_item_id as line, ledger.flex_resource_id as resource, ledger.crew_call_id, ledger.technician_id
    from ledger
    where ledger.flex_element_id = plan_element.flex_element_id
  ),
  -- Who we believe is there. A row whose line belongs to another element tells nothing about this one.
  recorded as materialized (
    select recorded_crew.crew_call_id, recorded_crew.technician_id, recorded_crew.flex_line_item_id as line,
      coalesce(known.resource, desired.resource) as resource
    from calls
    join recorded_crew on recorded_crew.crew_call_id = calls.id
    left join known on known.line = recorded_crew.flex_line_item_id
    left join desired on desired.crew_call_id = recorded_crew.crew_call_id and desired.technician_id = recorded_crew.technician_id
    where known.line is not null
      or not exists (
        select from ledger
        where ledger.flex_line_item_id = recorded_crew.flex_line_item_id
          and ledger.flex_element_id <> plan_element.flex_element_id
      )
  ),
  -- What the last reading showed, corrected by our own writes; before the first one, what is recorded.
  observed as materialized (
    select lines.flex_line_item_id as line, lines.flex_resource_id as resource, lines.is_contact, lines.parent_line_item_id as parent,
      lines.flex_role_id as role_id, lines.shows_role, lines.written_role_id, lines.name, lines.first_seen_at,
      known.line is not null as ours
    from lines
    left join known on known.line = lines.flex_line_item_id and (known.resource = lines.flex_resource_id or known.resource is null)
    where lines.flex_element_id = plan_element.flex_element_id
      and lines.present
    union all
    select distinct on (recorded.line) recorded.line, recorded.resource, true, null, null, false, null, null, null::timestamptz, known.line is not null
    from rule, recorded
    left join known on known.line = recorded.line
    where rule.unread
      and not exists (
        select from lines
        where lines.flex_element_id = plan_element.flex_element_id and lines.flex_line_item_id = recorded.line
      )
  ),
  open as materialized (
    select outbox.kind, outbox.state, outbox.flex_resource_id as resource, outbox.flex_line_item_id as line
    from outbox
    where outbox.flex_element_id = plan_element.flex_element_id
      and outbox.kind <> 'observe'
      and outbox.state in ('sending', 'unknown')
  ),
  -- Refused since the newest request: only a further request tries once more.
  refused as materialized (
    select outbox.kind, outbox.flex_resource_id as resource, outbox.flex_line_item_id as line, outbox.reason
    from outbox
    cross join now_is
    where outbox.flex_element_id = plan_element.flex_element_id
      and outbox.kind <> 'observe'
      and outbox.state = 'failed'
      and outbox.superseded_at is null
      and case outbox.reason
        when 'contested' then outbox.finished_at > now_is.at - interval '1 day'
        else outbox.finished_at >= greatest(plan_element.requested_at, (
          select max(syncs.last_requested_at) from syncs where syncs.flex_element_id = plan_element.flex_element_id
        ), '-infinity')
      end
  ),
  -- A line whose removal was sent does not count as present.
  countable as materialized (
    select observed.*
    from observed
    where observed.resource is not null
      and not exists (select from open where open.kind = 'remove' and open.line = observed.line)
  ),
  -- The one line each wanted resource keeps: the recorded one, else one of ours, else the oldest.
  chosen as materialized (
    select distinct on (wanted.resource) wanted.resource, wanted.crew_call_id, wanted.technician_id, wanted.role_id as wanted_role_id, countable.line,
      countable.ours, countable.role_id, countable.shows_role, countable.written_role_id, countable.name
    from wanted
    join countable on countable.resource = wanted.resource
    order by
      wanted.resource,
      exists (select from recorded where recorded.line = countable.line) desc,
      countable.ours desc,
      countable.first_seen_at nulls last,
      countable.line
  ),
  missing as materialized (
    select distinct recorded.crew_call_id, recorded.technician_id, recorded.line, recorded.resource
    from recorded
    join missing_lines on missing_lines.flex_line_item_id = recorded.line and missing_lines.flex_resource_id = recorded.resource
  ),
  -- A reading that shows nobody where somebody is recorded: until a second one says so too, nobody is added.
  emptied as materialized (
    select from missing where not exists (select from countable)
  ),
  -- Resources whose recorded line somebody deleted in Flex, and how often we brought it back within a day.
  vanished as materialized (
    select wanted.resource, (
      select count(*)
      from outbox
      where outbox.flex_element_id = plan_element.flex_element_id
        and outbox.kind = 'add'
        and outbox.state = 'done'
        and outbox.reason = 'stale'
        and outbox.flex_resource_id = wanted.resource
        and outbox.finished_at > (select now_is.at from now_is) - interval '1 day'
        -- A person looked and said: once more.
        and outbox.finished_at > coalesce((
          select max(looked_at.superseded_at)
          from outbox as looked_at
          where looked_at.flex_element_id = plan_element.flex_element_id
            and looked_at.kind = 'add'
            and looked_at.state = 'failed'
            and looked_at.reason = 'contested'
            and looked_at.flex_resource_id = wanted.resource
        ), '-infinity')
    ) as times_added_again
    from wanted
    where exists (
      select from lines
      where lines.flex_element_id = plan_element.flex_element_id
        and lines.flex_resource_id = wanted.resource
        and lines.stale_at is not null
        and not exists (
          select from lines as later
          where later.flex_element_id = plan_element.flex_element_id
            and later.flex_resource_id = wanted.resource
            and later.stale_at is null
            and greatest(later.added_at, later.last_seen_at) > lines.stale_at
        )
    )
  ),
  persons as materialized (
    select
      desired.*,
      chosen.line,
      chosen.ours,
      case
        when desired.problem is not null then 'unmapped'
        when missing.line is not null and desired.resource = (
          select recorded.resource from recorded
          where recorded.crew_call_id = desired.crew_call_id and recorded.technician_id = desired.technician_id
          limit 1
        ) then 'confirm'
        when chosen.line is not null then 'keep'
        when exists (select from open where open.kind = 'add' and open.resource = desired.resource) then 'wait'
        when exists (select from open join observed on observed.line = open.line where open.kind = 'remove' and observed.resource = desired.resource) then 'wait'
        when exists (select from refused where refused.kind = 'add' and refused.resource = desired.resource) then 'wait'
        when vanished.times_added_again >= 2 then 'contest'
        when exists (select from emptied) then 'confirm'
        -- Their line is missing in one reading, and recorded for somebody else: who shares the resource, or had it here before.
        when exists (select from missing as theirs where theirs.resource = desired.resource) then 'confirm'
        else 'add'
      end as action,
      vanished.resource is not null as was_deleted,
      (select open.state from open where open.kind = 'add' and open.resource = desired.resource) as open_add
    from desired
    left join chosen on chosen.resource = desired.resource
    left join missing on missing.crew_call_id = desired.crew_call_id and missing.technician_id = desired.technician_id
    left join vanished on vanished.resource = desired.resource
  ),
  -- Lines that nobody wants. Only what says that it is a contact, or is ours, may ever be removed.
  unwanted as materialized (
    select
      countable.line, countable.resource, countable.ours, countable.name, countable.parent,
      case when calls.id is not null then known.crew_call_id end as ledger_call,
      known.technician_id,
      case
        when wanted.resource is not null then 'surplus'
        when not countable.ours then 'foreign'
        when replaced.resource is not null then 'resource_changed'
        else 'undesired'
      end as reason,
      replaced.resource as replaced_by,
      replaced.action as replaced_action,
      replaced.open_add as replaced_open_add
    from countable
    left join wanted on wanted.resource = countable.resource
    left join chosen on chosen.line = countable.line
    left join known on known.line = countable.line
    left join calls on calls.id = known.crew_call_id
    -- The person this line was made for is still desired, by another resource.
    left join lateral (
      select persons.resource, persons.action, persons.open_add
      from persons
      where countable.ours
        and persons.technician_id = known.technician_id
        and persons.resource is distinct from countable.resource
      order by persons.crew_call_id = known.crew_call_id desc, persons.crew_call_id
      limit 1
    ) as replaced on true
    where chosen.line is null
      and (countable.is_contact or countable.ours)
      -- Somebody desired lost their resource: they keep their line.
      and not exists (
        select from persons
        where persons.problem is not null
          and (
            persons.technician_id = known.technician_id
            or exists (
              select from recorded
              where recorded.line = countable.line
                and recorded.crew_call_id = persons.crew_call_id
                and recorded.technician_id = persons.technician_id
            )
          )
      )
      and not exists (
        select from removal_decisions
        where removal_decisions.flex_line_item_id = countable.line
          and removal_decisions.flex_resource_id = countable.resource
          and removal_decisions.decision = 'rejected'
      )
      -- A recorded line that shows somebody else: first it is confirmed that the person lost it.
      and not exists (select from missing where missing.line = countable.line)
      -- The person is still being confirmed: their only line of that resource is nobody's surplus yet.
      and not (wanted.resource is not null and exists (select from persons where persons.resource = countable.resource and persons.action <> 'keep'))
  ),
  -- What the policy lets go, and whether a person already said yes.
  removable as materialized (
    select unwanted.*,
      exists (
        select from removal_decisions, now_is
        where removal_decisions.flex_line_item_id = unwanted.line
          and removal_decisions.flex_resource_id = unwanted.resource
          and removal_decisions.decision = 'approved'
          and removal_decisions.decided_at > now_is.at - interval '1 day'
      ) as approved
    from unwanted, rule
    where (rule.policy in ('mirror', 'report') or (rule.policy = 'owned' and unwanted.ours))
      and not exists (select from refused where refused.kind = 'remove' and refused.line = unwanted.line)
      -- The new line comes first.
      and (unwanted.reason <> 'resource_changed' or unwanted.replaced_action in ('keep', 'add') or unwanted.replaced_open_add = 'sending')
  ),
  counts as materialized (
    select
      (select count(*) from removable) as removals,
      (select count(*) from removable where not removable.ours and removable.reason = 'foreign') as foreign_lines,
      (select count(*) from countable where countable.is_contact or countable.ours or exists (select from wanted where wanted.resource = countable.resource)) as contact_lines,
      (select count(distinct persons.resource) from persons where persons.action = 'add') as adds,
      (
        select count(*) from outbox, now_is
        where outbox.flex_element_id = plan_element.flex_element_id
          and outbox.kind = 'remove'
          and (outbox.state in ('sending', 'unknown') or (outbox.state = 'done' and outbox.finished_at > now_is.at - interval '1 hour'))
      ) as removed_here,
      removals_within_the_hour() as removed_anywhere
  ),
  braked as materialized (
    select removable.*,
      case
        when rule.retired or rule.unread or removable.approved then null
        when removable.reason = 'surplus' and not removable.ours then 'surplus_not_ours'
        when not removable.ours and counts.foreign_lines > 3 then 'many_foreign'
        when removable.ours and plan_element.allow_mass_removal then null
        when counts.removals + counts.removed_here > greatest(5, 0.5 * (counts.contact_lines + counts.removed_here)) then 'large_share'
        when counts.contact_lines > 2 and counts.contact_lines + counts.adds - counts.removals <= 0 then 'empties_the_call'
        when counts.removals + counts.removed_anywhere > knobs.removal_limit then 'removal_limit'
      end as brake
    from removable, counts, knobs, rule
  ),
  -- Flex deletes children with their parent: a line goes alone only if everything under it goes too.
  kin as materialized (
    with recursive below as (
      select observed.parent as ancestor, observed.line from observed where observed.parent is not null
      union
      select observed.parent, below.line from below join observed on observed.line = below.ancestor where observed.parent is not null
    )
    select distinct below.ancestor
    from below
    where not exists (select from braked where braked.line = below.line and braked.brake is null)
      and not exists (select from open where open.kind = 'remove' and open.line = below.line)
  ),
  going as materialized (
    select braked.*,
      case
        when braked.brake is null and not braked.approved and exists (select from kin where kin.ancestor = braked.line) then 'has_children'
        else braked.brake
      end as final_brake,
      coalesce(braked.ledger_call, recorded.crew_call_id, wanted.crew_call_id, rule.first_call, (select element.crew_call_id from element)) as for_call,
      coalesce(braked.technician_id, recorded.technician_id, wanted.technician_id) as for_technician
    from rule
    cross join braked
    left join wanted on wanted.resource = braked.resource
    left join lateral (
      select recorded.crew_call_id, recorded.technician_id from recorded where recorded.line = braked.line order by recorded.crew_call_id limit 1
    ) as recorded on true
  ),
  -- A role is written when the row shows another one; where rows do not show roles, when we do not know that we wrote it.
  roles as materialized (
    select wanted.resource, wanted.crew_call_id, wanted.technician_id, wanted.role_id, chosen.line,
      exists (select from refused where refused.kind = 'set_role' and refused.resource = wanted.resource) as was_refused
    from wanted
    left join chosen on chosen.resource = wanted.resource
    where wanted.role_id is not null
      and exists (select from persons where persons.resource = wanted.resource and (persons.action in ('keep', 'add') or persons.open_add = 'sending'))
      and not exists (select from open where open.kind = 'set_role' and open.resource = wanted.resource)
      and (
        chosen.line is null
        or case
          when chosen.shows_role
            and (chosen.role_id is not null or exists (select from tenant where tenant.roles_shown_at is not null))
            and (chosen.role_id is null or is_flex_id(chosen.role_id) = is_flex_id(wanted.role_id))
            then lower(btrim(chosen.role_id)) is distinct from lower(btrim(wanted.role_id))
          else chosen.written_role_id is distinct from wanted.role_id
        end
      )
  )
  select persons.action, persons.crew_call_id, persons.technician_id, persons.resource, persons.line, null::text,
    case
      when persons.problem is not null then persons.problem
      when persons.action = 'add' and persons.was_deleted then 'stale'
      when persons.action = 'add' then 'desired'
      when persons.action = 'confirm' then 'confirming'
      when persons.action = 'contest' then 'contested'
      when persons.action = 'wait' then coalesce(persons.open_add, case when exists (select from refused where refused.resource = persons.resource) then 'refused' else 'leaving' end)
    end,
    null::text, null::text, persons.ours, false, null::text
  from persons
  union all
  select case when roles.was_refused then 'wait_role' else 'set_role' end,
    roles.crew_call_id, roles.technician_id, roles.resource, roles.line, roles.role_id,
    null, null, case when roles.line is null then roles.resource end, null, false, null
  from roles
  union all
  select case when going.final_brake is null then 'remove' else 'hold' end,
    going.for_call, going.for_technician, going.resource, going.line, null,
    going.reason, going.final_brake,
    case when going.replaced_action <> 'keep' then going.replaced_by end,
    going.ours,
    rule.retired or not (going.approved or (going.ours and plan_element.allow_mass_removal)),
    going.name
  from going, rule
  union all
  select 'report', coalesce(rule.first_call, (select element.crew_call_id from element)), unwanted.technician_id, unwanted.resource, unwanted.line, null,
    unwanted.reason, null, null, unwanted.ours, false, unwanted.name
  from unwanted, rule
  where not exists (select from removable where removable.line = unwanted.line);
end
$$;


--
-- Name: FUNCTION plan_element(flex_element_id text, allow_mass_removal boolean, requested_at timestamp with time zone); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.plan_element(flex_element_id text, allow_mass_removal boolean, requested_at timestamp with time zone) IS 'What has to change on one Flex document so that it shows exactly who its crew calls desire. Writes nothing.';


--
-- Name: plan_if_in_sync(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.plan_if_in_sync(flex_element_id text) RETURNS flex_sync.planned[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET row_security TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
  if not exists (
    select from elements
    where elements.flex_element_id = plan_if_in_sync.flex_element_id and elements.reading_at is not null
  ) or exists (
    select from outbox
    where outbox.flex_element_id = plan_if_in_sync.flex_element_id
      and outbox.kind <> 'observe'
      and outbox.state in ('pending', 'sending', 'unknown', 'held')
  ) or exists (
    select from missing_lines where missing_lines.flex_element_id = plan_if_in_sync.flex_element_id
  ) then
    return null;
  end if;

  return (
    with
    desired as materialized (
      select crew_calls.id as crew_call_id, person.technician_id, person.resource, person.problem, person.role_id
      from crew_calls
      cross join lateral desired_of(crew_calls.id) as person
      where crew_calls.flex_element_id = plan_if_in_sync.flex_element_id
    ),
    observed as materialized (
      select lines.flex_line_item_id as line, lines.flex_resource_id as resource, lines.flex_role_id as role_id, lines.shows_role,
        lines.written_role_id
      from lines
      where lines.flex_element_id = plan_if_in_sync.flex_element_id
        and lines.present
        and lines.flex_resource_id is not null
    ),
    kept as (
      select desired.crew_call_id, desired.technician_id, desired.resource, observed.line,
        ledger.flex_line_item_id is not null as ours,
        -- As plan_element decides it.
        desired.role_id is not null and case
          when observed.shows_role and observed.role_id = desired.role_id then false
          when observed.shows_role
            and (observed.role_id is not null or exists (select from tenant where tenant.roles_shown_at is not null))
            and (observed.role_id is null or is_flex_id(observed.role_id) = is_flex_id(desired.role_id))
            then lower(btrim(observed.role_id)) is distinct from lower(btrim(desired.role_id))
          else observed.written_role_id is distinct from desired.role_id
        end as differs
      from desired
      join observed on observed.resource = desired.resource
      left join ledger
        on ledger.flex_line_item_id = observed.line
        and ledger.flex_element_id = plan_if_in_sync.flex_element_id
        and (ledger.flex_resource_id = observed.resource or ledger.flex_resource_id is null)
      where desired.problem is null
    )
    select case
      -- One line for each of them, and no further one.
      when count(*) = (select count(*) from observed)
        and count(*) = (select count(*) from desired)
        and count(*) = count(distinct kept.resource)
        and not coalesce(bool_or(kept.differs), false)
        then coalesce(array_agg(row(
          'keep', kept.crew_call_id, kept.technician_id, kept.resource, kept.line, null, null, null, null, kept.ours, false, null
        )::planned), '{}')
    end
    from kept
  );
end
$$;


--
-- Name: FUNCTION plan_if_in_sync(flex_element_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.plan_if_in_sync(flex_element_id text) IS 'The plan of an element that shows exactly who is desired, with nothing open; null when it has to be worked out.';


--
-- Name: policy_of(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.policy_of(flex_element_id text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
begin
  return coalesce(
    (
      select coalesce(crew_call_settings.policy, settings.policy)
      from settings
      cross join crew_calls
      left join crew_call_settings on crew_call_settings.crew_call_id = crew_calls.id
      where crew_calls.flex_element_id = policy_of.flex_element_id
      order by array_position(array['report', 'add_only', 'owned', 'mirror'], coalesce(crew_call_settings.policy, settings.policy))
      limit 1
    ),
    'owned'
  );
end
$$;


--
-- Name: FUNCTION policy_of(flex_element_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.policy_of(flex_element_id text) IS 'What may be deleted on one element: the most careful policy of its crew calls; owned when none points there.';


--
-- Name: printable(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.printable(value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return regexp_replace(
    printable.value,
    '[\u0001-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]+', ' ', 'g'
  );
end
$$;


--
-- Name: FUNCTION printable(value text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.printable(value text) IS 'A text of somebody else''s made fit for one line of a terminal or a log.';


--
-- Name: queue_reading(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.queue_reading(flex_element_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_need record;
  v_call record;
  v_sync_before bigint;
begin
  if not is_flex_id(queue_reading.flex_element_id) then
    return;
  end if;
  select outbox.sync_id into v_sync_before
  from outbox
  where outbox.flex_element_id = queue_reading.flex_element_id
    and outbox.kind = 'observe'
    and outbox.state = 'pending';
  select next_reading.* into v_need from next_reading(queue_reading.flex_element_id);
  v_now := clock();

  if v_need.due_at is null then
    update outbox
    set state = 'cancelled', finished_at = v_now
    where outbox.flex_element_id = queue_reading.flex_element_id
      and outbox.kind = 'observe'
      and outbox.state = 'pending';
    perform finish_sync(v_sync_before);
    return;
  end if;

  select coalesce(syncs.crew_call_id, elements.crew_call_id) as id into v_call
  from (select queue_reading.flex_element_id as id) as this
  left join elements on elements.flex_element_id = this.id
  left join syncs on syncs.id = v_need.sync_id;

  insert into outbox (sync_id, crew_call_id, flex_element_id, kind, reason, due_at, created_at, priority)
  values (v_need.sync_id, v_call.id, queue_reading.flex_element_id, 'observe', v_need.reason, v_need.due_at, v_now, v_need.priority)
  on conflict (flex_element_id) where kind = 'observe' and state = 'pending'
  do update set
    sync_id = excluded.sync_id,
    due_at = excluded.due_at,
    reason = excluded.reason,
    priority = excluded.priority,
    crew_call_id = excluded.crew_call_id
  -- What is due already keeps its place, however often it is asked for.
  where (outbox.sync_id, outbox.reason, outbox.priority, outbox.crew_call_id, greatest(outbox.due_at, v_now))
    is distinct from (excluded.sync_id, excluded.reason, excluded.priority, excluded.crew_call_id, greatest(excluded.due_at, v_now));
  if v_sync_before is not null and v_sync_before is distinct from v_need.sync_id then
    perform finish_sync(v_sync_before);
  end if;
end
$$;


--
-- Name: FUNCTION queue_reading(flex_element_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.queue_reading(flex_element_id text) IS 'Keeps the one pending observe of an element as next_reading wants it.';


--
-- Name: read_committed_only(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.read_committed_only() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'crew calls cannot be planned under isolation level %', current_setting('transaction_isolation')
      using errcode = 'ISOLA', hint = 'Call it in a transaction of its own, or begin isolation level read committed.';
  end if;
end
$$;


--
-- Name: FUNCTION read_committed_only(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.read_committed_only() IS 'Refuses isolation levels under which the element lock would protect a read of old rows.';


--
-- Name: record_add(bigint, uuid, text, text[], integer); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.record_add(operation_id bigint, token uuid, flex_line_item_id text, also_added text[] DEFAULT '{}'::text[], http_status integer DEFAULT 200) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_line constant text := flex_id(record_add.flex_line_item_id);
  v_operation outbox := operation_in_flight(record_add.operation_id, record_add.token);
  v_claimed outbox;
  v_person record;
  v_recorded boolean := false;
begin
  if v_operation.id is null then
    select outbox.* into v_claimed from outbox where outbox.id = record_add.operation_id;
    if v_claimed.id is not null and v_line is not null then
      perform enter_ledger(v_line, v_claimed.flex_element_id, v_claimed.flex_resource_id, v_claimed.crew_call_id, v_claimed.technician_id, 'added', v_claimed.id);
      perform note_element(v_claimed.flex_element_id, 'a drainer reported a line after its claim was taken over', true);
    end if;
    return 'fenced';
  end if;

  perform from lines
  join calls on calls.number = v_operation.call_number
  where lines.flex_element_id = v_operation.flex_element_id
    and lines.flex_line_item_id = v_line
    and lines.first_seen_at <= calls.reading_at;
  if found or v_line is null then
    perform record_failure(record_add.operation_id, record_add.token, 'unknown', record_add.http_status,
      format('the answer names line %s, which was there before the add', coalesce(v_line, 'null')));
    return 'unknown';
  end if;

  update outbox
  set state = 'done', finished_at = v_now, flex_line_item_id = v_line, http_status = record_add.http_status, error = null
  where outbox.id = v_operation.id;
  -- A reading made while the add was under way may have accounted its line to an earlier attempt: that one may still land.
  update calls
  set flex_line_item_id = null, late_checked_at = null
  where calls.operation_id = v_operation.id
    and calls.number <> v_operation.call_number
    and calls.flex_line_item_id = v_line;
  if found then
    perform note_element(v_operation.flex_element_id, 'an earlier attempt may still land', false);
  end if;
  update calls set flex_line_item_id = v_line where calls.number = v_operation.call_number;
  perform close_call(v_operation.call_number, 'done', record_add.http_status, null);

  perform enter_ledger(v_line, v_operation.flex_element_id, v_operation.flex_resource_id, v_operation.crew_call_id, v_operation.technician_id, 'added', v_operation.id);
  perform enter_ledger(flex_id(further.line), v_operation.flex_element_id, null, v_operation.crew_call_id, null, 'added', v_operation.id)
  from unnest(record_add.also_added) as further (line)
  where flex_id(further.line) is not null and flex_id(further.line) <> v_line;
  insert into lines (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, present, added_at)
  values (v_operation.flex_element_id, v_line, v_operation.flex_resource_id, true, true, v_now)
  on conflict on constraint lines_pkey do update
  set present = true, added_at = excluded.added_at, flex_resource_id = excluded.flex_resource_id;

  for v_person in
    select person.crew_call_id, person.technician_id
    from jsonb_to_recordset(v_operation.persons) as person (crew_call_id uuid, technician_id uuid)
    order by person.crew_call_id, person.technician_id
  loop
    v_recorded := record_person(v_person.crew_call_id, v_person.technician_id, v_operation.flex_element_id, v_line) or v_recorded;
  end loop;
  if not v_recorded then
    -- The crew call went elsewhere while the add was under way: the new line must not stay behind.
    perform note_element(v_operation.flex_element_id, 'a line was added for nobody', true);
  end if;

  -- What waited for the line: its role, and the line it replaces. A row that a planner holds is left to a reading.
  update outbox
  set
    after_operation_id = null,
    due_at = v_now,
    flex_line_item_id = case when outbox.kind = 'set_role' then v_line else outbox.flex_line_item_id end
  where outbox.id in (select waiting.id from waiting_for(v_operation.id) as waiting);
  if exists (select from outbox where outbox.after_operation_id = v_operation.id and outbox.state = 'pending') then
    perform note_element(v_operation.flex_element_id, 'what waited for an add was locked', true);
  end if;

  -- A reading made while the add was under way showed this line beside another one, and planned without knowing whose it is.
  if exists (
    select from lines
    where lines.flex_element_id = v_operation.flex_element_id
      and lines.flex_resource_id = v_operation.flex_resource_id
      and lines.flex_line_item_id <> v_line
      and lines.present
  ) then
    perform note_element(v_operation.flex_element_id, 'an added line is not the only one of its resource', true);
  end if;

  perform note_success(v_operation.flex_element_id);
  perform finish_sync(v_operation.sync_id);
  return 'recorded';
end
$$;


--
-- Name: FUNCTION record_add(operation_id bigint, token uuid, flex_line_item_id text, also_added text[], http_status integer); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.record_add(operation_id bigint, token uuid, flex_line_item_id text, also_added text[], http_status integer) IS 'Flex answered an add with the new line: operation, ledger and the host''s rows say so in one transaction.';


--
-- Name: record_done(jsonb); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.record_done(done jsonb) RETURNS TABLE(operation_id bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
#variable_conflict use_column
declare
  v_now constant timestamptz := clock();
  v_ids bigint[];
  -- In the order of the ids; no line where none was made.
  v_calls bigint[];
  v_lines text[];
  v_statuses int[];
  v_elements text[];
  v_syncs bigint[];
  v_adds boolean;
  v_roles boolean;
  v_removals boolean;
begin
  with
  told as materialized (
    select told.id, told.token, flex_id(told.line) as line, told.status
    from jsonb_to_recordset(record_done.done) as told (id bigint, token uuid, line text, status int)
  ),
  in_flight as materialized (
    select outbox.*, told.line, told.status, told.token as told_token
    from told
    join outbox on outbox.id = told.id
    order by outbox.id
    for update of outbox skip locked
  ),
  usual as (
    select in_flight.*
    from in_flight
    -- Asked here: the ids find the rows, and not an index of everything that was ever sent.
    where in_flight.state = 'sending'
      and in_flight.token = in_flight.told_token
      and (in_flight.kind in ('set_role', 'remove') or (
        in_flight.kind = 'add'
        and in_flight.line is not null
        and in_flight.attempts = 1
        and in_flight.persons <> '[]'
        -- One row each and its index: of "not exists" the planner may read every line there is into a hash table.
        and (select true from ledger where ledger.flex_line_item_id = in_flight.line limit 1) is null
        and (
          select true from lines
          where lines.flex_element_id = in_flight.flex_element_id and lines.flex_line_item_id = in_flight.line
          limit 1
        ) is null
        and (
          select bool_and((
            select true from crew_calls
            where crew_calls.id = person.crew_call_id and crew_calls.flex_element_id = in_flight.flex_element_id
            limit 1
          ) is not null)
          from jsonb_to_recordset(in_flight.persons) as person (crew_call_id uuid)
        )
      ))
  )
  select array_agg(usual.id order by usual.id), array_agg(usual.call_number order by usual.id),
    array_agg(case when usual.kind = 'add' then usual.line end order by usual.id), array_agg(usual.status order by usual.id),
    array_agg(distinct usual.flex_element_id), array_agg(distinct usual.sync_id),
    bool_or(usual.kind = 'add'), bool_or(usual.kind = 'set_role'), bool_or(usual.kind = 'remove')
  into v_ids, v_calls, v_lines, v_statuses, v_elements, v_syncs, v_adds, v_roles, v_removals
  from usual;
  if v_ids is null then
    return;
  end if;

  update outbox
  set
    state = 'done',
    finished_at = v_now,
    flex_line_item_id = coalesce(v_lines[array_position(v_ids, outbox.id)], outbox.flex_line_item_id),
    http_status = v_statuses[array_position(v_ids, outbox.id)],
    error = null
  where outbox.id = any (v_ids);
  update calls
  set
    answered_at = v_now,
    outcome = 'done',
    http_status = v_statuses[array_position(v_calls, calls.number)],
    error = null,
    flex_line_item_id = coalesce(v_lines[array_position(v_calls, calls.number)], calls.flex_line_item_id)
  where calls.number = any (v_calls)
    and calls.answered_at is null;

  if v_adds then
    insert into ledger (flex_line_item_id, flex_element_id, flex_resource_id, crew_call_id, technician_id, source, operation_id, entered_at)
    select outbox.flex_line_item_id, outbox.flex_element_id, outbox.flex_resource_id, outbox.crew_call_id, outbox.technician_id, 'added', outbox.id, v_now
    from outbox
    where outbox.id = any (v_ids)
      and outbox.kind = 'add'
    order by outbox.flex_line_item_id
    -- A reading may have seen it this moment: as in enter_ledger.
    on conflict on constraint ledger_pkey do update
    set
      gone_at = null,
      flex_element_id = coalesce(ledger.flex_element_id, excluded.flex_element_id),
      flex_resource_id = coalesce(ledger.flex_resource_id, excluded.flex_resource_id);
    insert into lines (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, present, added_at)
    select outbox.flex_element_id, outbox.flex_line_item_id, outbox.flex_resource_id, true, true, v_now
    from outbox
    where outbox.id = any (v_ids)
      and outbox.kind = 'add'
    order by outbox.flex_element_id, outbox.flex_line_item_id
    on conflict on constraint lines_pkey do update
    set present = true, added_at = excluded.added_at, flex_resource_id = excluded.flex_resource_id;
    perform write_assignments(
      array_agg(person.crew_call_id order by person.crew_call_id, person.technician_id),
      array_agg(person.technician_id order by person.crew_call_id, person.technician_id),
      array_agg(outbox.flex_line_item_id order by person.crew_call_id, person.technician_id)
    )
    from outbox
    cross join lateral jsonb_to_recordset(outbox.persons) as person (crew_call_id uuid, technician_id uuid)
    where outbox.id = any (v_ids)
      and outbox.kind = 'add';
    perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));

    -- What waited for the lines: their roles, and the lines they replace. A row that a planner holds is left to a reading.
    with
    waiting as materialized (
      select outbox.id, outbox.state
      from outbox
      where outbox.after_operation_id = any (v_ids)
      order by outbox.id
      for update skip locked
    )
    update outbox
    set
      after_operation_id = null,
      due_at = v_now,
      flex_line_item_id = case when outbox.kind = 'set_role' then added.flex_line_item_id else outbox.flex_line_item_id end
    from waiting, outbox as added
    where outbox.id = waiting.id
      and waiting.state = 'pending'
      and added.id = outbox.after_operation_id;
    perform note_element(locked.flex_element_id, 'what waited for an add was locked', true)
    from (
      select distinct waiting.flex_element_id
      from (select outbox.flex_element_id, outbox.state from outbox where outbox.after_operation_id = any (v_ids) offset 0) as waiting
      where waiting.state = 'pending'
    ) as locked;
    -- A reading made meanwhile showed such a line beside another one, and planned without knowing whose it is.
    perform note_element(beside.flex_element_id, 'an added line is not the only one of its resource', true)
    from (
      select distinct outbox.flex_element_id
      from outbox
      join lines on lines.flex_element_id = outbox.flex_element_id and lines.flex_resource_id = outbox.flex_resource_id
      where outbox.id = any (v_ids)
        and outbox.kind = 'add'
        and lines.flex_line_item_id <> outbox.flex_line_item_id
        and lines.present
    ) as beside;
  end if;
  if v_roles then
    perform write_role(outbox.flex_element_id, outbox.flex_line_item_id, outbox.flex_role_id)
    from outbox
    where outbox.id = any (v_ids)
      and outbox.kind = 'set_role'
    order by outbox.flex_element_id, outbox.flex_line_item_id;
  end if;
  if v_removals then
    update lines
    set present = false, removed_at = v_now
    from outbox
    where outbox.id = any (v_ids)
      and outbox.kind = 'remove'
      and lines.flex_element_id = outbox.flex_element_id
      and lines.flex_line_item_id = outbox.flex_line_item_id;
    perform forget_removed(v_ids);
  end if;

  if exists (select from tenant where tenant.failures > 0 or tenant.careful_successes is not null)
    or exists (select from element_health where element_health.flex_element_id = any (v_elements) and element_health.failures > 0)
  then
    perform note_success(outbox.flex_element_id) from outbox where outbox.id = any (v_ids) order by outbox.flex_element_id;
  end if;
  -- Everybody locks syncs last, and by id; and looks for what is open afterwards, as finish_sync does.
  perform from syncs
  where syncs.id = any (v_syncs)
    -- "is null", as finish_sync says it.
    and coalesce(syncs.finished_at, 'infinity') = 'infinity'
  order by syncs.id
  for update;
  perform finish_sync(ended.id)
  from (
    select sync.id
    from unnest(v_syncs) as sync (id)
    where (select true from outbox where outbox.sync_id = sync.id and outbox.state in ('pending', 'sending') limit 1) is null
    order by sync.id
  ) as ended;
  return query select recorded.id from unnest(v_ids) as recorded (id);
end
$$;


--
-- Name: FUNCTION record_done(done jsonb); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.record_done(done jsonb) IS 'Records writes that Flex did together; what is out of the ordinary it leaves to the function of its kind.';


--
-- Name: record_failure(bigint, uuid, text, integer, text, interval); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.record_failure(operation_id bigint, token uuid, outcome text, http_status integer, error text, retry_after interval DEFAULT NULL::interval) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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


--
-- Name: FUNCTION record_failure(operation_id bigint, token uuid, outcome text, http_status integer, error text, retry_after interval); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.record_failure(operation_id bigint, token uuid, outcome text, http_status integer, error text, retry_after interval) IS 'What became of an attempt that was not plainly done, by the class of outcome that the caller saw.';


--
-- Name: record_kept(text, flex_sync.planned[]); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.record_kept(flex_element_id text, plan flex_sync.planned[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET row_security TO 'off'
    SET plan_cache_mode TO 'auto'
    AS $$
declare
  v_kept record;
  v_since jsonb;
  v_rows record;
begin
  if policy_of(record_kept.flex_element_id) = 'report' then
    return;
  end if;
  -- What the host's table refused is tried again here; what it refuses still blocks anew.
  with tried_again as (
    delete from crew_call_blocks
    where crew_call_blocks.crew_call_id in (select crew_calls.id from crew_calls where crew_calls.flex_element_id = record_kept.flex_element_id)
    returning crew_call_blocks.crew_call_id, crew_call_blocks.since
  )
  select jsonb_object_agg(tried_again.crew_call_id, tried_again.since) into v_since from tried_again;

  for v_kept in
    select planned.crew_call_id, planned.technician_id, planned.flex_line_item_id
    from unnest(record_kept.plan) as planned
    left join recorded_crew on recorded_crew.crew_call_id = planned.crew_call_id and recorded_crew.technician_id = planned.technician_id
    where planned.action = 'keep'
      and recorded_crew.flex_line_item_id is distinct from planned.flex_line_item_id
    order by planned.crew_call_id, planned.technician_id
  loop
    perform record_person(v_kept.crew_call_id, v_kept.technician_id, record_kept.flex_element_id, v_kept.flex_line_item_id);
  end loop;
  if v_since is not null then
    update crew_call_blocks
    set since = (v_since ->> crew_call_blocks.crew_call_id::text)::timestamptz
    where v_since ? crew_call_blocks.crew_call_id::text;
  end if;

  -- Rows of people nobody desires any more, on a line that stays for somebody else.
  select array_agg(flex_crew_assignments.crew_call_id) as crew_call_ids, array_agg(flex_crew_assignments.technician_id) as technician_ids,
    array_agg(flex_crew_assignments.flex_line_item_id::text) as lines
  into v_rows
  from public.flex_crew_assignments
  where flex_crew_assignments.crew_call_id in (
      select crew_calls.id from crew_calls where crew_calls.flex_element_id = record_kept.flex_element_id
    )
    and exists (
      select from unnest(record_kept.plan) as planned
      where planned.action = 'keep'
        and planned.flex_line_item_id = lower(btrim(flex_crew_assignments.flex_line_item_id::text, E' \t\r\n'))
    )
    and not exists (
      select from unnest(record_kept.plan) as planned
      where planned.action in ('keep', 'add', 'wait', 'confirm', 'contest', 'unmapped')
        and planned.crew_call_id = flex_crew_assignments.crew_call_id
        and planned.technician_id = flex_crew_assignments.technician_id
    );
  if v_rows.lines is not null then
    perform remove_assignments(v_rows.crew_call_ids, v_rows.technician_ids, v_rows.lines);
  end if;
  perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));
exception
  when others then
    perform note_element(record_kept.flex_element_id, 'rows of flex_crew_assignments could not be written: ' || sqlerrm, false);
end
$$;


--
-- Name: FUNCTION record_kept(flex_element_id text, plan flex_sync.planned[]); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.record_kept(flex_element_id text, plan flex_sync.planned[]) IS 'Brings the host''s rows up to the plan.';


--
-- Name: record_observation(bigint, uuid, jsonb, text, integer); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.record_observation(operation_id bigint, token uuid, lines jsonb, identity text DEFAULT NULL::text, http_status integer DEFAULT 200) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_element constant text := (select outbox.flex_element_id from outbox where outbox.id = record_observation.operation_id);
  v_operation outbox;
  v_began timestamptz;
  v_sync syncs;
  v_plan planned[];
  v_error text;
begin
  perform read_committed_only();
  if v_element is null then
    return 'fenced';
  end if;
  perform lock_element(v_element);
  v_operation := operation_in_flight(record_observation.operation_id, record_observation.token);
  if v_operation.id is null then
    return 'fenced';
  end if;
  v_began := v_operation.sent_at;

  if record_observation.identity is distinct from 'gone' and doubt_of_lines(record_observation.lines) is not null then
    perform record_failure(record_observation.operation_id, record_observation.token, 'doubtful', record_observation.http_status,
      doubt_of_lines(record_observation.lines));
    return 'doubtful';
  end if;
  v_error := host_error();
  if v_error is not null then
    update outbox
    set state = 'done', finished_at = clock(), http_status = record_observation.http_status, error = null
    where outbox.id = v_operation.id;
    perform close_call(v_operation.call_number, 'done', record_observation.http_status, null);
    perform block_element(v_element, 'host_view', v_error);
    perform finish_answered_syncs(v_element, v_began);
    perform queue_reading(v_element);
    return 'blocked';
  end if;
  if record_observation.identity is null and lacks_every_recorded_line(v_element, record_observation.lines, v_began) then
    return 'identity_needed';
  end if;

  update outbox
  set state = 'done', finished_at = clock(), http_status = record_observation.http_status, error = null
  where outbox.id = v_operation.id;
  perform close_call(v_operation.call_number, 'done', record_observation.http_status, null);
  perform know_element(v_element);

  if record_observation.identity = 'gone' then
    perform block_element(v_element, 'element_gone', 'Flex says that the element is deleted or does not exist');
    -- Nothing of ours can be left there; a crew call that still points here keeps what it knows.
    update ledger
    set gone_at = clock()
    where ledger.flex_element_id = v_element
      and ledger.gone_at is null
      and not exists (select from crew_calls where crew_calls.flex_element_id = v_element);
    perform note_success(v_element);
    perform finish_answered_syncs(v_element, v_began);
    perform queue_reading(v_element);
    return 'blocked';
  end if;
  if v_began <= (select elements.reading_at from elements where elements.flex_element_id = v_element) then
    perform queue_reading(v_element);
    perform finish_sync(v_operation.sync_id);
    return 'old';
  end if;

  perform store_reading(v_element, v_operation.id, v_began, record_observation.lines, record_observation.identity is not null);
  perform settle_unknown(v_element, v_began);
  perform confirm_stale(v_element, v_began);

  -- The newest sync that this reading answers goes on with what older ones left open.
  select syncs.* into v_sync
  from syncs
  where syncs.flex_element_id = v_element
    and syncs.finished_at is null
    and syncs.reading_at <= v_began
  order by syncs.id desc
  limit 1;

  begin
    select array_agg(row_of_plan.*::planned) into v_plan
    from plan_element(v_element, coalesce(v_sync.allow_mass_removal, false)) as row_of_plan;
  exception
    when others then
      get stacked diagnostics v_error = message_text;
      perform block_element(v_element, 'host_view', v_error);
      perform finish_answered_syncs(v_element, v_began);
      perform queue_reading(v_element);
      return 'blocked';
  end;

  if v_sync.id is null and policy_of(v_element) <> 'report' and exists (
    select from operations_of(v_plan) as operation where operation.state = 'pending'
  ) then
    -- Nobody asked: a background reading, a late landing or a clean-up found something to do.
    insert into syncs (crew_call_id, flex_element_id, requested_by, requested_at, last_requested_at, reading_at)
    select coalesce(elements.crew_call_id, v_operation.crew_call_id), v_element, 'flex-crew-sync: ' || coalesce(v_operation.reason, 'reading'), v_began, v_began, v_began
    from elements
    where elements.flex_element_id = v_element
      and coalesce(elements.crew_call_id, v_operation.crew_call_id) is not null
    returning syncs.* into v_sync;
  end if;

  update elements
  set unmapped = counted.unmapped
  from (select count(*) as unmapped from unnest(v_plan) as planned where planned.action = 'unmapped') as counted
  where elements.flex_element_id = v_element
    and elements.unmapped <> counted.unmapped;
  perform record_kept(v_element, v_plan);
  perform apply_plan(v_element, v_plan, v_sync.id, v_began);
  perform queue_reading(v_element);
  perform note_success(v_element);
  update syncs
  set
    stale = syncs.stale + (select count(*) from unnest(v_plan) as planned where planned.action = 'add' and planned.reason = 'stale'
      and not exists (
        select from outbox
        where outbox.flex_element_id = v_element and outbox.kind = 'add' and outbox.flex_resource_id = planned.flex_resource_id
          and outbox.reason = 'stale' and outbox.state = 'pending' and outbox.created_at < v_began
      )),
    kept = (select count(*) from unnest(v_plan) as planned where planned.action = 'keep')
  where syncs.id = v_sync.id;

  perform finish_answered_syncs(v_element, v_began);
  perform pg_notify('flex_sync_work', v_element);
  return 'recorded';
end
$$;


--
-- Name: FUNCTION record_observation(operation_id bigint, token uuid, lines jsonb, identity text, http_status integer); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.record_observation(operation_id bigint, token uuid, lines jsonb, identity text, http_status integer) IS 'Records one complete reading of an element and acts on it: settle, confirm, record, plan anew.';


--
-- Name: record_person(uuid, uuid, text, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.record_person(crew_call_id uuid, technician_id uuid, flex_element_id text, flex_line_item_id text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET lock_timeout TO '500ms'
    AS $$
#variable_conflict use_column
declare
  v_error text;
begin
  perform from crew_calls
  where crew_calls.id = record_person.crew_call_id
    and crew_calls.flex_element_id = record_person.flex_element_id;
  if not found then
    return false;
  end if;

  begin
    perform write_assignment(record_person.crew_call_id, record_person.technician_id, record_person.flex_line_item_id);
    perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));
    return true;
  exception
    when lock_not_available or deadlock_detected then
      perform note_element(record_person.flex_element_id, 'a row of flex_crew_assignments was locked', true);
      return false;
    when others then
      get stacked diagnostics v_error = message_text;
      insert into crew_call_blocks (crew_call_id, reason, error, since)
      values (record_person.crew_call_id, 'host_table', format('person %s: %s', record_person.technician_id, v_error), clock())
      on conflict on constraint crew_call_blocks_pkey do update
      set reason = excluded.reason, error = excluded.error;
      -- Its next look, in an hour, is queued by whoever has the element's lock.
      perform note_element(record_person.flex_element_id, 'flex_crew_assignments refused a row', false);
      perform note_block(record_person.flex_element_id, record_person.crew_call_id, record_person.technician_id, 'host_table', v_error);
      return false;
  end;
end
$$;


--
-- Name: FUNCTION record_person(crew_call_id uuid, technician_id uuid, flex_element_id text, flex_line_item_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.record_person(crew_call_id uuid, technician_id uuid, flex_element_id text, flex_line_item_id text) IS 'Upserts who is on a crew call with which line; what the host''s table refuses blocks the crew call and nothing else.';


--
-- Name: record_probe(bigint, text, integer, text, interval); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.record_probe(call_number bigint, outcome text, http_status integer, error text, retry_after interval DEFAULT NULL::interval) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_now constant timestamptz := clock();
begin
  perform close_call(record_probe.call_number, record_probe.outcome, record_probe.http_status, record_probe.error);
  if record_probe.outcome = 'done' then
    update tenant
    set
      -- After a 429 calls go one at a time at first, and another 429 goes on doubling the wait.
      careful_successes = case when tenant.breaker_reason = 'rate_limited' then 0 end,
      probe_wait = case when tenant.breaker_reason = 'rate_limited' then tenant.probe_wait end,
      breaker_opened_at = null, breaker_reason = null, breaker_error = null, probe_at = null,
      failures = 0, failed_elements = '{}', last_failure_at = null;
    -- What backed off because Flex was down need not wait for its own turn.
    update element_health set failures = 0, backoff_until = null where element_health.backoff_until > v_now;
    perform pg_notify('flex_sync_work', '');
  else
    update tenant
    set
      probe_wait = least(tenant.probe_wait * 2, interval '1 min'),
      probe_at = v_now + greatest(record_probe.retry_after, least(tenant.probe_wait * 2, interval '1 min')),
      breaker_reason = case record_probe.outcome
        when 'unauthorized' then 'token_refused'
        when 'rate_limited' then 'rate_limited'
        else 'flex_down'
      end,
      breaker_error = record_probe.error
    where tenant.breaker_opened_at is not null;
  end if;
end
$$;


--
-- Name: FUNCTION record_probe(call_number bigint, outcome text, http_status integer, error text, retry_after interval); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.record_probe(call_number bigint, outcome text, http_status integer, error text, retry_after interval) IS 'What a probe found: a good answer closes the breaker, anything else doubles the wait.';


--
-- Name: record_remove(bigint, uuid, integer); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.record_remove(operation_id bigint, token uuid, http_status integer DEFAULT 200) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_operation outbox := operation_in_flight(record_remove.operation_id, record_remove.token);
begin
  if v_operation.id is null then
    return 'fenced';
  end if;
  update outbox
  set state = 'done', finished_at = v_now, http_status = record_remove.http_status, error = null
  where outbox.id = v_operation.id;
  perform close_call(v_operation.call_number, 'done', record_remove.http_status, null);
  update lines
  set present = false, removed_at = v_now
  where lines.flex_element_id = v_operation.flex_element_id
    and lines.flex_line_item_id = v_operation.flex_line_item_id;
  perform forget_line(v_operation.flex_element_id, v_operation.flex_line_item_id);
  perform note_success(v_operation.flex_element_id);
  perform finish_sync(v_operation.sync_id);
  return 'recorded';
end
$$;


--
-- Name: FUNCTION record_remove(operation_id bigint, token uuid, http_status integer); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.record_remove(operation_id bigint, token uuid, http_status integer) IS 'Flex took a line away: the operation is done and no row of the host names the line.';


--
-- Name: record_set_role(bigint, uuid, integer); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.record_set_role(operation_id bigint, token uuid, http_status integer DEFAULT 200) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_operation outbox := operation_in_flight(record_set_role.operation_id, record_set_role.token);
begin
  if v_operation.id is null then
    return 'fenced';
  end if;
  update outbox
  set state = 'done', finished_at = v_now, http_status = record_set_role.http_status, error = null
  where outbox.id = v_operation.id;
  perform close_call(v_operation.call_number, 'done', record_set_role.http_status, null);
  perform write_role(v_operation.flex_element_id, v_operation.flex_line_item_id, v_operation.flex_role_id);
  perform note_success(v_operation.flex_element_id);
  perform finish_sync(v_operation.sync_id);
  return 'recorded';
end
$$;


--
-- Name: FUNCTION record_set_role(operation_id bigint, token uuid, http_status integer); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.record_set_role(operation_id bigint, token uuid, http_status integer) IS 'Flex took a role write.';


--
-- Name: reject_removals(uuid, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.reject_removals(crew_call_id uuid, plan text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
begin
  return decide_removals(reject_removals.crew_call_id, reject_removals.plan, 'rejected');
end
$$;


--
-- Name: FUNCTION reject_removals(crew_call_id uuid, plan text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.reject_removals(crew_call_id uuid, plan text) IS 'No, keep the held lines of this plan.';


--
-- Name: remember_objects(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.remember_objects() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform set_config('flex_sync.objects_before', (
    select string_agg(object.oid::text, ',')
    from (
      -- Itself left out: the migration that adds it calls it.
      select pg_proc.oid from pg_proc
      where pg_proc.pronamespace = 'flex_sync'::regnamespace and pg_proc.proname <> 'remember_objects'
      union all
      select pg_class.oid from pg_class where pg_class.relnamespace = 'flex_sync'::regnamespace
    ) as object
  ), true);
end
$$;


--
-- Name: FUNCTION remember_objects(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.remember_objects() IS 'Remembers which objects there are, for grant_privileges at the end of the migration.';


--
-- Name: removals_within_the_hour(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.removals_within_the_hour() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  -- A constant, so that an index finds the hour.
  v_since constant timestamptz := clock() - interval '1 hour';
begin
  return (
    select count(*) from outbox
    where outbox.kind = 'remove' and outbox.state = 'done' and outbox.finished_at > v_since
  ) + (
    select count(*) from outbox
    where outbox.kind = 'remove' and outbox.state in ('sending', 'unknown')
  );
end
$$;


--
-- Name: FUNCTION removals_within_the_hour(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.removals_within_the_hour() IS 'Lines removed in the whole tenant within the last hour, those in flight included.';


--
-- Name: remove_assignments(uuid[], uuid[], text[]); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.remove_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'public', 'extensions', 'pg_temp'
    AS $$
begin
  delete from public.flex_crew_assignments
  using unnest(remove_assignments.crew_call_ids, remove_assignments.technician_ids, remove_assignments.flex_line_item_ids)
    as named (crew_call_id, technician_id, line)
  where flex_crew_assignments.crew_call_id = named.crew_call_id
    and flex_crew_assignments.technician_id = named.technician_id
    and flex_crew_assignments.flex_line_item_id::text = named.line;
  -- What the host deferred to the commit is said now, where it can be caught.
  set constraints all immediate;
end
$$;


--
-- Name: FUNCTION remove_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[]); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.remove_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[]) IS 'Deletes rows of the host; its triggers find names as they do when the application writes.';


--
-- Name: request_sync(uuid, text, text, boolean); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.request_sync(crew_call_id uuid, flex_element_id text, requested_by text, allow_mass_removal boolean, OUT sync_id bigint, OUT joined boolean) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_now timestamptz;
begin
  perform from outbox
  where outbox.flex_element_id = request_sync.flex_element_id
    and outbox.kind = 'observe'
    and outbox.state = 'pending'
  for update;

  v_now := clock();
  perform know_element(request_sync.flex_element_id);

  -- The newest sync still waits if no reading for it is recorded or in flight. Beside an older one that is not finished
  -- it waits again, whatever it has: one active and one waiting, never three.
  select syncs.id into request_sync.sync_id
  from syncs
  join elements on elements.flex_element_id = syncs.flex_element_id
  where syncs.flex_element_id = request_sync.flex_element_id
    and syncs.finished_at is null
    and (
      -- Joined after its reading began: that one is not for it any more.
      syncs.reading_at is null
      or exists (
        select from syncs as older
        where older.flex_element_id = request_sync.flex_element_id
          and older.finished_at is null
          and older.id < syncs.id
      )
      or (
        syncs.reading_at > coalesce(elements.reading_at, '-infinity')
        and not exists (
          select from outbox
          where outbox.flex_element_id = request_sync.flex_element_id
            and outbox.kind = 'observe'
            and outbox.state = 'sending'
            and outbox.sync_id = syncs.id
        )
      )
    )
  -- Only one row may wait without a reading: where readings failed, several syncs wait, and that one is joined.
  order by syncs.reading_at is null desc, syncs.id desc
  limit 1;
  request_sync.joined := request_sync.sync_id is not null;

  if not request_sync.joined then
    insert into syncs (crew_call_id, flex_element_id, requested_by, requested_at, last_requested_at, allow_mass_removal)
    values (request_sync.crew_call_id, request_sync.flex_element_id, request_sync.requested_by, v_now, v_now, request_sync.allow_mass_removal)
    returning syncs.id into request_sync.sync_id;
  end if;
end
$$;


--
-- Name: FUNCTION request_sync(crew_call_id uuid, flex_element_id text, requested_by text, allow_mass_removal boolean, OUT sync_id bigint, OUT joined boolean); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.request_sync(crew_call_id uuid, flex_element_id text, requested_by text, allow_mass_removal boolean, OUT sync_id bigint, OUT joined boolean) IS 'Finds the sync that still waits for its reading, or opens one.';


--
-- Name: request_unasked(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.request_unasked(flex_element_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_crew_call_id uuid;
  v_request record;
begin
  select crew_calls.id into v_crew_call_id
  from crew_calls
  where crew_calls.flex_element_id = request_unasked.flex_element_id
  order by crew_calls.id
  limit 1;
  if v_crew_call_id is null then
    return;
  end if;
  select request.* into v_request
  from request_sync(v_crew_call_id, request_unasked.flex_element_id, 'auto sync', false) as request;
  if v_request.joined then
    perform join_sync(v_request.sync_id, false, v_crew_call_id, 'auto sync');
  end if;
end
$$;


--
-- Name: FUNCTION request_unasked(flex_element_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.request_unasked(flex_element_id text) IS 'A sync request that a trigger asked for.';


--
-- Name: resume(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.resume() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_was tenant;
begin
  select tenant.* into v_was from tenant for update;
  if v_was.paused_at is null then
    return;
  end if;
  update tenant set paused_at = null, paused_reason = null;
  perform log_operator('resume', jsonb_build_object('paused_at', v_was.paused_at, 'was', v_was.paused_reason));
  perform pg_notify('flex_sync_work', '');
end
$$;


--
-- Name: FUNCTION resume(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.resume() IS 'Goes on after pause().';


--
-- Name: retry(bigint); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.retry(operation_id bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_operation outbox;
begin
  select outbox.* into v_operation from outbox where outbox.id = retry.operation_id for update;
  if not found then
    raise exception 'no operation has the id %', coalesce(retry.operation_id::text, 'null')
      using errcode = 'NOOPE', hint = 'select operation_id from flex_sync.crew_status where operation_id is not null;';
  end if;
  if v_operation.state not in ('failed', 'unknown') then
    raise exception 'operation % is %, only failed and unknown ones can be retried', v_operation.id, v_operation.state
      using errcode = 'NORET', hint = case v_operation.state
        when 'held' then 'A held removal waits for approve_removals or reject_removals.'
        when 'done' then 'It is done; sync_crew_call plans what is still to do.'
        when 'cancelled' then 'It is no longer wanted; sync_crew_call plans what is still to do.'
        else 'It goes on by itself.'
      end;
  end if;
  if v_operation.superseded_at is not null then
    return 'is history already: a retry or a later plan took its place';
  end if;
  perform log_operator('retry', jsonb_build_object(
    'operation_id', v_operation.id, 'crew_call_id', v_operation.crew_call_id, 'technician_id', v_operation.technician_id,
    'kind', v_operation.kind, 'was', concat_ws(' ', v_operation.state, v_operation.reason)
  ));
  perform note_element(v_operation.flex_element_id, 'an operator retries', true);
  if v_operation.state = 'unknown' then
    return 'reads Flex now; nothing is sent before a reading says that it did not land';
  end if;
  update outbox set superseded_at = clock() where outbox.id = v_operation.id;
  return 'reads Flex now, then tries once more what is still wanted';
end
$$;


--
-- Name: FUNCTION retry(operation_id bigint); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.retry(operation_id bigint) IS 'Sends again what was refused; of an unknown operation only a reading is asked for.';


--
-- Name: retry_failed(uuid); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.retry_failed(crew_call_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_operation record;
  v_number int := 0;
begin
  perform crew_call_or_raise(retry_failed.crew_call_id);
  for v_operation in
    select outbox.id
    from outbox
    where (
        outbox.crew_call_id = retry_failed.crew_call_id
        -- Where people of several crew calls share a line, its add belongs to one of them.
        or outbox.persons @> jsonb_build_array(jsonb_build_object('crew_call_id', retry_failed.crew_call_id))
      )
      and outbox.kind <> 'observe'
      and outbox.state = 'failed'
      and outbox.superseded_at is null
    order by outbox.id
  loop
    perform retry(v_operation.id);
    v_number := v_number + 1;
  end loop;
  return v_number;
end
$$;


--
-- Name: FUNCTION retry_failed(crew_call_id uuid); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.retry_failed(crew_call_id uuid) IS 'retry() for everything that failed on a crew call.';


--
-- Name: room_for_background(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.room_for_background() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  return (
    select calls_left.hourly > coalesce(settings.hourly_limit, settings.monthly_limit / 50) / 4
      and calls_left.daily > coalesce(settings.daily_limit, settings.monthly_limit / 10) / 4
      and calls_left.monthly > settings.monthly_limit / 4
    from calls_left(), settings
  );
end
$$;


--
-- Name: FUNCTION room_for_background(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.room_for_background() IS 'Whether background readings may be made: more than a quarter of every window of Flex calls is left.';


--
-- Name: server_started_at(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.server_started_at() RETURNS timestamp with time zone
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select pg_postmaster_start_time() + (flex_sync.clock() - clock_timestamp());
$$;


--
-- Name: FUNCTION server_started_at(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.server_started_at() IS 'When this Postgres last started, on the clock of clock().';


--
-- Name: set_policy(uuid, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.set_policy(crew_call_id uuid, policy text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_element constant text := crew_call_or_raise(set_policy.crew_call_id);
  v_was text;
begin
  perform from crew_calls where crew_calls.id = set_policy.crew_call_id;
  if not found then
    raise exception 'crew call % is gone', set_policy.crew_call_id
      using errcode = 'NOCAL', hint = 'What is left on its element is ours to clean up: there the policy is owned, whatever was set.';
  end if;
  if set_policy.policy not in ('mirror', 'owned', 'add_only', 'report') then
    raise exception 'no policy is called %', printable(left(set_policy.policy, 100))
      using errcode = 'NOPOL', hint = 'mirror, owned, add_only or report; null returns to flex_sync.settings.policy.';
  end if;
  select crew_call_settings.policy into v_was from crew_call_settings where crew_call_settings.crew_call_id = set_policy.crew_call_id for update;
  if v_was is not distinct from set_policy.policy then
    return;
  end if;
  insert into crew_call_settings (crew_call_id, policy)
  values (set_policy.crew_call_id, set_policy.policy)
  on conflict on constraint crew_call_settings_pkey do update
  set policy = excluded.policy;
  perform log_operator('set_policy', jsonb_build_object('crew_call_id', set_policy.crew_call_id, 'was', v_was, 'is', set_policy.policy));
  perform note_element(v_element, 'the policy changed', true);
end
$$;


--
-- Name: FUNCTION set_policy(crew_call_id uuid, policy text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.set_policy(crew_call_id uuid, policy text) IS 'What may be deleted on one crew call; null returns to the setting.';


--
-- Name: set_resync_interval(uuid, interval); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.set_resync_interval(crew_call_id uuid, resync_interval interval) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_was interval;
begin
  perform crew_call_or_raise(set_resync_interval.crew_call_id);
  perform from crew_calls where crew_calls.id = set_resync_interval.crew_call_id;
  if not found then
    raise exception 'crew call % is gone', set_resync_interval.crew_call_id
      using errcode = 'NOCAL', hint = 'What is left on its element is cleaned up without background readings.';
  end if;
  if not set_resync_interval.resync_interval between interval '1 min' and interval '10 years' then
    raise exception 'a crew call cannot be read every %', set_resync_interval.resync_interval
      using errcode = 'NOINT', hint = 'From 1 minute to 10 years; null returns to flex_sync.settings.resync_interval.';
  end if;
  select crew_call_settings.resync_interval into v_was
  from crew_call_settings
  where crew_call_settings.crew_call_id = set_resync_interval.crew_call_id
  for update;
  if v_was is not distinct from set_resync_interval.resync_interval then
    return;
  end if;
  insert into crew_call_settings (crew_call_id, resync_interval)
  values (set_resync_interval.crew_call_id, set_resync_interval.resync_interval)
  on conflict on constraint crew_call_settings_pkey do update
  set resync_interval = excluded.resync_interval;
  perform log_operator('set_resync_interval', jsonb_build_object(
    'crew_call_id', set_resync_interval.crew_call_id, 'was', v_was, 'is', set_resync_interval.resync_interval
  ));
end
$$;


--
-- Name: FUNCTION set_resync_interval(crew_call_id uuid, resync_interval interval); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.set_resync_interval(crew_call_id uuid, resync_interval interval) IS 'After how long one crew call is read again though nobody asks; null returns to the setting.';


--
-- Name: settle_unknown(text, timestamp with time zone); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.settle_unknown(flex_element_id text, began_at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
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


--
-- Name: FUNCTION settle_unknown(flex_element_id text, began_at timestamp with time zone); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.settle_unknown(flex_element_id text, began_at timestamp with time zone) IS 'Lets a reading decide what became of unanswered writes.';


--
-- Name: share_with_service_role(oid[]); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.share_with_service_role(before oid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_grant text;
begin
  if to_regrole('service_role') is null then
    return;
  end if;
  grant usage on schema flex_sync to service_role;
  for v_grant in
    select format('grant execute on function %s to service_role', pg_proc.oid::regprocedure)
    from pg_proc
    cross join lateral aclexplode(pg_proc.proacl) as granted
    where granted.grantee = 'flex_sync_app'::regrole
      and pg_proc.oid <> all (coalesce(share_with_service_role.before, '{}'))
      and (
        pg_proc.pronamespace = 'flex_sync'::regnamespace
        -- No migration remembers these; they are granted once.
        or share_with_service_role.before = '{}'
          and pg_proc.pronamespace = 'public'::regnamespace
          and pg_proc.proname in ('sync_crew_call', 'sync_crew_for_job')
      )
    union all
    select format('grant %s on table %s to service_role', granted.privilege_type, pg_class.oid::regclass)
    from pg_class
    cross join lateral aclexplode(pg_class.relacl) as granted
    where granted.grantee = 'flex_sync_app'::regrole
      and pg_class.oid <> all (coalesce(share_with_service_role.before, '{}'))
      and pg_class.relnamespace = 'flex_sync'::regnamespace
      and pg_class.relkind in ('r', 'p', 'v', 'm')
  loop
    execute v_grant;
  end loop;
end
$$;


--
-- Name: FUNCTION share_with_service_role(before oid[]); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.share_with_service_role(before oid[]) IS 'Gives service_role, which may inherit nothing, what flex_sync_app may.';


--
-- Name: state_of_crew_call(uuid, text, boolean); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.state_of_crew_call(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT desired bigint, OUT recorded bigint, OUT observed bigint, OUT pending bigint, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT next_action text) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_open record;
  v_differs bigint := 0;
  v_unmapped text;
  v_unmapped_people uuid[];
  v_policy text;
begin
  select open_condition.* into v_open
  from open_condition(state_of_crew_call.crew_call_id, state_of_crew_call.flex_element_id, state_of_crew_call.retired);
  state_of_crew_call.condition := v_open.condition;
  state_of_crew_call.reason := case
    when v_open.condition = 'pending' and v_open.reason is null then why_pending(state_of_crew_call.flex_element_id, v_open.limited)
    else v_open.reason
  end;
  state_of_crew_call.pending := v_open.pending;
  state_of_crew_call.unknown := v_open.unknown;
  state_of_crew_call.held := v_open.held;
  state_of_crew_call.failed := v_open.failed;
  state_of_crew_call.plan := v_open.plan;
  state_of_crew_call.observed_at := v_open.observed_at;
  state_of_crew_call.last_sync_at := v_open.last_sync_at;

  select count(*) into state_of_crew_call.observed
  from lines
  where lines.flex_element_id = state_of_crew_call.flex_element_id
    and lines.present
    and lines.flex_resource_id is not null;

  if state_of_crew_call.retired then
    state_of_crew_call.desired := 0;
    state_of_crew_call.recorded := 0;
  else
    v_policy := policy_of(state_of_crew_call.flex_element_id);
    with
    desired as materialized (
      select * from desired_or_nobody(state_of_crew_call.crew_call_id)
    ),
    recorded as materialized (
      select recorded_crew.technician_id, recorded_crew.flex_line_item_id as line
      from recorded_crew
      where recorded_crew.crew_call_id = state_of_crew_call.crew_call_id
    ),
    there as materialized (
      select lines.flex_resource_id as resource, lines.flex_line_item_id as line, lines.shows_role, lines.flex_role_id,
        lines.written_role_id, lines.first_seen_at
      from lines
      where lines.flex_element_id = state_of_crew_call.flex_element_id
        and lines.present
        and lines.flex_resource_id is not null
    ),
    -- The line that stands for each desired person: the recorded one, else the oldest.
    shown as materialized (
      select distinct on (desired.technician_id) desired.technician_id, there.*
      from desired
      join there on there.resource = desired.resource
      left join recorded on recorded.technician_id = desired.technician_id
      order by desired.technician_id, there.line = recorded.line desc nulls last, there.first_seen_at, there.line
    ),
    persons as (
      select
        desired.technician_id,
        desired.technician_id is not null as is_desired,
        recorded.technician_id is not null as is_recorded,
        desired.problem,
        case
          when desired.problem is not null then false
          when desired.technician_id is null then not stays_by_policy(state_of_crew_call.flex_element_id, recorded.line, v_policy)
          when recorded.technician_id is null or shown.line is null then true
          when v_policy <> 'report' and desired.role_id is not null and case
              when shown.shows_role and shown.flex_role_id is not null then lower(btrim(shown.flex_role_id)) <> lower(btrim(desired.role_id))
              else shown.written_role_id is distinct from desired.role_id
            end
            then not exists (
              -- Somebody else with this resource has another role, here or on another crew call: the lowest id decides.
              select from crew_calls as sharing
              cross join lateral desired_or_nobody(sharing.id) as other
              where sharing.flex_element_id = state_of_crew_call.flex_element_id
                and (sharing.id <> state_of_crew_call.crew_call_id or other.technician_id <> desired.technician_id)
                and other.resource = desired.resource
                and (other.role_code, other.role_id) is distinct from (desired.role_code, desired.role_id)
            )
          else false
        end as differs
      from desired
      full join recorded on recorded.technician_id = desired.technician_id
      left join shown on shown.technician_id = desired.technician_id
    )
    select
      count(*) filter (where persons.is_desired),
      count(*) filter (where persons.is_recorded),
      count(*) filter (where persons.differs),
      min(persons.problem),
      array_agg(persons.technician_id order by persons.problem, persons.technician_id) filter (where persons.problem is not null)
    into state_of_crew_call.desired, state_of_crew_call.recorded, v_differs, v_unmapped, v_unmapped_people
    from persons;
  end if;

  if state_of_crew_call.condition is null then
    if state_of_crew_call.retired then
      state_of_crew_call.condition := 'synced';
    elsif v_open.observed_at is not null and v_open.last_sync_at is not null and v_differs > 0 then
      state_of_crew_call.condition := 'pending';
      state_of_crew_call.reason := case when v_policy = 'report' then 'report_only' else 'not_requested' end;
    elsif v_open.last_sync_at is not null and v_open.observed_at < v_open.last_requested_at then
      state_of_crew_call.condition := 'pending';
      state_of_crew_call.reason := 'requested';
    elsif v_unmapped is not null then
      state_of_crew_call.condition := 'unmapped';
      state_of_crew_call.reason := v_unmapped;
    elsif v_open.observed_at is null or v_open.last_sync_at is null then
      state_of_crew_call.condition := 'never_synced';
      state_of_crew_call.reason := 'never_synced';
    else
      state_of_crew_call.condition := 'synced';
    end if;
  end if;
  state_of_crew_call.next_action := next_action(
    state_of_crew_call.condition, state_of_crew_call.reason, state_of_crew_call.crew_call_id, v_open.failed_operation_id, v_open.plan, v_unmapped_people
  );
end
$$;


--
-- Name: FUNCTION state_of_crew_call(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT desired bigint, OUT recorded bigint, OUT observed bigint, OUT pending bigint, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT next_action text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.state_of_crew_call(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT desired bigint, OUT recorded bigint, OUT observed bigint, OUT pending bigint, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT next_action text) IS 'How one crew call stands: what crew_call_status shows of it.';


--
-- Name: stays_by_policy(text, text, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.stays_by_policy(flex_element_id text, flex_line_item_id text, policy text) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
begin
  return stays_by_policy.policy = 'add_only'
    or exists (
      select from removal_decisions
      where removal_decisions.flex_line_item_id = stays_by_policy.flex_line_item_id
        and removal_decisions.decision = 'rejected'
    )
    or (
      not exists (select from ledger where ledger.flex_line_item_id = stays_by_policy.flex_line_item_id)
      and (
        stays_by_policy.policy = 'owned'
        or exists (
          select from lines
          where lines.flex_element_id = stays_by_policy.flex_element_id
            and lines.flex_line_item_id = stays_by_policy.flex_line_item_id
            and lines.present
            and not lines.is_contact
        )
      )
    );
end
$$;


--
-- Name: FUNCTION stays_by_policy(flex_element_id text, flex_line_item_id text, policy text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.stays_by_policy(flex_element_id text, flex_line_item_id text, policy text) IS 'Whether the line of somebody nobody desires is to stay.';


--
-- Name: store_reading(text, bigint, timestamp with time zone, jsonb, boolean); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.store_reading(flex_element_id text, operation_id bigint, began_at timestamp with time zone, lines jsonb, identity_checked boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  insert into readings (flex_element_id, operation_id, began_at, recorded_at, line_count, lines)
  values (store_reading.flex_element_id, store_reading.operation_id, store_reading.began_at, clock(),
    jsonb_array_length(store_reading.lines), store_reading.lines);

  with
  shown as materialized (
    select
      flex_id(line.flex_line_item_id) as line,
      flex_id(line.flex_resource_id) as resource,
      coalesce(line.is_contact, false) as is_contact,
      flex_id(line.parent_line_item_id) as parent,
      nullif(btrim(line.flex_role_id), '') as role_id,
      coalesce(line.shows_role, false) as shows_role,
      left(line.name, 200) as name
    from jsonb_to_recordset(store_reading.lines) as line (
      flex_line_item_id text, flex_resource_id text, is_contact boolean, parent_line_item_id text, flex_role_id text, shows_role boolean, name text
    )
  ),
  gone as (
    update flex_sync.lines as known
    set present = false
    where known.flex_element_id = store_reading.flex_element_id
      and known.present
      and (known.added_at is null or known.added_at <= store_reading.began_at)
      and not exists (select from shown where shown.line = known.flex_line_item_id)
  )
  insert into flex_sync.lines as known (flex_element_id, flex_line_item_id, flex_resource_id, is_contact, parent_line_item_id,
    flex_role_id, shows_role, name, present, first_seen_at, last_seen_at)
  select store_reading.flex_element_id, shown.line, shown.resource, shown.is_contact, shown.parent,
    shown.role_id, shown.shows_role, shown.name, true, store_reading.began_at, store_reading.began_at
  from shown
  on conflict on constraint lines_pkey do update
  set
    flex_resource_id = excluded.flex_resource_id,
    is_contact = excluded.is_contact,
    parent_line_item_id = excluded.parent_line_item_id,
    flex_role_id = case when known.role_written_at > store_reading.began_at and excluded.shows_role then known.written_role_id else excluded.flex_role_id end,
    shows_role = excluded.shows_role,
    name = excluded.name,
    present = known.removed_at is null or known.removed_at <= store_reading.began_at,
    first_seen_at = coalesce(known.first_seen_at, excluded.first_seen_at),
    last_seen_at = excluded.last_seen_at,
    stale_at = null;

  -- A line whose resource was not known when it entered the ledger is known by what it shows first.
  update ledger
  set
    flex_resource_id = coalesce(ledger.flex_resource_id, known.flex_resource_id),
    flex_element_id = coalesce(ledger.flex_element_id, known.flex_element_id),
    gone_at = null
  from flex_sync.lines as known
  where known.flex_element_id = store_reading.flex_element_id
    and known.present
    and ledger.flex_line_item_id = known.flex_line_item_id
    -- A line that shows another resource is no longer ours, and stays gone.
    and (ledger.flex_resource_id is null or ledger.flex_resource_id = known.flex_resource_id)
    and (ledger.flex_resource_id is null or ledger.flex_element_id is null or ledger.gone_at is not null);

  update tenant
  set roles_shown_at = store_reading.began_at
  where tenant.roles_shown_at is null
    and exists (
      select from jsonb_to_recordset(store_reading.lines) as line (flex_role_id text, shows_role boolean)
      where line.shows_role and nullif(btrim(line.flex_role_id), '') is not null
    );

  update elements
  set
    reading_at = store_reading.began_at,
    identity_checked_at = case when store_reading.identity_checked then clock() else elements.identity_checked_at end,
    doubt_reason = null, doubt_error = null, doubt_at = null,
    blocked_reason = null, blocked_error = null, blocked_at = null
  where elements.flex_element_id = store_reading.flex_element_id;
end
$$;


--
-- Name: FUNCTION store_reading(flex_element_id text, operation_id bigint, began_at timestamp with time zone, lines jsonb, identity_checked boolean); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.store_reading(flex_element_id text, operation_id bigint, began_at timestamp with time zone, lines jsonb, identity_checked boolean) IS 'Keeps a good reading and brings observed up to it.';


--
-- Name: take_over_expired(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.take_over_expired() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_now constant timestamptz := clock();
  -- What ran out earlier was taken over by the last look at everything: once in ten minutes, with trim_history. Without
  -- the bound every look walks over all claims that ended, while an old snapshot keeps their index entries.
  v_since constant timestamptz := case
    when exists (select from tenant where tenant.trimmed_at > v_now - interval '10 min') then v_now - interval '15 min'
    else '-infinity'
  end;
  v_expired record;
  v_number int := 0;
begin
  for v_expired in
    select outbox.id, outbox.token
    from outbox
    where outbox.state = 'sending'
      and outbox.lease_until > v_since
      and outbox.lease_until <= v_now
    -- Readings first: their failure locks the element's health, and everybody locks syncs last.
    order by outbox.kind <> 'observe', outbox.id
    for update skip locked
  loop
    perform record_failure(v_expired.id, v_expired.token, 'unknown', 0, 'the drainer stopped before it reported an outcome');
    update outbox set http_status = null where outbox.id = v_expired.id;
    v_number := v_number + 1;
  end loop;
  return v_number;
end
$$;


--
-- Name: FUNCTION take_over_expired(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.take_over_expired() IS 'Takes over operations whose claim ran out; of a write nobody knows whether Flex did it.';


--
-- Name: calls; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.calls (
    number bigint NOT NULL,
    made_at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    operation_id bigint,
    sync_id bigint,
    flex_element_id text,
    flex_resource_id text,
    flex_line_item_id text,
    flex_role_id text,
    attempt integer,
    drainer text,
    deadline timestamp with time zone,
    reading_at timestamp with time zone,
    answered_at timestamp with time zone,
    outcome text,
    http_status integer,
    error text,
    absent_at timestamp with time zone,
    late_checked_at timestamp with time zone,
    unanswered boolean GENERATED ALWAYS AS (NULLIF((outcome = 'unknown'::text), false)) STORED,
    CONSTRAINT "a known call" CHECK ((kind = ANY (ARRAY['observe'::text, 'add'::text, 'set_role'::text, 'remove'::text, 'identity'::text, 'user'::text])))
)
WITH (fillfactor='70');


--
-- Name: TABLE calls; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.calls IS 'Every Flex call, counted and committed before it is made: the budget''s memory, the history of attempts, and what later lines are accounted to.';


--
-- Name: COLUMN calls.number; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.calls.number IS 'Gapless and rising with made_at, so that calls in a window are one subtraction.';


--
-- Name: COLUMN calls.reading_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.calls.reading_at IS 'Beginning of the last reading before the send: a line that it lacked may be this attempt''s.';


--
-- Name: COLUMN calls.absent_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.calls.absent_at IS 'Beginning of the reading that proved that an unknown write did not land.';


--
-- Name: COLUMN calls.late_checked_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.calls.late_checked_at IS 'Beginning of the further reading that found nothing landed late.';


--
-- Name: COLUMN calls.unanswered; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.calls.unanswered IS 'True where nobody knows whether Flex did it, null for any other outcome: what the index of unanswered calls is for.';


--
-- Name: tell_call(flex_sync.calls, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.tell_call(call flex_sync.calls, line text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
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


--
-- Name: FUNCTION tell_call(call flex_sync.calls, line text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.tell_call(call flex_sync.calls, line text) IS 'One Flex call as a sentence.';


--
-- Name: decisions; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.decisions (
    id bigint NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    flex_element_id text NOT NULL,
    crew_call_id uuid,
    technician_id uuid,
    flex_resource_id text,
    flex_line_item_id text,
    flex_role_id text,
    decision text NOT NULL,
    reason text,
    brake text,
    error text,
    sync_id bigint,
    reading_at timestamp with time zone,
    CONSTRAINT "a known decision" CHECK ((decision = ANY (ARRAY['add'::text, 'confirm'::text, 'contest'::text, 'unmapped'::text, 'remove'::text, 'hold'::text, 'report'::text, 'set_role'::text, 'released'::text, 'keep'::text, 'drop'::text, 'blocked'::text])))
);


--
-- Name: TABLE decisions; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.decisions IS 'What plans decided anew about people and lines, and what blocked them; only ever appended. flex_sync.history tells it.';


--
-- Name: COLUMN decisions.crew_call_id; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.decisions.crew_call_id IS 'Null where the whole element is meant.';


--
-- Name: COLUMN decisions.reading_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.decisions.reading_at IS 'Beginning of the reading that the plan was made from. Null is a preview.';


--
-- Name: tell_decision(flex_sync.decisions); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.tell_decision(decision flex_sync.decisions) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
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


--
-- Name: FUNCTION tell_decision(decision flex_sync.decisions); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.tell_decision(decision flex_sync.decisions) IS 'One decision of a plan as a sentence.';


--
-- Name: tell_planned(flex_sync.planned); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.tell_planned(planned flex_sync.planned) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_planned constant planned := tell_planned.planned;
  v_who constant text := case when v_planned.technician_id is not null then name_of(v_planned.technician_id) end;
  v_line constant text := 'line ' || coalesce(v_planned.flex_line_item_id, '?') || coalesce(' of ' || coalesce(v_who, v_planned.name), '');
  v_why constant text := case v_planned.reason
    when 'undesired' then 'nobody wants it any more'
    when 'resource_changed' then 'its person has another resource now'
    when 'foreign' then 'made in Flex, for somebody whom nobody desires'
    when 'surplus' then 'one more for somebody who has a line'
  end;
  v_role text;
begin
  if v_planned.action = 'set_role' then
    select coalesce(lines.flex_role_id, lines.written_role_id) into v_role
    from lines
    where lines.flex_line_item_id = v_planned.flex_line_item_id
    limit 1;
  end if;
  return case v_planned.action
    when 'keep' then format('keep      %s on line %s%s', v_who, v_planned.flex_line_item_id, case when not v_planned.ours then ' (made in Flex by a person)' else '' end)
    when 'add' then format('add       %s, resource %s%s', v_who, v_planned.flex_resource_id, case when v_planned.reason = 'stale' then ': somebody deleted their line in Flex' else '' end)
    when 'confirm' then format('confirm   %s: the last reading lacks %s, a second one decides', v_who, coalesce('their line ' || v_planned.flex_line_item_id, 'lines that are recorded here'))
    when 'contest' then format('contested %s: added again twice within a day, deleted in Flex once more', v_who)
    when 'wait' then format('wait      %s: %s', v_who, case v_planned.reason
      when 'unknown' then 'an add was sent and nobody knows whether Flex did it'
      when 'sending' then 'an add is in flight'
      when 'refused' then 'the last add was refused, and only a new request tries again'
      else 'their old line is being removed' end)
    when 'unmapped' then format('unmapped  %s: %s', v_who, case v_planned.reason when 'no_resource' then 'no flex_resource_id' else 'flex_resource_id is not a Flex id' end)
    when 'set_role' then format('set role  %s: business role %s%s', v_who, v_planned.flex_role_id, case when v_planned.flex_line_item_id is null then '' else ', now ' || coalesce(v_role, 'none') end)
    when 'wait_role' then format('wait      %s: the last role write was refused', v_who)
    when 'remove' then format('remove    %s: %s', v_line, v_why)
    when 'hold' then format('hold      %s: %s; held by the brake %s', v_line, v_why, v_planned.brake)
    when 'report' then format('leave     %s: %s, but it stays (policy, a no, or a refused removal)', v_line, v_why)
  end;
end
$$;


--
-- Name: FUNCTION tell_planned(planned flex_sync.planned); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.tell_planned(planned flex_sync.planned) IS 'One row of a plan as a line.';


--
-- Name: tick(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.tick() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_done int := 0;
  v_note record;
begin
  perform read_committed_only();
  v_done := take_over_expired();

  for v_note in
    select noted.flex_element_id, bool_or(noted.wants_reading) as wants_reading, bool_or(noted.requests_sync) as requests_sync,
      array_agg(noted.id) as ids
    from (
      select due_elements.flex_element_id, due_elements.wants_reading, due_elements.requests_sync, due_elements.id
      from due_elements
      union all
      select old.flex_element_id, false, false, null
      from elements_with_old_readings() as old (flex_element_id)
    ) as noted
    group by noted.flex_element_id
    order by noted.flex_element_id
    limit 200
  loop
    continue when not pg_try_advisory_xact_lock(hashtextextended('flex_sync element ' || v_note.flex_element_id, 0));
    perform know_element(v_note.flex_element_id);
    if v_note.wants_reading then
      -- Counted from now: the transaction that noted it may have ended long after it wrote the note.
      update elements
      set reading_wanted_at = v_now
      where elements.flex_element_id = v_note.flex_element_id;
    end if;
    if v_note.requests_sync then
      perform request_unasked(v_note.flex_element_id);
    end if;
    -- A request may have cancelled all that an active sync had left.
    perform finish_answered_syncs(v_note.flex_element_id, v_now);
    perform queue_reading(v_note.flex_element_id);
    delete from due_elements where due_elements.id = any (v_note.ids);
    v_done := v_done + 1;
  end loop;

  return v_done + begin_background_readings() + trim_history();
end
$$;


--
-- Name: FUNCTION tick(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.tick() IS 'Does what time and notes ask for: takes over expired claims, queues readings, trims history.';


--
-- Name: tier_of(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.tier_of(role_code text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select case
    when role_code operator(pg_catalog.~~) '%-%' and role_code operator(pg_catalog.!~~) '%-'
      then pg_catalog.upper(pg_catalog.btrim(pg_catalog.split_part(role_code, '-', -1)))
  end
$$;


--
-- Name: FUNCTION tier_of(role_code text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.tier_of(role_code text) IS 'The tier of a role code: the last part after a ''-'', upper-case; null when there is none.';


--
-- Name: trim_history(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.trim_history() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_before timestamptz;
  v_batch constant int := 500;
  v_rows int;
  v_sum int := 0;
begin
  -- Whoever holds the row may wait for what this transaction did before: trimming has time.
  perform from tenant
  where tenant.trimmed_at is null or tenant.trimmed_at < v_now - interval '10 min'
  for update skip locked;
  if not found then
    return 0;
  end if;
  update tenant set trimmed_at = v_now;
  select v_now - settings.retention into v_before from settings;

  delete from outbox
  where outbox.id in (
    select outbox.id from outbox
    where outbox.state in ('done', 'failed', 'cancelled') and outbox.finished_at < v_before
      and (outbox.state <> 'failed' or outbox.superseded_at is not null)
    order by outbox.finished_at limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from syncs
  where syncs.id in (
    select syncs.id from syncs
    where syncs.finished_at < v_before
      -- The last one of a crew call stays: it says that it was synced.
      and (
        not exists (select from crew_calls where crew_calls.flex_element_id = syncs.flex_element_id)
        or exists (select from syncs as later where later.flex_element_id = syncs.flex_element_id and later.id > syncs.id)
      )
    order by syncs.finished_at limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from calls
  where calls.number in (
    select calls.number from calls
    where calls.made_at < least(v_before, v_now - interval '32 days')
      and calls.number < (select max(calls.number) from calls)
    order by calls.number limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from readings
  where readings.id in (
    select readings.id from readings
    where readings.recorded_at < v_before
    order by readings.recorded_at limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from lines
  where (lines.flex_element_id, lines.flex_line_item_id) in (
    select old.flex_element_id, old.flex_line_item_id from lines as old
    where not old.present and greatest(old.last_seen_at, old.removed_at, old.added_at, old.stale_at) < v_before
    limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  -- Lines of ours that are gone. Should a person bring one back, it is theirs.
  delete from ledger
  where ledger.flex_line_item_id in (
    select old.flex_line_item_id from ledger as old
    where old.gone_at < v_before
      and not exists (
        select from lines
        where lines.flex_element_id = old.flex_element_id and lines.flex_line_item_id = old.flex_line_item_id and lines.present
      )
    order by old.gone_at limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  -- A yes ended after a day. A no ends with its line.
  delete from removal_decisions
  where (removal_decisions.flex_line_item_id, removal_decisions.flex_resource_id) in (
    select old.flex_line_item_id, old.flex_resource_id from removal_decisions as old
    where old.decided_at < v_before
      and (old.decision = 'approved' or not exists (
        select from lines
        where lines.flex_element_id = old.flex_element_id and lines.flex_line_item_id = old.flex_line_item_id and lines.present
      ))
    limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from operator_log
  where operator_log.id in (
    select operator_log.id from operator_log where operator_log.at < v_before order by operator_log.id limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from decisions
  where decisions.id in (
    select decisions.id from decisions where decisions.decided_at < v_before order by decisions.decided_at limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows;

  delete from joined_requests
  where joined_requests.id in (
    select joined_requests.id from joined_requests where joined_requests.requested_at < v_before order by joined_requests.requested_at limit v_batch
  );
  get diagnostics v_rows = row_count;
  v_sum := v_sum + v_rows + forget_elements(v_before, v_batch);
  if v_sum >= v_batch then
    -- More is waiting: go on with the next tick.
    update tenant set trimmed_at = null;
  end if;
  return v_sum;
end
$$;


--
-- Name: FUNCTION trim_history(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.trim_history() IS 'Forgets what is older than settings.retention, in small batches.';


--
-- Name: two_calls_free_at(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.two_calls_free_at() RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_last constant bigint := (select coalesce(max(calls.number), 0) from calls);
begin
  return (
    select nullif(max(case
      when windows.allowed < 2 then 'infinity'
      else (
        select calls.made_at + windows.length
        from calls
        where calls.number = v_last - windows.allowed + 2
          and calls.made_at + windows.length > (select clock())
      )
    end), 'infinity')
    from (
      select interval '1 hour' as length, coalesce(settings.hourly_limit, settings.monthly_limit / 50)::bigint as allowed from settings
      union all
      select interval '24 hours', coalesce(settings.daily_limit, settings.monthly_limit / 10)::bigint from settings
      union all
      select interval '744 hours', settings.monthly_limit::bigint from settings
    ) as windows
  );
end
$$;


--
-- Name: FUNCTION two_calls_free_at(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.two_calls_free_at() IS 'When two Flex calls are left in every window; null when they are, or never can be.';


--
-- Name: waiting_for(bigint); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.waiting_for(operation_id bigint) RETURNS TABLE(id bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  return query
  select outbox.id
  from outbox
  where outbox.after_operation_id = waiting_for.operation_id
    and outbox.state = 'pending'
  order by outbox.id
  for update skip locked;
end
$$;


--
-- Name: FUNCTION waiting_for(operation_id bigint); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.waiting_for(operation_id bigint) IS 'The pending operations that wait for an add, locked, without those that a planner holds.';


--
-- Name: waiting_request(text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.waiting_request(flex_element_id text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_now constant timestamptz := clock();
begin
  return (
    select syncs.id
    from syncs
    where syncs.flex_element_id = waiting_request.flex_element_id
      and syncs.finished_at is null
      and syncs.reading_at is null
      and not exists (
        select from syncs as active
        where active.flex_element_id = waiting_request.flex_element_id and active.finished_at is null and active.reading_at is not null
      )
      and not exists (
        select from elements
        where elements.flex_element_id = waiting_request.flex_element_id
          and elements.reading_wanted_at >= coalesce(elements.reading_at, '-infinity')
      )
      and not exists (
        select from element_health
        where element_health.flex_element_id = waiting_request.flex_element_id and element_health.backoff_until > v_now
      )
      -- Its reading in flight, an unanswered write, or a write whose reading may be too old to send it on.
      and not exists (
        select from outbox
        where outbox.flex_element_id = waiting_request.flex_element_id
          and outbox.state in ('pending', 'sending', 'unknown')
          and case outbox.kind
            when 'observe' then outbox.state = 'sending' and outbox.sync_id = syncs.id
            else outbox.state = 'unknown' or (outbox.state = 'pending' and outbox.reading_at is not null)
          end
      )
      and not exists (
        select from calls
        where calls.flex_element_id = waiting_request.flex_element_id and calls.unanswered and calls.late_checked_at is null
      )
      and not exists (select from missing_lines where missing_lines.flex_element_id = waiting_request.flex_element_id)
  );
end
$$;


--
-- Name: FUNCTION waiting_request(flex_element_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.waiting_request(flex_element_id text) IS 'The sync that waits for a reading which can be made now and that nothing else needs as much; null where there is more to say.';


--
-- Name: what_stands_in_the_way(text, text, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.what_stands_in_the_way(condition text, reason text, flex_element_id text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
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


--
-- Name: FUNCTION what_stands_in_the_way(condition text, reason text, flex_element_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.what_stands_in_the_way(condition text, reason text, flex_element_id text) IS 'Why a crew call is not synced now, as a sentence.';


--
-- Name: who_acts(); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.who_acts() RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
declare
  v_role constant text := nullif(current_setting('role', true), 'none');
  v_subject text;
begin
  begin
    v_subject := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub';
  exception
    when others then
      v_subject := null;
  end;
  return session_user
    || coalesce(' as ' || nullif(v_role, session_user), '')
    || coalesce(' (sub ' || left(printable(v_subject), 100) || ')', '');
end
$$;


--
-- Name: FUNCTION who_acts(); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.who_acts() IS 'Who is behind this session, for traces: user, role taken on, subject of the request''s token.';


--
-- Name: why_pending(text, boolean); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.why_pending(flex_element_id text, limited boolean) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_now constant timestamptz := clock();
  v_breaker text := (select tenant.breaker_reason from tenant);
begin
  return case
    when v_breaker is not null then v_breaker
    when (select calls_left.left_now from calls_left()) <= 0 then 'quota'
    when exists (
      select from outbox
      where outbox.flex_element_id = why_pending.flex_element_id
        and outbox.kind = 'observe'
        and outbox.state = 'pending'
        and outbox.reason = 'reading_too_old'
    ) and two_calls_free_at() is not null then 'quota'
    when (select elements.doubt_reason from elements where elements.flex_element_id = why_pending.flex_element_id) is not null then 'doubtful_reading'
    when exists (
      select from element_health
      where element_health.flex_element_id = why_pending.flex_element_id and element_health.careful_until > v_now
    ) then 'locked'
    when exists (
      select from element_health
      where element_health.flex_element_id = why_pending.flex_element_id and element_health.backoff_until > v_now
    ) then 'backing_off'
    when why_pending.limited and removals_within_the_hour() >= (select settings.removal_limit from settings) then 'removal_limit'
    when exists (
      select from syncs
      join elements on elements.flex_element_id = syncs.flex_element_id
      where syncs.flex_element_id = why_pending.flex_element_id
        and syncs.finished_at is null
        and syncs.last_requested_at > coalesce(elements.reading_at, '-infinity')
    ) then 'requested'
    else 'queued'
  end;
end
$$;


--
-- Name: FUNCTION why_pending(flex_element_id text, limited boolean); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.why_pending(flex_element_id text, limited boolean) IS 'What an operation that is pending waits for.';


--
-- Name: write_assignment(uuid, uuid, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.write_assignment(crew_call_id uuid, technician_id uuid, flex_line_item_id text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'public', 'extensions', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  -- The host's own type, uuid or text.
  v_line constant public.flex_crew_assignments.flex_line_item_id%type := write_assignment.flex_line_item_id;
begin
  insert into public.flex_crew_assignments as row_there (crew_call_id, technician_id, flex_line_item_id)
  values (write_assignment.crew_call_id, write_assignment.technician_id, v_line)
  on conflict (crew_call_id, technician_id) do update
  set flex_line_item_id = excluded.flex_line_item_id
  where row_there.flex_line_item_id is distinct from excluded.flex_line_item_id;
  -- What the host deferred to the commit is said now, where it can be caught.
  set constraints all immediate;
end
$$;


--
-- Name: FUNCTION write_assignment(crew_call_id uuid, technician_id uuid, flex_line_item_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.write_assignment(crew_call_id uuid, technician_id uuid, flex_line_item_id text) IS 'Upserts a row of the host; its triggers find names as they do when the application writes.';


--
-- Name: write_assignments(uuid[], uuid[], text[]); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.write_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'public', 'extensions', 'pg_temp'
    SET enable_seqscan TO 'on'
    SET enable_hashjoin TO 'on'
    SET enable_mergejoin TO 'on'
    SET plan_cache_mode TO 'auto'
    AS $$
#variable_conflict use_column
begin
  insert into public.flex_crew_assignments as row_there (crew_call_id, technician_id, flex_line_item_id)
  select named.crew_call_id, named.technician_id, of_the_host.flex_line_item_id
  from unnest(write_assignments.crew_call_ids, write_assignments.technician_ids, write_assignments.flex_line_item_ids)
    as named (crew_call_id, technician_id, line)
  -- The host's own type, uuid or text.
  cross join lateral jsonb_populate_record(
    cast(null as public.flex_crew_assignments), jsonb_build_object('flex_line_item_id', named.line)
  ) as of_the_host
  on conflict (crew_call_id, technician_id) do update
  set flex_line_item_id = excluded.flex_line_item_id
  where row_there.flex_line_item_id is distinct from excluded.flex_line_item_id;
  -- What the host deferred to the commit is said now, where it can be caught.
  set constraints all immediate;
end
$$;


--
-- Name: FUNCTION write_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[]); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.write_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[]) IS 'Upserts rows of the host together; its triggers find names as they do when the application writes.';


--
-- Name: write_role(text, text, text); Type: FUNCTION; Schema: flex_sync; Owner: -
--

CREATE FUNCTION flex_sync.write_role(flex_element_id text, flex_line_item_id text, flex_role_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    AS $$
begin
  update lines
  set
    written_role_id = write_role.flex_role_id,
    role_written_at = clock(),
    flex_role_id = case when lines.shows_role then write_role.flex_role_id else lines.flex_role_id end
  where lines.flex_element_id = write_role.flex_element_id
    and lines.flex_line_item_id = write_role.flex_line_item_id;
end
$$;


--
-- Name: FUNCTION write_role(flex_element_id text, flex_line_item_id text, flex_role_id text); Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON FUNCTION flex_sync.write_role(flex_element_id text, flex_line_item_id text, flex_role_id text) IS 'Remembers that we wrote a role to a line.';


--
-- Name: sync_crew_call(uuid, boolean, boolean, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.sync_crew_call(crew_call_id uuid, dry_run boolean DEFAULT false, allow_mass_removal boolean DEFAULT false, requested_by text DEFAULT NULL::text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  -- In a variable, because a name sorts otherwise than a text: a function that is passed one compares everything as it
  -- does, and no index on a text serves it.
  v_requested_by constant text := coalesce(sync_crew_call.requested_by, session_user::text);
  v_element text;
  v_found boolean;
  v_sync_id bigint;
  v_joined boolean;
  v_plan planned[];
  v_error text;
begin
  -- Clients that pass every parameter pass null for what nobody said.
  sync_crew_call.dry_run := coalesce(sync_crew_call.dry_run, false);
  sync_crew_call.allow_mass_removal := coalesce(sync_crew_call.allow_mass_removal, false);
  if not sync_crew_call.dry_run then
    perform read_committed_only();
  end if;
  select crew_calls.flex_element_id into v_element
  from crew_calls
  where crew_calls.id = sync_crew_call.crew_call_id;
  v_found := found;
  if not v_found and host_error() is not null then
    -- A policy hides the host's crew calls: an error of the host's, never an unknown id.
    return blocked_as_json(sync_crew_call.crew_call_id, null, null);
  end if;
  if not v_found then
    raise exception 'no crew call has the id %', coalesce(sync_crew_call.crew_call_id::text, 'null')
      using errcode = 'NOCAL', hint = 'Pass flex_crew_calls.id, not the Flex element id: select id, flex_element_id from flex_crew_calls.';
  end if;
  if may_sync(sync_crew_call.crew_call_id) is not true then
    raise exception 'this session may not sync crew call %', sync_crew_call.crew_call_id
      using errcode = 'NOTAL', hint = 'flex_sync.may_sync(crew_call_id) decides; it belongs to the host application.';
  end if;

  if not is_flex_id(v_element) then
    if not sync_crew_call.dry_run then
      insert into syncs (crew_call_id, requested_by, requested_at, last_requested_at, finished_at, outcome)
      select sync_crew_call.crew_call_id, v_requested_by, now_is.at, now_is.at, now_is.at, 'blocked'
      from (select clock() as at) as now_is
      returning syncs.id into v_sync_id;
      perform pg_notify('flex_sync_done', v_sync_id::text);
    end if;
    return blocked_as_json(sync_crew_call.crew_call_id, nullif(v_element, ''), v_sync_id);
  end if;

  if not sync_crew_call.dry_run then
    v_element := lock_element_of(sync_crew_call.crew_call_id);
    if not is_flex_id(v_element) then
      return public.sync_crew_call(sync_crew_call.crew_call_id, false, sync_crew_call.allow_mass_removal, sync_crew_call.requested_by);
    end if;
    select request.sync_id, request.joined into v_sync_id, v_joined
    from request_sync(
      sync_crew_call.crew_call_id, v_element, v_requested_by, sync_crew_call.allow_mass_removal
    ) as request;
  end if;

  begin
    select array_agg(planned.*::planned) into v_plan
    from plan_element(v_element, sync_crew_call.allow_mass_removal, clock()) as planned;
  exception
    when others then
      -- The host's view cannot be read: an error of the host's, never an empty crew.
      get stacked diagnostics v_error = message_text;
      if not sync_crew_call.dry_run then
        perform block_element(v_element, 'host_view', v_error);
        perform finish_sync(v_sync_id);
      end if;
      return blocked_as_json(sync_crew_call.crew_call_id, v_element, v_sync_id);
  end;

  if not sync_crew_call.dry_run then
    perform apply_plan(v_element, v_plan, v_sync_id, null);
    perform queue_reading(v_element);
    if exists (
      select from syncs
      where syncs.flex_element_id = v_element and syncs.finished_at is null and syncs.id <> v_sync_id
        and not exists (select from outbox where outbox.sync_id = syncs.id and outbox.state in ('pending', 'sending'))
    ) then
      -- The active sync lost its last operations to this plan. Its row is not ours to lock: this transaction may stay open.
      perform note_element(v_element, 'an active sync has nothing left to do', false);
    end if;
    if v_joined then
      perform join_sync(v_sync_id, sync_crew_call.allow_mass_removal, sync_crew_call.crew_call_id, v_requested_by);
    end if;
    perform pg_notify('flex_sync_work', v_element);
  end if;
  return jsonb_build_object('crew_call_id', sync_crew_call.crew_call_id, 'flex_element_id', v_element, 'sync_id', v_sync_id)
    || plan_as_json(sync_crew_call.crew_call_id, v_element, v_plan)
    || jsonb_build_object('condition', case
      -- After a request something is always open.
      when sync_crew_call.dry_run then (select state.condition from state_of_crew_call(sync_crew_call.crew_call_id, v_element, false) as state)
      else (select open.condition from open_condition(sync_crew_call.crew_call_id, v_element, false) as open)
    end);
end
$$;


--
-- Name: FUNCTION sync_crew_call(crew_call_id uuid, dry_run boolean, allow_mass_removal boolean, requested_by text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.sync_crew_call(crew_call_id uuid, dry_run boolean, allow_mass_removal boolean, requested_by text) IS 'Says what has to change in Flex so that one crew call shows its job''s crew, and queues it; calling it twice is the same as once.';


--
-- Name: sync_crew_for_job(uuid, text[], boolean, boolean, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.sync_crew_for_job(job_id uuid, departments text[] DEFAULT NULL::text[], dry_run boolean DEFAULT false, allow_mass_removal boolean DEFAULT false, requested_by text DEFAULT NULL::text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'flex_sync', 'pg_temp'
    SET jit TO 'off'
    AS $$
declare
  v_result jsonb := '{}';
  v_call record;
  v_named text[];
begin
  sync_crew_for_job.dry_run := coalesce(sync_crew_for_job.dry_run, false);
  if not sync_crew_for_job.dry_run then
    perform read_committed_only();
  end if;
  perform from public.jobs where jobs.id = sync_crew_for_job.job_id;
  if not found then
    raise exception 'no job has the id %', coalesce(sync_crew_for_job.job_id::text, 'null')
      using errcode = 'NOJOB', hint = 'Pass jobs.id.';
  end if;

  if sync_crew_for_job.departments is not null then
    select array_agg(distinct lower(btrim(named.department))) into v_named
    from unnest(sync_crew_for_job.departments) as named (department)
    where nullif(btrim(named.department), '') is not null;
    v_named := coalesce(v_named, '{}');
  else
    select array_agg(distinct found.department) into v_named
    from (
      select coalesce(crew_calls.department, '') as department from crew_calls where crew_calls.job_id = sync_crew_for_job.job_id
      union
      select role.department
      from public.job_assignments
      cross join lateral (values
        ('sound', job_assignments.sound_role::text), ('lights', job_assignments.lights_role::text), ('video', job_assignments.video_role::text)
      ) as role (department, code)
      where job_assignments.job_id = sync_crew_for_job.job_id
        and lower(btrim(coalesce(role.code, ''))) not in ('', 'none')
    ) as found;
  end if;

  if not sync_crew_for_job.dry_run then
    -- All locks first, in one order everywhere, so that two jobs that share elements never wait for each other.
    for v_call in
      select distinct crew_calls.flex_element_id, hashtextextended('flex_sync element ' || crew_calls.flex_element_id, 0) as lock_key
      from crew_calls
      where crew_calls.job_id = sync_crew_for_job.job_id
        and coalesce(crew_calls.department, '') = any (v_named)
        and is_flex_id(crew_calls.flex_element_id)
      order by lock_key
    loop
      perform lock_element(v_call.flex_element_id);
    end loop;
  end if;

  for v_call in
    select
      named.department,
      crew_calls.id,
      row_number() over (partition by named.department order by crew_calls.id) as position
    from unnest(v_named) as named (department)
    left join crew_calls on crew_calls.job_id = sync_crew_for_job.job_id and coalesce(crew_calls.department, '') = named.department
    order by named.department, position
  loop
    v_result := v_result || jsonb_build_object(
      v_call.department || case when v_call.position > 1 then format(' (%s)', v_call.position) else '' end,
      case when v_call.id is null then jsonb_build_object('condition', 'no_crew_call')
        else public.sync_crew_call(v_call.id, sync_crew_for_job.dry_run, sync_crew_for_job.allow_mass_removal, sync_crew_for_job.requested_by)
      end
    );
  end loop;
  return v_result;
end
$$;


--
-- Name: FUNCTION sync_crew_for_job(job_id uuid, departments text[], dry_run boolean, allow_mass_removal boolean, requested_by text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.sync_crew_for_job(job_id uuid, departments text[], dry_run boolean, allow_mass_removal boolean, requested_by text) IS 'sync_crew_call for every crew call of a job, or for the departments named.';


--
-- Name: business_roles; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.business_roles (
    department text NOT NULL,
    tier text NOT NULL,
    flex_role_id text NOT NULL,
    CONSTRAINT "a role id is not blank" CHECK ((btrim(flex_role_id) <> ''::text))
);


--
-- Name: TABLE business_roles; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.business_roles IS 'Which Flex business role a role code means: SND-FOH-R in department sound is (sound, R). The ids are each tenant''s own; without a row people are added without a role.';


--
-- Name: crew_call_blocks; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.crew_call_blocks (
    crew_call_id uuid NOT NULL,
    reason text NOT NULL,
    error text,
    since timestamp with time zone NOT NULL
);


--
-- Name: TABLE crew_call_blocks; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.crew_call_blocks IS 'Crew calls whose rows the host''s own tables refused, until a later sync can write them.';


--
-- Name: crew_call_settings; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.crew_call_settings (
    crew_call_id uuid NOT NULL,
    policy text,
    resync_interval interval,
    CONSTRAINT "background readings are at least a minute apart" CHECK ((resync_interval >= '00:01:00'::interval)),
    CONSTRAINT "policy is mirror, owned, add_only or report" CHECK ((policy = ANY (ARRAY['mirror'::text, 'owned'::text, 'add_only'::text, 'report'::text])))
);


--
-- Name: TABLE crew_call_settings; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.crew_call_settings IS 'What one crew call does differently from settings; null follows the setting. Policies: set_policy(crew_call_id, policy).';


--
-- Name: flex_crew_calls; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.flex_crew_calls (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    job_id uuid NOT NULL,
    department text NOT NULL,
    flex_element_id text
);


--
-- Name: TABLE flex_crew_calls; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.flex_crew_calls IS 'Created by flex-crew-sync; row level security is on and has no policies yet.';


--
-- Name: crew_calls; Type: VIEW; Schema: flex_sync; Owner: -
--

CREATE VIEW flex_sync.crew_calls AS
 SELECT flex_crew_calls.id,
    flex_crew_calls.job_id,
    lower(btrim(flex_crew_calls.department)) AS department,
    lower(btrim(flex_crew_calls.flex_element_id, ' 	
'::text)) AS flex_element_id
   FROM public.flex_crew_calls;


--
-- Name: VIEW crew_calls; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON VIEW flex_sync.crew_calls IS 'The host''s crew calls with comparable ids, whatever types the host chose.';


--
-- Name: due_elements; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.due_elements (
    id bigint NOT NULL,
    flex_element_id text NOT NULL,
    reason text NOT NULL,
    wants_reading boolean NOT NULL,
    requests_sync boolean DEFAULT false NOT NULL,
    noted_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE due_elements; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.due_elements IS 'Notes that an element needs a look, by whoever must not wait for its lock: triggers on the host''s tables, and recording. Only ever inserted there; tick() follows them up.';


--
-- Name: COLUMN due_elements.wants_reading; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.due_elements.wants_reading IS 'Whether only a reading begun after noted_at settles it.';


--
-- Name: COLUMN due_elements.requests_sync; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.due_elements.requests_sync IS 'Whether it counts as a sync request (enable_auto_sync).';


--
-- Name: elements; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.elements (
    flex_element_id text NOT NULL,
    crew_call_id uuid,
    job_id uuid,
    department text,
    reading_wanted_at timestamp with time zone,
    reading_at timestamp with time zone,
    identity_checked_at timestamp with time zone,
    doubt_reason text,
    doubt_error text,
    doubt_at timestamp with time zone,
    blocked_reason text,
    blocked_error text,
    blocked_at timestamp with time zone,
    unmapped integer DEFAULT 0 NOT NULL,
    retired_at timestamp with time zone,
    blocked_since timestamp with time zone,
    background_at timestamp with time zone
);


--
-- Name: TABLE elements; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.elements IS 'One row per Flex document that was ever asked about: when it was read, and what keeps it from being read or written.';


--
-- Name: COLUMN elements.crew_call_id; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.elements.crew_call_id IS 'The (last) crew call that pointed here; kept after the crew call is gone, while anything of ours is on the element.';


--
-- Name: COLUMN elements.reading_wanted_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.elements.reading_wanted_at IS 'A reading begun after this time is asked for, by whatever needs one outside a sync request.';


--
-- Name: COLUMN elements.reading_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.elements.reading_at IS 'When the last good reading began.';


--
-- Name: COLUMN elements.unmapped; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.elements.unmapped IS 'Desired people without a usable resource in the last plan: where the crew call stands in the list.';


--
-- Name: COLUMN elements.retired_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.elements.retired_at IS 'Since when no crew call is known to point here.';


--
-- Name: COLUMN elements.blocked_since; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.elements.blocked_since IS 'Since when it is blocked; blocked_at is when that was seen last.';


--
-- Name: COLUMN elements.background_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.elements.background_at IS 'Its next background reading is due no earlier: they are spread, and put off while few calls are left.';


--
-- Name: ledger; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.ledger (
    flex_line_item_id text NOT NULL,
    flex_element_id text,
    flex_resource_id text,
    crew_call_id uuid,
    technician_id uuid,
    source text NOT NULL,
    operation_id bigint,
    entered_at timestamp with time zone NOT NULL,
    gone_at timestamp with time zone,
    CONSTRAINT "a line enters the ledger in a known way" CHECK ((source = ANY (ARRAY['added'::text, 'accounted'::text, 'adopted'::text, 'installed'::text])))
);


--
-- Name: TABLE ledger; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.ledger IS 'Every line we made or adopted, with its resource. A line that now shows another resource is no longer ours.';


--
-- Name: COLUMN ledger.source; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.ledger.source IS 'added: Flex answered with its id; accounted: found by a reading after an unanswered add; adopted: a person said so; installed: recorded before the installation.';


--
-- Name: urgent_elements; Type: VIEW; Schema: flex_sync; Owner: -
--

CREATE VIEW flex_sync.urgent_elements AS
 SELECT outbox.flex_element_id
   FROM flex_sync.outbox
  WHERE (outbox.state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text, 'held'::text]))
UNION ALL
 SELECT outbox.flex_element_id
   FROM flex_sync.outbox
  WHERE ((outbox.state = 'failed'::text) AND (outbox.superseded_at IS NULL))
UNION ALL
 SELECT elements.flex_element_id
   FROM flex_sync.elements
  WHERE ((elements.blocked_reason IS NOT NULL) OR (elements.doubt_reason IS NOT NULL))
UNION ALL
 SELECT crew_calls.flex_element_id
   FROM (flex_sync.crew_call_blocks
     JOIN flex_sync.crew_calls ON ((crew_calls.id = crew_call_blocks.crew_call_id)));


--
-- Name: VIEW urgent_elements; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON VIEW flex_sync.urgent_elements IS 'Elements with something open, failed, blocked or doubted; one may come more than once.';


--
-- Name: crew_call_status; Type: VIEW; Schema: flex_sync; Owner: -
--

CREATE VIEW flex_sync.crew_call_status AS
 SELECT call.crew_call_id,
    call.job_id,
    call.department,
    call.flex_element_id,
    state.condition,
    state.reason,
    state.desired,
    state.recorded,
    state.observed,
    state.pending,
    state.unknown,
    state.held,
    state.failed,
    state.plan,
    state.observed_at,
    state.last_sync_at,
    state.next_action,
    flex_sync.ago(state.observed_at) AS observed_ago,
    flex_sync.ago(state.last_sync_at) AS last_sync_ago
   FROM (( SELECT crew_calls.id AS crew_call_id,
            crew_calls.job_id,
            crew_calls.department,
            NULLIF(crew_calls.flex_element_id, ''::text) AS flex_element_id,
            false AS retired
           FROM flex_sync.crew_calls
          WHERE (length(crew_calls.flex_element_id) IS DISTINCT FROM 36)
        UNION ALL
        ( SELECT crew_calls.id,
            crew_calls.job_id,
            crew_calls.department,
            crew_calls.flex_element_id,
            false
           FROM (flex_sync.crew_calls
             JOIN flex_sync.elements ON ((elements.flex_element_id = crew_calls.flex_element_id)))
          WHERE ((length(crew_calls.flex_element_id) = 36) AND (elements.flex_element_id IN ( SELECT urgent_elements.flex_element_id
                   FROM flex_sync.urgent_elements)))
          ORDER BY
                CASE
                    WHEN ((elements.blocked_reason IS NOT NULL) OR (EXISTS ( SELECT
                       FROM flex_sync.crew_call_blocks
                      WHERE (crew_call_blocks.crew_call_id = crew_calls.id)))) THEN 1
                    WHEN (EXISTS ( SELECT
                       FROM flex_sync.outbox
                      WHERE ((outbox.flex_element_id = elements.flex_element_id) AND (outbox.state = 'failed'::text) AND (outbox.superseded_at IS NULL)))) THEN 2
                    WHEN (EXISTS ( SELECT
                       FROM flex_sync.outbox
                      WHERE ((outbox.flex_element_id = elements.flex_element_id) AND (outbox.state = 'held'::text)))) THEN 3
                    WHEN (EXISTS ( SELECT
                       FROM flex_sync.outbox
                      WHERE ((outbox.flex_element_id = elements.flex_element_id) AND (outbox.state = 'unknown'::text)))) THEN 4
                    ELSE 5
                END, crew_calls.id)
        UNION ALL
         SELECT left_behind.crew_call_id,
            left_behind.job_id,
            left_behind.department,
            left_behind.flex_element_id,
            true
           FROM ( SELECT elements.crew_call_id,
                    elements.job_id,
                    elements.department,
                    elements.flex_element_id
                   FROM flex_sync.elements
                  WHERE (elements.retired_at IS NOT NULL)
                UNION
                 SELECT elements.crew_call_id,
                    elements.job_id,
                    elements.department,
                    elements.flex_element_id
                   FROM (flex_sync.due_elements
                     JOIN flex_sync.elements ON ((elements.flex_element_id = due_elements.flex_element_id)))
                UNION
                ( SELECT DISTINCT ON (ledger.flex_element_id) ledger.crew_call_id,
                    NULL::uuid AS uuid,
                    NULL::text AS text,
                    ledger.flex_element_id
                   FROM (flex_sync.due_elements
                     JOIN flex_sync.ledger ON ((ledger.flex_element_id = due_elements.flex_element_id)))
                  WHERE ((ledger.crew_call_id IS NOT NULL) AND (NOT (EXISTS ( SELECT
                           FROM flex_sync.elements
                          WHERE (elements.flex_element_id = due_elements.flex_element_id)))))
                  ORDER BY ledger.flex_element_id, ledger.crew_call_id)) left_behind
          WHERE ((left_behind.crew_call_id IS NOT NULL) AND (NOT (EXISTS ( SELECT
                   FROM flex_sync.crew_calls
                  WHERE (crew_calls.flex_element_id = left_behind.flex_element_id)))) AND ((EXISTS ( SELECT
                   FROM flex_sync.ledger
                  WHERE ((ledger.flex_element_id = left_behind.flex_element_id) AND (ledger.gone_at IS NULL)))) OR (EXISTS ( SELECT
                   FROM flex_sync.outbox
                  WHERE ((outbox.flex_element_id = left_behind.flex_element_id) AND (outbox.state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text, 'held'::text])))))))
        UNION ALL
        ( SELECT crew_calls.id,
            crew_calls.job_id,
            crew_calls.department,
            crew_calls.flex_element_id,
            false
           FROM (flex_sync.crew_calls
             JOIN flex_sync.elements ON ((elements.flex_element_id = crew_calls.flex_element_id)))
          WHERE (((elements.unmapped > 0) OR (elements.reading_at IS NULL)) AND (length(crew_calls.flex_element_id) = 36) AND (NOT (EXISTS ( SELECT
                   FROM flex_sync.urgent_elements
                  WHERE (urgent_elements.flex_element_id = elements.flex_element_id)))))
          ORDER BY (elements.unmapped = 0), crew_calls.id)
        UNION ALL
         SELECT crew_calls.id,
            crew_calls.job_id,
            crew_calls.department,
            crew_calls.flex_element_id,
            false
           FROM flex_sync.crew_calls
          WHERE ((length(crew_calls.flex_element_id) = 36) AND (NOT (EXISTS ( SELECT
                   FROM flex_sync.urgent_elements
                  WHERE (urgent_elements.flex_element_id = crew_calls.flex_element_id)))) AND (NOT (EXISTS ( SELECT
                   FROM flex_sync.elements
                  WHERE ((elements.flex_element_id = crew_calls.flex_element_id) AND ((elements.unmapped > 0) OR (elements.reading_at IS NULL)))))))) call
     CROSS JOIN LATERAL flex_sync.state_of_crew_call(call.crew_call_id, call.flex_element_id, call.retired) state(condition, reason, desired, recorded, observed, pending, unknown, held, failed, plan, observed_at, last_sync_at, next_action));


--
-- Name: VIEW crew_call_status; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON VIEW flex_sync.crew_call_status IS 'One row per crew call, the most urgent first: its condition, why, and what to do next.';


--
-- Name: last_decisions; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.last_decisions (
    flex_element_id text NOT NULL,
    decisions jsonb NOT NULL
);


--
-- Name: TABLE last_decisions; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.last_decisions IS 'What the last plan of an element decided, so that the same again is not remembered again.';


--
-- Name: lines; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.lines (
    flex_element_id text NOT NULL,
    flex_line_item_id text NOT NULL,
    flex_resource_id text,
    is_contact boolean NOT NULL,
    parent_line_item_id text,
    flex_role_id text,
    shows_role boolean DEFAULT false NOT NULL,
    name text,
    present boolean NOT NULL,
    first_seen_at timestamp with time zone,
    last_seen_at timestamp with time zone,
    added_at timestamp with time zone,
    removed_at timestamp with time zone,
    written_role_id text,
    role_written_at timestamp with time zone,
    stale_at timestamp with time zone
);


--
-- Name: TABLE lines; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.lines IS 'Observed: the last reading of each element, corrected by what we wrote since it began. Rows with present = false are remembered for attribution.';


--
-- Name: COLUMN lines.is_contact; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.lines.is_contact IS 'Whether Flex''s row says that it is a contact. Rows that do not say are never removed unless they are in the ledger.';


--
-- Name: COLUMN lines.first_seen_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.lines.first_seen_at IS 'Beginning of the first reading that showed the line; null while only our own write speaks for it.';


--
-- Name: COLUMN lines.stale_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.lines.stale_at IS 'Two readings lacked the line although it was recorded: somebody deleted it in Flex.';


--
-- Name: missing_lines; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.missing_lines (
    flex_line_item_id text NOT NULL,
    flex_resource_id text NOT NULL,
    flex_element_id text NOT NULL,
    missing_since timestamp with time zone NOT NULL
);


--
-- Name: TABLE missing_lines; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.missing_lines IS 'Recorded lines that the last reading lacked (with that resource). A second reading, confirm_after later, makes them stale.';


--
-- Name: flex_crew_assignments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.flex_crew_assignments (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    crew_call_id uuid NOT NULL,
    technician_id uuid NOT NULL,
    flex_line_item_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: TABLE flex_crew_assignments; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.flex_crew_assignments IS 'Created by flex-crew-sync; row level security is on and has no policies yet.';


--
-- Name: recorded_crew; Type: VIEW; Schema: flex_sync; Owner: -
--

CREATE VIEW flex_sync.recorded_crew AS
 SELECT flex_crew_assignments.crew_call_id,
    flex_crew_assignments.technician_id,
    lower(btrim(flex_crew_assignments.flex_line_item_id, ' 	
'::text)) AS flex_line_item_id
   FROM public.flex_crew_assignments
  WHERE (NULLIF(btrim(flex_crew_assignments.flex_line_item_id, ' 	
'::text), ''::text) IS NOT NULL);


--
-- Name: VIEW recorded_crew; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON VIEW flex_sync.recorded_crew IS 'Recorded: who we believe is on each crew call, with the line id, whatever types the host chose.';


--
-- Name: syncs; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.syncs (
    id bigint NOT NULL,
    crew_call_id uuid NOT NULL,
    flex_element_id text,
    requested_by text,
    requested_at timestamp with time zone NOT NULL,
    last_requested_at timestamp with time zone NOT NULL,
    requests integer DEFAULT 1 NOT NULL,
    allow_mass_removal boolean DEFAULT false NOT NULL,
    reading_at timestamp with time zone,
    finished_at timestamp with time zone,
    outcome text,
    stale integer DEFAULT 0 NOT NULL,
    added integer DEFAULT 0 NOT NULL,
    removed integer DEFAULT 0 NOT NULL,
    kept integer DEFAULT 0 NOT NULL,
    roles_set integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    flex_calls integer DEFAULT 0 NOT NULL,
    duration interval GENERATED ALWAYS AS ((finished_at - requested_at)) STORED
);


--
-- Name: TABLE syncs; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.syncs IS 'One row per sync run: waiting until a reading begins after the last request that joined (reading_at), active until finished_at.';


--
-- Name: COLUMN syncs.requests; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.syncs.requests IS 'How many requests this run answers: further ones join while it waits for its reading.';


--
-- Name: tenant; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.tenant (
    only_row boolean DEFAULT true NOT NULL,
    paused_at timestamp with time zone,
    paused_reason text,
    breaker_opened_at timestamp with time zone,
    breaker_reason text,
    breaker_error text,
    probe_at timestamp with time zone,
    probe_wait interval,
    careful_successes integer,
    failures integer DEFAULT 0 NOT NULL,
    failed_elements text[] DEFAULT '{}'::text[] NOT NULL,
    last_failure_at timestamp with time zone,
    roles_shown_at timestamp with time zone,
    trimmed_at timestamp with time zone,
    CONSTRAINT "a known breaker reason" CHECK ((breaker_reason = ANY (ARRAY['token_refused'::text, 'flex_down'::text, 'rate_limited'::text]))),
    CONSTRAINT "tenant has one row" CHECK (only_row)
);


--
-- Name: TABLE tenant; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.tenant IS 'One row: the breaker that all drainers share, whether we are paused, and what this Flex was seen to do.';


--
-- Name: COLUMN tenant.probe_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.tenant.probe_at IS 'While the breaker is open: when one drainer asks Flex whether it works again.';


--
-- Name: COLUMN tenant.careful_successes; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.tenant.careful_successes IS 'After a 429: how many calls have succeeded one at a time; null once max_concurrency of them did.';


--
-- Name: COLUMN tenant.roles_shown_at; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.tenant.roles_shown_at IS 'The first reading whose rows showed a business role. Before that, an empty role says nothing.';


--
-- Name: crew_status; Type: VIEW; Schema: flex_sync; Owner: -
--

CREATE VIEW flex_sync.crew_status AS
 SELECT person.crew_call_id,
    person.technician_id,
    COALESCE(person.resource, operation.flex_resource_id, known.flex_resource_id) AS flex_resource_id,
    person.desired,
    recorded.flex_line_item_id,
    COALESCE(observed.flex_line_item_id, stray.flex_line_item_id) AS observed_line_item_id,
    person.role_code,
    COALESCE(observed.flex_role_id, observed.written_role_id) AS observed_role,
    operation.id AS operation_id,
    verdict.condition,
    verdict.reason,
    times.since,
    flex_sync.next_action(verdict.condition, verdict.reason, person.crew_call_id, operation.id, NULL::text, ARRAY[person.technician_id]) AS next_action,
    flex_sync.ago(times.since) AS since_ago
   FROM ((((((((((((((((( SELECT found.crew_call_id,
            found.technician_id,
            found.line,
            bool_or(found.desired) AS desired,
            max(found.resource) AS resource,
            max(found.problem) AS problem,
            max(found.role_code) AS role_code,
            max(found.role_id) AS role_id,
            (min(concat_ws(' '::text, max(found.role_code), max(found.role_id))) OVER alike <> max(concat_ws(' '::text, max(found.role_code), max(found.role_id))) OVER alike) AS differ_in_role
           FROM ( SELECT crew_calls_1.id AS crew_call_id,
                    desired.technician_id,
                    NULL::text AS line,
                    true AS desired,
                    desired.resource,
                    desired.problem,
                    desired.role_code,
                    desired.role_id
                   FROM (flex_sync.crew_calls crew_calls_1
                     CROSS JOIN LATERAL flex_sync.desired_or_nobody(crew_calls_1.id) desired(technician_id, resource, problem, role_code, role_id))
                UNION ALL
                 SELECT recorded_crew.crew_call_id,
                    recorded_crew.technician_id,
                    NULL::text,
                    false,
                    NULL::text,
                    NULL::text,
                    NULL::text,
                    NULL::text
                   FROM flex_sync.recorded_crew
                UNION ALL
                 SELECT outbox.crew_call_id,
                    outbox.technician_id,
                        CASE
                            WHEN (outbox.technician_id IS NULL) THEN outbox.flex_line_item_id
                            ELSE NULL::text
                        END AS "case",
                    false,
                    NULL::text,
                    NULL::text,
                    NULL::text,
                    NULL::text
                   FROM flex_sync.outbox
                  WHERE ((outbox.state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text, 'held'::text])) AND (outbox.kind <> 'observe'::text) AND (outbox.crew_call_id IS NOT NULL))
                UNION ALL
                 SELECT outbox.crew_call_id,
                    outbox.technician_id,
                        CASE
                            WHEN (outbox.technician_id IS NULL) THEN outbox.flex_line_item_id
                            ELSE NULL::text
                        END AS "case",
                    false,
                    NULL::text,
                    NULL::text,
                    NULL::text,
                    NULL::text
                   FROM flex_sync.outbox
                  WHERE ((outbox.state = 'failed'::text) AND (outbox.superseded_at IS NULL) AND (outbox.kind <> 'observe'::text) AND (outbox.crew_call_id IS NOT NULL))
                UNION ALL
                 SELECT crew_calls_1.id,
                    NULL::uuid,
                    nobodys_lines.flex_line_item_id,
                    false,
                    NULL::text,
                    NULL::text,
                    NULL::text,
                    NULL::text
                   FROM (flex_sync.crew_calls crew_calls_1
                     CROSS JOIN LATERAL flex_sync.nobodys_lines(crew_calls_1.id) nobodys_lines(flex_line_item_id))) found
          GROUP BY found.crew_call_id, found.technician_id, found.line
          WINDOW alike AS (PARTITION BY found.crew_call_id, (max(found.resource)))) person
     CROSS JOIN ( SELECT tenant_1.only_row,
            tenant_1.paused_at,
            tenant_1.paused_reason,
            tenant_1.breaker_opened_at,
            tenant_1.breaker_reason,
            tenant_1.breaker_error,
            tenant_1.probe_at,
            tenant_1.probe_wait,
            tenant_1.careful_successes,
            tenant_1.failures,
            tenant_1.failed_elements,
            tenant_1.last_failure_at,
            tenant_1.roles_shown_at,
            tenant_1.trimmed_at
           FROM flex_sync.tenant tenant_1
         LIMIT 1) tenant)
     LEFT JOIN flex_sync.crew_calls ON ((crew_calls.id = person.crew_call_id)))
     LEFT JOIN flex_sync.elements ON ((elements.flex_element_id = crew_calls.flex_element_id)))
     LEFT JOIN flex_sync.crew_call_blocks ON ((crew_call_blocks.crew_call_id = person.crew_call_id)))
     LEFT JOIN flex_sync.recorded_crew recorded ON (((recorded.crew_call_id = person.crew_call_id) AND (recorded.technician_id = person.technician_id))))
     LEFT JOIN LATERAL ( SELECT lines.flex_element_id,
            lines.flex_line_item_id,
            lines.flex_resource_id,
            lines.is_contact,
            lines.parent_line_item_id,
            lines.flex_role_id,
            lines.shows_role,
            lines.name,
            lines.present,
            lines.first_seen_at,
            lines.last_seen_at,
            lines.added_at,
            lines.removed_at,
            lines.written_role_id,
            lines.role_written_at,
            lines.stale_at
           FROM flex_sync.lines
          WHERE ((lines.flex_element_id = crew_calls.flex_element_id) AND lines.present AND (lines.flex_resource_id = person.resource))
          ORDER BY (lines.flex_line_item_id = recorded.flex_line_item_id) DESC NULLS LAST, lines.first_seen_at, lines.flex_line_item_id
         LIMIT 1) observed ON (true))
     LEFT JOIN flex_sync.lines stray ON (((stray.flex_element_id = crew_calls.flex_element_id) AND (stray.flex_line_item_id = COALESCE(person.line, recorded.flex_line_item_id)) AND stray.present)))
     LEFT JOIN flex_sync.lines known ON (((known.flex_element_id = crew_calls.flex_element_id) AND (known.flex_line_item_id = COALESCE(person.line, recorded.flex_line_item_id)))))
     LEFT JOIN LATERAL ( SELECT theirs.id,
            theirs.sync_id,
            theirs.crew_call_id,
            theirs.flex_element_id,
            theirs.technician_id,
            theirs.kind,
            theirs.flex_resource_id,
            theirs.flex_line_item_id,
            theirs.flex_role_id,
            theirs.state,
            theirs.reason,
            theirs.attempts,
            theirs.due_at,
            theirs.token,
            theirs.lease_until,
            theirs.deadline,
            theirs.http_status,
            theirs.error,
            theirs.created_at,
            theirs.sent_at,
            theirs.unknown_at,
            theirs.finished_at,
            theirs.priority,
            theirs.reading_at,
            theirs.after_operation_id,
            theirs.persons,
            theirs.brake,
            theirs.limited,
            theirs.retries,
            theirs.call_number,
            theirs.superseded_at
           FROM ( SELECT outbox.id,
                    outbox.sync_id,
                    outbox.crew_call_id,
                    outbox.flex_element_id,
                    outbox.technician_id,
                    outbox.kind,
                    outbox.flex_resource_id,
                    outbox.flex_line_item_id,
                    outbox.flex_role_id,
                    outbox.state,
                    outbox.reason,
                    outbox.attempts,
                    outbox.due_at,
                    outbox.token,
                    outbox.lease_until,
                    outbox.deadline,
                    outbox.http_status,
                    outbox.error,
                    outbox.created_at,
                    outbox.sent_at,
                    outbox.unknown_at,
                    outbox.finished_at,
                    outbox.priority,
                    outbox.reading_at,
                    outbox.after_operation_id,
                    outbox.persons,
                    outbox.brake,
                    outbox.limited,
                    outbox.retries,
                    outbox.call_number,
                    outbox.superseded_at
                   FROM flex_sync.outbox
                  WHERE ((outbox.crew_call_id = person.crew_call_id) AND (outbox.kind <> 'observe'::text) AND ((outbox.state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text, 'held'::text])) OR ((outbox.state = 'failed'::text) AND (outbox.superseded_at IS NULL))) AND (outbox.technician_id = person.technician_id))
                UNION ALL
                 SELECT outbox.id,
                    outbox.sync_id,
                    outbox.crew_call_id,
                    outbox.flex_element_id,
                    outbox.technician_id,
                    outbox.kind,
                    outbox.flex_resource_id,
                    outbox.flex_line_item_id,
                    outbox.flex_role_id,
                    outbox.state,
                    outbox.reason,
                    outbox.attempts,
                    outbox.due_at,
                    outbox.token,
                    outbox.lease_until,
                    outbox.deadline,
                    outbox.http_status,
                    outbox.error,
                    outbox.created_at,
                    outbox.sent_at,
                    outbox.unknown_at,
                    outbox.finished_at,
                    outbox.priority,
                    outbox.reading_at,
                    outbox.after_operation_id,
                    outbox.persons,
                    outbox.brake,
                    outbox.limited,
                    outbox.retries,
                    outbox.call_number,
                    outbox.superseded_at
                   FROM flex_sync.outbox
                  WHERE ((outbox.crew_call_id = person.crew_call_id) AND (outbox.kind <> 'observe'::text) AND ((outbox.state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text, 'held'::text])) OR ((outbox.state = 'failed'::text) AND (outbox.superseded_at IS NULL))) AND (outbox.technician_id IS NULL) AND (outbox.flex_line_item_id = person.line))
                UNION ALL
                 SELECT outbox.id,
                    outbox.sync_id,
                    outbox.crew_call_id,
                    outbox.flex_element_id,
                    outbox.technician_id,
                    outbox.kind,
                    outbox.flex_resource_id,
                    outbox.flex_line_item_id,
                    outbox.flex_role_id,
                    outbox.state,
                    outbox.reason,
                    outbox.attempts,
                    outbox.due_at,
                    outbox.token,
                    outbox.lease_until,
                    outbox.deadline,
                    outbox.http_status,
                    outbox.error,
                    outbox.created_at,
                    outbox.sent_at,
                    outbox.unknown_at,
                    outbox.finished_at,
                    outbox.priority,
                    outbox.reading_at,
                    outbox.after_operation_id,
                    outbox.persons,
                    outbox.brake,
                    outbox.limited,
                    outbox.retries,
                    outbox.call_number,
                    outbox.superseded_at
                   FROM flex_sync.outbox
                  WHERE ((outbox.flex_element_id = crew_calls.flex_element_id) AND (outbox.kind = ANY (ARRAY['add'::text, 'set_role'::text, 'remove'::text])) AND ((outbox.state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text, 'held'::text])) OR ((outbox.state = 'failed'::text) AND (outbox.superseded_at IS NULL))) AND (outbox.flex_resource_id = person.resource) AND ((outbox.crew_call_id = person.crew_call_id) OR (NOT ((outbox.state = 'held'::text) OR (outbox.kind = 'set_role'::text)))))) theirs
          ORDER BY (array_position(ARRAY['failed'::text, 'held'::text, 'unknown'::text, 'sending'::text, 'pending'::text], theirs.state)), theirs.id
         LIMIT 1) operation ON (true))
     LEFT JOIN LATERAL ( SELECT calls.absent_at
           FROM flex_sync.calls
          WHERE ((calls.flex_element_id = crew_calls.flex_element_id) AND calls.unanswered AND (calls.absent_at IS NOT NULL) AND (calls.late_checked_at IS NULL) AND (calls.flex_resource_id = person.resource))
         LIMIT 1) late ON (true))
     LEFT JOIN LATERAL ( SELECT missing_lines.missing_since
           FROM flex_sync.missing_lines
          WHERE ((missing_lines.flex_element_id = crew_calls.flex_element_id) AND (missing_lines.flex_line_item_id = recorded.flex_line_item_id))
         LIMIT 1) missing ON (true))
     LEFT JOIN LATERAL ( SELECT syncs.requested_at
           FROM flex_sync.syncs
          WHERE ((syncs.flex_element_id = crew_calls.flex_element_id) AND (syncs.finished_at IS NULL))
          ORDER BY syncs.id DESC
         LIMIT 1) waiting ON (true))
     CROSS JOIN LATERAL ( SELECT flex_sync.policy_of(crew_calls.flex_element_id) AS policy) rule)
     LEFT JOIN LATERAL ( SELECT flex_sync.why_pending(operation.flex_element_id, operation.limited) AS reason
          WHERE (operation.state = 'pending'::text)) queue ON (true))
     CROSS JOIN LATERAL ( SELECT judged.pair[1] AS condition,
            judged.pair[2] AS reason
           FROM ( SELECT
                        CASE
                            WHEN (tenant.paused_at IS NOT NULL) THEN ARRAY['paused'::text, 'paused'::text]
                            WHEN ((crew_calls.id IS NOT NULL) AND (NULLIF(crew_calls.flex_element_id, ''::text) IS NULL)) THEN ARRAY['blocked'::text, 'no_element'::text]
                            WHEN ((crew_calls.id IS NOT NULL) AND (NOT flex_sync.is_flex_id(crew_calls.flex_element_id))) THEN ARRAY['blocked'::text, 'malformed_id'::text]
                            WHEN (elements.blocked_reason IS NOT NULL) THEN ARRAY['blocked'::text, elements.blocked_reason]
                            WHEN (crew_call_blocks.reason IS NOT NULL) THEN ARRAY['blocked'::text, crew_call_blocks.reason]
                            WHEN ((operation.id IS NOT NULL) AND (tenant.breaker_reason = 'token_refused'::text)) THEN ARRAY['blocked'::text, 'token_refused'::text]
                            WHEN (operation.state = 'failed'::text) THEN ARRAY['failed'::text, operation.reason]
                            WHEN (operation.state = 'held'::text) THEN ARRAY['held'::text, operation.brake]
                            WHEN (operation.state = 'unknown'::text) THEN ARRAY['unknown'::text, 'unanswered'::text]
                            WHEN (late.absent_at IS NOT NULL) THEN ARRAY['unknown'::text, 'late_check'::text]
                            WHEN (missing.missing_since IS NOT NULL) THEN ARRAY['pending'::text, 'confirming'::text]
                            WHEN (operation.state = 'sending'::text) THEN ARRAY['pending'::text, 'sending'::text]
                            WHEN (operation.state = 'pending'::text) THEN ARRAY['pending'::text, queue.reason]
                            WHEN (person.problem IS NOT NULL) THEN ARRAY['unmapped'::text, person.problem]
                            WHEN ((NOT person.desired) AND (recorded.technician_id IS NOT NULL) AND flex_sync.stays_by_policy(crew_calls.flex_element_id, recorded.flex_line_item_id, rule.policy)) THEN ARRAY['synced'::text, 'kept_by_policy'::text]
                            WHEN (person.desired AND (elements.reading_at IS NULL) AND (waiting.requested_at IS NULL)) THEN ARRAY['never_synced'::text, 'never_synced'::text]
                            WHEN ((waiting.requested_at IS NOT NULL) AND ((person.desired <> (recorded.technician_id IS NOT NULL)) OR (person.desired AND (observed.flex_line_item_id IS NULL)))) THEN ARRAY['pending'::text, 'requested'::text]
                            WHEN ((NOT person.desired) AND (recorded.technician_id IS NULL)) THEN ARRAY['synced'::text, 'foreign'::text]
                            WHEN ((rule.policy = 'report'::text) AND ((person.desired <> (recorded.technician_id IS NOT NULL)) OR (observed.flex_line_item_id IS NULL))) THEN ARRAY['pending'::text, 'report_only'::text]
                            WHEN (person.desired AND (observed.flex_line_item_id IS NULL)) THEN ARRAY['pending'::text, 'not_requested'::text]
                            WHEN (person.desired <> (recorded.technician_id IS NOT NULL)) THEN ARRAY['pending'::text, 'not_requested'::text]
                            WHEN ((person.resource IS NOT NULL) AND person.differ_in_role) THEN ARRAY['synced'::text, 'shared_resource'::text]
                            WHEN
                            CASE
                                WHEN (person.desired AND (EXISTS ( SELECT
                                   FROM flex_sync.crew_calls sharing
                                  WHERE ((sharing.flex_element_id = crew_calls.flex_element_id) AND (sharing.id <> person.crew_call_id))))) THEN (EXISTS ( SELECT
                                   FROM (flex_sync.crew_calls sharing
                                     CROSS JOIN LATERAL flex_sync.desired_or_nobody(sharing.id) other(technician_id, resource, problem, role_code, role_id))
                                  WHERE ((sharing.flex_element_id = crew_calls.flex_element_id) AND (sharing.id <> person.crew_call_id) AND (other.resource = person.resource) AND ((other.role_code IS DISTINCT FROM person.role_code) OR (other.role_id IS DISTINCT FROM person.role_id)))))
                                ELSE false
                            END THEN ARRAY['synced'::text, 'shared_resource'::text]
                            WHEN ((person.role_id IS NOT NULL) AND (observed.flex_line_item_id IS NOT NULL) AND
                            CASE
                                WHEN (observed.shows_role AND (observed.flex_role_id IS NOT NULL)) THEN (lower(btrim(observed.flex_role_id)) <> lower(btrim(person.role_id)))
                                ELSE (observed.written_role_id IS DISTINCT FROM person.role_id)
                            END AND (rule.policy <> 'report'::text)) THEN ARRAY['pending'::text, 'not_requested'::text]
                            ELSE ARRAY['synced'::text, NULL::text]
                        END AS pair) judged) verdict)
     CROSS JOIN LATERAL ( SELECT
                CASE verdict.condition
                    WHEN 'paused'::text THEN tenant.paused_at
                    WHEN 'blocked'::text THEN
                    CASE
                        WHEN (elements.blocked_reason IS NOT NULL) THEN elements.blocked_since
                        WHEN flex_sync.is_flex_id(crew_calls.flex_element_id) THEN COALESCE(crew_call_blocks.since, tenant.breaker_opened_at)
                        ELSE NULL::timestamp with time zone
                    END
                    WHEN 'failed'::text THEN operation.finished_at
                    WHEN 'unknown'::text THEN COALESCE(operation.unknown_at, late.absent_at)
                    WHEN 'held'::text THEN operation.created_at
                    WHEN 'pending'::text THEN COALESCE(missing.missing_since, operation.created_at, waiting.requested_at)
                    WHEN 'unmapped'::text THEN ( SELECT decisions.decided_at
                       FROM (flex_sync.decisions
                         JOIN flex_sync.last_decisions ON ((last_decisions.flex_element_id = decisions.flex_element_id)))
                      WHERE ((decisions.flex_element_id = crew_calls.flex_element_id) AND (decisions.crew_call_id = person.crew_call_id) AND (decisions.technician_id = person.technician_id) AND (decisions.decision = 'unmapped'::text) AND (((last_decisions.decisions -> concat_ws(' '::text, 'person', person.crew_call_id, person.technician_id)) ->> 0) = 'unmapped'::text))
                      ORDER BY decisions.decided_at DESC
                     LIMIT 1)
                    WHEN 'synced'::text THEN GREATEST(observed.first_seen_at, observed.added_at, stray.first_seen_at, stray.added_at)
                    ELSE NULL::timestamp with time zone
                END AS since) times)
  ORDER BY (array_position(ARRAY['paused'::text, 'blocked'::text, 'failed'::text, 'held'::text, 'unknown'::text, 'pending'::text, 'unmapped'::text, 'never_synced'::text, 'synced'::text], verdict.condition)), person.crew_call_id, person.technician_id;


--
-- Name: VIEW crew_status; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON VIEW flex_sync.crew_status IS 'Why is this one person not in sync? One row per person and crew call, with the reason and the next action.';


--
-- Name: decisions_id_seq; Type: SEQUENCE; Schema: flex_sync; Owner: -
--

ALTER TABLE flex_sync.decisions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME flex_sync.decisions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: job_assignments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_assignments (
    job_id uuid NOT NULL,
    technician_id uuid NOT NULL,
    sound_role text,
    lights_role text,
    video_role text
);


--
-- Name: TABLE job_assignments; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.job_assignments IS 'Created by flex-crew-sync; row level security is on and has no policies yet.';


--
-- Name: profiles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.profiles (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    flex_resource_id text,
    department text
);


--
-- Name: TABLE profiles; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.profiles IS 'Created by flex-crew-sync; row level security is on and has no policies yet.';


--
-- Name: desired_crew; Type: VIEW; Schema: flex_sync; Owner: -
--

CREATE VIEW flex_sync.desired_crew AS
 SELECT flex_crew_calls.id AS crew_call_id,
    job_assignments.technician_id,
    profiles.flex_resource_id,
    role.code AS role_code
   FROM (((public.flex_crew_calls
     JOIN public.job_assignments ON ((job_assignments.job_id = flex_crew_calls.job_id)))
     JOIN public.profiles ON ((profiles.id = job_assignments.technician_id)))
     CROSS JOIN LATERAL ( SELECT
                CASE lower(btrim(flex_crew_calls.department))
                    WHEN 'sound'::text THEN job_assignments.sound_role
                    WHEN 'lights'::text THEN job_assignments.lights_role
                    WHEN 'video'::text THEN job_assignments.video_role
                    ELSE NULL::text
                END AS code) role)
  WHERE (lower(btrim(COALESCE(role.code, ''::text))) <> ALL (ARRAY[''::text, 'none'::text]));


--
-- Name: VIEW desired_crew; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON VIEW flex_sync.desired_crew IS 'Desired: who each crew call should show. The seam to the host: replace it with create or replace view, the same four columns; it must not depend on the session.';


--
-- Name: due_elements_id_seq; Type: SEQUENCE; Schema: flex_sync; Owner: -
--

ALTER TABLE flex_sync.due_elements ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME flex_sync.due_elements_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: duplicate_assignments; Type: VIEW; Schema: flex_sync; Owner: -
--

CREATE VIEW flex_sync.duplicate_assignments AS
 SELECT flex_crew_assignments.crew_call_id,
    flex_crew_assignments.technician_id,
    (count(*) - 1) AS too_many,
    array_agg(flex_crew_assignments.flex_line_item_id ORDER BY flex_crew_assignments.created_at, flex_crew_assignments.id) AS flex_line_item_ids
   FROM public.flex_crew_assignments
  WHERE ((flex_crew_assignments.crew_call_id IS NOT NULL) AND (flex_crew_assignments.technician_id IS NOT NULL))
  GROUP BY flex_crew_assignments.crew_call_id, flex_crew_assignments.technician_id
 HAVING (count(*) > 1);


--
-- Name: VIEW duplicate_assignments; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON VIEW flex_sync.duplicate_assignments IS 'People recorded more than once on one crew call.';


--
-- Name: element_health; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.element_health (
    flex_element_id text NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    last_failure_at timestamp with time zone,
    backoff_until timestamp with time zone,
    careful_until timestamp with time zone
);


--
-- Name: TABLE element_health; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.element_health IS 'Backoff of one element. Apart from elements, so that recording an outcome never waits for a planner.';


--
-- Name: COLUMN element_health.failures; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.element_health.failures IS 'Failures in a row; those in flight together count once.';


--
-- Name: COLUMN element_health.careful_until; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.element_health.careful_until IS 'After 409 or 423 the element takes one call at a time until then.';


--
-- Name: joined_requests; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.joined_requests (
    id bigint NOT NULL,
    sync_id bigint NOT NULL,
    crew_call_id uuid NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    requested_by text NOT NULL
);


--
-- Name: TABLE joined_requests; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.joined_requests IS 'Requests that joined a sync which still waited for its reading; the first one is in flex_sync.syncs.';


--
-- Name: joined_requests_id_seq; Type: SEQUENCE; Schema: flex_sync; Owner: -
--

ALTER TABLE flex_sync.joined_requests ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME flex_sync.joined_requests_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: metrics; Type: VIEW; Schema: flex_sync; Owner: -
--

CREATE VIEW flex_sync.metrics AS
 WITH recent AS (
         SELECT syncs.outcome,
            EXTRACT(epoch FROM syncs.duration) AS seconds
           FROM flex_sync.syncs
          WHERE (syncs.finished_at > (( SELECT flex_sync.clock() AS clock) - '24:00:00'::interval))
        )
 SELECT 'duplicate_assignments'::text AS name,
    (( SELECT count(*) AS count
           FROM flex_sync.duplicate_assignments))::numeric AS value,
    'rows too many in flex_crew_assignments'::text AS meaning
UNION ALL
 SELECT 'missing_crew'::text AS name,
    (( SELECT count(*) AS count
           FROM flex_sync.outbox
          WHERE ((outbox.kind = 'add'::text) AND ((outbox.state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text])) OR ((outbox.state = 'failed'::text) AND (outbox.superseded_at IS NULL))))) + ( SELECT COALESCE(sum(elements.unmapped), (0)::bigint) AS "coalesce"
           FROM flex_sync.elements
          WHERE (elements.unmapped > 0))) AS value,
    'people desired who are not known to be in Flex'::text AS meaning
UNION ALL
 SELECT 'sync_failure_rate'::text AS name,
    ( SELECT round(avg(((recent.outcome = ANY (ARRAY['failed'::text, 'blocked'::text])))::integer), 4) AS round
           FROM recent) AS value,
    'share of the syncs of the last 24 h that ended failed or blocked'::text AS meaning
UNION ALL
 SELECT 'sync_duration_mean'::text AS name,
    ( SELECT round(avg(recent.seconds), 3) AS round
           FROM recent) AS value,
    'seconds from the first request to the end, last 24 h'::text AS meaning
UNION ALL
 SELECT 'sync_duration_p95'::text AS name,
    ( SELECT round((percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY ((recent.seconds)::double precision)))::numeric, 3) AS round
           FROM recent) AS value,
    'seconds, last 24 h'::text AS meaning
UNION ALL
 SELECT 'syncs'::text AS name,
    ( SELECT count(*) AS count
           FROM recent) AS value,
    'syncs that ended within 24 h'::text AS meaning
UNION ALL
 SELECT 'queue_depth'::text AS name,
    ( SELECT count(*) AS count
           FROM flex_sync.outbox
          WHERE ((outbox.state = ANY (ARRAY['pending'::text, 'sending'::text])) AND (outbox.priority = 0))) AS value,
    'operations pending or in flight, background readings left out'::text AS meaning
UNION ALL
 SELECT 'oldest_unknown_seconds'::text AS name,
    ( SELECT COALESCE(round(EXTRACT(epoch FROM (flex_sync.clock() - min(outbox.unknown_at))), 3), (0)::numeric) AS "coalesce"
           FROM flex_sync.outbox
          WHERE (outbox.state = 'unknown'::text)) AS value,
    'age of the oldest write that nobody knows the outcome of'::text AS meaning
UNION ALL
 SELECT 'unknown'::text AS name,
    ( SELECT count(*) AS count
           FROM flex_sync.outbox
          WHERE (outbox.state = 'unknown'::text)) AS value,
    'writes that nobody knows the outcome of'::text AS meaning
UNION ALL
 SELECT 'held'::text AS name,
    ( SELECT count(*) AS count
           FROM flex_sync.outbox
          WHERE (outbox.state = 'held'::text)) AS value,
    'removals that wait for a person''s yes'::text AS meaning
UNION ALL
 SELECT 'failed'::text AS name,
    ( SELECT count(*) AS count
           FROM flex_sync.outbox
          WHERE ((outbox.state = 'failed'::text) AND (outbox.superseded_at IS NULL))) AS value,
    'operations that were refused or given up'::text AS meaning
UNION ALL
 SELECT 'budget_left_hour'::text AS name,
    ( SELECT calls_left.hourly
           FROM flex_sync.calls_left() calls_left(hourly, daily, monthly, left_now, frees_at)) AS value,
    'Flex calls left in the sliding hour'::text AS meaning
UNION ALL
 SELECT 'budget_left_day'::text AS name,
    ( SELECT calls_left.daily
           FROM flex_sync.calls_left() calls_left(hourly, daily, monthly, left_now, frees_at)) AS value,
    'Flex calls left in the sliding day'::text AS meaning
UNION ALL
 SELECT 'budget_left_month'::text AS name,
    ( SELECT calls_left.monthly
           FROM flex_sync.calls_left() calls_left(hourly, daily, monthly, left_now, frees_at)) AS value,
    'Flex calls left in the sliding month'::text AS meaning
UNION ALL
 SELECT 'breaker_open'::text AS name,
    ( SELECT ((tenant.breaker_opened_at IS NOT NULL))::integer AS int4
           FROM flex_sync.tenant) AS value,
    '1 while no Flex call is made'::text AS meaning
UNION ALL
 SELECT 'paused'::text AS name,
    ( SELECT ((tenant.paused_at IS NOT NULL))::integer AS int4
           FROM flex_sync.tenant) AS value,
    '1 while an operator paused everything'::text AS meaning;


--
-- Name: VIEW metrics; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON VIEW flex_sync.metrics IS 'One row per name: the audit''s targets over the last 24 hours, queue, budget and breaker.';


--
-- Name: migrations; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.migrations (
    name text NOT NULL,
    hash text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    host_schema text NOT NULL
);


--
-- Name: TABLE migrations; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.migrations IS 'Which migrations of flex-crew-sync this database has, and for which schema of the host.';


--
-- Name: operator_log; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.operator_log (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    who text NOT NULL,
    action text NOT NULL,
    arguments jsonb DEFAULT '{}'::jsonb NOT NULL
);


--
-- Name: TABLE operator_log; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.operator_log IS 'Who did what with the operator''s functions.';


--
-- Name: operator_log_id_seq; Type: SEQUENCE; Schema: flex_sync; Owner: -
--

ALTER TABLE flex_sync.operator_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME flex_sync.operator_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: outbox_id_seq; Type: SEQUENCE; Schema: flex_sync; Owner: -
--

ALTER TABLE flex_sync.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME flex_sync.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: readings; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.readings (
    id bigint NOT NULL,
    flex_element_id text NOT NULL,
    operation_id bigint,
    began_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    line_count integer NOT NULL,
    lines jsonb NOT NULL
);


--
-- Name: TABLE readings; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.readings IS 'Complete lists of an element''s lines. began_at is the database''s clock at the claim of its observe.';


--
-- Name: readings_id_seq; Type: SEQUENCE; Schema: flex_sync; Owner: -
--

ALTER TABLE flex_sync.readings ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME flex_sync.readings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: removal_decisions; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.removal_decisions (
    flex_element_id text NOT NULL,
    flex_line_item_id text NOT NULL,
    flex_resource_id text NOT NULL,
    crew_call_id uuid NOT NULL,
    plan text NOT NULL,
    decision text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    decided_by text NOT NULL,
    CONSTRAINT "a yes or a no" CHECK ((decision = ANY (ARRAY['approved'::text, 'rejected'::text])))
);


--
-- Name: TABLE removal_decisions; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.removal_decisions IS 'What people decided about held removals, line by line. A yes ends when the line is gone or after a day; a no when the line is gone.';


--
-- Name: removed_duplicates; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.removed_duplicates (
    id text,
    crew_call_id uuid,
    technician_id uuid,
    flex_line_item_id text,
    created_at timestamp with time zone,
    kept_id text,
    whole_row jsonb NOT NULL,
    removed_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE removed_duplicates; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.removed_duplicates IS 'Copies of the duplicate flex_crew_assignments rows that the installation removed. uninstall moves them next to the host''s tables.';


--
-- Name: settings; Type: TABLE; Schema: flex_sync; Owner: -
--

CREATE TABLE flex_sync.settings (
    only_row boolean DEFAULT true NOT NULL,
    policy text DEFAULT 'mirror'::text NOT NULL,
    max_concurrency integer DEFAULT 8 NOT NULL,
    element_concurrency integer DEFAULT 4 NOT NULL,
    lease interval DEFAULT '00:00:30'::interval NOT NULL,
    late_landing interval DEFAULT '00:00:30'::interval NOT NULL,
    confirm_after interval DEFAULT '00:00:02'::interval NOT NULL,
    max_reading_age interval DEFAULT '00:01:00'::interval NOT NULL,
    max_attempts integer DEFAULT 3 NOT NULL,
    monthly_limit integer DEFAULT 100000 NOT NULL,
    daily_limit integer,
    hourly_limit integer,
    removal_limit integer DEFAULT 100 NOT NULL,
    resync_interval interval,
    retention interval DEFAULT '90 days'::interval NOT NULL,
    CONSTRAINT "a lease is longer than two seconds" CHECK ((lease > '00:00:02'::interval)),
    CONSTRAINT "a reading may be a second old" CHECK ((max_reading_age >= '00:00:01'::interval)),
    CONSTRAINT "at least one attempt" CHECK ((max_attempts >= 1)),
    CONSTRAINT "at least one call at a time" CHECK (((max_concurrency >= 1) AND (max_concurrency <= 30))),
    CONSTRAINT "at least one call at a time per element" CHECK (((element_concurrency >= 1) AND (element_concurrency <= 30))),
    CONSTRAINT "background readings are at least a minute apart" CHECK ((resync_interval >= '00:01:00'::interval)),
    CONSTRAINT "confirmation is not in the past" CHECK ((confirm_after >= '00:00:00'::interval)),
    CONSTRAINT "daily limit is not negative" CHECK ((daily_limit >= 0)),
    CONSTRAINT "history is kept for two days at least" CHECK ((retention >= '2 days'::interval)),
    CONSTRAINT "hourly limit is not negative" CHECK ((hourly_limit >= 0)),
    CONSTRAINT "late landing is not negative" CHECK ((late_landing >= '00:00:00'::interval)),
    CONSTRAINT "monthly limit is not negative" CHECK ((monthly_limit >= 0)),
    CONSTRAINT "policy is mirror, owned, add_only or report" CHECK ((policy = ANY (ARRAY['mirror'::text, 'owned'::text, 'add_only'::text, 'report'::text]))),
    CONSTRAINT "removal limit is not negative" CHECK ((removal_limit >= 0)),
    CONSTRAINT "settings has one row" CHECK (only_row)
);


--
-- Name: TABLE settings; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON TABLE flex_sync.settings IS 'One row, one column per knob. Every drainer reads it live: change it with update flex_sync.settings set ….';


--
-- Name: COLUMN settings.policy; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.policy IS 'What may be deleted in Flex: mirror (foreign and surplus lines too), owned (only lines of the ledger), add_only (nothing), report (nothing is written at all).';


--
-- Name: COLUMN settings.max_concurrency; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.max_concurrency IS 'Flex calls in flight at once, over all drainers. Flex allows a customer 30.';


--
-- Name: COLUMN settings.element_concurrency; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.element_concurrency IS 'Flex calls in flight at once on one element.';


--
-- Name: COLUMN settings.lease; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.lease IS 'How long a drainer may hold a claim. Must be longer than its HTTP deadline (FLEX_TIMEOUT_MS) plus one second.';


--
-- Name: COLUMN settings.late_landing; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.late_landing IS 'How long after its deadline a request may still take effect in Flex. Only a reading begun later proves that it did not.';


--
-- Name: COLUMN settings.confirm_after; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.confirm_after IS 'How far apart the two readings are that must both lack a line before it counts as stale.';


--
-- Name: COLUMN settings.max_reading_age; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.max_reading_age IS 'A write is sent only while the reading it was planned from is younger than this.';


--
-- Name: COLUMN settings.max_attempts; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.max_attempts IS 'Sends proved absent before an operation fails with reason not_accepted.';


--
-- Name: COLUMN settings.monthly_limit; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.monthly_limit IS 'Flex calls in any month, over all keys of the customer (Flex: 100,000).';


--
-- Name: COLUMN settings.daily_limit; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.daily_limit IS 'Flex calls in any 24 hours; null is a tenth of monthly_limit.';


--
-- Name: COLUMN settings.hourly_limit; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.hourly_limit IS 'Flex calls in any hour; null is a fiftieth of monthly_limit.';


--
-- Name: COLUMN settings.removal_limit; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.removal_limit IS 'Lines removed in any hour, whole tenant, before removals are held.';


--
-- Name: COLUMN settings.resync_interval; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.resync_interval IS 'Read every crew call again after this time, to notice edits made in Flex; null is never.';


--
-- Name: COLUMN settings.retention; Type: COMMENT; Schema: flex_sync; Owner: -
--

COMMENT ON COLUMN flex_sync.settings.retention IS 'How long finished operations, calls, readings and logs are kept.';


--
-- Name: syncs_id_seq; Type: SEQUENCE; Schema: flex_sync; Owner: -
--

ALTER TABLE flex_sync.syncs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME flex_sync.syncs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.jobs (
    id uuid DEFAULT gen_random_uuid() NOT NULL
);


--
-- Name: TABLE jobs; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.jobs IS 'Created by flex-crew-sync; row level security is on and has no policies yet.';


--
-- Name: business_roles business_roles_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.business_roles
    ADD CONSTRAINT business_roles_pkey PRIMARY KEY (department, tier);


--
-- Name: calls calls_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (number);


--
-- Name: crew_call_blocks crew_call_blocks_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.crew_call_blocks
    ADD CONSTRAINT crew_call_blocks_pkey PRIMARY KEY (crew_call_id);


--
-- Name: crew_call_settings crew_call_settings_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.crew_call_settings
    ADD CONSTRAINT crew_call_settings_pkey PRIMARY KEY (crew_call_id);


--
-- Name: decisions decisions_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (id);


--
-- Name: due_elements due_elements_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.due_elements
    ADD CONSTRAINT due_elements_pkey PRIMARY KEY (id);


--
-- Name: element_health element_health_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.element_health
    ADD CONSTRAINT element_health_pkey PRIMARY KEY (flex_element_id);


--
-- Name: elements elements_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.elements
    ADD CONSTRAINT elements_pkey PRIMARY KEY (flex_element_id);


--
-- Name: joined_requests joined_requests_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.joined_requests
    ADD CONSTRAINT joined_requests_pkey PRIMARY KEY (id);


--
-- Name: last_decisions last_decisions_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.last_decisions
    ADD CONSTRAINT last_decisions_pkey PRIMARY KEY (flex_element_id);


--
-- Name: ledger ledger_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (flex_line_item_id);


--
-- Name: lines lines_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.lines
    ADD CONSTRAINT lines_pkey PRIMARY KEY (flex_element_id, flex_line_item_id);


--
-- Name: migrations migrations_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);


--
-- Name: missing_lines missing_lines_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.missing_lines
    ADD CONSTRAINT missing_lines_pkey PRIMARY KEY (flex_line_item_id, flex_resource_id);


--
-- Name: operator_log operator_log_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.operator_log
    ADD CONSTRAINT operator_log_pkey PRIMARY KEY (id);


--
-- Name: outbox outbox_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);


--
-- Name: readings readings_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.readings
    ADD CONSTRAINT readings_pkey PRIMARY KEY (id);


--
-- Name: removal_decisions removal_decisions_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.removal_decisions
    ADD CONSTRAINT removal_decisions_pkey PRIMARY KEY (flex_line_item_id, flex_resource_id);


--
-- Name: settings settings_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (only_row);


--
-- Name: syncs syncs_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.syncs
    ADD CONSTRAINT syncs_pkey PRIMARY KEY (id);


--
-- Name: tenant tenant_pkey; Type: CONSTRAINT; Schema: flex_sync; Owner: -
--

ALTER TABLE ONLY flex_sync.tenant
    ADD CONSTRAINT tenant_pkey PRIMARY KEY (only_row);


--
-- Name: flex_crew_assignments flex_crew_assignments_crew_call_technician_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flex_crew_assignments
    ADD CONSTRAINT flex_crew_assignments_crew_call_technician_key UNIQUE (crew_call_id, technician_id);


--
-- Name: flex_crew_assignments flex_crew_assignments_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flex_crew_assignments
    ADD CONSTRAINT flex_crew_assignments_pkey PRIMARY KEY (id);


--
-- Name: flex_crew_calls flex_crew_calls_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flex_crew_calls
    ADD CONSTRAINT flex_crew_calls_pkey PRIMARY KEY (id);


--
-- Name: job_assignments job_assignments_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_assignments
    ADD CONSTRAINT job_assignments_pkey PRIMARY KEY (job_id, technician_id);


--
-- Name: jobs jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);


--
-- Name: profiles profiles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (id);


--
-- Name: calls_by_element; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX calls_by_element ON flex_sync.calls USING btree (flex_element_id, number);


--
-- Name: calls_by_operation; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX calls_by_operation ON flex_sync.calls USING btree (operation_id);


--
-- Name: calls_by_sync; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX calls_by_sync ON flex_sync.calls USING btree (sync_id);


--
-- Name: calls_by_time; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX calls_by_time ON flex_sync.calls USING btree (made_at, number);


--
-- Name: calls_unanswered; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX calls_unanswered ON flex_sync.calls USING btree (flex_element_id, number) WHERE unanswered;


--
-- Name: decisions_by_age; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX decisions_by_age ON flex_sync.decisions USING btree (decided_at);


--
-- Name: decisions_by_element; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX decisions_by_element ON flex_sync.decisions USING btree (flex_element_id, decided_at);


--
-- Name: elements_retired; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX elements_retired ON flex_sync.elements USING btree (flex_element_id) WHERE (retired_at IS NOT NULL);


--
-- Name: elements_unmapped_or_unread; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX elements_unmapped_or_unread ON flex_sync.elements USING btree (flex_element_id) WHERE ((unmapped > 0) OR (reading_at IS NULL));


--
-- Name: elements_urgent; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX elements_urgent ON flex_sync.elements USING btree (flex_element_id) WHERE ((blocked_reason IS NOT NULL) OR (doubt_reason IS NOT NULL));


--
-- Name: joined_requests_by_age; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX joined_requests_by_age ON flex_sync.joined_requests USING btree (requested_at);


--
-- Name: joined_requests_by_sync; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX joined_requests_by_sync ON flex_sync.joined_requests USING btree (sync_id);


--
-- Name: ledger_by_end; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX ledger_by_end ON flex_sync.ledger USING btree (gone_at) WHERE (gone_at IS NOT NULL);


--
-- Name: ledger_by_resource; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX ledger_by_resource ON flex_sync.ledger USING btree (flex_element_id, flex_resource_id);


--
-- Name: ledger_by_technician; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX ledger_by_technician ON flex_sync.ledger USING btree (technician_id) WHERE (gone_at IS NULL);


--
-- Name: lines_by_resource; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX lines_by_resource ON flex_sync.lines USING btree (flex_element_id, flex_resource_id);


--
-- Name: lines_named; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX lines_named ON flex_sync.lines USING btree (flex_resource_id) WHERE (name IS NOT NULL);


--
-- Name: missing_lines_by_element; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX missing_lines_by_element ON flex_sync.missing_lines USING btree (flex_element_id);


--
-- Name: one open add per resource; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE UNIQUE INDEX "one open add per resource" ON flex_sync.outbox USING btree (flex_element_id, flex_resource_id) WHERE ((kind = 'add'::text) AND (state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text])));


--
-- Name: one open removal per line; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE UNIQUE INDEX "one open removal per line" ON flex_sync.outbox USING btree (flex_element_id, flex_line_item_id) WHERE ((kind = 'remove'::text) AND (state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text, 'held'::text])));


--
-- Name: one open role per resource; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE UNIQUE INDEX "one open role per resource" ON flex_sync.outbox USING btree (flex_element_id, flex_resource_id) WHERE ((kind = 'set_role'::text) AND (state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text])));


--
-- Name: one reading waits per element; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE UNIQUE INDEX "one reading waits per element" ON flex_sync.outbox USING btree (flex_element_id) WHERE ((kind = 'observe'::text) AND (state = 'pending'::text));


--
-- Name: one sync waits per element; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE UNIQUE INDEX "one sync waits per element" ON flex_sync.syncs USING btree (flex_element_id) WHERE ((reading_at IS NULL) AND (finished_at IS NULL));


--
-- Name: outbox_after; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_after ON flex_sync.outbox USING btree (after_operation_id) WHERE (after_operation_id IS NOT NULL);


--
-- Name: outbox_by_crew_call; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_by_crew_call ON flex_sync.outbox USING btree (crew_call_id, technician_id);


--
-- Name: outbox_by_end; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_by_end ON flex_sync.outbox USING btree (finished_at) WHERE (state = ANY (ARRAY['done'::text, 'failed'::text, 'cancelled'::text]));


--
-- Name: outbox_by_lease; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_by_lease ON flex_sync.outbox USING btree (lease_until) WHERE ((state = 'sending'::text) AND (lease_until IS NOT NULL));


--
-- Name: outbox_by_reading; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_by_reading ON flex_sync.outbox USING btree (reading_at) WHERE ((state = 'pending'::text) AND (kind <> 'observe'::text) AND (after_operation_id IS NULL));


--
-- Name: outbox_by_sync; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_by_sync ON flex_sync.outbox USING btree (sync_id);


--
-- Name: outbox_contested; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_contested ON flex_sync.outbox USING btree (flex_element_id, flex_resource_id) WHERE ((kind = 'add'::text) AND (state = 'failed'::text) AND (reason = 'contested'::text));


--
-- Name: outbox_done_by_element; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_done_by_element ON flex_sync.outbox USING btree (flex_element_id, kind, finished_at) WHERE ((state = 'done'::text) AND (kind = ANY (ARRAY['add'::text, 'remove'::text])));


--
-- Name: outbox_due; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_due ON flex_sync.outbox USING btree (priority, due_at, id) WHERE ((state = 'pending'::text) AND (after_operation_id IS NULL));


--
-- Name: outbox_failed; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_failed ON flex_sync.outbox USING btree (flex_element_id, kind, flex_resource_id) WHERE ((state = 'failed'::text) AND (superseded_at IS NULL));


--
-- Name: outbox_failed_by_crew_call; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_failed_by_crew_call ON flex_sync.outbox USING btree (crew_call_id, technician_id) WHERE ((state = 'failed'::text) AND (superseded_at IS NULL) AND (crew_call_id IS NOT NULL));


--
-- Name: outbox_open; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_open ON flex_sync.outbox USING btree (flex_element_id, kind, flex_resource_id) WHERE (state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text, 'held'::text]));


--
-- Name: outbox_open_by_crew_call; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_open_by_crew_call ON flex_sync.outbox USING btree (crew_call_id, technician_id) WHERE ((state = ANY (ARRAY['pending'::text, 'sending'::text, 'unknown'::text, 'held'::text])) AND (crew_call_id IS NOT NULL));


--
-- Name: outbox_open_by_sync; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_open_by_sync ON flex_sync.outbox USING btree (sync_id) WHERE ((state = ANY (ARRAY['pending'::text, 'sending'::text])) AND (sync_id IS NOT NULL));


--
-- Name: outbox_removals_by_end; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX outbox_removals_by_end ON flex_sync.outbox USING btree (finished_at) WHERE ((kind = 'remove'::text) AND (state = 'done'::text));


--
-- Name: readings_by_age; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX readings_by_age ON flex_sync.readings USING btree (recorded_at);


--
-- Name: readings_by_element; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX readings_by_element ON flex_sync.readings USING btree (flex_element_id, began_at DESC);


--
-- Name: removal_decisions_by_element; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX removal_decisions_by_element ON flex_sync.removal_decisions USING btree (flex_element_id);


--
-- Name: syncs_by_crew_call; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX syncs_by_crew_call ON flex_sync.syncs USING btree (crew_call_id, id DESC);


--
-- Name: syncs_by_element; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX syncs_by_element ON flex_sync.syncs USING btree (flex_element_id, id DESC);


--
-- Name: syncs_by_end; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX syncs_by_end ON flex_sync.syncs USING btree (finished_at);


--
-- Name: syncs_open; Type: INDEX; Schema: flex_sync; Owner: -
--

CREATE INDEX syncs_open ON flex_sync.syncs USING btree (flex_element_id) WHERE (finished_at IS NULL);


--
-- Name: flex_crew_calls_job_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX flex_crew_calls_job_id_idx ON public.flex_crew_calls USING btree (job_id);


--
-- Name: flex_sync_crew_calls_by_element; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX flex_sync_crew_calls_by_element ON public.flex_crew_calls USING btree (lower(btrim(flex_element_id, ' 	
'::text)));


--
-- Name: flex_sync_crew_calls_without_element; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX flex_sync_crew_calls_without_element ON public.flex_crew_calls USING btree (id) WHERE (length(lower(btrim(flex_element_id, ' 	
'::text))) IS DISTINCT FROM 36);


--
-- Name: crew_call_settings note_changed_interval; Type: TRIGGER; Schema: flex_sync; Owner: -
--

CREATE TRIGGER note_changed_interval AFTER INSERT OR DELETE OR UPDATE OF resync_interval ON flex_sync.crew_call_settings FOR EACH ROW EXECUTE FUNCTION flex_sync.note_changed_interval();


--
-- Name: settings note_changed_interval; Type: TRIGGER; Schema: flex_sync; Owner: -
--

CREATE TRIGGER note_changed_interval AFTER UPDATE OF resync_interval ON flex_sync.settings FOR EACH ROW EXECUTE FUNCTION flex_sync.note_changed_interval();


--
-- Name: crew_call_settings note_changed_policy; Type: TRIGGER; Schema: flex_sync; Owner: -
--

CREATE TRIGGER note_changed_policy AFTER INSERT OR DELETE OR UPDATE ON flex_sync.crew_call_settings FOR EACH ROW EXECUTE FUNCTION flex_sync.note_changed_policy();


--
-- Name: settings note_changed_policy; Type: TRIGGER; Schema: flex_sync; Owner: -
--

CREATE TRIGGER note_changed_policy AFTER UPDATE OF policy ON flex_sync.settings FOR EACH ROW EXECUTE FUNCTION flex_sync.note_changed_policy();


--
-- Name: flex_crew_calls flex_sync_changed_crew_call; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER flex_sync_changed_crew_call AFTER DELETE OR UPDATE OF flex_element_id ON public.flex_crew_calls FOR EACH ROW EXECUTE FUNCTION flex_sync.note_changed_crew_call();


--
-- Name: jobs flex_sync_deleted_job; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER flex_sync_deleted_job AFTER DELETE ON public.jobs FOR EACH ROW EXECUTE FUNCTION flex_sync.note_deleted_job();


--
-- Name: profiles flex_sync_deleted_profile; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER flex_sync_deleted_profile AFTER DELETE ON public.profiles FOR EACH ROW EXECUTE FUNCTION flex_sync.note_deleted_profile();


--
-- Name: flex_crew_assignments flex_crew_assignments_crew_call_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flex_crew_assignments
    ADD CONSTRAINT flex_crew_assignments_crew_call_id_fkey FOREIGN KEY (crew_call_id) REFERENCES public.flex_crew_calls(id) ON DELETE CASCADE;


--
-- Name: flex_crew_assignments flex_crew_assignments_technician_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flex_crew_assignments
    ADD CONSTRAINT flex_crew_assignments_technician_id_fkey FOREIGN KEY (technician_id) REFERENCES public.profiles(id) ON DELETE CASCADE;


--
-- Name: flex_crew_calls flex_crew_calls_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flex_crew_calls
    ADD CONSTRAINT flex_crew_calls_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;


--
-- Name: job_assignments job_assignments_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_assignments
    ADD CONSTRAINT job_assignments_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;


--
-- Name: job_assignments job_assignments_technician_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_assignments
    ADD CONSTRAINT job_assignments_technician_id_fkey FOREIGN KEY (technician_id) REFERENCES public.profiles(id) ON DELETE CASCADE;


--
-- Name: flex_crew_assignments; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.flex_crew_assignments ENABLE ROW LEVEL SECURITY;

--
-- Name: flex_crew_calls; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.flex_crew_calls ENABLE ROW LEVEL SECURITY;

--
-- Name: job_assignments; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.job_assignments ENABLE ROW LEVEL SECURITY;

--
-- Name: jobs; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.jobs ENABLE ROW LEVEL SECURITY;

--
-- Name: profiles; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;

--
-- Name: SCHEMA flex_sync; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA flex_sync TO flex_sync_app;
GRANT USAGE ON SCHEMA flex_sync TO flex_sync_drainer;
GRANT USAGE ON SCHEMA flex_sync TO flex_sync_operator;


--
-- Name: FUNCTION adopt(crew_call_id uuid, flex_line_item_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.adopt(crew_call_id uuid, flex_line_item_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.adopt(crew_call_id uuid, flex_line_item_id text) TO flex_sync_operator;


--
-- Name: FUNCTION ago(at timestamp with time zone); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.ago(at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.ago(at timestamp with time zone) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.ago(at timestamp with time zone) TO flex_sync_drainer;
GRANT ALL ON FUNCTION flex_sync.ago(at timestamp with time zone) TO flex_sync_operator;


--
-- Name: FUNCTION apply_plan(flex_element_id text, plan flex_sync.planned[], sync_id bigint, reading_at timestamp with time zone); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.apply_plan(flex_element_id text, plan flex_sync.planned[], sync_id bigint, reading_at timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION approve_removals(crew_call_id uuid, plan text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.approve_removals(crew_call_id uuid, plan text) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.approve_removals(crew_call_id uuid, plan text) TO flex_sync_operator;


--
-- Name: FUNCTION backoff(failures integer); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.backoff(failures integer) FROM PUBLIC;


--
-- Name: FUNCTION begin_background_readings(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.begin_background_readings() FROM PUBLIC;


--
-- Name: FUNCTION block_element(flex_element_id text, reason text, error text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.block_element(flex_element_id text, reason text, error text) FROM PUBLIC;


--
-- Name: FUNCTION blocked_as_json(crew_call_id uuid, flex_element_id text, sync_id bigint); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.blocked_as_json(crew_call_id uuid, flex_element_id text, sync_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION calls_left(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.calls_left() FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.calls_left() TO flex_sync_operator;
GRANT ALL ON FUNCTION flex_sync.calls_left() TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.calls_left() TO flex_sync_drainer;


--
-- Name: FUNCTION claim_call(drainer text, kind text, deadline interval, operation_id bigint); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.claim_call(drainer text, kind text, deadline interval, operation_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.claim_call(drainer text, kind text, deadline interval, operation_id bigint) TO flex_sync_drainer;


--
-- Name: FUNCTION claim_operations(drainer text, slots integer, deadline interval); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.claim_operations(drainer text, slots integer, deadline interval) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.claim_operations(drainer text, slots integer, deadline interval) TO flex_sync_drainer;


--
-- Name: FUNCTION claim_probe(drainer text, deadline interval); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.claim_probe(drainer text, deadline interval) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.claim_probe(drainer text, deadline interval) TO flex_sync_drainer;


--
-- Name: FUNCTION clock(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.clock() FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.clock() TO flex_sync_drainer;
GRANT ALL ON FUNCTION flex_sync.clock() TO flex_sync_operator;
GRANT ALL ON FUNCTION flex_sync.clock() TO flex_sync_app;


--
-- Name: FUNCTION close_call(call_number bigint, outcome text, http_status integer, error text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.close_call(call_number bigint, outcome text, http_status integer, error text) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.close_call(call_number bigint, outcome text, http_status integer, error text) TO flex_sync_drainer;


--
-- Name: FUNCTION confirm_stale(flex_element_id text, began_at timestamp with time zone); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.confirm_stale(flex_element_id text, began_at timestamp with time zone) FROM PUBLIC;


--
-- Name: TABLE outbox; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.outbox TO flex_sync_app;
GRANT SELECT ON TABLE flex_sync.outbox TO flex_sync_operator;
GRANT SELECT ON TABLE flex_sync.outbox TO flex_sync_drainer;


--
-- Name: FUNCTION count_call(kind text, drainer text, deadline timestamp with time zone, operation flex_sync.outbox); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.count_call(kind text, drainer text, deadline timestamp with time zone, operation flex_sync.outbox) FROM PUBLIC;


--
-- Name: FUNCTION crew_call_or_raise(crew_call_id uuid); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.crew_call_or_raise(crew_call_id uuid) FROM PUBLIC;


--
-- Name: FUNCTION decide_removals(crew_call_id uuid, plan text, decision text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.decide_removals(crew_call_id uuid, plan text, decision text) FROM PUBLIC;


--
-- Name: FUNCTION desired_columns(host_table oid); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.desired_columns(host_table oid) FROM PUBLIC;


--
-- Name: FUNCTION desired_of(crew_call_id uuid); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.desired_of(crew_call_id uuid) FROM PUBLIC;


--
-- Name: FUNCTION desired_or_nobody(crew_call_id uuid); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.desired_or_nobody(crew_call_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.desired_or_nobody(crew_call_id uuid) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.desired_or_nobody(crew_call_id uuid) TO flex_sync_operator;
GRANT ALL ON FUNCTION flex_sync.desired_or_nobody(crew_call_id uuid) TO flex_sync_drainer;


--
-- Name: FUNCTION disable_auto_sync(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.disable_auto_sync() FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.disable_auto_sync() TO flex_sync_operator;


--
-- Name: FUNCTION doubt_element(flex_element_id text, reason text, error text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.doubt_element(flex_element_id text, reason text, error text) FROM PUBLIC;


--
-- Name: FUNCTION doubt_of_lines(lines jsonb); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.doubt_of_lines(lines jsonb) FROM PUBLIC;


--
-- Name: FUNCTION elements_with_old_readings(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.elements_with_old_readings() FROM PUBLIC;


--
-- Name: FUNCTION enable_auto_sync(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.enable_auto_sync() FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.enable_auto_sync() TO flex_sync_operator;


--
-- Name: FUNCTION enter_ledger(flex_line_item_id text, flex_element_id text, flex_resource_id text, crew_call_id uuid, technician_id uuid, source text, operation_id bigint); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.enter_ledger(flex_line_item_id text, flex_element_id text, flex_resource_id text, crew_call_id uuid, technician_id uuid, source text, operation_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION explain(crew_call_id uuid, allow_mass_removal boolean); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.explain(crew_call_id uuid, allow_mass_removal boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.explain(crew_call_id uuid, allow_mass_removal boolean) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.explain(crew_call_id uuid, allow_mass_removal boolean) TO flex_sync_operator;
GRANT ALL ON FUNCTION flex_sync.explain(crew_call_id uuid, allow_mass_removal boolean) TO flex_sync_drainer;


--
-- Name: FUNCTION finish_answered_syncs(flex_element_id text, began_at timestamp with time zone); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.finish_answered_syncs(flex_element_id text, began_at timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION finish_sync(sync_id bigint); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.finish_sync(sync_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION flex_id(value text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.flex_id(value text) FROM PUBLIC;


--
-- Name: FUNCTION forget_elements(before timestamp with time zone, batch integer); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.forget_elements(before timestamp with time zone, batch integer) FROM PUBLIC;


--
-- Name: FUNCTION forget_line(flex_element_id text, flex_line_item_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.forget_line(flex_element_id text, flex_line_item_id text) FROM PUBLIC;


--
-- Name: FUNCTION forget_removed(operation_ids bigint[]); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.forget_removed(operation_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION grant_privileges(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.grant_privileges() FROM PUBLIC;


--
-- Name: FUNCTION hash_of_held(flex_line_item_ids text[], flex_resource_ids text[]); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.hash_of_held(flex_line_item_ids text[], flex_resource_ids text[]) FROM PUBLIC;


--
-- Name: FUNCTION held_plan(crew_call_id uuid, flex_element_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.held_plan(crew_call_id uuid, flex_element_id text) FROM PUBLIC;


--
-- Name: FUNCTION history(crew_call_id uuid, technician_id uuid, since timestamp with time zone); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.history(crew_call_id uuid, technician_id uuid, since timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.history(crew_call_id uuid, technician_id uuid, since timestamp with time zone) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.history(crew_call_id uuid, technician_id uuid, since timestamp with time zone) TO flex_sync_operator;
GRANT ALL ON FUNCTION flex_sync.history(crew_call_id uuid, technician_id uuid, since timestamp with time zone) TO flex_sync_drainer;


--
-- Name: FUNCTION host_error(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.host_error() FROM PUBLIC;


--
-- Name: FUNCTION is_flex_id(value text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.is_flex_id(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.is_flex_id(value text) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.is_flex_id(value text) TO flex_sync_operator;
GRANT ALL ON FUNCTION flex_sync.is_flex_id(value text) TO flex_sync_drainer;


--
-- Name: FUNCTION join_sync(sync_id bigint, allow_mass_removal boolean, crew_call_id uuid, requested_by text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.join_sync(sync_id bigint, allow_mass_removal boolean, crew_call_id uuid, requested_by text) FROM PUBLIC;


--
-- Name: FUNCTION know_element(flex_element_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.know_element(flex_element_id text) FROM PUBLIC;


--
-- Name: FUNCTION lacks_every_recorded_line(flex_element_id text, lines jsonb, began_at timestamp with time zone); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.lacks_every_recorded_line(flex_element_id text, lines jsonb, began_at timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION lock_budget(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.lock_budget() FROM PUBLIC;


--
-- Name: FUNCTION lock_element(flex_element_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.lock_element(flex_element_id text) FROM PUBLIC;


--
-- Name: FUNCTION lock_element_of(crew_call_id uuid); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.lock_element_of(crew_call_id uuid) FROM PUBLIC;


--
-- Name: FUNCTION log_operator(action text, arguments jsonb); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.log_operator(action text, arguments jsonb) FROM PUBLIC;


--
-- Name: FUNCTION may_sync(crew_call_id uuid); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.may_sync(crew_call_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.may_sync(crew_call_id uuid) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.may_sync(crew_call_id uuid) TO flex_sync_operator;


--
-- Name: FUNCTION name_of(technician_id uuid); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.name_of(technician_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.name_of(technician_id uuid) TO flex_sync_drainer;
GRANT ALL ON FUNCTION flex_sync.name_of(technician_id uuid) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.name_of(technician_id uuid) TO flex_sync_operator;


--
-- Name: FUNCTION next_action(condition text, reason text, crew_call_id uuid, operation_id bigint, plan text, people uuid[]); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.next_action(condition text, reason text, crew_call_id uuid, operation_id bigint, plan text, people uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.next_action(condition text, reason text, crew_call_id uuid, operation_id bigint, plan text, people uuid[]) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.next_action(condition text, reason text, crew_call_id uuid, operation_id bigint, plan text, people uuid[]) TO flex_sync_drainer;
GRANT ALL ON FUNCTION flex_sync.next_action(condition text, reason text, crew_call_id uuid, operation_id bigint, plan text, people uuid[]) TO flex_sync_operator;


--
-- Name: FUNCTION next_reading(flex_element_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.next_reading(flex_element_id text) FROM PUBLIC;


--
-- Name: FUNCTION next_sync_work_at(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.next_sync_work_at() FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.next_sync_work_at() TO flex_sync_drainer;


--
-- Name: FUNCTION next_work_at(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.next_work_at() FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.next_work_at() TO flex_sync_drainer;


--
-- Name: FUNCTION nobodys_lines(crew_call_id uuid); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.nobodys_lines(crew_call_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.nobodys_lines(crew_call_id uuid) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.nobodys_lines(crew_call_id uuid) TO flex_sync_operator;
GRANT ALL ON FUNCTION flex_sync.nobodys_lines(crew_call_id uuid) TO flex_sync_drainer;


--
-- Name: FUNCTION note_block(flex_element_id text, crew_call_id uuid, technician_id uuid, reason text, error text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_block(flex_element_id text, crew_call_id uuid, technician_id uuid, reason text, error text) FROM PUBLIC;


--
-- Name: FUNCTION note_changed_assignments(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_changed_assignments() FROM PUBLIC;


--
-- Name: FUNCTION note_changed_crew_call(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_changed_crew_call() FROM PUBLIC;


--
-- Name: FUNCTION note_changed_interval(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_changed_interval() FROM PUBLIC;


--
-- Name: FUNCTION note_changed_mapping(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_changed_mapping() FROM PUBLIC;


--
-- Name: FUNCTION note_changed_policy(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_changed_policy() FROM PUBLIC;


--
-- Name: FUNCTION note_changed_profiles(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_changed_profiles() FROM PUBLIC;


--
-- Name: FUNCTION note_decisions(flex_element_id text, plan flex_sync.planned[], sync_id bigint, reading_at timestamp with time zone); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_decisions(flex_element_id text, plan flex_sync.planned[], sync_id bigint, reading_at timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION note_deleted_job(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_deleted_job() FROM PUBLIC;


--
-- Name: FUNCTION note_deleted_profile(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_deleted_profile() FROM PUBLIC;


--
-- Name: FUNCTION note_element(flex_element_id text, reason text, wants_reading boolean); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_element(flex_element_id text, reason text, wants_reading boolean) FROM PUBLIC;


--
-- Name: FUNCTION note_elements(flex_element_ids text[], reason text, wants_reading boolean, requests_sync boolean); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_elements(flex_element_ids text[], reason text, wants_reading boolean, requests_sync boolean) FROM PUBLIC;


--
-- Name: FUNCTION note_failure(flex_element_id text, sent_at timestamp with time zone, error text, tenant_wide boolean); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_failure(flex_element_id text, sent_at timestamp with time zone, error text, tenant_wide boolean) FROM PUBLIC;


--
-- Name: FUNCTION note_success(flex_element_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.note_success(flex_element_id text) FROM PUBLIC;


--
-- Name: FUNCTION open_breaker(reason text, error text, first_probe interval); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.open_breaker(reason text, error text, first_probe interval) FROM PUBLIC;


--
-- Name: FUNCTION open_condition(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT pending bigint, OUT limited boolean, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT failed_operation_id bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT last_requested_at timestamp with time zone); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.open_condition(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT pending bigint, OUT limited boolean, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT failed_operation_id bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT last_requested_at timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION operation_in_flight(operation_id bigint, token uuid); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.operation_in_flight(operation_id bigint, token uuid) FROM PUBLIC;


--
-- Name: FUNCTION operations_of(plan flex_sync.planned[]); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.operations_of(plan flex_sync.planned[]) FROM PUBLIC;


--
-- Name: FUNCTION pause(reason text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.pause(reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.pause(reason text) TO flex_sync_operator;


--
-- Name: FUNCTION pin_search_path(search_path text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.pin_search_path(search_path text) FROM PUBLIC;


--
-- Name: FUNCTION plan_as_json(crew_call_id uuid, flex_element_id text, plan flex_sync.planned[]); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.plan_as_json(crew_call_id uuid, flex_element_id text, plan flex_sync.planned[]) FROM PUBLIC;


--
-- Name: FUNCTION plan_element(flex_element_id text, allow_mass_removal boolean, requested_at timestamp with time zone); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.plan_element(flex_element_id text, allow_mass_removal boolean, requested_at timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION plan_if_in_sync(flex_element_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.plan_if_in_sync(flex_element_id text) FROM PUBLIC;


--
-- Name: FUNCTION policy_of(flex_element_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.policy_of(flex_element_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.policy_of(flex_element_id text) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.policy_of(flex_element_id text) TO flex_sync_operator;
GRANT ALL ON FUNCTION flex_sync.policy_of(flex_element_id text) TO flex_sync_drainer;


--
-- Name: FUNCTION printable(value text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.printable(value text) FROM PUBLIC;


--
-- Name: FUNCTION queue_reading(flex_element_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.queue_reading(flex_element_id text) FROM PUBLIC;


--
-- Name: FUNCTION read_committed_only(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.read_committed_only() FROM PUBLIC;


--
-- Name: FUNCTION record_add(operation_id bigint, token uuid, flex_line_item_id text, also_added text[], http_status integer); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.record_add(operation_id bigint, token uuid, flex_line_item_id text, also_added text[], http_status integer) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.record_add(operation_id bigint, token uuid, flex_line_item_id text, also_added text[], http_status integer) TO flex_sync_drainer;


--
-- Name: FUNCTION record_done(done jsonb); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.record_done(done jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.record_done(done jsonb) TO flex_sync_drainer;


--
-- Name: FUNCTION record_failure(operation_id bigint, token uuid, outcome text, http_status integer, error text, retry_after interval); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.record_failure(operation_id bigint, token uuid, outcome text, http_status integer, error text, retry_after interval) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.record_failure(operation_id bigint, token uuid, outcome text, http_status integer, error text, retry_after interval) TO flex_sync_drainer;


--
-- Name: FUNCTION record_kept(flex_element_id text, plan flex_sync.planned[]); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.record_kept(flex_element_id text, plan flex_sync.planned[]) FROM PUBLIC;


--
-- Name: FUNCTION record_observation(operation_id bigint, token uuid, lines jsonb, identity text, http_status integer); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.record_observation(operation_id bigint, token uuid, lines jsonb, identity text, http_status integer) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.record_observation(operation_id bigint, token uuid, lines jsonb, identity text, http_status integer) TO flex_sync_drainer;


--
-- Name: FUNCTION record_person(crew_call_id uuid, technician_id uuid, flex_element_id text, flex_line_item_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.record_person(crew_call_id uuid, technician_id uuid, flex_element_id text, flex_line_item_id text) FROM PUBLIC;


--
-- Name: FUNCTION record_probe(call_number bigint, outcome text, http_status integer, error text, retry_after interval); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.record_probe(call_number bigint, outcome text, http_status integer, error text, retry_after interval) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.record_probe(call_number bigint, outcome text, http_status integer, error text, retry_after interval) TO flex_sync_drainer;


--
-- Name: FUNCTION record_remove(operation_id bigint, token uuid, http_status integer); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.record_remove(operation_id bigint, token uuid, http_status integer) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.record_remove(operation_id bigint, token uuid, http_status integer) TO flex_sync_drainer;


--
-- Name: FUNCTION record_set_role(operation_id bigint, token uuid, http_status integer); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.record_set_role(operation_id bigint, token uuid, http_status integer) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.record_set_role(operation_id bigint, token uuid, http_status integer) TO flex_sync_drainer;


--
-- Name: FUNCTION reject_removals(crew_call_id uuid, plan text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.reject_removals(crew_call_id uuid, plan text) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.reject_removals(crew_call_id uuid, plan text) TO flex_sync_operator;


--
-- Name: FUNCTION remember_objects(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.remember_objects() FROM PUBLIC;


--
-- Name: FUNCTION removals_within_the_hour(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.removals_within_the_hour() FROM PUBLIC;


--
-- Name: FUNCTION remove_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[]); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.remove_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[]) FROM PUBLIC;


--
-- Name: FUNCTION request_sync(crew_call_id uuid, flex_element_id text, requested_by text, allow_mass_removal boolean, OUT sync_id bigint, OUT joined boolean); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.request_sync(crew_call_id uuid, flex_element_id text, requested_by text, allow_mass_removal boolean, OUT sync_id bigint, OUT joined boolean) FROM PUBLIC;


--
-- Name: FUNCTION request_unasked(flex_element_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.request_unasked(flex_element_id text) FROM PUBLIC;


--
-- Name: FUNCTION resume(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.resume() FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.resume() TO flex_sync_operator;


--
-- Name: FUNCTION retry(operation_id bigint); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.retry(operation_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.retry(operation_id bigint) TO flex_sync_operator;


--
-- Name: FUNCTION retry_failed(crew_call_id uuid); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.retry_failed(crew_call_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.retry_failed(crew_call_id uuid) TO flex_sync_operator;


--
-- Name: FUNCTION room_for_background(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.room_for_background() FROM PUBLIC;


--
-- Name: FUNCTION server_started_at(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.server_started_at() FROM PUBLIC;


--
-- Name: FUNCTION set_policy(crew_call_id uuid, policy text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.set_policy(crew_call_id uuid, policy text) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.set_policy(crew_call_id uuid, policy text) TO flex_sync_operator;


--
-- Name: FUNCTION set_resync_interval(crew_call_id uuid, resync_interval interval); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.set_resync_interval(crew_call_id uuid, resync_interval interval) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.set_resync_interval(crew_call_id uuid, resync_interval interval) TO flex_sync_operator;


--
-- Name: FUNCTION settle_unknown(flex_element_id text, began_at timestamp with time zone); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.settle_unknown(flex_element_id text, began_at timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION share_with_service_role(before oid[]); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.share_with_service_role(before oid[]) FROM PUBLIC;


--
-- Name: FUNCTION state_of_crew_call(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT desired bigint, OUT recorded bigint, OUT observed bigint, OUT pending bigint, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT next_action text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.state_of_crew_call(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT desired bigint, OUT recorded bigint, OUT observed bigint, OUT pending bigint, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT next_action text) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.state_of_crew_call(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT desired bigint, OUT recorded bigint, OUT observed bigint, OUT pending bigint, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT next_action text) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.state_of_crew_call(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT desired bigint, OUT recorded bigint, OUT observed bigint, OUT pending bigint, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT next_action text) TO flex_sync_operator;
GRANT ALL ON FUNCTION flex_sync.state_of_crew_call(crew_call_id uuid, flex_element_id text, retired boolean, OUT condition text, OUT reason text, OUT desired bigint, OUT recorded bigint, OUT observed bigint, OUT pending bigint, OUT unknown bigint, OUT held bigint, OUT failed bigint, OUT plan text, OUT observed_at timestamp with time zone, OUT last_sync_at timestamp with time zone, OUT next_action text) TO flex_sync_drainer;


--
-- Name: FUNCTION stays_by_policy(flex_element_id text, flex_line_item_id text, policy text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.stays_by_policy(flex_element_id text, flex_line_item_id text, policy text) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.stays_by_policy(flex_element_id text, flex_line_item_id text, policy text) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.stays_by_policy(flex_element_id text, flex_line_item_id text, policy text) TO flex_sync_drainer;
GRANT ALL ON FUNCTION flex_sync.stays_by_policy(flex_element_id text, flex_line_item_id text, policy text) TO flex_sync_operator;


--
-- Name: FUNCTION store_reading(flex_element_id text, operation_id bigint, began_at timestamp with time zone, lines jsonb, identity_checked boolean); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.store_reading(flex_element_id text, operation_id bigint, began_at timestamp with time zone, lines jsonb, identity_checked boolean) FROM PUBLIC;


--
-- Name: FUNCTION take_over_expired(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.take_over_expired() FROM PUBLIC;


--
-- Name: TABLE calls; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.calls TO flex_sync_operator;


--
-- Name: FUNCTION tell_call(call flex_sync.calls, line text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.tell_call(call flex_sync.calls, line text) FROM PUBLIC;


--
-- Name: TABLE decisions; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.decisions TO flex_sync_operator;


--
-- Name: FUNCTION tell_decision(decision flex_sync.decisions); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.tell_decision(decision flex_sync.decisions) FROM PUBLIC;


--
-- Name: FUNCTION tell_planned(planned flex_sync.planned); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.tell_planned(planned flex_sync.planned) FROM PUBLIC;


--
-- Name: FUNCTION tick(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.tick() FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.tick() TO flex_sync_drainer;


--
-- Name: FUNCTION tier_of(role_code text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.tier_of(role_code text) FROM PUBLIC;


--
-- Name: FUNCTION trim_history(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.trim_history() FROM PUBLIC;


--
-- Name: FUNCTION two_calls_free_at(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.two_calls_free_at() FROM PUBLIC;


--
-- Name: FUNCTION waiting_for(operation_id bigint); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.waiting_for(operation_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION waiting_request(flex_element_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.waiting_request(flex_element_id text) FROM PUBLIC;


--
-- Name: FUNCTION what_stands_in_the_way(condition text, reason text, flex_element_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.what_stands_in_the_way(condition text, reason text, flex_element_id text) FROM PUBLIC;


--
-- Name: FUNCTION who_acts(); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.who_acts() FROM PUBLIC;


--
-- Name: FUNCTION why_pending(flex_element_id text, limited boolean); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.why_pending(flex_element_id text, limited boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION flex_sync.why_pending(flex_element_id text, limited boolean) TO flex_sync_app;
GRANT ALL ON FUNCTION flex_sync.why_pending(flex_element_id text, limited boolean) TO flex_sync_operator;
GRANT ALL ON FUNCTION flex_sync.why_pending(flex_element_id text, limited boolean) TO flex_sync_drainer;


--
-- Name: FUNCTION write_assignment(crew_call_id uuid, technician_id uuid, flex_line_item_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.write_assignment(crew_call_id uuid, technician_id uuid, flex_line_item_id text) FROM PUBLIC;


--
-- Name: FUNCTION write_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[]); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.write_assignments(crew_call_ids uuid[], technician_ids uuid[], flex_line_item_ids text[]) FROM PUBLIC;


--
-- Name: FUNCTION write_role(flex_element_id text, flex_line_item_id text, flex_role_id text); Type: ACL; Schema: flex_sync; Owner: -
--

REVOKE ALL ON FUNCTION flex_sync.write_role(flex_element_id text, flex_line_item_id text, flex_role_id text) FROM PUBLIC;


--
-- Name: FUNCTION sync_crew_call(crew_call_id uuid, dry_run boolean, allow_mass_removal boolean, requested_by text); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.sync_crew_call(crew_call_id uuid, dry_run boolean, allow_mass_removal boolean, requested_by text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sync_crew_call(crew_call_id uuid, dry_run boolean, allow_mass_removal boolean, requested_by text) TO flex_sync_app;
GRANT ALL ON FUNCTION public.sync_crew_call(crew_call_id uuid, dry_run boolean, allow_mass_removal boolean, requested_by text) TO flex_sync_operator;


--
-- Name: FUNCTION sync_crew_for_job(job_id uuid, departments text[], dry_run boolean, allow_mass_removal boolean, requested_by text); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.sync_crew_for_job(job_id uuid, departments text[], dry_run boolean, allow_mass_removal boolean, requested_by text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sync_crew_for_job(job_id uuid, departments text[], dry_run boolean, allow_mass_removal boolean, requested_by text) TO flex_sync_app;
GRANT ALL ON FUNCTION public.sync_crew_for_job(job_id uuid, departments text[], dry_run boolean, allow_mass_removal boolean, requested_by text) TO flex_sync_operator;


--
-- Name: TABLE business_roles; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE flex_sync.business_roles TO flex_sync_operator;


--
-- Name: TABLE crew_call_blocks; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.crew_call_blocks TO flex_sync_operator;
GRANT SELECT ON TABLE flex_sync.crew_call_blocks TO flex_sync_drainer;


--
-- Name: TABLE crew_call_settings; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE flex_sync.crew_call_settings TO flex_sync_operator;


--
-- Name: TABLE crew_calls; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.crew_calls TO flex_sync_operator;


--
-- Name: TABLE due_elements; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.due_elements TO flex_sync_operator;


--
-- Name: TABLE elements; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.elements TO flex_sync_operator;
GRANT SELECT ON TABLE flex_sync.elements TO flex_sync_drainer;


--
-- Name: TABLE ledger; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.ledger TO flex_sync_operator;


--
-- Name: TABLE urgent_elements; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.urgent_elements TO flex_sync_operator;


--
-- Name: TABLE crew_call_status; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.crew_call_status TO flex_sync_app;
GRANT SELECT ON TABLE flex_sync.crew_call_status TO flex_sync_operator;
GRANT SELECT ON TABLE flex_sync.crew_call_status TO flex_sync_drainer;


--
-- Name: TABLE last_decisions; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.last_decisions TO flex_sync_operator;


--
-- Name: TABLE lines; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.lines TO flex_sync_operator;
GRANT SELECT ON TABLE flex_sync.lines TO flex_sync_drainer;


--
-- Name: TABLE missing_lines; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.missing_lines TO flex_sync_operator;


--
-- Name: TABLE recorded_crew; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.recorded_crew TO flex_sync_operator;


--
-- Name: TABLE syncs; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.syncs TO flex_sync_app;
GRANT SELECT ON TABLE flex_sync.syncs TO flex_sync_operator;
GRANT SELECT ON TABLE flex_sync.syncs TO flex_sync_drainer;


--
-- Name: TABLE tenant; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.tenant TO flex_sync_operator;
GRANT SELECT ON TABLE flex_sync.tenant TO flex_sync_drainer;


--
-- Name: TABLE crew_status; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.crew_status TO flex_sync_app;
GRANT SELECT ON TABLE flex_sync.crew_status TO flex_sync_operator;
GRANT SELECT ON TABLE flex_sync.crew_status TO flex_sync_drainer;


--
-- Name: TABLE desired_crew; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.desired_crew TO flex_sync_operator;


--
-- Name: TABLE duplicate_assignments; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.duplicate_assignments TO flex_sync_operator;


--
-- Name: TABLE element_health; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.element_health TO flex_sync_operator;


--
-- Name: TABLE joined_requests; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.joined_requests TO flex_sync_operator;


--
-- Name: TABLE metrics; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.metrics TO flex_sync_app;
GRANT SELECT ON TABLE flex_sync.metrics TO flex_sync_operator;
GRANT SELECT ON TABLE flex_sync.metrics TO flex_sync_drainer;


--
-- Name: TABLE migrations; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.migrations TO flex_sync_operator;


--
-- Name: TABLE operator_log; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.operator_log TO flex_sync_operator;


--
-- Name: TABLE readings; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.readings TO flex_sync_operator;


--
-- Name: TABLE removal_decisions; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.removal_decisions TO flex_sync_operator;


--
-- Name: TABLE removed_duplicates; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT ON TABLE flex_sync.removed_duplicates TO flex_sync_operator;


--
-- Name: TABLE settings; Type: ACL; Schema: flex_sync; Owner: -
--

GRANT SELECT,UPDATE ON TABLE flex_sync.settings TO flex_sync_operator;
GRANT SELECT ON TABLE flex_sync.settings TO flex_sync_drainer;


--
-- PostgreSQL database dump complete
--


