import type { Sql } from "postgres";
import { readLedger } from "../migrations/ledger.ts";
import { type Check, check, clientOf, type Found, fail, ok, only, type Patient, warn } from "./check.ts";

const COLUMNS = "crew_call_id uuid, technician_id uuid, flex_resource_id text, role_code text";

/** The seam to the host: its view, its tables, its roles. */
export async function hostChecks({ sql }: Patient): Promise<Check[]> {
  return [
    await check("desired_crew", () => desiredCrew(sql)),
    await check("row_level_security", () => rowLevelSecurity(sql)),
    await check("unique_constraint", () => uniqueConstraint(sql)),
    await check("business_roles", () => businessRoles(sql)),
  ];
}

async function desiredCrew(sql: Sql): Promise<Found> {
  const { columns } = only(
    await sql<{ columns: string | null }[]>`
      select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum) as columns
      from pg_attribute
      where attrelid = to_regclass('flex_sync.desired_crew')
        and attnum > 0
        and not attisdropped`,
  );
  const mend = `create or replace view flex_sync.desired_crew as select … with the columns ${COLUMNS}`;
  if (columns === null) return fail("the view flex_sync.desired_crew is missing", mend);
  // A host may add columns at the end; the four come first.
  if (columns !== COLUMNS && !columns.startsWith(`${COLUMNS},`))
    return fail(`it has the columns ${columns}`, mend);
  const people = await countPeople(sql);
  if (people === "hidden") {
    return fail(
      "a row level security policy would hide rows from the view's owner: planning stops with host_view",
      "See the check row_level_security.",
    );
  }
  return ok(`flex_sync.desired_crew can be read: ${people} people on crew calls`);
}

/** Read as planning does: with row_security off, a policy that would hide rows is an error. */
async function countPeople(sql: Sql): Promise<number | "hidden"> {
  const count = (setting: "on" | "off") =>
    sql.begin("read only", async (transaction) => {
      await transaction`select set_config('row_security', ${setting}, true)`;
      const rows = await transaction<{ people: number }[]>`
        select count(*)::int as people from (select distinct crew_call_id, technician_id from flex_sync.desired_crew) as one`;
      return only(rows).people;
    }) as Promise<number>;
  try {
    return await count("off");
  } catch (error) {
    if ((error as { code?: unknown }).code !== "42501") throw error;
    await count("on");
    return "hidden";
  }
}

/** Policies bind the functions' owner unless it owns the table, or may pass by every policy. */
async function rowLevelSecurity(sql: Sql): Promise<Found> {
  const rows = await sql<{ name: string; owner: string }[]>`
    select pg_class.oid::regclass::text as name, quote_ident(functions.rolname) as owner
    from pg_class
    join (
      select pg_roles.oid, rolname, rolsuper or rolbypassrls as passes
      from pg_proc
      join pg_roles on pg_roles.oid = proowner
      where pg_proc.oid = to_regprocedure('public.sync_crew_call(uuid, boolean, boolean, text)')
    ) as functions on not functions.passes
    where relnamespace = (
        select pg_namespace.oid
        from pg_namespace
        where nspname = ${await hostSchema(sql)}
      )
      and relname in ('jobs', 'profiles', 'job_assignments', 'flex_crew_calls', 'flex_crew_assignments')
      and relrowsecurity
      and (relforcerowsecurity or relowner <> functions.oid)
    order by 1`;
  const [first] = rows;
  if (!first) return ok("no policy hides rows from flex-crew-sync");
  return fail(
    `policies bind ${first.owner}, the owner of the functions, on ${rows.map(({ name }) => name).join(", ")}`,
    `alter role ${first.owner} bypassrls; or install as the owner of these tables, without force row level security`,
  );
}

async function uniqueConstraint(sql: Sql): Promise<Found> {
  const schema = await hostSchema(sql);
  const { there } = only(
    await sql<{ there: boolean }[]>`
      select exists (
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
    `alter table ${schema}.flex_crew_assignments add unique (crew_call_id, technician_id); (first: flex-crew-sync audit)`,
  );
}

async function businessRoles(sql: Sql): Promise<Found> {
  const { known, used } = only(
    await sql<{ known: number; used: number }[]>`
      select (select count(*) from flex_sync.business_roles)::int as known,
        (select count(distinct role_code) from flex_sync.desired_crew where role_code like '%-%')::int as used`,
  );
  if (known > 0 || used === 0)
    return ok(`${known} business roles known, ${used} role codes with a tier in use`);
  return warn(
    `${used} role codes with a tier are in use, and flex_sync.business_roles is empty: people are added without a role`,
    "insert into flex_sync.business_roles (department, tier, flex_role_id) values ('sound', 'R', 'ID of the role in Flex');",
  );
}

async function hostSchema(sql: Sql): Promise<string> {
  return (await readLedger(clientOf(sql))).at(-1)?.host_schema ?? "public";
}
