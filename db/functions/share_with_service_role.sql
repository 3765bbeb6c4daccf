-- share_with_service_role(before)
--
-- service_role, where it exists, may what flex_sync_app may. It is a member of it, but Supabase's inherits nothing
-- (noinherit), and PostgREST never takes on a further role: it needs the privileges themselves.
--
-- Parameters   before   objects that are left as the host has them by now
-- Writes       privileges of service_role
create or replace function flex_sync.share_with_service_role(before oid[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_grant text;
begin
  if to_regrole('service_role') is null then
    return;
  end if;
  grant usage on schema flex_sync to service_role;
  for v_grant in
    select format('grant execute on function %s to service_role', pg_proc.oid::regprocedure)
    from pg_proc
    cross join lateral aclexplode(pg_proc.proacl) as granted
    where granted.grantee = 'flex_sync_app'::regrole
      and pg_proc.oid <> all (coalesce(share_with_service_role.before, '{}'))
      and (
        pg_proc.pronamespace = 'flex_sync'::regnamespace
        -- No migration remembers these; they are granted once.
        or share_with_service_role.before = '{}'
          and pg_proc.pronamespace = 'public'::regnamespace
          and pg_proc.proname in ('sync_crew_call', 'sync_crew_for_job')
      )
    union all
    select format('grant %s on table %s to service_role', granted.privilege_type, pg_class.oid::regclass)
    from pg_class
    cross join lateral aclexplode(pg_class.relacl) as granted
    where granted.grantee = 'flex_sync_app'::regrole
      and pg_class.oid <> all (coalesce(share_with_service_role.before, '{}'))
      and pg_class.relnamespace = 'flex_sync'::regnamespace
      and pg_class.relkind in ('r', 'p', 'v', 'm')
  loop
    execute v_grant;
  end loop;
end
$$;
comment on function flex_sync.share_with_service_role(oid[]) is 'Gives service_role, which may inherit nothing, what flex_sync_app may.';
