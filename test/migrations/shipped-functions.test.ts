import { expect, test } from "vitest";
import { compareFunctions, shippedFunctions, shippedStatements } from "../../src/shipped-functions.ts";
import { createDatabase } from "../postgres/database.ts";
import { allMigrations } from "./tiny-migrations.ts";

const sqls = allMigrations().map(({ sql }) => sql);

test("a fresh installation has the functions of the package", async () => {
  const { url, sql } = await createDatabase();
  expect(await compareFunctions({ connectionString: url }, sqls)).toEqual({ missing: [], changed: [] });
  const [row] = await sql`
    select count(distinct proname)::int as functions from pg_proc where pronamespace = 'flex_sync'::regnamespace`;
  const shipped = [...shippedFunctions(sqls).keys()].filter((name) => name.startsWith("flex_sync."));
  expect(shipped).toHaveLength(row?.functions);
});

test("names a function that is gone and one that somebody edited", async () => {
  const { url, sql } = await createDatabase({ template: "empty" });
  const one = "create function public.one()\nreturns int\nlanguage plpgsql\nas $$ begin return 1; end $$;";
  const two =
    "create or replace function public.two(of int)\nreturns int\nlanguage plpgsql\nas $$ begin return 2; end $$;";
  const package_ = [one, `${two.replace("2", "0")}\n${two}`];

  await sql.unsafe(two.replace("return 2", "return 3"));

  expect(await compareFunctions({ connectionString: url }, package_)).toEqual({
    missing: ["public.one"],
    changed: ["public.two"],
  });
});

test("the last definition counts, and a dropped function none", () => {
  const create = (body: string) => `create function flex_sync.f()\nas $x$${body}$x$;`;
  expect(shippedFunctions([create("a"), create("b")])).toEqual(shippedFunctions([create("b")]));
  expect(shippedFunctions([create("a"), "drop function flex_sync.f();"]).size).toBe(0);
});

test.each([
  ["security invoker", "flex_sync.tick()"],
  ["set search_path = public", "flex_sync.tick()"],
  ["reset all", "public.sync_crew_call(uuid, boolean, boolean, text)"],
  ["immutable", "flex_sync.clock()"],
])("names a function that somebody altered with %s", async (alteration, signature) => {
  const { url, sql } = await createDatabase();
  await sql.unsafe(`alter function ${signature} ${alteration}`);
  expect(await compareFunctions({ connectionString: url }, sqls)).toEqual({
    missing: [],
    changed: [signature.replace(/\(.*/, "")],
  });
});

test("the statement that puts a function back puts all of that back", async () => {
  const { url, sql } = await createDatabase();
  await sql.unsafe(
    "alter function flex_sync.tick() security invoker; alter function flex_sync.tick() reset all",
  );
  await sql.unsafe(shippedStatements(sqls).get("flex_sync.tick") ?? "");
  expect(await compareFunctions({ connectionString: url }, sqls)).toEqual({ missing: [], changed: [] });
});
