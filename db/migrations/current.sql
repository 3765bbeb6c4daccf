select flex_sync.remember_objects();

--!include claim_operations.sql
--!include views/crew_status.sql
--!include views/crew_call_status.sql
grant execute on function flex_sync.ago(timestamptz), flex_sync.name_of(uuid) to flex_sync_app, flex_sync_drainer, flex_sync_operator;

--!include grant_privileges.sql
select flex_sync.grant_privileges();
