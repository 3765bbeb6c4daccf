import { readFileSync } from "node:fs";
import type { Sql } from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";
import { ana, assign, ben, type CrewCall, makeCrewCall } from "../crew-call.ts";
import { type Answer, conditionOf, sync } from "../functions/asking.ts";
import { settleWith } from "../functions/drain-with.ts";
import { createDatabase } from "../postgres/database.ts";
import { roleName } from "./hosted-database.ts";

/** Whatever runs as somebody else than the hostile role says so here, and fails. */
const TRAP = (schema: string) => `
  create table ${schema}.sprung (who text);
  grant all on ${schema}.sprung to public;`;

/** A hostile login role that may call what applications call, and may create in public and in a schema of its own. */
async function hostileRole(sql: Sql): Promise<string> {
  const role = roleName("hostile");
  await sql.unsafe(`
    create role ${role} login;
    grant flex_sync_app to ${role};
    grant create on schema public to ${role};
    create schema evil authorization ${role};
    ${TRAP("evil")}`);
  onTestFinished(async () => {
    await sql.unsafe(`drop owned by ${role} cascade; drop role ${role}`);
  });
  return role;
}

/** Everything that the hostile role can name like ours, or like pg_catalog's, in one schema. */
function lookalikes(schema: string): string {
  const springs = "insert into evil.sprung values (current_user)";
  const tables = [
    "settings",
    "tenant",
    "outbox",
    "syncs",
    "elements",
    "lines",
    "ledger",
    "calls",
    "crew_calls",
    "desired_crew",
    "recorded_crew",
    "planned",
    "crew_call_status",
    "operator_log",
    ...(schema === "public" ? [] : ["flex_crew_assignments", "flex_crew_calls", "jobs", "job_assignments"]),
  ];
  const functions = {
    "clock()": "timestamptz",
    "flex_id(value text)": "text",
    "is_flex_id(value text)": "boolean",
    "may_sync(crew_call_id uuid)": "boolean",
    "read_committed_only()": "void",
    "lock_element_of(crew_call_id uuid)": "text",
    "lower(value text)": "text",
    "btrim(value text, characters text)": "text",
    "pg_notify(channel text, payload text)": "void",
    "jsonb_build_object(variadic arguments text[])": "jsonb",
    "clock_timestamp()": "timestamptz",
    "coalesce_of(value text)": "text",
  };
  const exists = schema === "pg_temp" ? "temporary" : "";
  return `
    ${tables.map((name) => `create ${exists} table ${schema}.${name} (id int);`).join("\n")}
    ${Object.entries(functions)
      .map(
        ([signature, type]) => `create function ${schema}.${signature} returns ${type} language plpgsql as $$
          begin ${springs}; return ${type === "void" ? "" : "null"}; end $$;`,
      )
      .join("\n")}
    create function ${schema}.equal(a uuid, b uuid) returns boolean language plpgsql as $$ begin ${springs}; return true; end $$;
    create function ${schema}.same(a text, b text) returns boolean language plpgsql as $$ begin ${springs}; return true; end $$;
    create operator ${schema}.= (leftarg = uuid, rightarg = uuid, function = ${schema}.equal);
    create operator ${schema}.= (leftarg = text, rightarg = text, function = ${schema}.same);
    create operator ${schema}.|| (leftarg = text, rightarg = text, function = ${schema}.same);`;
}

/** What a request answers, without what differs from one request to the next. */
function sets({ sync_id: _sync, observed_at: _at, ...answer }: Answer) {
  return answer;
}

async function inHostileSession(
  sql: Sql,
  role: string,
  prepare: string,
  call: CrewCall,
): Promise<{ answer: Answer; sprung: readonly object[] }> {
  return sql.begin(async (tx) => {
    await tx.unsafe(`set local session authorization ${role}; ${prepare}`);
    // Everything but the call itself is found where the session looks; the call is named as ours.
    const [row] = await tx.unsafe(
      `select public.sync_crew_call(pg_catalog.uuid('${call.id}'), false, false, null::pg_catalog.text) as answer`,
    );
    await tx.unsafe("set local search_path = pg_catalog");
    return { answer: row?.answer as Answer, sprung: await tx`select who from evil.sprung` };
  });
}

