import { describe, expect, test } from "vitest";
import { ana, as, ben, type CrewCall, cleo, makeCrewCall, type Person, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, conditionOfPerson, recordedIn, request, sync } from "./asking.ts";
import { drainWith, settleWith } from "./drain-with.ts";

type Database = Awaited<ReturnType<typeof createDatabase>>["sql"];

/** Two crew calls on one element, the one with the lower id first. */
async function sharing(sql: Database, first: Person[], second: Person[]): Promise<[CrewCall, CrewCall]> {
  const one = await makeCrewCall(sql, { desired: first });
  const two = await makeCrewCall(sql, { element: one.element, flex: one.flex, desired: second });
  return one.id < two.id ? [one, two] : [two, one];
}

describe("two crew calls on one element", () => {
  test("are planned together, whichever is asked for", async () => {
    const { sql } = await createDatabase();
    const [one, two] = await sharing(sql, [ana], [ben]);
    await sync(sql, one);
    await sync(sql, two);
    expect(one.flex.resourcesOf(one.element).toSorted()).toEqual([ana.resource, ben.resource]);
    expect(one.flex.writes).toHaveLength(2);
    expect(await conditionOf(sql, one)).toBe("synced");
    expect(await conditionOf(sql, two)).toBe("synced");
  });

  test("each answer their own people", async () => {
    const { sql } = await createDatabase();
    const [one, two] = await sharing(sql, [ana, cleo], [ana, ben]);
    const answers = [await request(sql, one), await request(sql, two)];
    const technicians = answers.map(({ to_add }) => to_add.map((add) => add.technician_id));
    expect(technicians.map((ids) => ids.length)).toEqual([2, 2]);
    expect(new Set(technicians.flat())).toEqual(new Set([ana.id, ben.id, cleo.id]));
  });

  test("show a shared resource once, recorded for everybody", async () => {
    const { sql } = await createDatabase();
    const twin = { ...cleo, resource: ana.resource };
    const [one, two] = await sharing(sql, [ana, twin], [ana]);
    await sync(sql, one);
    expect(one.flex.writes).toEqual([`add ${ana.resource}`]);
    const [line] = one.flex.linesOf(one.element);
    const recorded = [
      ...Object.values(await recordedIn(sql, one)),
      ...Object.values(await recordedIn(sql, two)),
    ];
    expect(recorded).toEqual(Array(3).fill(line?.flex_line_item_id));
    await unassign(sql, two, [ana]);
    await unassign(sql, one, [ana]);
    await sync(sql, one);
    await settleWith(sql, one.flex);
    expect(one.flex.resourcesOf(one.element)).toHaveLength(1);
    const left = [...Object.keys(await recordedIn(sql, one)), ...Object.keys(await recordedIn(sql, two))];
    expect(left).toEqual([cleo.id]);
    await unassign(sql, one, [cleo]);
    await unassign(sql, two, [cleo]);
    await sync(sql, one);
    expect(one.flex.resourcesOf(one.element)).toEqual([]);
  });

  test("with one role code that means another role in each department are in sync", async () => {
    const { sql } = await createDatabase();
    await sql`insert into flex_sync.business_roles values ('sound', 'R', 'sound-r'), ('lights', 'R', 'lights-r')`;
    const one = await makeCrewCall(sql, { desired: [as(ana, "FOH-R")] });
    const { element, flex } = one;
    const two = await makeCrewCall(sql, { department: "lights", element, flex, desired: [as(ana, "FOH-R")] });
    await sync(sql, one);
    await sync(sql, two);
    await drainWith(sql, flex);
    expect([await conditionOf(sql, one), await conditionOf(sql, two)]).toEqual(["synced", "synced"]);
    expect(await conditionOfPerson(sql, two, ana)).toBe("synced shared_resource");
  });

  test("with different roles follow the lowest crew call, and crew_status says so", async () => {
    const { sql } = await createDatabase();
    await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r'), ('sound', 'E', 'role-e')`;
    const one = await makeCrewCall(sql, { desired: [as(ana, "FOH-R")] });
    const two = await makeCrewCall(sql, {
      element: one.element,
      flex: one.flex,
      desired: [as(ana, "FOH-E")],
    });
    await sync(sql, one);
    const role = one.id < two.id ? "role-r" : "role-e";
    expect(one.flex.linesOf(one.element).map((line) => line.flex_role_id)).toEqual([role]);
    await sync(sql, two);
    await drainWith(sql, one.flex);
    expect(one.flex.writes).toHaveLength(2);
    expect(await conditionOfPerson(sql, one, ana)).toBe("synced shared_resource");
    expect(await conditionOf(sql, one)).toBe("synced");
  });

  test.each(["shown", "hidden"] as const)("of one crew call too, where rows have roles %s", async (roles) => {
    const { sql } = await createDatabase();
    await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r'), ('sound', 'E', 'role-e')`;
    const twin = { ...as(ben, "FOH-E"), resource: ana.resource };
    const call = await makeCrewCall(sql, { desired: [as(ana, "FOH-R"), twin, cleo] });
    call.flex.roles = roles;
    await sync(sql, call);
    expect(call.flex.writes).toHaveLength(3);
    expect(await conditionOf(sql, call)).toBe("synced");
    const conditions = [ana, twin, cleo].map((who) => conditionOfPerson(sql, call, who));
    expect(await Promise.all(conditions)).toEqual([
      "synced shared_resource",
      "synced shared_resource",
      "synced",
    ]);
  });

  test("tell of a second line that is held, and of a role that is refused, on one of them", async () => {
    const { sql } = await createDatabase();
    await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r')`;
    const [one, two] = await sharing(sql, [as(ana, "FOH-R"), ben], [as(ana, "FOH-R"), ben]);
    const refused = { outcome: "refused", status: 400 };
    await sync(sql, one, ({ kind }) => (kind === "set_role" ? refused : undefined));
    expect(await conditionOf(sql, one)).toBe("failed refused");
    expect(await conditionOfPerson(sql, one, ana)).toBe("failed refused");
    expect(await conditionOfPerson(sql, two, ana)).toBe(await conditionOf(sql, two));
    await sync(sql, one);
    one.flex.add(one.element, ben.resource);
    await sync(sql, one);
    expect([await conditionOf(sql, one), await conditionOf(sql, two)]).toEqual([
      "held surplus_not_ours",
      "synced",
    ]);
    expect(await conditionOfPerson(sql, one, ben)).toBe("held surplus_not_ours");
    expect(await conditionOfPerson(sql, two, ben)).toBe("synced");
  });

  test("follow the more careful policy", async () => {
    const { sql } = await createDatabase();
    const [one, two] = await sharing(sql, [ana], [ben]);
    one.flex.add(one.element, cleo.resource);
    await sql`select flex_sync.set_policy(${two.id}, 'owned')`;
    await sync(sql, one);
    expect(one.flex.resourcesOf(one.element)).toContain(cleo.resource);
  });
});
