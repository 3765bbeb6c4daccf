import { describe, expect, test } from "vitest";
import { ana, as, assign, ben, type CrewCall, makeCrewCall, type Person } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, conditionOfPerson, request, sync } from "./asking.ts";
import { answer, claim, drainWith, settleWith } from "./drain-with.ts";

async function databaseWithRoles() {
  const { sql } = await createDatabase();
  await sql`insert into flex_sync.business_roles values
    ('sound', 'R', 'role-r'), ('Sound ', 'e', 'role-e'), ('lights', 'R', 'role-lights')`;
  return sql;
}

const lineOf = (call: CrewCall, who: Person) =>
  call.flex.linesOf(call.element).find((line) => line.flex_resource_id === who.resource)?.flex_line_item_id;

describe("the role of a new person", () => {
  test.each([
    ["SND-FOH-R", "role-r"],
    ["SND-RF-E", "role-e"],
    [" snd-foh-r ", "role-r"],
  ])("%s follows the add of their line", async (code, role) => {
    const sql = await databaseWithRoles();
    const call = await makeCrewCall(sql, { desired: [as(ana, code)] });
    await request(sql, call);
    for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
    const [add, ...others] = await claim(sql);
    expect(others).toEqual([]);
    if (add) await answer(sql, call.flex, add);
    await drainWith(sql, call.flex);
    expect(call.flex.writes).toEqual([`add ${ana.resource}`, `set_role ${lineOf(call, ana)} ${role}`]);
    expect(await conditionOf(sql, call)).toBe("synced");
    expect(await sql`select roles_set, added, flex_calls from flex_sync.syncs`).toEqual([
      { roles_set: 1, added: 1, flex_calls: 3 },
    ]);
  });

  test.each(["FOH", "SND-", "SND-FOH-X"])("%s means no role, and never clears one", async (code) => {
    const sql = await databaseWithRoles();
    const call = await makeCrewCall(sql, { desired: [as(ana, code), ben], inFlex: [ana] });
    call.flex.setRole(call.element, call.lineOf(ana), "role-r");
    await sync(sql, call);
    expect(call.flex.writes).toEqual([`add ${ben.resource}`]);
  });

  test("is that of the crew call's department", async () => {
    const sql = await databaseWithRoles();
    const call = await makeCrewCall(sql, { department: "lights", desired: [as(ana, "LX-OP-R")] });
    await sync(sql, call);
    expect(call.flex.writes.at(-1)).toBe(`set_role ${lineOf(call, ana)} role-lights`);
  });
});

describe("a changed role", () => {
  test("is one set_role", async () => {
    const sql = await databaseWithRoles();
    const call = await makeCrewCall(sql, { desired: [as(ana, "FOH-R")] });
    await sync(sql, call);
    await assign(sql, call, [as(ana, "FOH-E")]);
    expect(await conditionOfPerson(sql, call, ana)).toBe("pending not_requested");
    expect(await conditionOf(sql, call)).toBe("pending not_requested");
    await sync(sql, call);
    expect(call.flex.writes.slice(2)).toEqual([`set_role ${lineOf(call, ana)} role-e`]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("in Flex is set back", async () => {
    const sql = await databaseWithRoles();
    const call = await makeCrewCall(sql, { desired: [as(ana, "FOH-R")] });
    await sync(sql, call);
    call.flex.setRole(call.element, lineOf(call, ana) ?? "", "role-of-a-human");
    await sync(sql, call);
    expect(call.flex.writes.slice(2)).toEqual([`set_role ${lineOf(call, ana)} role-r`]);
  });

  test("to a code without a tier writes nothing", async () => {
    const sql = await databaseWithRoles();
    const call = await makeCrewCall(sql, { desired: [as(ana, "FOH-R")] });
    await sync(sql, call);
    await assign(sql, call, [as(ana, "FOH")]);
    await sync(sql, call);
    expect(call.flex.writes).toHaveLength(2);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});

describe("a role is not written again", () => {
  test("where the reading shows it, however its case", async () => {
    const sql = await databaseWithRoles();
    const call = await makeCrewCall(sql, { desired: [as(ana, "FOH-R")], inFlex: [ana] });
    call.flex.setRole(call.element, call.lineOf(ana), "ROLE-R");
    await sync(sql, call);
    expect(call.flex.writes).toEqual([]);
  });

  test("where rows do not show roles and we know that we wrote it", async () => {
    const sql = await databaseWithRoles();
    const call = await makeCrewCall(sql, { desired: [as(ana, "FOH-R")], inFlex: [ana] });
    call.flex.roles = "hidden";
    for (let times = 0; times < 3; times += 1) await sync(sql, call);
    expect(call.flex.writes).toEqual([`set_role ${call.lineOf(ana)} role-r`]);
    await assign(sql, call, [as(ana, "FOH-E")]);
    await sync(sql, call);
    expect(call.flex.writes.at(-1)).toBe(`set_role ${call.lineOf(ana)} role-e`);
  });

  test("where every row shows an empty role although we wrote it", async () => {
    const sql = await databaseWithRoles();
    const call = await makeCrewCall(sql, { desired: [as(ana, "FOH-R")], inFlex: [ana] });
    call.flex.setRole = () => {};
    for (let times = 0; times < 3; times += 1) await sync(sql, call);
    expect(call.flex.writes).toEqual([`set_role ${call.lineOf(ana)} role-r`]);
  });
});

describe("a refused role write", () => {
  test("fails until the next request, and nobody is added again for it", async () => {
    const sql = await databaseWithRoles();
    const call = await makeCrewCall(sql, { desired: [as(ana, "FOH-R")] });
    await sync(sql, call, ({ kind }) =>
      kind === "set_role" ? { outcome: "refused", status: 422 } : undefined,
    );
    expect(await conditionOf(sql, call)).toBe("failed refused");
    expect(call.flex.writes).toEqual([`add ${ana.resource}`]);
    await sql`select flex_sync.note_element(${call.element}, 'test', true)`;
    await settleWith(sql, call.flex);
    expect(call.flex.writes).toHaveLength(1);
    await sync(sql, call);
    expect(call.flex.writes).toHaveLength(2);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});
