import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ana, ben, type CrewCall, cleo, dan, eva, makeCrewCall, person, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, request, sync } from "./asking.ts";
import { settleWith } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

type Sql = Awaited<ReturnType<typeof createDatabase>>["sql"];

const crew = (from: number, number: number) => Array.from({ length: number }, (_, n) => person(from + n));
const removals = ({ flex }: CrewCall) => flex.writes.filter((write) => write.startsWith("remove")).length;

/** A crew call whose lines are all ours; the first so many are desired no more. */
async function leaving(sql: Sql, number: number, of: number, from = 100): Promise<CrewCall> {
  const people = crew(from, of);
  return makeCrewCall(sql, { desired: people.slice(number), recorded: people, inFlex: people });
}

describe("removal_limit, over the whole tenant within an hour", () => {
  test.each([
    [2, 1, 3, "synced"],
    [2, 2, 2, "held removal_limit"],
  ])("of 3: after %i, %i more; %i go in all", async (first, second, gone, condition) => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set removal_limit = 3`;
    const calls = [await leaving(sql, first, 6), await leaving(sql, second, 6, 200)] as const;
    for (const call of calls) await sync(sql, call);
    expect(removals(calls[0]) + removals(calls[1])).toBe(gone);
    expect(await conditionOf(sql, calls[1])).toBe(condition);
  });

  test.each([
    ["59 min", 2],
    ["61 min", 4],
  ])("%s later: %i of 4 are gone", async (later, gone) => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set removal_limit = 3`;
    const calls = [await leaving(sql, 2, 6), await leaving(sql, 2, 6, 200)] as const;
    for (const call of calls) await sync(sql, call);
    await moveClock(sql, later);
    await sync(sql, calls[1]);
    expect(removals(calls[0]) + removals(calls[1])).toBe(gone);
  });
});

describe("a plan that would leave nobody", () => {
  test("goes where somebody comes in the same plan", async () => {
    const { sql } = await createDatabase();
    const people = crew(100, 3);
    const call = await makeCrewCall(sql, { desired: [ana], recorded: people, inFlex: people });
    await sync(sql, call);
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
  });
});

describe("brakes hold in every policy", () => {
  test.each(["mirror", "owned"])("%s", async (policy) => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set policy = ${policy}`;
    const share = await leaving(sql, 6, 7);
    const empty = await leaving(sql, 3, 3, 200);
    for (const call of [share, empty]) await sync(sql, call);
    expect(await conditionOf(sql, share)).toBe("held large_share");
    expect(await conditionOf(sql, empty)).toBe("held empties_the_call");
    expect(removals(share) + removals(empty)).toBe(0);
  });
});

describe("allow_mass_removal", () => {
  test("holds for its own request: what leaves later is counted again", async () => {
    const { sql } = await createDatabase();
    const people = crew(100, 14);
    const call = await makeCrewCall(sql, { desired: people.slice(8), recorded: people, inFlex: people });
    await request(sql, call, { allowMassRemoval: true });
    await settleWith(sql, call.flex);
    expect(removals(call)).toBe(8);
    await unassign(sql, call, people.slice(8, 9));
    await sync(sql, call);
    expect(removals(call)).toBe(8);
    expect(await conditionOf(sql, call)).toBe("held large_share");
  });

  test("lifts removal_limit and an empty crew call, for lines of ours", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set removal_limit = 1`;
    const call = await leaving(sql, 4, 4);
    await request(sql, call, { allowMassRemoval: true });
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([]);
  });

  test("lifts neither surplus that is not ours, nor a line with a child that stays", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, {
      desired: [ana, eva],
      recorded: [ana, ben],
      inFlex: [ana, ben],
    });
    call.flex.add(call.element, eva.resource, { parent_line_item_id: call.lineOf(ben) });
    call.flex.add(call.element, ana.resource);
    await request(sql, call, { allowMassRemoval: true });
    await settleWith(sql, call.flex);
    expect(call.flex.writes).toEqual([]);
    const held = await sql`select brake from flex_sync.outbox where state = 'held' order by 1`;
    expect(held).toEqual([{ brake: "has_children" }, { brake: "surplus_not_ours" }]);
  });
});

