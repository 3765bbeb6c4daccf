import { getEventListeners } from "node:events";
import { expect, onTestFinished, test, vi } from "vitest";
import { type DrainOptions, drain } from "../../src/drainer/drain.ts";
import { ana, assign, ben, cleo, dan } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { startPostgresProxy } from "./postgres-proxy.ts";
import { crewInFlex, type Stage, type StagedCall, setStage } from "./stage.ts";

type Line = { level: "info" | "warn" | "error"; message: string; fields: Record<string, unknown> };

type Daemon = {
  log: Line[];
  ready(times?: number): Promise<void>;
  /** Stop it, and wait until it has ended. */
  stop(): Promise<void>;
  /** How it ended. */
  ended: Promise<unknown>;
  signal: AbortSignal;
};

/** The daemon in this process; it ends with the test. */
function startDaemon({ url, flex }: Stage, options: Partial<DrainOptions> = {}): Daemon {
  const stopping = new AbortController();
  const log: Line[] = [];
  const write = (level: Line["level"]) => (fields: object, message: string) =>
    void log.push({ level, message, fields: fields as Record<string, unknown> });
  const ended = drain({
    databaseUrl: url,
    flexBaseUrl: flex.baseUrl,
    flexAuthToken: flex.token,
    log: { debug: () => {}, info: write("info"), warn: write("warn"), error: write("error") },
    signal: stopping.signal,
    ...options,
  });
  ended.catch(() => {});
  const stop = async () => {
    stopping.abort();
    await ended.catch(() => {});
  };
  onTestFinished(stop);
  const ready = async (times = 1) => {
    const readies = () => log.filter(({ message }) => message.startsWith("ready")).length;
    await Promise.race([ended, vi.waitUntil(() => readies() >= times, { timeout: 20_000 })]);
  };
  return { log, ready, stop, ended, signal: stopping.signal };
}

async function untilSynced(stage: Stage, call: StagedCall): Promise<void> {
  await vi.waitUntil(async () => (await stage.conditionOf(call)).condition === "synced", { timeout: 30_000 });
}

test("it makes no Flex call of its own when it starts, works on a notification, and ends clean", async () => {
  const stage = await setStage();
  const call = await stage.makeCrewCall([ana, ben]);
  const daemon = startDaemon(stage);
  await daemon.ready();
  expect(stage.flex.calls).toEqual([]);
  await stage.sync(call);
  await untilSynced(stage, call);
  expect(crewInFlex(stage, call)).toEqual([ana.resource, ben.resource]);
  await daemon.stop();
  await expect(daemon.ended).resolves.toBeUndefined();
  expect(getEventListeners(daemon.signal, "abort")).toEqual([]);
  await vi.waitUntil(async () => {
    const [row] = await stage.sql`select count(*)::int as open from pg_stat_activity
      where datname = current_database() and application_name like 'flex-crew-sync%'`;
    return row?.open === 0;
  });
  expect(JSON.stringify(daemon.log)).not.toContain(stage.flex.token);
});

test("it waits for a database that is not there yet", async () => {
  const stage = await setStage();
  const proxy = await startPostgresProxy(stage.url);
  await proxy.down();
  const daemon = startDaemon(stage, { databaseUrl: proxy.url });
  await vi.waitUntil(() => daemon.log.some(({ level }) => level === "error"));
  await proxy.listen();
  await daemon.ready();
  expect(daemon.log.filter(({ level }) => level === "error")).toHaveLength(1);
});

test("what waiting does not mend ends it, even after a database that was not there yet", async () => {
  const stage = await setStage();
  const proxy = await startPostgresProxy(stage.url);
  await proxy.down();
  const databaseUrl = proxy.url.replace(/[^/]*$/, "nowhere");
  const daemon = startDaemon(stage, { databaseUrl });
  await vi.waitUntil(() => daemon.log.some(({ level }) => level === "error"));
  await proxy.listen();
  await expect(daemon.ended).rejects.toMatchObject({ name: "ConfigurationError", code: "DBURL" });

  const empty = await createDatabase({ template: "empty" });
  const uninstalled = startDaemon(stage, { databaseUrl: empty.url });
  await expect(uninstalled.ended).rejects.toMatchObject({ name: "ConfigurationError", code: "NOINS" });
});

