import { expect, test, vi } from "vitest";
import { person } from "../crew-call.ts";
import { drainTogether } from "./budget.ts";
import { crewInFlex, setStage } from "./stage.ts";

const crew = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => person(from + index));

test("three drainers together keep to element_concurrency on each element and to max_concurrency over all", async () => {
  const stage = await setStage({ limits: false });
  const { sql, flex } = stage;
  await sql`update flex_sync.settings set max_concurrency = 5, element_concurrency = 2`;
  const crews = [crew(1, 6), crew(7, 12), crew(13, 18)];
  const calls = [];
  for (const people of crews) calls.push(await stage.makeCrewCall(people));
  flex.fault({ route: "add", forever: true, do: { kind: "wait" } });
  for (const call of calls) await stage.sync(call);
  const drainers = [stage.drainer(), stage.drainer(), stage.drainer()];
  const draining = drainTogether(drainers);
  const total = 18;
  for (let arrived = 5; arrived <= total; ) {
    const made = await flex.waitForCalls(arrived, { route: "add" });
    const underWay = made.filter(({ ended }) => !ended);
    expect(underWay.length).toBeLessThanOrEqual(5);
    for (const { element } of calls) {
      expect(underWay.filter((call) => call.element === element).length).toBeLessThanOrEqual(2);
    }
    await vi.waitUntil(
      () => {
        // A request that has arrived begins to wait a moment later.
        flex.release();
        return underWay.every(({ ended }) => ended);
      },
      { timeout: 30_000 },
    );
    if (arrived === total) break;
    // The last of them cannot fill all places any more.
    arrived = Math.min(made.length + 1, total);
  }
  await draining;
  await drainTogether(drainers);
  expect(flex.maxConcurrent).toBe(5);
  expect(calls.map((call) => crewInFlex(stage, call))).toEqual(
    crews.map((people) => people.map(({ resource }) => resource)),
  );
  expect(flex.calls.filter(({ route }) => route === "add")).toHaveLength(total);
});
