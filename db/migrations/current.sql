-- First of all: what is there already keeps the privileges that its host decided.
--!include remember_objects.sql
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
--!include pin_search_path.sql
--!include calls_left.sql
--!include open_breaker.sql
--!include record_probe.sql
--!include record_person.sql
--!include record_kept.sql
--!include forget_line.sql
--!include plan_element.sql
--!include printable.sql
--!include who_acts.sql
--!include held_plan.sql
--!include log_operator.sql
--!include next_action.sql
--!include decide_removals.sql
--!include retry.sql
--!include retry_failed.sql
--!include adopt.sql
--!include set_policy.sql
--!include pause.sql
--!include resume.sql
--!include disable_auto_sync.sql
--!include enable_auto_sync.sql
--!include note_decisions.sql
--!include note_block.sql
--!include tell_decision.sql
--!include tell_call.sql
--!include history.sql
--!include join_sync.sql
--!include request_sync.sql
--!include request_unasked.sql
--!include sync_crew_call.sql
--!include apply_plan.sql
--!include block_element.sql
--!include claim_operations.sql
--!include record_failure.sql
--!include next_reading.sql
--!include forget_elements.sql
--!include take_over_expired.sql
--!include removals_within_the_hour.sql
--!include next_work_at.sql
--!include trim_history.sql
--!include record_add.sql
--!include settle_unknown.sql
--!include name_of.sql
--!include ago.sql
--!include what_stands_in_the_way.sql
--!include tell_planned.sql
--!include explain.sql

--!include flex_id.sql
--!include is_flex_id.sql
--!include tier_of.sql
--!include desired_of.sql
--!include know_element.sql
--!include why_pending.sql
--!include views/metrics.sql
--!include two_calls_free_at.sql
--!include open_condition.sql
--!include state_of_crew_call.sql
--!include views/urgent_elements.sql
--!include views/crew_status.sql
--!include views/crew_call_status.sql
--!include blocked_as_json.sql
-- Its rows have a column more.
drop function flex_sync.operations_of(flex_sync.planned[]);
--!include operations_of.sql
--!include finish_sync.sql
--!include record_observation.sql

-- Last of all: who may do what with what is new.
--!include grant_privileges.sql
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
