import { expect, test } from "vitest";
import { ana, ben, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { request, sync } from "./asking.ts";
import { moveClock } from "./move-clock.ts";

test("metrics tell the audit's four targets and what an operator watches", async () => {
  const { sql } = await createDatabase();
  const metrics = async () => {
    const rows = await sql`select name, value::float from flex_sync.metrics`;
    return Object.fromEntries(rows.map((row) => [row.name, row.value]));
  };
  const good = await makeCrewCall(sql, { desired: [ana] });
  await sync(sql, good);
  const refused = await makeCrewCall(sql, { desired: [ana, ben] });
  await sync(sql, refused, ({ kind }) => (kind === "add" ? { outcome: "refused", status: 400 } : undefined));
  expect(await metrics()).toMatchObject({
    duplicate_assignments: 0,
    missing_crew: 2,
    sync_failure_rate: 0.5,
    sync_duration_mean: expect.any(Number),
    sync_duration_p95: expect.any(Number),
    syncs: 2,
    queue_depth: 0,
    held: 0,
    unknown: 0,
    failed: 2,
    breaker_open: 0,
    paused: 0,
  });
  const calls = await sql`select count(*)::int as made from flex_sync.calls`;
  expect((await metrics()).budget_left_hour).toBe(2000 - calls[0]?.made);
  await request(sql, good);
  await moveClock(sql, "25 h");
  expect(await metrics()).toMatchObject({ syncs: 0, sync_failure_rate: null, queue_depth: 1 });
});

test("a background reading that is not due yet is no queue", async () => {
  const { sql } = await createDatabase();
  await sql`update flex_sync.settings set resync_interval = '1 hour'`;
  await sync(sql, await makeCrewCall(sql, { desired: [ana] }));
  expect(await sql`select state from flex_sync.outbox where reason = 'background'`).toEqual([
    { state: "pending" },
  ]);
  expect(await sql`select value::int from flex_sync.metrics where name = 'queue_depth'`).toEqual([
    { value: 0 },
  ]);
});
