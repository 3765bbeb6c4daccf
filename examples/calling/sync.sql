-- Plain SQL, as any client sends it: psql -v crew_call_id=… -f sync.sql
select sync_crew_call(:'crew_call_id', requested_by => 'office@example.org');
