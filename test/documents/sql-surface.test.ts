import { expect, test } from "vitest";
import { createDatabase } from "../postgres/database.ts";
import { codeWords, read, section, tableRows } from "./repository.ts";

const PAGE = "docs/sql.md";

test("every setting stands in the page with its default", async () => {
  const { sql } = await createDatabase();
  const [row] = await sql`select to_jsonb(settings) - 'only_row' as settings from flex_sync.settings`;
  const seconds = await sql<{ name: string; shown: string }[]>`
    select name, value as shown
    from flex_sync.settings, jsonb_each_text(to_jsonb(settings)) as each (name, value)`;
  const rows = new Map(
    tableRows(PAGE).map(([name, value]) => [codeWords(name ?? "")[0], codeWords(value ?? "")[0]]),
  );
  const settings = Object.keys(row?.settings as object);
  expect(settings.length).toBeGreaterThan(10);
  expect(settings.filter((name) => !rows.has(name))).toEqual([]);
  for (const { name, shown } of seconds.filter(({ name }) => name !== "only_row")) {
    const documented = rows.get(name) ?? "";
    const [same] =
      /^\d/.test(documented) && /[a-z]/.test(documented)
        ? await sql`select ${documented}::interval = ${shown}::interval as same`
        : [{ same: documented === (shown ?? "null") }];
    expect(same?.same, `${name} is ${shown}, documented as ${documented}`).toBe(true);
  }
});

const VIEWS = ["crew_call_status", "crew_status", "duplicate_assignments"];

test.each(VIEWS)("every column of %s stands in its table, and nothing else does", async (view) => {
  const { sql } = await createDatabase();
  const rows = await sql<{ attname: string }[]>`
    select attname from pg_attribute
    where attrelid = ${`flex_sync.${view}`}::regclass and attnum > 0 and not attisdropped`;
  const documented = section(PAGE, `### ${view}`)
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => codeWords(line.split("|")[1] ?? ""));
  expect(documented.sort()).toEqual(rows.map(({ attname }) => attname).sort());
});

test("every column of history stands in its table, and nothing else does", async () => {
  const { sql } = await createDatabase();
  const rows = await sql<{ attname: string }[]>`
    select attname from pg_attribute where attrelid = 'flex_sync.happened'::regclass and attnum > 0`;
  const [columns = ""] = section(PAGE, "## History").split("| `what` | `outcome`");
  const documented = columns
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => codeWords(line.split("|")[1] ?? ""));
  expect(documented.sort()).toEqual(rows.map(({ attname }) => attname).sort());
});

test("every metric stands in the page, and nothing else does", async () => {
  const { sql } = await createDatabase();
  const rows = await sql<{ name: string }[]>`select name from flex_sync.metrics`;
  const documented = section(PAGE, "### metrics")
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => codeWords(line.split("|")[1] ?? ""));
  expect(documented.sort()).toEqual(rows.map(({ name }) => name).sort());
});

test("the columns of outbox and syncs that the page names are there", async () => {
  const { sql } = await createDatabase();
  for (const table of ["outbox", "syncs"]) {
    const row = section(PAGE, "## Tables to read")
      .split("\n")
      .find((line) => line.startsWith(`| \`${table}\``));
    const columns = await sql<{ attname: string }[]>`
      select attname from pg_attribute where attrelid = ${`flex_sync.${table}`}::regclass and attnum > 0`;
    const named = codeWords(row?.split("|")[2] ?? "");
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !columns.some(({ attname }) => attname === name))).toEqual([]);
  }
});

test("the fields of sync_crew_call's answer stand in the page, and nothing else does", async () => {
  const { sql } = await createDatabase();
  const [call] = await sql`
    with job as (insert into jobs default values returning id)
    insert into flex_crew_calls (job_id, department, flex_element_id)
    select id, 'sound', gen_random_uuid() from job
    returning id`;
  const [row] = await sql`select sync_crew_call(${call?.id}, dry_run => true) as plan`;
  const documented = section(PAGE, "## sync_crew_call")
    .split("| field |")[1]
    ?.split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => codeWords(line.split("|")[1] ?? ""));
  expect(documented?.sort()).toEqual(Object.keys(row?.plan as object).sort());
});

