select flex_sync.remember_objects();

-- Since when an element is blocked, however often it was tried since; and when its next background reading is due.
alter table flex_sync.elements add column if not exists blocked_since timestamptz;
comment on column flex_sync.elements.blocked_since is 'Since when it is blocked; blocked_at is when that was seen last.';
update flex_sync.elements set blocked_since = blocked_at where blocked_reason is not null and blocked_since is null;
alter table flex_sync.elements add column if not exists background_at timestamptz;
comment on column flex_sync.elements.background_at is 'Its next background reading is due no earlier: they are spread, and put off while few calls are left.';

-- One person's open operations among the thousands of an element; when a contested person was looked at.
drop index if exists flex_sync.outbox_open;
create index outbox_open on flex_sync.outbox (flex_element_id, kind, flex_resource_id) where state in ('pending', 'sending', 'unknown', 'held');
drop index if exists flex_sync.outbox_failed;
create index outbox_failed on flex_sync.outbox (flex_element_id, kind, flex_resource_id) where state = 'failed' and superseded_at is null;
create index if not exists outbox_contested on flex_sync.outbox (flex_element_id, flex_resource_id)
  where kind = 'add' and state = 'failed' and reason = 'contested';

--!include adopt.sql
--!include ago.sql
--!include apply_plan.sql
--!include approve_removals.sql
--!include begin_background_readings.sql
--!include block_element.sql
--!include calls_left.sql
--!include claim_call.sql
--!include claim_operations.sql
--!include claim_probe.sql
--!include close_call.sql
--!include decide_removals.sql
--!include desired_columns.sql
--!include desired_of.sql
--!include desired_or_nobody.sql
--!include disable_auto_sync.sql
--!include enable_auto_sync.sql
--!include explain.sql
--!include forget_line.sql
--!include forget_removed.sql
--!include grant_privileges.sql
--!include hash_of_held.sql
--!include held_plan.sql
--!include history.sql
--!include is_flex_id.sql
--!include name_of.sql
--!include next_action.sql
--!include next_reading.sql
--!include next_sync_work_at.sql
--!include next_work_at.sql
--!include nobodys_lines.sql
--!include note_changed_assignments.sql
--!include note_changed_crew_call.sql
--!include note_changed_interval.sql
--!include note_changed_mapping.sql
--!include note_changed_policy.sql
--!include note_changed_profiles.sql
--!include note_deleted_job.sql
--!include note_deleted_profile.sql
--!include note_elements.sql
--!include open_condition.sql
--!include pause.sql
--!include plan_as_json.sql
--!include plan_element.sql
--!include policy_of.sql
--!include record_add.sql
--!include record_done.sql
--!include record_failure.sql
--!include record_kept.sql
--!include record_observation.sql
--!include record_person.sql
--!include record_persons.sql
--!include record_probe.sql
--!include record_remove.sql
--!include record_set_role.sql
--!include reject_removals.sql
--!include remove_assignments.sql
--!include resume.sql
--!include retry.sql
--!include retry_failed.sql
--!include room_for_background.sql
--!include set_policy.sql
--!include set_resync_interval.sql
--!include share_with_service_role.sql
--!include state_of_crew_call.sql
--!include stays_by_policy.sql
--!include sync_crew_call.sql
--!include sync_crew_for_job.sql
--!include tell_decision.sql
--!include tell_planned.sql
--!include tick.sql
--!include what_stands_in_the_way.sql
--!include why_pending.sql
--!include write_assignment.sql

--!include views/crew_call_status.sql
--!include views/crew_status.sql

-- Nothing calls these any more: what is held is named by its lines, and the next action names people. In a block, for a
-- drop by the name alone would say that the package has none.
do $$
begin
  drop function if exists flex_sync.hash_of_held(flex_sync.planned[]);
  drop function if exists flex_sync.next_action(text, text, uuid, bigint, text);
end
$$;

-- Another policy or interval holds at once, also for what was not sent yet.
drop trigger if exists flex_sync_changed_policy on flex_sync.settings;
create trigger flex_sync_changed_policy
after update of policy on flex_sync.settings
for each row execute function flex_sync.note_changed_policy();
drop trigger if exists flex_sync_changed_policy on flex_sync.crew_call_settings;
create trigger flex_sync_changed_policy
after insert or update or delete on flex_sync.crew_call_settings
for each row execute function flex_sync.note_changed_policy();
drop trigger if exists note_changed_interval on flex_sync.settings;
create trigger note_changed_interval
after update of resync_interval on flex_sync.settings
for each row execute function flex_sync.note_changed_interval();
drop trigger if exists note_changed_interval on flex_sync.crew_call_settings;
create trigger note_changed_interval
after insert or delete or update of resync_interval on flex_sync.crew_call_settings
for each row execute function flex_sync.note_changed_interval();

-- Where auto sync is on, its triggers are made anew: their rows have other names now.
do $$
begin
  perform from pg_trigger where tgname = 'flex_sync_auto_update_from' and tgrelid = ':HOST_SCHEMA.job_assignments'::regclass;
  if found then
    perform flex_sync.enable_auto_sync();
  end if;
end
$$;

-- Supabase's service_role inherits nothing of flex_sync_app: what it may is granted to it, for what was there before too.
select flex_sync.share_with_service_role('{}');

select flex_sync.grant_privileges();
