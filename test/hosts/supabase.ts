import { AUDITED_TABLES } from "./audited-tables.ts";
import type { HostShape } from "./host.ts";

const POLICIES = ["jobs", "profiles", "job_assignments", "flex_crew_calls", "flex_crew_assignments"]
  .map(
    (table) => `
    alter table ${table} enable row level security;
    create policy "anybody who is signed in reads" on ${table} for select to authenticated using (auth.uid() is not null);
    create policy "managers write" on ${table} to authenticated
      using (auth.role() = 'service_role' or auth.uid() in (select id from public.managers))
      with check (auth.uid() in (select id from public.managers));`,
  )
  .join("");

/**
 * Supabase as it is found: its roles, default privileges that give everything new in public to everybody, a schema
 * auth of another owner, event triggers, a publication, its ledger of migrations, and row level security on every
 * table. The owner, `postgres` there, is no superuser.
 */
export const SUPABASE: HostShape = {
  roles: `
    create role anon nologin noinherit; create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
    create role authenticator login noinherit password 'host'; grant anon, authenticated, service_role to authenticator;
    create role supabase_auth_admin nologin noinherit createrole;
    create role owner login createrole createdb replication bypassrls password 'host';
    grant anon, authenticated, service_role to owner;
    alter role anon set statement_timeout = '3s'; alter role authenticated set statement_timeout = '8s'`,
  owner: "owner",
  asks: "service_role",
  prepare: `
    create schema extensions; grant usage on schema extensions to anon, authenticated, service_role, owner;
    create schema auth authorization supabase_auth_admin;
    create table auth.users (id uuid primary key default gen_random_uuid(), email text);
    alter table auth.users owner to supabase_auth_admin; alter table auth.users enable row level security;
    create function auth.uid() returns uuid language sql stable as
      $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
    create function auth.role() returns text language sql stable as
      $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role' $$;
    grant usage on schema auth to anon, authenticated, service_role, owner;
    grant all on auth.users to owner with grant option;
    grant all on schema public to owner; grant usage on schema public to anon, authenticated, service_role;
    alter default privileges for role owner in schema public grant all on tables to owner, anon, authenticated, service_role;
    alter default privileges for role owner in schema public grant all on functions to owner, anon, authenticated, service_role;
    alter default privileges for role owner in schema public grant all on sequences to owner, anon, authenticated, service_role;
    create function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql as $$ begin notify pgrst, 'reload schema'; end $$;
    create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();
    create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_ddl_watch();
    create publication supabase_realtime; alter publication supabase_realtime owner to owner;`,
  tables: `
    ${AUDITED_TABLES}
    create table managers (id uuid primary key);
    create function make_user() returns trigger language plpgsql security definer as
      $$ begin insert into auth.users (id) values (new.id) on conflict do nothing; return new; end $$;
    create trigger make_user before insert on profiles for each row execute function make_user();
    alter table profiles add foreign key (id) references auth.users (id) on delete cascade;
    ${POLICIES}
    create schema supabase_migrations;
    create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
    insert into supabase_migrations.schema_migrations values ('20260101000000', '{}', 'tables');`,
};
