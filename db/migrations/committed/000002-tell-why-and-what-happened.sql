--! Previous: sha1:f0e56920114e749cfeca4d48b989acf263fb1446
--! Hash: sha1:883baac73eb6ec3b35ec706906571d506e1405fd
--! Message: Tell why, and what happened

-- First of all: what is there already keeps the privileges that its host decided.
--! Included remember_objects.sql
-- remember_objects()
--
-- Remember, for this transaction, which objects of flex_sync there are: the first statement of a migration, for
-- grant_privileges to tell what it added.
--
-- Writes       the setting flex_sync.objects_before, until the transaction ends
create or replace function flex_sync.remember_objects()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
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
comment on function flex_sync.remember_objects() is 'Remembers which objects there are, for grant_privileges at the end of the migration.';
--! EndIncluded remember_objects.sql
select flex_sync.remember_objects();

-- Tables, columns and indexes.

-- Default privileges of the host may have given away the sequences of the first migration.
do $$
declare
  v_role text;
begin
  foreach v_role in array array['public', 'anon', 'authenticated', 'service_role'] loop
    if v_role = 'public' or to_regrole(v_role) is not null then
      execute format('revoke all on all sequences in schema flex_sync from %s', v_role);
    end if;
  end loop;
end
$$;

-- What Flex calls somebody, wherever it showed them.
create index lines_named on flex_sync.lines (flex_resource_id) where name is not null;

-- What the outbox and the syncs alone do not tell, for flex_sync.history.
create table flex_sync.decisions (
  id bigint generated always as identity primary key,
  decided_at timestamptz not null,
  flex_element_id text not null,
  crew_call_id uuid,
  technician_id uuid,
  flex_resource_id text,
  flex_line_item_id text,
  flex_role_id text,
  decision text not null constraint "a known decision"
    check (decision in ('add', 'confirm', 'contest', 'unmapped', 'remove', 'hold', 'report', 'set_role', 'released', 'keep', 'drop', 'blocked')),
  reason text,
  brake text,
  error text,
  sync_id bigint,
  reading_at timestamptz
);
comment on table flex_sync.decisions is 'What plans decided anew about people and lines, and what blocked them; only ever appended. flex_sync.history tells it.';
comment on column flex_sync.decisions.crew_call_id is 'Null where the whole element is meant.';
comment on column flex_sync.decisions.reading_at is 'Beginning of the reading that the plan was made from. Null is a preview.';
create index decisions_by_element on flex_sync.decisions (flex_element_id, decided_at);
create index decisions_by_age on flex_sync.decisions (decided_at);

create table flex_sync.last_decisions (
  flex_element_id text primary key,
  decisions jsonb not null
);
comment on table flex_sync.last_decisions is 'What the last plan of an element decided, so that the same again is not remembered again.';

create table flex_sync.joined_requests (
  id bigint generated always as identity primary key,
  sync_id bigint not null,
  crew_call_id uuid not null,
  requested_at timestamptz not null,
  requested_by text not null
);
comment on table flex_sync.joined_requests is 'Requests that joined a sync which still waited for its reading; the first one is in flex_sync.syncs.';
create index joined_requests_by_sync on flex_sync.joined_requests (sync_id);
create index joined_requests_by_age on flex_sync.joined_requests (requested_at);

create index calls_by_element on flex_sync.calls (flex_element_id, number);

create type flex_sync.happened as (
  at timestamptz,
  technician_id uuid,
  what text,
  outcome text,
  reason text,
  who text,
  operation_id bigint,
  sync_id bigint,
  http_status int,
  detail text
);
comment on type flex_sync.happened is 'A row of flex_sync.history.';

drop function flex_sync.join_sync(bigint, boolean);
-- Each of these serves questions about its own column alone. Without "is not null" the planner takes one of them for any
-- question about a state: it expects few live rows, and walks over all that ended, while an old snapshot keeps their entries.
drop index flex_sync.outbox_in_flight, flex_sync.outbox_open_by_sync, flex_sync.outbox_open_by_crew_call, flex_sync.outbox_failed_by_crew_call;
create index outbox_by_lease on flex_sync.outbox (lease_until) where state = 'sending' and lease_until is not null;
create index outbox_open_by_sync on flex_sync.outbox (sync_id) where state in ('pending', 'sending') and sync_id is not null;
create index outbox_open_by_crew_call on flex_sync.outbox (crew_call_id, technician_id)
  where state in ('pending', 'sending', 'unknown', 'held') and crew_call_id is not null;
create index outbox_failed_by_crew_call on flex_sync.outbox (crew_call_id, technician_id)
  where state = 'failed' and superseded_at is null and crew_call_id is not null;

-- What trimming looks for.
create index ledger_by_end on flex_sync.ledger (gone_at) where gone_at is not null;
drop function flex_sync.explain(uuid);

alter table flex_sync.elements add column unmapped int not null default 0;
comment on column flex_sync.elements.unmapped is 'Desired people without a usable resource in the last plan: where the crew call stands in the list.';

alter table flex_sync.elements add column retired_at timestamptz;
comment on column flex_sync.elements.retired_at is 'Since when no crew call is known to point here.';
update flex_sync.elements
set retired_at = flex_sync.clock()
where not exists (select from flex_sync.crew_calls where crew_calls.flex_element_id = elements.flex_element_id);

-- What stands first in crew_call_status is found without reading what stands last.
create index elements_urgent on flex_sync.elements (flex_element_id) where blocked_reason is not null or doubt_reason is not null;
create index elements_retired on flex_sync.elements (flex_element_id) where retired_at is not null;
create index elements_unmapped_or_unread on flex_sync.elements (flex_element_id) where unmapped > 0 or reading_at is null;
create index flex_sync_crew_calls_without_element on :HOST_SCHEMA.flex_crew_calls (id)
where length(lower(btrim(flex_element_id::text, E' \t\r\n'))) is distinct from 36;