describe("a hostile role's session", () => {
  test.each([
    ["objects of its own schema", "evil", "set local search_path = evil, public, pg_catalog"],
    ["temporary objects", "pg_temp", "set local search_path = pg_temp, public, pg_catalog"],
    ["objects in public", "public", "set local search_path = public, pg_catalog"],
  ])("changes nothing of a plan with %s, and runs nothing of its own", async (_name, schema, path) => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ben], inFlex: [ben] });
    await sync(sql, call);
    await assign(sql, call, [ben]);
    const [row] = await sql`select public.sync_crew_call(${call.id}) as answer`;
    const role = await hostileRole(sql);
    const { answer, sprung } = await inHostileSession(sql, role, `${lookalikes(schema)} ${path};`, call);
    expect(sets(answer)).toEqual(sets(row?.answer));
    expect(answer.to_add).toHaveLength(1);
    expect(sprung).toEqual([]);
    await settleWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("changes nothing of a plan by its settings", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ben], inFlex: [ben] });
    await sync(sql, call);
    await assign(sql, call, [ben]);
    const [row] = await sql`select public.sync_crew_call(${call.id}) as answer`;
    const role = await hostileRole(sql);
    const settings = `
      set local row_security = on; set local plan_cache_mode = force_custom_plan; set local datestyle = 'German, DMY';
      set local intervalstyle = 'sql_standard'; set local timezone = 'Asia/Kathmandu'; set local transform_null_equals = on;
      set local standard_conforming_strings = off; set local bytea_output = 'escape'; set local extra_float_digits = -10;
      set local array_nulls = off; set local quote_all_identifiers = on; set local enable_indexscan = off;
      set local synchronous_commit = off; set local check_function_bodies = off;
      set local "request.jwt.claims" = 'no json'; set local flex_sync.objects_before = '1,2,3';`;
    const { answer } = await inHostileSession(sql, role, settings, call);
    expect(sets(answer)).toEqual(sets(row?.answer));
  });

  test("cannot replace what applications call, and an overload is never called for ours", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const role = await hostileRole(sql);
    const { sprung } = await inHostileSession(
      sql,
      role,
      `create function public.sync_crew_call(crew_call_id uuid, dry_run boolean, allow_mass_removal boolean, requested_by varchar)
         returns jsonb language plpgsql as $$ begin insert into evil.sprung values (current_user); return null; end $$;
       create function public.sync_crew_call(crew_call_id uuid) returns jsonb language plpgsql as $$
         begin insert into evil.sprung values (current_user); return null; end $$;
       select sync_crew_for_job(job_id => '${call.job}'::uuid);`,
      call,
    );
    expect(sprung).toEqual([]);
    await expect(
      sql.begin(async (tx) => {
        await tx.unsafe(`set local session authorization ${role}`);
        await tx.unsafe(
          "create or replace function public.sync_crew_call(crew_call_id uuid, dry_run boolean default false, allow_mass_removal boolean default false, requested_by text default null) returns jsonb language sql as 'select null::jsonb'",
        );
      }),
    ).rejects.toMatchObject({ code: "42501" });
  });
});

