-- history(crew_call_id, technician_id, since)
--
-- What happened to Ana on Friday: every request, decision, Flex call, reading and operator's action of one crew call, in
-- the order of time, for as long as settings.retention says (Flex calls for 32 days at least). Readings that nobody asked
-- for are told when they showed something new. Decisions come from flex_sync.decisions, which remembers what a plan
-- decided anew; who joined a sync from flex_sync.joined_requests. Both only ever grow, and are trimmed with the rest.
--
-- Parameters   crew_call_id    flex_crew_calls.id, also of a crew call that is gone
--              technician_id   rows about this person and about the whole crew call; null is everybody
--              since           nothing before this time; null is as far back as there is
-- Returns      at, technician_id (null: the whole crew call, or a line that nobody is known for), what, outcome, reason, who,
--              operation_id, sync_id, http_status, detail: one sentence
--
--              what       outcome                                    reason
--              request    opened | joined
--              plan       what was decided: add | hold | …           why, as in the outbox; of hold the brake
--              call       how it ended, see docs/states.md           what was asked: add | observe | …
--              reading    seen | gone | changed | still_seen | not_seen | read
--              settled    landed | absent | not_late                 of which unanswered write: add | remove | set_role
--              ended      cancelled | failed                         why
--              sync       the condition at its end
--              operator   what they did
--
-- Errors       NOCAL   no crew call has this id, and nothing is known of it
-- Reads        syncs, joined_requests, decisions, outbox, calls, readings, operator_log
create or replace function flex_sync.history(
  crew_call_id uuid,
  technician_id uuid default null,
  since timestamptz default null
)
returns setof flex_sync.happened
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
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
comment on function flex_sync.history(uuid, uuid, timestamptz) is 'What happened on one crew call, or to one person there: requests, decisions, Flex calls, readings and operators'' actions, in the order of time.';
