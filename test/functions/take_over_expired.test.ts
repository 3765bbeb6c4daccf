import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ana, ben, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, newest, operations, recordedIn, request } from "./asking.ts";
import { answer, type Claimed, claim, drainWith, fail, send, settleWith, step } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

/** A crew call whose only operation in flight is the add of ana. */
async function claimedAdd() {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  await request(sql, call);
  await step(sql, call.flex);
  const [add] = (await claim(sql)) as [Claimed];
  return { sql, call, add };
}

describe("a claim whose lease ran out", () => {
  test("is nobody's before that", async () => {
    const { sql, call, add } = await claimedAdd();
    await moveClock(sql, "29 s");
    await sql`select flex_sync.tick()`;
    expect((await newest(sql, call, "add")).token).toBe(add.token);
    expect(await claim(sql)).toEqual([]);
  });

  test("leaves an unknown write that a reading decides", async () => {
    const { sql, call, add } = await claimedAdd();
    send(call.flex, add);
    await moveClock(sql, "31 s");
    await sql`select flex_sync.tick()`;
    expect(await operations(sql, call)).toEqual(["add unknown"]);
    await settleWith(sql, call.flex);
    expect(call.flex.writes).toEqual([`add ${ana.resource}`]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("of a reading is read again", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    await claim(sql);
    await moveClock(sql, "31 s");
    await settleWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});

describe("a drainer whose claim was taken over", () => {
  test("changes nothing that its successor did", async () => {
    const { sql, call, add } = await claimedAdd();
    await moveClock(sql, "31 s");
    await settleWith(sql, call.flex);
    const before = await newest(sql, call, "add");
    expect(before.state).toBe("done");
    expect(await fail(sql, add, { outcome: "refused", status: 400 })).toBe("fenced");
    expect(await newest(sql, call, "add")).toEqual(before);
  });

  test("leaves the line it reports in the ledger, and a reading is asked for", async () => {
    const { sql, call, add } = await claimedAdd();
    await moveClock(sql, "31 s");
    await settleWith(sql, call.flex);
    const recorded = await recordedIn(sql, call);
    expect(await answer(sql, call.flex, add)).toBe("fenced");
    expect(await recordedIn(sql, call)).toEqual(recorded);
    expect((await drainWith(sql, call.flex)).map(({ kind }) => kind)).toEqual(["observe", "remove"]);
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
    expect(await recordedIn(sql, call)).toEqual(recorded);
  });

  test("that reports before anybody went on settles the person with the next reading", async () => {
    const { sql, call, add } = await claimedAdd();
    await moveClock(sql, "31 s");
    await sql`select flex_sync.tick()`;
    expect(await answer(sql, call.flex, add)).toBe("fenced");
    await drainWith(sql, call.flex);
    expect(await operations(sql, call)).toEqual(["add done"]);
    expect(await conditionOf(sql, call)).toBe("synced");
    expect(call.flex.writes).toHaveLength(1);
  });

  test.each(["record_set_role", "record_remove"])("is fenced off by %s", async (record) => {
    const { sql, add } = await claimedAdd();
    const [row] = await sql`select ${sql(`flex_sync.${record}`)}(${add.id}, ${randomUUID()}) as result`;
    expect(row?.result).toBe("fenced");
  });

  test("cannot store its reading", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana, ben], inFlex: [ana, ben] });
    await request(sql, call);
    const [reading] = (await claim(sql)) as [Claimed];
    await moveClock(sql, "31 s");
    await sql`select flex_sync.tick()`;
    expect(await answer(sql, call.flex, reading)).toBe("fenced");
    expect(await sql`select id from flex_sync.readings`).toEqual([]);
  });
});
