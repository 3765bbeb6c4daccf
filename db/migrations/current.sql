-- The crew of a job lives in the host's tables; everything that keeps Flex equal to it lives in the schema flex_sync.
-- This file holds tables, types, views and privileges. Functions are in db/functions, one file each, included by name.

create schema if not exists flex_sync;
comment on schema flex_sync is 'flex-crew-sync: keeps Flex crew calls equal to the crew planned in this database.';

-- What people set

create table flex_sync.settings (
  only_row boolean primary key default true constraint "settings has one row" check (only_row),
  policy text not null default 'mirror'
    constraint "policy is mirror, owned, add_only or report" check (policy in ('mirror', 'owned', 'add_only', 'report')),
  max_concurrency int not null default 8 constraint "at least one call at a time" check (max_concurrency between 1 and 30),
  element_concurrency int not null default 4 constraint "at least one call at a time per element" check (element_concurrency between 1 and 30),
  lease interval not null default '30 s' constraint "a lease is longer than two seconds" check (lease > '2 s'),
  late_landing interval not null default '30 s' constraint "late landing is not negative" check (late_landing >= '0'),
  confirm_after interval not null default '2 s' constraint "confirmation is not in the past" check (confirm_after >= '0'),
  max_reading_age interval not null default '60 s' constraint "a reading may be a second old" check (max_reading_age >= '1 s'),
  max_attempts int not null default 3 constraint "at least one attempt" check (max_attempts >= 1),
  monthly_limit int not null default 100000 constraint "monthly limit is not negative" check (monthly_limit >= 0),
  daily_limit int constraint "daily limit is not negative" check (daily_limit >= 0),
  hourly_limit int constraint "hourly limit is not negative" check (hourly_limit >= 0),
  removal_limit int not null default 100 constraint "removal limit is not negative" check (removal_limit >= 0),
  resync_interval interval constraint "background readings are at least a minute apart" check (resync_interval >= '1 min'),
  retention interval not null default '90 days' constraint "history is kept for two days at least" check (retention >= '2 days')
);
comment on table flex_sync.settings is 'One row, one column per knob. Every drainer reads it live: change it with update flex_sync.settings set ….';
comment on column flex_sync.settings.policy is 'What may be deleted in Flex: mirror (foreign and surplus lines too), owned (only lines of the ledger), add_only (nothing), report (nothing is written at all).';
comment on column flex_sync.settings.max_concurrency is 'Flex calls in flight at once, over all drainers. Flex allows a customer 30.';
comment on column flex_sync.settings.element_concurrency is 'Flex calls in flight at once on one element.';
comment on column flex_sync.settings.lease is 'How long a drainer may hold a claim. Must be longer than its HTTP deadline (FLEX_TIMEOUT_MS) plus one second.';
comment on column flex_sync.settings.late_landing is 'How long after its deadline a request may still take effect in Flex. Only a reading begun later proves that it did not.';
comment on column flex_sync.settings.confirm_after is 'How far apart the two readings are that must both lack a line before it counts as stale.';
comment on column flex_sync.settings.max_reading_age is 'A write is sent only while the reading it was planned from is younger than this.';
comment on column flex_sync.settings.max_attempts is 'Sends proved absent before an operation fails with reason not_accepted.';
comment on column flex_sync.settings.monthly_limit is 'Flex calls in any month, over all keys of the customer (Flex: 100,000).';
comment on column flex_sync.settings.daily_limit is 'Flex calls in any 24 hours; null is a tenth of monthly_limit.';
comment on column flex_sync.settings.hourly_limit is 'Flex calls in any hour; null is a fiftieth of monthly_limit.';
comment on column flex_sync.settings.removal_limit is 'Lines removed in any hour, whole tenant, before removals are held.';
comment on column flex_sync.settings.resync_interval is 'Read every crew call again after this time, to notice edits made in Flex; null is never.';
comment on column flex_sync.settings.retention is 'How long finished operations, calls, readings and logs are kept.';
insert into flex_sync.settings default values;

create table flex_sync.crew_call_settings (
  crew_call_id uuid primary key,
  policy text constraint "policy is mirror, owned, add_only or report" check (policy in ('mirror', 'owned', 'add_only', 'report')),
  resync_interval interval constraint "background readings are at least a minute apart" check (resync_interval >= '1 min')
);
comment on table flex_sync.crew_call_settings is 'What one crew call does differently from settings; null follows the setting. Policies: set_policy(crew_call_id, policy).';

create table flex_sync.business_roles (
  department text not null,
  tier text not null,
  flex_role_id text not null constraint "a role id is not blank" check (btrim(flex_role_id) <> ''),
  primary key (department, tier)
);
comment on table flex_sync.business_roles is 'Which Flex business role a role code means: SND-FOH-R in department sound is (sound, R). The ids are each tenant''s own; without a row people are added without a role.';

-- What is known of Flex

