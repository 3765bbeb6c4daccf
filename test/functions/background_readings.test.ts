import type { Sql } from "postgres";
import { describe, expect, test } from "vitest";
import { ana, type CrewCall, makeCrewCall, person } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, request, sync } from "./asking.ts";
import { drainWith } from "./drain-with.ts";
import { moveClock, moveToNextWork } from "./move-clock.ts";

/** The readings that wait for resync_interval, in minutes from now, the next first. */
async function waiting(sql: Sql, { element = "" }: Partial<CrewCall> = {}): Promise<number[]> {
  const rows = await sql`select extract(epoch from due_at - flex_sync.clock())::float8 / 60 as minutes
    from flex_sync.outbox where state = 'pending' and reason = 'background' and ${element} in ('', flex_element_id) order by 1`;
  return rows.map((row) => row.minutes as number);
}

const calls = async (sql: Sql) => (await sql`select from flex_sync.calls`).length;

/** Ticks until one finds nothing to do. */
async function tickToTheEnd(sql: Sql): Promise<void> {
  for (let ticks = 0; ticks < 50; ticks += 1) {
    const [row] = await sql`select flex_sync.tick() as done`;
    if (row?.done === 0) return;
  }
  throw new Error("every tick finds something to do");
}

/** A thousand crew calls that were read once, that long ago. */
async function thousand(sql: Sql, ago: string): Promise<void> {
  await sql`insert into jobs (id) select gen_random_uuid() from generate_series(1, 1000)`;
  await sql`insert into flex_crew_calls (job_id, department, flex_element_id) select id, 'sound', gen_random_uuid() from jobs`;
  await sql`insert into flex_sync.elements (flex_element_id, crew_call_id, reading_at)
    select flex_element_id, id, flex_sync.clock() - ${ago}::interval from flex_sync.crew_calls`;
}

/** How many of these minutes fall into the fullest one. */
function mostInAMinute(minutes: number[]): number {
  const counts = new Map<number, number>();
  for (const minute of minutes.map(Math.floor)) counts.set(minute, (counts.get(minute) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

describe("a crew call is read again though nobody asks", () => {
  test("never while resync_interval is off", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call);
    const before = await calls(sql);
    call.flex.add(call.element, person(9).resource);
    await moveClock(sql, "30 days");
    expect(await drainWith(sql, call.flex)).toEqual([]);
    expect(await calls(sql)).toBe(before);
  });

  test("within its own interval where only it has one, and not any more without", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const other = await makeCrewCall(sql, { desired: [ana], flex: call.flex });
    await sync(sql, call);
    await sync(sql, other);
    await sql`select flex_sync.set_resync_interval(${call.id}, '1 hour')`;
    await tickToTheEnd(sql);
    expect(await waiting(sql)).toHaveLength(1);
    const [minutes = 0] = await waiting(sql, call);
    expect(minutes).toBeGreaterThan(47);
    expect(minutes).toBeLessThan(60);
    await moveToNextWork(sql);
    expect((await drainWith(sql, call.flex)).map((one) => one.flex_element_id)).toEqual([call.element]);
    await sql`select flex_sync.set_resync_interval(${call.id}, null)`;
    await tickToTheEnd(sql);
    expect(await waiting(sql)).toEqual([]);
  });

  test("at another time when the setting changes, and the shortest interval counts", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await makeCrewCall(sql, { ...call, department: "lights" });
    await sync(sql, call);
    await sql`update flex_sync.settings set resync_interval = '10 days'`;
    await tickToTheEnd(sql);
    expect((await waiting(sql))[0]).toBeGreaterThan(10_000);
    await sql`update flex_sync.settings set resync_interval = '2 hours'`;
    await tickToTheEnd(sql);
    expect((await waiting(sql))[0]).toBeGreaterThan(90);
    expect((await waiting(sql))[0]).toBeLessThan(120);
    await sql`select flex_sync.set_resync_interval(${call.id}, '10 minutes')`;
    await tickToTheEnd(sql);
    expect((await waiting(sql))[0]).toBeLessThan(10);
    await sql`delete from flex_sync.crew_call_settings`;
    await sql`update flex_sync.settings set resync_interval = null`;
    await tickToTheEnd(sql);
    expect(await waiting(sql)).toEqual([]);
  });

  test("also where a crew call is pointed at an element that was read before", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const other = await makeCrewCall(sql, { desired: [ana], flex: call.flex });
    await sync(sql, call);
    await sync(sql, other);
    await sql`delete from flex_crew_calls where id = ${other.id}`;
    await drainWith(sql, call.flex);
    await sql`update flex_sync.settings set resync_interval = '1 hour'`;
    await tickToTheEnd(sql);
    await sql`update flex_crew_calls set flex_element_id = ${other.element} where id = ${call.id}`;
    await drainWith(sql, call.flex);
    await moveClock(sql, "11 min");
    await tickToTheEnd(sql);
    expect(await waiting(sql, other)).toHaveLength(1);
  });

  test("hardly ever, where its own interval is as long as they get", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call);
    await sql`update flex_sync.settings set resync_interval = '1 hour'`;
    await sql`select flex_sync.set_resync_interval(${call.id}, '10 years')`;
    await moveClock(sql, "1 year");
    expect(await drainWith(sql, call.flex)).toEqual([]);
  });
});

