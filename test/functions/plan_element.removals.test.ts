import { describe, expect, test } from "vitest";
import { ana, ben, cleo, dan, eva, knowPeople, makeCrewCall, person, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, conditionOfPerson, newest, operations, recordedIn, sync } from "./asking.ts";
import { settleWith } from "./drain-with.ts";

describe("policy", () => {
  test.each([
    ["mirror", ["foreign", "undesired"]],
    ["owned", ["undesired"]],
    ["add_only", []],
    ["report", []],
  ])("%s lets go %j", async (policy, gone) => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set policy = ${policy}`;
    const call = await makeCrewCall(sql, {
      desired: [ana, ben, eva],
      recorded: [ana, cleo],
      inFlex: [ana, cleo, dan],
    });
    await sync(sql, call);
    const removed =
      await sql`select reason from flex_sync.outbox where kind = 'remove' and state = 'done' order by reason`;
    expect(removed.map((row) => row.reason)).toEqual(gone);
    expect(call.flex.writes.filter((write) => write.startsWith("add"))).toHaveLength(
      policy === "report" ? 0 : 2,
    );
    expect(await conditionOf(sql, call)).toBe(policy === "report" ? "pending report_only" : "synced");
  });

  test("report writes nothing in the host's table either", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set policy = 'report'`;
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, cleo], inFlex: [ben, cleo] });
    const before = await recordedIn(sql, call);
    await sync(sql, call);
    await settleWith(sql, call.flex);
    expect(await recordedIn(sql, call)).toEqual(before);
    expect(call.flex.writes).toEqual([]);
  });

  test("of one crew call goes before the setting, and null returns to it", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], inFlex: [ana, dan] });
    await sql`select flex_sync.set_policy(${call.id}, 'owned')`;
    await sync(sql, call);
    expect(call.flex.writes).toEqual([]);
    expect(await conditionOf(sql, call)).toBe("synced");
    await sql`select flex_sync.set_policy(${call.id}, null)`;
    await settleWith(sql, call.flex);
    expect(call.flex.writes).toEqual([`remove ${call.lineOf(dan)}`]);
    await expect(sql`select flex_sync.set_policy(${call.id}, 'all')`).rejects.toMatchObject({
      code: "NOPOL",
    });
  });
});

describe("what is never removed", () => {
  test("blank lines, notes and rows that do not say that they are contacts", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    call.flex.add(call.element, null, { name: "a note" });
    call.flex.add(call.element, person(60).resource, { is_contact: false });
    await sync(sql, call);
    expect(call.flex.writes).toEqual([`add ${ana.resource}`]);
    expect(await operations(sql, call)).toEqual(["add done"]);
  });

  test("a row of another type still counts as the person's line", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const line = call.flex.add(call.element, ana.resource, { is_contact: false });
    await sync(sql, call);
    expect(call.flex.writes).toEqual([]);
    expect(await recordedIn(sql, call)).toEqual({ [ana.id]: line });
  });

  test("and keeps them recorded with it when nobody desires them any more, and spoils nothing", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben] });
    const line = call.flex.add(call.element, ana.resource, { is_contact: false });
    await sync(sql, call);
    await unassign(sql, call, [ana]);
    await sync(sql, call);
    expect(call.flex.writes).toEqual([`add ${ben.resource}`]);
    expect((await recordedIn(sql, call))[ana.id]).toBe(line);
    expect(await conditionOf(sql, call)).toBe("synced");
    expect(await conditionOfPerson(sql, call, ana)).toBe("synced kept_by_policy");
  });

  test("the line of somebody desired who lost their resource", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, ben], inFlex: [ana, ben] });
    await knowPeople(sql, [{ ...ana, resource: null }]);
    await sync(sql, call);
    expect(call.flex.writes).toEqual([]);
    expect(await conditionOf(sql, call)).toBe("unmapped no_resource");
    expect(await conditionOfPerson(sql, call, ana)).toBe("unmapped no_resource");
    expect(await conditionOfPerson(sql, call, ben)).toBe("synced");
  });
});

describe("a changed resource", () => {
  test("is an add, then the old line's removal", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, ben], inFlex: [ana, ben] });
    await sync(sql, call);
    await knowPeople(sql, [{ ...ana, resource: person(91).resource }]);
    await sync(sql, call);
    expect(call.flex.writes).toEqual([`add ${person(91).resource}`, `remove ${call.lineOf(ana)}`]);
    expect((await newest(sql, call, "remove")).reason).toBe("resource_changed");
    expect(Object.keys(await recordedIn(sql, call))).toEqual([ana.id, ben.id]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("keeps the old line while the add is refused or unanswered", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, ben], inFlex: [ana, ben] });
    await knowPeople(sql, [{ ...ana, resource: person(91).resource }]);
    await sync(sql, call, ({ kind }) => (kind === "add" ? { outcome: "unknown", status: 500 } : undefined));
    await sync(sql, call, ({ kind }) => (kind === "add" ? { outcome: "refused", status: 400 } : undefined));
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource, ben.resource]);
    await settleWith(sql, call.flex);
    await sync(sql, call);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element).toSorted()).toEqual(
      [person(91).resource, ben.resource].toSorted(),
    );
  });
});
