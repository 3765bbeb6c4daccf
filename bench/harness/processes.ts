import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { node24 } from "./node24.ts";
import { check } from "./part.ts";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

const running = new Set<ChildProcess>();

/** End what a part that failed left running, so that it does not disturb the next one. */
export function endLeftovers(): void {
  for (const child of running) child.kill("SIGKILL");
}

function remember(child: ChildProcess): ChildProcess {
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** A TypeScript file as a process; that Node runs it as it is. It ends with this process. */
export function forkOnNode24(file: URL, env: Record<string, string>): ChildProcess {
  const child = fork(fileURLToPath(file), [], {
    execPath: node24(),
    execArgv: ["--disable-warning=ExperimentalWarning"],
    env: { ...withoutNodeOptions(), ...env },
    stdio: ["ignore", 2, 2, "ipc"],
  });
  return remember(child);
}

/** A drainer as somebody runs it: the built daemon, in a process of its own. */
export type Daemon = { pid: number; stop(): Promise<void> };

export type DaemonOptions = {
  databaseUrl: string;
  flexBaseUrl: string;
  token?: string;
  /** Without notifications it polls. */
  listen?: boolean;
};

/** Start so many daemons, and wait until all of them work and rest. */
export async function startDaemons(count: number, options: DaemonOptions): Promise<Daemon[]> {
  const daemons = Array.from({ length: count }, () => spawnDaemon(options));
  const { listen = true, databaseUrl } = options;
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  const deadline = Date.now() + 30_000;
  for (;;) {
    check(Date.now() < deadline, "a daemon did not become ready within 30 s");
    const [row] = await sql<[{ drain: number; listen: number }]>`
      select count(distinct client_port) filter (where application_name = 'flex-crew-sync drain' and state = 'idle')::int as drain,
        count(*) filter (where application_name = 'flex-crew-sync listen' and query ilike 'listen%')::int as listen
      from pg_stat_activity where datname = current_database()`;
    if (row.drain >= count && (!listen || row.listen >= count)) break;
    await sleep(50);
  }
  await sql.end();
  await sleep(500);
  return daemons;
}

function spawnDaemon({
  databaseUrl,
  flexBaseUrl,
  token = "of-the-bench",
  listen = true,
}: DaemonOptions): Daemon {
  const child = spawn(node24(), [MAIN, "drain"], {
    env: {
      ...withoutNodeOptions(),
      DATABASE_URL: databaseUrl,
      // Nobody listens on this port: the daemon goes on without notifications, as behind a pooler.
      ...(listen ? {} : { LISTEN_DATABASE_URL: "postgres://nobody@127.0.0.1:9/nothing" }),
      FLEX_BASE_URL: flexBaseUrl,
      FLEX_AUTH_TOKEN: token,
      LOG_LEVEL: listen ? "warn" : "silent",
    },
    stdio: ["ignore", "ignore", 2],
  });
  remember(child);
  return {
    pid: child.pid as number,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`a daemon ended by itself with ${child.exitCode ?? child.signalCode}`);
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
    },
  };
}

/** Megabytes of memory that a process holds, as Linux counts them. */
export function residentMegabytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  check(kilobytes !== undefined, `no resident size of process ${pid}`);
  return (Number(kilobytes) * 1_024) / 1e6;
}

function withoutNodeOptions(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS, NODE_PATH, PORT, ...env } = process.env;
  return env;
}
