select flex_sync.remember_objects();

-- What is held has one name, wherever it is told.
drop function if exists flex_sync.hash_of_held(flex_sync.planned[]);
--!include hash_of_held.sql
--!include held_plan.sql
--!include plan_as_json.sql
--!include open_condition.sql

--!include views/crew_call_status.sql

select flex_sync.grant_privileges();
