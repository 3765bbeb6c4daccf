import { describe, expect, test } from "vitest";
import { packageVersion } from "../../src/cli/version.ts";
import { committedMigrations } from "../../src/migrations/committed-migrations.ts";
import { createDatabase } from "../postgres/database.ts";
import { cli, start } from "./command-line.ts";

const help = async (...args: string[]) => (await cli([...args, "--help"], {})).stdout;

describe("flex-crew-sync", () => {
  test("teaches every command, variable and exit code", async () => {
    const text = await help();
    for (const name of [
      "migrate",
      "drain",
      "sync",
      "status",
      "audit",
      "doctor",
      "uninstall",
      "simulate-flex",
      "demo",
      "completion",
    ]) {
      expect(text).toMatch(new RegExp(`^  ${name} `, "m"));
    }
    for (const name of [
      "DATABASE_URL",
      "FLEX_BASE_URL",
      "FLEX_AUTH_TOKEN",
      "X_AUTH_TOKEN",
      "LISTEN_DATABASE_URL",
    ]) {
      expect(text).toContain(name);
    }
    for (const name of ["FLEX_TIMEOUT_MS", "LOG_LEVEL", "Exit codes: 0", "Examples:"])
      expect(text).toContain(name);
  });

  test.each([
    ["migrate", ["--print", "--host-schema"]],
    ["drain", ["--once", "LOG_LEVEL", "FLEX_AUTH_TOKEN", "DATABASE_URL"]],
    [
      "sync",
      [
        "ID",
        "--job",
        "--department",
        "--dry-run",
        "--allow-mass-removal",
        "--no-wait",
        "--timeout",
        "--json",
      ],
    ],
    ["status", ["ID", "--watch", "--json"]],
    ["audit", ["--json", "--host-schema"]],
    ["doctor", ["--json"]],
    ["uninstall", ["--yes"]],
    ["completion", ["bash", "zsh", "fish"]],
    ["simulate-flex", ["--port", "4480", "--latency", "--token", "--profile", "--element"]],
  ])("teaches %s with examples", async (name, words) => {
    const text = await help(name);
    for (const word of [...words, "Examples:"]) expect(text).toContain(word);
  });

  test("runs as a process: the version, and misuse", async () => {
    const version = start(["--version"], {});
    const misuse = start(["synchronise"], {});
    expect(await version.ended).toEqual({ code: 0, stdout: `${packageVersion()}\n`, stderr: "" });
    const { code, stderr } = await misuse.ended;
    expect(code).toBe(2);
    expect(stderr).toContain("synchronise");
    expect((await cli([], {})).code).toBe(2);
  });

  test.each([
    ["status"],
    ["sync", "3f0c9d1e-8a52-4c11-9d39-0c7f4a1f2b60"],
    ["audit"],
    ["migrate"],
    ["uninstall"],
  ])("says what %s needs, and shows no password", async (...args) => {
    const missing = await cli(args, {});
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain("export DATABASE_URL=");
    const down = await cli(args, { DATABASE_URL: "postgres://me:hidden-password@127.0.0.1:1/none" });
    expect(down.code).toBe(2);
    expect(down.stderr).toContain("127.0.0.1:1/none");
    const wrong = await cli(args, { DATABASE_URL: "hidden-password", LOG_LEVEL: "debug" });
    expect(wrong.stderr).toContain("postgres://");
    for (const { stdout, stderr } of [down, wrong]) expect(stdout + stderr).not.toContain("hidden-password");
  });

  test("says that nothing is installed", async () => {
    const { url } = await createDatabase({ template: "empty" });
    for (const args of [["status"], ["sync", "3f0c9d1e-8a52-4c11-9d39-0c7f4a1f2b60"]]) {
      const { code, stderr } = await cli(args, { DATABASE_URL: url });
      expect(code).toBe(2);
      expect(stderr).toContain("flex-crew-sync migrate");
    }
    const { code, stderr } = await cli(["uninstall"], { DATABASE_URL: url });
    expect(code).toBe(2);
    expect(stderr).toContain("(NOTIN)");
  });

  test("shows where an error came from only when asked", async () => {
    const down = { DATABASE_URL: "postgres://127.0.0.1:1/none" };
    expect((await cli(["status"], down)).stderr).not.toContain("    at ");
    expect((await cli(["status"], { ...down, LOG_LEVEL: "debug" })).stderr).toContain("    at ");
  });

  test("migrates, prints, lists what would go, and takes it away", async () => {
    const { url, sql } = await createDatabase();
    const env = { DATABASE_URL: url };
    const listed = await cli(["uninstall"], env);
    expect(listed.stdout).toContain("schema flex_sync");
    expect(listed.code).toBe(0);
    expect(await sql`select from pg_namespace where nspname = 'flex_sync'`).toHaveLength(1);
    expect((await cli(["uninstall", "--yes"], env)).code).toBe(0);
    expect(await sql`select from pg_namespace where nspname = 'flex_sync'`).toHaveLength(0);
    expect(await sql`select from pg_tables where tablename = 'flex_crew_assignments'`).toHaveLength(1);
    const names = committedMigrations().map(({ name }) => name);
    const migrated = await cli(["migrate"], env);
    expect(migrated.code).toBe(0);
    for (const name of names) expect(migrated.stdout).toContain(`applied ${name}`);
    expect((await cli(["migrate"], env)).stdout).toContain("already up to date");
    const printed = await cli(["migrate", "--print", "--host-schema", "app"], {});
    expect(printed.stdout).toContain("create schema if not exists flex_sync");
    for (const name of names) expect(printed.stdout).toContain(name);
  });
});
