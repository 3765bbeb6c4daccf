-- grant_privileges()
--
-- Who may do what with functions, tables and views that a migration added: nothing for PUBLIC and nothing that default
-- privileges may have granted, then what each role of flex-crew-sync needs. What was there before the migration keeps
-- what the host decided since. A migration calls it last:
--
--     select flex_sync.remember_objects();        -- first
--     …
--     select flex_sync.grant_privileges();        -- last
--
-- Writes       privileges of the objects of flex_sync that remember_objects did not see
create or replace function flex_sync.grant_privileges()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_before constant oid[] := string_to_array(current_setting('flex_sync.objects_before', true), ',')::oid[];
  v_object record;
  v_role text;
begin
  for v_object in
    select 'function' as type, pg_proc.oid::regprocedure::text as name, pg_proc.proname as plain
    from pg_proc
    where pg_proc.pronamespace = 'flex_sync'::regnamespace
      and pg_proc.oid <> all (coalesce(v_before, '{}'))
    union all
    select case pg_class.relkind when 'S' then 'sequence' else 'table' end, pg_class.oid::regclass::text, pg_class.relname
    from pg_class
    where pg_class.relnamespace = 'flex_sync'::regnamespace
      and pg_class.relkind in ('r', 'p', 'v', 'm', 'S')
      and pg_class.oid <> all (coalesce(v_before, '{}'))
  loop
    foreach v_role in array array['public', 'anon', 'authenticated', 'service_role'] loop
      if v_role = 'public' or to_regrole(v_role) is not null then
        execute format('revoke all on %s %s from %s', v_object.type, v_object.name, v_role);
      end if;
    end loop;

    if v_object.type = 'table' then
      execute format('grant select on table %s to flex_sync_operator', v_object.name);
    elsif v_object.type = 'function' and v_object.plain in ('explain', 'history', 'state_of_crew_call', 'stays_by_policy', 'ago', 'name_of', 'next_action') then
      -- What applications ask, and what the views call, so that whoever may read them can: the drainer for its page.
      execute format('grant execute on function %s to flex_sync_app, flex_sync_drainer, flex_sync_operator', v_object.name);
    elsif v_object.type = 'function' and v_object.plain = 'set_resync_interval' then
      execute format('grant execute on function %s to flex_sync_operator', v_object.name);
    elsif v_object.type = 'function' and v_object.plain = 'record_done' then
      execute format('grant execute on function %s to flex_sync_drainer', v_object.name);
    end if;
  end loop;
  perform flex_sync.share_with_service_role(v_before);
end
$$;
comment on function flex_sync.grant_privileges() is 'Who may do what with the objects that a migration added; the last statement of each migration.';
