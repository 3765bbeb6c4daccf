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
  drop trigger if exists flex_sync_auto_delete on :HOST_SCHEMA.job_assignments;
  drop trigger if exists flex_sync_auto_truncate on :HOST_SCHEMA.job_assignments;
  -- As earlier versions had it.
  drop trigger if exists flex_sync_auto_update_from on :HOST_SCHEMA.job_assignments;
  drop trigger if exists flex_sync_auto_insert on :HOST_SCHEMA.profiles;
  drop trigger if exists flex_sync_auto_update on :HOST_SCHEMA.profiles;
  drop trigger if exists flex_sync_auto_insert on :HOST_SCHEMA.flex_crew_calls;
  drop trigger if exists flex_sync_auto_update on :HOST_SCHEMA.flex_crew_calls;
  perform log_operator('disable_auto_sync', '{}');
end
$$;
comment on function flex_sync.disable_auto_sync() is 'Takes the triggers of enable_auto_sync away again.';
