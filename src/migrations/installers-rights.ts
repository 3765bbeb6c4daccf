const ROLES = ["flex_sync_app", "flex_sync_drainer", "flex_sync_operator"];
const TABLES = ["jobs", "profiles", "job_assignments", "flex_crew_calls", "flex_crew_assignments"];

/**
 * One statement that runs before the first migration: it makes the roles, and where the database user lacks a right
 * it stops with NOROL or NOOWN and every statement that an administrator has to run, all at once. It tries instead of
 * asking the catalogue, because what CREATEROLE allows changed with Postgres 16. Where something is installed already
 * it does nothing.
 *
 * @param hostSchema as it is, not quoted
 */
export function checkInstallersRights(hostSchema: string): string {
  const schema = literal(hostSchema);
  return `do $flex_crew_sync_rights$
declare
  v_roles text[] := '{}';
  v_rights text[] := '{}';
  v_lacking text[] := '{}';
  v_role text;
  v_schema text;
  v_table record;
begin
  if to_regclass('flex_sync.migrations') is not null then
    return;
  end if;
  if to_regnamespace(quote_ident(${schema})) is null then
    raise exception 'schema % is not there', ${schema}
      using errcode = 'NOHOS', hint = 'Name the schema of your tables with --host-schema, and see that DATABASE_URL names the right database.';
  end if;

  foreach v_role in array array[${ROLES.map(literal).join(", ")}] loop
    if to_regrole(v_role) is null then
      begin
        execute format('create role %I nologin', v_role);
        execute format('comment on role %I is %L', v_role, 'made by flex-crew-sync');
      exception
        when insufficient_privilege then
          v_roles := v_roles || format('create role %I nologin;', v_role);
        when duplicate_object or unique_violation then
          null;
      end;
    end if;
  end loop;
  if to_regrole('service_role') is not null then
    begin
      if to_regrole('flex_sync_app') is null then
        raise insufficient_privilege;
      end if;
      grant flex_sync_app to service_role;
    exception
      when insufficient_privilege then
        v_roles := v_roles || format('grant flex_sync_app to %I with admin option;', current_user);
    end;
  end if;

  if to_regnamespace('flex_sync') is null and not has_database_privilege(current_database(), 'create') then
    v_lacking := v_lacking || format('create on database %I', current_database());
    v_rights := v_rights || format('grant create on database %I to %I;', current_database(), current_user);
  end if;
  foreach v_schema in array array(select distinct unnest(array['public', ${schema}])) loop
    if not (has_schema_privilege(v_schema, 'usage') and has_schema_privilege(v_schema, 'create')) then
      v_lacking := v_lacking || format('usage and create on schema %I', v_schema);
      v_rights := v_rights || format('grant usage, create on schema %I to %I;', v_schema, current_user);
    end if;
  end loop;
  for v_table in
    select format('%I.%I', nspname, relname) as name, rolname as owner, rolsuper as by_superuser
    from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace
    join pg_roles on pg_roles.oid = relowner
    where nspname = ${schema}
      and relname in (${TABLES.map(literal).join(", ")})
      and not pg_has_role(current_user, relowner, 'usage')
    order by relname
  loop
    v_lacking := v_lacking || format('%s, which is %s''s', v_table.name, v_table.owner);
    v_rights := v_rights || case
      -- Nobody is made a member of a superuser for this.
      when v_table.by_superuser then format('alter table %s owner to %I;', v_table.name, current_user)
      else format('grant %I to %I;', v_table.owner, current_user)
    end;
  end loop;

  if v_lacking <> '{}' then
    raise exception 'this database user may not install flex-crew-sync, it lacks: %', array_to_string(v_lacking, '; ')
      using errcode = 'NOOWN', hint = format('Migrate as the owner of the tables, or ask an administrator to run: %s Then run migrate again.',
        (select string_agg(statement, ' ' order by place)
         from (
           select statement, min(place) as place
           from unnest(v_roles || v_rights) with ordinality as needed (statement, place)
           group by statement
         ) as once));
  elsif v_roles <> '{}' then
    raise exception 'this database user may not create the roles of flex-crew-sync, or not pass them on'
      using errcode = 'NOROL', hint = format('Ask an administrator to run: %s Then run migrate again.', array_to_string(v_roles, ' '));
  end if;
end
$flex_crew_sync_rights$;`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
