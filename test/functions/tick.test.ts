import { describe, expect, test } from "vitest";
import { ana, assign, ben, knowPeople, makeCrewCall, person, unassign } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, lastSync, request, sync } from "./asking.ts";
import { claim, drainWith, fail, observe, settleWith } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

type Database = Awaited<ReturnType<typeof createDatabase>>["sql"];

describe("auto sync", () => {
  test("is off by default, and off again when disabled", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    expect(await drainWith(sql, call.flex)).toEqual([]);
    await sql`select flex_sync.enable_auto_sync()`;
    await sql`select flex_sync.enable_auto_sync()`;
    await sql`select flex_sync.disable_auto_sync()`;
    await sql`select flex_sync.disable_auto_sync()`;
    await assign(sql, call, [ben]);
    expect(await drainWith(sql, call.flex)).toEqual([]);
  });

  test.each([
    [
      "somebody is assigned",
      (sql: Database, call: { job: string; department: string }) => assign(sql, call, [ben]),
    ],
    ["somebody is taken off", (sql: Database, call: { job: string }) => unassign(sql, call, [ana])],
    ["a role changes", (sql: Database) => sql`update job_assignments set sound_role = 'none'`],
    ["a resource changes", (sql: Database) => knowPeople(sql, [{ ...ana, resource: person(91).resource }])],
    ["a crew call is mapped", (sql: Database) => sql`update flex_crew_calls set department = 'lights'`],
  ])("requests a sync when %s", async (_name, change) => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call);
    await sql`select flex_sync.enable_auto_sync()`;
    await change(sql, call);
    await settleWith(sql, call.flex);
    expect(await lastSync(sql, call)).toMatchObject({
      id: "2",
      requested_by: "auto sync",
      outcome: "synced",
    });
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("does not ask when a profile changes otherwise", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call);
    await sql`select flex_sync.enable_auto_sync()`;
    await sql`update profiles set department = 'sound'`;
    expect(await drainWith(sql, call.flex)).toEqual([]);
  });

  test("never makes the host's statement fail", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call);
    await sql`select flex_sync.enable_auto_sync()`;
    await sql`alter table flex_sync.due_elements add constraint no check (false) not valid`;
    await assign(sql, call, [ben]);
    await sql`update profiles set flex_resource_id = null`;
    await sql`update flex_crew_calls set flex_element_id = null`;
    await sql`delete from profiles`;
    await sql`delete from jobs`;
    expect(await sql`select * from flex_crew_calls`).toEqual([]);
  });
});

describe("a write whose reading got too old", () => {
  test("gets a new one at once, although a background reading waits for its day", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set resync_interval = '1 day'`;
    const call = await makeCrewCall(sql, { desired: [ana, ben] });
    await request(sql, call);
    for (const reading of await claim(sql)) await observe(sql, call.flex, reading);
    // Nobody had a call left for the adds while their reading was young.
    await moveClock(sql, "61 s");
    expect(await claim(sql)).toEqual([]);
    await drainWith(sql, call.flex);
    expect(await lastSync(sql, call)).toMatchObject({ outcome: "synced", added: 2 });
  });

  test("keeps nobody busy while another reading has its own time", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set confirm_after = '30 s', max_reading_age = '5 s'`;
    const call = await makeCrewCall(sql, {
      desired: [ana, ben, person(3)],
      recorded: [ana, ben],
      inFlex: [ben],
    });
    await request(sql, call);
    for (const reading of await claim(sql)) await observe(sql, call.flex, reading);
    await moveClock(sql, "6 s");
    await sql`select flex_sync.tick()`;
    expect(await sql`select flex_sync.tick() as done`).toEqual([{ done: 0 }]);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toHaveLength(3);
  });
});

describe("next_work_at", () => {
  const nextWork = async (sql: Database) => {
    const [row] =
      await sql`select round(extract(epoch from flex_sync.next_work_at() - flex_sync.clock()))::text as seconds`;
    return row?.seconds as string | null;
  };

  test("is null when nothing waits for time to pass", async () => {
    const { sql } = await createDatabase();
    expect(await nextWork(sql)).toBeNull();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call);
    expect(await nextWork(sql)).toBeNull();
  });

  test("is the end of a lease, a confirming reading, a probe or a background reading", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben], recorded: [ana, ben], inFlex: [ben] });
    await request(sql, call);
    await claim(sql);
    expect(await nextWork(sql)).toBe("30");
    await moveClock(sql, "31 s");
    await drainWith(sql, call.flex);
    await moveClock(sql, "2 s");
    await drainWith(sql, call.flex);
    expect(await nextWork(sql)).toBe("2");
    await settleWith(sql, call.flex);
    await sql`select flex_sync.open_breaker('flex_down', 'test')`;
    expect(await nextWork(sql)).toBe("5");
    await sql`update flex_sync.tenant set breaker_opened_at = null, breaker_reason = null`;
    await sql`update flex_sync.settings set resync_interval = '10 min'`;
    await sync(sql, call);
    expect(Number(await nextWork(sql))).toBeGreaterThan(470);
  });
});

describe("next_work_at, with no call left", () => {
  test("is when one frees, for a probe too", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await sync(sql, call);
    await sql`update flex_sync.settings set hourly_limit = 1`;
    await sql`select flex_sync.open_breaker('flex_down', 'test')`;
    const [row] =
      await sql`select flex_sync.next_work_at() = (select frees_at from flex_sync.calls_left()) as frees`;
    expect(row).toEqual({ frees: true });
  });
});

describe("backoff", () => {
  test("starts at a second, doubles to a minute, and differs a little each time", async () => {
    const { sql } = await createDatabase();
    const rows = await sql`select failures, extract(epoch from flex_sync.backoff(failures))::float as seconds
      from generate_series(1, 12) as failures, generate_series(1, 20)`;
    const between = (failures: number, seconds: number) =>
      rows
        .filter((row) => row.failures === failures)
        .every((row) => row.seconds >= seconds * 0.75 && row.seconds <= seconds * 1.25);
    expect([1, 2, 4, 8, 16, 32, 60, 60].every((seconds, n) => between(n + 1, seconds))).toBe(true);
    expect(new Set(rows.map((row) => row.seconds)).size).toBeGreaterThan(12);
  });

  test("of what was not sent uses up no attempt and grows", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    for (let times = 0; times < 3; times += 1) {
      for (const operation of await claim(sql)) await fail(sql, operation, { outcome: "not_sent" });
      await moveClock(sql, "6 s");
    }
    const [row] = await sql`select attempts, retries from flex_sync.outbox where kind = 'observe'`;
    expect(row).toEqual({ attempts: 0, retries: 3 });
    await settleWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});
