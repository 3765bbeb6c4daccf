import { expect, test } from "vitest";
import { ana, ben, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, sync } from "./asking.ts";
import { moveClock } from "./move-clock.ts";

test("history older than retention is forgotten, what is open or failed stays", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana, ben] });
  await sync(sql, call, ({ kind, flex_resource_id }) =>
    kind === "add" && flex_resource_id === ben.resource ? { outcome: "refused", status: 400 } : undefined,
  );
  await sql`select flex_sync.pause('test')`;
  const counts = async () => {
    const [row] = await sql`select (select count(*)::int from flex_sync.outbox) as operations,
      (select count(*)::int from flex_sync.syncs) as syncs, (select count(*)::int from flex_sync.calls) as calls,
      (select count(*)::int from flex_sync.readings) as readings, (select count(*)::int from flex_sync.ledger) as ledger,
      (select count(*)::int from flex_sync.operator_log) as log`;
    return row;
  };
  const before = await counts();
  await moveClock(sql, "89 days");
  await sql`select flex_sync.trim_history()`;
  expect(await counts()).toEqual(before);
  await moveClock(sql, "2 days");
  await sql`select flex_sync.trim_history()`;
  expect(await counts()).toEqual({ operations: 1, syncs: 1, calls: 1, readings: 0, ledger: 1, log: 0 });
  await sql`select flex_sync.resume()`;
  expect(await conditionOf(sql, call)).toBe("failed refused");
});

test("calls are kept for a month, however short the retention", async () => {
  const { sql } = await createDatabase();
  await sql`update flex_sync.settings set retention = '2 days'`;
  const call = await makeCrewCall(sql, { desired: [ana] });
  await sync(sql, call);
  await moveClock(sql, "27 days");
  await sql`select flex_sync.trim_history()`;
  expect(await sql`select monthly from flex_sync.calls_left()`).toEqual([{ monthly: "99998" }]);
  await moveClock(sql, "6 days");
  await sql`select flex_sync.trim_history()`;
  expect(await sql`select monthly from flex_sync.calls_left()`).toEqual([{ monthly: "100000" }]);
  await sync(sql, call);
  expect(await conditionOf(sql, call)).toBe("synced");
});

test("a crew call that was synced long ago still is", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  await sync(sql, call);
  await sync(sql, call);
  await moveClock(sql, "91 days");
  await sql`select flex_sync.trim_history()`;
  expect(await conditionOf(sql, call)).toBe("synced");
  await sql`delete from jobs`;
  await sql`update flex_sync.tenant set trimmed_at = null`;
  await sql`select flex_sync.trim_history()`;
  expect(await sql`select id from flex_sync.syncs`).toEqual([]);
});