test("terminated connections cost nothing but a moment, in the middle of work too", async () => {
  const stage = await setStage({ latencyMs: 30 });
  await stage.sql`update flex_sync.settings set max_concurrency = 2, lease = '3 s', late_landing = '1 s'`;
  const call = await stage.makeCrewCall([ana]);
  const daemon = startDaemon(stage, { timeoutMs: 1_500 });
  await daemon.ready();
  await assign(stage.sql, call, [ben, cleo, dan]);
  await stage.sync(call);
  for (let added = 1; added <= 3; added += 1) {
    await stage.flex.waitForCalls(added, { route: "add" });
    await stage.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name like 'flex-crew-sync%'`;
  }
  await untilSynced(stage, call);
  expect(crewInFlex(stage, call)).toEqual([ana, ben, cleo, dan].map((who) => who.resource));
});

test("lost notifications: it polls, and says so once", async () => {
  const stage = await setStage();
  const other = await createDatabase({ template: "empty" });
  const call = await stage.makeCrewCall([ana]);
  const daemon = startDaemon(stage, { listenDatabaseUrl: other.url });
  await daemon.ready();
  await stage.sync(call);
  await untilSynced(stage, call);
  await vi.waitUntil(() => daemon.log.some(({ level }) => level === "warn"), { timeout: 15_000 });
});

test("a clock of the process that is wrong and jumps does no harm", async () => {
  const stage = await setStage();
  const call = await stage.makeCrewCall([ana, ben, cleo]);
  let jumps = 0;
  const clocks = {
    monotonic: () => performance.now(),
    // An hour behind, and back and forth by ten minutes with every fifth look.
    wall: () => {
      jumps += 1;
      return Date.now() - 3_600_000 + (Math.floor(jumps / 5) % 2) * 600_000;
    },
  };
  const daemon = startDaemon(stage, { clocks });
  await daemon.ready();
  await stage.sync(call);
  await untilSynced(stage, call);
  expect(crewInFlex(stage, call)).toEqual([ana.resource, ben.resource, cleo.resource]);
});

test("stopped in the middle: what is in flight ends and is recorded, the rest is left for the next", async () => {
  const stage = await setStage();
  await stage.sql`update flex_sync.settings set max_concurrency = 1`;
  const call = await stage.makeCrewCall([ana, ben]);
  const daemon = startDaemon(stage);
  await daemon.ready();
  stage.flex.fault({ route: "add", do: { kind: "delay", ms: 300 } });
  await stage.sync(call);
  await stage.flex.waitForCalls(1, { route: "add" });
  await daemon.stop();
  expect((await stage.operations()).map(({ state }) => state).sort()).toEqual(["done", "pending"]);
  expect(crewInFlex(stage, call)).toHaveLength(1);
});

test("what stays due and cannot be claimed is no reason to hurry", async () => {
  const stage = await setStage();
  const { sql } = stage;
  const call = await stage.makeCrewCall([ana]);
  const proxy = await startPostgresProxy(stage.url);
  const daemon = startDaemon(stage, { databaseUrl: proxy.url });
  await daemon.ready();
  await sql`select flex_sync.pause('test')`;
  await stage.sync(call);
  await sql.begin(async (holder) => {
    await holder`select from flex_sync.outbox for update`;
    await sql`select flex_sync.resume()`;
    const before = proxy.packets;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    // A look is about eight packets; a loop without rest makes thousands.
    expect(proxy.packets - before).toBeLessThan(200);
    expect(stage.flex.calls).toEqual([]);
  });
  await untilSynced(stage, call);
});