create table flex_sync.elements (
  flex_element_id text primary key,
  crew_call_id uuid,
  job_id uuid,
  department text,
  reading_wanted_at timestamptz,
  reading_at timestamptz,
  identity_checked_at timestamptz,
  doubt_reason text,
  doubt_error text,
  doubt_at timestamptz,
  blocked_reason text,
  blocked_error text,
  blocked_at timestamptz
);
comment on table flex_sync.elements is 'One row per Flex document that was ever asked about: when it was read, and what keeps it from being read or written.';
comment on column flex_sync.elements.crew_call_id is 'The (last) crew call that pointed here; kept after the crew call is gone, while anything of ours is on the element.';
comment on column flex_sync.elements.reading_wanted_at is 'A reading begun after this time is asked for, by whatever needs one outside a sync request.';
comment on column flex_sync.elements.reading_at is 'When the last good reading began.';

create table flex_sync.element_health (
  flex_element_id text primary key,
  failures int not null default 0,
  last_failure_at timestamptz,
  backoff_until timestamptz,
  careful_until timestamptz
);
comment on table flex_sync.element_health is 'Backoff of one element. Apart from elements, so that recording an outcome never waits for a planner.';
comment on column flex_sync.element_health.failures is 'Failures in a row; those in flight together count once.';
comment on column flex_sync.element_health.careful_until is 'After 409 or 423 the element takes one call at a time until then.';

create table flex_sync.readings (
  id bigint generated always as identity primary key,
  flex_element_id text not null,
  operation_id bigint,
  began_at timestamptz not null,
  recorded_at timestamptz not null,
  line_count int not null,
  lines jsonb not null
);
comment on table flex_sync.readings is 'Complete lists of an element''s lines. began_at is the database''s clock at the claim of its observe.';
create index readings_by_element on flex_sync.readings (flex_element_id, began_at desc);
create index readings_by_age on flex_sync.readings (recorded_at);

create table flex_sync.lines (
  flex_element_id text not null,
  flex_line_item_id text not null,
  flex_resource_id text,
  is_contact boolean not null,
  parent_line_item_id text,
  flex_role_id text,
  shows_role boolean not null default false,
  name text,
  present boolean not null,
  first_seen_at timestamptz,
  last_seen_at timestamptz,
  added_at timestamptz,
  removed_at timestamptz,
  written_role_id text,
  role_written_at timestamptz,
  stale_at timestamptz,
  primary key (flex_element_id, flex_line_item_id)
);
comment on table flex_sync.lines is 'Observed: the last reading of each element, corrected by what we wrote since it began. Rows with present = false are remembered for attribution.';
comment on column flex_sync.lines.first_seen_at is 'Beginning of the first reading that showed the line; null while only our own write speaks for it.';
comment on column flex_sync.lines.stale_at is 'Two readings lacked the line although it was recorded: somebody deleted it in Flex.';
comment on column flex_sync.lines.is_contact is 'Whether Flex''s row says that it is a contact. Rows that do not say are never removed unless they are in the ledger.';

create index lines_by_resource on flex_sync.lines (flex_element_id, flex_resource_id);

create table flex_sync.missing_lines (
  flex_line_item_id text not null,
  flex_resource_id text not null,
  flex_element_id text not null,
  missing_since timestamptz not null,
  primary key (flex_line_item_id, flex_resource_id)
);
comment on table flex_sync.missing_lines is 'Recorded lines that the last reading lacked (with that resource). A second reading, confirm_after later, makes them stale.';
create index missing_lines_by_element on flex_sync.missing_lines (flex_element_id);

create table flex_sync.ledger (
  flex_line_item_id text primary key,
  flex_element_id text,
  flex_resource_id text,
  crew_call_id uuid,
  technician_id uuid,
  source text not null constraint "a line enters the ledger in a known way" check (source in ('added', 'accounted', 'adopted', 'installed')),
  operation_id bigint,
  entered_at timestamptz not null,
  gone_at timestamptz
);
comment on table flex_sync.ledger is 'Every line we made or adopted, with its resource. A line that now shows another resource is no longer ours.';
comment on column flex_sync.ledger.source is 'added: Flex answered with its id; accounted: found by a reading after an unanswered add; adopted: a person said so; installed: recorded before the installation.';
create index ledger_by_technician on flex_sync.ledger (technician_id) where gone_at is null;
create index ledger_by_resource on flex_sync.ledger (flex_element_id, flex_resource_id);

-- What has to be done, and what was done

