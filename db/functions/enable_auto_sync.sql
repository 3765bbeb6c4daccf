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
  ) = 8 then
    return;
  end if;
  perform disable_auto_sync();
  create trigger flex_sync_auto_insert after insert on :HOST_SCHEMA.job_assignments
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_update after update on :HOST_SCHEMA.job_assignments
    referencing old table as former_rows new table as changed_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_delete after delete on :HOST_SCHEMA.job_assignments
    referencing old table as former_rows for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_truncate after truncate on :HOST_SCHEMA.job_assignments
    for each statement execute function flex_sync.note_changed_assignments();
  create trigger flex_sync_auto_insert after insert on :HOST_SCHEMA.profiles
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_profiles();
  create trigger flex_sync_auto_update after update on :HOST_SCHEMA.profiles
    referencing old table as former_rows new table as changed_rows for each statement execute function flex_sync.note_changed_profiles();
  create trigger flex_sync_auto_insert after insert on :HOST_SCHEMA.flex_crew_calls
    referencing new table as changed_rows for each statement execute function flex_sync.note_changed_mapping();
  create trigger flex_sync_auto_update after update on :HOST_SCHEMA.flex_crew_calls
    referencing old table as former_rows new table as changed_rows for each statement execute function flex_sync.note_changed_mapping();
  perform log_operator('enable_auto_sync', '{}');
end
$$;
comment on function flex_sync.enable_auto_sync() is 'Triggers that request syncs when the crew changes; off by default.';
