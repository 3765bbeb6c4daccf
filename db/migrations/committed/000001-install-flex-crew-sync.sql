--! Previous: -
--! Hash: sha1:f0e56920114e749cfeca4d48b989acf263fb1446
--! Message: Install flex-crew-sync

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

--! Included clock.sql
-- clock()
--
-- The one clock that is compared anywhere: the database's, as it moves inside a transaction.
-- A test replaces this function to move time.
--
-- Returns      timestamptz
create or replace function flex_sync.clock()
returns timestamptz
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select clock_timestamp();
$$;
comment on function flex_sync.clock() is 'The one clock that is compared anywhere; a test replaces it to move time.';
--! EndIncluded clock.sql
--! Included server_started_at.sql
-- server_started_at()
--
-- When this Postgres last started, on the same clock as clock(). A reading older than this is not trusted:
-- where the host runs with synchronous_commit = off, what was recorded after it may have been lost.
--
-- Returns      timestamptz
create or replace function flex_sync.server_started_at()
returns timestamptz
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select pg_postmaster_start_time() + (flex_sync.clock() - clock_timestamp());
$$;
comment on function flex_sync.server_started_at() is 'When this Postgres last started, on the clock of clock().';
--! EndIncluded server_started_at.sql
--! Included flex_id.sql
-- flex_id(value)
--
-- A Flex id as it is compared, locked and sent: trimmed, lower-case.
--
-- Parameters   value   any text, as people typed it
-- Returns      text, or null when nothing is left
create or replace function flex_sync.flex_id(value text)
returns text
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return nullif(lower(btrim(flex_id.value, E' \t\r\n')), '');
end
$$;
comment on function flex_sync.flex_id(text) is 'A Flex id as it is compared, locked and sent: trimmed, lower-case, null when blank.';
--! EndIncluded flex_id.sql
--! Included is_flex_id.sql
-- is_flex_id(value)
--
-- Whether a resource or element id may be sent to Flex: it is UUID-shaped (any version) once trimmed.
--
-- Parameters   value   any text
-- Returns      boolean, false for null
create or replace function flex_sync.is_flex_id(value text)
returns boolean
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(
    lower(btrim(is_flex_id.value, E' \t\r\n')) ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
    false
  );
