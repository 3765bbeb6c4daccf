import { expect, onTestFinished, test, vi } from "vitest";
import { openDatabase } from "../../src/drainer/database.ts";
import { createQueue } from "../../src/drainer/queue.ts";
import { ana, assign, ben, cleo, dan, person } from "../crew-call.ts";
import { moveClock } from "../functions/move-clock.ts";
import { type PostgresProxy, startPostgresProxy } from "./postgres-proxy.ts";
import { crewInFlex, drainToTheEnd, drainUntilRest, type Stage, type Stepper, setStage } from "./stage.ts";

const TIMEOUT_MS = 1_000;

/** A drainer whose way to the database can be broken, and which gives up an answer after a moment. */
async function drainerByProxy(stage: Stage): Promise<{ drainer: Stepper; proxy: PostgresProxy }> {
  const proxy = await startPostgresProxy(stage.url);
  const database = openDatabase(proxy.url, TIMEOUT_MS);
  onTestFinished(() => database.close());
  const queue = createQueue(database.query, "by proxy", 10_000);
  return { drainer: stage.drainer({ queue }), proxy };
}

/** Let Flex answer, and wait until the drainer has nothing in flight. */
async function letGo({ flex }: Stage, drainer: Stepper): Promise<void> {
  await vi.waitUntil(
    () => {
      // A request that has arrived begins to wait a moment later.
      flex.release();
      return drainer.inFlight() === 0;
    },
    { timeout: 30_000 },
  );
}

test("connections to Flex whose other end vanished are given up one by one; nobody is forgotten or there twice", async () => {
  const stage = await setStage();
  // The proxy does not mind what it carries.
  const proxy = await startPostgresProxy(stage.flex.baseUrl);
  const call = await stage.makeCrewCall([ana, ben, cleo, dan]);
  const drainer = stage.drainer({ baseUrl: proxy.url, timeoutMs: TIMEOUT_MS });
  await stage.syncAndDrain(call, drainer);
  expect(proxy.open).toBeGreaterThan(1);
  proxy.freeze();
  const more = [5, 6, 7, 8].map(person);
  await assign(stage.sql, call, more);
  await stage.syncAndDrain(call, drainer);
  expect((await stage.conditionOf(call)).condition).toBe("pending");
  await drainToTheEnd(stage, drainer);
  expect(crewInFlex(stage, call)).toEqual([ana, ben, cleo, dan, ...more].map(({ resource }) => resource));
  expect((await stage.conditionOf(call)).condition).toBe("synced");
});

test("what Flex did is recorded although the connections to Postgres died meanwhile", async () => {
  const stage = await setStage();
  const { drainer, proxy } = await drainerByProxy(stage);
  const call = await stage.makeCrewCall([ana]);
  stage.flex.fault({ route: "add", do: { kind: "wait", when: "after" } });
  await stage.sync(call);
  await drainer.step();
  await drainer.settled();
  await drainer.step();
  await stage.flex.waitForCalls(1, { route: "add" });
  proxy.freeze();
  await letGo(stage, drainer);
  expect(await stage.operations()).toMatchObject([{ state: "done", attempts: 1 }]);
  expect(Object.keys(await stage.recorded(call))).toEqual([ana.id]);
  await drainToTheEnd(stage, drainer);
  expect(stage.flex.calls.map(({ route }) => route)).toEqual(["list", "add"]);
  expect((await stage.conditionOf(call)).condition).toBe("synced");
});

test("a record whose answer is lost is made once more, changes nothing then, and a reading looks", async () => {
  const stage = await setStage();
  const { drainer, proxy } = await drainerByProxy(stage);
  const call = await stage.makeCrewCall([ana]);
  stage.flex.fault({ route: "add", do: { kind: "wait", when: "after" } });
  await stage.sync(call);
  await drainer.step();
  await drainer.settled();
  await drainer.step();
  await stage.flex.waitForCalls(1, { route: "add" });
  proxy.deafen();
  await letGo(stage, drainer);
  expect(await stage.operations()).toMatchObject([{ state: "done", attempts: 1 }]);
  await drainToTheEnd(stage, drainer);
  // The second record was fenced, which asks for a reading.
  expect(stage.flex.calls.map(({ route }) => route)).toEqual(["list", "add", "list"]);
  expect(crewInFlex(stage, call)).toEqual([ana.resource]);
  expect((await stage.conditionOf(call)).condition).toBe("synced");
});

test("a claim whose answer is lost was never sent: when its lease is over, readings say so, and it is", async () => {
  const stage = await setStage();
  const { drainer, proxy } = await drainerByProxy(stage);
  const other = stage.drainer();
  const call = await stage.makeCrewCall([ana]);
  await stage.sync(call);
  await drainer.step();
  await drainer.settled();
  proxy.deafen();
  await expect(drainer.step()).rejects.toThrow();
  expect(await stage.operations()).toMatchObject([{ state: "sending" }]);
  expect(stage.flex.calls.filter(({ route }) => route === "add")).toEqual([]);
  await moveClock(stage.sql, "31 s");
  await drainUntilRest(other);
  expect((await stage.conditionOf(call)).condition).toBe("unknown");
  await drainToTheEnd(stage, other);
  expect(crewInFlex(stage, call)).toEqual([ana.resource]);
  expect((await stage.conditionOf(call)).condition).toBe("synced");
});