-- Functions and views.
--! Included pin_search_path.sql
-- pin_search_path(search_path)
--
-- Look for names here again, after a statement that ran triggers of the host's: one of them may have set search_path for
-- the whole session, which holds in the function that is running too. Nothing happens where none did.
--
-- Parameters   search_path   what the caller sees now: current_setting('search_path')
-- Writes       the setting search_path, until the session ends
create or replace function flex_sync.pin_search_path(search_path text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  if pin_search_path.search_path <> 'pg_catalog, flex_sync, pg_temp' then
    perform set_config('search_path', 'pg_catalog, flex_sync, pg_temp', false);
  end if;
end
$$;
comment on function flex_sync.pin_search_path(text) is 'Looks for names in flex_sync again, whatever a trigger of the host''s set.';
--! EndIncluded pin_search_path.sql
--! Included calls_left.sql
-- calls_left()
--
-- How many Flex calls may be made now, and when the next one frees where none is left. Exact sliding windows:
-- call numbers are gapless and rise with time, so a window's count is one subtraction.
--
-- Returns      one row: hourly, daily, monthly (left in each window), left_now (the least), frees_at (null while any is left)
-- Reads        settings, calls
create or replace function flex_sync.calls_left()
returns table (hourly bigint, daily bigint, monthly bigint, left_now bigint, frees_at timestamptz)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
begin
  return query
  with
  windows as (
    select 'hourly' as name, interval '1 hour' as length, coalesce(settings.hourly_limit, settings.monthly_limit / 50)::bigint as allowed from settings
    union all
    select 'daily', interval '24 hours', coalesce(settings.daily_limit, settings.monthly_limit / 10)::bigint from settings
    union all
    -- The longest month, docs/decisions/0015.
    select 'monthly', interval '744 hours', settings.monthly_limit::bigint from settings
  ),
  last as (
    -- Not max(): Postgres 14 would read every call for it here.
    select coalesce((select calls.number from calls order by calls.number desc limit 1), 0) as number
  ),
  -- The newest call that has left each window; calls before the oldest kept one left it long ago.
  counted as (
    select windows.name, windows.length, windows.allowed,
      last.number - coalesce(
        (select calls.number from calls where calls.made_at <= v_now - windows.length order by calls.made_at desc, calls.number desc limit 1),
        (select min(calls.number) - 1 from calls),
        0
      ) as used,
      last.number as last_number
    from windows, last
  ),
  remaining as (
    select counted.*, greatest(counted.allowed - counted.used, 0) as remaining,
      -- The call whose leaving makes room for the next one.
      case when counted.used >= counted.allowed and counted.allowed > 0 then (
        select calls.made_at + counted.length from calls where calls.number = counted.last_number - counted.allowed + 1
      ) when counted.allowed = 0 then timestamptz 'infinity' end as frees_at
    from counted
  )
  select
    max(remaining.remaining) filter (where remaining.name = 'hourly'),
    max(remaining.remaining) filter (where remaining.name = 'daily'),
    max(remaining.remaining) filter (where remaining.name = 'monthly'),
    min(remaining.remaining),
    max(remaining.frees_at)
  from remaining;
end
$$;
comment on function flex_sync.calls_left() is 'How many Flex calls may be made now, in each window, and when the next one frees where none is left.';
--! EndIncluded calls_left.sql
--! Included open_breaker.sql
-- open_breaker(reason, error, first_probe)
--
-- Stop all Flex calls of the tenant, for all drainers, until a probe succeeds.
--
-- Parameters   reason        token_refused | flex_down | rate_limited
--              error         what was seen
--              first_probe   what a 429 asked for: after how long, at least a second, Flex is asked for the first time; null is 5 s.
--                            One 429 after another waits longer, whatever it asks for
-- Writes       tenant
create or replace function flex_sync.open_breaker(reason text, error text, first_probe interval default null)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.open_breaker(text, text, interval) is 'Stops all Flex calls of the tenant, for all drainers, until a probe succeeds.';
--! EndIncluded open_breaker.sql
--! Included record_probe.sql
-- record_probe(call_number, outcome, http_status, error, retry_after)
--
-- What a probe found: a good answer closes the breaker, anything else doubles the wait, up to a minute.
--
-- Parameters   call_number   from claim_probe
--              outcome       class of the attempt: done | unauthorized | rate_limited | any other
--              http_status, error, retry_after   as seen
-- Writes       tenant, calls; NOTIFY flex_sync_work when the breaker closes
create or replace function flex_sync.record_probe(
  call_number bigint,
  outcome text,
  http_status int,
  error text,
  retry_after interval default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.record_probe(bigint, text, int, text, interval) is 'What a probe found: a good answer closes the breaker, anything else doubles the wait.';
--! EndIncluded record_probe.sql
--! Included record_person.sql
-- record_person(crew_call_id, technician_id, flex_element_id, flex_line_item_id)
--
-- Write into the host's table that a person is on a crew call with this line: an upsert, and only while the crew call
-- still points at the element. What the host's table refuses (foreign key, constraint, trigger) blocks the crew call
-- and nothing else; a row that somebody holds is tried again with the next reading.
--
-- Parameters   crew_call_id, technician_id   who
--              flex_element_id               normalised
--              flex_line_item_id             the line they are on
-- Returns      whether the row says so now
-- Reads        crew_calls
-- Writes       the host's flex_crew_assignments, crew_call_blocks, due_elements, decisions
create or replace function flex_sync.record_person(crew_call_id uuid, technician_id uuid, flex_element_id text, flex_line_item_id text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set lock_timeout = '500ms'
as $$
#variable_conflict use_column
declare
  -- The host's own type, uuid or text.
  v_line :HOST_SCHEMA.flex_crew_assignments.flex_line_item_id%type;
  v_error text;
begin
  perform from crew_calls
  where crew_calls.id = record_person.crew_call_id
    and crew_calls.flex_element_id = record_person.flex_element_id;
  if not found then
    return false;
  end if;

  begin
    v_line := record_person.flex_line_item_id;
    insert into :HOST_SCHEMA.flex_crew_assignments as row_there (crew_call_id, technician_id, flex_line_item_id)
    values (record_person.crew_call_id, record_person.technician_id, v_line)
    on conflict (crew_call_id, technician_id) do update
    set flex_line_item_id = excluded.flex_line_item_id
    where row_there.flex_line_item_id is distinct from excluded.flex_line_item_id;
    -- What the host deferred to the commit is said now, where it can be caught.
    set constraints all immediate;
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
comment on function flex_sync.record_person(uuid, uuid, text, text) is 'Upserts who is on a crew call with which line; what the host''s table refuses blocks the crew call and nothing else.';
--! EndIncluded record_person.sql
--! Included record_kept.sql
-- record_kept(flex_element_id, plan)
--
-- Bring the host's rows up to the plan: everyone kept is recorded with the line that they keep, and whoever is no longer
-- desired is not recorded with somebody else's line. Under policy report nothing is written.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
--              plan              rows of plan_element, from a reading just stored
-- Reads        recorded_crew, crew_calls, crew_call_blocks
-- Writes       the host's flex_crew_assignments, crew_call_blocks
create or replace function flex_sync.record_kept(flex_element_id text, plan flex_sync.planned[])
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
as $$
declare
  v_kept record;
begin
  if policy_of(record_kept.flex_element_id) = 'report' then
    return;
  end if;
  -- What the host's table refused is tried again here; what it refuses still blocks anew.
  delete from crew_call_blocks
  where crew_call_blocks.crew_call_id in (select crew_calls.id from crew_calls where crew_calls.flex_element_id = record_kept.flex_element_id);

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

  -- Rows of people nobody desires any more, on a line that stays for somebody else.
  delete from :HOST_SCHEMA.flex_crew_assignments
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
  -- What the host deferred to the commit is said now, where it can be caught.
  set constraints all immediate;
  perform flex_sync.pin_search_path(pg_catalog.current_setting('search_path'));
exception
  when others then
    perform note_element(record_kept.flex_element_id, 'rows of flex_crew_assignments could not be written: ' || sqlerrm, false);
end
$$;
comment on function flex_sync.record_kept(text, flex_sync.planned[]) is 'Brings the host''s rows up to the plan.';
--! EndIncluded record_kept.sql
--! Included forget_line.sql
-- forget_line(flex_element_id, flex_line_item_id)
--
-- A line is gone from Flex: no row of the host names it any more.
--
-- Parameters   flex_element_id, flex_line_item_id   normalised
-- Reads        crew_calls, ledger
-- Writes       the host's flex_crew_assignments, ledger, missing_lines, removal_decisions, crew_call_blocks, due_elements
create or replace function flex_sync.forget_line(flex_element_id text, flex_line_item_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set lock_timeout = '500ms'
as $$
declare
  v_error text;
  v_calls uuid[];
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
    delete from :HOST_SCHEMA.flex_crew_assignments
    where flex_crew_assignments.crew_call_id = any (v_calls)
      and lower(btrim(flex_crew_assignments.flex_line_item_id::text, E' \t\r\n')) = forget_line.flex_line_item_id;
    -- What the host deferred to the commit is said now, where it can be caught.
    set constraints all immediate;
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
comment on function flex_sync.forget_line(text, text) is 'A line is gone from Flex: no row of the host names it any more.';
--! EndIncluded forget_line.sql
--! Included plan_element.sql
-- plan_element(flex_element_id, allow_mass_removal, requested_at)
--
-- Say what has to change on one Flex document so that it shows exactly who its crew calls desire.
-- A pure function of desired, recorded and observed: it writes nothing. Whoever acts on it holds the element's lock.
--
-- Parameters   flex_element_id      normalised
--              allow_mass_removal   lift the counting brakes for lines in the ledger
--              requested_at         a request that has no row in syncs yet: what failed before it is tried once more
-- Returns      planned rows: one per desired person (keep, confirm, wait, contest, unmapped, add), one per role to set,
--              one per line to remove, hold or merely report; docs/planning.md walks through them
-- Errors       whatever desired_crew raises; a row level security policy that would hide rows is an error
-- Reads        crew_calls, desired_crew, recorded_crew, lines, missing_lines, ledger, elements, outbox, business_roles,
--              settings, syncs, tenant, removal_decisions
create or replace function flex_sync.plan_element(
  flex_element_id text,
  allow_mass_removal boolean default false,
  requested_at timestamptz default null
)
returns setof flex_sync.planned
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
set plan_cache_mode = force_generic_plan
as $$
begin
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
    select distinct recorded.crew_call_id, recorded.technician_id, recorded.line
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
comment on function flex_sync.plan_element(text, boolean, timestamptz) is
  'What has to change on one Flex document so that it shows exactly who its crew calls desire. Writes nothing.';
--! EndIncluded plan_element.sql
--! Included printable.sql
-- printable(value)
--
-- A text of somebody else's made fit for one line of a terminal or a log: control characters, line breaks, marks that
-- change the direction of writing and characters without a width become blanks.
--
-- Returns      text; null stays null
create or replace function flex_sync.printable(value text)
returns text
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return regexp_replace(
    printable.value,
    '[\u0001-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]+', ' ', 'g'
  );
end
$$;
comment on function flex_sync.printable(text) is 'A text of somebody else''s made fit for one line of a terminal or a log.';
--! EndIncluded printable.sql
--! Included who_acts.sql
-- who_acts()
--
-- Who is behind this session, for traces: the user that logged in, the role it took on (an API gateway takes one on for
-- each request), and the subject of the request's token where there is one. Not current_user: inside a function that
-- runs with its owner's rights, that is the owner.
--
-- Returns      text, such as "ana", "authenticator as flex_sync_operator (sub 7f…)"
create or replace function flex_sync.who_acts()
returns text
language plpgsql
stable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.who_acts() is 'Who is behind this session, for traces: user, role taken on, subject of the request''s token.';
--! EndIncluded who_acts.sql
--! Included held_plan.sql
-- held_plan(crew_call_id, flex_element_id)
--
-- The name of what is held for a crew call on an element now, as hash_of_held names a plan's.
--
-- Parameters   crew_call_id      flex_crew_calls.id
--              flex_element_id   normalised; a crew call that was pointed elsewhere may leave something held behind
-- Returns      text, null when nothing is held
-- Reads        outbox
create or replace function flex_sync.held_plan(crew_call_id uuid, flex_element_id text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return (
    select md5(string_agg(outbox.flex_line_item_id || ' ' || coalesce(outbox.flex_resource_id, ''), ',' order by outbox.flex_line_item_id))
    from outbox
    where outbox.flex_element_id = held_plan.flex_element_id
      and outbox.crew_call_id = held_plan.crew_call_id
      and outbox.kind = 'remove'
      and outbox.state = 'held'
  );
end
$$;
comment on function flex_sync.held_plan(uuid, text) is 'The name of what is held for a crew call on an element, for approve_removals and reject_removals.';
--! EndIncluded held_plan.sql
--! Included log_operator.sql
-- log_operator(action, arguments)
--
-- Leave a trace of who did what, with what and what it changed.
--
-- Parameters   action      the function's name
--              arguments   what it was called with, and under "was" and "is" what it changed
-- Writes       operator_log
create or replace function flex_sync.log_operator(action text, arguments jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  insert into operator_log (at, who, action, arguments)
  values (clock(), who_acts(), log_operator.action, log_operator.arguments);
end
$$;
comment on function flex_sync.log_operator(text, jsonb) is 'Leaves a trace of who did what, with what, and what it changed.';
--! EndIncluded log_operator.sql
--! Included next_action.sql
-- next_action(condition, reason, crew_call_id, operation_id, plan)
--
-- What a person does about a condition, ready to be pasted into psql: SQL, and what is no SQL is a comment. docs/operations.md says more about each.
--
-- Returns      text, null when there is nothing to do
create or replace function flex_sync.next_action(condition text, reason text, crew_call_id uuid, operation_id bigint, plan text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
      when 'doubtful_reading' then format('select doubt_reason, doubt_error from flex_sync.elements where crew_call_id = %L; -- goes on by itself with the next good reading', next_action.crew_call_id)
      when 'locked' then '-- unlock the crew call in Flex; it is tried again by itself'
      when 'flex_down' then '-- nothing to do: goes on by itself when Flex answers again'
      when 'rate_limited' then '-- nothing to do: goes on by itself when Flex takes calls again'
      else '-- nothing to do while a drainer runs: flex-crew-sync drain'
    end
    when 'unmapped' then v_sync || ' -- once profiles.flex_resource_id of the person is their contact id in Flex'
    when 'never_synced' then v_sync
  end;
end
$$;
comment on function flex_sync.next_action(text, text, uuid, bigint, text) is 'What a person does about a condition.';
--! EndIncluded next_action.sql
--! Included decide_removals.sql
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
-- Writes       removal_decisions, due_elements, operator_log
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
  perform note_element(v_element, 'removals were ' || decide_removals.decision, true);
  return v_number;
end
$$;
comment on function flex_sync.decide_removals(uuid, text, text) is 'A person''s yes or no to the held removals of exactly one plan.';
--! EndIncluded decide_removals.sql
--! Included retry.sql
-- retry(operation_id)
--
-- Send again what was refused: the failed operation becomes history, and a reading begun after now plans it anew.
-- Of an unknown operation only a reading is asked for; nothing is ever sent blindly. Said twice it is said once.
--
-- Parameters   operation_id   outbox.id
-- Returns      text, what happens now
-- Errors       NOOPE   no operation has this id
--              NORET   the operation is in a state that cannot be retried
-- Writes       outbox, due_elements, operator_log
create or replace function flex_sync.retry(operation_id bigint)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.retry(bigint) is 'Sends again what was refused; of an unknown operation only a reading is asked for.';
--! EndIncluded retry.sql
--! Included retry_failed.sql
-- retry_failed(crew_call_id)
--
-- retry() for everything that failed on a crew call.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      how many
-- Errors       NOCAL   no crew call has this id
-- Writes       outbox, due_elements, operator_log
create or replace function flex_sync.retry_failed(crew_call_id uuid)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.retry_failed(uuid) is 'retry() for everything that failed on a crew call.';
--! EndIncluded retry_failed.sql
--! Included adopt.sql
-- adopt(crew_call_id, flex_line_item_id)
--
-- A line that a person made in Flex for somebody desired becomes ours: it enters the ledger.
--
-- Parameters   crew_call_id        flex_crew_calls.id
--              flex_line_item_id   a line the last reading showed
-- Returns      text, whose line it is now
-- Errors       NOCAL   no crew call has this id
--              NOLIN   the line is not on the crew call, or nobody desired has its resource
-- Reads        lines, ledger, desired_of
-- Writes       ledger, due_elements, operator_log; nothing where the line is ours already
create or replace function flex_sync.adopt(crew_call_id uuid, flex_line_item_id text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.adopt(uuid, text) is 'A human-made line of somebody desired becomes ours.';
--! EndIncluded adopt.sql
--! Included set_policy.sql
-- set_policy(crew_call_id, policy)
--
-- What may be deleted on one crew call; null returns to settings.policy. A reading plans anew under it.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              policy         mirror | owned | add_only | report | null
-- Errors       NOCAL   no crew call has this id
--              NOPOL   no such policy
-- Writes       crew_call_settings, due_elements, operator_log; nothing where it is so already
create or replace function flex_sync.set_policy(crew_call_id uuid, policy text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.set_policy(uuid, text) is 'What may be deleted on one crew call; null returns to the setting.';
--! EndIncluded set_policy.sql
--! Included pause.sql
-- pause(reason)
--
-- Stop all Flex calls, of all drainers, until resume(). What is in flight ends; requests are taken and wait.
--
-- Parameters   reason   for whoever wonders
-- Errors       NOWHY   no reason was given
-- Writes       tenant, operator_log; nothing where it is paused for this reason already
create or replace function flex_sync.pause(reason text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.pause(text) is 'Stops all Flex calls, of all drainers, until resume().';
--! EndIncluded pause.sql
--! Included resume.sql
-- resume()
--
-- Go on after pause().
--
-- Writes       tenant, operator_log; NOTIFY flex_sync_work; nothing where it is not paused
create or replace function flex_sync.resume()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.resume() is 'Goes on after pause().';
--! EndIncluded resume.sql
--! Included disable_auto_sync.sql
-- disable_auto_sync()
--
-- Take the triggers of enable_auto_sync away again; without them nothing changes.
--
-- Writes       triggers on job_assignments, profiles, flex_crew_calls; operator_log
create or replace function flex_sync.disable_auto_sync()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set client_min_messages = warning
as $$
begin
  perform from pg_trigger
  where pg_trigger.tgname like 'flex\_sync\_auto\_%'
    and pg_trigger.tgrelid in (':HOST_SCHEMA.job_assignments'::regclass, ':HOST_SCHEMA.profiles'::regclass, ':HOST_SCHEMA.flex_crew_calls'::regclass);
  if not found then
    return;
  end if;
  drop trigger if exists flex_sync_auto_insert on :HOST_SCHEMA.job_assignments;
  drop trigger if exists flex_sync_auto_update on :HOST_SCHEMA.job_assignments;
  drop trigger if exists flex_sync_auto_update_from on :HOST_SCHEMA.job_assignments;
  drop trigger if exists flex_sync_auto_delete on :HOST_SCHEMA.job_assignments;
  drop trigger if exists flex_sync_auto_update on :HOST_SCHEMA.profiles;
  drop trigger if exists flex_sync_auto_insert on :HOST_SCHEMA.flex_crew_calls;
  drop trigger if exists flex_sync_auto_update on :HOST_SCHEMA.flex_crew_calls;
  perform log_operator('disable_auto_sync', '{}');
end
$$;
comment on function flex_sync.disable_auto_sync() is 'Takes the triggers of enable_auto_sync away again.';
--! EndIncluded disable_auto_sync.sql
--! Included enable_auto_sync.sql
-- enable_auto_sync()
--
-- Triggers on the host's tables that request syncs when assignments, resources or mappings change. Off until called;
-- calling it again changes nothing.
--
-- Writes       triggers on job_assignments, profiles, flex_crew_calls; operator_log
create or replace function flex_sync.enable_auto_sync()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  if (
    select count(*) from pg_trigger
    where pg_trigger.tgname like 'flex\_sync\_auto\_%'
      and pg_trigger.tgrelid in (':HOST_SCHEMA.job_assignments'::regclass, ':HOST_SCHEMA.profiles'::regclass, ':HOST_SCHEMA.flex_crew_calls'::regclass)
  ) = 7 then
    return;
  end if;
  perform disable_auto_sync();
  create trigger flex_sync_auto_insert after insert on :HOST_SCHEMA.job_assignments
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_update after update on :HOST_SCHEMA.job_assignments
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_update_from after update on :HOST_SCHEMA.job_assignments
    referencing old table as changed_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_delete after delete on :HOST_SCHEMA.job_assignments
    referencing old table as changed_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_update after update on :HOST_SCHEMA.profiles
    referencing old table as former_rows new table as changed_rows for each statement execute function flex_sync.note_changed_profiles();
  create trigger flex_sync_auto_insert after insert on :HOST_SCHEMA.flex_crew_calls
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_mapping();
  create trigger flex_sync_auto_update after update on :HOST_SCHEMA.flex_crew_calls
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_mapping();
  perform log_operator('enable_auto_sync', '{}');
end
$$;
comment on function flex_sync.enable_auto_sync() is 'Triggers that request syncs when the crew changes; off by default.';
--! EndIncluded enable_auto_sync.sql
--! Included note_decisions.sql
-- note_decisions(flex_element_id, plan, sync_id, reading_at)
--
-- Remember what a plan decided that the plan before it had not, for flex_sync.history: who is to be added, who is
-- unmapped, what is held and why. A plan that decides nothing new writes nothing; what merely stays as it is, and what
-- an operation in flight or refused already tells, is no decision.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
--              plan              rows of plan_element
--              sync_id           the sync that planned
--              reading_at        beginning of the reading that the plan was made from; null is a preview
-- Reads        last_decisions
-- Writes       decisions, last_decisions
create or replace function flex_sync.note_decisions(
  flex_element_id text,
  plan flex_sync.planned[],
  sync_id bigint,
  reading_at timestamptz
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.note_decisions(text, flex_sync.planned[], bigint, timestamptz) is 'Remembers what a plan decided that the one before had not, for the history.';
--! EndIncluded note_decisions.sql
--! Included note_block.sql
-- note_block(flex_element_id, crew_call_id, technician_id, reason, error)
--
-- Remember that nothing could be done, for flex_sync.history: an element that is blocked, a row that the host's table
-- refused. The same again within a day is not told again.
--
-- Parameters   crew_call_id, technician_id   null where the whole element is meant
--              reason, error                 as in crew_call_status
-- Writes       decisions
create or replace function flex_sync.note_block(flex_element_id text, crew_call_id uuid, technician_id uuid, reason text, error text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.note_block(text, uuid, uuid, text, text) is 'Remembers that nothing could be done, for the history.';
--! EndIncluded note_block.sql
--! Included tell_decision.sql
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
    when 'confirm' then format('A reading lacked line %s: a second reading decides', v_line)
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
--! EndIncluded tell_decision.sql
--! Included tell_call.sql
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
--! EndIncluded tell_call.sql
--! Included history.sql
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
--! EndIncluded history.sql
--! Included join_sync.sql
-- join_sync(sync_id, allow_mass_removal, crew_call_id, requested_by)
--
-- One more request for a sync that still waits: its time is raised, so that only a reading begun from now on answers it.
--
-- Parameters   sync_id              from request_sync, in this transaction
--              allow_mass_removal   as in sync_crew_call
--              crew_call_id         which crew call of the element was asked for
--              requested_by         who asks, for the history
-- Writes       syncs, joined_requests
create or replace function flex_sync.join_sync(sync_id bigint, allow_mass_removal boolean, crew_call_id uuid, requested_by text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.join_sync(bigint, boolean, uuid, text) is 'One more request for a sync that still waits for its reading.';
--! EndIncluded join_sync.sql
--! Included request_sync.sql
-- request_sync(crew_call_id, flex_element_id, requested_by, allow_mass_removal)
--
-- Find the sync that still waits for its reading, or open one. Whoever joins calls join_sync as the last step of its
-- transaction: everything that locks operations and syncs locks the operations first.
--
-- Parameters   crew_call_id, flex_element_id      normalised; the caller holds the element's lock
--              requested_by, allow_mass_removal   as in sync_crew_call
-- Returns      sync_id, and joined: whether it was there already
-- Reads        syncs, elements
-- Writes       syncs, elements; locks the pending observe, so that its reading does not begin before we commit
create or replace function flex_sync.request_sync(
  crew_call_id uuid,
  flex_element_id text,
  requested_by text,
  allow_mass_removal boolean,
  out sync_id bigint,
  out joined boolean
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
      exists (
        select from syncs as older
        where older.flex_element_id = request_sync.flex_element_id
          and older.finished_at is null
          and older.id < syncs.id
      )
      or (
        (syncs.reading_at is null or syncs.reading_at > coalesce(elements.reading_at, '-infinity'))
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
comment on function flex_sync.request_sync(uuid, text, text, boolean) is 'Finds the sync that still waits for its reading, or opens one.';
--! EndIncluded request_sync.sql
--! Included request_unasked.sql
-- request_unasked(flex_element_id)
--
-- A sync request that a trigger asked for (enable_auto_sync), made here because triggers never take the element's lock.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
-- Writes       syncs, elements
create or replace function flex_sync.request_unasked(flex_element_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.request_unasked(text) is 'A sync request that a trigger asked for.';
--! EndIncluded request_unasked.sql
--! Included sync_crew_call.sql
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
-- Writes       syncs, outbox, elements, due_elements; NOTIFY flex_sync_work
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
as $$
declare
  v_element text;
  v_found boolean;
  v_sync_id bigint;
  v_joined boolean;
  v_plan planned[];
  v_error text;
begin
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
      select sync_crew_call.crew_call_id, coalesce(sync_crew_call.requested_by, session_user::text), now_is.at, now_is.at, now_is.at, 'blocked'
      from (select clock() as at) as now_is
      returning syncs.id into v_sync_id;
    end if;
    return blocked_as_json(sync_crew_call.crew_call_id, v_element, v_sync_id);
  end if;

  if not sync_crew_call.dry_run then
    v_element := lock_element_of(sync_crew_call.crew_call_id);
    if not is_flex_id(v_element) then
      return public.sync_crew_call(sync_crew_call.crew_call_id, false, sync_crew_call.allow_mass_removal, sync_crew_call.requested_by);
    end if;
    select request.sync_id, request.joined into v_sync_id, v_joined
    from request_sync(
      sync_crew_call.crew_call_id, v_element, coalesce(sync_crew_call.requested_by, session_user::text), sync_crew_call.allow_mass_removal
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
      perform join_sync(v_sync_id, sync_crew_call.allow_mass_removal, sync_crew_call.crew_call_id, coalesce(sync_crew_call.requested_by, session_user::text));
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
--! EndIncluded sync_crew_call.sql
--! Included apply_plan.sql
-- apply_plan(flex_element_id, plan, sync_id, reading_at)
--
-- Make the open outbox rows of one element equal to its plan: what is missing is inserted, what is no longer wanted
-- and not yet sent is cancelled, what is there stays. Rows in flight are never touched.
--
-- Parameters   flex_element_id   normalised
--              plan              rows of plan_element
--              sync_id           the sync that new operations belong to (and kept ones, once a reading confirmed them)
--              reading_at        beginning of the reading that the plan was made from; null is a preview, never sent
-- Locks        the caller holds the element
-- Writes       outbox, decisions, last_decisions
create or replace function flex_sync.apply_plan(
  flex_element_id text,
  plan flex_sync.planned[],
  sync_id bigint,
  reading_at timestamptz
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
  v_plan constant flex_sync.planned[] := case
    when policy_of(apply_plan.flex_element_id) = 'report' then '{}'::flex_sync.planned[]
    else apply_plan.plan
  end;
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
    and not exists (
      select from outbox
      where outbox.flex_element_id = apply_plan.flex_element_id and outbox.kind = 'add'
        and outbox.flex_resource_id = operation.resource and outbox.state in ('pending', 'sending', 'unknown')
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
    and not exists (
      select from outbox
      where outbox.flex_element_id = apply_plan.flex_element_id and outbox.kind = operation.kind
        and outbox.state in ('pending', 'sending', 'unknown', 'held')
        and case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end = operation.subject
    )
  order by operation.crew_call_id, operation.technician_id, operation.line;

  -- What waits for an add waits for the one that is open now.
  update outbox
  set after_operation_id = first.id
  from operations_of(v_plan) as operation
  join outbox as first
    on first.flex_element_id = apply_plan.flex_element_id and first.kind = 'add'
    and first.flex_resource_id = operation.after_resource and first.state in ('pending', 'sending')
  where outbox.flex_element_id = apply_plan.flex_element_id
    and outbox.kind = operation.kind
    and outbox.kind <> 'add'
    and outbox.state in ('pending', 'held')
    and operation.subject = case when outbox.kind = 'remove' then outbox.flex_line_item_id else outbox.flex_resource_id end
    and outbox.after_operation_id is distinct from first.id;

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
comment on function flex_sync.apply_plan(text, flex_sync.planned[], bigint, timestamptz) is
  'Makes the open outbox rows of one element equal to its plan; rows in flight are never touched.';
--! EndIncluded apply_plan.sql
--! Included block_element.sql
-- block_element(flex_element_id, reason, error)
--
-- Nothing can be done on this element for now: cancel what was not sent, so that its syncs end, and say why.
-- The next sync request tries again, and so does an hourly reading.
--
-- Parameters   flex_element_id   normalised
--              reason            element_gone | access_denied | host_view
--              error             what was seen
-- Writes       elements, outbox, due_elements, decisions
create or replace function flex_sync.block_element(flex_element_id text, reason text, error text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
begin
  update outbox
  set state = 'cancelled', reason = 'blocked', finished_at = v_now
  where outbox.flex_element_id = block_element.flex_element_id
    and outbox.kind <> 'observe'
    and outbox.state = 'pending';

  update elements
  set blocked_reason = block_element.reason, blocked_error = block_element.error, blocked_at = v_now, reading_wanted_at = null
  where elements.flex_element_id = block_element.flex_element_id;
  perform note_block(block_element.flex_element_id, null, null, block_element.reason, block_element.error);
  perform note_element(block_element.flex_element_id, block_element.reason, false);
end
$$;
comment on function flex_sync.block_element(text, text, text) is 'Cancels what was not sent on an element and says why nothing can be done there for now.';
--! EndIncluded block_element.sql
--! Included claim_operations.sql
-- claim_operations(drainer, slots, deadline)
--
-- Take the operations that may be sent now, for a bounded time: due, confirmed by a fresh reading, within the budget,
-- within max_concurrency over all drainers and element_concurrency per element. Every one is counted as a Flex call and
-- committed as sending, synchronously, before the drainer may send it.
--
-- Parameters   drainer    who claims, for people
--              slots      how many it can send at once
--              deadline   after how long it gives up waiting for an answer
-- Returns      claimed operations: id, kind, token, flex_element_id, flex_resource_id, flex_line_item_id, flex_role_id, attempts,
--              lease_until, lease_ms, call_number
-- Errors       LEASE   settings.lease is not longer than the deadline plus a second
--              ISOLA   the transaction is not read committed
-- Locks        budget
-- Reads        settings, tenant, elements, element_health, crew_calls, calls_left
-- Writes       outbox, calls, syncs
create or replace function flex_sync.claim_operations(drainer text, slots int, deadline interval)
returns table (
  id bigint, kind text, token uuid, flex_element_id text, flex_resource_id text, flex_line_item_id text, flex_role_id text,
  attempts int, lease_until timestamptz, lease_ms int, call_number bigint
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
-- The queue is walked in the order of its index, however many operations wait and whatever the statistics say.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_settings settings;
  v_now timestamptz;
  v_server_started_at timestamptz;
  v_free bigint;
  v_removals_left bigint;
  v_calls_left bigint;
  v_two_needed boolean;
  v_candidate record;
  v_begins timestamptz;
  v_in_flight jsonb;
  v_busy text[] := '{}';
  v_looked_at int;
  v_before bigint;
  v_operation outbox;
  -- How many candidates are looked at before elements that can take no more are left out of the walk.
  v_stretch constant int := 64;
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
  select least(
    claim_operations.slots,
    calls_left.left_now,
    case when exists (select from tenant where tenant.careful_successes is not null) then 1 else v_settings.max_concurrency end
      - (select count(*) from outbox where outbox.state = 'sending' and outbox.lease_until > v_now - interval '15 min')
  )
  into v_free
  from calls_left();
  if v_free <= 0 then
    return;
  end if;
  v_removals_left := v_settings.removal_limit - removals_within_the_hour();
  select calls_left.left_now into v_calls_left from calls_left();
  v_two_needed := least(coalesce(v_settings.hourly_limit, v_settings.monthly_limit / 50), coalesce(v_settings.daily_limit, v_settings.monthly_limit / 10),
    v_settings.monthly_limit) >= 2;
  select coalesce(jsonb_object_agg(sending.flex_element_id, sending.number), '{}') into v_in_flight
  from (
    select outbox.flex_element_id, count(*) as number
    from outbox
    where outbox.state = 'sending'
      and outbox.lease_until > v_now - interval '15 min'
    group by outbox.flex_element_id
  ) as sending;

  loop
    v_looked_at := 0;
    v_before := v_free - cardinality(v_busy);
    for v_candidate in
      select outbox.id, outbox.kind, outbox.flex_element_id, outbox.limited, outbox.reason,
        case when element_health.careful_until > v_now then 1 else v_settings.element_concurrency end as at_once,
        elements.reading_at as read_at
      from outbox
      left join element_health on element_health.flex_element_id = outbox.flex_element_id
      left join elements on elements.flex_element_id = outbox.flex_element_id
      where outbox.state = 'pending'
        and outbox.after_operation_id is null
        and outbox.due_at <= v_now
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
      limit v_stretch
    loop
      v_looked_at := v_looked_at + 1;
      exit when v_free = 0;
      if coalesce((v_in_flight ->> v_candidate.flex_element_id)::int, 0) >= v_candidate.at_once then
        if v_candidate.flex_element_id <> all (v_busy) then
          v_busy := v_busy || v_candidate.flex_element_id;
        end if;
        continue;
      end if;
      continue when v_candidate.kind = 'remove' and v_candidate.limited and v_removals_left <= 0;
      -- A reading for the sake of a write leaves one call for the write.
      continue when v_candidate.kind = 'observe' and v_candidate.reason = 'reading_too_old' and v_two_needed and v_calls_left < 2;
      continue when v_candidate.kind = 'observe' and exists (
        select from outbox
        where outbox.flex_element_id = v_candidate.flex_element_id and outbox.kind = 'observe' and outbox.state = 'sending'
      );
      -- Whoever plans on this row right now decides first; it is due again in a moment.
      select outbox.* into v_operation
      from outbox
      where outbox.id = v_candidate.id
        and outbox.state = 'pending'
      for update skip locked;
      if not found then
        v_busy := v_busy || v_candidate.flex_element_id;
        continue;
      end if;
      -- The crew call may have been pointed at another element since.
      if v_operation.kind in ('add', 'set_role') and not exists (
        select from crew_calls
        where crew_calls.id = v_operation.crew_call_id and crew_calls.flex_element_id = v_operation.flex_element_id
      ) then
        perform note_element(v_operation.flex_element_id, 'a crew call points elsewhere', true);
        update outbox set state = 'cancelled', reason = 'points_elsewhere', finished_at = v_now where outbox.id = v_operation.id;
        continue;
      end if;

      -- A reading never begins before the one that is stored, whatever the clock did: it would be taken for an old one.
      v_begins := case when v_operation.kind = 'observe' then greatest(v_now, v_candidate.read_at + interval '1 us') else v_now end;
      v_operation.attempts := v_operation.attempts + 1;
      claim_operations.call_number := count_call(v_operation.kind, claim_operations.drainer, v_now + claim_operations.deadline, v_operation);
      update outbox
      set
        state = 'sending',
        attempts = v_operation.attempts,
        token = gen_random_uuid(),
        sent_at = v_begins,
        lease_until = v_now + v_settings.lease,
        deadline = v_now + claim_operations.deadline,
        call_number = claim_operations.call_number,
        http_status = null,
        error = null
      where outbox.id = v_operation.id
      returning outbox.* into v_operation;
      if v_operation.kind = 'observe' then
        -- From here on the waiting sync's reading has begun: later requests need another one.
        update syncs
        set reading_at = v_begins
        where syncs.flex_element_id = v_operation.flex_element_id
          and syncs.finished_at is null
          and syncs.reading_at is null;
      end if;

      v_free := v_free - 1;
      v_calls_left := v_calls_left - 1;
      v_removals_left := v_removals_left - (v_operation.kind = 'remove')::int;
      v_in_flight := v_in_flight || jsonb_build_object(v_operation.flex_element_id, coalesce((v_in_flight ->> v_operation.flex_element_id)::int, 0) + 1);
      claim_operations.id := v_operation.id;
      claim_operations.kind := v_operation.kind;
      claim_operations.token := v_operation.token;
      claim_operations.flex_element_id := v_operation.flex_element_id;
      claim_operations.flex_resource_id := v_operation.flex_resource_id;
      claim_operations.flex_line_item_id := v_operation.flex_line_item_id;
      claim_operations.flex_role_id := v_operation.flex_role_id;
      claim_operations.attempts := v_operation.attempts;
      claim_operations.lease_until := v_operation.lease_until;
      claim_operations.lease_ms := (extract(epoch from v_settings.lease) * 1000)::int;
      return next;
    end loop;
    -- On with the next stretch, while walking on can find anything else.
    exit when v_free = 0 or v_looked_at < v_stretch or v_before = v_free - cardinality(v_busy);
  end loop;
end
$$;
comment on function flex_sync.claim_operations(text, int, interval) is
  'Takes the operations that may be sent now, for a bounded time; each is counted as a Flex call and committed before it is sent.';
--! EndIncluded claim_operations.sql
--! Included record_failure.sql
-- record_failure(operation_id, token, outcome, http_status, error, retry_after)
--
-- What became of an attempt that was not plainly done, by the class the caller saw:
--
--   not_sent          certainly not executed: due again after a backoff
--   refused           Flex said no: failed, until a new sync request (a refused removal is checked by a reading;
--                     a refused reading is simply read again)
--   refused_for_now   409, 423: due again after a backoff, the element one call at a time for a minute
--   rate_limited      429: the whole tenant waits; no attempt is used up
--   denied            401 although the token works: only this element is blocked
--   token_refused     401 and the token does not work: the breaker opens
--   unknown           nobody knows whether Flex did it: only a reading decides (a reading is simply read again)
--   doubtful          a reading that cannot be trusted: nothing is written on this element until a good one
--   lease_over        the drainer noticed in time that its claim ended: not sent, due again at once
--   no_budget         a further call was needed and the budget had none left: due again at once, reason quota
--
-- Parameters   operation_id, token   from claim_operations
--              outcome               one of the above
--              http_status, error    as seen
--              retry_after           what a 429 asked for
-- Returns      recorded | fenced
-- Errors       CLASS   no such outcome
-- Writes       outbox, calls, elements, element_health, tenant, syncs, due_elements
create or replace function flex_sync.record_failure(
  operation_id bigint,
  token uuid,
  outcome text,
  http_status int,
  error text,
  retry_after interval default null
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.record_failure(bigint, uuid, text, int, text, interval) is
  'What became of an attempt that was not plainly done, by the class of outcome that the caller saw.';
--! EndIncluded record_failure.sql
--! Included next_reading.sql
-- next_reading(flex_element_id)
--
-- When an element has to be read again, and what for: the most pressing of everything that waits for a reading.
--
-- Parameters   flex_element_id   normalised
-- Returns      one row, or none when nothing waits: due_at, reason, sync_id (of the sync it keeps open), priority
--              reason: requested | confirming | unknown | late_check | asked | reading_too_old | blocked | background
-- Reads        elements, element_health, syncs, outbox, calls, missing_lines, settings, crew_call_settings, crew_calls, crew_call_blocks, ledger
create or replace function flex_sync.next_reading(flex_element_id text)
returns table (due_at timestamptz, reason text, sync_id bigint, priority smallint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now constant timestamptz := clock();
  v_settings settings;
  v_element elements;
  v_read_at timestamptz;
begin
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
      and calls.outcome = 'unknown'
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
    select greatest(v_element.reading_at, v_element.doubt_at) + min(coalesce(crew_call_settings.resync_interval, v_settings.resync_interval)), 'background', null, 1
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
comment on function flex_sync.next_reading(text) is 'When an element has to be read again, and what for; no row when nothing waits for a reading.';
--! EndIncluded next_reading.sql
--! Included forget_elements.sql
-- forget_elements(before, batch)
--
-- Forget elements that no crew call points at, where nothing of ours is left and nothing happened since a time: the
-- element, its lines, and what people set or decided for crew calls that are gone with it.
--
-- Parameters   before   nothing younger is forgotten
--              batch    how many elements at most
-- Returns      how many elements
-- Locks        element (tried, never waited for)
-- Reads        crew_calls, ledger, outbox, syncs, due_elements
-- Writes       elements, element_health, lines, missing_lines, removal_decisions, last_decisions, crew_call_settings,
--              crew_call_blocks
create or replace function flex_sync.forget_elements(before timestamptz, batch int)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.forget_elements(timestamptz, int) is 'Forgets elements that no crew call points at, where nothing of ours is left and nothing happened since.';
--! EndIncluded forget_elements.sql
--! Included take_over_expired.sql
-- take_over_expired()
--
-- Operations whose claim ran out: their drainer died, sleeps or lost the database. A reading is begun again; of a write
-- nobody knows whether Flex did it.
--
-- Returns      how many
-- Reads        tenant
-- Writes       outbox, calls, due_elements
create or replace function flex_sync.take_over_expired()
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.take_over_expired() is 'Takes over operations whose claim ran out; of a write nobody knows whether Flex did it.';
--! EndIncluded take_over_expired.sql
--! Included removals_within_the_hour.sql
-- removals_within_the_hour()
--
-- How many lines the whole tenant lost to us within the last hour, those in flight included: what removal_limit limits.
--
-- Returns      bigint
-- Reads        outbox
create or replace function flex_sync.removals_within_the_hour()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.removals_within_the_hour() is 'Lines removed in the whole tenant within the last hour, those in flight included.';
--! EndIncluded removals_within_the_hour.sql
--! Included next_work_at.sql
-- next_work_at()
--
-- When a drainer has to look again although nothing notifies it: an operation falls due, a lease runs out, a probe may be
-- made, a call frees, a background reading begins.
--
-- Returns      timestamptz on the clock of clock(), null when nothing is waiting for time to pass
-- Reads        outbox, elements, element_health, tenant, calls_left, two_calls_free_at, settings, crew_call_settings
create or replace function flex_sync.next_work_at()
returns timestamptz
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
-- The queue is walked in the order of its index, as in claim_operations.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
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
    return least(v_other, v_tenant.probe_at);
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
comment on function flex_sync.next_work_at() is 'When a drainer has to look again although nothing notifies it; null when nothing waits for time to pass.';
--! EndIncluded next_work_at.sql
--! Included trim_history.sql
-- trim_history()
--
-- Forget what is older than settings.retention, in small batches, at most every ten minutes. Calls are kept for a month
-- at least: the budget counts them. Rows that still matter (open, failed and not superseded, a crew call's last sync,
-- the last call, whose number the next one follows) are kept.
--
-- Returns      how many rows
-- Locks        the tenant's row (tried, never waited for)
-- Writes       outbox, syncs, calls, readings, lines, ledger, removal_decisions, decisions, joined_requests, operator_log,
--              tenant, and what forget_elements writes
create or replace function flex_sync.trim_history()
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.trim_history() is 'Forgets what is older than settings.retention, in small batches.';
--! EndIncluded trim_history.sql
--! Included record_add.sql
-- record_add(operation_id, token, flex_line_item_id, also_added, http_status)
--
-- Flex answered an add with the id of the new line: in one transaction the operation is done, the line enters the
-- ledger, everyone desired with the resource is recorded with it, and what waited for it may go.
-- A drainer whose claim was taken over changes none of that, but the line it reports enters the ledger all the same.
--
-- Parameters   operation_id, token   from claim_operations
--              flex_line_item_id     the new line
--              also_added            further lines that Flex made of its own accord
--              http_status           as answered
-- Returns      recorded | unknown (the line was there before the send) | fenced
-- Reads        calls, lines
-- Writes       outbox, ledger, lines, calls, the host's flex_crew_assignments, syncs, due_elements
create or replace function flex_sync.record_add(
  operation_id bigint,
  token uuid,
  flex_line_item_id text,
  also_added text[] default '{}',
  http_status int default 200
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.record_add(bigint, uuid, text, text[], int) is
  'Flex answered an add with the new line: operation, ledger and the host''s rows say so in one transaction.';
--! EndIncluded record_add.sql
--! Included settle_unknown.sql
-- settle_unknown(flex_element_id, began_at)
--
-- Let a reading decide what became of unanswered writes, still wanted or not, by the element, resource and line they
-- were sent with. What is found is done. What is not found stays unknown until a reading begun after its deadline plus
-- late_landing: only that proves that it did not land. One more reading later checks that nothing landed after all.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
--              began_at          beginning of the reading just stored
-- Reads        calls, lines, ledger, settings
-- Writes       outbox, calls, ledger, lines, the host's flex_crew_assignments
create or replace function flex_sync.settle_unknown(flex_element_id text, began_at timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
      and calls.outcome = 'unknown'
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
    and calls.outcome = 'unknown'
    and calls.late_checked_at is null
    and calls.absent_at + v_settings.late_landing <= settle_unknown.began_at;
end
$$;
comment on function flex_sync.settle_unknown(text, timestamptz) is 'Lets a reading decide what became of unanswered writes.';
--! EndIncluded settle_unknown.sql
--! Included name_of.sql
-- name_of(technician_id)
--
-- How people call somebody: by the name that the host's profiles have, whatever their columns are called (full_name,
-- first_name and last_name, display_name, name), and the id. The id alone where there is no such column, or it cannot be read.
--
-- Parameters   technician_id   profiles.id
-- Reads        the host's profiles
create or replace function flex_sync.name_of(technician_id uuid)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_columns text[];
  v_expression text;
  v_name text;
begin
  select array_agg(pg_attribute.attname::text) into v_columns
  from pg_attribute
  where pg_attribute.attrelid = ':HOST_SCHEMA.profiles'::regclass
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
    execute format('select left(btrim(%s), 80) from :HOST_SCHEMA.profiles where profiles.id = $1', v_expression)
    into v_name
    using name_of.technician_id;
  end if;
  return coalesce(nullif(v_name, '') || ' ', '') || coalesce(name_of.technician_id::text, 'somebody');
exception
  when others then
    return name_of.technician_id::text;
end
$$;
comment on function flex_sync.name_of(uuid) is 'How people call somebody: the name that the host''s profiles have, and the id.';
--! EndIncluded name_of.sql
--! Included ago.sql
-- ago(at)
--
-- How long ago a time was, as people say it: 12 s, 4 min, 3 h, 2 days.
--
-- Parameters   at   null answers null
create or replace function flex_sync.ago(at timestamptz)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_seconds constant numeric := greatest(0, floor(extract(epoch from clock() - ago.at)));
begin
  return case
    when v_seconds < 120 then format('%s s', v_seconds)
    when v_seconds < 7200 then format('%s min', floor(v_seconds / 60))
    when v_seconds < 172800 then format('%s h', floor(v_seconds / 3600))
    else format('%s days', floor(v_seconds / 86400))
  end;
end
$$;
comment on function flex_sync.ago(timestamptz) is 'How long ago a time was, as people say it.';
--! EndIncluded ago.sql
--! Included what_stands_in_the_way.sql
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
      else format('blocked since %s ago: %s', ago(v_element.blocked_at), coalesce(v_element.blocked_error, what_stands_in_the_way.reason))
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
--! EndIncluded what_stands_in_the_way.sql
--! Included tell_planned.sql
-- tell_planned(planned)
--
-- One row of a plan as a line, for flex_sync.explain: what happens, to whom, and why.
--
-- Reads        lines, name_of
create or replace function flex_sync.tell_planned(planned flex_sync.planned)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
    when 'confirm' then format('confirm   %s: the last reading lacks their line %s, a second one decides', v_who, v_planned.flex_line_item_id)
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
comment on function flex_sync.tell_planned(flex_sync.planned) is 'One row of a plan as a line.';
--! EndIncluded tell_planned.sql
--! Included explain.sql
-- explain(crew_call_id, allow_mass_removal)
--
-- The plan of a crew call in words: what stands in its way now, from which reading and how old, who is held, added, removed,
-- kept and why, and what to do next. flex-crew-sync sync --dry-run says the same.
--
-- Parameters   crew_call_id         flex_crew_calls.id
--              allow_mass_removal   the plan of a request that lifts the counting brakes for our own lines
-- Returns      text, several lines
-- Errors       NOCAL   no crew call has this id
-- Reads        plan_element, crew_call_status, elements
create or replace function flex_sync.explain(crew_call_id uuid, allow_mass_removal boolean default false)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
    format('Crew call %s (%s): %s%s', explain.crew_call_id, coalesce(printable(v_status.department), 'retired'), v_status.condition, coalesce(', ' || v_status.reason, '')),
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
comment on function flex_sync.explain(uuid, boolean) is 'The plan of a crew call in words.';
--! EndIncluded explain.sql

--! Included flex_id.sql
-- flex_id(value)
--
-- A Flex id as it is compared, locked and sent: trimmed, lower-case, null when blank.
--
-- One expression in plain SQL, which Postgres puts in place of each call; a set search_path would forbid that, so that
-- every name in it says its schema. So do is_flex_id and tier_of.
create or replace function flex_sync.flex_id(value text)
returns text
language sql
immutable
parallel safe
as $$
  select case
    when pg_catalog.btrim(value, E' \t\r\n') operator(pg_catalog.<>) '' then pg_catalog.lower(pg_catalog.btrim(value, E' \t\r\n'))
  end
$$;
comment on function flex_sync.flex_id(text) is 'A Flex id as it is compared, locked and sent: trimmed, lower-case, null when blank.';
--! EndIncluded flex_id.sql
--! Included is_flex_id.sql
-- is_flex_id(value)
--
-- Whether a resource or element id may be sent to Flex: it is UUID-shaped (any version) once trimmed.
-- Put in place of each call, as flex_id.
--
-- Parameters   value   any text
-- Returns      boolean, false for null
create or replace function flex_sync.is_flex_id(value text)
returns boolean
language sql
immutable
parallel safe
as $$
  select coalesce(
    pg_catalog.lower(pg_catalog.btrim(value, E' \t\r\n'))
      operator(pg_catalog.~) '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
    false
  )
$$;
comment on function flex_sync.is_flex_id(text) is 'Whether an id is UUID-shaped once trimmed; anything else is never sent to Flex.';
--! EndIncluded is_flex_id.sql
--! Included tier_of.sql
-- tier_of(role_code)
--
-- The tier of a role code: its last part after a '-', upper-case. SND-FOH-R is R, SND-RF-E is E, FOH has none.
-- Put in place of each call, as flex_id.
--
-- Parameters   role_code   as the host stores it
-- Returns      text, or null when the code has no '-' or ends with one
create or replace function flex_sync.tier_of(role_code text)
returns text
language sql
immutable
parallel safe
as $$
  select pg_catalog.upper(pg_catalog.btrim(pg_catalog.substring(role_code, '-([^-]+)$')))
$$;
comment on function flex_sync.tier_of(text) is 'The tier of a role code: the last part after a ''-'', upper-case; null when there is none.';
--! EndIncluded tier_of.sql
--! Included desired_of.sql
-- desired_of(crew_call_id)
--
-- Who one crew call should show, one row per person, with ids that can be compared: desired_crew as everything else reads it.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      technician_id, resource (normalised; null where there is none that may be sent), problem (no_resource |
--              malformed_id), role_code, role_id (from business_roles; null when the code has no tier or no row)
-- Errors       whatever the host's view raises; a row level security policy that would hide rows is an error
-- Reads        desired_crew, crew_calls, business_roles
create or replace function flex_sync.desired_of(crew_call_id uuid)
returns table (technician_id uuid, resource text, problem text, role_code text, role_id text)
language plpgsql
volatile
rows 40
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
set plan_cache_mode = force_generic_plan
as $$
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
    people.well_formed desc, tiers.flex_role_id is null, people.role_code;
end
$$;
comment on function flex_sync.desired_of(uuid) is 'Who one crew call should show, one row per person, with ids that can be compared.';
--! EndIncluded desired_of.sql
--! Included know_element.sql
-- know_element(flex_element_id)
--
-- Make sure an element has its row, and remember which crew call points at it: the memory that outlives the crew call.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
-- Reads        crew_calls, ledger
-- Writes       elements
create or replace function flex_sync.know_element(flex_element_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.know_element(text) is 'Makes sure an element has its row and remembers the crew call that points at it.';
--! EndIncluded know_element.sql
--! Included why_pending.sql
-- why_pending(flex_element_id, limited)
--
-- What an operation that is pending waits for.
--
-- Parameters   flex_element_id   normalised
--              limited           whether removal_limit applies to it
-- Returns      token_refused | flex_down | rate_limited | quota | doubtful_reading | locked | backing_off | removal_limit | requested | queued
-- Reads        tenant, elements, element_health, syncs, outbox, calls_left, two_calls_free_at
create or replace function flex_sync.why_pending(flex_element_id text, limited boolean)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.why_pending(text, boolean) is 'What an operation that is pending waits for.';
--! EndIncluded why_pending.sql
--! Included views/metrics.sql
-- metrics: one row per name; the audit's four targets over the last 24 hours, then what an operator watches.
create or replace view flex_sync.metrics as
with recent as (
  select syncs.outcome, extract(epoch from syncs.duration)::numeric as seconds
  from flex_sync.syncs
  where syncs.finished_at > (select flex_sync.clock()) - interval '24 hours'
)
select 'duplicate_assignments' as name, (select count(*) from flex_sync.duplicate_assignments)::numeric as value, 'rows too many in flex_crew_assignments' as meaning
union all
select 'missing_crew', (
  select count(*) from flex_sync.outbox
  where outbox.kind = 'add' and (outbox.state in ('pending', 'sending', 'unknown') or (outbox.state = 'failed' and outbox.superseded_at is null))
) + (select coalesce(sum(elements.unmapped), 0) from flex_sync.elements where elements.unmapped > 0), 'people desired who are not known to be in Flex'
union all
select 'sync_failure_rate', (select round(avg((recent.outcome in ('failed', 'blocked'))::int), 4) from recent), 'share of the syncs of the last 24 h that ended failed or blocked'
union all
select 'sync_duration_mean', (select round(avg(recent.seconds), 3) from recent), 'seconds from the first request to the end, last 24 h'
union all
select 'sync_duration_p95', (select round((percentile_cont(0.95) within group (order by recent.seconds))::numeric, 3) from recent), 'seconds, last 24 h'
union all
select 'syncs', (select count(*) from recent), 'syncs that ended within 24 h'
union all
select 'queue_depth', (select count(*) from flex_sync.outbox where outbox.state in ('pending', 'sending') and outbox.priority = 0), 'operations pending or in flight, background readings left out'
union all
select 'oldest_unknown_seconds', (
  select coalesce(round(extract(epoch from flex_sync.clock() - min(outbox.unknown_at))::numeric, 3), 0) from flex_sync.outbox where outbox.state = 'unknown'
), 'age of the oldest write that nobody knows the outcome of'
union all
select 'unknown', (select count(*) from flex_sync.outbox where outbox.state = 'unknown'), 'writes that nobody knows the outcome of'
union all
select 'held', (select count(*) from flex_sync.outbox where outbox.state = 'held'), 'removals that wait for a person''s yes'
union all
select 'failed', (select count(*) from flex_sync.outbox where outbox.state = 'failed' and outbox.superseded_at is null), 'operations that were refused or given up'
union all
select 'budget_left_hour', (select calls_left.hourly from flex_sync.calls_left()), 'Flex calls left in the sliding hour'
union all
select 'budget_left_day', (select calls_left.daily from flex_sync.calls_left()), 'Flex calls left in the sliding day'
union all
select 'budget_left_month', (select calls_left.monthly from flex_sync.calls_left()), 'Flex calls left in the sliding month'
union all
select 'breaker_open', (select (tenant.breaker_opened_at is not null)::int from flex_sync.tenant), '1 while no Flex call is made'
union all
select 'paused', (select (tenant.paused_at is not null)::int from flex_sync.tenant), '1 while an operator paused everything';
comment on view flex_sync.metrics is 'One row per name: the audit''s targets over the last 24 hours, queue, budget and breaker.';
--! EndIncluded views/metrics.sql
--! Included two_calls_free_at.sql
-- two_calls_free_at()
--
-- When two Flex calls are left in every window: what a reading that only serves to send a write waits for. With one call
-- left it would use up the call that the write needs, and be too old when the next one frees.
--
-- Returns      timestamptz, null when two are left now, or where a limit never allows two
-- Reads        settings, calls
create or replace function flex_sync.two_calls_free_at()
returns timestamptz
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.two_calls_free_at() is 'When two Flex calls are left in every window; null when they are, or never can be.';
--! EndIncluded two_calls_free_at.sql
--! Included open_condition.sql
-- open_condition(crew_call_id, flex_element_id, retired)
--
-- What is open or in the way on one crew call, from what is stored: everything that is more urgent than comparing who is
-- desired with who is there. The order is the one of docs/reasons.md.
--
-- Parameters   crew_call_id      flex_crew_calls.id, or the last one that pointed at a retired element
--              flex_element_id   normalised; null where the crew call has none
--              retired           whether no crew call points at the element any more
-- Returns      condition and reason, null when nothing is open; and what it counted: pending, unknown, held, failed,
--              failed_operation_id, plan (hash of what is held), observed_at, last_sync_at, last_requested_at
-- Reads        tenant, elements, crew_call_blocks, outbox, syncs, calls, missing_lines, recorded_crew, ledger
create or replace function flex_sync.open_condition(
  crew_call_id uuid,
  flex_element_id text,
  retired boolean,
  out condition text,
  out reason text,
  out pending bigint,
  out unknown bigint,
  out held bigint,
  out failed bigint,
  out failed_operation_id bigint,
  out plan text,
  out observed_at timestamptz,
  out last_sync_at timestamptz,
  out last_requested_at timestamptz
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
    bool_or(outbox.limited) filter (where outbox.state in ('pending', 'sending') and outbox.kind = 'remove') as limited,
    md5(string_agg(outbox.flex_line_item_id || ' ' || coalesce(outbox.flex_resource_id, ''), ',' order by outbox.flex_line_item_id)
      filter (where outbox.state = 'held')) as plan
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
  open_condition.unknown := v_operations.unknown;
  open_condition.held := v_operations.held;
  open_condition.failed := v_operations.failed;
  open_condition.failed_operation_id := v_operations.failed_operation_id;
  open_condition.plan := v_operations.plan;

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
      and calls.outcome = 'unknown'
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
    open_condition.reason := why_pending(open_condition.flex_element_id, coalesce(v_operations.limited, false));
  elsif open_condition.retired and exists (
    select from ledger where ledger.flex_element_id = open_condition.flex_element_id and ledger.gone_at is null
  ) then
    open_condition.condition := 'pending';
    open_condition.reason := 'retired';
  end if;
end
$$;
comment on function flex_sync.open_condition(uuid, text, boolean) is 'What is open or in the way on one crew call, from what is stored.';
--! EndIncluded open_condition.sql
--! Included state_of_crew_call.sql
-- state_of_crew_call(crew_call_id, flex_element_id, retired)
--
-- How one crew call stands: what crew_call_status shows of it.
--
-- Parameters   as open_condition
-- Returns      one row: condition, reason, desired, recorded, observed, pending, unknown, held, failed, plan, observed_at,
--              last_sync_at, next_action
-- Reads        open_condition, desired_or_nobody, recorded_crew, lines, ledger, outbox, crew_calls, removal_decisions
create or replace function flex_sync.state_of_crew_call(
  crew_call_id uuid,
  flex_element_id text,
  retired boolean,
  out condition text,
  out reason text,
  out desired bigint,
  out recorded bigint,
  out observed bigint,
  out pending bigint,
  out unknown bigint,
  out held bigint,
  out failed bigint,
  out plan text,
  out observed_at timestamptz,
  out last_sync_at timestamptz,
  out next_action text
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  v_open record;
  v_differs bigint := 0;
  v_unmapped text;
  v_policy text;
begin
  select open_condition.* into v_open
  from open_condition(state_of_crew_call.crew_call_id, state_of_crew_call.flex_element_id, state_of_crew_call.retired);
  state_of_crew_call.condition := v_open.condition;
  state_of_crew_call.reason := v_open.reason;
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
        desired.technician_id is not null as is_desired,
        recorded.technician_id is not null as is_recorded,
        desired.problem,
        case
          when desired.problem is not null then false
          when desired.technician_id is null then not (
            v_policy = 'add_only'
            or (v_policy = 'owned' and not exists (select from ledger where ledger.flex_line_item_id = recorded.line))
            or exists (
              select from removal_decisions
              where removal_decisions.flex_line_item_id = recorded.line and removal_decisions.decision = 'rejected'
            )
          )
          when recorded.technician_id is null or shown.line is null then true
          when v_policy <> 'report' and desired.role_id is not null and case
              when shown.shows_role and shown.flex_role_id is not null then lower(btrim(shown.flex_role_id)) <> lower(btrim(desired.role_id))
              else shown.written_role_id is distinct from desired.role_id
            end
            then not exists (
              -- Another crew call of the element says another role: the lowest id decides.
              select from crew_calls as sharing
              cross join lateral desired_or_nobody(sharing.id) as other
              where sharing.flex_element_id = state_of_crew_call.flex_element_id
                and sharing.id <> state_of_crew_call.crew_call_id
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
      min(persons.problem)
    into state_of_crew_call.desired, state_of_crew_call.recorded, v_differs, v_unmapped
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
    state_of_crew_call.condition, state_of_crew_call.reason, state_of_crew_call.crew_call_id, v_open.failed_operation_id, v_open.plan
  );
end
$$;
comment on function flex_sync.state_of_crew_call(uuid, text, boolean) is 'How one crew call stands: what crew_call_status shows of it.';
--! EndIncluded state_of_crew_call.sql
--! Included views/urgent_elements.sql
-- urgent_elements: elements that are blocked, doubted, or have an operation open or failed: what stands first in crew_call_status.
-- Found through partial indexes only, so that it costs as much as there is to do, however long the list is.
create or replace view flex_sync.urgent_elements as
select outbox.flex_element_id
from flex_sync.outbox
where outbox.state in ('pending', 'sending', 'unknown', 'held')
union all
select outbox.flex_element_id
from flex_sync.outbox
where outbox.state = 'failed'
  and outbox.superseded_at is null
union all
select elements.flex_element_id
from flex_sync.elements
where elements.blocked_reason is not null
  or elements.doubt_reason is not null
union all
select crew_calls.flex_element_id
from flex_sync.crew_call_blocks
join flex_sync.crew_calls on crew_calls.id = crew_call_blocks.crew_call_id;
comment on view flex_sync.urgent_elements is 'Elements with something open, failed, blocked or doubted; one may come more than once.';
--! EndIncluded views/urgent_elements.sql
--! Included views/crew_status.sql
-- crew_status: why is this one person not in sync? One row per person and crew call; one per line nobody is known for.
create or replace view flex_sync.crew_status as
select
  person.crew_call_id,
  person.technician_id,
  coalesce(person.resource, operation.flex_resource_id, known.flex_resource_id) as flex_resource_id,
  person.desired,
  recorded.flex_line_item_id,
  coalesce(observed.flex_line_item_id, stray.flex_line_item_id) as observed_line_item_id,
  person.role_code,
  coalesce(observed.flex_role_id, observed.written_role_id) as observed_role,
  operation.id as operation_id,
  verdict.condition,
  verdict.reason,
  case verdict.condition
    when 'paused' then tenant.paused_at
    when 'blocked' then coalesce(elements.blocked_at, crew_call_blocks.since, tenant.breaker_opened_at)
    when 'failed' then operation.finished_at
    when 'unknown' then coalesce(operation.unknown_at, late.absent_at)
    when 'held' then operation.created_at
    when 'pending' then coalesce(missing.missing_since, operation.created_at, waiting.requested_at)
    when 'synced' then greatest(observed.first_seen_at, observed.added_at)
  end as since,
  flex_sync.next_action(verdict.condition, verdict.reason, person.crew_call_id, operation.id, null) as next_action
from (
  select found.crew_call_id, found.technician_id, found.line, bool_or(found.desired) as desired,
    max(found.resource) as resource, max(found.problem) as problem, max(found.role_code) as role_code, max(found.role_id) as role_id
  from (
    select crew_calls.id as crew_call_id, desired.technician_id, null::text as line, true as desired,
      desired.resource, desired.problem, desired.role_code, desired.role_id
    from flex_sync.crew_calls
    cross join lateral flex_sync.desired_or_nobody(crew_calls.id) as desired
    union all
    select recorded_crew.crew_call_id, recorded_crew.technician_id, null, false, null, null, null, null from flex_sync.recorded_crew
    union all
    select outbox.crew_call_id, outbox.technician_id, case when outbox.technician_id is null then outbox.flex_line_item_id end, false, null, null, null, null
    from flex_sync.outbox
    where outbox.state in ('pending', 'sending', 'unknown', 'held')
      and outbox.kind <> 'observe'
      and outbox.crew_call_id is not null
    union all
    select outbox.crew_call_id, outbox.technician_id, case when outbox.technician_id is null then outbox.flex_line_item_id end, false, null, null, null, null
    from flex_sync.outbox
    where outbox.state = 'failed'
      and outbox.superseded_at is null
      and outbox.kind <> 'observe'
      and outbox.crew_call_id is not null
    union all
    select crew_calls.id, null, nobodys_lines.flex_line_item_id, false, null, null, null, null
    from flex_sync.crew_calls
    cross join lateral flex_sync.nobodys_lines(crew_calls.id) as nobodys_lines
  ) as found
  group by found.crew_call_id, found.technician_id, found.line
) as person
cross join flex_sync.tenant
left join flex_sync.crew_calls on crew_calls.id = person.crew_call_id
left join flex_sync.elements on elements.flex_element_id = crew_calls.flex_element_id
left join flex_sync.crew_call_blocks on crew_call_blocks.crew_call_id = person.crew_call_id
left join flex_sync.recorded_crew as recorded
  on recorded.crew_call_id = person.crew_call_id and recorded.technician_id = person.technician_id
left join lateral (
  select lines.* from flex_sync.lines
  where lines.flex_element_id = crew_calls.flex_element_id
    and lines.present
    and lines.flex_resource_id = person.resource
  order by lines.flex_line_item_id = recorded.flex_line_item_id desc nulls last, lines.first_seen_at, lines.flex_line_item_id
  limit 1
) as observed on true
left join flex_sync.lines as stray
  on stray.flex_element_id = crew_calls.flex_element_id
  and stray.flex_line_item_id = coalesce(person.line, recorded.flex_line_item_id)
  and stray.present
left join flex_sync.lines as known
  on known.flex_element_id = crew_calls.flex_element_id
  and known.flex_line_item_id = coalesce(person.line, recorded.flex_line_item_id)
left join lateral (
  select outbox.*
  from flex_sync.outbox
  where (outbox.state in ('pending', 'sending', 'unknown', 'held') or (outbox.state = 'failed' and outbox.superseded_at is null))
    and outbox.kind <> 'observe'
    and (
      (outbox.crew_call_id = person.crew_call_id and outbox.technician_id = person.technician_id)
      or (outbox.flex_element_id = crew_calls.flex_element_id and outbox.flex_resource_id = person.resource)
      or (outbox.crew_call_id = person.crew_call_id and outbox.technician_id is null and outbox.flex_line_item_id = person.line)
    )
  order by array_position(array['failed', 'held', 'unknown', 'sending', 'pending'], outbox.state), outbox.id
  limit 1
) as operation on true
left join lateral (
  select calls.absent_at from flex_sync.calls
  where calls.flex_element_id = crew_calls.flex_element_id
    and calls.outcome = 'unknown'
    and calls.absent_at is not null
    and calls.late_checked_at is null
    and calls.flex_resource_id = person.resource
  limit 1
) as late on true
left join lateral (
  select missing_lines.missing_since from flex_sync.missing_lines
  where missing_lines.flex_element_id = crew_calls.flex_element_id
    and missing_lines.flex_line_item_id = recorded.flex_line_item_id
  limit 1
) as missing on true
left join lateral (
  select syncs.requested_at from flex_sync.syncs
  where syncs.flex_element_id = crew_calls.flex_element_id
    and syncs.finished_at is null
  order by syncs.id desc
  limit 1
) as waiting on true
cross join lateral (select flex_sync.policy_of(crew_calls.flex_element_id) as policy) as rule
cross join lateral (
  -- The most urgent that holds, in the order of docs/reasons.md.
  select judged.pair[1] as condition, judged.pair[2] as reason
  from (select case
    when tenant.paused_at is not null then array['paused', 'paused']
    when crew_calls.id is not null and nullif(crew_calls.flex_element_id, '') is null then array['blocked', 'no_element']
    when crew_calls.id is not null and not flex_sync.is_flex_id(crew_calls.flex_element_id) then array['blocked', 'malformed_id']
    when elements.blocked_reason is not null then array['blocked', elements.blocked_reason]
    when crew_call_blocks.reason is not null then array['blocked', crew_call_blocks.reason]
    when operation.id is not null and tenant.breaker_reason = 'token_refused' then array['blocked', 'token_refused']
    when operation.state = 'failed' then array['failed', operation.reason]
    when operation.state = 'held' then array['held', operation.brake]
    when operation.state = 'unknown' then array['unknown', 'unanswered']
    when late.absent_at is not null then array['unknown', 'late_check']
    when missing.missing_since is not null then array['pending', 'confirming']
    when operation.state = 'sending' then array['pending', 'sending']
    when operation.state = 'pending' then array['pending', flex_sync.why_pending(operation.flex_element_id, operation.limited)]
    when person.problem is not null then array['unmapped', person.problem]
    when not person.desired and recorded.technician_id is not null and (
      rule.policy = 'add_only'
      or (rule.policy = 'owned' and not exists (select from flex_sync.ledger where ledger.flex_line_item_id = recorded.flex_line_item_id))
      or exists (
        select from flex_sync.removal_decisions
        where removal_decisions.flex_line_item_id = recorded.flex_line_item_id and removal_decisions.decision = 'rejected'
      )
    ) then array['synced', 'kept_by_policy']
    when person.desired and elements.reading_at is null and waiting.requested_at is null then array['never_synced', 'never_synced']
    when waiting.requested_at is not null and (person.desired) <> (recorded.technician_id is not null) then array['pending', 'requested']
    when not person.desired and recorded.technician_id is null then array['synced', 'foreign']
    when rule.policy = 'report' and ((person.desired) <> (recorded.technician_id is not null) or observed.flex_line_item_id is null) then array['pending', 'report_only']
    when person.desired and observed.flex_line_item_id is null then array['pending', 'not_requested']
    when (person.desired) <> (recorded.technician_id is not null) then array['pending', 'not_requested']
    when case when person.desired and exists (
        select from flex_sync.crew_calls as sharing
        where sharing.flex_element_id = crew_calls.flex_element_id and sharing.id <> person.crew_call_id
      ) then exists (
        select from flex_sync.crew_calls as sharing
        cross join lateral flex_sync.desired_or_nobody(sharing.id) as other
        where sharing.flex_element_id = crew_calls.flex_element_id
          and sharing.id <> person.crew_call_id
          and other.resource = person.resource
          and (other.role_code, other.role_id) is distinct from (person.role_code, person.role_id)
      ) else false end then array['synced', 'shared_resource']
    when person.role_id is not null and observed.flex_line_item_id is not null and case
        when observed.shows_role and observed.flex_role_id is not null then lower(btrim(observed.flex_role_id)) <> lower(btrim(person.role_id))
        else observed.written_role_id is distinct from person.role_id
      end and rule.policy <> 'report' then array['pending', 'not_requested']
    else array['synced', null]
  end as pair) as judged
) as verdict;
comment on view flex_sync.crew_status is 'Why is this one person not in sync? One row per person and crew call, with the reason and the next action.';
--! EndIncluded views/crew_status.sql
--! Included views/crew_call_status.sql
-- crew_call_status: one row per crew call, the most urgent first; retired elements keep a row while anything of ours is on them.
-- The list is put together from what is stored: blocked for want of an element, then what has something open, retired,
-- unmapped or unread, then all others. Each row is worked out by itself only when it is asked for, so that the first page
-- of a long list costs little more than its rows.
create or replace view flex_sync.crew_call_status as
select
  call.crew_call_id,
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
  state.next_action
from (
  -- Without an element that could be one. An id of the right length that is none all the same comes last.
  select crew_calls.id as crew_call_id, crew_calls.job_id, crew_calls.department, nullif(crew_calls.flex_element_id, '') as flex_element_id, false as retired
  from flex_sync.crew_calls
  where length(crew_calls.flex_element_id) is distinct from 36
  union all
  (
    select crew_calls.id, crew_calls.job_id, crew_calls.department, crew_calls.flex_element_id, false
    from flex_sync.crew_calls
    join flex_sync.elements on elements.flex_element_id = crew_calls.flex_element_id
    where length(crew_calls.flex_element_id) = 36
      and elements.flex_element_id in (select urgent_elements.flex_element_id from flex_sync.urgent_elements)
    order by
      case
        when elements.blocked_reason is not null
          or exists (select from flex_sync.crew_call_blocks where crew_call_blocks.crew_call_id = crew_calls.id) then 1
        when exists (
          select from flex_sync.outbox
          where outbox.flex_element_id = elements.flex_element_id and outbox.state = 'failed' and outbox.superseded_at is null
        ) then 2
        when exists (
          select from flex_sync.outbox where outbox.flex_element_id = elements.flex_element_id and outbox.state = 'held'
        ) then 3
        when exists (
          select from flex_sync.outbox where outbox.flex_element_id = elements.flex_element_id and outbox.state = 'unknown'
        ) then 4
        else 5
      end,
      crew_calls.id
  )
  union all
  select elements.crew_call_id, elements.job_id, elements.department, elements.flex_element_id, true
  from flex_sync.elements
  where (
      elements.retired_at is not null
      or elements.flex_element_id in (select due_elements.flex_element_id from flex_sync.due_elements)
    )
    and elements.crew_call_id is not null
    and not exists (select from flex_sync.crew_calls where crew_calls.flex_element_id = elements.flex_element_id)
    and (
      exists (select from flex_sync.ledger where ledger.flex_element_id = elements.flex_element_id and ledger.gone_at is null)
      or exists (select from flex_sync.outbox where outbox.flex_element_id = elements.flex_element_id and outbox.state in ('pending', 'sending', 'unknown', 'held'))
    )
  union all
  (
    select crew_calls.id, crew_calls.job_id, crew_calls.department, crew_calls.flex_element_id, false
    from flex_sync.crew_calls
    join flex_sync.elements on elements.flex_element_id = crew_calls.flex_element_id
    where (elements.unmapped > 0 or elements.reading_at is null)
      and length(crew_calls.flex_element_id) = 36
      and not exists (select from flex_sync.urgent_elements where urgent_elements.flex_element_id = elements.flex_element_id)
    order by elements.unmapped = 0, crew_calls.id
  )
  union all
  select crew_calls.id, crew_calls.job_id, crew_calls.department, crew_calls.flex_element_id, false
  from flex_sync.crew_calls
  where length(crew_calls.flex_element_id) = 36
    and not exists (select from flex_sync.urgent_elements where urgent_elements.flex_element_id = crew_calls.flex_element_id)
    and not exists (
      select from flex_sync.elements
      where elements.flex_element_id = crew_calls.flex_element_id
        and (elements.unmapped > 0 or elements.reading_at is null)
    )
) as call
cross join lateral flex_sync.state_of_crew_call(call.crew_call_id, call.flex_element_id, call.retired) as state;
comment on view flex_sync.crew_call_status is 'One row per crew call, the most urgent first: its condition, why, and what to do next.';
--! EndIncluded views/crew_call_status.sql
--! Included blocked_as_json.sql
-- blocked_as_json(crew_call_id, flex_element_id, sync_id)
--
-- What sync_crew_call answers where nothing can be planned: no sets, and why is in crew_call_status.
--
-- Parameters   crew_call_id      flex_crew_calls.id
--              flex_element_id   as stored, null when it cannot be read
--              sync_id           the sync that was opened for it, null when none was
-- Returns      jsonb, shaped as plan_as_json plus the four first keys of sync_crew_call
-- Reads        tenant
create or replace function flex_sync.blocked_as_json(crew_call_id uuid, flex_element_id text, sync_id bigint)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.blocked_as_json(uuid, text, bigint) is 'What sync_crew_call answers where nothing can be planned.';
--! EndIncluded blocked_as_json.sql
-- Its rows have a column more.
drop function flex_sync.operations_of(flex_sync.planned[]);
--! Included operations_of.sql
-- operations_of(plan)
--
-- The operations that a plan asks for: one add per resource, one set_role per resource, one remove per line.
--
-- Parameters   plan   rows of plan_element
-- Returns      one row per operation; subject is what it is about: the line of a removal, the resource of anything else;
--              state is pending or held
create or replace function flex_sync.operations_of(plan flex_sync.planned[])
returns table (
  kind text, subject text, state text, crew_call_id uuid, technician_id uuid, resource text, line text, role_id text,
  reason text, brake text, after_resource text, limited boolean, persons jsonb
)
language plpgsql
immutable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.operations_of(flex_sync.planned[]) is 'The operations that a plan asks for: one per resource to add or to give a role, one per line to remove.';
--! EndIncluded operations_of.sql
--! Included finish_sync.sql
-- finish_sync(sync_id)
--
-- Close a sync that has nothing pending or in flight any more, and let the waiting one's reading go.
-- The sync's row is locked before its operations are counted: of two records that end its last two operations, the
-- second to come sees both.
--
-- Parameters   sync_id   syncs.id; null does nothing
-- Reads        outbox, calls, elements, state_of_crew_call, crew_calls
-- Writes       syncs, due_elements; NOTIFY flex_sync_done with the sync's id
create or replace function flex_sync.finish_sync(sync_id bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_sync record;
begin
  select syncs.id, syncs.crew_call_id, syncs.flex_element_id, syncs.reading_at into v_sync
  from syncs
  where syncs.id = finish_sync.sync_id
    and syncs.finished_at is null
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
comment on function flex_sync.finish_sync(bigint) is 'Closes a sync that has nothing pending or in flight any more, and lets the waiting one go on.';
--! EndIncluded finish_sync.sql
--! Included record_observation.sql
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
--! EndIncluded record_observation.sql

-- Last of all: who may do what with what is new.
--! Included grant_privileges.sql
-- grant_privileges()
--
-- Who may do what with functions, tables and views that a migration added: nothing for PUBLIC and nothing that default
-- privileges may have granted, then what each role of flex-crew-sync needs. What was there before the migration keeps
-- what the host decided since. A migration calls it last:
--
--     select flex_sync.remember_objects();        -- first
--     …
--     select flex_sync.grant_privileges();        -- last
--
-- Writes       privileges of the objects of flex_sync that remember_objects did not see
create or replace function flex_sync.grant_privileges()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
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
    elsif v_object.type = 'function' and v_object.plain in ('explain', 'history', 'state_of_crew_call') then
      -- What applications ask, and what the views call, so that whoever may read them can.
      execute format('grant execute on function %s to flex_sync_app, flex_sync_operator', v_object.name);
    end if;
  end loop;
end
$$;
comment on function flex_sync.grant_privileges() is 'Who may do what with the objects that a migration added; the last statement of each migration.';
--! EndIncluded grant_privileges.sql
select flex_sync.grant_privileges();

-- The daemon's page and metrics read with the drainer's rights: these, and whatever the views call.
grant select on
  flex_sync.crew_call_status,
  flex_sync.crew_status,
  flex_sync.metrics,
  flex_sync.syncs,
  flex_sync.outbox,
  flex_sync.lines,
  flex_sync.elements,
  flex_sync.crew_call_blocks,
  flex_sync.tenant,
  flex_sync.settings
to flex_sync_drainer;
do $$
declare
  v_function regprocedure;
begin
  for v_function in
    select pg_proc.oid::regprocedure
    from pg_proc
    where pg_proc.pronamespace = 'flex_sync'::regnamespace
      and pg_proc.proname <> 'may_sync'
      and (pg_proc.proname = 'name_of' or has_function_privilege('flex_sync_app', pg_proc.oid, 'execute'))
  loop
    execute format('grant execute on function %s to flex_sync_drainer', v_function);
  end loop;
end
$$;
