import { describe, expect, test } from "vitest";
import { ana, makeCrewCall, person } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, request, sync } from "./asking.ts";
import { claim, drainWith } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

/** Calls made so long ago, the oldest first. */
async function madeBefore(sql: Awaited<ReturnType<typeof createDatabase>>["sql"], ...ago: string[]) {
  for (const wait of ago)
    await sql`insert into flex_sync.calls (number, made_at, kind)
      select coalesce(max(number), 0) + 1, flex_sync.clock() - ${wait}::interval, 'user' from flex_sync.calls`;
}

async function setClock(sql: Awaited<ReturnType<typeof createDatabase>>["sql"], now: string) {
  await sql.unsafe(`create or replace function flex_sync.clock() returns timestamptz language sql volatile
    set search_path = pg_catalog, pg_temp as $$ select ${now} $$`);
}

describe("calls_left", () => {
  test("counts each window exactly", async () => {
    const { sql } = await createDatabase();
    await madeBefore(sql, "32 days", "29 days", "25 h", "23 h", "61 min", "59 min", "1 s");
    const [row] = await sql`select * from flex_sync.calls_left()`;
    expect(row).toEqual({
      hourly: "1998",
      daily: "9996",
      monthly: "99994",
      left_now: "1998",
      frees_at: null,
    });
  });

  test("says when the next call frees in the window that is used up", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set hourly_limit = 2`;
    await madeBefore(sql, "50 min", "40 min", "30 min");
    const [row] =
      await sql`select left_now, round(extract(epoch from frees_at - flex_sync.clock()) / 60) as minutes
      from flex_sync.calls_left()`;
    expect(row).toEqual({ left_now: "0", minutes: "20" });
    await moveClock(sql, "21 min");
    const [later] = await sql`select left_now from flex_sync.calls_left()`;
    expect(later?.left_now).toBe("1");
  });

  test("the longest wait of several windows counts", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set hourly_limit = 1, daily_limit = 1`;
    await madeBefore(sql, "30 min");
    const [row] = await sql`select round(extract(epoch from frees_at - flex_sync.clock()) / 60) as minutes
      from flex_sync.calls_left()`;
    expect(row?.minutes).toBe(String(24 * 60 - 30));
  });

  test.each(["2027-01-31 12:00Z", "2027-02-28 12:00Z", "2028-01-30 12:00Z", "2027-03-31 12:00Z"])(
    "a month's call frees exactly when it says, at the ends of months too: %s",
    async (made) => {
      const { sql } = await createDatabase();
      await sql`update flex_sync.settings set monthly_limit = 1, daily_limit = 9, hourly_limit = 9`;
      await sql`insert into flex_sync.calls (number, made_at, kind) values (1, ${made}::timestamptz, 'user')`;
      for (const later of ["1 min", "27 days", "28 days", "29 days", "30 days", "743 hours", "744 hours"]) {
        await setClock(sql, `timestamptz '${made}' + interval '${later}'`);
        const [row] = await sql`select left_now::int, frees_at::text from flex_sync.calls_left()`;
        if (row?.left_now === 1) continue;
        await setClock(sql, `timestamptz '${row?.frees_at}' - interval '1 ms'`);
        expect((await sql`select left_now::int from flex_sync.calls_left()`)[0]?.left_now).toBe(0);
        await setClock(sql, `timestamptz '${row?.frees_at}'`);
        expect((await sql`select left_now::int from flex_sync.calls_left()`)[0]?.left_now).toBe(1);
      }
    },
  );

  test("a limit of zero never frees", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set monthly_limit = 0`;
    const [row] = await sql`select left_now, frees_at = 'infinity' as never from flex_sync.calls_left()`;
    expect(row).toEqual({ left_now: "0", never: true });
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call);
    expect(await conditionOf(sql, call)).toBe("pending quota");
    expect(await sql`select * from flex_sync.calls`).toEqual([]);
  });
});

describe("the quota", () => {
  test("that frees one call at a time still lets writes go: a reading for their sake waits for two", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set hourly_limit = 2`;
    await madeBefore(sql, "10 min");
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call);
    expect(await conditionOf(sql, call)).toBe("pending quota");
    for (let waits = 0; waits < 4 && (await conditionOf(sql, call)) !== "synced"; waits += 1) {
      const [next] = await sql<[{ wait: string }]>`
        select (greatest(flex_sync.next_work_at() - flex_sync.clock(), '0') + interval '1 ms')::text as wait`;
      await moveClock(sql, next.wait);
      await drainWith(sql, call.flex);
    }
    expect(call.flex.writes).toHaveLength(1);
    expect(await conditionOf(sql, call)).toBe("synced");
    // The first reading, the one that waited, the write: none was spent on a reading that nothing could follow.
    expect(
      await sql`select kind from flex_sync.calls where flex_element_id is not null order by number`,
    ).toEqual([{ kind: "observe" }, { kind: "observe" }, { kind: "add" }]);
  });

  test("is never exceeded, and what waits for it goes on when it frees", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set hourly_limit = 4`;
    const call = await makeCrewCall(sql, { desired: Array.from({ length: 6 }, (_, n) => person(100 + n)) });
    await sync(sql, call);
    expect(call.flex.writes).toHaveLength(3);
    expect(await conditionOf(sql, call)).toBe("pending quota");
    const [row] =
      await sql`select next_action, flex_sync.next_work_at() = (select frees_at from flex_sync.calls_left()) as wakes
      from flex_sync.crew_call_status`;
    expect(row).toEqual({ next_action: expect.stringMatching(/\d{4}-\d\d-\d\d \d\d:\d\d/), wakes: true });
    await moveClock(sql, "61 min");
    await drainWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toHaveLength(6);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("of the default settings lets a crew of 2,000 go on the next hour", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set max_concurrency = 30, element_concurrency = 30`;
    const crew = Array.from({ length: 2000 }, (_, n) => person(1000 + n));
    const call = await makeCrewCall(sql, { desired: crew });
    const answer = await request(sql, call);
    expect(answer.to_add).toHaveLength(2000);
    await drainWith(sql, call.flex);
    expect(call.flex.writes).toHaveLength(1999);
    expect(await conditionOf(sql, call)).toBe("pending quota");
    expect(await claim(sql)).toEqual([]);
    await moveClock(sql, "61 min");
    await drainWith(sql, call.flex);
    expect(call.flex.writes).toHaveLength(2000);
    expect(await conditionOf(sql, call)).toBe("synced");
  }, 240_000);
});