end
$$;
comment on function flex_sync.is_flex_id(text) is 'Whether an id is UUID-shaped once trimmed; anything else is never sent to Flex.';
--! EndIncluded is_flex_id.sql
--! Included tier_of.sql
-- tier_of(role_code)
--
-- The tier of a role code: its last part after a '-', upper-case. SND-FOH-R is R, SND-RF-E is E, FOH has none.
--
-- Parameters   role_code   as the host stores it
-- Returns      text, or null when the code has no '-' or ends with one
create or replace function flex_sync.tier_of(role_code text)
returns text
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return upper(btrim(substring(tier_of.role_code from '-([^-]+)$')));
end
$$;
comment on function flex_sync.tier_of(text) is 'The tier of a role code: the last part after a ''-'', upper-case; null when there is none.';
--! EndIncluded tier_of.sql
--! Included policy_of.sql
-- policy_of(flex_element_id)
--
-- What may be deleted on one element: the most careful policy of its crew calls.
-- An element that no crew call points at any more is cleaned of what is ours, and of nothing else.
--
-- Parameters   flex_element_id   normalised
-- Returns      mirror, owned, add_only or report
-- Reads        crew_calls, crew_call_settings, settings
create or replace function flex_sync.policy_of(flex_element_id text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.policy_of(text) is 'What may be deleted on one element: the most careful policy of its crew calls; owned when none points there.';
--! EndIncluded policy_of.sql
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
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select distinct on (desired_crew.technician_id)
    desired_crew.technician_id,
    case when is_flex_id(desired_crew.flex_resource_id) then flex_id(desired_crew.flex_resource_id) end,
    case
      when flex_id(desired_crew.flex_resource_id) is null then 'no_resource'
      when not is_flex_id(desired_crew.flex_resource_id) then 'malformed_id'
    end,
    desired_crew.role_code,
    business_roles.flex_role_id
  from desired_crew
  join crew_calls on crew_calls.id = desired_crew.crew_call_id
  left join business_roles
    on lower(btrim(business_roles.department)) = crew_calls.department
    and upper(btrim(business_roles.tier)) = tier_of(desired_crew.role_code)
  where desired_crew.crew_call_id = desired_of.crew_call_id
    and desired_crew.technician_id is not null
  order by
    desired_crew.technician_id,
    is_flex_id(desired_crew.flex_resource_id) desc, business_roles.flex_role_id is null, desired_crew.role_code;
end
$$;
comment on function flex_sync.desired_of(uuid) is 'Who one crew call should show, one row per person, with ids that can be compared.';
--! EndIncluded desired_of.sql
--! Included desired_or_nobody.sql
-- desired_or_nobody(crew_call_id)
--
-- desired_of for views that people read: where the host's view cannot be read they go on, and say host_view.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      as desired_of; nothing when it raises
-- Reads        desired_of
create or replace function flex_sync.desired_or_nobody(crew_call_id uuid)
returns table (technician_id uuid, resource text, problem text, role_code text, role_id text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return query select * from desired_of(desired_or_nobody.crew_call_id);
exception
  when others then
    return;
end
$$;
comment on function flex_sync.desired_or_nobody(uuid) is 'desired_of for views that people read; nothing where the host''s view cannot be read.';
--! EndIncluded desired_or_nobody.sql
--! Included nobodys_lines.sql
-- nobodys_lines(crew_call_id)
--
-- Contact lines on a crew call's element that are nobody's: not in the ledger, not recorded, for a resource that no
-- crew call of the element desires.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      line ids
-- Reads        crew_calls, desired_or_nobody, lines, ledger, recorded_crew
create or replace function flex_sync.nobodys_lines(crew_call_id uuid)
returns table (flex_line_item_id text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.nobodys_lines(uuid) is 'Contact lines on a crew call''s element that are nobody''s.';
--! EndIncluded nobodys_lines.sql
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
begin
  return (
    select count(*) from outbox
    where outbox.kind = 'remove' and outbox.state = 'done' and outbox.finished_at > clock() - interval '1 hour'
  ) + (
    select count(*) from outbox
    where outbox.kind = 'remove' and outbox.state in ('sending', 'unknown')
  );
end
$$;
comment on function flex_sync.removals_within_the_hour() is 'Lines removed in the whole tenant within the last hour, those in flight included.';
--! EndIncluded removals_within_the_hour.sql
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
    select 'monthly', interval '1 month', settings.monthly_limit::bigint from settings
  ),
  last as (
    select coalesce(max(calls.number), 0) as number from calls
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
--! Included why_pending.sql
-- why_pending(flex_element_id, limited)
--
-- What an operation that is pending waits for.
--
-- Parameters   flex_element_id   normalised
--              limited           whether removal_limit applies to it
-- Returns      token_refused | flex_down | rate_limited | quota | doubtful_reading | locked | backing_off | removal_limit | requested | queued
-- Reads        tenant, elements, element_health, syncs, calls_left
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
    when (select elements.doubt_reason from elements where elements.flex_element_id = why_pending.flex_element_id) is not null then 'doubtful_reading'
    when exists (
      select from element_health
      where element_health.flex_element_id = why_pending.flex_element_id and element_health.careful_until > v_now and element_health.failures > 0
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
--! Included next_action.sql
-- next_action(condition, reason, crew_call_id, operation_id, plan)
--
-- What a person does about a condition, ready to be pasted where it is a command. docs/operations.md says more about each.
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
begin
  return case next_action.condition
    when 'paused' then 'select flex_sync.resume();'
    when 'blocked' then case next_action.reason
      when 'no_element' then format('Set flex_crew_calls.flex_element_id of %s to the crew call''s id in Flex, then %s', next_action.crew_call_id, v_sync)
      when 'malformed_id' then format('flex_crew_calls.flex_element_id of %s is not a Flex id: correct it, then %s', next_action.crew_call_id, v_sync)
      when 'element_gone' then format('The crew call is deleted in Flex: restore it there or correct flex_element_id, then %s', v_sync)
      when 'access_denied' then format('Give the Flex user of the token access to this crew call, then %s', v_sync)
      when 'host_view' then format('Mend the view flex_sync.desired_crew (select * from flex_sync.desired_crew limit 1), then %s', v_sync)
      when 'host_table' then format('flex_crew_assignments refused a row: select error from flex_sync.crew_call_blocks where crew_call_id = %L; then %s', next_action.crew_call_id, v_sync)
      when 'token_refused' then 'Give the daemon a valid FLEX_AUTH_TOKEN and restart it; the rest goes on by itself'
    end
    when 'failed' then case
      when next_action.reason = 'contested' then format('Somebody in Flex keeps deleting this line: talk to them, then select flex_sync.retry(%s);', next_action.operation_id)
      when next_action.operation_id is not null then format('select error from flex_sync.outbox where id = %s; mend the cause, then select flex_sync.retry(%s);', next_action.operation_id, next_action.operation_id)
      else format('select flex_sync.retry_failed(%L);', next_action.crew_call_id)
    end
    when 'held' then case
      when next_action.plan is null then format('select flex_sync.explain(%L); then approve_removals or reject_removals', next_action.crew_call_id)
      else format('select flex_sync.explain(%L); then select flex_sync.approve_removals(%L, %L); or reject_removals with the same', next_action.crew_call_id, next_action.crew_call_id, next_action.plan)
    end
    when 'unknown' then 'Nothing to do: readings decide within a minute or two'
    when 'pending' then case next_action.reason
      when 'quota' then format('Nothing to do: goes on by itself when Flex calls free, at %s', to_char((select calls_left.frees_at from calls_left()), 'YYYY-MM-DD HH24:MI:SS TZ'))
      when 'not_requested' then v_sync
      when 'report_only' then format('The policy is report: nothing is written. select flex_sync.set_policy(%L, ''mirror''); then %s', next_action.crew_call_id, v_sync)
      when 'removal_limit' then 'Nothing to do: goes on by itself within the hour; settings.removal_limit is the limit'
      when 'doubtful_reading' then 'Nothing to do, unless it stays: select doubt_reason, doubt_error from flex_sync.elements'
      when 'locked' then 'Unlock the crew call in Flex; it is tried again by itself'
      when 'flex_down' then 'Nothing to do: goes on by itself when Flex answers again'
      when 'rate_limited' then 'Nothing to do: goes on by itself when Flex takes calls again'
      else 'Nothing to do if a drainer runs: flex-crew-sync drain'
    end
    when 'unmapped' then case next_action.reason
      when 'no_resource' then format('Set profiles.flex_resource_id to the person''s contact id in Flex, then %s', v_sync)
      else format('profiles.flex_resource_id is not a Flex id: correct it, then %s', v_sync)
    end
    when 'never_synced' then v_sync
  end;
end
$$;
comment on function flex_sync.next_action(text, text, uuid, bigint, text) is 'What a person does about a condition.';
--! EndIncluded next_action.sql

-- Views for people

--! Included views/duplicate_assignments.sql
-- duplicate_assignments: people recorded more than once on one crew call; impossible once the unique constraint is there.
create or replace view flex_sync.duplicate_assignments as
select
  flex_crew_assignments.crew_call_id,
  flex_crew_assignments.technician_id,
  count(*) - 1 as too_many,
  array_agg(flex_crew_assignments.flex_line_item_id::text order by flex_crew_assignments.created_at nulls last, flex_crew_assignments.id) as flex_line_item_ids
from :HOST_SCHEMA.flex_crew_assignments
where flex_crew_assignments.crew_call_id is not null
  and flex_crew_assignments.technician_id is not null
group by flex_crew_assignments.crew_call_id, flex_crew_assignments.technician_id
having count(*) > 1;
comment on view flex_sync.duplicate_assignments is 'People recorded more than once on one crew call.';
--! EndIncluded views/duplicate_assignments.sql
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
          and other.role_code is distinct from person.role_code
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
-- crew_call_status: one row per crew call, the most urgent first to look at; retired elements keep a row while anything of ours is on them.
create or replace view flex_sync.crew_call_status as
select
  call.crew_call_id,
  call.job_id,
  call.department,
  call.flex_element_id,
  verdict.condition,
  verdict.reason,
  coalesce(persons.desired, 0) as desired,
  coalesce(persons.recorded, 0) as recorded,
  coalesce(shown.observed, 0) as observed,
  coalesce(operations.pending, 0) as pending,
  coalesce(operations.unknown, 0) as unknown,
  coalesce(operations.held, 0) as held,
  coalesce(operations.failed, 0) as failed,
  operations.plan,
  elements.reading_at as observed_at,
  latest.last_sync_at,
  flex_sync.next_action(verdict.condition, verdict.reason, call.crew_call_id, operations.failed_operation_id, operations.plan) as next_action
from (
  select crew_calls.id as crew_call_id, crew_calls.job_id, crew_calls.department, nullif(crew_calls.flex_element_id, '') as flex_element_id, false as retired
  from flex_sync.crew_calls
  union all
  select elements.crew_call_id, elements.job_id, elements.department, elements.flex_element_id, true
  from flex_sync.elements
  where elements.crew_call_id is not null
    and not exists (select from flex_sync.crew_calls where crew_calls.flex_element_id = elements.flex_element_id)
    and (
      exists (select from flex_sync.ledger where ledger.flex_element_id = elements.flex_element_id and ledger.gone_at is null)
      or exists (select from flex_sync.outbox where outbox.flex_element_id = elements.flex_element_id and outbox.state in ('pending', 'sending', 'unknown', 'held'))
    )
) as call
cross join flex_sync.tenant
left join flex_sync.elements on elements.flex_element_id = call.flex_element_id
left join flex_sync.crew_call_blocks on crew_call_blocks.crew_call_id = call.crew_call_id and not call.retired
left join lateral (
  select
    count(*) filter (where crew_status.desired) as desired,
    count(crew_status.flex_line_item_id) as recorded,
    count(*) filter (where crew_status.condition = 'pending' and crew_status.reason = 'confirming') as confirming,
    count(*) filter (where crew_status.condition = 'unknown' and crew_status.reason = 'late_check') as late_checks,
    count(*) filter (where crew_status.condition = 'unmapped') as unmapped,
    count(*) filter (where crew_status.condition = 'pending' and crew_status.reason = 'not_requested') as not_requested,
    count(*) filter (where crew_status.condition = 'pending' and crew_status.reason = 'report_only') as report_only,
    min(crew_status.reason) filter (where crew_status.condition = 'unmapped') as unmapped_reason,
    min(crew_status.reason) filter (where crew_status.condition = 'failed') as failed_reason,
    min(crew_status.reason) filter (where crew_status.condition = 'pending' and crew_status.reason not in ('confirming', 'not_requested', 'report_only')) as pending_reason
  from flex_sync.crew_status
  where crew_status.crew_call_id = call.crew_call_id
    and not call.retired
) as persons on true
left join lateral (
  select count(*) as observed
  from flex_sync.lines
  where lines.flex_element_id = call.flex_element_id
    and lines.present
    and lines.flex_resource_id is not null
) as shown on true
left join lateral (
  select
    count(*) filter (where outbox.state in ('pending', 'sending') and outbox.priority = 0) as pending,
    count(*) filter (where outbox.state = 'unknown') as unknown,
    count(*) filter (where outbox.state = 'held') as held,
    count(*) filter (where outbox.state = 'failed') as failed,
    min(outbox.id) filter (where outbox.state = 'failed') as failed_operation_id,
    min(outbox.reason) filter (where outbox.state = 'failed') as failed_reason,
    min(outbox.brake) filter (where outbox.state = 'held') as brake,
    min(outbox.flex_line_item_id) filter (where outbox.state in ('pending', 'sending') and outbox.kind = 'remove' and outbox.limited) as limited_line,
    md5(string_agg(outbox.flex_line_item_id || ' ' || coalesce(outbox.flex_resource_id, ''), ',' order by outbox.flex_line_item_id)
      filter (where outbox.state = 'held')) as plan
  from flex_sync.outbox
  where outbox.flex_element_id = call.flex_element_id
    and (outbox.state in ('pending', 'sending', 'unknown', 'held') or (outbox.state = 'failed' and outbox.superseded_at is null))
    and (outbox.crew_call_id = call.crew_call_id or outbox.persons @> jsonb_build_array(jsonb_build_object('crew_call_id', call.crew_call_id)) or call.retired)
) as operations on true
left join lateral (
  select max(syncs.finished_at) as last_sync_at, bool_or(syncs.finished_at is null) as waiting, max(syncs.last_requested_at) as last_requested_at
  from flex_sync.syncs
  where syncs.flex_element_id = call.flex_element_id
) as latest on true
cross join lateral (
  select elements.reading_at is not null and latest.last_sync_at is not null as synced_once
) as known
cross join lateral (
  -- The most urgent that holds, in the order of docs/reasons.md.
  select judged.pair[1] as condition, judged.pair[2] as reason
  from (select case
    when tenant.paused_at is not null then array['paused', 'paused']
    when call.flex_element_id is null then array['blocked', 'no_element']
    when not flex_sync.is_flex_id(call.flex_element_id) then array['blocked', 'malformed_id']
    when elements.blocked_reason is not null then array['blocked', elements.blocked_reason]
    when crew_call_blocks.reason is not null then array['blocked', crew_call_blocks.reason]
    when tenant.breaker_reason = 'token_refused' and (operations.pending > 0 or latest.waiting) then array['blocked', 'token_refused']
    when operations.failed > 0 then array['failed', operations.failed_reason]
    when operations.held > 0 then array['held', operations.brake]
    when operations.unknown > 0 then array['unknown', 'unanswered']
    when exists (
      select from flex_sync.calls
      where calls.flex_element_id = call.flex_element_id
        and calls.outcome = 'unknown'
        and calls.absent_at is not null
        and calls.late_checked_at is null
    ) then array['unknown', 'late_check']
    when persons.confirming > 0 then array['pending', 'confirming']
    when elements.doubt_reason is not null and tenant.breaker_opened_at is null then array['pending', 'doubtful_reading']
    when operations.pending > 0 then array['pending', flex_sync.why_pending(call.flex_element_id, operations.limited_line is not null)]
    when latest.waiting then array['pending', flex_sync.why_pending(call.flex_element_id, false)]
    when call.retired then array['pending', 'retired']
    when known.synced_once and persons.report_only > 0 then array['pending', 'report_only']
    when known.synced_once and persons.not_requested > 0 then array['pending', 'not_requested']
    when known.synced_once and elements.reading_at < latest.last_requested_at then array['pending', 'requested']
    when persons.unmapped > 0 then array['unmapped', persons.unmapped_reason]
    when not known.synced_once then array['never_synced', 'never_synced']
    else array['synced', null]
  end as pair) as judged
) as verdict;
comment on view flex_sync.crew_call_status is 'One row per crew call: its condition, why, and what to do next.';
--! EndIncluded views/crew_call_status.sql
--! Included views/metrics.sql
-- metrics: one row per name; the audit's four targets over the last 24 hours, then what an operator watches.
create or replace view flex_sync.metrics as
with recent as (
  select syncs.outcome, extract(epoch from syncs.duration)::numeric as seconds
  from flex_sync.syncs
  where syncs.finished_at > flex_sync.clock() - interval '24 hours'
)
select 'duplicate_assignments' as name, (select count(*) from flex_sync.duplicate_assignments)::numeric as value, 'rows too many in flex_crew_assignments' as meaning
union all
select 'missing_crew', (
  select count(*) from flex_sync.outbox
  where outbox.kind = 'add' and (outbox.state in ('pending', 'sending', 'unknown') or (outbox.state = 'failed' and outbox.superseded_at is null))
), 'people desired who are not known to be in Flex'
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

-- The host's hook: created once, the host's to replace

--! Included may_sync.sql
-- may_sync(crew_call_id)
--
-- The host's hook: whether the current session may ask for this sync. Replace it; a later migration never touches it.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      boolean; anything but true refuses the request with NOTAL
create or replace function flex_sync.may_sync(crew_call_id uuid)
returns boolean
language plpgsql
stable
as $$
begin
  return true;
end
$$;
comment on function flex_sync.may_sync(uuid) is 'The host''s hook: whether the current session may ask for this sync. Created once, yours to replace.';
--! EndIncluded may_sync.sql

-- What plans, claims, records and operates

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
-- Writes       ledger, due_elements, operator_log
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
    raise exception 'line % cannot be adopted: %', coalesce(adopt.flex_line_item_id, 'null'),
      case when v_resource is null then 'the last reading shows no such contact line on this crew call' else 'nobody desired has its resource ' || v_resource end
      using errcode = 'NOLIN', hint = format('select flex_line_item_id, name from flex_sync.lines where flex_element_id = %L and present;', v_element);
  end if;
  perform enter_ledger(flex_id(adopt.flex_line_item_id), v_element, v_resource, adopt.crew_call_id, v_technician_id, 'adopted');
  perform log_operator('adopt', jsonb_build_object('crew_call_id', adopt.crew_call_id, 'flex_line_item_id', flex_id(adopt.flex_line_item_id)));
  perform note_element(v_element, 'a line was adopted', true);
  return format('line %s is ours now, for person %s', flex_id(adopt.flex_line_item_id), v_technician_id);
end
$$;
comment on function flex_sync.adopt(uuid, text) is 'A human-made line of somebody desired becomes ours.';
--! EndIncluded adopt.sql
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
-- Writes       outbox
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
  -- No longer wanted and not yet sent.
  update outbox
  set state = 'cancelled', finished_at = v_now
  where outbox.flex_element_id = apply_plan.flex_element_id
    and outbox.kind <> 'observe'
    and outbox.state in ('pending', 'held')
    and not exists (
      select from operations_of(v_plan) as operation
      where operation.kind = outbox.kind
        and case when outbox.kind = 'remove' then operation.line = outbox.flex_line_item_id else operation.resource = outbox.flex_resource_id end
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
    and case when outbox.kind = 'remove' then operation.line = outbox.flex_line_item_id else operation.resource = outbox.flex_resource_id end
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
      where case outbox.kind
        when 'add' then planned.action = 'wait' and planned.flex_resource_id = outbox.flex_resource_id
        when 'set_role' then planned.action = 'wait_role' and planned.flex_resource_id = outbox.flex_resource_id
        else planned.action = 'report' and planned.flex_line_item_id = outbox.flex_line_item_id
      end
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
        and case when operation.kind = 'remove' then outbox.flex_line_item_id = operation.line else outbox.flex_resource_id = operation.resource end
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
    and case when outbox.kind = 'remove' then operation.line = outbox.flex_line_item_id else operation.resource = outbox.flex_resource_id end
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
--! Included approve_removals.sql
-- approve_removals(crew_call_id, plan)
--
-- Yes, remove the held lines of this plan: exactly those (id and resource), until they are gone or a day has passed.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              plan           crew_call_status.plan, or the plan that sync_crew_call answered
-- Returns      how many lines the answer covers
-- Errors       NOCAL   no crew call has this id
--              NOPLN   nothing is held under this plan
create or replace function flex_sync.approve_removals(crew_call_id uuid, plan text)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return decide_removals(approve_removals.crew_call_id, approve_removals.plan, 'approved');
end
$$;
comment on function flex_sync.approve_removals(uuid, text) is 'Yes, remove the held lines of this plan.';
--! EndIncluded approve_removals.sql
--! Included backoff.sql
-- backoff(failures)
--
-- How long to wait after so many failures in a row: a second, doubling to a minute, with jitter (75 to 125 %).
--
-- Returns      interval
create or replace function flex_sync.backoff(failures int)
returns interval
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  return least(power(2, greatest(least(backoff.failures, 10), 1) - 1), 60) * (0.75 + random() / 2) * interval '1 s';
end
$$;
comment on function flex_sync.backoff(int) is 'How long to wait after so many failures in a row: 1 s doubling to 60 s, with jitter.';
--! EndIncluded backoff.sql
--! Included begin_background_readings.sql
-- begin_background_readings()
--
-- Queue the next reading of elements that have a resync_interval and none queued: at most 50 at a time, spread by when
-- each was last read.
--
-- Returns      how many
-- Locks        element (tried, never waited for)
-- Reads        settings, crew_call_settings, crew_calls, elements
-- Writes       outbox
create or replace function flex_sync.begin_background_readings()
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
  if not exists (select from settings where settings.resync_interval is not null)
    and not exists (select from crew_call_settings where crew_call_settings.resync_interval is not null) then
    return 0;
  end if;
  for v_element in
    select distinct elements.flex_element_id, elements.reading_at
    from settings
    cross join elements
    join crew_calls on crew_calls.flex_element_id = elements.flex_element_id
    left join crew_call_settings on crew_call_settings.crew_call_id = crew_calls.id
    where elements.reading_at + coalesce(crew_call_settings.resync_interval, settings.resync_interval) <= clock()
      and not exists (
        select from outbox
        where outbox.flex_element_id = elements.flex_element_id and outbox.kind = 'observe' and outbox.state in ('pending', 'sending')
      )
    order by elements.reading_at
    limit 50
  loop
    continue when not pg_try_advisory_xact_lock(hashtextextended('flex_sync element ' || v_element.flex_element_id, 0));
    perform queue_reading(v_element.flex_element_id);
    v_number := v_number + 1;
  end loop;
  return v_number;
end
$$;
comment on function flex_sync.begin_background_readings() is 'Queues the next reading of elements that have a resync_interval.';
--! EndIncluded begin_background_readings.sql
--! Included block_element.sql
-- block_element(flex_element_id, reason, error)
--
-- Nothing can be done on this element for now: cancel what was not sent, so that its syncs end, and say why.
-- The next sync request tries again, and so does an hourly reading.
--
-- Parameters   flex_element_id   normalised
--              reason            element_gone | access_denied | host_view
--              error             what was seen
-- Writes       elements, outbox, due_elements
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
  set state = 'cancelled', finished_at = v_now
  where outbox.flex_element_id = block_element.flex_element_id
    and outbox.kind <> 'observe'
    and outbox.state = 'pending';

  update elements
  set blocked_reason = block_element.reason, blocked_error = block_element.error, blocked_at = v_now, reading_wanted_at = null
  where elements.flex_element_id = block_element.flex_element_id;
  perform note_element(block_element.flex_element_id, block_element.reason, false);
end
$$;
comment on function flex_sync.block_element(text, text, text) is 'Cancels what was not sent on an element and says why nothing can be done there for now.';
--! EndIncluded block_element.sql
--! Included claim_call.sql
-- claim_call(drainer, kind, deadline, operation_id)
--
-- Count one further call that an operation in flight needs: whether its element exists, whether the token works.
--
-- Parameters   drainer        who makes it
--              kind           identity | user
--              deadline       after how long it gives up waiting for an answer
--              operation_id   outbox.id
-- Returns      the call's number, or null when the budget has none left: then ask again later
-- Errors       ISOLA   the transaction is not read committed
-- Locks        budget
-- Writes       calls
create or replace function flex_sync.claim_call(drainer text, kind text, deadline interval, operation_id bigint)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.claim_call(text, text, interval, bigint) is 'Counts one further call that an operation in flight needs; null when the budget has none left.';
--! EndIncluded claim_call.sql
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
  v_candidate record;
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
      - (select count(*) from outbox where outbox.state = 'sending')
  )
  into v_free
  from calls_left();
  if v_free <= 0 then
    return;
  end if;
  v_removals_left := v_settings.removal_limit - removals_within_the_hour();
  select coalesce(jsonb_object_agg(sending.flex_element_id, sending.number), '{}') into v_in_flight
  from (
    select outbox.flex_element_id, count(*) as number
    from outbox
    where outbox.state = 'sending'
    group by outbox.flex_element_id
  ) as sending;

  loop
    v_looked_at := 0;
    v_before := v_free - cardinality(v_busy);
    for v_candidate in
      select outbox.id, outbox.kind, outbox.flex_element_id, outbox.limited,
        case when element_health.careful_until > v_now then 1 else v_settings.element_concurrency end as at_once
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
        update outbox set state = 'cancelled', finished_at = v_now where outbox.id = v_operation.id;
        continue;
      end if;

      v_operation.attempts := v_operation.attempts + 1;
      claim_operations.call_number := count_call(v_operation.kind, claim_operations.drainer, v_now + claim_operations.deadline, v_operation);
      update outbox
      set
        state = 'sending',
        attempts = v_operation.attempts,
        token = gen_random_uuid(),
        sent_at = v_now,
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
        set reading_at = v_now
        where syncs.flex_element_id = v_operation.flex_element_id
          and syncs.finished_at is null
          and syncs.reading_at is null;
      end if;

      v_free := v_free - 1;
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
--! Included claim_probe.sql
-- claim_probe(drainer, deadline)
--
-- While the breaker is open: let one drainer ask Flex whether it works again (GET current-user), at most every
-- probe_wait, one at a time.
--
-- Parameters   drainer    who asks
--              deadline   after how long it gives up waiting for an answer
-- Returns      the call's number, or null when nobody may ask now
-- Errors       ISOLA   the transaction is not read committed
-- Locks        budget
-- Writes       tenant, calls
create or replace function flex_sync.claim_probe(drainer text, deadline interval)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.claim_probe(text, interval) is 'While the breaker is open: lets one drainer at a time ask Flex whether it works again.';
--! EndIncluded claim_probe.sql
--! Included close_call.sql
-- close_call(call_number, outcome, http_status, error)
--
-- Write down how a counted call ended.
--
-- Writes       calls
create or replace function flex_sync.close_call(call_number bigint, outcome text, http_status int, error text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  update calls
  set answered_at = clock(), outcome = close_call.outcome, http_status = close_call.http_status, error = left(close_call.error, 500)
  where calls.number = close_call.call_number
    and calls.answered_at is null;
end
$$;
comment on function flex_sync.close_call(bigint, text, int, text) is 'Writes down how a counted call ended.';
--! EndIncluded close_call.sql
--! Included confirm_stale.sql
-- confirm_stale(flex_element_id, began_at)
--
-- Compare what is recorded with a reading: a recorded line that it lacks (with that resource) is missing; one that was
-- missing confirm_after ago already is stale, and the host's row goes. A line that is there is missing no more.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock
--              began_at          beginning of the reading just stored
-- Reads        crew_calls, recorded_crew, ledger, desired_or_nobody, lines, outbox, settings
-- Writes       missing_lines, lines, ledger, the host's flex_crew_assignments
create or replace function flex_sync.confirm_stale(flex_element_id text, began_at timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
as $$
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
comment on function flex_sync.confirm_stale(text, timestamptz) is 'Two readings that both lack a recorded line make it stale.';
--! EndIncluded confirm_stale.sql
--! Included count_call.sql
-- count_call(kind, drainer, deadline, operation_id, flex_element_id)
--
-- Count one Flex call before it is made. The caller holds the budget lock and checked calls_left().
--
-- Parameters   kind         observe | add | set_role | remove | identity | user
--              drainer      who makes it
--              deadline     when its answer is given up
--              operation    what it is made for, null for a probe
-- Returns      the call's number
-- Writes       calls
create or replace function flex_sync.count_call(
  kind text,
  drainer text,
  deadline timestamptz,
  operation flex_sync.outbox default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.count_call(text, text, timestamptz, flex_sync.outbox) is 'Counts one Flex call before it is made.';
--! EndIncluded count_call.sql
--! Included crew_call_or_raise.sql
-- crew_call_or_raise(crew_call_id)
--
-- The element of a crew call an operator named, or an error that says which id is wrong. Crew calls that were deleted
-- while something of ours is still on their element are known too.
--
-- Returns      the normalised element id; null when the crew call has none
-- Errors       NOCAL   no crew call has this id
create or replace function flex_sync.crew_call_or_raise(crew_call_id uuid)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.crew_call_or_raise(uuid) is 'The element of a crew call an operator named, or an error that names the id.';
--! EndIncluded crew_call_or_raise.sql
--! Included decide_removals.sql
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
--! EndIncluded decide_removals.sql
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
--! Included doubt_element.sql
-- doubt_element(flex_element_id, reason, error)
--
-- A reading cannot be trusted: nothing is written on this element until a good one.
--
-- Writes       elements
create or replace function flex_sync.doubt_element(flex_element_id text, reason text, error text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  update elements
  set doubt_reason = doubt_element.reason, doubt_error = doubt_element.error, doubt_at = clock()
  where elements.flex_element_id = doubt_element.flex_element_id;
end
$$;
comment on function flex_sync.doubt_element(text, text, text) is 'A reading cannot be trusted: nothing is written on this element until a good one.';
--! EndIncluded doubt_element.sql
--! Included doubt_of_lines.sql
-- doubt_of_lines(lines)
--
-- Why a list of lines cannot be trusted, if so. The drainer's reader has already refused what it could not understand;
-- this is the same rule once more where the decision is made.
--
-- Parameters   lines   as in record_observation
-- Returns      text beginning with a reason code, or null when nothing speaks against it
create or replace function flex_sync.doubt_of_lines(lines jsonb)
returns text
language plpgsql
immutable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.doubt_of_lines(jsonb) is 'Why a list of lines cannot be trusted, or null.';
--! EndIncluded doubt_of_lines.sql
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
--! Included enter_ledger.sql
-- enter_ledger(flex_line_item_id, flex_element_id, flex_resource_id, crew_call_id, technician_id, source, operation_id)
--
-- A line is ours from now on. A line that is in the ledger stays as it is, but is no longer gone.
--
-- Writes       ledger
create or replace function flex_sync.enter_ledger(
  flex_line_item_id text,
  flex_element_id text,
  flex_resource_id text,
  crew_call_id uuid,
  technician_id uuid,
  source text,
  operation_id bigint default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.enter_ledger(text, text, text, uuid, uuid, text, bigint) is 'A line is ours from now on.';
--! EndIncluded enter_ledger.sql
--! Included explain.sql
-- explain(crew_call_id)
--
-- The plan of a crew call in words: who is kept, added, removed, held and why, and from which reading.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      text, several lines
-- Errors       NOCAL   no crew call has this id
-- Reads        plan_element, crew_call_status, elements
create or replace function flex_sync.explain(crew_call_id uuid)
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
begin
  select crew_call_status.* into v_status from crew_call_status where crew_call_status.crew_call_id = explain.crew_call_id and crew_call_status.flex_element_id is not distinct from v_element;
  select elements.reading_at into v_read_at from elements where elements.flex_element_id = v_element;
  v_text := format('Crew call %s (%s): %s%s', explain.crew_call_id, coalesce(v_status.department, 'retired'), v_status.condition,
    coalesce(', ' || v_status.reason, ''));
  if not is_flex_id(v_element) then
    return v_text || E'\n' || v_status.next_action;
  end if;
  v_text := v_text || E'\n' || case
    when v_read_at is null then format('Element %s was never read: the plan below knows only what is desired and recorded.', v_element)
    else format('Element %s, read %s ago (%s), policy %s.', v_element, date_trunc('second', clock() - v_read_at), to_char(v_read_at, 'YYYY-MM-DD HH24:MI:SS TZ'), policy_of(v_element))
  end;
  return v_text || coalesce((
    select string_agg(E'\n' || sentence.text, '' order by sentence.position, sentence.text)
    from (
      select
        array_position(array['hold', 'contest', 'wait', 'confirm', 'add', 'remove', 'set_role', 'wait_role', 'unmapped', 'report', 'keep'], planned.action) as position,
        case planned.action
          when 'keep' then format('  keep      person %s on line %s%s', planned.technician_id, planned.flex_line_item_id, case when not planned.ours then ' (made by a person in Flex)' else '' end)
          when 'add' then format('  add       person %s (resource %s)%s', planned.technician_id, planned.flex_resource_id,
            case planned.reason when 'stale' then ': somebody deleted their line in Flex' else '' end)
          when 'confirm' then format('  confirm   person %s: the last reading lacks their line %s, a second one decides', planned.technician_id, coalesce(planned.flex_line_item_id, ''))
          when 'contest' then format('  contested person %s: added again twice within a day, deleted in Flex once more', planned.technician_id)
          when 'wait' then format('  wait      person %s: %s', planned.technician_id, case planned.reason
            when 'unknown' then 'an add was sent and nobody knows whether Flex did it'
            when 'sending' then 'an add is in flight'
            when 'refused' then 'the last add was refused, see flex_sync.crew_status'
            else 'their old line is being removed' end)
          when 'unmapped' then format('  unmapped  person %s: %s', planned.technician_id, case planned.reason
            when 'no_resource' then 'no flex_resource_id' else 'flex_resource_id is not a Flex id' end)
          when 'set_role' then format('  set role  person %s: business role %s', planned.technician_id, planned.flex_role_id)
          when 'wait_role' then format('  wait      person %s: the last role write was refused', planned.technician_id)
          when 'remove' then format('  remove    line %s%s: %s', planned.flex_line_item_id, coalesce(' of ' || coalesce(planned.name, planned.technician_id::text), ''), planned.reason)
          when 'hold' then format('  hold      line %s%s: %s, held by the brake %s', planned.flex_line_item_id, coalesce(' of ' || coalesce(planned.name, planned.technician_id::text), ''), planned.reason, planned.brake)
          when 'report' then format('  leave     line %s%s: %s, but it stays (policy, a no, or a refused removal)', planned.flex_line_item_id, coalesce(' of ' || planned.name, ''), planned.reason)
        end as text
      from plan_element(v_element) as planned
      where planned.crew_call_id = explain.crew_call_id
    ) as sentence
  ), E'\n  nobody is desired and nobody is there') || coalesce(E'\nNext: ' || v_status.next_action, '');
end
$$;
comment on function flex_sync.explain(uuid) is 'The plan of a crew call in words.';
--! EndIncluded explain.sql
--! Included finish_answered_syncs.sql
-- finish_answered_syncs(flex_element_id, began_at)
--
-- finish_sync() for every sync of an element that a reading answers: those it leaves nothing to do for end here.
--
-- Parameters   flex_element_id   normalised
--              began_at          beginning of the reading
-- Writes       syncs, due_elements
create or replace function flex_sync.finish_answered_syncs(flex_element_id text, began_at timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.finish_answered_syncs(text, timestamptz) is 'finish_sync() for every sync of an element that a reading answers.';
--! EndIncluded finish_answered_syncs.sql
--! Included finish_sync.sql
-- finish_sync(sync_id)
--
-- Close a sync that has nothing pending or in flight any more, and let the waiting one's reading go.
-- The sync's row is locked before its operations are counted: of two records that end its last two operations, the
-- second to come sees both.
--
-- Parameters   sync_id   syncs.id; null does nothing
-- Reads        outbox, calls, elements, crew_call_status
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
  ) then 'blocked' else coalesce((
    select crew_call_status.condition from crew_call_status
    where crew_call_status.crew_call_id = v_sync.crew_call_id and crew_call_status.flex_element_id = v_sync.flex_element_id
  ), 'synced') end
  where syncs.id = v_sync.id;

  perform pg_notify('flex_sync_done', v_sync.id::text);
  if exists (select from syncs where syncs.flex_element_id = v_sync.flex_element_id and syncs.finished_at is null) then
    perform note_element(v_sync.flex_element_id, 'a waiting sync may go on', false);
  end if;
end
$$;
comment on function flex_sync.finish_sync(bigint) is 'Closes a sync that has nothing pending or in flight any more, and lets the waiting one go on.';
--! EndIncluded finish_sync.sql
--! Included forget_line.sql
-- forget_line(flex_element_id, flex_line_item_id)
--
-- A line is gone from Flex: no row of the host names it any more.
--
-- Parameters   flex_element_id, flex_line_item_id   normalised
-- Reads        crew_calls, ledger
-- Writes       the host's flex_crew_assignments, ledger, missing_lines, removal_decisions, crew_call_blocks
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
  end;
end
$$;
comment on function flex_sync.forget_line(text, text) is 'A line is gone from Flex: no row of the host names it any more.';
--! EndIncluded forget_line.sql
--! Included hash_of_held.sql
-- hash_of_held(held)
--
-- The name of a plan's held removals: the same lines with the same resources have the same name.
--
-- Parameters   held   rows of plan_element with action hold, or null
-- Returns      text, null when nothing is held
create or replace function flex_sync.hash_of_held(held flex_sync.planned[])
returns text
language plpgsql
immutable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return (
    select md5(string_agg(held.flex_line_item_id || ' ' || coalesce(held.flex_resource_id, ''), ',' order by held.flex_line_item_id))
    from unnest(hash_of_held.held) as held
  );
end
$$;
comment on function flex_sync.hash_of_held(flex_sync.planned[]) is 'The name of a set of held removals, for approve_removals and reject_removals.';
--! EndIncluded hash_of_held.sql
--! Included host_error.sql
-- host_error()
--
-- Why the host's crew calls or their recorded crew cannot be read in full, if so: a row level security policy that would
-- hide rows is an error, never an element without crew calls.
--
-- Returns      the error's text, or null
-- Reads        crew_calls, recorded_crew
create or replace function flex_sync.host_error()
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
as $$
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
comment on function flex_sync.host_error() is 'Why the host''s crew calls or their recorded crew cannot be read in full; null when they can.';
--! EndIncluded host_error.sql
--! Included join_sync.sql
-- join_sync(sync_id, allow_mass_removal)
--
-- One more request for a sync that still waits: its time is raised, so that only a reading begun from now on answers it.
--
-- Parameters   sync_id              from request_sync, in this transaction
--              allow_mass_removal   as in sync_crew_call
-- Writes       syncs
create or replace function flex_sync.join_sync(sync_id bigint, allow_mass_removal boolean)
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
end
$$;
comment on function flex_sync.join_sync(bigint, boolean) is 'One more request for a sync that still waits for its reading.';
--! EndIncluded join_sync.sql
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
  if found or v_call.id is null then
    return;
  end if;

  update elements
  set crew_call_id = v_call.id, job_id = v_call.job_id, department = v_call.department
  where elements.flex_element_id = know_element.flex_element_id
    and (elements.crew_call_id, elements.job_id, elements.department) is distinct from (v_call.id, v_call.job_id, v_call.department);
end
$$;
comment on function flex_sync.know_element(text) is 'Makes sure an element has its row and remembers the crew call that points at it.';
--! EndIncluded know_element.sql
--! Included lacks_every_recorded_line.sql
-- lacks_every_recorded_line(flex_element_id, lines, began_at)
--
-- Lines are recorded and this reading lacks every one of them: is the element itself gone? Asked once per
-- disappearance, not with every reading of it.
--
-- Parameters   flex_element_id   normalised
--              lines             as in record_observation
--              began_at          beginning of the reading
-- Returns      boolean
-- Reads        crew_calls, recorded_crew, ledger, elements, missing_lines
create or replace function flex_sync.lacks_every_recorded_line(flex_element_id text, lines jsonb, began_at timestamptz)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set row_security = off
as $$
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
comment on function flex_sync.lacks_every_recorded_line(text, jsonb, timestamptz) is 'Whether a reading lacks every recorded line, so that the element itself may be gone.';
--! EndIncluded lacks_every_recorded_line.sql
--! Included lock_budget.sql
-- lock_budget()
--
-- One claim at a time over all drainers: counting calls and taking them is one step. Held until the transaction ends.
--
-- Locks        budget
create or replace function flex_sync.lock_budget()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('flex_sync budget', 0));
end
$$;
comment on function flex_sync.lock_budget() is 'One claim at a time over all drainers, until the transaction ends.';
--! EndIncluded lock_budget.sql
--! Included lock_element.sql
-- lock_element(flex_element_id)
--
-- One planner at a time per Flex document. Held until the transaction ends.
-- Only planning takes it (sync_crew_call, record_observation); recording a write's outcome never does.
--
-- Parameters   flex_element_id   normalised
-- Locks        element
create or replace function flex_sync.lock_element(flex_element_id text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('flex_sync element ' || lock_element.flex_element_id, 0));
end
$$;
comment on function flex_sync.lock_element(text) is 'One planner at a time per Flex document, until the transaction ends.';
--! EndIncluded lock_element.sql
--! Included lock_element_of.sql
-- lock_element_of(crew_call_id)
--
-- Lock the element that a crew call points at, and answer which it is: the id is read again after the lock, and when
-- it moved meanwhile, the first lock is let go and the new one taken.
--
-- Parameters   crew_call_id   flex_crew_calls.id
-- Returns      the normalised element id, or null when the crew call has gone or lost its element
-- Locks        element
-- Reads        crew_calls
create or replace function flex_sync.lock_element_of(crew_call_id uuid)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.lock_element_of(uuid) is 'Locks the element that a crew call points at and answers which it is, read again after the lock.';
--! EndIncluded lock_element_of.sql
--! Included log_operator.sql
-- log_operator(action, arguments)
--
-- Leave a trace of who did what: the session's user, with the subject of the request's token where there is one.
--
-- Writes       operator_log
create or replace function flex_sync.log_operator(action text, arguments jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_subject text;
begin
  begin
    v_subject := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub';
  exception
    when others then
      v_subject := null;
  end;
  insert into operator_log (at, who, action, arguments)
  values (clock(), concat_ws(' ', session_user::text, v_subject), log_operator.action, log_operator.arguments);
end
$$;
comment on function flex_sync.log_operator(text, jsonb) is 'Leaves a trace of who did what.';
--! EndIncluded log_operator.sql
--! Included next_reading.sql
-- next_reading(flex_element_id)
--
-- When an element has to be read again, and what for: the most pressing of everything that waits for a reading.
--
-- Parameters   flex_element_id   normalised
-- Returns      one row, or none when nothing waits: due_at, reason, sync_id (of the sync it keeps open), priority
--              reason: requested | confirming | unknown | late_check | asked | reading_too_old | blocked | background
-- Reads        elements, element_health, syncs, outbox, calls, missing_lines, settings, crew_call_settings, crew_calls
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
      and exists (select from crew_calls where crew_calls.flex_element_id = next_reading.flex_element_id)
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
--! Included next_sync_work_at.sql
-- next_sync_work_at()
--
-- When the next operation of an unfinished sync falls due: what a drainer that is about to exit may still wait for.
--
-- Returns      timestamptz on the clock of clock(), null when no sync goes on by itself
-- Reads        outbox, syncs, elements, element_health, tenant, calls_left
create or replace function flex_sync.next_sync_work_at()
returns timestamptz
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.next_sync_work_at() is 'When the next operation of an unfinished sync falls due.';
--! EndIncluded next_sync_work_at.sql
--! Included next_work_at.sql
-- next_work_at()
--
-- When a drainer has to look again although nothing notifies it: an operation falls due, a lease runs out, a probe may be
-- made, a call frees, a background reading begins.
--
-- Returns      timestamptz on the clock of clock(), null when nothing is waiting for time to pass
-- Reads        outbox, elements, element_health, tenant, calls_left, settings, crew_call_settings
create or replace function flex_sync.next_work_at()
returns timestamptz
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
  v_tenant tenant;
  v_due timestamptz;
  v_frees_at timestamptz;
  v_other timestamptz;
  v_removal_at timestamptz;
begin
  select tenant.* into v_tenant from tenant;
  if v_tenant.paused_at is not null then
    return null;
  end if;
  select min(outbox.lease_until) into v_other from outbox where outbox.state = 'sending';
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

  -- Anything due already? Then there is no need to look at everything that waits.
  perform from outbox
  left join element_health on element_health.flex_element_id = outbox.flex_element_id
  left join elements on elements.flex_element_id = outbox.flex_element_id
  where outbox.state = 'pending'
    and outbox.after_operation_id is null
    and outbox.due_at <= v_now
    and (element_health.backoff_until is null or element_health.backoff_until <= v_now)
    and not (outbox.limited and coalesce(v_removal_at > v_now, false))
    and (outbox.kind = 'observe' or (outbox.reading_at is not null and elements.doubt_reason is null and elements.blocked_reason is null))
  limit 1;
  if found then
    return least(v_other, greatest(v_now, (select calls_left.frees_at from calls_left())));
  end if;

  select min(greatest(outbox.due_at, element_health.backoff_until)) into v_due
  from outbox
  left join element_health on element_health.flex_element_id = outbox.flex_element_id
  left join elements on elements.flex_element_id = outbox.flex_element_id
  where outbox.state = 'pending'
    and outbox.after_operation_id is null
    and not (outbox.limited and coalesce(v_removal_at > v_now, false))
    and (outbox.kind = 'observe' or (outbox.reading_at is not null and elements.doubt_reason is null and elements.blocked_reason is null));
  if v_removal_at > v_now and exists (select from outbox where outbox.state = 'pending' and outbox.limited) then
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
--! Included note_changed_assignments.sql
-- note_changed_assignments()  (statement trigger on job_assignments, only after enable_auto_sync)
--
-- The crew of some jobs changed: ask for a sync of their crew calls, once per statement and element.
--
-- Reads        crew_calls
-- Writes       due_elements; NOTIFY flex_sync_work
create or replace function flex_sync.note_changed_assignments()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  insert into due_elements (flex_element_id, reason, wants_reading, requests_sync, noted_at)
  select distinct crew_calls.flex_element_id, 'the crew changed', false, true, clock()
  from changed_rows
  join crew_calls on crew_calls.job_id::text = changed_rows.job_id::text
  where is_flex_id(crew_calls.flex_element_id);
  if found then
    perform pg_notify('flex_sync_work', '');
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_assignments() is 'Asks for a sync of the crew calls whose crew changed.';
--! EndIncluded note_changed_assignments.sql
--! Included note_changed_crew_call.sql
-- note_changed_crew_call()  (trigger on flex_crew_calls)
--
-- A crew call was deleted or pointed at another element: the old element must be cleaned of what is ours. The note is
-- all that happens here; it waits for nobody and never raises.
--
-- Writes       due_elements
create or replace function flex_sync.note_changed_crew_call()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.note_changed_crew_call() is 'Notes the old element of a crew call that was deleted or points elsewhere.';
--! EndIncluded note_changed_crew_call.sql
--! Included note_changed_mapping.sql
-- note_changed_mapping()  (statement trigger on flex_crew_calls, only after enable_auto_sync)
--
-- Crew calls were made or changed: ask for a sync of the elements they point at now.
--
-- Writes       due_elements; NOTIFY flex_sync_work
create or replace function flex_sync.note_changed_mapping()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  insert into due_elements (flex_element_id, reason, wants_reading, requests_sync, noted_at)
  select distinct flex_id(changed_rows.flex_element_id::text), 'a crew call was mapped', false, true, clock()
  from changed_rows
  where is_flex_id(changed_rows.flex_element_id::text);
  if found then
    perform pg_notify('flex_sync_work', '');
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_mapping() is 'Asks for a sync of crew calls that were made or changed.';
--! EndIncluded note_changed_mapping.sql
--! Included note_changed_profiles.sql
-- note_changed_profiles()  (statement trigger on profiles, only after enable_auto_sync)
--
-- Somebody's Flex resource changed: ask for a sync of the crew calls of their jobs.
--
-- Reads        crew_calls, the host's job_assignments
-- Writes       due_elements; NOTIFY flex_sync_work
create or replace function flex_sync.note_changed_profiles()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  insert into due_elements (flex_element_id, reason, wants_reading, requests_sync, noted_at)
  select distinct crew_calls.flex_element_id, 'a resource changed', false, true, clock()
  from changed_rows
  join former_rows on former_rows.id = changed_rows.id
  join :HOST_SCHEMA.job_assignments on job_assignments.technician_id = changed_rows.id
  join crew_calls on crew_calls.job_id = job_assignments.job_id
  where changed_rows.flex_resource_id::text is distinct from former_rows.flex_resource_id::text
    and is_flex_id(crew_calls.flex_element_id);
  if found then
    perform pg_notify('flex_sync_work', '');
  end if;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_changed_profiles() is 'Asks for a sync of the crew calls of people whose resource changed.';
--! EndIncluded note_changed_profiles.sql
--! Included note_deleted_job.sql
-- note_deleted_job()  (trigger on jobs)
--
-- A job was deleted: its elements must be looked at, also where the host keeps the crew calls of deleted jobs.
--
-- Reads        crew_calls, elements
-- Writes       due_elements
create or replace function flex_sync.note_deleted_job()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.note_deleted_job() is 'Notes the elements of a deleted job.';
--! EndIncluded note_deleted_job.sql
--! Included note_deleted_profile.sql
-- note_deleted_profile()  (trigger on profiles)
--
-- A person was deleted: the elements that hold a line of theirs must be looked at.
--
-- Reads        ledger
-- Writes       due_elements
create or replace function flex_sync.note_deleted_profile()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  perform note_element(gone.flex_element_id, 'a profile was deleted', true)
  from (
    select distinct ledger.flex_element_id
    from ledger
    where ledger.technician_id::text = old.id::text
      and ledger.gone_at is null
      and ledger.flex_element_id is not null
  ) as gone;
  return null;
exception
  when others then
    return null;
end
$$;
comment on function flex_sync.note_deleted_profile() is 'Notes the elements that hold a line of a deleted person.';
--! EndIncluded note_deleted_profile.sql
--! Included note_element.sql
-- note_element(flex_element_id, reason, wants_reading)
--
-- Note that an element needs a look, without waiting for anybody: tick() follows it up under the element's lock.
--
-- Parameters   flex_element_id   normalised
--              reason            for people
--              wants_reading     whether only a reading begun after now settles it
-- Writes       due_elements; NOTIFY flex_sync_work
create or replace function flex_sync.note_element(flex_element_id text, reason text, wants_reading boolean)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  if is_flex_id(note_element.flex_element_id) then
    insert into due_elements (flex_element_id, reason, wants_reading, noted_at)
    values (flex_id(note_element.flex_element_id), note_element.reason, note_element.wants_reading, clock());
    perform pg_notify('flex_sync_work', flex_id(note_element.flex_element_id));
  end if;
end
$$;
comment on function flex_sync.note_element(text, text, boolean) is 'Notes that an element needs a look, without waiting for anybody.';
--! EndIncluded note_element.sql
--! Included note_failure.sql
-- note_failure(flex_element_id, sent_at, error, tenant_wide)
--
-- A call failed in a way that says something about Flex: the element backs off, and after three failures in a row that
-- touch two elements the breaker opens. Failures of calls that were in flight together count once.
--
-- Parameters   flex_element_id   normalised
--              sent_at           when the failed call was claimed
--              error             what was seen
--              tenant_wide       5xx or connection failure: counts towards the breaker
-- Writes       element_health, tenant
create or replace function flex_sync.note_failure(flex_element_id text, sent_at timestamptz, error text, tenant_wide boolean)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.note_failure(text, timestamptz, text, boolean) is 'The element backs off; three failures in a row over two elements open the breaker.';
--! EndIncluded note_failure.sql
--! Included note_success.sql
-- note_success(flex_element_id)
--
-- Flex answered: failures in a row start again at none. Writes only where there were any.
--
-- Parameters   flex_element_id   normalised
-- Writes       element_health, tenant
create or replace function flex_sync.note_success(flex_element_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.note_success(text) is 'Flex answered: failures in a row start again at none.';
--! EndIncluded note_success.sql
--! Included open_breaker.sql
-- open_breaker(reason, error, first_probe)
--
-- Stop all Flex calls of the tenant, for all drainers, until a probe succeeds.
--
-- Parameters   reason        token_refused | flex_down | rate_limited
--              error         what was seen
--              first_probe   after how long Flex is asked for the first time; null is 5 s, longer for one 429 after another
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
    probe_wait = case when open_breaker.reason = 'rate_limited' and tenant.careful_successes is not null
      then least(tenant.probe_wait * 2, interval '1 min') else interval '5 s' end,
    probe_at = v_now + coalesce(open_breaker.first_probe, case when open_breaker.reason = 'rate_limited' and tenant.careful_successes is not null
      then least(tenant.probe_wait * 2, interval '1 min') else interval '5 s' end),
    careful_successes = null
  where tenant.breaker_opened_at is null
    -- A refused token tells more than a Flex that answers badly.
    or (open_breaker.reason = 'token_refused' and tenant.breaker_reason <> 'token_refused');
end
$$;
comment on function flex_sync.open_breaker(text, text, interval) is 'Stops all Flex calls of the tenant, for all drainers, until a probe succeeds.';
--! EndIncluded open_breaker.sql
--! Included operation_in_flight.sql
-- operation_in_flight(operation_id, token)
--
-- Fencing: the operation, locked, if it is still held by the claim with this token. After a takeover it is not.
--
-- Parameters   operation_id, token   from claim_operations
-- Returns      the outbox row; all null when somebody else holds it or it is over
create or replace function flex_sync.operation_in_flight(operation_id bigint, token uuid)
returns flex_sync.outbox
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.operation_in_flight(bigint, uuid) is 'The operation, locked, if it is still held by the claim with this token.';
--! EndIncluded operation_in_flight.sql
--! Included operations_of.sql
-- operations_of(plan)
--
-- The operations that a plan asks for: one add per resource, one set_role per resource, one remove per line.
--
-- Parameters   plan   rows of plan_element
-- Returns      one row per operation; state is pending or held
create or replace function flex_sync.operations_of(plan flex_sync.planned[])
returns table (
  kind text, state text, crew_call_id uuid, technician_id uuid, resource text, line text, role_id text,
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
  adds as (
    select distinct on (planned.flex_resource_id) planned.*
    from planned
    where planned.action = 'add'
    order by planned.flex_resource_id, planned.crew_call_id, planned.technician_id
  ),
  sharing as (
    select planned.flex_resource_id,
      jsonb_agg(jsonb_build_object('crew_call_id', planned.crew_call_id, 'technician_id', planned.technician_id)
        order by planned.crew_call_id, planned.technician_id) as persons
    from planned
    where planned.action = 'add'
    group by planned.flex_resource_id
  )
  select 'add', 'pending', adds.crew_call_id, adds.technician_id, adds.flex_resource_id, null::text, null::text,
    adds.reason, null::text, null::text, false, sharing.persons
  from adds
  join sharing on sharing.flex_resource_id = adds.flex_resource_id
  union all
  select 'set_role', 'pending', planned.crew_call_id, planned.technician_id, planned.flex_resource_id, planned.flex_line_item_id,
    planned.flex_role_id, null, null, planned.after_resource, false, '[]'::jsonb
  from planned
  where planned.action = 'set_role'
  union all
  select 'remove', case when planned.action = 'hold' then 'held' else 'pending' end, planned.crew_call_id, planned.technician_id,
    planned.flex_resource_id, planned.flex_line_item_id, null, planned.reason, planned.brake, planned.after_resource,
    planned.limited, '[]'::jsonb
  from planned
  where planned.action in ('remove', 'hold');
end
$$;
comment on function flex_sync.operations_of(flex_sync.planned[]) is 'The operations that a plan asks for: one per resource to add or to give a role, one per line to remove.';
--! EndIncluded operations_of.sql
--! Included pause.sql
-- pause(reason)
--
-- Stop all Flex calls, of all drainers, until resume(). What is in flight ends; requests are taken and wait.
--
-- Parameters   reason   for whoever wonders
-- Writes       tenant, operator_log
create or replace function flex_sync.pause(reason text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  update tenant set paused_at = coalesce(tenant.paused_at, clock()), paused_reason = pause.reason;
  perform log_operator('pause', jsonb_build_object('reason', pause.reason));
end
$$;
comment on function flex_sync.pause(text) is 'Stops all Flex calls, of all drainers, until resume().';
--! EndIncluded pause.sql
--! Included plan_as_json.sql
-- plan_as_json(crew_call_id, flex_element_id, plan)
--
-- The sets of one crew call, as sync_crew_call answers them.
--
-- Parameters   crew_call_id      whose sets
--              flex_element_id   normalised
--              plan              rows of plan_element, for all crew calls of the element
-- Returns      jsonb with observed_at, stale, to_add, to_remove, to_set_role, held, plan, kept, unmapped
-- Reads        elements, lines
create or replace function flex_sync.plan_as_json(crew_call_id uuid, flex_element_id text, plan flex_sync.planned[])
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
    'plan', case when v_observed_at is not null then hash_of_held(array_agg(planned) filter (where planned.action = 'hold')) end,
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
comment on function flex_sync.plan_as_json(uuid, text, flex_sync.planned[]) is 'The sets of one crew call as sync_crew_call answers them.';
--! EndIncluded plan_as_json.sql
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
--! Included queue_reading.sql
-- queue_reading(flex_element_id)
--
-- Keep the one pending observe of an element as next_reading wants it: inserted, moved, or cancelled.
--
-- Parameters   flex_element_id   normalised; the caller holds its lock (who must not wait for it calls note_element)
-- Reads        next_reading
-- Writes       outbox, syncs
create or replace function flex_sync.queue_reading(flex_element_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := clock();
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
    crew_call_id = excluded.crew_call_id;
  if v_sync_before is distinct from v_need.sync_id then
    perform finish_sync(v_sync_before);
  end if;
end
$$;
comment on function flex_sync.queue_reading(text) is 'Keeps the one pending observe of an element as next_reading wants it.';
--! EndIncluded queue_reading.sql
--! Included read_committed_only.sql
-- read_committed_only()
--
-- Refuse isolation levels under which a lock would protect a read of old rows.
--
-- Errors       ISOLA   the transaction is not read committed
create or replace function flex_sync.read_committed_only()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'crew calls cannot be planned under isolation level %', current_setting('transaction_isolation')
      using errcode = 'ISOLA', hint = 'Call it in a transaction of its own, or begin isolation level read committed.';
  end if;
end
$$;
comment on function flex_sync.read_committed_only() is 'Refuses isolation levels under which the element lock would protect a read of old rows.';
--! EndIncluded read_committed_only.sql
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

  perform note_success(v_operation.flex_element_id);
  perform finish_sync(v_operation.sync_id);
  return 'recorded';
end
$$;
comment on function flex_sync.record_add(bigint, uuid, text, text[], int) is
  'Flex answered an add with the new line: operation, ledger and the host''s rows say so in one transaction.';
--! EndIncluded record_add.sql
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
    reason = case when v_state = 'failed' then 'refused' else v_operation.reason end,
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
    set state = 'cancelled', finished_at = v_now
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
    perform doubt_element(v_operation.flex_element_id, case when record_failure.http_status > 0 then 'error_status' else 'no_answer' end, v_error);
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
exception
  when others then
    perform note_element(record_kept.flex_element_id, 'rows of flex_crew_assignments could not be written: ' || sqlerrm, false);
end
$$;
comment on function flex_sync.record_kept(text, flex_sync.planned[]) is 'Brings the host''s rows up to the plan.';
--! EndIncluded record_kept.sql
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
-- Writes       the host's flex_crew_assignments, crew_call_blocks, due_elements
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
      return false;
  end;
end
$$;
comment on function flex_sync.record_person(uuid, uuid, text, text) is 'Upserts who is on a crew call with which line; what the host''s table refuses blocks the crew call and nothing else.';
--! EndIncluded record_person.sql
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
      probe_at = v_now + coalesce(record_probe.retry_after, least(tenant.probe_wait * 2, interval '1 min')),
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
--! Included record_remove.sql
-- record_remove(operation_id, token, http_status)
--
-- Flex took a line away: the operation is done, the line is gone, no row of the host names it.
--
-- Parameters   operation_id, token   from claim_operations
--              http_status           as answered
-- Returns      recorded | fenced
-- Writes       outbox, lines, ledger, calls, the host's flex_crew_assignments, syncs
create or replace function flex_sync.record_remove(operation_id bigint, token uuid, http_status int default 200)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.record_remove(bigint, uuid, int) is 'Flex took a line away: the operation is done and no row of the host names the line.';
--! EndIncluded record_remove.sql
--! Included record_set_role.sql
-- record_set_role(operation_id, token, http_status)
--
-- Flex took a role write.
--
-- Parameters   operation_id, token   from claim_operations
--              http_status           as answered
-- Returns      recorded | fenced
-- Writes       outbox, lines, calls, syncs
create or replace function flex_sync.record_set_role(operation_id bigint, token uuid, http_status int default 200)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.record_set_role(bigint, uuid, int) is 'Flex took a role write.';
--! EndIncluded record_set_role.sql
--! Included reject_removals.sql
-- reject_removals(crew_call_id, plan)
--
-- No, keep the held lines of this plan: they no longer spoil synced, until they are gone.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              plan           crew_call_status.plan, or the plan that sync_crew_call answered
-- Returns      how many lines the answer covers
-- Errors       NOCAL   no crew call has this id
--              NOPLN   nothing is held under this plan
create or replace function flex_sync.reject_removals(crew_call_id uuid, plan text)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  return decide_removals(reject_removals.crew_call_id, reject_removals.plan, 'rejected');
end
$$;
comment on function flex_sync.reject_removals(uuid, text) is 'No, keep the held lines of this plan.';
--! EndIncluded reject_removals.sql
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

  -- The newest sync still waits if no reading for it is recorded or in flight.
  select syncs.id into request_sync.sync_id
  from syncs
  join elements on elements.flex_element_id = syncs.flex_element_id
  where syncs.flex_element_id = request_sync.flex_element_id
    and syncs.finished_at is null
    and (syncs.reading_at is null or syncs.reading_at > coalesce(elements.reading_at, '-infinity'))
    and not exists (
      select from outbox
      where outbox.flex_element_id = request_sync.flex_element_id
        and outbox.kind = 'observe'
        and outbox.state = 'sending'
        and outbox.sync_id = syncs.id
    )
  order by syncs.id desc
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
    perform join_sync(v_request.sync_id, false);
  end if;
end
$$;
comment on function flex_sync.request_unasked(text) is 'A sync request that a trigger asked for.';
--! EndIncluded request_unasked.sql
--! Included resume.sql
-- resume()
--
-- Go on after pause().
--
-- Writes       tenant, operator_log; NOTIFY flex_sync_work
create or replace function flex_sync.resume()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  update tenant set paused_at = null, paused_reason = null;
  perform log_operator('resume', '{}');
  perform pg_notify('flex_sync_work', '');
end
$$;
comment on function flex_sync.resume() is 'Goes on after pause().';
--! EndIncluded resume.sql
--! Included retry.sql
-- retry(operation_id)
--
-- Send again what was refused: the failed operation becomes history, and a reading begun after now plans it anew.
-- Of an unknown operation only a reading is asked for; nothing is ever sent blindly.
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
  perform log_operator('retry', jsonb_build_object('operation_id', v_operation.id));
  perform note_element(v_operation.flex_element_id, 'an operator retries', true);
  if v_operation.state = 'unknown' then
    return 'reads Flex now; nothing is sent before a reading says that it did not land';
  end if;
  update outbox set superseded_at = coalesce(outbox.superseded_at, clock()) where outbox.id = v_operation.id;
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
    where outbox.crew_call_id = retry_failed.crew_call_id
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
--! Included set_policy.sql
-- set_policy(crew_call_id, policy)
--
-- What may be deleted on one crew call; null returns to settings.policy. A reading plans anew under it.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              policy         mirror | owned | add_only | report | null
-- Errors       NOCAL   no crew call has this id
--              NOPOL   no such policy
-- Writes       crew_call_settings, due_elements, operator_log
create or replace function flex_sync.set_policy(crew_call_id uuid, policy text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_element constant text := crew_call_or_raise(set_policy.crew_call_id);
begin
  if set_policy.policy not in ('mirror', 'owned', 'add_only', 'report') then
    raise exception 'no policy is called %', set_policy.policy
      using errcode = 'NOPOL', hint = 'mirror, owned, add_only or report; null returns to flex_sync.settings.policy.';
  end if;
  insert into crew_call_settings (crew_call_id, policy)
  values (set_policy.crew_call_id, set_policy.policy)
  on conflict on constraint crew_call_settings_pkey do update
  set policy = excluded.policy;
  perform log_operator('set_policy', jsonb_build_object('crew_call_id', set_policy.crew_call_id, 'policy', set_policy.policy));
  perform note_element(v_element, 'the policy changed', true);
end
$$;
comment on function flex_sync.set_policy(uuid, text) is 'What may be deleted on one crew call; null returns to the setting.';
--! EndIncluded set_policy.sql
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
    select outbox.* into v_operation from outbox where outbox.id = v_attempt.operation_id for update;

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
    if v_landed or v_proved then
      perform finish_sync(v_operation.sync_id);
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
--! Included store_reading.sql
-- store_reading(flex_element_id, operation_id, began_at, lines, identity_checked)
--
-- Keep a good reading, and bring observed up to it: what we added since it began stays present, what we removed since
-- stays gone, a role that we wrote since stays written.
--
-- Parameters   flex_element_id    normalised; the caller holds its lock
--              operation_id       the observe
--              began_at           beginning of the reading
--              lines              as in record_observation, without doubt
--              identity_checked   whether GET identity was asked along with it
-- Writes       readings, lines, ledger (a line whose resource was not known), elements, tenant
create or replace function flex_sync.store_reading(
  flex_element_id text,
  operation_id bigint,
  began_at timestamptz,
  lines jsonb,
  identity_checked boolean
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.store_reading(text, bigint, timestamptz, jsonb, boolean) is 'Keeps a good reading and brings observed up to it.';
--! EndIncluded store_reading.sql
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
    return jsonb_build_object(
      'crew_call_id', sync_crew_call.crew_call_id, 'flex_element_id', null, 'sync_id', null, 'condition', 'blocked',
      'observed_at', null, 'stale', null, 'to_add', '[]'::jsonb, 'to_remove', '[]'::jsonb, 'to_set_role', '[]'::jsonb,
      'held', null, 'plan', null, 'kept', 0, 'unmapped', '[]'::jsonb
    );
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
    return jsonb_build_object(
      'crew_call_id', sync_crew_call.crew_call_id, 'flex_element_id', v_element, 'sync_id', v_sync_id, 'condition', 'blocked',
      'observed_at', null, 'stale', null, 'to_add', '[]'::jsonb, 'to_remove', '[]'::jsonb, 'to_set_role', '[]'::jsonb,
      'held', null, 'plan', null, 'kept', 0, 'unmapped', '[]'::jsonb
    );
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
      return jsonb_build_object(
        'crew_call_id', sync_crew_call.crew_call_id, 'flex_element_id', v_element, 'sync_id', v_sync_id, 'condition', 'blocked',
        'observed_at', null, 'stale', null, 'to_add', '[]'::jsonb, 'to_remove', '[]'::jsonb, 'to_set_role', '[]'::jsonb,
        'held', null, 'plan', null, 'kept', 0, 'unmapped', '[]'::jsonb
      );
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
      perform join_sync(v_sync_id, sync_crew_call.allow_mass_removal);
    end if;
    perform pg_notify('flex_sync_work', v_element);
  end if;
  return jsonb_build_object('crew_call_id', sync_crew_call.crew_call_id, 'flex_element_id', v_element, 'sync_id', v_sync_id)
    || plan_as_json(sync_crew_call.crew_call_id, v_element, v_plan)
    || jsonb_build_object('condition', (
      select crew_call_status.condition from crew_call_status
      where crew_call_status.crew_call_id = sync_crew_call.crew_call_id and crew_call_status.flex_element_id = v_element
    ));
end
$$;
comment on function public.sync_crew_call(uuid, boolean, boolean, text) is
  'Says what has to change in Flex so that one crew call shows its job''s crew, and queues it; calling it twice is the same as once.';
--! EndIncluded sync_crew_call.sql
--! Included sync_crew_for_job.sql
-- sync_crew_for_job(job_id, departments, dry_run, allow_mass_removal, requested_by)
--
-- sync_crew_call for every crew call of a job, or for the departments named.
--
-- Parameters   job_id        jobs.id
--              departments   null for all; names are compared trimmed and lower-case
--              dry_run, allow_mass_removal, requested_by   as in sync_crew_call
-- Returns      jsonb: { department: what sync_crew_call answers, or {"condition": "no_crew_call"} }. Without departments named,
--              a department that has crew on the job but no crew call is there too. A second crew call of a department
--              is named "sound (2)".
-- Errors       NOJOB   no job has this id
--              NOTAL, ISOLA   as in sync_crew_call
-- Locks        the elements, in the order of the lock key
create or replace function public.sync_crew_for_job(
  job_id uuid,
  departments text[] default null,
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
  v_result jsonb := '{}';
  v_call record;
  v_named text[];
begin
  if not sync_crew_for_job.dry_run then
    perform read_committed_only();
  end if;
  perform from :HOST_SCHEMA.jobs where jobs.id = sync_crew_for_job.job_id;
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
      select crew_calls.department from crew_calls where crew_calls.job_id = sync_crew_for_job.job_id
      union
      select role.department
      from :HOST_SCHEMA.job_assignments
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
        and crew_calls.department = any (v_named)
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
    left join crew_calls on crew_calls.job_id = sync_crew_for_job.job_id and crew_calls.department = named.department
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
comment on function public.sync_crew_for_job(uuid, text[], boolean, boolean, text) is
  'sync_crew_call for every crew call of a job, or for the departments named.';
--! EndIncluded sync_crew_for_job.sql
--! Included take_over_expired.sql
-- take_over_expired()
--
-- Operations whose claim ran out: their drainer died, sleeps or lost the database. A reading is begun again; of a write
-- nobody knows whether Flex did it.
--
-- Returns      how many
-- Writes       outbox, calls, due_elements
create or replace function flex_sync.take_over_expired()
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_expired record;
  v_number int := 0;
begin
  for v_expired in
    select outbox.id, outbox.token
    from outbox
    where outbox.state = 'sending'
      and outbox.lease_until <= clock()
    order by outbox.id
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
--! Included tick.sql
-- tick()
--
-- What time and other people's notes ask for: take over expired claims, follow up notes on elements, read again where
-- writes wait on a reading that became too old, begin background readings, trim history. Cheap when there is nothing.
-- Never waits for a planner: an element whose lock is taken keeps its note.
--
-- Returns      how many things it did
-- Errors       ISOLA   the transaction is not read committed
-- Locks        element (tried, never waited for)
-- Writes       outbox, calls, elements, due_elements, syncs
create or replace function flex_sync.tick()
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_now constant timestamptz := clock();
  v_started_at constant timestamptz := server_started_at();
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
      select outbox.flex_element_id, false, false, null
      from outbox
      cross join settings
      left join elements on elements.flex_element_id = outbox.flex_element_id
      where outbox.state = 'pending'
        and outbox.kind <> 'observe'
        and outbox.after_operation_id is null
        and outbox.due_at <= v_now
        and outbox.reading_at <= greatest(v_now - settings.max_reading_age, v_started_at)
        and elements.blocked_reason is null
        and not (outbox.limited and removals_within_the_hour() >= settings.removal_limit)
        and not exists (
          select from outbox as reading
          where reading.flex_element_id = outbox.flex_element_id and reading.kind = 'observe' and reading.state in ('pending', 'sending')
        )
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
comment on function flex_sync.tick() is 'Does what time and notes ask for: takes over expired claims, queues readings, trims history.';
--! EndIncluded tick.sql
--! Included trim_history.sql
-- trim_history()
--
-- Forget what is older than settings.retention, in small batches, at most every ten minutes. Calls are kept for a month
-- at least: the budget counts them. Rows that still matter (open, failed and not superseded,
-- a crew call's last sync) are kept.
--
-- Returns      how many rows
-- Writes       outbox, syncs, calls, readings, lines, operator_log, tenant
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
  update tenant
  set trimmed_at = v_now
  where tenant.trimmed_at is null or tenant.trimmed_at < v_now - interval '10 min';
  if not found then
    return 0;
  end if;
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
  delete from operator_log
  where operator_log.id in (
    select operator_log.id from operator_log where operator_log.at < v_before order by operator_log.id limit v_batch
  );
  if v_sum >= v_batch then
    -- More is waiting: go on with the next tick.
    update tenant set trimmed_at = null;
  end if;
  return v_sum;
end
$$;
comment on function flex_sync.trim_history() is 'Forgets what is older than settings.retention, in small batches.';
--! EndIncluded trim_history.sql
--! Included waiting_for.sql
-- waiting_for(operation_id)
--
-- The pending operations that wait for an add, locked, without those that a planner holds: an application's transaction
-- may stay open after sync_crew_call, and recording never waits for it.
--
-- Parameters   operation_id   of the add
-- Returns      outbox.id
create or replace function flex_sync.waiting_for(operation_id bigint)
returns table (id bigint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.waiting_for(bigint) is 'The pending operations that wait for an add, locked, without those that a planner holds.';
--! EndIncluded waiting_for.sql
--! Included write_role.sql
-- write_role(flex_element_id, flex_line_item_id, flex_role_id)
--
-- Remember that we wrote a role to a line: it shows that role until a later reading speaks, and where rows do not show
-- roles, for good.
--
-- Writes       lines
create or replace function flex_sync.write_role(flex_element_id text, flex_line_item_id text, flex_role_id text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
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
comment on function flex_sync.write_role(text, text, text) is 'Remembers that we wrote a role to a line.';
--! EndIncluded write_role.sql

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
