import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import postgres from "postgres";
import { node24, packageVersion } from "./node24.ts";
import type { BenchServer } from "./postgres.ts";
import { median, now, rounded } from "./statistics.ts";

/** What the figures of a run were measured on and with. */
export type Machine = {
  cpu: string;
  cores: number;
  memory_gib: number;
  system: string;
  /** One row inserted and committed durably: how fast the disk of this machine says that it wrote. */
  commit_ms: number;
  versions: Record<string, string>;
  postgres_settings: Record<string, string>;
};

export async function describeMachine(server: BenchServer): Promise<Machine> {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model.trim() ?? "unknown",
    cores: cpus().length,
    memory_gib: rounded(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()} ${release()}`,
    commit_ms: await timeCommits(server),
    versions: {
      "flex-crew-sync": versionOf("../../package.json"),
      postgres: server.version,
      pgbench: pgbenchVersion() ?? "missing",
      "node (this process)": process.version,
      "node (daemons, peers, Flex)": spawnSync(node24(), ["--version"], { encoding: "utf8" }).stdout.trim(),
      "graphile-worker": packageVersion("graphile-worker"),
      "pg-boss": packageVersion("pg-boss"),
      undici: versionOf("../../node_modules/undici/package.json"),
      pg: versionOf("../../node_modules/pg/package.json"),
      "postgres (client)": versionOf("../../node_modules/postgres/package.json"),
    },
    postgres_settings: server.params,
  };
}

export function pgbenchVersion(): string | null {
  const { status, stdout } = spawnSync("pgbench", ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.trim().replace(/^pgbench \(PostgreSQL\) (\S+).*/, "$1") : null;
}

async function timeCommits(server: BenchServer): Promise<number> {
  const database = await server.createDatabase("empty");
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  await sql`create table rows (number int)`;
  const times: number[] = [];
  for (let number = 0; number < 200; number += 1) {
    const began = now();
    await sql`insert into rows values (${number})`;
    times.push(now() - began);
  }
  await sql.end();
  await database.drop();
  return rounded(median(times));
}

function versionOf(path: string): string {
  return (JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as { version: string }).version;
}
