import { describe, expect, test } from "vitest";
import { ana, makeCrewCall, person } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, operations, request, sync } from "./asking.ts";
import { claim, drainWith, settleWith, step } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

const STRANGERS = [11, 12, 13, 14].map(person);

/** Ana is desired; four lines of strangers are held. */
async function heldCall() {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana], inFlex: STRANGERS });
  await sync(sql, call);
  const { plan } = await request(sql, call);
  await drainWith(sql, call.flex);
  const decide = async (verb: "approve" | "reject", what: string | null = plan) =>
    (await sql`select ${sql(`flex_sync.${verb}_removals`)}(${call.id}, ${what}) as lines`)[0]
      ?.lines as number;
  return { sql, call, plan, decide };
}

describe("approve_removals", () => {
  test("lets exactly the held lines go, after a reading", async () => {
    const { sql, call, decide } = await heldCall();
    expect(await decide("approve")).toBe(4);
    expect(call.flex.writes).toHaveLength(1);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
    expect(await conditionOf(sql, call)).toBe("synced");
    const log = await sql`select action, arguments ->> 'lines' as lines from flex_sync.operator_log`;
    expect(log).toEqual([{ action: "approved removals", lines: "4" }]);
  });

  test("said twice is said once, also when the lines are gone", async () => {
    const { sql, call, decide } = await heldCall();
    expect([await decide("approve"), await decide("approve")]).toEqual([4, 4]);
    await settleWith(sql, call.flex);
    expect(await decide("approve")).toBe(0);
    expect(call.flex.writes.filter((write) => write.startsWith("remove"))).toHaveLength(4);
  });

  test("does not cover a line that came later, nor one that shows another resource", async () => {
    const { sql, call, decide } = await heldCall();
    await decide("approve");
    const later = call.flex.add(call.element, person(15).resource);
    const [changed] = call.flex.linesOf(call.element);
    call.flex.remove(call.element, changed?.flex_line_item_id ?? "");
    call.flex.add(call.element, person(16).resource, { ...changed, flex_resource_id: person(16).resource });
    for (const n of [17, 18]) call.flex.add(call.element, person(n).resource);
    await settleWith(sql, call.flex);
    const left = call.flex.linesOf(call.element).map((line) => line.flex_line_item_id);
    expect(left).toContain(later);
    expect(left).toContain(changed?.flex_line_item_id);
    expect(await conditionOf(sql, call)).toBe("held many_foreign");
  });

  test("ends after a day in which nothing could be removed", async () => {
    const { sql, call, decide } = await heldCall();
    await sql`select flex_sync.pause('test')`;
    await decide("approve");
    await moveClock(sql, "25 h");
    await sql`select flex_sync.resume()`;
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toHaveLength(5);
    expect(await conditionOf(sql, call)).toBe("held many_foreign");
  });

  test.each([null, "another plan"])("refuses the plan %j", async (plan) => {
    const { sql, call, decide } = await heldCall();
    await expect(decide("approve", plan)).rejects.toMatchObject({ code: "NOPLN" });
    await expect(decide("reject", plan)).rejects.toMatchObject({ code: "NOPLN" });
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toHaveLength(5);
  });

  test("refuses an unknown crew call", async () => {
    const { sql } = await createDatabase();
    await expect(sql`select flex_sync.approve_removals(gen_random_uuid(), 'x')`).rejects.toMatchObject({
      code: "NOCAL",
    });
  });
});

describe("reject_removals", () => {
  test("keeps the lines, and they no longer spoil synced", async () => {
    const { sql, call, decide } = await heldCall();
    expect(await decide("reject")).toBe(4);
    await settleWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
    await moveClock(sql, "48 h");
    await sync(sql, call);
    expect(call.flex.resourcesOf(call.element)).toHaveLength(5);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("takes back a yes whose removals are confirmed and not sent yet", async () => {
    const { sql, call, decide } = await heldCall();
    await decide("approve");
    expect((await step(sql, call.flex)).map(({ kind }) => kind)).toEqual(["observe"]);
    expect(await operations(sql, call)).toContain("remove pending");
    expect(await decide("reject")).toBe(4);
    expect(await claim(sql)).toEqual([]);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toHaveLength(5);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("is overruled by a yes to the same plan", async () => {
    const { sql, call, decide } = await heldCall();
    await decide("reject");
    await settleWith(sql, call.flex);
    expect(await decide("approve")).toBe(4);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
    expect((await operations(sql, call)).filter((is) => is === "remove held")).toEqual([]);
  });
});
