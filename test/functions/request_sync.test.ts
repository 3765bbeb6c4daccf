import { describe, expect, test } from "vitest";
import { ana, assign, ben, makeCrewCall, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, lastSync, request, sync } from "./asking.ts";
import { answer, claim, drainWith, fail, settleWith } from "./drain-with.ts";
import { moveClock, restartServer } from "./move-clock.ts";

describe("a preview", () => {
  test("is never claimed before a reading that began after the request", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    const first = await claim(sql);
    expect(first.map((operation) => operation.kind)).toEqual(["observe"]);
    expect(await claim(sql)).toEqual([]);
    for (const operation of first) await answer(sql, call.flex, operation);
    expect((await claim(sql)).map((operation) => operation.kind)).toEqual(["add"]);
  });

  test("is not confirmed by the reading that was in flight when it was asked for", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    const [reading] = await claim(sql);
    await assign(sql, call, [ben]);
    await request(sql, call);
    expect((await lastSync(sql, call)).id).toBe("2");
    if (reading) await answer(sql, call.flex, reading);
    const [second] = await sql`select reading_at, finished_at from flex_sync.syncs where id = 2`;
    expect(second).toEqual({ reading_at: null, finished_at: null });
    await drainWith(sql, call.flex);
    expect(await sql`select requests, outcome from flex_sync.syncs order by id`).toMatchObject([
      { requests: 1 },
      { requests: 1, outcome: "synced" },
    ]);
  });

  test("goes out of date with max_reading_age and is read again before it is sent", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
    await moveClock(sql, "61 s");
    expect(await claim(sql)).toEqual([]);
    expect((await drainWith(sql, call.flex)).map(({ kind }) => kind)).toEqual(["observe", "add"]);
  });

  test("of before the server started is read again before it is sent", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
    await restartServer(sql);
    expect(await claim(sql)).toEqual([]);
    expect((await drainWith(sql, call.flex)).map(({ kind }) => kind)).toEqual(["observe", "add"]);
  });

  test("of a new role waits for the reading of its own request", async () => {
    const { sql } = await createDatabase();
    await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r'), ('sound', 'E', 'role-e')`;
    const call = await makeCrewCall(sql, { desired: [{ ...ana, role: "FOH-R" }], inFlex: [ana] });
    await request(sql, call);
    for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
    await assign(sql, call, [{ ...ana, role: "FOH-E" }]);
    await request(sql, call);
    expect((await claim(sql)).map(({ kind }) => kind)).not.toContain("set_role");
    await settleWith(sql, call.flex);
    expect(call.flex.writes).toEqual([`set_role ${call.lineOf(ana)} role-e`]);
  });
});

