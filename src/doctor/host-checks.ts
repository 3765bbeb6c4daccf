import type { Sql } from "postgres";
import { messageOf } from "../drainer/database-error.ts";
import { DESIRED_CREW, faultOfDesiredCrew } from "../migrations/desired-crew-columns.ts";
import {
  type Check,
  check,
  clientOf,
  type Found,
  fail,
  hostSchemaOf,
  ok,
  only,
  type Patient,
  warn,
} from "./check.ts";
import { tableChecks } from "./table-checks.ts";

/** What answers differently for each session. */
const OF_SESSIONS =
  "current_setting|current_user|session_user|current_role|auth\\.(?:uid|jwt|role|email)|pg_backend_pid|inet_client_addr";

/** The seam to the host: its view, its tables, its roles. */
export async function hostChecks({ sql }: Patient): Promise<Check[]> {
  return [
    await check("desired_crew", () => desiredCrew(sql)),
    await check("row_level_security", () => rowLevelSecurity(sql)),
    ...(await tableChecks(sql)),
    await check("business_roles", () => businessRoles(sql)),
  ];
}

async function desiredCrew(sql: Sql): Promise<Found> {
  const fault = await faultOfDesiredCrew(clientOf(sql));
  if (fault !== null)
    return fail(fault, `${DESIRED_CREW}; where names or types differ, drop the view first and create it`);
  const people = await countPeople(sql);
  if (people === "hidden") {
    return fail(
      "a row level security policy would hide rows from the view's owner: planning stops with host_view",
      "See the check row_level_security.",
    );
  }
  if (typeof people === "object") {
    return fail(
      `it cannot be read: ${people.failed}`,
      "Mend the view until this works: select * from flex_sync.desired_crew;",
    );
  }
  const words = await dependsOnSession(sql);
  if (words) {
    return fail(
      `it depends on the session (${words}): each who asks would plan another crew`,
      "Replace it with one that answers everybody the same: who may see what is decided elsewhere.",
    );
  }
  return ok(`flex_sync.desired_crew can be read: ${people} people on crew calls`);
}

/** Read as planning does: with row_security off, a policy that would hide rows is an error. */
async function countPeople(sql: Sql): Promise<number | "hidden" | { failed: string }> {
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
    if ((error as { code?: unknown }).code !== "42501") return { failed: messageOf(error) };
    await count("on");
    return "hidden";
  }
}

/** Words of the view, or of the functions that it calls, that answer differently for each session. */
async function dependsOnSession(sql: Sql): Promise<string | null> {
  const { words } = only(
    await sql<{ words: string | null }[]>`
      select string_agg(distinct lower(found[1]), ', ' order by lower(found[1])) as words
      from (
        select pg_get_viewdef('flex_sync.desired_crew'::regclass) as text
        union all
        select prosrc
        from pg_rewrite
        join pg_depend on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid
        join pg_proc on pg_depend.refclassid = 'pg_proc'::regclass and pg_proc.oid = pg_depend.refobjid
        where ev_class = 'flex_sync.desired_crew'::regclass
      ) as source
      cross join lateral regexp_matches(source.text, ${OF_SESSIONS}, 'gi') as found`,
  );
  return words;
}

/** Policies bind the functions' owner unless it owns the table, or may pass by every policy. */
async function rowLevelSecurity(sql: Sql): Promise<Found> {
  const rows = await sql<{ name: string; owner: string; forced: boolean }[]>`
    select pg_class.oid::regclass::text as name, quote_ident(functions.rolname) as owner, relowner = functions.oid as forced
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
        where nspname = ${await hostSchemaOf(sql)}
      )
      and relname in ('jobs', 'profiles', 'job_assignments', 'flex_crew_calls', 'flex_crew_assignments')
      and relrowsecurity
      and (relforcerowsecurity or relowner <> functions.oid)
    order by 1`;
  const [first] = rows;
  if (!first) return ok("no policy hides rows from flex-crew-sync");
  return fail(
    `policies bind ${first.owner}, the owner of the functions, on ${rows.map(({ name }) => name).join(", ")}`,
    "Install as the owner of these tables, without force row level security, or as a superuser:",
    `alter role ${first.owner} bypassrls;`,
  );
}

/** Which tiers are in use without a business role of Flex. */
async function businessRoles(sql: Sql): Promise<Found> {
  const rows = await sql<{ department: string; tier: string; people: number; known: boolean }[]>`
    select coalesce(crew_calls.department, '-') as department, code.tier, count(*)::int as people,
      bool_or(business_roles.flex_role_id is not null) as known
    from flex_sync.desired_crew
    cross join lateral (select upper(btrim(substring(desired_crew.role_code from '-([^-]+)$'))) as tier) as code
    join flex_sync.crew_calls on crew_calls.id = desired_crew.crew_call_id
    left join flex_sync.business_roles
      on lower(btrim(business_roles.department)) = crew_calls.department
      and upper(btrim(business_roles.tier)) = code.tier
    where code.tier is not null
    group by 1, 2
    order by 1, 2`;
  const missing = rows.filter(({ known }) => !known);
  if (missing.length === 0) return ok(`every tier in use has a business role (${rows.length})`);
  const [first] = missing;
  const told = missing.map(({ department, tier, people }) => `${department} ${tier} (${people} people)`);
  return warn(
    `no business role for ${told.slice(0, 8).join(", ")}${told.length > 8 ? " …" : ""}: these people are added without a role`,
    `insert into flex_sync.business_roles (department, tier, flex_role_id) values ('${first?.department}', '${first?.tier}', 'ID of the role in Flex');`,
  );
}