create table flex_sync.syncs (
  id bigint generated always as identity primary key,
  crew_call_id uuid not null,
  flex_element_id text,
  requested_by text,
  requested_at timestamptz not null,
  last_requested_at timestamptz not null,
  requests int not null default 1,
  allow_mass_removal boolean not null default false,
  reading_at timestamptz,
  finished_at timestamptz,
  outcome text,
  stale int not null default 0,
  added int not null default 0,
  removed int not null default 0,
  kept int not null default 0,
  roles_set int not null default 0,
  failed int not null default 0,
  flex_calls int not null default 0,
  duration interval generated always as (finished_at - requested_at) stored
);
comment on table flex_sync.syncs is 'One row per sync run: waiting until a reading begins after the last request that joined (reading_at), active until finished_at.';
comment on column flex_sync.syncs.requests is 'How many requests this run answers: further ones join while it waits for its reading.';
create unique index "one sync waits per element" on flex_sync.syncs (flex_element_id) where reading_at is null and finished_at is null;
create index syncs_open on flex_sync.syncs (flex_element_id) where finished_at is null;
create index syncs_by_crew_call on flex_sync.syncs (crew_call_id, id desc);
create index syncs_by_element on flex_sync.syncs (flex_element_id, id desc);
create index syncs_by_end on flex_sync.syncs (finished_at);

create table flex_sync.outbox (
  id bigint generated always as identity primary key,
  sync_id bigint,
  crew_call_id uuid,
  flex_element_id text not null,
  technician_id uuid,
  kind text not null constraint "an operation is observe, add, set_role or remove" check (kind in ('observe', 'add', 'set_role', 'remove')),
  flex_resource_id text,
  flex_line_item_id text,
  flex_role_id text,
  state text not null default 'pending'
    constraint "a known state" check (state in ('pending', 'sending', 'unknown', 'held', 'done', 'failed', 'cancelled')),
  reason text,
  attempts int not null default 0,
  due_at timestamptz not null,
  token uuid,
  lease_until timestamptz,
  deadline timestamptz,
  http_status int,
  error text,
  created_at timestamptz not null,
  sent_at timestamptz,
  unknown_at timestamptz,
  finished_at timestamptz,
  priority smallint not null default 0,
  reading_at timestamptz,
  after_operation_id bigint,
  persons jsonb not null default '[]',
  brake text,
  limited boolean not null default false,
  retries int not null default 0,
  call_number bigint,
  superseded_at timestamptz,
  constraint "an add names its resource" check (kind <> 'add' or flex_resource_id is not null),
  constraint "a removal names its line" check (kind <> 'remove' or flex_line_item_id is not null),
  constraint "what is sent is claimed" check (state <> 'sending' or (token is not null and lease_until is not null and deadline is not null)),
  constraint "what is over has an end" check ((state in ('done', 'failed', 'cancelled')) = (finished_at is not null)),
  constraint "only removals are held" check (state <> 'held' or kind = 'remove')
) with (fillfactor = 70);
comment on table flex_sync.outbox is 'Operations: what has to be done in Flex, what is being done and what was done. See docs/states.md.';
comment on column flex_sync.outbox.due_at is 'Not before this time. Backoff, confirmation and late checks move it.';
comment on column flex_sync.outbox.token is 'Fencing: whoever records an outcome must show the token of the claim.';
comment on column flex_sync.outbox.deadline is 'When the drainer gives up waiting for an answer; stated at the claim.';
comment on column flex_sync.outbox.attempts is 'Sends that may have reached Flex and were executed or are unresolved; what was certainly not executed does not count.';
comment on column flex_sync.outbox.reading_at is 'Beginning of the reading that confirmed the operation. Null is a preview: it is never sent.';
comment on column flex_sync.outbox.after_operation_id is 'Waits for this add: it has no line id yet, or the new line must be recorded first.';
comment on column flex_sync.outbox.persons is 'Everyone desired with this resource: [{crew_call_id, technician_id}]; all are recorded with the line.';
comment on column flex_sync.outbox.brake is 'Why a removal is held.';
comment on column flex_sync.outbox.limited is 'Whether removal_limit applies when it is claimed.';
comment on column flex_sync.outbox.unknown_at is 'When it became clear that nobody knows whether Flex did it.';
comment on column flex_sync.outbox.retries is 'How often in a row it was certainly not executed; the backoff grows with it.';
comment on column flex_sync.outbox.superseded_at is 'A failed operation that a later plan replaced or no longer needs.';
create unique index "one open add per resource" on flex_sync.outbox (flex_element_id, flex_resource_id)
  where kind = 'add' and state in ('pending', 'sending', 'unknown');
create unique index "one open role per resource" on flex_sync.outbox (flex_element_id, flex_resource_id)
  where kind = 'set_role' and state in ('pending', 'sending', 'unknown');
create unique index "one open removal per line" on flex_sync.outbox (flex_element_id, flex_line_item_id)
  where kind = 'remove' and state in ('pending', 'sending', 'unknown', 'held');
