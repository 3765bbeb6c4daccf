import { describe, expect, test } from "vitest";
import { ana, ben } from "../crew-call.ts";
import { crewInFlex, drainToTheEnd, setStage } from "./stage.ts";

describe("every recorded line is missing from a reading", () => {
  test("Flex says that the element is deleted: blocked, nothing is written", async () => {
    const stage = await setStage();
    const drainer = stage.drainer();
    const call = await stage.makeCrewCall([ana, ben]);
    await stage.syncAndDrain(call, drainer);
    stage.flex.deleteElement(call.element);
    stage.flex.fault({ route: "list", do: { kind: "answer", status: 200, body: [] } });
    stage.flex.clearCalls();
    await stage.syncAndDrain(call, drainer);
    expect(stage.flex.calls.map(({ route }) => route)).toEqual(["list", "identity"]);
    expect(await stage.conditionOf(call)).toEqual({ condition: "blocked", reason: "element_gone" });
    expect(Object.keys(await stage.recorded(call))).toHaveLength(2);
  });

  test("the list itself is refused with 404: identity decides, blocked", async () => {
    const stage = await setStage();
    const drainer = stage.drainer();
    const call = await stage.makeCrewCall([ana]);
    await stage.syncAndDrain(call, drainer);
    stage.flex.deleteElement(call.element, "missing");
    stage.flex.clearCalls();
    await stage.syncAndDrain(call, drainer);
    expect(stage.flex.calls.map(({ route }) => route)).toEqual(["list", "identity"]);
    expect(await stage.conditionOf(call)).toEqual({ condition: "blocked", reason: "element_gone" });
    stage.flex.restoreElement(call.element);
    await stage.sync(call);
    await drainToTheEnd(stage, drainer);
    expect((await stage.conditionOf(call)).condition).toBe("synced");
    expect(crewInFlex(stage, call)).toEqual([ana.resource]);
  });

  test("the element is there: after a confirming reading they are stale, and added again", async () => {
    const stage = await setStage();
    const drainer = stage.drainer();
    const call = await stage.makeCrewCall([ana, ben]);
    await stage.syncAndDrain(call, drainer);
    for (const line of stage.flex.contactLinesOf(call.element)) stage.flex.humanDeletes(line.id);
    stage.flex.clearCalls();
    await stage.syncAndDrain(call, drainer);
    expect(stage.flex.calls.map(({ route }) => route)).toEqual(["list", "identity"]);
    expect(await stage.conditionOf(call)).toMatchObject({ condition: "pending", reason: "confirming" });
    await drainToTheEnd(stage, drainer);
    expect(stage.flex.calls.map(({ route }) => route).slice(2)).toEqual(["list", "add", "add"]);
    expect(crewInFlex(stage, call)).toEqual([ana.resource, ben.resource]);
    const recorded = Object.values(await stage.recorded(call)).sort();
    expect(recorded).toEqual(
      stage.flex
        .contactLinesOf(call.element)
        .map(({ id }) => id)
        .sort(),
    );
  });

  test("no call is left for the identity: nothing is decided", async () => {
    const stage = await setStage();
    const drainer = stage.drainer();
    const call = await stage.makeCrewCall([ana]);
    await stage.syncAndDrain(call, drainer);
    for (const line of stage.flex.contactLinesOf(call.element)) stage.flex.humanDeletes(line.id);
    stage.flex.clearCalls();
    const [row] = await stage.sql`select count(*)::int as made from flex_sync.calls`;
    await stage.sql`update flex_sync.settings set hourly_limit = ${row?.made + 1}`;
    await stage.syncAndDrain(call, drainer);
    expect(stage.flex.calls.map(({ route }) => route)).toEqual(["list"]);
    expect(await stage.conditionOf(call)).toEqual({ condition: "pending", reason: "quota" });

    await stage.sql`update flex_sync.settings set hourly_limit = null`;
    await drainToTheEnd(stage, drainer);
    expect(crewInFlex(stage, call)).toEqual([ana.resource]);
    expect((await stage.conditionOf(call)).condition).toBe("synced");
  });
});

test("a new line that one reading lacks is looked for again, and not added twice", async () => {
  const stage = await setStage();
  const drainer = stage.drainer();
  const call = await stage.makeCrewCall([ana, ben]);
  stage.flex.fault({
    route: "add",
    resource: ana.resource as string,
    do: { kind: "late-visible", reads: 1 },
  });
  await stage.syncAndDrain(call, drainer);
  await stage.syncAndDrain(call, drainer);
  await drainToTheEnd(stage, drainer);
  expect(stage.flex.calls.filter(({ route }) => route === "add")).toHaveLength(2);
  expect(crewInFlex(stage, call)).toEqual([ana.resource, ben.resource]);
  expect((await stage.conditionOf(call)).condition).toBe("synced");
});
