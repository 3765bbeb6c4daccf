import { expect, test } from "vitest";
import { ana, type CrewCall, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, recordedIn, request } from "./asking.ts";
import { type Claimed, claim, drainWith, observe, send, settleWith, step } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

type Database = Awaited<ReturnType<typeof createDatabase>>["sql"];

/** The first attempt was never answered and is proved absent; the second one is about to be sent. */
async function secondAttempt(sql: Database, call: CrewCall): Promise<void> {
  await request(sql, call);
  await step(sql, call.flex);
  await step(sql, call.flex, () => ({ outcome: "unknown" }));
  await moveClock(sql, "46 s");
  await step(sql, call.flex);
}

/** The second attempt is sent, a reading shows its line already, and only then its answer is recorded. */
async function readBeforeItIsRecorded(sql: Database, call: CrewCall): Promise<void> {
  const [add] = (await claim(sql)) as [Claimed];
  expect(add.kind).toBe("add");
  const line = send(call.flex, add);
  await request(sql, call);
  await moveClock(sql, "11 s");
  const [reading] = (await claim(sql)) as [Claimed];
  await observe(sql, call.flex, reading);
  await sql`select flex_sync.record_add(${add.id}, ${add.token}, ${line})`;
}

test("a line that a reading showed beside another one, before its add was recorded, is planned with again", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  await secondAttempt(sql, call);
  call.flex.add(call.element, ana.resource);
  await readBeforeItIsRecorded(sql, call);
  await drainWith(sql, call.flex);
  expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
  expect(Object.values(await recordedIn(sql, call))).toEqual([
    call.flex.linesOf(call.element)[0]?.flex_line_item_id,
  ]);
  expect(await conditionOf(sql, call)).toBe("synced");
});

test("a line that was accounted to an earlier attempt, and is a later one's, leaves the earlier one its own", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  await secondAttempt(sql, call);
  await readBeforeItIsRecorded(sql, call);
  // The first attempt lands long after it was given up: the late check finds it, and it is ours.
  call.flex.add(call.element, ana.resource);
  await settleWith(sql, call.flex);
  expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
  expect(await conditionOf(sql, call)).toBe("synced");
});
