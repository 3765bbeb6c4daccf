import { expect, test } from "vitest";
import { ana, assign, ben, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, request, sync } from "./asking.ts";
import { drainWith, settleWith } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

test("a database whose clock is set back by minutes goes on, reads no more than it has to, and counts every call", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  await sync(sql, call);
  await moveClock(sql, "-5 min");
  await assign(sql, call, [ben]);
  await request(sql, call);
  const operations = await drainWith(sql, call.flex);
  expect(operations.length).toBeLessThan(5);
  await settleWith(sql, call.flex);
  expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource, ben.resource]);
  expect(await conditionOf(sql, call)).toBe("synced");
  const [counted] = await sql`select count(*)::int as calls, max(number)::int as last from flex_sync.calls`;
  expect(counted?.calls).toBe(counted?.last);
});
