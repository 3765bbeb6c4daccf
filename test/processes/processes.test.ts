import { expect, test, vi } from "vitest";
import { person } from "../crew-call.ts";
import { crewInFlex, type Stage, type StagedCall, setStage } from "../drainer/stage.ts";
import { startDrain } from "./drain-process.ts";

/** Small times, so that a claim of a dead process is taken over soon. */
async function setQuickStage(latencyMs: number): Promise<Stage> {
  const stage = await setStage({ latencyMs });
  await stage.sql`update flex_sync.settings
    set lease = '3 s', late_landing = '500 ms', confirm_after = '300 ms', max_concurrency = 3`;
  return stage;
}

const crew = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => person(from + index));

const resourcesOf = (people: ReturnType<typeof crew>) => people.map(({ resource }) => resource);

async function untilSynced(stage: Stage, ...calls: StagedCall[]): Promise<void> {
  for (const call of calls) {
    const isSynced = async () => (await stage.conditionOf(call)).condition === "synced";
    await vi.waitUntil(isSynced, { timeout: 40_000, interval: 100 });
  }
}

test("killed in the middle of its work, the next one carries on, and Flex is exactly right", async () => {
  const stage = await setQuickStage(50);
  const people = crew(1, 12);
  const call = await stage.makeCrewCall(people);
  const killed = startDrain({ databaseUrl: stage.url, flex: stage.flex });
  await killed.ready();
  await stage.sync(call);
  await stage.flex.waitForCalls(5, { route: "add" });
  killed.kill("SIGKILL");
  expect(await killed.ended).toBeNull();

  startDrain({ databaseUrl: stage.url, flex: stage.flex });
  await untilSynced(stage, call);
  expect(crewInFlex(stage, call)).toEqual(resourcesOf(people));
  const lines = stage.flex.contactLinesOf(call.element).map(({ id }) => id);
  expect(Object.values(await stage.recorded(call)).sort()).toEqual(lines.sort());
});

test("SIGTERM ends it with 0 and nothing in flight", async () => {
  const stage = await setQuickStage(50);
  const people = crew(1, 12);
  const call = await stage.makeCrewCall(people);
  const stopped = startDrain({ databaseUrl: stage.url, flex: stage.flex });
  await stopped.ready();
  await stage.sync(call);
  await stage.flex.waitForCalls(4, { route: "add" });
  stopped.kill("SIGTERM");
  expect(await stopped.ended).toBe(0);
  const adds = await stage.operations();
  expect(new Set(adds.map(({ state }) => state))).toEqual(new Set(["done", "pending"]));
  expect(crewInFlex(stage, call)).toHaveLength(adds.filter(({ state }) => state === "done").length);
  expect(JSON.stringify(stopped.log)).not.toContain(stage.flex.token);

  startDrain({ databaseUrl: stage.url, flex: stage.flex });
  await untilSynced(stage, call);
  expect(crewInFlex(stage, call)).toEqual(resourcesOf(people));
});

test("two processes never make more calls at once than allowed, and add nobody twice", async () => {
  const stage = await setQuickStage(20);
  const crews = [crew(1, 8), crew(9, 16), crew(17, 24)];
  const calls: StagedCall[] = [];
  for (const people of crews) calls.push(await stage.makeCrewCall(people));
  const both = [1, 2].map(() => startDrain({ databaseUrl: stage.url, flex: stage.flex }));
  await Promise.all(both.map((drain) => drain.ready()));
  await Promise.all(calls.map((call) => stage.sync(call)));
  await untilSynced(stage, ...calls);
  expect(stage.flex.maxConcurrent).toBeLessThanOrEqual(3);
  expect(calls.map((call) => crewInFlex(stage, call))).toEqual(crews.map(resourcesOf));
  expect(stage.flex.calls.filter(({ route }) => route === "add")).toHaveLength(24);
});

test("stopped in its sleep past the lease: the work was taken over, and waking up it sends nothing of the old", async () => {
  const stage = await setQuickStage(50);
  const people = crew(1, 9);
  const call = await stage.makeCrewCall(people);
  const sleeper = startDrain({ databaseUrl: stage.url, flex: stage.flex });
  await sleeper.ready();
  await stage.sync(call);
  await stage.flex.waitForCalls(3, { route: "add" });
  sleeper.kill("SIGSTOP");
  const other = startDrain({ databaseUrl: stage.url, flex: stage.flex });
  await untilSynced(stage, call);
  const made = stage.flex.calls.length;
  sleeper.kill("SIGCONT");
  other.kill("SIGTERM");
  expect(await other.ended).toBe(0);

  // Everything it claims from now on is new.
  await stage.sync(call);
  await untilSynced(stage, call);
  const since = stage.flex.calls.slice(made).map(({ route }) => route);
  expect(since.filter((route) => route !== "list")).toEqual([]);
  expect(crewInFlex(stage, call)).toEqual(resourcesOf(people));
});
