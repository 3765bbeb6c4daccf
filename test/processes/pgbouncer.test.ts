import pg from "pg";
import { expect, onTestFinished, vi } from "vitest";
import { openDatabase } from "../../src/drainer/database.ts";
import { silentLog } from "../../src/drainer/log.ts";
import { listenForWork } from "../../src/drainer/notifications.ts";
import { createQueue } from "../../src/drainer/queue.ts";
import { createWakeUp } from "../../src/drainer/wake-up.ts";
import { migrate } from "../../src/migrate.ts";
import { syncCrewCall } from "../../src/sync-crew-call.ts";
import { cli } from "../cli/command-line.ts";
import { ana, assign, ben, cleo } from "../crew-call.ts";
import { crewInFlex, drainUntilRest, type Stage, type StagedCall, setStage } from "../drainer/stage.ts";
import { needs } from "../needs.ts";
import { type DrainProcess, startDrain } from "./drain-process.ts";
import { startPgBouncer } from "./pgbouncer.ts";

const testWithPgBouncer = needs("pgbouncer");

async function untilSynced(stage: Stage, call: StagedCall): Promise<void> {
  const isSynced = async () => (await stage.conditionOf(call)).condition === "synced";
  await vi.waitUntil(isSynced, { timeout: 20_000 });
}

const saysItPolls = ({ log }: DrainProcess) => log.some(({ msg }) => msg.includes("polling instead"));

testWithPgBouncer("through a pooler in transaction mode it drains, polls, and says why", async () => {
  const stage = await setStage();
  const databaseUrl = await startPgBouncer(stage.url);
  const call = await stage.makeCrewCall([ana, ben]);
  const drain = startDrain({ databaseUrl, flex: stage.flex });
  await drain.ready();
  await stage.sync(call);
  await untilSynced(stage, call);
  await assign(stage.sql, call, [cleo]);
  await stage.sync(call);
  await untilSynced(stage, call);
  expect(crewInFlex(stage, call)).toEqual([ana.resource, ben.resource, cleo.resource]);
  await vi.waitUntil(() => saysItPolls(drain), { timeout: 15_000 });
  drain.kill("SIGTERM");
  expect(await drain.ended).toBe(0);
});

testWithPgBouncer("with a direct connection beside the pooler it is notified", async () => {
  const stage = await setStage();
  const databaseUrl = await startPgBouncer(stage.url);
  const call = await stage.makeCrewCall([ana, ben]);
  const drain = startDrain({ databaseUrl, listenDatabaseUrl: stage.url, flex: stage.flex });
  await drain.ready();
  await vi.waitUntil(async () => {
    const listening = await stage.sql`select 1 from pg_stat_activity
      where datname = current_database() and application_name = 'flex-crew-sync listen'`;
    return listening.length === 1;
  });
  await stage.sync(call);
  await untilSynced(stage, call);
  expect(crewInFlex(stage, call)).toEqual([ana.resource, ben.resource]);
  expect(saysItPolls(drain)).toBe(false);
  drain.kill("SIGTERM");
  expect(await drain.ended).toBe(0);
});

testWithPgBouncer(
  "beside the pooler a notification alone wakes: nothing here ever looks by itself",
  async () => {
    const stage = await setStage();
    const pooled = await startPgBouncer(stage.url);
    const database = openDatabase(pooled);
    const queue = createQueue(database.query, "through the pooler", 10_000);
    const wakeUp = createWakeUp();
    const drainer = stage.drainer({ queue });
    const log: string[] = [];
    const notifications = listenForWork({
      url: stage.url,
      sendProof: queue.notifyWork,
      wake: wakeUp.wake,
      log: { ...silentLog, warn: (_, message) => void log.push(message) },
    });
    const app = new pg.Pool({ connectionString: pooled, max: 1 });
    onTestFinished(async () => {
      await app.end();
      await notifications.close();
      await database.close();
    });
    const call = await stage.makeCrewCall([ana, ben]);
    await vi.waitUntil(notifications.arriving, { timeout: 15_000 });
    await drainUntilRest(drainer);
    expect(stage.flex.calls).toEqual([]);

    // Listening itself woke once.
    await wakeUp.sleep(0);
    // Without a notification it would sleep for weeks.
    const woken = wakeUp.sleep(2 ** 31 - 1);
    await syncCrewCall(app, call.id);
    await woken;
    await drainUntilRest(drainer);
    expect(crewInFlex(stage, call)).toEqual([ana.resource, ben.resource]);
    expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
    expect(log).toEqual([]);
  },
);

testWithPgBouncer("every command works through the pooler", async () => {
  const stage = await setStage();
  const pooled = await startPgBouncer(stage.url);
  const env = { DATABASE_URL: pooled, FLEX_BASE_URL: stage.flex.baseUrl, FLEX_AUTH_TOKEN: stage.flex.token };
  const call = await stage.makeCrewCall([ana, ben]);
  const dry = await cli(["sync", call.id, "--dry-run", "--json"], env);
  expect(JSON.parse(dry.stdout).crew_calls).toMatchObject([{ to_add: [{}, {}] }]);
  const drain = startDrain({ databaseUrl: pooled, flex: stage.flex });
  await drain.ready();
  const synced = await cli(["sync", call.id, "--json"], env);
  expect({ code: synced.code, ...JSON.parse(synced.stdout) }).toMatchObject({ code: 0, in_sync: true });
  const status = await cli(["status", call.id, "--json"], env);
  expect(status.code).toBe(0);
  const audit = await cli(["audit", "--json"], env);
  expect(audit.code).toBe(0);
  const doctor = JSON.parse((await cli(["doctor", "--json"], env)).stdout);
  expect(JSON.stringify(doctor)).toContain("pooler");
  await migrate({ connectionString: pooled });
  expect((await cli(["drain", "--once"], env)).code).toBe(0);
});
