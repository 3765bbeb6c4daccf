import { describe, expect, test } from "vitest";
import { ana, ben, cleo, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, newest, operations, request, sync } from "./asking.ts";
import { answer, claim, drainWith, fail, recordLines, settleWith } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

describe("a doubtful reading", () => {
  test.each([
    ["null", null],
    ["an object", {}],
    ["a row that is no object", ["x"]],
    ["a resource without a line id", [{ flex_resource_id: ana.resource }]],
    ["a repeated line id", [{ flex_line_item_id: "L" }, { flex_line_item_id: " l" }]],
  ])("changes nothing: %s", async (_name, lines) => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, cleo], inFlex: [ana, cleo] });
    const other = await makeCrewCall(sql, { desired: [ben], flex: call.flex });
    await request(sql, call);
    const [reading] = await claim(sql);
    if (reading) expect(await recordLines(sql, reading, lines)).toBe("doubtful");
    expect(await conditionOf(sql, call)).toBe("pending doubtful_reading");
    expect(await drainWith(sql, call.flex)).toEqual([]);
    expect(await sql`select id from flex_sync.readings`).toEqual([]);
    await sync(sql, other);
    expect(call.flex.writes).toEqual([`add ${ben.resource}`]);
    await moveClock(sql, "2 s");
    await drainWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("that began before the one stored changes nothing", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana], inFlex: [ana] });
    await request(sql, call);
    const [reading] = await claim(sql);
    await sql`update flex_sync.elements set reading_at = flex_sync.clock()`;
    if (reading) expect(await recordLines(sql, reading, [], "present")).toBe("old");
    expect(await sql`select * from flex_sync.missing_lines`).toEqual([]);
  });

  test("stops writes that an earlier reading confirmed, until a good one", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
    await sql`select flex_sync.note_element(${call.element}, 'test', true), flex_sync.tick()`;
    const claimed = await claim(sql, 1);
    await sql`update flex_sync.outbox set due_at = flex_sync.clock() + '1 s' where state = 'pending'`;
    expect(claimed).toHaveLength(1);
    await sql`update flex_sync.elements set doubt_reason = 'not_json'`;
    await moveClock(sql, "2 s");
    expect((await claim(sql)).map(({ kind }) => kind)).not.toContain("add");
  });
});

describe("a reading that failed", () => {
  test.each([
    { outcome: "refused", status: 403 },
    { outcome: "unknown", status: 503 },
    { outcome: "unknown", status: null },
  ])("stops writes on its element until a good one: $outcome $status", async (failure) => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
    await sql`update flex_sync.outbox set due_at = due_at + interval '15 s' where kind = 'add'`;
    await request(sql, call);
    await moveClock(sql, "11 s");
    for (const operation of await claim(sql)) await fail(sql, operation, failure);
    await sql`delete from flex_sync.element_health`;
    await sql`update flex_sync.outbox set due_at = flex_sync.clock() where kind = 'add'`;
    expect((await claim(sql)).map(({ kind }) => kind)).toEqual(["observe"]);
  });

  test("is tried again with backoff, not at once", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call, ({ kind }) =>
      kind === "observe" ? { outcome: "refused", status: 403 } : undefined,
    );
    const [row] = await sql`select count(*)::int as calls from flex_sync.calls`;
    expect(row?.calls).toBe(1);
    await settleWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});

test("a line added since the reading began counts as present, one removed since as gone", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana], recorded: [cleo], inFlex: [cleo] });
  await request(sql, call);
  for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
  const before = call.flex.linesOf(call.element);
  const writes = await claim(sql);
  await request(sql, call);
  await moveClock(sql, "11 s");
  const [reading] = await claim(sql);
  for (const operation of writes) await answer(sql, call.flex, operation);
  if (reading) await recordLines(sql, reading, before, "present");
  expect(await operations(sql, call)).toEqual(["add done", "remove done"]);
  expect((await newest(sql, call, "observe")).state).toBe("done");
  expect(await conditionOf(sql, call)).toBe("synced");
});
