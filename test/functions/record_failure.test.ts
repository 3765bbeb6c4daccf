import { describe, expect, test } from "vitest";
import { ana, as, ben, type CrewCall, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, request, sync } from "./asking.ts";
import { claim, drainWith, type Failure, settleWith } from "./drain-with.ts";
import { moveClock, moveToNextWork } from "./move-clock.ts";

const REFUSED: Failure = { outcome: "refused", status: 422, error: "DELETE /line-item: 422" };

describe("a write that Flex refuses", () => {
  test.each(["add", "set_role", "remove"])(
    "%s: planning again alone does not send it again, a new request does, once",
    async (kind) => {
      const { sql } = await createDatabase();
      await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r')`;
      const call = await makeCrewCall(sql, {
        desired: kind === "remove" ? [] : [kind === "set_role" ? as(ana, "SND-FOH-R") : ana],
        recorded: kind === "add" ? [] : [ana],
        inFlex: kind === "add" ? [] : [ana],
      });
      const hook = (operation: { kind: string }) => (operation.kind === kind ? REFUSED : undefined);
      await sync(sql, call, hook);
      expect(await conditionOf(sql, call)).toBe("failed refused");

      await sql`update flex_sync.settings set resync_interval = '1 hour'`;
      await moveToNextWork(sql);
      const background = await drainWith(sql, call.flex, hook);
      expect(background.map((operation) => operation.kind)).toEqual(["observe"]);
      expect(await conditionOf(sql, call)).toBe("failed refused");

      await request(sql, call);
      const asked = await drainWith(sql, call.flex, hook);
      expect(asked.map((operation) => operation.kind)).toEqual(["observe", kind]);
      expect(await conditionOf(sql, call)).toBe("failed refused");
      expect(call.flex.writes).toEqual([]);

      await sync(sql, call);
      expect(call.flex.writes).toHaveLength(1);
      expect(await conditionOf(sql, call)).toBe("synced");
    },
  );
});

test("a reading that resolves an unknown goes before background readings", async () => {
  const { sql } = await createDatabase();
  const others: CrewCall[] = [];
  for (let n = 0; n < 3; n += 1) others.push(await makeCrewCall(sql, { desired: [] }));
  for (const other of others) await sync(sql, other);
  const call = await makeCrewCall(sql, { desired: [ana] });
  await sync(sql, call, ({ kind }) => (kind === "add" ? { outcome: "unknown", status: 202 } : undefined));
  expect(await conditionOf(sql, call)).toBe("unknown unanswered");
  // Due after all of them.
  await sql`update flex_sync.settings set resync_interval = '1 min', late_landing = '90 s'`;
  await sql`select flex_sync.note_element(${call.element}, 'test', false)`;
  await moveClock(sql, "120 s");
  await sql`select flex_sync.tick()`;
  const waiting = await sql`select reason from flex_sync.outbox where state = 'pending' order by reason`;
  expect(waiting.map(({ reason }) => reason)).toEqual(["background", "background", "background", "unknown"]);
  await sql`update flex_sync.outbox set due_at = flex_sync.clock() - interval '1 min' where reason = 'background'`;
  expect((await claim(sql, 1))[0]?.flex_element_id).toBe(call.element);
});

describe("an element that no crew call points at any more, and that Flex denies", () => {
  test("is tried again hourly, and cleaned up once it is open", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana], inFlex: [ana] });
    await sync(sql, call);
    await sql`delete from flex_crew_assignments`;
    await sql`delete from flex_crew_calls where id = ${call.id}`;
    const denied = () => ({ outcome: "denied", status: 401 });
    await drainWith(sql, call.flex, denied);
    expect(await conditionOf(sql, call)).toBe("blocked access_denied");
    await moveClock(sql, "61 min");
    const again = await drainWith(sql, call.flex, denied);
    expect(again.map(({ kind }) => kind)).toEqual(["observe"]);
    await moveClock(sql, "61 min");
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([]);
    expect(await conditionOf(sql, call)).toBe("no row");
  });
});

test("one crew call in trouble of any kind delays no other", async () => {
  const { sql } = await createDatabase();
  const troubles: [string, Failure][] = [
    ["failed refused", { outcome: "refused", status: 400 }],
    ["unknown unanswered", { outcome: "unknown", status: 202 }],
    ["blocked access_denied", { outcome: "denied", status: 401 }],
    ["pending locked", { outcome: "refused_for_now", status: 423 }],
  ];
  const flex = (await makeCrewCall(sql)).flex;
  const bad: CrewCall[] = [];
  for (const _ of troubles) bad.push(await makeCrewCall(sql, { desired: [ana], flex }));
  const good = await makeCrewCall(sql, { desired: [ana, ben], flex });
  for (const call of [...bad, good]) await request(sql, call);
  await drainWith(sql, flex, ({ kind, flex_element_id }) => {
    const trouble = troubles[bad.findIndex(({ element }) => element === flex_element_id)];
    return kind === "add" ? trouble?.[1] : undefined;
  });
  expect(await conditionOf(sql, good)).toBe("synced");
  for (const [index, [condition]] of troubles.entries()) {
    expect(await conditionOf(sql, bad[index] as CrewCall)).toBe(condition);
  }
});
