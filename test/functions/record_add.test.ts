import { expect, test } from "vitest";
import { ana, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, recordedIn, request } from "./asking.ts";
import { type Claimed, claim, drainWith, observe, send, step } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

test("a line that a reading showed beside another one, before its add was recorded, is planned with again", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  await request(sql, call);
  await step(sql, call.flex);
  // The first attempt is lost, proved absent, and lands all the same.
  await step(sql, call.flex, () => ({ outcome: "unknown" }));
  await moveClock(sql, "46 s");
  await step(sql, call.flex);
  call.flex.add(call.element, ana.resource);
  const [add] = (await claim(sql)) as [Claimed];
  expect(add.kind).toBe("add");
  const line = send(call.flex, add);
  await request(sql, call);
  await moveClock(sql, "11 s");
  const [reading] = (await claim(sql)) as [Claimed];
  await observe(sql, call.flex, reading);
  await sql`select flex_sync.record_add(${add.id}, ${add.token}, ${line})`;
  await drainWith(sql, call.flex);
  expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
  expect(Object.values(await recordedIn(sql, call))).toEqual([call.flex.linesOf(call.element)[0]?.flex_line_item_id]);
  expect(await conditionOf(sql, call)).toBe("synced");
});