describe("an approval", () => {
  const strangers = crew(11, 4);

  async function held(sql: Sql) {
    const call = await makeCrewCall(sql, { desired: [ana], inFlex: strangers });
    await sync(sql, call);
    const [status] = await sql`select plan from flex_sync.crew_call_status where crew_call_id = ${call.id}`;
    return { call, plan: String(status?.plan) };
  }
  const approve = (sql: Sql, { id }: { id: string }, plan: string) =>
    sql`select flex_sync.approve_removals(${id}, ${plan}) as lines`;

  test("of a plan that changed meanwhile is refused, and the hint names the plan to answer", async () => {
    const { sql } = await createDatabase();
    const { call, plan } = await held(sql);
    call.flex.add(call.element, person(15).resource);
    await sync(sql, call);
    const refusal = await approve(sql, call, plan).then(
      () => undefined,
      (error: { code: string; hint: string }) => error,
    );
    expect(refusal?.code).toBe("NOPLN");
    const now = /plan ([0-9a-f]{32})/.exec(refusal?.hint ?? "")?.[1] ?? "";
    expect(await approve(sql, call, now)).toEqual([{ lines: 5 }]);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
  });

  test.each([
    ["23 h 59 min", 1],
    ["24 h 1 min", 5],
  ])("holds for a day: %s later, %i lines are left", async (later, left) => {
    const { sql } = await createDatabase();
    const { call, plan } = await held(sql);
    await sql`select flex_sync.pause('test')`;
    await approve(sql, call, plan);
    await moveClock(sql, later);
    await sql`select flex_sync.resume()`;
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toHaveLength(left);
  });

  test("that has ended is not prolonged by saying it again of a plan that is held no more", async () => {
    const { sql } = await createDatabase();
    const { call, plan } = await held(sql);
    await sql`select flex_sync.pause('test')`;
    await approve(sql, call, plan);
    await moveClock(sql, "25 h");
    await sql`select flex_sync.resume()`;
    call.flex.add(call.element, person(15).resource);
    await settleWith(sql, call.flex);
    await expect(approve(sql, call, plan)).rejects.toMatchObject({ code: "NOPLN" });
    expect(call.flex.resourcesOf(call.element)).toHaveLength(6);
  });
});

describe("on an element that no crew call points at", () => {
  test("lines of ours go without a yes, however many, and others stay", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: crew(100, 9), inFlex: [dan] });
    await sql`select flex_sync.set_policy(${call.id}, 'owned')`;
    await sync(sql, call);
    await sql`delete from jobs where id = ${call.job}`;
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([dan.resource]);
  });

  test.each([
    ["its job was deleted", (sql: Sql, call: CrewCall) => sql`delete from jobs where id = ${call.job}`],
    [
      "its crew call points elsewhere",
      (sql: Sql, call: CrewCall) =>
        sql`update flex_crew_calls set flex_element_id = ${randomUUID()} where id = ${call.id}`,
    ],
  ])("a line of ours with somebody else's below it waits for a yes, as %s", async (_name, retire) => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set policy = 'owned'`;
    const call = await makeCrewCall(sql, { desired: [ana, cleo] });
    await sync(sql, call);
    const [line] = call.flex.linesOf(call.element).filter((one) => one.flex_resource_id === ana.resource);
    call.flex.add(call.element, dan.resource, { parent_line_item_id: line?.flex_line_item_id ?? null });
    await retire(sql, call);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element).toSorted()).toEqual([ana.resource, dan.resource]);
    expect(await sql`select brake from flex_sync.outbox where state = 'held'`).toEqual([
      { brake: "has_children" },
    ]);
    const [status] = await sql`select condition, next_action, plan from flex_sync.crew_call_status
      where flex_element_id = ${call.element}`;
    expect(status).toMatchObject({ condition: "held" });
    await sql`select flex_sync.approve_removals(${call.id}, ${status?.plan})`;
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([]);
  });
});