create unique index "one reading waits per element" on flex_sync.outbox (flex_element_id) where kind = 'observe' and state = 'pending';
create index outbox_due on flex_sync.outbox (priority, due_at, id) where state = 'pending' and after_operation_id is null;
create index outbox_open on flex_sync.outbox (flex_element_id, kind) where state in ('pending', 'sending', 'unknown', 'held');
create index outbox_in_flight on flex_sync.outbox (lease_until) where state = 'sending';
create index outbox_after on flex_sync.outbox (after_operation_id) where after_operation_id is not null;
create index outbox_failed on flex_sync.outbox (flex_element_id, kind) where state = 'failed' and superseded_at is null;
create index outbox_open_by_sync on flex_sync.outbox (sync_id) where state in ('pending', 'sending');
create index outbox_by_reading on flex_sync.outbox (reading_at) where state = 'pending' and kind <> 'observe' and after_operation_id is null;
create index outbox_by_sync on flex_sync.outbox (sync_id);
create index outbox_done_by_element on flex_sync.outbox (flex_element_id, kind, finished_at) where state = 'done' and kind in ('add', 'remove');
create index outbox_removals_by_end on flex_sync.outbox (finished_at) where kind = 'remove' and state = 'done';
create index outbox_by_end on flex_sync.outbox (finished_at) where state in ('done', 'failed', 'cancelled');
create index outbox_by_crew_call on flex_sync.outbox (crew_call_id, technician_id);
create index outbox_open_by_crew_call on flex_sync.outbox (crew_call_id, technician_id) where state in ('pending', 'sending', 'unknown', 'held');
create index outbox_failed_by_crew_call on flex_sync.outbox (crew_call_id, technician_id) where state = 'failed' and superseded_at is null;

create table flex_sync.calls (
  number bigint primary key,
  made_at timestamptz not null,
  kind text not null constraint "a known call" check (kind in ('observe', 'add', 'set_role', 'remove', 'identity', 'user')),
  operation_id bigint,
  sync_id bigint,
  flex_element_id text,
  flex_resource_id text,
  flex_line_item_id text,
  flex_role_id text,
  attempt int,
  drainer text,
  deadline timestamptz,
  reading_at timestamptz,
  answered_at timestamptz,
  outcome text,
  http_status int,
  error text,
  absent_at timestamptz,
  late_checked_at timestamptz
);
comment on table flex_sync.calls is 'Every Flex call, counted and committed before it is made: the budget''s memory, the history of attempts, and what later lines are accounted to.';
comment on column flex_sync.calls.number is 'Gapless and rising with made_at, so that calls in a window are one subtraction.';
comment on column flex_sync.calls.reading_at is 'Beginning of the last reading before the send: a line that it lacked may be this attempt''s.';
comment on column flex_sync.calls.absent_at is 'Beginning of the reading that proved that an unknown write did not land.';
comment on column flex_sync.calls.late_checked_at is 'Beginning of the further reading that found nothing landed late.';
create index calls_by_time on flex_sync.calls (made_at, number);
create index calls_unanswered on flex_sync.calls (flex_element_id, number) where outcome = 'unknown';
create index calls_by_operation on flex_sync.calls (operation_id);
create index calls_by_sync on flex_sync.calls (sync_id);

create table flex_sync.tenant (
  only_row boolean primary key default true constraint "tenant has one row" check (only_row),
  paused_at timestamptz,
  paused_reason text,
  breaker_opened_at timestamptz,
  breaker_reason text constraint "a known breaker reason" check (breaker_reason in ('token_refused', 'flex_down', 'rate_limited')),
  breaker_error text,
  probe_at timestamptz,
  probe_wait interval,
  careful_successes int,
  failures int not null default 0,
  failed_elements text[] not null default '{}',
  last_failure_at timestamptz,
  roles_shown_at timestamptz,
  trimmed_at timestamptz
);
comment on table flex_sync.tenant is 'One row: the breaker that all drainers share, whether we are paused, and what this Flex was seen to do.';
comment on column flex_sync.tenant.probe_at is 'While the breaker is open: when one drainer asks Flex whether it works again.';
comment on column flex_sync.tenant.careful_successes is 'After a 429: how many calls have succeeded one at a time; null once max_concurrency of them did.';
comment on column flex_sync.tenant.roles_shown_at is 'The first reading whose rows showed a business role. Before that, an empty role says nothing.';
insert into flex_sync.tenant default values;

create table flex_sync.due_elements (
  id bigint generated always as identity primary key,
  flex_element_id text not null,
  reason text not null,
  wants_reading boolean not null,
  requests_sync boolean not null default false,
  noted_at timestamptz not null
);
comment on table flex_sync.due_elements is 'Notes that an element needs a look, by whoever must not wait for its lock: triggers on the host''s tables, and recording. Only ever inserted there; tick() follows them up.';
comment on column flex_sync.due_elements.requests_sync is 'Whether it counts as a sync request (enable_auto_sync).';
comment on column flex_sync.due_elements.wants_reading is 'Whether only a reading begun after noted_at settles it.';

create table flex_sync.crew_call_blocks (
  crew_call_id uuid primary key,
  reason text not null,
  error text,
  since timestamptz not null
);
comment on table flex_sync.crew_call_blocks is 'Crew calls whose rows the host''s own tables refused, until a later sync can write them.';

