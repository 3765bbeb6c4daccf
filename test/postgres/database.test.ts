import { expect, test } from "vitest";
import { createDatabase } from "./database.ts";

test("each test has a database of its own", async () => {
  const first = await createDatabase({ template: "empty" });
  await using second = await createDatabase({ template: "empty" });
  await first.sql`create table only_here ()`;
  const [row] = await second.sql`select to_regclass('only_here') as found`;
  expect(row?.found).toBeNull();
});

test("a dropped database is gone, even while somebody is connected", async () => {
  const { name, sql, drop } = await createDatabase();
  await sql`select 1`;
  await drop();
  const other = await createDatabase();
  const [row] = await other.sql`select count(*)::int as found from pg_database where datname = ${name}`;
  expect(row?.found).toBe(0);
});

test("forty databases at once are created and dropped", async () => {
  const databases = await Promise.all(Array.from({ length: 40 }, () => createDatabase()));
  const answers = await Promise.all(databases.map(({ sql }) => sql`select current_database() as name`));
  expect(new Set(answers.map(([row]) => row?.name)).size).toBe(40);
});
