select flex_sync.remember_objects();

-- What is held has one name, wherever it is told.
drop function if exists flex_sync.hash_of_held(flex_sync.planned[]);
--!include hash_of_held.sql
--!include held_plan.sql
--!include plan_as_json.sql
--!include open_condition.sql

--!include views/crew_call_status.sql

-- A line that may never be removed spoils nothing: whoever is recorded with it stays.
--!include grant_privileges.sql
--!include stays_by_policy.sql
--!include state_of_crew_call.sql

-- A line that one reading lacks is confirmed whoever it is recorded for.
--!include plan_element.sql

-- What never happened has no age.
--!include ago.sql

-- A crew call without a department keeps no other one of its job from being synced.
--!include sync_crew_for_job.sql

-- A parameter that is null is as if it was not passed; a sync that ends at once is told on flex_sync_done too.
--!include sync_crew_call.sql

-- Whoever the view lists with two resources has the same one each time.
--!include desired_of.sql

-- Since when an element is blocked, however often it was tried since.
alter table flex_sync.elements add column if not exists blocked_since timestamptz;
update flex_sync.elements set blocked_since = blocked_at where blocked_reason is not null and blocked_since is null;
--!include block_element.sql
--!include record_kept.sql
--!include what_stands_in_the_way.sql
--!include views/crew_status.sql

select flex_sync.grant_privileges();
