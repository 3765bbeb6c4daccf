import postgres from "postgres";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../embedded/start-embedded-postgres.ts";
import { migrate } from "../migrate.ts";
import { type Simulator, startSimulator } from "../simulator/simulator.ts";
import type { DemoWorld } from "./build-season.ts";
import { keepRunning } from "./keep-running.ts";
import type { Screen } from "./screen.ts";
import { startDrainer } from "./start-drainers.ts";
import { startPage } from "./start-page.ts";
import { tellTheStory } from "./tell-the-story.ts";

export type DemoOptions = {
  screen: Screen;
  /** Leave everything running afterwards, until `stopped`. */
  keep?: boolean;
  /** What `keep` waits for; the command line waits for Ctrl-C. */
  stopped?: () => Promise<unknown>;
  /** Installs flex-crew-sync in the demo's database. Default: `migrate`. */
  install?: (databaseUrl: string) => Promise<unknown>;
  /** Happens right before the checks: a test brings a difference in, and sees it found. */
  beforeChecks?: (world: DemoWorld) => unknown;
};

/** As far away as a Flex in the same country. */
const LATENCY_MS = 50;

/**
 * Everything at once on this machine: a Postgres, a simulated Flex, two drainers, a season that the old sync damaged.
 *
 * @returns whether everything came out as it must
 * @throws ConfigurationError NOEMB (the package embedded-postgres is missing), PGRUN (it does not start)
 */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const startedAt = performance.now();
  await using server = await startEmbeddedPostgres({ params: { fsync: "off" } });
  const flex = await startSimulator({ latencyMs: LATENCY_MS, strictContacts: true });
  const sql = postgres(server.url, { max: 4, onnotice: () => {} });
  try {
    return await withDrainers({ ...options, server, flex, sql, startedAt });
  } finally {
    await sql.end({ timeout: 1 });
    await flex.stop();
  }
}

export type Stage = DemoOptions & {
  server: EmbeddedPostgres;
  flex: Simulator;
  sql: postgres.Sql;
  /** By `performance.now()`. */
  startedAt: number;
};

async function withDrainers(stage: Stage): Promise<boolean> {
  const { server, flex, screen } = stage;
  const drainers: ReturnType<typeof startDrainer>[] = [];
  const start = (name: string) => {
    const drainer = startDrainer(name, server.url, flex);
    drainers.push(drainer);
    return drainer;
  };
  const install = stage.install ?? ((connectionString: string) => migrate({ connectionString }));
  try {
    const equal = await tellTheStory({ ...stage, install, start });
    if (stage.keep) {
      await drainers.pop()?.stop();
      await using page = await startPage(server.url);
      keepRunning(screen, { databaseUrl: server.url, flex, page: page.url });
      await stage.stopped?.();
    }
    return equal;
  } finally {
    await Promise.all(drainers.map((drainer) => drainer.stop()));
  }
}
