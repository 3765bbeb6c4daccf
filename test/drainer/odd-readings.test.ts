import { describe, expect, test } from "vitest";
import type { FaultAction } from "../../src/simulator/faults.ts";
import { ana, ben, cleo, dan } from "../crew-call.ts";
import { moveClock } from "../functions/move-clock.ts";
import { crewInFlex, drainToTheEnd, drainUntilRest, type Stage, type StagedCall, setStage } from "./stage.ts";

const ODD = [1, 2, 3].map((n) => `dddddddd-0000-4000-8000-00000000000${n}`);
const WRITES = ["add", "role", "remove"];
const writesOf = ({ flex }: Stage) => flex.calls.filter(({ route }) => WRITES.includes(route));
const asksOf = ({ flex }: Stage) => flex.calls.map(({ route }) => route);

/** A crew call that is in sync, from where on calls are counted. */
async function inSync(
  people = [ana, ben],
): Promise<{ stage: Stage; call: StagedCall; drainer: ReturnType<Stage["drainer"]> }> {
  const stage = await setStage();
  const drainer = stage.drainer();
  const call = await stage.makeCrewCall(people);
  await stage.syncAndDrain(call, drainer);
  stage.flex.clearCalls();
  return { stage, call, drainer };
}

const lineOf = ({ flex }: Stage, { element }: StagedCall, who: { resource: string | null }): string =>
  flex.contactLinesOf(element).find(({ resourceId }) => resourceId === who.resource)?.id as string;

describe("a good reading that is odd", () => {
  test("lacks a row once: looked at again, and nothing is written", async () => {
    const { stage, call, drainer } = await inSync();
    stage.flex.fault({ route: "list", do: { kind: "list", transform: "drop-first" } });
    await stage.syncAndDrain(call, drainer);
    expect(await stage.conditionOf(call)).toEqual({ condition: "pending", reason: "confirming" });
    await drainToTheEnd(stage, drainer);
    expect(asksOf(stage)).toEqual(["list", "list"]);
    expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
    expect(Object.keys(await stage.recorded(call))).toHaveLength(2);
  });

  test("has its rows in another order: nothing is written", async () => {
    const { stage, call, drainer } = await inSync([ana, ben, cleo, dan]);
    stage.flex.fault({ route: "list", do: { kind: "list", transform: "shuffle" } });
    await stage.syncAndDrain(call, drainer);
    expect(asksOf(stage)).toEqual(["list"]);
    expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
  });

  test("shows a row of unknown type: it counts as present, and is not removed unless it is ours", async () => {
    const { stage, call, drainer } = await inSync([ana]);
    stage.flex.humanAddsRow(call.element, {
      kind: "raw",
      row: { id: ODD[0], resourceId: ben.resource, type: "wormhole" },
    });
    stage.flex.humanAddsRow(call.element, {
      kind: "raw",
      row: { id: ODD[1], resourceId: cleo.resource, kind: 7 },
    });
    stage.flex.humanAddsRow(call.element, { kind: "blank" });
    stage.flex.humanAddsRow(call.element, { kind: "note", note: "Bring a torch" });
    stage.flex.humanAddsRow(call.element, { kind: "raw", row: { id: ODD[2] } });
    await stage.sql`insert into profiles (id, flex_resource_id) values (${ben.id}, ${ben.resource}) on conflict do nothing`;
    await stage.sql`insert into job_assignments (job_id, technician_id, sound_role) values (${call.job}, ${ben.id}, 'FOH')`;
    await stage.syncAndDrain(call, drainer);
    await drainToTheEnd(stage, drainer);
    expect(writesOf(stage)).toEqual([]);
    expect(Object.keys(await stage.recorded(call)).sort()).toEqual([ana.id, ben.id]);
    expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
  });

  test("shows a line that lost its contact: its person is added again after a second reading, and the line is left", async () => {
    const { stage, call, drainer } = await inSync();
    const lost = lineOf(stage, call, ana);
    stage.flex.humanChangesContact(lost, null);
    await stage.syncAndDrain(call, drainer);
    expect(writesOf(stage)).toEqual([]);
    await drainToTheEnd(stage, drainer);
    expect(writesOf(stage).map(({ route, resource }) => [route, resource])).toEqual([["add", ana.resource]]);
    expect(stage.flex.linesOf(call.element).map(({ id }) => id)).toContain(lost);
    expect((await stage.recorded(call))[ana.id]).toBe(lineOf(stage, call, ana));
    expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
  });

  test("has a line moved below a heading: it is present all the same", async () => {
    const { stage, call, drainer } = await inSync([ana]);
    const row = {
      id: lineOf(stage, call, ana),
      resourceId: ana.resource,
      managedResourceLineItemType: "contact",
    };
    const body = [{ name: "Night shift", group: true, children: [{ children: [row] }] }];
    stage.flex.fault({ route: "list", do: { kind: "answer", status: 200, body } });
    await stage.syncAndDrain(call, drainer);
    expect(asksOf(stage)).toEqual(["list"]);
    expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
  });
});