describe("a function of ours", () => {
  test("has a pinned search_path with pg_temp last, unless it is the host's hook or one expression of qualified names", async () => {
    const { sql } = await createDatabase();
    const rows =
      await sql`select pg_proc.proname as name, prosecdef as definer, array_to_string(proconfig, '; ') as settings from pg_proc
      where (pronamespace = 'flex_sync'::regnamespace or (pronamespace = 'public'::regnamespace and proname like 'sync_crew%'))
        and coalesce(array_to_string(proconfig, '; '), '') !~ 'search_path=pg_catalog, (flex_sync, )?pg_temp(;|$)'`;
    const unpinned = ["flex_id", "is_flex_id", "may_sync", "tier_of"];
    // One statement on the host's table each, with a fixed path on which the host's triggers find their names.
    const forTriggers = ["remove_assignments", "write_assignment", "write_assignments"];
    expect(rows.map(({ name }) => name).sort()).toEqual([...unpinned, ...forTriggers].sort());
    expect(rows.filter(({ definer }) => definer)).toEqual([]);
    const path = "search_path=public, public, extensions, pg_temp";
    const asTheHostPlans =
      "; enable_seqscan=on; enable_hashjoin=on; enable_mergejoin=on; plan_cache_mode=auto";
    const settings = rows.filter((row) => row.settings).map((row) => [row.name, row.settings]);
    expect(Object.fromEntries(settings)).toEqual({
      remove_assignments: path,
      write_assignment: path,
      write_assignments: path + asTheHostPlans,
    });
  });

  test.each(["flex_id", "is_flex_id", "tier_of"])(
    "%s names the schema of every function and operator",
    (name) => {
      const body = /as \$\$(.*?)\$\$/s.exec(readFileSync(`db/functions/${name}.sql`, "utf8"))?.[1] ?? "";
      const words = body
        .replace(/'[^']*'/g, "")
        .replaceAll(/pg_catalog\.[\w<>~=!]+/g, "")
        // A negative constant is no operator.
        .replaceAll(/-\d+/g, "")
        .match(/\w+|[<>=~!*/%+|&^-]+/g);
      const ours = new Set([
        "select",
        "and",
        "case",
        "when",
        "then",
        "end",
        "coalesce",
        "operator",
        "value",
        "role_code",
        "E",
        "false",
      ]);
      expect(words?.filter((word) => !ours.has(word))).toEqual([]);
    },
  );

  test("never runs text as SQL, but for what a migration grants, and for the columns in which a host keeps names", async () => {
    const { sql } = await createDatabase();
    const rows = await sql`select proname as name from pg_proc
      where pronamespace = 'flex_sync'::regnamespace and prosrc ~* '\\mexecute\\M' and proname !~ '^(en|dis)able_auto_sync$' order by 1`;
    expect(rows.map(({ name }) => name)).toEqual(["grant_privileges", "name_of", "share_with_service_role"]);
  });
});

describe("the host's seams", () => {
  test("desired_crew and may_sync are replaced by their owner alone", async () => {
    const { sql } = await createDatabase();
    const role = await hostileRole(sql);
    await sql.unsafe(`grant flex_sync_operator, flex_sync_drainer to ${role}`);
    for (const statement of [
      "create or replace view flex_sync.desired_crew as select null::uuid as crew_call_id, null::uuid as technician_id, null::text as flex_resource_id, null::text as role_code",
      "create or replace function flex_sync.may_sync(crew_call_id uuid) returns boolean language sql as 'select true'",
    ])
      await expect(
        sql.begin(async (tx) => {
          await tx.unsafe(`set local session authorization ${role}`);
          await tx.unsafe(statement);
        }),
      ).rejects.toMatchObject({ code: "42501" });
  });

  test("may_sync decides by the session that asks; nothing is requested where it says no, raises or says nothing", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const hook = (body: string) =>
      sql.unsafe(
        `create or replace function flex_sync.may_sync(crew_call_id uuid) returns boolean language plpgsql stable as $$ begin ${body} end $$`,
      );
    for (const [body, code] of [
      ["return session_user = 'somebody else';", "NOTAL"],
      ["return null;", "NOTAL"],
      ["return current_setting('request.jwt.claims', true)::jsonb ->> 'role' = 'planner';", "NOTAL"],
      ["raise exception 'no' using errcode = 'HOSTX';", "HOSTX"],
    ] as const) {
      await hook(body);
      for (const statement of [
        `select sync_crew_call('${call.id}')`,
        `select sync_crew_call('${call.id}', true)`,
        `select sync_crew_for_job('${call.job}')`,
      ])
        await expect(sql.unsafe(statement)).rejects.toMatchObject({ code });
    }
    expect(await sql`select * from flex_sync.syncs`).toEqual([]);
    await hook("return current_setting('request.jwt.claims', true)::jsonb ->> 'role' = 'planner';");
    const answer = await sql.begin(async (tx) => {
      await tx`select set_config('request.jwt.claims', '{"role":"planner"}', true)`;
      return tx`select sync_crew_call(${call.id}) ->> 'condition' as condition`;
    });
    expect(answer).toEqual([{ condition: "pending" }]);
  });
});
