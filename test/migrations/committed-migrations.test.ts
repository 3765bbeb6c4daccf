import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "graphile-migrate";
import { expect, onTestFinished, test } from "vitest";
import { compileCurrent } from "../../db/scripts/compile-current.ts";
import { committedMigrations } from "../../src/migrations/committed-migrations.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A checkout's `db` and `.gmrc` in a temp folder, with a small migration being written. */
function makeProject(): string {
  const project = mkdtempSync(join(tmpdir(), "authoring-"));
  onTestFinished(() => rm(project, { recursive: true }));
  mkdirSync(join(project, "db", "functions"), { recursive: true });
  mkdirSync(join(project, "db", "migrations"));
  symlinkSync("../functions", join(project, "db", "migrations", "fixtures"));
  cpSync(join(ROOT, ".gmrc"), join(project, ".gmrc"));
  writeFileSync(
    join(project, "db", "functions", "one.sql"),
    "-- one()\ncreate function flex_sync.one() returns int language plpgsql as $$ begin return 1; end $$;\n",
  );
  write(
    project,
    "create schema if not exists flex_sync;\ncreate table :HOST_SCHEMA.jobs ();\n\n--!include one.sql\n",
  );
  return project;
}

function write(project: string, current: string): void {
  writeFileSync(join(project, "db", "migrations", "current.sql"), current);
}

function commit(project: string, message: string): void {
  const script = join(ROOT, "db", "scripts", "commit-migration.ts");
  execFileSync(join(ROOT, "node_modules", ".bin", "tsx"), [script, message], { cwd: project, stdio: "pipe" });
}

test("what graphile-migrate commits is what migrate reads", { timeout: 120_000 }, () => {
  const project = makeProject();
  const committed = join(project, "db", "migrations", "committed");
  commit(project, "Install it");
  write(project, "create table flex_sync.outbox ();\n");
  commit(project, "Add the outbox");

  const migrations = committedMigrations(committed);

  expect(migrations.map(({ name }) => name)).toEqual(["000001-install-it.sql", "000002-add-the-outbox.sql"]);
  expect(migrations[0]?.sql).toContain("create table :HOST_SCHEMA.jobs");
  expect(migrations[0]?.sql).toContain("create function flex_sync.one()");
  const [first] = readdirSync(committed);
  const file = join(committed, String(first));
  const text = readFileSync(file, "utf8");

  writeFileSync(file, text.replace("return 1", "return 2"));
  expect(() => committedMigrations(committed)).toThrow(expect.objectContaining({ code: "EDITD" }));
  writeFileSync(file, text);
  expect(committedMigrations(committed)).toEqual(migrations);
});

test("compiles the migration being written as graphile-migrate does", async () => {
  const project = makeProject();
  const settings = {
    connectionString: "postgres://somebody@localhost/compile",
    migrationsFolder: join(project, "db", "migrations"),
    placeholders: { ":HOST_SCHEMA": ":HOST_SCHEMA" },
  };
  const raw = readFileSync(join(project, "db", "migrations", "current.sql"), "utf8");
  expect(compileCurrent(join(project, "db"))).toBe(await compile(settings, raw));
});

test("a migration that holds only comments counts as none", () => {
  const project = makeProject();
  write(project, "-- Enter migration here\n");
  expect(compileCurrent(join(project, "db"))).toBe("");
});
