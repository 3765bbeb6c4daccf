import type { Sql } from "postgres";
import { describe, expect, test } from "vitest";
import { tryAs } from "../denials/hosted-database.ts";
import { type Host, startHost } from "./host.ts";
import { install, liveThrough } from "./live-through.ts";
import { SUPABASE } from "./supabase.ts";

test("Supabase: its owner installs, service_role asks", () => liveThrough(SUPABASE));

test("Supabase: a table that realtime publishes", () =>
  liveThrough({
    ...SUPABASE,
    tables: `${SUPABASE.tables} alter table flex_crew_assignments replica identity full;
      alter publication supabase_realtime add table flex_crew_assignments;`,
  }));

/** What of ours a role may use, by what the catalogue says: functions, relations, columns, sequences, types, the schema. */
async function mayUse(sql: Sql, role: string): Promise<string[]> {
  const rows = await sql<{ what: string }[]>`
    with ours as (
      select 'flex_sync'::regnamespace::oid as space
    )
    select pg_proc.oid::regprocedure::text as what from pg_proc, ours
    where (pronamespace = space or proname in ('sync_crew_call', 'sync_crew_for_job'))
      and has_function_privilege(${role}, pg_proc.oid, 'execute')
    union all
    select pg_class.oid::regclass::text from pg_class, ours
    where relnamespace = space and relkind in ('r', 'v', 'm', 'p')
      and (has_table_privilege(${role}, pg_class.oid, 'select, insert, update, delete, truncate, references, trigger')
        or has_any_column_privilege(${role}, pg_class.oid, 'select, insert, update, references'))
    union all
    select pg_class.oid::regclass::text from pg_class, ours
    where relnamespace = space and case when relkind = 'S' then has_sequence_privilege(${role}, pg_class.oid, 'usage, select, update') end
    union all
    select 'schema flex_sync' from ours where has_schema_privilege(${role}, space, 'usage, create')
    order by 1`;
  return rows.map(({ what }) => what);
}

describe("who may what on Supabase", () => {
  const ASK = (host: Host) => `select public.sync_crew_call('${host.call}')`;
  const READ = "select * from flex_sync.crew_call_status";

  test.each(["anon", "authenticated"])(
    "%s may nothing until it is granted, and then what was granted",
    async (role) => {
      const host = await startHost(SUPABASE);
      await install(host);
      expect(await mayUse(host.sql, role)).toEqual([]);
      expect(await tryAs(host.sql, role, ASK(host))).toBe("42501");
      expect(await tryAs(host.sql, role, READ)).toBe("42501");

      // The owner grants it, who is no superuser.
      const grant = `grant execute on function sync_crew_call(uuid, boolean, boolean, text) to ${role}`;
      expect(await tryAs(host.sql, "owner", grant)).toBe("ok");
      await host.sql.unsafe(`set session authorization owner; ${grant}; reset session authorization`);
      expect(await mayUse(host.sql, role)).toEqual(["sync_crew_call(uuid,boolean,boolean,text)"]);
      expect(await tryAs(host.sql, role, ASK(host))).toBe("ok");
      expect(await tryAs(host.sql, role, READ)).toBe("42501");
      // Tables of the host's stay what their policies say.
      expect(await tryAs(host.sql, role, "select from flex_sync.outbox")).toBe("42501");
    },
  );

  test("service_role may what an application may, and nothing of the drainer's or the operators'", async () => {
    const host = await startHost(SUPABASE);
    await install(host);
    // It inherits nothing, as on Supabase: what it may is its own.
    for (const statement of [ASK(host), READ, `select flex_sync.explain('${host.call}')`])
      expect([statement, await tryAs(host.sql, "service_role", statement)]).toEqual([statement, "ok"]);
    for (const statement of [
      "select flex_sync.tick()",
      "select flex_sync.pause('no')",
      "update flex_sync.settings set policy = 'mirror'",
      "delete from flex_sync.outbox",
      "set role flex_sync_operator",
    ])
      expect([statement, await tryAs(host.sql, "service_role", statement)]).toEqual([statement, "42501"]);
  });
});
