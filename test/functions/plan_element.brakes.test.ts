import { describe, expect, test } from "vitest";
import { ana, ben, cleo, eva, makeCrewCall, person, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, newest, request, sync } from "./asking.ts";
import { settleWith } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

const crew = (from: number, number: number) => Array.from({ length: number }, (_, n) => person(from + n));

describe("a brake holds", () => {
  test("surplus lines that are not ours", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana], inFlex: [ana, ben] });
    const second = call.flex.add(call.element, ana.resource);
    await sync(sql, call);
    expect(await newest(sql, call, "remove")).toMatchObject({
      state: "held",
      reason: "surplus",
      brake: "surplus_not_ours",
      flex_line_item_id: second,
    });
    expect(await conditionOf(sql, call)).toBe("held surplus_not_ours");
  });

  test("more than three foreign lines, and lets adds in the same plan go", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], inFlex: crew(10, 4) });
    const { id } = call;
    await sync(sql, call);
    expect(call.flex.writes).toEqual([`add ${ana.resource}`]);
    expect(await conditionOf(sql, { id })).toBe("held many_foreign");
    const three = await makeCrewCall(sql, { desired: [ana], inFlex: crew(20, 3) });
    await sync(sql, three);
    expect(three.flex.writes).toHaveLength(4);
  });

  test.each([
    [5, 7, 5],
    [6, 7, 0],
    [7, 14, 7],
    [8, 15, 0],
  ])("%i of %i lines of ours: %i go", async (leaving, all, gone) => {
    const { sql } = await createDatabase();
    const people = crew(100, all);
    const call = await makeCrewCall(sql, {
      desired: people.slice(leaving),
      recorded: people,
      inFlex: people,
    });
    await sync(sql, call);
    expect(call.flex.writes).toHaveLength(gone);
    expect(await conditionOf(sql, call)).toBe(gone ? "synced" : "held large_share");
  });

  test("a share that is taken away bit by bit within an hour, and not an hour later", async () => {
    const { sql } = await createDatabase();
    const people = crew(100, 10);
    const call = await makeCrewCall(sql, { desired: people.slice(3), recorded: people, inFlex: people });
    await sync(sql, call);
    expect(call.flex.writes).toHaveLength(3);
    await unassign(sql, call, people.slice(3, 6));
    await sync(sql, call);
    expect(call.flex.writes).toHaveLength(3);
    await moveClock(sql, "61 min");
    await sync(sql, call);
    expect(call.flex.writes).toHaveLength(6);
  });

  test("a plan that leaves no contact line where there were more than two", async () => {
    const { sql } = await createDatabase();
    const three = await makeCrewCall(sql, { recorded: crew(10, 3), inFlex: crew(10, 3) });
    await sync(sql, three);
    expect(await conditionOf(sql, three)).toBe("held empties_the_call");
    const two = await makeCrewCall(sql, { recorded: crew(20, 2), inFlex: crew(20, 2) });
    await sync(sql, two);
    expect(two.flex.writes).toHaveLength(2);
  });

  test("a line with a child that is not removed too", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, eva], recorded: [ana, ben], inFlex: [ana, ben] });
    call.flex.add(call.element, eva.resource, { parent_line_item_id: call.lineOf(ben) });
    await sync(sql, call);
    expect(await conditionOf(sql, call)).toBe("held has_children");
    expect(call.flex.writes).toEqual([]);
  });

  test("nothing where the child goes too", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana, ben], inFlex: [ana, ben] });
    call.flex.add(call.element, eva.resource, { parent_line_item_id: call.lineOf(ben) });
    await sync(sql, call);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
  });

  test("more than removal_limit lines an hour in the whole tenant", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set removal_limit = 3`;
    const first = await makeCrewCall(sql, {
      desired: [ana],
      recorded: [ana, ben, cleo],
      inFlex: [ana, ben, cleo],
    });
    const second = await makeCrewCall(sql, {
      desired: [ana],
      recorded: [ana, ben, cleo],
      inFlex: [ana, ben, cleo],
    });
    await sync(sql, first);
    await sync(sql, second);
    expect([...first.flex.writes, ...second.flex.writes]).toHaveLength(2);
    expect(await conditionOf(sql, second)).toBe("held removal_limit");
  });
});

describe("allow_mass_removal", () => {
  test("lifts the counts for lines of ours, in that request only", async () => {
    const { sql } = await createDatabase();
    const people = crew(100, 8);
    const call = await makeCrewCall(sql, { desired: people.slice(7), recorded: people, inFlex: people });
    for (const stranger of crew(50, 4)) call.flex.add(call.element, stranger.resource);
    const answer = await request(sql, call, { allowMassRemoval: true });
    expect(answer.to_remove).toHaveLength(7);
    await settleWith(sql, call.flex);
    expect(call.flex.writes).toHaveLength(7);
    expect(await conditionOf(sql, call)).toBe("held many_foreign");
    const later = await makeCrewCall(sql, { recorded: crew(30, 3), inFlex: crew(30, 3) });
    await sync(sql, later);
    expect(later.flex.writes).toEqual([]);
  });
});
