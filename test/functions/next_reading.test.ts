import type { Sql } from "postgres";
import { expect, test } from "vitest";
import { ana, ben, type CrewCall, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { request, sync } from "./asking.ts";
import { answer, claim } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

const READING = (sql: Sql, element: string) => sql`
  select reason, sync_id, priority, greatest(date_trunc('second', due_at - flex_sync.clock()), '0')::text as due_in
  from flex_sync.next_reading(${element})`;

/** What it says with the help of waiting_request, and without. */
async function readingsOf(sql: Sql, { element }: CrewCall) {
  const [waiting] = await sql`select flex_sync.waiting_request(${element}) as sync_id`;
  const quick = await READING(sql, element);
  const transaction = await sql.reserve();
  await transaction`begin`;
  await transaction`create or replace function flex_sync.waiting_request(flex_element_id text)
    returns bigint language sql as 'select null::bigint'`;
  const workedOut = await READING(transaction as unknown as Sql, element);
  await transaction`rollback`;
  transaction.release();
  return { waiting: waiting?.sync_id, quick: [...quick], workedOut: [...workedOut] };
}

/** Ana is where she should be. */
async function inSync() {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana], recorded: [ana], inFlex: [ana] });
  await sync(sql, call);
  await moveClock(sql, "1 min");
  return { sql, call };
}

test("a request is seen at a glance", async () => {
  const { sql, call } = await inSync();
  const { sync_id } = await request(sql, call);

  const { waiting, quick, workedOut } = await readingsOf(sql, call);

  expect(waiting).toBe(String(sync_id));
  expect(quick).toEqual([{ reason: "requested", sync_id: String(sync_id), priority: 0, due_in: "00:00:00" }]);
  expect(quick).toEqual(workedOut);
});

test.each<[string, string | null, (sql: Sql, call: CrewCall) => Promise<unknown>]>([
  ["nobody asks for anything", null, async () => {}],
  [
    "a sync is active, which may end first",
    "requested",
    async (sql, call) => {
      await makeCrewCall(sql, { element: call.element, flex: call.flex, desired: [ben] });
      await request(sql, call);
      for (const operation of await claim(sql)) await answer(sql, call.flex, operation);
      expect(await claim(sql)).toHaveLength(1);
      await request(sql, call);
    },
  ],
  [
    "the element is left alone for a while",
    "requested",
    async (sql, call) => {
      await sql`insert into flex_sync.element_health (flex_element_id, failures, backoff_until)
        values (${call.element}, 1, flex_sync.clock() + interval '1 min')`;
      await request(sql, call);
    },
  ],
  [
    "somebody asked for a reading before",
    "asked",
    async (sql, call) => {
      await sql`update flex_sync.elements set reading_wanted_at = flex_sync.clock() - interval '1 s' where flex_element_id = ${call.element}`;
      await request(sql, call);
    },
  ],
  [
    "a write waits with a reading that is too old",
    "reading_too_old",
    async (sql, call) => {
      await sql`insert into flex_sync.outbox (flex_element_id, kind, flex_line_item_id, due_at, created_at, reading_at)
        values (${call.element}, 'remove', ${call.lineOf(ana)}, flex_sync.clock() - interval '1 s', flex_sync.clock(), flex_sync.clock() - interval '1 day')`;
      await sql`insert into flex_sync.syncs (crew_call_id, flex_element_id, requested_at, last_requested_at)
        values (${call.id}, ${call.element}, flex_sync.clock(), flex_sync.clock())`;
    },
  ],
  [
    "its reading is in flight, and it was joined since",
    null,
    async (sql, call) => {
      const { sync_id } = await request(sql, call);
      await claim(sql);
      await sql`update flex_sync.syncs set reading_at = null where id = ${sync_id}`;
    },
  ],
  [
    "a write is unanswered",
    "unknown",
    async (sql, call) => {
      await sql`insert into flex_sync.outbox (flex_element_id, kind, flex_line_item_id, state, due_at, created_at, unknown_at, deadline)
        select ${call.element}, 'remove', ${call.lineOf(ana)}, 'unknown', ago, ago, ago, ago from (select flex_sync.clock() - interval '1 hour' as ago) as before`;
      await request(sql, call);
    },
  ],
  [
    "a write that was proved absent has to be looked for once more",
    "late_check",
    async (sql, call) => {
      await sql`update flex_sync.calls set outcome = 'unknown', absent_at = flex_sync.clock() - interval '1 hour'
        where flex_element_id = ${call.element}`;
      await request(sql, call);
    },
  ],
  [
    "a line was missing in one reading",
    "confirming",
    async (sql, call) => {
      await sql`insert into flex_sync.missing_lines (flex_line_item_id, flex_resource_id, flex_element_id, missing_since)
        values (${call.lineOf(ana)}, ${ana.resource}, ${call.element}, flex_sync.clock() - interval '1 min')`;
      await request(sql, call);
    },
  ],
])("it is worked out where %s", async (_, reason, arrange) => {
  const { sql, call } = await inSync();
  await arrange(sql, call);

  const { waiting, quick, workedOut } = await readingsOf(sql, call);

  expect(waiting).toBe(null);
  expect(quick[0]?.reason ?? null).toBe(reason);
  expect(quick).toEqual(workedOut);
});
