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

-- Functions and views.
--!include pin_search_path.sql
--!include record_person.sql
--!include record_kept.sql
--!include forget_line.sql
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
      and has_function_privilege('flex_sync_app', pg_proc.oid, 'execute')
  loop
    execute format('grant execute on function %s to flex_sync_drainer', v_function);
  end loop;
end
$$;