test("each role may do what the page says, and nobody else anything", async () => {
  const { sql } = await createDatabase();
  const functions = await sql<
    { name: string; app: boolean; drainer: boolean; operator: boolean; nobody: boolean }[]
  >`
    select
      proname as name,
      has_function_privilege('flex_sync_app', pg_proc.oid, 'execute') as app,
      has_function_privilege('flex_sync_drainer', pg_proc.oid, 'execute') as drainer,
      has_function_privilege('flex_sync_operator', pg_proc.oid, 'execute') as operator,
      exists (select from aclexplode(proacl) where grantee = 0) as nobody
    from pg_proc
    where pronamespace = 'flex_sync'::regnamespace or proname in ('sync_crew_call', 'sync_crew_for_job')`;
  expect(functions.filter(({ nobody }) => nobody)).toEqual([]);
  const may = (role: "app" | "drainer" | "operator") =>
    functions.filter((row) => row[role]).map(({ name }) => name);
  const cells = (role: string) => tableRows(PAGE).find(([name]) => name === `\`${role}\``) ?? [];
  for (const name of codeWords(cells("flex_sync_app")[1] ?? "")) expect(may("app")).toContain(name);
  for (const name of operatorFunctions()) expect(may("operator")).toContain(name);
  expect(
    may("app").filter(
      (name) => operatorFunctions().includes(name) && !["explain", "calls_left"].includes(name),
    ),
  ).toEqual([]);
  expect(
    may("drainer").filter((name) => /^(sync_|retry|approve|reject|adopt|set_policy|pause|resume)/.test(name)),
  ).toEqual([]);

  const tables = await sql<{ name: string; app: boolean; drainer: boolean; operator: boolean }[]>`
    select relname as name,
      has_table_privilege('flex_sync_app', oid, 'select') as app,
      has_table_privilege('flex_sync_drainer', oid, 'select') as drainer,
      has_table_privilege('flex_sync_operator', oid, 'select') as operator
    from pg_class
    where relnamespace = 'flex_sync'::regnamespace and relkind in ('r', 'v')`;
  expect(
    tables
      .filter(({ app }) => app)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(codeWords(cells("flex_sync_app")[2] ?? "").sort());
  expect(
    tables
      .filter(({ drainer }) => drainer)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(codeWords(cells("flex_sync_drainer")[2] ?? "").sort());
  expect(tables.filter(({ operator }) => !operator)).toEqual([]);
});

/** The functions of the operators' table. */
function operatorFunctions(): string[] {
  const rows = section(PAGE, "## Functions for operators")
    .split("\n")
    .filter((line) => line.startsWith("|"));
  return [...rows.join("\n").matchAll(/`flex_sync\.([a-z_]+)\(/g)].map(([, name]) => name ?? "");
}

test("every operator's function of the page exists with those parameters", async () => {
  const { sql } = await createDatabase();
  for (const [, name, parameters] of section(PAGE, "## Functions for operators").matchAll(
    /^\| .*?`flex_sync\.([a-z_]+)\(([a-z_, ]*)\)`/gm,
  )) {
    const [row] = await sql`
      select array_to_string(proargnames[1:pronargs], ', ') as parameters from pg_proc
      where pronamespace = 'flex_sync'::regnamespace and proname = ${name ?? ""}`;
    expect(row?.parameters ?? "", name).toBe(parameters);
  }
});

test("every table that the page names is there", async () => {
  const { sql } = await createDatabase();
  const rows = await sql<{ name: string }[]>`
    select relname as name from pg_class where relnamespace = 'flex_sync'::regnamespace and relkind in ('r', 'v')`;
  const named = section(PAGE, "## Tables to read")
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => codeWords(line.split("|")[1] ?? ""))
    // The installer's own ledger; a test's database gets its migrations without one while none is committed.
    .filter((name) => name !== "migrations");
  expect(named.filter((name) => !rows.some((row) => row.name === name))).toEqual([]);
});

test("the channels that SQL notifies are the documented ones", () => {
  const documented = codeWords(section(PAGE, "## NOTIFY")).filter((word) => word.startsWith("flex_sync_"));
  expect(documented.sort()).toEqual(["flex_sync_done", "flex_sync_work"]);
  expect(read("db/functions/finish_sync.sql")).toContain("pg_notify('flex_sync_done'");
  expect(read("db/functions/sync_crew_call.sql")).toContain("pg_notify('flex_sync_work'");
});