describe("the waiting sync", () => {
  test("is joined by every further request, and its reading sees the last one", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    for (let i = 0; i < 4; i += 1) await request(sql, call);
    const [before] =
      await sql`select requests, last_requested_at > requested_at as raised from flex_sync.syncs`;
    expect(before).toEqual({ requests: 4, raised: true });
    await drainWith(sql, call.flex);
    expect(await sql`select reading_at > last_requested_at as seen, outcome from flex_sync.syncs`).toEqual([
      { seen: true, outcome: "synced" },
    ]);
  });

  test("keeps its place, however often it is asked for", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const later = await makeCrewCall(sql, { desired: [ben] });
    for (const asked of [call, later, call]) await request(sql, asked);
    const [first] = await claim(sql, 1);
    expect(first?.flex_element_id).toBe(call.element);
  });

  test("is read as soon as the active one ends", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
    await assign(sql, call, [ben]);
    await request(sql, call);
    const adds = await claim(sql);
    expect(adds.map(({ kind }) => kind)).toEqual(["add"]);
    for (const operation of adds) await answer(sql, call.flex, operation);
    expect((await drainWith(sql, call.flex)).map(({ kind }) => kind)).toEqual(["observe", "add"]);
  });

  test("is read after ten seconds though the active one goes on, whoever joins meanwhile", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
    const [add] = await claim(sql);
    expect(add?.kind).toBe("add");
    await request(sql, call);
    await moveClock(sql, "6 s");
    await request(sql, call);
    expect(await claim(sql)).toEqual([]);
    await moveClock(sql, "4 s");
    expect((await claim(sql)).map(({ kind }) => kind)).toEqual(["observe"]);
  });

  test("does not wait when the request itself took away what the active one had to do", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
    await unassign(sql, call, [ana]);
    await sync(sql, call);
    expect(
      await sql`select outcome from flex_sync.syncs where finished_at is null or outcome <> 'synced' order by id`,
    ).toHaveLength(1);
    expect(await conditionOf(sql, call)).toBe("synced");
    expect(call.flex.writes).toEqual([]);
  });

  test("still waits when the active one's reading fails after it was asked for", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [] });
    await request(sql, call);
    const [reading] = await claim(sql);
    await request(sql, call);
    await sql`select flex_sync.record_failure(${reading?.id ?? null}, ${reading?.token ?? null}, 'unknown', 503, 'busy')`;
    expect(await sql`select id from flex_sync.syncs where finished_at is not null`).toEqual([]);
    await settleWith(sql, call.flex);
    expect(await sql`select id from flex_sync.syncs where finished_at is null`).toEqual([]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("is joined while an older one goes on, though its own reading is under way: never three at once", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
    const [add] = await claim(sql);
    await request(sql, call);
    await moveClock(sql, "11 s");
    const [reading] = await claim(sql);
    expect(reading?.kind).toBe("observe");
    await assign(sql, call, [ben]);
    await request(sql, call);
    expect(await sql`select requests from flex_sync.syncs where finished_at is null order by id`).toEqual([
      { requests: 1 },
      { requests: 2 },
    ]);
    for (const operation of [reading, add]) if (operation) await answer(sql, call.flex, operation);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toHaveLength(2);
    expect(await conditionOf(sql, call)).toBe("synced");
    expect(await sql`select id from flex_sync.syncs where finished_at is null`).toEqual([]);
  });
});

test("a sync that was joined after its reading began is joined again when the older one has ended", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  await request(sql, call);
  for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
  const [add] = await claim(sql);
  await request(sql, call);
  await moveClock(sql, "11 s");
  const [reading] = await claim(sql);
  await request(sql, call);
  if (add) await answer(sql, call.flex, add);
  // Its own reading is still under way, and began before it was joined.
  await assign(sql, call, [ben]);
  await request(sql, call);
  expect(await sql`select requests from flex_sync.syncs where finished_at is null`).toEqual([
    { requests: 3 },
  ]);
  if (reading) await answer(sql, call.flex, reading);
  await settleWith(sql, call.flex);
  expect(call.flex.resourcesOf(call.element)).toHaveLength(2);
  expect(await conditionOf(sql, call)).toBe("synced");
});

describe("a request after readings that failed", () => {
  test("joins the one sync that waits, however many go back to waiting", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    const failAfterwards = async (clicks: number) => {
      const [reading] = await claim(sql);
      for (let made = 0; made < clicks; made += 1) await request(sql, call);
      if (reading) await fail(sql, reading, { outcome: "not_sent" });
      await moveClock(sql, "70 s");
    };
    // The first sync and one that could not join it both have a reading that failed.
    await failAfterwards(1);
    await failAfterwards(1);
    await request(sql, call);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
    expect(await sql`select id from flex_sync.syncs where finished_at is null`).toHaveLength(0);
  });
});

test("a request joins the sync that waits, although the one that a reading began by itself is newer", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  await request(sql, call);
  await drainWith(sql, call.flex, (one) => (one.kind === "add" ? { outcome: "unknown" } : undefined));
  await moveClock(sql, "46 s");
  const [reading] = await claim(sql);
  await request(sql, call);
  if (reading) await answer(sql, call.flex, reading);
  expect(await sql`select id from flex_sync.syncs where finished_at is null`).toHaveLength(2);
  await request(sql, call);
  expect(
    await sql`select requests from flex_sync.syncs where finished_at is null and reading_at is null`,
  ).toEqual([{ requests: 2 }]);
  await settleWith(sql, call.flex);
  expect(await conditionOf(sql, call)).toBe("synced");
});
