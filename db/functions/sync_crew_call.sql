-- sync_crew_call(crew_call_id, dry_run, allow_mass_removal, requested_by)
--
-- Say what has to change in Flex so that one crew call shows its job's crew, and queue it.
-- Calling it twice, or from two places at once, is the same as calling it once. Nothing is sent to Flex before a
-- reading that begins after this call confirmed the plan.
--
-- Parameters   crew_call_id         flex_crew_calls.id (not the Flex element id)
--              dry_run              answer the sets and write nothing, lock nothing
--              allow_mass_removal   lift the counting brakes for our own lines, in this request only
--              requested_by         who asks, for the history; the session's user when null
-- Returns      jsonb: crew_call_id, flex_element_id, sync_id, condition, observed_at, stale, to_add, to_remove, to_set_role,
--              held, plan, kept, unmapped (docs/sql.md)
-- Errors       NOCAL   no crew call has this id
--              NOTAL   may_sync() does not allow it
--              ISOLA   the transaction is not read committed
-- Locks        element
-- Reads        crew_calls, plan_element
-- Writes       syncs, outbox, elements, due_elements; NOTIFY flex_sync_work, flex_sync_done when nothing can be planned
create or replace function public.sync_crew_call(
  crew_call_id uuid,
  dry_run boolean default false,
  allow_mass_removal boolean default false,
  requested_by text default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
as $$
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
comment on function public.sync_crew_call(uuid, boolean, boolean, text) is
  'Says what has to change in Flex so that one crew call shows its job''s crew, and queues it; calling it twice is the same as once.';
