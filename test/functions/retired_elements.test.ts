import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ana, ben, type CrewCall, dan, makeCrewCall, person, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, recordedIn, request, sync } from "./asking.ts";
import { answer, type Claimed, claim, drainWith, settleWith, step } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

type Database = Awaited<ReturnType<typeof createDatabase>>["sql"];

/** Ana and ben are ours; dan was added in Flex by a person and nobody minds. */
async function syncedCall(sql: Database): Promise<CrewCall> {
  await sql`update flex_sync.settings set policy = 'owned'`;
  const call = await makeCrewCall(sql, { desired: [ana, ben], inFlex: [dan] });
  await sync(sql, call);
  return call;
}

describe("nothing of ours is left behind, and nothing else is touched", () => {
  test.each([
    ["the job is deleted", (sql: Database, call: CrewCall) => sql`delete from jobs where id = ${call.job}`],
    [
      "the crew call is deleted",
      (sql: Database, call: CrewCall) => sql`delete from flex_crew_calls where id = ${call.id}`,
    ],
    [
      "the crew call loses its element",
      (sql: Database, call: CrewCall) =>
        sql`update flex_crew_calls set flex_element_id = null where id = ${call.id}`,
    ],
  ])("when %s", async (_name, retire) => {
    const { sql } = await createDatabase();
    const call = await syncedCall(sql);
    await retire(sql, call);
    const [status] = await sql`select crew_call_id, condition, reason from flex_sync.crew_call_status
      where flex_element_id = ${call.element}`;
    expect(status).toEqual({ crew_call_id: call.id, condition: "pending", reason: "retired" });
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([dan.resource]);
    expect(
      await sql`select * from flex_sync.crew_call_status where flex_element_id = ${call.element}`,
    ).toEqual([]);
    expect(await sql`select id from flex_sync.syncs where finished_at is null`).toEqual([]);
  });

  test("when a crew call points at another element: its crew moves there", async () => {
    const { sql } = await createDatabase();
    const call = await syncedCall(sql);
    const moved = { ...call, element: randomUUID() };
    await unassign(sql, call, [ben]);
    await sql`update flex_crew_calls set flex_element_id = ${moved.element} where id = ${call.id}`;
    await sync(sql, moved);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([dan.resource]);
    expect(call.flex.resourcesOf(moved.element)).toEqual([ana.resource]);
    expect(Object.keys(await recordedIn(sql, call))).toEqual([ana.id]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("when a person is deleted", async () => {
    const { sql } = await createDatabase();
    const call = await syncedCall(sql);
    await sql`delete from profiles where id = ${ben.id}`;
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element).toSorted()).toEqual([ana.resource, dan.resource]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("when an add lands while the crew call goes away", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    await step(sql, call.flex);
    const [add] = (await claim(sql)) as [Claimed];
    await sql`delete from jobs where id = ${call.job}`;
    await drainWith(sql, call.flex);
    expect(await answer(sql, call.flex, add)).toBe("recorded");
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([]);
    expect(await recordedIn(sql, call)).toEqual({});
  });

  test("when the transaction that deletes stays open across a reading", async () => {
    const { sql } = await createDatabase();
    const call = await syncedCall(sql);
    await sql.begin(async (app) => {
      await app`delete from jobs where id = ${call.job}`;
      await sync(sql, call);
    });
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([dan.resource]);
  });

  test("in lines recorded before the installation", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { recorded: [ana, ben], inFlex: [ana, ben] });
    await sql`delete from jobs where id = ${call.job}`;
    expect(await conditionOf(sql, call)).toBe("pending retired");
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([]);
    expect(await conditionOf(sql, call)).toBe("no row");
  });
});

describe("a retired element", () => {
  test("whose lines somebody deleted in Flex already is forgotten", async () => {
    const { sql } = await createDatabase();
    const call = await syncedCall(sql);
    for (const line of call.flex.linesOf(call.element))
      call.flex.remove(call.element, line.flex_line_item_id);
    await sql`delete from jobs where id = ${call.job}`;
    await settleWith(sql, call.flex);
    expect(await sql`select * from flex_sync.crew_call_status`).toEqual([]);
  });

  test("that one reading shows empty is read again before it is forgotten", async () => {
    const { sql } = await createDatabase();
    const call = await syncedCall(sql);
    const lines = call.flex.linesOf(call.element);
    for (const line of lines) call.flex.remove(call.element, line.flex_line_item_id);
    await sql`delete from jobs where id = ${call.job}`;
    await drainWith(sql, call.flex);
    for (const line of lines) call.flex.add(call.element, line.flex_resource_id, line);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([dan.resource]);
  });

  test("whose line shows somebody else by now leaves it alone and is forgotten", async () => {
    const { sql } = await createDatabase();
    const call = await syncedCall(sql);
    for (const line of call.flex.linesOf(call.element)) {
      call.flex.remove(call.element, line.flex_line_item_id);
      call.flex.add(call.element, person(70).resource, { ...line, flex_resource_id: person(70).resource });
    }
    await sql`delete from jobs where id = ${call.job}`;
    await settleWith(sql, call.flex);
    expect(call.flex.writes).toHaveLength(2);
    expect(await sql`select * from flex_sync.crew_call_status`).toEqual([]);
  });

  test("that is gone in Flex too is forgotten", async () => {
    const { sql } = await createDatabase();
    const call = await syncedCall(sql);
    await sql`delete from jobs where id = ${call.job}`;
    await sql`select flex_sync.tick()`;
    const [reading] = (await claim(sql)) as [Claimed];
    await sql`select flex_sync.record_observation(${reading.id}, ${reading.token}, null, 'gone', 404)`;
    await settleWith(sql, call.flex);
    expect(await sql`select * from flex_sync.crew_call_status`).toEqual([]);
  });

  test("keeps to removal_limit, and does not read again and again while it waits", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set removal_limit = 2`;
    const crew = [1, 2, 3].map(person);
    const call = await makeCrewCall(sql, { desired: crew });
    await sync(sql, call);
    await sql`delete from jobs where id = ${call.job}`;
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toHaveLength(1);
    await moveClock(sql, "30 min");
    expect(await settleWith(sql, call.flex)).toEqual([]);
    expect(
      await sql`select flex_sync.next_work_at() > flex_sync.clock() + interval '20 min' as later`,
    ).toEqual([{ later: true }]);
    await moveClock(sql, "31 min");
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([]);
  });

  test("asks once for all that it holds, whichever crew calls it was of", async () => {
    const { sql } = await createDatabase();
    const sound = await makeCrewCall(sql, { desired: [ana], recorded: [ana], inFlex: [ana] });
    const lights = await makeCrewCall(sql, {
      desired: [ben],
      recorded: [ben],
      inFlex: [ben],
      department: "lights",
      flex: sound.flex,
      job: sound.job,
      element: sound.element,
    });
    await sync(sql, sound);
    // Somebody in Flex hung a person under each of our lines: Flex would delete both.
    for (const [call, who] of [
      [sound, ana],
      [lights, ben],
    ] as const)
      call.flex.add(call.element, dan.resource, { parent_line_item_id: call.lineOf(who) });
    await sql`delete from jobs where id = ${sound.job}`;
    await settleWith(sql, sound.flex);
    const [status] = await sql`select crew_call_id, condition, held::int, plan from flex_sync.crew_call_status
      where flex_element_id = ${sound.element}`;
    expect(status).toMatchObject({ condition: "held", held: 2 });
    expect(
      await sql`select flex_sync.approve_removals(${status?.crew_call_id}, ${status?.plan}) as covered`,
    ).toEqual([{ covered: 2 }]);
    await settleWith(sql, sound.flex);
    expect(sound.flex.writes.filter((write) => write.startsWith("remove"))).toHaveLength(2);
  });
});
