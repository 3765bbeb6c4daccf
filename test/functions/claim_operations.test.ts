import { describe, expect, test } from "vitest";
import { ana, type CrewCall, makeCrewCall, person } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, request } from "./asking.ts";
import { answer, claim, drainWith, fail, settleWith, step } from "./drain-with.ts";
import { moveClock, moveToNextWork } from "./move-clock.ts";

const crew = (number: number) => Array.from({ length: number }, (_, n) => person(100 + n));

describe("claim_operations", () => {
  test("refuses a lease that is not longer than the deadline and a second", async () => {
    const { sql } = await createDatabase();
    await expect(sql`select * from flex_sync.claim_operations('x', 1, '29 s')`).rejects.toMatchObject({
      code: "LEASE",
    });
    expect(await sql`select * from flex_sync.claim_operations('x', 1, '28.9 s')`).toEqual([]);
  });

  test("counts and commits every call before it is made, with its deadline and lease", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    const [reading] = await claim(sql);
    expect(reading).toMatchObject({ kind: "observe", attempts: 1, lease_ms: 30_000, call_number: "1" });
    const [row] = await sql`select outbox.deadline - outbox.sent_at = '15 s' as deadline,
        outbox.lease_until - outbox.sent_at = '30 s' as lease, calls.kind, calls.drainer
      from flex_sync.outbox join flex_sync.calls on calls.number = outbox.call_number`;
    expect(row).toEqual({ deadline: true, lease: true, kind: "observe", drainer: "test" });
  });

  test("keeps to max_concurrency over all drainers and to the slots of one", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set max_concurrency = 5, element_concurrency = 30`;
    const call = await makeCrewCall(sql, { desired: crew(10) });
    await request(sql, call);
    await step(sql, call.flex);
    expect(await claim(sql, 2)).toHaveLength(2);
    const more = await claim(sql);
    expect(more).toHaveLength(3);
    expect(await claim(sql)).toEqual([]);
    if (more[0]) await answer(sql, call.flex, more[0]);
    expect(await claim(sql)).toHaveLength(1);
  });

  test("keeps to element_concurrency on each element", async () => {
    const { sql } = await createDatabase();
    const first = await makeCrewCall(sql, { desired: crew(6) });
    const second = await makeCrewCall(sql, { desired: crew(6), flex: first.flex });
    await request(sql, first);
    await request(sql, second);
    await step(sql, first.flex);
    await sql`update flex_sync.settings set element_concurrency = 2`;
    const elements = (await claim(sql)).map(({ flex_element_id }) => flex_element_id);
    expect(elements.toSorted()).toEqual(
      [first, first, second, second].map(({ element }) => element).toSorted(),
    );
  });

  test("passes over what waits on an element that can take no more, however much that is", async () => {
    const { sql } = await createDatabase();
    const large = await makeCrewCall(sql, { desired: crew(120) });
    const small = await makeCrewCall(sql, { desired: [ana], flex: large.flex });
    for (const call of [large, small]) await request(sql, call);
    await step(sql, large.flex);
    await sql`update flex_sync.settings set element_concurrency = 2`;
    const elements = (await claim(sql)).map(({ flex_element_id }) => flex_element_id);
    expect(elements).toEqual([large.element, large.element, small.element]);
  });

  test("sends one call at a time for a minute after 409 or 423", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: crew(4) });
    await request(sql, call);
    await step(sql, call.flex);
    const [first, ...others] = await claim(sql);
    if (first) await fail(sql, first, { outcome: "refused_for_now", status: 423 });
    for (const operation of others) await answer(sql, call.flex, operation);
    expect(await conditionOf(sql, call)).toMatch(/^pending/);
    await moveClock(sql, "2 s");
    const other = await makeCrewCall(sql, {
      element: call.element,
      desired: crew(9).slice(5),
      job: call.job,
    });
    await request(sql, other);
    const one = await claim(sql);
    expect(one).toHaveLength(1);
    expect(await claim(sql)).toEqual([]);
    if (one[0]) await answer(sql, call.flex, one[0]);
    await settleWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toHaveLength(8);
  });

  test("takes requested readings and writes before background readings", async () => {
    const { sql } = await createDatabase();
    const calls: CrewCall[] = [];
    for (let n = 0; n < 3; n += 1) calls.push(await makeCrewCall(sql, { desired: [ana] }));
    for (const call of calls) {
      await request(sql, call);
      await drainWith(sql, call.flex);
    }
    await sql`update flex_sync.settings set resync_interval = '1 hour'`;
    await sql`select flex_sync.tick()`;
    await sql`update flex_sync.outbox set due_at = flex_sync.clock() where reason = 'background' and state = 'pending'`;
    const [, , last] = calls as [CrewCall, CrewCall, CrewCall];
    await request(sql, last);
    expect((await claim(sql, 1))[0]?.flex_element_id).toBe(last.element);
    expect(await claim(sql)).toHaveLength(2);
  });

  test("takes nothing while somebody paused everything", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    await sql`select flex_sync.pause('stocktaking')`;
    expect(await claim(sql)).toEqual([]);
    expect(await conditionOf(sql, call)).toBe("paused paused");
    const [next] = await sql`select flex_sync.next_work_at() as at`;
    expect(next?.at).toBeNull();
    await sql`select flex_sync.resume()`;
    await drainWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});

describe("with background readings on", () => {
  test("a crew call that is in sync says so, and is read again when its time comes", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set resync_interval = '1 hour'`;
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    await drainWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
    const stranger = call.flex.add(call.element, person(9).resource);
    await moveToNextWork(sql);
    await drainWith(sql, call.flex);
    expect(call.flex.writes.at(-1)).toBe(`remove ${stranger}`);
  });
});
