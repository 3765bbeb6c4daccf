import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { OF_DRAINERS } from "../../src/doctor/functions-check.ts";
import { createDatabase } from "../postgres/database.ts";
import { allTypeScript, codeWords, filesBelow, findAll, ROOT, read, tableRows } from "./repository.ts";

const PAGE = "docs/versioning.md";
const publicOf = (part: string) =>
  codeWords(tableRows(PAGE).find(([name]) => name === part)?.[1] ?? "").filter((word) =>
    /^[a-z_]+$/.test(word),
  );

test("every function that the page calls public is there, for one of our roles to call", async () => {
  const { sql } = await createDatabase();
  const names = ["functions for the app", "functions for people", "for schedulers"].flatMap(publicOf);
  expect(names.length).toBeGreaterThan(15);
  const callable = await sql<{ name: string }[]>`
    select distinct proname as name
    from pg_proc cross join unnest(array['flex_sync_app', 'flex_sync_drainer', 'flex_sync_operator']) as role
    where pronamespace in ('flex_sync'::regnamespace, 'public'::regnamespace) and has_function_privilege(role, pg_proc.oid, 'execute')`;
  expect(names.filter((name) => !callable.some((row) => row.name === name))).toEqual([]);
});

test("every view and table that the page calls public is there", async () => {
  const { sql } = await createDatabase();
  for (const part of ["views", "tables to read", "tables to write"]) {
    const names = publicOf(part);
    expect(names.length).toBeGreaterThan(2);
    const there = await sql<{ name: string }[]>`
      select relname as name from pg_class where relnamespace = 'flex_sync'::regnamespace and relkind in ('r', 'v')`;
    expect(names.filter((name) => !there.some((row) => row.name === name))).toEqual([]);
  }
});

test("what drainers call is what older drainers are promised", () => {
  const asked = allTypeScript()
    .filter(({ path }) => path.startsWith("src/drainer/"))
    .flatMap(({ text }) => findAll(text, /flex_sync\.([a-z_]+)\(/g));
  expect([...new Set(asked)].sort()).toEqual([...OF_DRAINERS].sort());
});

test("the examples name the version of the package", () => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  const named = filesBelow("examples/supabase-edge", "deno.json").flatMap((path) =>
    findAll(readFileSync(join(ROOT, path), "utf8"), /npm:flex-crew-sync@([^"]+)"/g),
  );
  expect(named).toEqual([version, version]);
});
