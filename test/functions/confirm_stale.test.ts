import { describe, expect, test } from "vitest";
import { ana, assign, ben, type CrewCall, cleo, makeCrewCall, person, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, conditionOfPerson, lastSync, operations, recordedIn, request, sync } from "./asking.ts";
import { answer, type Claimed, claim, drainWith, recordLines, settleWith } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

const lineInFlex = (call: CrewCall, resource: string | null) =>
  call.flex.linesOf(call.element).find((line) => line.flex_resource_id === resource)?.flex_line_item_id;

describe("whoever was deleted in Flex by hand", () => {
  test("is confirmed by a second reading and added again, in the same sync", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, ben], inFlex: [ben] });
    await request(sql, call);
    for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
    expect(await conditionOfPerson(sql, call, ana)).toBe("pending confirming");
    expect(await operations(sql, call)).toEqual([]);
    expect(await drainWith(sql, call.flex)).toEqual([]);
    await moveClock(sql, "2 s");
    await drainWith(sql, call.flex);
    expect(call.flex.writes).toEqual([`add ${ana.resource}`]);
    expect(await recordedIn(sql, call)).toEqual({
      [ana.id]: lineInFlex(call, ana.resource),
      [ben.id]: call.lineOf(ben),
    });
    expect(await sql`select stale, added, kept, removed, outcome, flex_calls from flex_sync.syncs`).toEqual([
      { stale: 1, added: 1, kept: 1, removed: 0, outcome: "synced", flex_calls: 3 },
    ]);
  });

  test("is answered as stale while the add waits", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, ben], inFlex: [ben] });
    await request(sql, call);
    await settleWith(sql, call.flex, ({ kind }) =>
      kind === "add" ? { outcome: "refused", status: 400 } : undefined,
    );
    const stale = await request(sql, call);
    expect(stale.stale).toEqual([{ technician_id: ana.id, flex_line_item_id: call.lineOf(ana) }]);
    expect(stale.to_add).toEqual([{ technician_id: ana.id, flex_resource_id: ana.resource }]);
  });

  test("stays when only one reading lacks the line", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, ben], inFlex: [ana, ben] });
    const shown = call.flex.linesOf(call.element);
    call.flex.remove(call.element, call.lineOf(ana));
    await sync(sql, call);
    for (const line of shown.slice(0, 1)) call.flex.add(call.element, ana.resource, line);
    await settleWith(sql, call.flex);
    expect(call.flex.writes).toEqual([]);
    expect(await recordedIn(sql, call)).toMatchObject({ [ana.id]: call.lineOf(ana) });
    expect((await lastSync(sql, call)).outcome).toBe("synced");
  });

  test.each([
    ["is shared with somebody new", [ana]],
    ["goes over to another crew call of the element", []],
  ])("stays when only one reading lacks a line that %s", async (_name, stay) => {
    const { sql } = await createDatabase();
    const sound = await makeCrewCall(sql, { desired: [ana, ben] });
    const { element, flex } = sound;
    await sync(sql, sound);
    const lights = await makeCrewCall(sql, { element, flex, department: "lights" });
    await unassign(sql, sound, [ana]);
    await assign(sql, sound, stay);
    await assign(sql, lights, [stay.length > 0 ? { ...cleo, resource: ana.resource } : ana]);
    const shown = flex.linesOf(element).filter((line) => line.flex_resource_id === ana.resource);
    for (const line of shown) flex.remove(element, line.flex_line_item_id);
    await sync(sql, lights);
    for (const line of shown) flex.add(element, ana.resource, line);
    await settleWith(sql, flex);
    expect(flex.writes.filter((write) => write === `add ${ana.resource}`)).toHaveLength(1);
    expect(Object.values(await recordedIn(sql, lights))).toEqual(shown.map((line) => line.flex_line_item_id));
    expect(await conditionOf(sql, lights)).toBe("synced");
    expect(await conditionOf(sql, sound)).toBe("synced");
  });

  test("takes nobody along: while one reading shows nobody at all, whoever is new waits for the second", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben, cleo], recorded: [ana], inFlex: [ana, ben] });
    await request(sql, call);
    const [reading] = await claim(sql);
    expect(await recordLines(sql, reading as Claimed, [], "present")).toBe("recorded");
    expect(await claim(sql)).toEqual([]);
    await settleWith(sql, call.flex);
    // Ben was there all the time, on a line made by hand.
    expect(call.flex.writes).toEqual([`add ${cleo.resource}`]);
    expect((await lastSync(sql, call)).outcome).toBe("synced");
  });

  test("is added again also when their line shows somebody else now", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, ben], inFlex: [ben] });
    call.flex.add(call.element, person(77).resource, { flex_line_item_id: call.lineOf(ana) });
    await sync(sql, call);
    expect(await conditionOfPerson(sql, call, ana)).toBe("pending confirming");
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element).toSorted()).toEqual([ana.resource, ben.resource]);
    const [removal] = await sql`select reason from flex_sync.outbox where kind = 'remove' and state = 'done'`;
    expect(removal?.reason).toBe("foreign");
  });

  test("leaves a line that is no longer ours, whatever it shows later", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set policy = 'owned'`;
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, ben], inFlex: [ben] });
    call.flex.add(call.element, person(77).resource, { flex_line_item_id: call.lineOf(ana) });
    await request(sql, call);
    await settleWith(sql, call.flex);
    await sync(sql, call);
    const [row] =
      await sql`select gone_at from flex_sync.ledger where flex_line_item_id = ${call.lineOf(ana)}`;
    expect(row?.gone_at).toEqual(expect.any(Date));
    expect(call.flex.writes).toEqual([`add ${ana.resource}`]);
  });

  test("is contested when the line vanishes a third time within a day", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ben], inFlex: [ben] });
    await sync(sql, call);
    for (let times = 0; times < 3; times += 1) {
      call.flex.remove(call.element, lineInFlex(call, ana.resource) ?? "");
      await sync(sql, call);
      await settleWith(sql, call.flex);
    }
    expect(call.flex.writes).toEqual(Array(3).fill(`add ${ana.resource}`));
    expect(await conditionOfPerson(sql, call, ana)).toBe("failed contested");
    await sync(sql, call);
    expect(call.flex.writes).toHaveLength(3);
    const [failed] = await sql`select id from flex_sync.outbox where reason = 'contested'`;
    await sql`select flex_sync.retry(${failed?.id})`;
    await settleWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
    expect(call.flex.writes).toHaveLength(4);
  });

  test("is added again a day after they were contested", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ben], inFlex: [ben] });
    await sync(sql, call);
    for (let times = 0; times < 3; times += 1) {
      call.flex.remove(call.element, lineInFlex(call, ana.resource) ?? "");
      await sync(sql, call);
      await settleWith(sql, call.flex);
    }
    await moveClock(sql, "25 h");
    await sync(sql, call);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});

describe("a reading that lacks every recorded line", () => {
  test("asks whether the element itself is gone, once, and believes two readings where it is not", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, ben] });
    await sync(sql, call);
    await settleWith(sql, call.flex);
    expect(call.flex.writes.toSorted()).toEqual([`add ${ana.resource}`, `add ${ben.resource}`]);
    const [row] = await sql`select count(*)::int as asked from flex_sync.calls where kind = 'identity'`;
    expect(row?.asked).toBe(1);
    expect(await lastSync(sql, call)).toMatchObject({ stale: 2, added: 2, outcome: "synced" });
  });

  test("blocks the crew call when the element is gone, and keeps what is recorded", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, cleo], recorded: [ana, ben] });
    call.flex.gone.add(call.element);
    await sync(sql, call);
    expect(await conditionOf(sql, call)).toBe("blocked element_gone");
    expect(await lastSync(sql, call)).toMatchObject({ outcome: "blocked", finished_at: expect.any(Date) });
    expect(Object.keys(await recordedIn(sql, call))).toEqual([ana.id, ben.id]);
    expect(call.flex.writes).toEqual([]);
  });

  test("is believed again when the element is back, by the next request or after an hour", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana] });
    call.flex.gone.add(call.element);
    await sync(sql, call);
    call.flex.gone.clear();
    call.flex.add(call.element, ana.resource, { flex_line_item_id: call.lineOf(ana) });
    expect(await drainWith(sql, call.flex)).toEqual([]);
    await moveClock(sql, "61 min");
    await drainWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});
