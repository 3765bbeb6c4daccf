import { execFileSync, spawnSync } from "node:child_process";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { migrate } from "../../src/migrate.ts";
import { applyCurrent } from "./apply-current.ts";

/** The text of `db/schema.sql` comes from this version of pg_dump and Postgres: each writes it differently. */
export const DUMP_VERSION = 15;

/** The major version of the pg_dump on the path, or undefined. */
export function pgDumpVersion(): number | undefined {
  const { stdout } = spawnSync("pg_dump", ["--version"], { encoding: "utf8" });
  const version = /\) (\d+)/.exec(stdout ?? "")?.[1];
  return version === undefined ? undefined : Number(version);
}

/** Install everything, the migration being written too, in a new database and dump what came of it. */
export async function dumpSchema(): Promise<string> {
  await using server = await startEmbeddedPostgres({ version: DUMP_VERSION, params: { fsync: "off" } });
  await migrate({ connectionString: server.url });
  await applyCurrent(server.url);
  const help = execFileSync("pg_dump", ["--help"], { encoding: "utf8" });
  const flags = ["--schema-only", "--no-owner", "--schema=flex_sync", "--schema=public"];
  // Newer minor versions write a random key into each dump.
  if (help.includes("--restrict-key")) flags.push("--restrict-key=x");
  const dump = execFileSync("pg_dump", [...flags, server.url], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return dump.replaceAll(/^-- Dumped (from|by) .*\n/gm, "").replaceAll(/^\\(un)?restrict .*\n/gm, "");
}
