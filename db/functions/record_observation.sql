-- record_observation(operation_id, token, lines, identity, http_status)
--
-- Record one complete reading of an element, and act on it under the element's lock: settle what was unanswered, confirm
-- what is stale, record who is there, and make the plan anew; what the plan wants may be sent from here on.
--
-- Parameters   operation_id, token   from claim_operations
--              lines                 [{flex_line_item_id, flex_resource_id, is_contact, parent_line_item_id, flex_role_id, shows_role, name}];
--                                    null when Flex said that the element does not exist
--              identity              what GET identity said when it was asked: present | gone | unclear
--              http_status           as answered
-- Returns      recorded
--              identity_needed   recorded lines are all missing: ask GET identity and call again with what it said
--              old               a younger reading is stored; this one changed nothing
--              doubtful          the lines contradict themselves; nothing changed
--              blocked           the element is gone, or the host's view cannot be read
--              fenced            the claim was taken over
-- Locks        element
-- Writes       readings, lines, missing_lines, ledger, outbox, calls, elements, syncs, the host's flex_crew_assignments
create or replace function flex_sync.record_observation(
  operation_id bigint,
  token uuid,
  lines jsonb,
  identity text default null,
  http_status int default 200
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
set plan_cache_mode = force_generic_plan
as $$
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
comment on function flex_sync.record_observation(bigint, uuid, jsonb, text, int) is
  'Records one complete reading of an element and acts on it: settle, confirm, record, plan anew.';