const UNCLEAR: [string, FaultAction][] = [
  ["500", { kind: "answer", status: 500, body: { exceptionMessage: "NullPointerException" } }],
  ["405", { kind: "answer", status: 405, body: { exceptionMessage: "not supported" } }],
  ["403", { kind: "answer", status: 403 }],
  ["401", { kind: "unauthorized" }],
  ["another element", { kind: "answer", status: 200, body: { id: "cccccccc-0000-4000-8000-000000000009" } }],
  ["a login page", { kind: "login-page" }],
];

describe("an empty array where lines are recorded, and the identity says nothing useful", () => {
  test.each(UNCLEAR)("%s: a second reading that shows them again leaves all as it is", async (_, fault) => {
    const { stage, call, drainer } = await inSync();
    stage.flex.fault({ route: "list", do: { kind: "list", transform: "empty" } });
    stage.flex.fault({ route: "identity", do: fault });
    await stage.syncAndDrain(call, drainer);
    expect(asksOf(stage)).toEqual(["list", "identity"]);
    expect(await stage.conditionOf(call)).toEqual({ condition: "pending", reason: "confirming" });
    await drainToTheEnd(stage, drainer);
    expect(asksOf(stage)).toEqual(["list", "identity", "list"]);
    expect(Object.keys(await stage.recorded(call))).toHaveLength(2);
    expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
  });

  test("two readings decide: everybody is added again, once", async () => {
    const { stage, call, drainer } = await inSync();
    for (const { id } of stage.flex.contactLinesOf(call.element)) stage.flex.humanDeletes(id);
    stage.flex.fault({ route: "identity", forever: true, do: { kind: "answer", status: 500 } });
    await stage.syncAndDrain(call, drainer);
    expect(writesOf(stage)).toEqual([]);
    await drainToTheEnd(stage, drainer);
    expect(asksOf(stage)).toEqual(["list", "identity", "list", "add", "add"]);
    expect(crewInFlex(stage, call)).toEqual([ana.resource, ben.resource]);
    expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
  });

  test('400 with "Unable to find" is gone, and nothing is written', async () => {
    const { stage, call, drainer } = await inSync();
    stage.flex.fault({ route: "list", do: { kind: "list", transform: "empty" } });
    const body = { exceptionMessage: `Unable to find element with id: ${call.element}` };
    stage.flex.fault({ route: "identity", do: { kind: "answer", status: 400, body } });
    await stage.syncAndDrain(call, drainer);
    await drainToTheEnd(stage, drainer);
    expect(asksOf(stage)).toEqual(["list", "identity"]);
    expect(await stage.conditionOf(call)).toEqual({ condition: "blocked", reason: "element_gone" });
    expect(Object.keys(await stage.recorded(call))).toHaveLength(2);
  });
});

test("a reading that arrives after a younger one, from a drainer that slept past its lease, changes nothing", async () => {
  const { stage, call, drainer } = await inSync();
  const slow = stage.drainer();
  // It is answered with what Flex shows now, and hears it much later.
  stage.flex.fault({ route: "list", do: { kind: "wait", when: "after" } });
  const old = stage.flex.contactLinesOf(call.element);
  await stage.sync(call);
  await slow.step();
  await stage.flex.waitForCalls(1, { route: "list" });
  await moveClock(stage.sql, "31 s");
  for (const { id } of old) stage.flex.humanDeletes(id);
  await drainUntilRest(drainer);
  await drainToTheEnd(stage, drainer);
  expect(crewInFlex(stage, call)).toEqual([ana.resource, ben.resource]);
  const recorded = await stage.recorded(call);

  stage.flex.clearCalls();
  stage.flex.release();
  await slow.settled();
  await drainToTheEnd(stage, drainer);
  expect(writesOf(stage)).toEqual([]);
  expect(await stage.recorded(call)).toEqual(recorded);
  expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
});
