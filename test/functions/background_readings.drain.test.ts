import { describe, expect, test } from "vitest";
import { ana, ben, person } from "../crew-call.ts";
import { setTimedStage, type TimedStage } from "../drainer/budget.ts";
import { crewInFlex, drainUntilRest, type StagedCall, type Stepper } from "../drainer/stage.ts";

/** A synced crew call with ana and ben, read again hourly under a policy, and a drainer. */
async function synced(policy: string) {
  const stage = await setTimedStage();
  await stage.sql`update flex_sync.settings set resync_interval = '1 hour', policy = ${policy}`;
  const call = await stage.makeCrewCall([ana, ben]);
  const drainer = stage.drainer();
  await stage.sync(call);
  await letTimePass(stage, drainer, 2);
  return { ...stage, stage, call, drainer };
}

/** Drain a while, with everything that falls due meanwhile. */
async function letTimePass(stage: TimedStage, drainer: Stepper, minutes: number): Promise<void> {
  const deadline = minutes * 60_000;
  for (let passed = 0; ; ) {
    await drainUntilRest(drainer);
    const [next] = await stage.sql<{ ms: number | null }[]>`
      select ceil(extract(epoch from greatest(flex_sync.next_work_at() - flex_sync.clock(), '1 ms')) * 1000)::float8 as ms`;
    const ms = Math.min(next?.ms ?? deadline, deadline - passed);
    if (ms <= 0) return;
    await stage.pass(ms);
    passed += ms;
  }
}

const lineOf = ({ flex }: TimedStage, call: StagedCall, resource: string | null) =>
  flex.contactLinesOf(call.element).find((line) => line.resourceId === resource)?.id ?? "no line";

/** Writes that Flex got. */
const writes = ({ flex }: TimedStage) =>
  flex.calls.filter(({ route }) => ["add", "remove", "set_role"].includes(route)).map(({ route }) => route);

describe("an edit made by hand in Flex is noticed within the interval", () => {
  test.each([
    ["mirror", { crew: [ana, ben], condition: "synced", writes: ["add", "remove"] }],
    ["owned", { crew: [ana, ben, person(9)], condition: "synced", writes: ["add"] }],
    ["add_only", { crew: [ana, ben, person(9)], condition: "synced", writes: ["add"] }],
  ])("and under %s repaired as far as it says", async (policy, expected) => {
    const { stage, flex, call, drainer } = await synced(policy);
    flex.humanDeletes(lineOf(stage, call, ana.resource));
    flex.humanAdds(call.element, person(9).resource ?? "");
    flex.clearCalls();
    await letTimePass(stage, drainer, 61);
    expect(crewInFlex(stage, call)).toEqual(expected.crew.map(({ resource }) => resource));
    expect(writes(stage).sort()).toEqual(expected.writes);
    expect(await stage.conditionOf(call)).toMatchObject({ condition: expected.condition });
  });

  test("and under report only told", async () => {
    const { stage, flex, call, drainer } = await synced("mirror");
    await stage.sql`update flex_sync.settings set policy = 'report'`;
    const line = lineOf(stage, call, ana.resource);
    flex.humanDeletes(line);
    flex.humanAdds(call.element, person(9).resource ?? "");
    flex.clearCalls();
    await letTimePass(stage, drainer, 61);
    expect(writes(stage)).toEqual([]);
    expect(flex.calls.length).toBeGreaterThan(0);
    expect(await stage.conditionOf(call)).toEqual({ condition: "pending", reason: "report_only" });
  });

  test("and costs one call where there is none, each hour", async () => {
    const { stage, flex, drainer } = await synced("mirror");
    flex.clearCalls();
    await letTimePass(stage, drainer, 10 * 60);
    expect(flex.calls.length).toBeGreaterThanOrEqual(9);
    expect(flex.calls.length).toBeLessThanOrEqual(13);
    expect(new Set(flex.calls.map(({ route }) => route)).size).toBe(1);
  });

  test("twice a day; the third time the person is contested and left for somebody to look at", async () => {
    const { stage, flex, call, drainer } = await synced("mirror");
    for (const times of [1, 2]) {
      flex.humanDeletes(lineOf(stage, call, ana.resource));
      flex.clearCalls();
      await letTimePass(stage, drainer, 61);
      expect([times, ...writes(stage)]).toEqual([times, "add"]);
    }
    flex.humanDeletes(lineOf(stage, call, ana.resource));
    flex.clearCalls();
    await letTimePass(stage, drainer, 6 * 60);
    expect(writes(stage)).toEqual([]);
    expect(await stage.conditionOf(call)).toEqual({ condition: "failed", reason: "contested" });
    expect(crewInFlex(stage, call)).toEqual([ben.resource]);
    const [failed] =
      await stage.sql`select operation_id from flex_sync.crew_status where reason = 'contested'`;
    await stage.sql`select flex_sync.retry(${failed?.operation_id})`;
    await letTimePass(stage, drainer, 2);
    expect(crewInFlex(stage, call)).toEqual([ana.resource, ben.resource]);
  });
});

test("a requested sync gets through while background readings wait for calls", async () => {
  const { stage, sql, flex, call, drainer } = await synced("mirror");
  for (let n = 0; n < 6; n += 1) await stage.sync(await stage.makeCrewCall([]));
  await letTimePass(stage, drainer, 2);
  const [made] = await sql`select count(*)::int as calls from flex_sync.calls`;
  // Two are left in the day: not more than a quarter.
  await sql`update flex_sync.settings set daily_limit = ${(made?.calls as number) + 2}`;
  flex.clearCalls();
  await letTimePass(stage, drainer, 3 * 60);
  expect(flex.calls).toEqual([]);
  await sql`delete from job_assignments where technician_id = ${ben.id}`;
  await stage.sync(call);
  await letTimePass(stage, drainer, 2);
  expect(flex.calls).toHaveLength(2);
  expect(crewInFlex(stage, call)).toEqual([ana.resource]);
  expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
});
