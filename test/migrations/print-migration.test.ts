import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { migrate } from "../../src/migrate.ts";
import type { Migration } from "../../src/migrations/committed-migrations.ts";
import { printMigration } from "../../src/print-migration.ts";
import { needs } from "../needs.ts";
import { createDatabase } from "../postgres/database.ts";
import { catalogue } from "./catalogue.ts";
import { allMigrations, tiny, tinyMigrations } from "./tiny-migrations.ts";

const clash = tiny(
  "000003-clash.sql",
  "do $migration$ begin perform $flex_crew_sync$x$flex_crew_sync$; end $migration$;",
);

test.each<[string, Migration[]]>([
  ["the package's own", allMigrations()],
  ["several, one of them with our dollar quotes in it", [...tinyMigrations, clash]],
])("the printed file does what migrate does: %s", async (_which, migrations) => {
  const migrated = await createDatabase({ template: "empty" });
  const printed = await createDatabase({ template: "empty" });

  await migrate({ connectionString: migrated.url, migrations });
  await printed.sql.begin((sql) => sql.unsafe(printMigration({ migrations })));

  expect(await catalogue(printed.sql)).toEqual(await catalogue(migrated.sql));
  const result = await migrate({ connectionString: printed.url, migrations });
  expect(result).toMatchObject({ applied: [], alreadyThere: migrations.map(({ name }) => name) });
});

test("running it again changes nothing, and a longer file adds what is new", async () => {
  const { sql } = await createDatabase({ template: "empty" });
  await sql.unsafe(printMigration({ migrations: tinyMigrations.slice(0, 1) }));
  await sql.unsafe(printMigration({ migrations: tinyMigrations }));
  const before = await catalogue(sql);
  await sql.unsafe(printMigration({ migrations: tinyMigrations }));
  expect(await catalogue(sql)).toEqual(before);
});

test("it refuses what migrate refuses, with the same codes", async () => {
  const { sql } = await createDatabase({ template: "empty" });
  await sql.unsafe(printMigration({ migrations: tinyMigrations }));
  const edited = tinyMigrations.map((migration) => ({ ...migration, hash: "sha1:edited" }));
  const run = (text: string) => sql.unsafe(text);
  await expect(run(printMigration({ migrations: tinyMigrations.slice(0, 1) }))).rejects.toMatchObject({
    code: "NEWER",
  });
  await expect(run(printMigration({ migrations: edited }))).rejects.toMatchObject({ code: "EDITD" });
  await expect(
    run(printMigration({ migrations: tinyMigrations, hostSchema: "other" })),
  ).rejects.toMatchObject({
    code: "MOVED",
  });
});

needs("psql")("psql runs it in one transaction, twice", async () => {
  const { url, sql } = await createDatabase({ template: "empty" });
  const folder = mkdtempSync(join(tmpdir(), "printed-"));
  const file = join(folder, "flex-crew-sync.sql");
  writeFileSync(file, printMigration({ migrations: allMigrations() }));
  try {
    const psql = () =>
      execFileSync("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-1", "-f", file, url], { stdio: "pipe" });
    psql();
    const before = await catalogue(sql);
    psql();
    expect(await catalogue(sql)).toEqual(before);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