create table flex_sync.removal_decisions (
  flex_element_id text not null,
  flex_line_item_id text not null,
  flex_resource_id text not null,
  crew_call_id uuid not null,
  plan text not null,
  decision text not null constraint "a yes or a no" check (decision in ('approved', 'rejected')),
  decided_at timestamptz not null,
  decided_by text not null,
  primary key (flex_line_item_id, flex_resource_id)
);
comment on table flex_sync.removal_decisions is 'What people decided about held removals, line by line. A yes ends when the line is gone or after a day; a no when the line is gone.';
create index removal_decisions_by_element on flex_sync.removal_decisions (flex_element_id);

create table flex_sync.operator_log (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  who text not null,
  action text not null,
  arguments jsonb not null default '{}'
);
comment on table flex_sync.operator_log is 'Who did what with the operator''s functions.';

create type flex_sync.planned as (
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
comment on type flex_sync.planned is
  'One line of a plan. action: keep, confirm, wait, contest, unmapped, add (one per desired person); set_role, wait_role, remove, hold (operations); report (a line nobody wants that stays).';

-- The host's tables: adopted where they exist, created (with row level security on) where they do not

do $$
declare
  v_missing text;
  v_table record;
  v_role text;
begin
  for v_table in
    select definition.name, definition.columns
    from (values
      (1, 'jobs', 'id uuid primary key default gen_random_uuid()'),
      (2, 'profiles', 'id uuid primary key default gen_random_uuid(), flex_resource_id text, department text'),
      (3, 'job_assignments',
        'job_id uuid not null references :HOST_SCHEMA.jobs (id) on delete cascade,
         technician_id uuid not null references :HOST_SCHEMA.profiles (id) on delete cascade,
         sound_role text, lights_role text, video_role text,
         primary key (job_id, technician_id)'),
      (4, 'flex_crew_calls',
        'id uuid primary key default gen_random_uuid(),
         job_id uuid not null references :HOST_SCHEMA.jobs (id) on delete cascade,
         department text not null,
         flex_element_id text'),
      (5, 'flex_crew_assignments',
        'id uuid primary key default gen_random_uuid(),
         crew_call_id uuid not null references :HOST_SCHEMA.flex_crew_calls (id) on delete cascade,
         technician_id uuid not null references :HOST_SCHEMA.profiles (id) on delete cascade,
         flex_line_item_id text,
         created_at timestamptz not null default now()')
    ) as definition (position, name, columns)
    where to_regclass(':HOST_SCHEMA.' || definition.name) is null
    order by definition.position
  loop
    execute format('create table :HOST_SCHEMA.%I (%s)', v_table.name, v_table.columns);
    execute format('alter table :HOST_SCHEMA.%I enable row level security', v_table.name);
    execute format('comment on table :HOST_SCHEMA.%I is %L', v_table.name, 'Created by flex-crew-sync; row level security is on and has no policies yet.');
    foreach v_role in array array['anon', 'authenticated'] loop
      if to_regrole(v_role) is not null then
        execute format('revoke all on :HOST_SCHEMA.%I from %I', v_table.name, v_role);
      end if;
    end loop;
    if v_table.name = 'flex_crew_calls' then
      create index on :HOST_SCHEMA.flex_crew_calls (job_id);
    end if;
  end loop;

  select string_agg(format('%s.%s', needed.table_name, needed.column_name), ', ')
  into v_missing
  from (values
    ('jobs', 'id'), ('profiles', 'id'), ('profiles', 'flex_resource_id'),
    ('job_assignments', 'job_id'), ('job_assignments', 'technician_id'),
    ('job_assignments', 'sound_role'), ('job_assignments', 'lights_role'), ('job_assignments', 'video_role'),
    ('flex_crew_calls', 'id'), ('flex_crew_calls', 'job_id'), ('flex_crew_calls', 'department'), ('flex_crew_calls', 'flex_element_id'),
    ('flex_crew_assignments', 'id'), ('flex_crew_assignments', 'crew_call_id'), ('flex_crew_assignments', 'technician_id'),
    ('flex_crew_assignments', 'flex_line_item_id'), ('flex_crew_assignments', 'created_at')
  ) as needed (table_name, column_name)
  where not exists (
    select from pg_attribute
    where pg_attribute.attrelid = to_regclass(':HOST_SCHEMA.' || needed.table_name)
      and pg_attribute.attname = needed.column_name
      and not pg_attribute.attisdropped
  );
  if v_missing is not null then
    raise exception 'flex-crew-sync cannot adopt the tables of this database: missing %', v_missing
      using errcode = 'HOSTC', hint = 'Add the missing columns (a nullable one is enough), or install into another schema with migrate --host-schema NAME.';
  end if;
end
$$;

-- An element is found by its normalised id; only built-in functions, so that the host's own writes need no right of ours.
create index flex_sync_crew_calls_by_element on :HOST_SCHEMA.flex_crew_calls (lower(btrim(flex_element_id::text, E' \t\r\n')));

create view flex_sync.crew_calls as
select
  flex_crew_calls.id,
  flex_crew_calls.job_id,
  lower(btrim(flex_crew_calls.department::text)) as department,
  lower(btrim(flex_crew_calls.flex_element_id::text, E' \t\r\n')) as flex_element_id
from :HOST_SCHEMA.flex_crew_calls;
comment on view flex_sync.crew_calls is 'The host''s crew calls with comparable ids, whatever types the host chose.';

create view flex_sync.recorded_crew as
select
  flex_crew_assignments.crew_call_id,
  flex_crew_assignments.technician_id,
  lower(btrim(flex_crew_assignments.flex_line_item_id::text, E' \t\r\n')) as flex_line_item_id
from :HOST_SCHEMA.flex_crew_assignments
where nullif(btrim(flex_crew_assignments.flex_line_item_id::text, E' \t\r\n'), '') is not null;
comment on view flex_sync.recorded_crew is 'Recorded: who we believe is on each crew call, with the line id, whatever types the host chose.';

create view flex_sync.desired_crew as
select
  flex_crew_calls.id::uuid as crew_call_id,
  job_assignments.technician_id::uuid as technician_id,
  profiles.flex_resource_id::text as flex_resource_id,
  role.code as role_code
from :HOST_SCHEMA.flex_crew_calls
join :HOST_SCHEMA.job_assignments on job_assignments.job_id = flex_crew_calls.job_id
join :HOST_SCHEMA.profiles on profiles.id = job_assignments.technician_id
cross join lateral (
  select case lower(btrim(flex_crew_calls.department::text))
    when 'sound' then job_assignments.sound_role::text
    when 'lights' then job_assignments.lights_role::text
    when 'video' then job_assignments.video_role::text
  end as code
) as role
where lower(btrim(coalesce(role.code, ''))) not in ('', 'none');
comment on view flex_sync.desired_crew is 'Desired: who each crew call should show. The seam to the host: replace it with create or replace view, the same four columns; it must not depend on the session.';

-- Duplicates of an older sync: the oldest row stays, a copy of every removed row is kept, every line enters the ledger

create table flex_sync.removed_duplicates (
  id text,
  crew_call_id uuid,
  technician_id uuid,
  flex_line_item_id text,
  created_at timestamptz,
  kept_id text,
  whole_row jsonb not null,
  removed_at timestamptz not null
);
comment on table flex_sync.removed_duplicates is 'Copies of the duplicate flex_crew_assignments rows that the installation removed. uninstall moves them next to the host''s tables.';

insert into flex_sync.ledger (flex_line_item_id, flex_element_id, flex_resource_id, crew_call_id, technician_id, source, entered_at)
select distinct on (recorded_crew.flex_line_item_id)
  recorded_crew.flex_line_item_id,
  nullif(crew_calls.flex_element_id, ''),
  case
    when lower(btrim(profiles.flex_resource_id::text, E' \t\r\n')) ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      then lower(btrim(profiles.flex_resource_id::text, E' \t\r\n'))
  end,
  recorded_crew.crew_call_id,
  recorded_crew.technician_id,
  'installed',
  clock_timestamp()
from flex_sync.recorded_crew
left join flex_sync.crew_calls on crew_calls.id = recorded_crew.crew_call_id
left join :HOST_SCHEMA.profiles on profiles.id = recorded_crew.technician_id
order by recorded_crew.flex_line_item_id, recorded_crew.crew_call_id;

do $$
declare
  v_referencing record;
  v_references text;
  v_found bigint;
  v_unique boolean;
begin
  create temporary table flex_sync_surplus_rows on commit drop as
  select ranked.ctid as place, ranked.id, ranked.kept_id
  from (
    select
      flex_crew_assignments.ctid,
      flex_crew_assignments.id,
      first_value(flex_crew_assignments.id) over oldest_first as kept_id,
      row_number() over oldest_first as position
    from :HOST_SCHEMA.flex_crew_assignments
    where flex_crew_assignments.crew_call_id is not null
      and flex_crew_assignments.technician_id is not null
    window oldest_first as (
      partition by flex_crew_assignments.crew_call_id, flex_crew_assignments.technician_id
      order by flex_crew_assignments.created_at nulls last, flex_crew_assignments.id
    )
  ) as ranked
  where ranked.position > 1;

  for v_referencing in
    select
      pg_constraint.conrelid::regclass as table_name,
      pg_constraint.conname,
      (
        select string_agg(format('referencing.%I = row_there.%I', here.attname, there.attname), ' and ')
        from unnest(pg_constraint.conkey, pg_constraint.confkey) as pair (here, there)
        join pg_attribute as here on here.attrelid = pg_constraint.conrelid and here.attnum = pair.here
        join pg_attribute as there on there.attrelid = pg_constraint.confrelid and there.attnum = pair.there
      ) as matches
    from pg_constraint
    where pg_constraint.contype = 'f'
      and pg_constraint.confrelid = ':HOST_SCHEMA.flex_crew_assignments'::regclass
  loop
    execute format(
      'select count(*) from %s as referencing
       join :HOST_SCHEMA.flex_crew_assignments as row_there on %s
       join flex_sync_surplus_rows on flex_sync_surplus_rows.place = row_there.ctid',
      v_referencing.table_name, v_referencing.matches
    ) into v_found;
    if v_found > 0 then
      v_references := concat_ws('; ', v_references, format('%s rows of %s (%s)', v_found, v_referencing.table_name, v_referencing.conname));
    end if;
  end loop;
  if v_references is not null then
    raise exception 'duplicate flex_crew_assignments rows cannot be removed, other tables reference them: %', v_references
      using errcode = 'REFER', hint = 'Point those rows at the oldest row of each person (flex-crew-sync audit lists them), then run migrate again.';
  end if;

  insert into flex_sync.removed_duplicates (id, crew_call_id, technician_id, flex_line_item_id, created_at, kept_id, whole_row, removed_at)
  select
    flex_crew_assignments.id::text, flex_crew_assignments.crew_call_id, flex_crew_assignments.technician_id,
    flex_crew_assignments.flex_line_item_id::text, flex_crew_assignments.created_at,
    flex_sync_surplus_rows.kept_id::text, to_jsonb(flex_crew_assignments.*), clock_timestamp()
  from flex_sync_surplus_rows
  join :HOST_SCHEMA.flex_crew_assignments on flex_crew_assignments.ctid = flex_sync_surplus_rows.place;

  delete from :HOST_SCHEMA.flex_crew_assignments
  using flex_sync_surplus_rows
  where flex_crew_assignments.ctid = flex_sync_surplus_rows.place;
  drop table flex_sync_surplus_rows;

  select exists (
    select
    from pg_index
    where pg_index.indrelid = ':HOST_SCHEMA.flex_crew_assignments'::regclass
      and pg_index.indisunique
      and pg_index.indisvalid
      and pg_index.indimmediate
      and pg_index.indpred is null
      and pg_index.indexprs is null
      and pg_index.indnkeyatts = 2
      and (
        select array_agg(pg_attribute.attname::text order by pg_attribute.attname)
        from pg_attribute
        where pg_attribute.attrelid = pg_index.indrelid
          and pg_attribute.attnum = any ((pg_index.indkey::int2[])[0:1])
      ) = array['crew_call_id', 'technician_id']
  ) into v_unique;
  if not v_unique then
    alter table :HOST_SCHEMA.flex_crew_assignments
      add constraint flex_crew_assignments_crew_call_technician_key unique (crew_call_id, technician_id);
  end if;
end
$$;

-- Functions, one file each in db/functions; first those that the views use

--!include clock.sql
--!include server_started_at.sql
--!include flex_id.sql
--!include is_flex_id.sql
--!include tier_of.sql
--!include policy_of.sql
--!include desired_of.sql
--!include desired_or_nobody.sql
--!include nobodys_lines.sql
--!include removals_within_the_hour.sql
--!include calls_left.sql
--!include why_pending.sql
--!include next_action.sql

-- Views for people

--!include views/duplicate_assignments.sql
--!include views/crew_status.sql
--!include views/crew_call_status.sql
--!include views/metrics.sql

-- The host's hook: created once, the host's to replace

--!include may_sync.sql

-- What plans, claims, records and operates

--!include adopt.sql
--!include apply_plan.sql
--!include approve_removals.sql
--!include backoff.sql
--!include begin_background_readings.sql
--!include block_element.sql
--!include claim_call.sql
--!include claim_operations.sql
--!include claim_probe.sql
--!include close_call.sql
--!include confirm_stale.sql
--!include count_call.sql
--!include crew_call_or_raise.sql
--!include decide_removals.sql
--!include disable_auto_sync.sql
--!include doubt_element.sql
--!include doubt_of_lines.sql
--!include enable_auto_sync.sql
--!include enter_ledger.sql
--!include explain.sql
--!include finish_answered_syncs.sql
--!include finish_sync.sql
--!include forget_line.sql
--!include hash_of_held.sql
--!include host_error.sql
--!include join_sync.sql
--!include know_element.sql
--!include lacks_every_recorded_line.sql
--!include lock_budget.sql
--!include lock_element.sql
--!include lock_element_of.sql
--!include log_operator.sql
--!include next_reading.sql
--!include next_sync_work_at.sql
--!include next_work_at.sql
--!include note_changed_assignments.sql
--!include note_changed_crew_call.sql
--!include note_changed_mapping.sql
--!include note_changed_profiles.sql
--!include note_deleted_job.sql
--!include note_deleted_profile.sql
--!include note_element.sql
--!include note_failure.sql
--!include note_success.sql
--!include open_breaker.sql
--!include operation_in_flight.sql
--!include operations_of.sql
--!include pause.sql
--!include plan_as_json.sql
--!include plan_element.sql
--!include queue_reading.sql
--!include read_committed_only.sql
--!include record_add.sql
--!include record_failure.sql
--!include record_kept.sql
--!include record_observation.sql
--!include record_person.sql
--!include record_probe.sql
--!include record_remove.sql
--!include record_set_role.sql
--!include reject_removals.sql
--!include request_sync.sql
--!include request_unasked.sql
--!include resume.sql
--!include retry.sql
--!include retry_failed.sql
--!include set_policy.sql
--!include settle_unknown.sql
--!include store_reading.sql
--!include sync_crew_call.sql
--!include sync_crew_for_job.sql
--!include take_over_expired.sql
--!include tick.sql
--!include trim_history.sql
--!include waiting_for.sql
--!include write_role.sql

-- Triggers on the host's tables: they note elements as due and never raise

create trigger flex_sync_changed_crew_call
after delete or update of flex_element_id on :HOST_SCHEMA.flex_crew_calls
for each row execute function flex_sync.note_changed_crew_call();

create trigger flex_sync_deleted_job
after delete on :HOST_SCHEMA.jobs
for each row execute function flex_sync.note_deleted_job();

create trigger flex_sync_deleted_profile
after delete on :HOST_SCHEMA.profiles
for each row execute function flex_sync.note_deleted_profile();

-- Who may do what

do $$
declare
  v_missing text;
  v_role text;
  v_function record;
begin
  foreach v_role in array array['flex_sync_app', 'flex_sync_drainer', 'flex_sync_operator'] loop
    if to_regrole(v_role) is null then
      begin
        execute format('create role %I nologin', v_role);
        execute format('comment on role %I is %L', v_role, 'made by flex-crew-sync');
      exception
        when insufficient_privilege then
          v_missing := concat_ws(' ', v_missing, format('create role %I nologin;', v_role));
        when duplicate_object or unique_violation then
          null;
      end;
    end if;
  end loop;
  if v_missing is not null then
    raise exception 'this database user may not create the roles of flex-crew-sync'
      using errcode = 'NOROL', hint = 'Ask an administrator to run: ' || v_missing || ' Then run migrate again.';
  end if;

  -- Nothing for PUBLIC, and nothing that default privileges may have granted.
  for v_function in
    select pg_proc.oid::regprocedure as signature, pg_proc.proname, pg_namespace.nspname
    from pg_proc
    join pg_namespace on pg_namespace.oid = pg_proc.pronamespace
    where pg_namespace.nspname = 'flex_sync'
      or (pg_namespace.nspname = 'public' and pg_proc.proname in ('sync_crew_call', 'sync_crew_for_job'))
  loop
    execute format('revoke all on function %s from public', v_function.signature);
    foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
      if to_regrole(v_role) is not null then
        execute format('revoke all on function %s from %I', v_function.signature, v_role);
      end if;
    end loop;
    if v_function.nspname = 'public' or v_function.proname in ('may_sync', 'explain') then
      execute format('grant execute on function %s to flex_sync_app, flex_sync_operator', v_function.signature);
    end if;
    if v_function.proname in ('tick', 'next_work_at', 'next_sync_work_at', 'clock', 'claim_operations', 'claim_call', 'claim_probe', 'record_add', 'record_set_role',
      'record_remove', 'record_observation', 'record_failure', 'record_probe', 'close_call') then
      execute format('grant execute on function %s to flex_sync_drainer', v_function.signature);
    end if;
    if v_function.proname in ('retry', 'retry_failed', 'approve_removals', 'reject_removals', 'adopt', 'set_policy', 'pause', 'resume',
      'enable_auto_sync', 'disable_auto_sync', 'clock', 'calls_left') then
      execute format('grant execute on function %s to flex_sync_operator', v_function.signature);
    end if;
    -- What the views call, so that whoever may read them can.
    if v_function.proname in ('clock', 'is_flex_id', 'next_action', 'why_pending', 'policy_of', 'calls_left', 'desired_or_nobody', 'nobodys_lines') then
      execute format('grant execute on function %s to flex_sync_app, flex_sync_operator', v_function.signature);
    end if;
  end loop;

  revoke all on all tables in schema flex_sync from public;
  foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
    if to_regrole(v_role) is not null then
      execute format('revoke all on all tables in schema flex_sync from %I', v_role);
      execute format('revoke all on schema flex_sync from %I', v_role);
    end if;
  end loop;
  grant usage on schema flex_sync to flex_sync_app, flex_sync_drainer, flex_sync_operator;
  grant select on flex_sync.crew_call_status, flex_sync.crew_status, flex_sync.syncs, flex_sync.outbox, flex_sync.metrics to flex_sync_app;
  grant select on all tables in schema flex_sync to flex_sync_operator;
  grant update on flex_sync.settings to flex_sync_operator;
  grant insert, update, delete on flex_sync.business_roles, flex_sync.crew_call_settings to flex_sync_operator;
  if to_regrole('service_role') is not null then
    grant flex_sync_app to service_role;
  end if;
end
$$;
