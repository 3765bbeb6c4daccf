import { expect, vi } from "vitest";
import { ana, assign, ben, cleo } from "../crew-call.ts";
import { crewInFlex, type Stage, type StagedCall, setStage } from "../drainer/stage.ts";
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
