import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigurationError } from "../errors.ts";
import type { Cluster } from "./cluster.ts";

/** Start the server's process in a session of its own. */
export function spawnServer(
  cluster: Cluster,
  port: number,
  params: Record<string, string | number>,
): ChildProcess {
  const settings = { listen_addresses: "127.0.0.1", unix_socket_directories: "", port, ...params };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const log = openSync(cluster.logFile, "a");
  // Detached: a Ctrl-C in the terminal is for us, and we decide when the server goes.
  const child = spawn(cluster.program("postgres"), ["-D", cluster.dataDir, ...flags], {
    ...cluster.user,
    cwd: "/",
    env: cluster.env,
    detached: true,
    stdio: ["ignore", log, log],
  });
  child.on("error", () => {});
  child.unref();
  return child;
}

/** Wait until the server itself writes `ready` into its pid file, as pg_ctl does. */
export async function untilReady(child: ChildProcess, cluster: Cluster): Promise<void> {
  while (!hasEnded(child) && child.pid !== undefined) {
    const [pid, , , , , , , status] = readPidFile(join(cluster.dataDir, "postmaster.pid"));
    if (Number(pid) === child.pid && status?.trim() === "ready") return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new ConfigurationError("PGRUN", "the embedded Postgres does not start", cluster.log().slice(-2000));
}

function readPidFile(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
