import type { Misconfiguration } from "./misconfiguration.ts";
import { asRole } from "./of-the-server.ts";

/** A migration in the ledger that this package does not have. */
const NEWER = "999999-from-the-future.sql";

export const ofTheInstallation: Misconfiguration[] = [
  {
    name: "a database that is newer than the package",
    check: "migrations",
    status: "fail",
    names: NEWER,
    async make({ sql }) {
      await sql`insert into flex_sync.migrations (name, hash, host_schema) values (${NEWER}, 'sha1:0', 'public')`;
      return undefined;
    },
  },
  {
    name: "a migration that was applied in another form",
    check: "migrations",
    status: "fail",
    names: "000001",
    async make({ sql }) {
      await sql`update flex_sync.migrations set hash = 'sha1:0'`;
      return undefined;
    },
  },
  {
    name: "a schema of which only rests are left",
    check: "installed",
    status: "fail",
    names: "not whole",
    async make({ sql }) {
      await sql`drop view flex_sync.crew_call_status cascade`;
      return undefined;
    },
  },
  {
    name: "a function that somebody edited",
    asShipped: true,
    check: "functions",
    status: "warn",
    names: "flex_sync.calls_left",
    async make({ sql }) {
      const [row] = await sql`select pg_get_functiondef('flex_sync.calls_left()'::regprocedure) as text`;
      await sql.unsafe(row?.text.replace("1 hour", "1 day"));
      return undefined;
    },
  },
  {
    name: "a function that somebody dropped",
    asShipped: true,
    check: "functions",
    status: "fail",
    names: "flex_sync.record_remove",
    async make({ sql }) {
      const [row] = await sql`
        select oid::regprocedure::text as name from pg_proc where proname = 'record_remove'`;
      await sql.unsafe(`drop function ${row?.name}`);
      return undefined;
    },
  },
  {
    name: "a database user who may not drain",
    check: "privileges",
    status: "fail",
    names: "claim_operations",
    async make(stage) {
      const { env, role } = await asRole(stage, "");
      await stage.sql.unsafe(`grant flex_sync_operator to ${role}`);
      return env;
    },
  },
  {
    name: "functions that are granted to everybody",
    check: "exposed",
    status: "warn",
    names: "public",
    async make({ sql }) {
      await sql`grant usage on schema flex_sync to public`;
      await sql`grant execute on all functions in schema public to public`;
      return undefined;
    },
  },
  {
    name: "a trigger on the host's table that is gone",
    check: "triggers",
    status: "fail",
    names: "flex_sync_deleted_job",
    async make({ sql }) {
      await sql`drop trigger flex_sync_deleted_job on jobs`;
      return undefined;
    },
  },
  {
    name: "a trigger on the settings that is gone",
    check: "triggers",
    status: "fail",
    names: "note_changed_policy on flex_sync.settings",
    async make({ sql }) {
      await sql`drop trigger note_changed_policy on flex_sync.settings`;
      return undefined;
    },
  },
  {
    name: "triggers that a data load disabled",
    check: "triggers",
    status: "fail",
    names: "flex_sync_changed_crew_call",
    async make({ sql }) {
      await sql`alter table flex_crew_calls disable trigger all`;
      return undefined;
    },
  },
  {
    name: "half of the triggers of auto sync",
    check: "auto_sync",
    status: "fail",
    names: "7 of 8",
    async make({ sql }) {
      await sql`select flex_sync.enable_auto_sync()`;
      await sql`drop trigger flex_sync_auto_delete on job_assignments`;
      return undefined;
    },
  },
  {
    name: "a table that decides who is on the crew and that auto sync does not watch",
    check: "auto_sync",
    status: "warn",
    names: "public.shifts",
    async make({ sql }) {
      await sql`create table public.shifts (job_id uuid, technician_id uuid)`;
      await sql`create or replace view flex_sync.desired_crew as
        select flex_crew_calls.id as crew_call_id, shifts.technician_id, profiles.flex_resource_id::text, null::text as role_code
        from flex_crew_calls join public.shifts using (job_id) join profiles on profiles.id = shifts.technician_id`;
      await sql`select flex_sync.enable_auto_sync()`;
      return undefined;
    },
  },
  {
    name: "a unique constraint that is lost",
    check: "unique_constraint",
    status: "fail",
    names: "flex_crew_assignments",
    async make({ sql }) {
      await sql`alter table flex_crew_assignments drop constraint flex_crew_assignments_crew_call_technician_key`;
      return undefined;
    },
  },
  {
    name: "an index that was left behind half built",
    check: "indexes",
    status: "warn",
    names: "half_built",
    async make({ sql }) {
      await sql`insert into jobs default values`;
      await sql`insert into jobs default values`;
      await sql`create unique index concurrently half_built on jobs ((1))`.catch(() => {});
      await sql`delete from jobs`;
      return undefined;
    },
  },
];
