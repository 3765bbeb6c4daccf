import type { Sql } from "postgres";
import { committedMigrations, inHostSchema } from "../migrations/committed-migrations.ts";
import { autoSync } from "./auto-sync-check.ts";
import { type Check, check, type Found, fail, hostSchemaOf, ok, only, warn } from "./check.ts";

const HOST_TABLES = ["jobs", "profiles", "job_assignments", "flex_crew_calls", "flex_crew_assignments"];

/** What the migration added to the host's tables, and the indexes of ours. */
export async function tableChecks(sql: Sql): Promise<Check[]> {
  return [
    await check("unique_constraint", () => uniqueConstraint(sql)),
    await check("indexes", () => indexes(sql)),
    await check("triggers", () => triggers(sql)),
    await check("auto_sync", async () => autoSync(sql, await autoSyncTriggers(sql))),
  ];
}

async function uniqueConstraint(sql: Sql): Promise<Found> {
  const schema = await hostSchemaOf(sql);
  const { there, table } = only(
    await sql<{ there: boolean; table: string }[]>`
      select format('%I.flex_crew_assignments', ${schema}::text) as table, exists (
        select
        from pg_index
        join pg_class on pg_class.oid = indrelid
        join pg_namespace on pg_namespace.oid = relnamespace
        where nspname = ${schema}
          and relname = 'flex_crew_assignments'
          and indisunique and indisvalid and indimmediate and indpred is null and indexprs is null and indnkeyatts = 2
          and (
            select array_agg(attname::text order by attname)
            from pg_attribute
            where attrelid = indrelid and attnum = any ((indkey::int2[])[0:1])
          ) = array['crew_call_id', 'technician_id']
      ) as there`,
  );
  if (there) return ok("nobody can be recorded twice on a crew call");
  return fail(
    "flex_crew_assignments has no valid unique constraint on (crew_call_id, technician_id)",
    "If it is refused, flex-crew-sync audit names the duplicates:",
    `alter table ${table} add unique (crew_call_id, technician_id);`,
  );
}

/** An index that `create index concurrently` left behind half built is written and never used. */
async function indexes(sql: Sql): Promise<Found> {
  const rows = await sql<{ name: string; table: string }[]>`
    select indexrelid::regclass::text as name, indrelid::regclass::text as table
    from pg_index
    join pg_class on pg_class.oid = indrelid
    join pg_namespace on pg_namespace.oid = relnamespace
    where not (indisvalid and indisready)
      and (nspname = 'flex_sync' or (nspname = ${await hostSchemaOf(sql)} and relname = any (${HOST_TABLES})))
    order by 1`;
  if (rows.length === 0) return ok("every index is valid");
  return warn(
    `invalid: ${rows.map(({ name, table }) => `${name} on ${table}`).join(", ")}`,
    "Build them anew, or drop them (a unique one is refused while there are duplicates):",
    rows.map(({ name }) => `reindex index ${name};`).join("\n"),
  );
}

type Trigger = { name: string; table: string; enabled: string };

async function ours(sql: Sql): Promise<Trigger[]> {
  return sql<Trigger[]>`
    select tgname as name, format('%I.%I', nspname, relname) as table, tgenabled as enabled
    from pg_trigger
    join pg_class on pg_class.oid = tgrelid
    join pg_namespace on pg_namespace.oid = relnamespace
    join pg_proc on pg_proc.oid = tgfoid
    where pronamespace = 'flex_sync'::regnamespace
      and not tgisinternal
    order by tgname, relname`;
}

/** Without them, nobody notices what is deleted, pointed elsewhere or set anew. */
async function triggers(sql: Sql): Promise<Found> {
  const schema = await hostSchemaOf(sql);
  const there = await ours(sql);
  const missing = shippedTriggers(schema).filter(
    ({ name, table }) => !there.some((one) => one.name === name && one.table === table),
  );
  if (missing.length > 0) {
    return fail(
      `missing: ${missing.map(({ name, table }) => `${name} on ${table}`).join(", ")}: what they notice, such as a deleted crew call, is not followed up in Flex`,
      "Put them back:",
      missing.map(({ statement }) => statement).join("\n"),
    );
  }
  const off = there.filter(({ enabled }) => enabled === "D" || enabled === "R");
  if (off.length > 0) {
    return fail(
      `disabled: ${off.map(({ name, table }) => `${name} on ${table}`).join(", ")}`,
      "Somebody loaded data and did not put them back:",
      off.map(({ name, table }) => `alter table ${table} enable trigger ${name};`).join("\n"),
    );
  }
  const { role } = only(
    await sql<{ role: string }[]>`select current_setting('session_replication_role') as role`,
  );
  if (role !== "origin") {
    return warn(
      `session_replication_role is ${role}: no trigger runs in sessions of this user`,
      "Take it away where it is set: alter role … reset session_replication_role;",
    );
  }
  return ok(`${there.length} triggers are in place`);
}

async function autoSyncTriggers(sql: Sql): Promise<number> {
  return (await ours(sql)).filter(({ name }) => name.startsWith("flex_sync_auto_")).length;
}

/** The triggers that the committed migrations make, on the host's tables and on ours. */
function shippedTriggers(schema: string): { name: string; table: string; statement: string }[] {
  return committedMigrations().flatMap(({ sql }) =>
    [...inHostSchema(sql, schema).matchAll(/^create trigger (\w+)\s[^;]*? on (\S+)\s[^;]*;/gms)].map(
      ([statement, name = "", table = ""]) => ({ name, table, statement }),
    ),
  );
}