describe("a thousand crew calls", () => {
  test("that get an interval at once are spread over it", async () => {
    const { sql } = await createDatabase();
    await thousand(sql, "30 days");
    await sql`update flex_sync.settings set resync_interval = '1 hour'`;
    await tickToTheEnd(sql);
    const minutes = await waiting(sql);
    expect(minutes).toHaveLength(1000);
    expect(mostInAMinute(minutes)).toBeLessThan(50);
    expect(minutes[0]).toBeLessThan(5);
    expect(minutes.at(-1)).toBeGreaterThan(55);
    expect(minutes.at(-1)).toBeLessThan(60);
  });

  test("that were read together are not read together again, nor all at once after a day without drainers", async () => {
    const { sql } = await createDatabase();
    await thousand(sql, "0");
    await sql`update flex_sync.settings set resync_interval = '1 hour'`;
    await tickToTheEnd(sql);
    expect(mostInAMinute(await waiting(sql))).toBeLessThan(150);
    await moveClock(sql, "1 day");
    await tickToTheEnd(sql);
    const minutes = await waiting(sql);
    expect(minutes).toHaveLength(1000);
    expect(mostInAMinute(minutes)).toBeLessThan(50);
    expect(minutes[0]).toBeGreaterThan(-1);
  });
});

describe("background readings leave a quarter of each window", () => {
  test.each(["hourly_limit", "daily_limit", "monthly_limit"])("of %s", async (limit) => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const other = await makeCrewCall(sql, { desired: [], flex: call.flex });
    await sync(sql, other);
    await sync(sql, call);
    // Three calls are used up, one by the other crew call.
    expect(await calls(sql)).toBe(3);
    const limits = { hourly_limit: 1000, daily_limit: 1000, monthly_limit: 1000, [limit]: 4 };
    await sql`update flex_sync.settings set ${sql(limits)}, resync_interval = '1 min'`;
    await sql`update flex_sync.elements set reading_at = reading_at - interval '70 s'`;
    await tickToTheEnd(sql);
    const put = await waiting(sql);
    expect(put).toHaveLength(2);
    expect(put[0]).toBeGreaterThan(9);
    expect(await drainWith(sql, call.flex)).toEqual([]);
    // What somebody asks for takes the last one.
    await request(sql, call);
    await drainWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
    expect(await calls(sql)).toBe(4);
    await sql`update flex_sync.settings set ${sql({ [limit]: 6 })}`;
    await moveToNextWork(sql);
    expect((await drainWith(sql, call.flex)).map((one) => one.kind)).toContain("observe");
  });

  test("and what else an element waits for is not put off with them", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call, ({ kind }) => (kind === "add" ? { outcome: "unknown", status: 202 } : undefined));
    expect(await conditionOf(sql, call)).toBe("unknown unanswered");
    await sql`update flex_sync.settings set hourly_limit = 4, resync_interval = '1 min', late_landing = '90 s'`;
    await sql`select flex_sync.note_element(${call.element}, 'test', false)`;
    await tickToTheEnd(sql);
    const [reading] = await sql`select reason, due_at < flex_sync.clock() + interval '3 min' as soon
      from flex_sync.outbox where kind = 'observe' and state = 'pending'`;
    expect(reading).toEqual({ reason: "unknown", soon: true });
  });
});
