import type { Sql } from "postgres";
import { expect, test } from "vitest";
import { ana, ben, type CrewCall, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, request } from "./asking.ts";
import { claim, observe, settleWith } from "./drain-with.ts";

/** Ben is to be removed and Ana to be added, as a reading has confirmed. */
async function confirmed<Number extends 1 | 2>(sql: Sql, number: Number) {
  const calls: CrewCall[] = [];
  for (let n = 0; n < number; n += 1)
    calls.push(await makeCrewCall(sql, { desired: [ana], recorded: [ben], inFlex: [ben] }));
  for (const call of calls) await request(sql, call);
  for (const operation of await claim(sql))
    for (const { flex, element } of calls)
      if (element === operation.flex_element_id) await observe(sql, flex, operation);
  return calls as Number extends 1 ? [CrewCall] : [CrewCall, CrewCall];
}

const CHANGES: [string, (sql: Sql, call: CrewCall) => Promise<unknown>][] = [
  ["of one crew call", (sql, { id }) => sql`select flex_sync.set_policy(${id}, 'report')`],
  ["of all", (sql) => sql`update flex_sync.settings set policy = 'report'`],
  [
    "of one crew call, by its row",
    (sql, { id }) =>
      sql`insert into flex_sync.crew_call_settings (crew_call_id, policy) values (${id}, 'report')`,
  ],
];

test.each(CHANGES)("another policy %s holds for what was confirmed and not sent yet", async (_, change) => {
  const { sql } = await createDatabase();
  const [call] = await confirmed(sql, 1);
  await change(sql, call);
  expect(await claim(sql)).toEqual([]);
  await settleWith(sql, call.flex);
  expect(call.flex.writes).toEqual([]);
  expect(await conditionOf(sql, call)).toBe("pending report_only");
});

test("another policy of one crew call leaves others alone, and the same one changes nothing", async () => {
  const { sql } = await createDatabase();
  const [call, other] = await confirmed(sql, 2);
  await sql`select flex_sync.set_policy(${call.id}, 'add_only')`;
  await sql`update flex_sync.settings set policy = 'mirror', removal_limit = 7`;
  const claimed = await claim(sql);
  expect(claimed.map(({ kind }) => kind)).toEqual(["add", "remove"]);
  expect(new Set(claimed.map(({ flex_element_id }) => flex_element_id))).toEqual(new Set([other.element]));
  await settleWith(sql, call.flex);
  expect(call.flex.resourcesOf(call.element).toSorted()).toEqual([ana.resource, ben.resource]);
});
