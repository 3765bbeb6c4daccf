import { describe, expect, test } from "vitest";
import { ana, assign, ben, makeCrewCall } from "../crew-call.ts";
import { conditionOf, operations, request } from "../functions/asking.ts";
import { answer, type Claimed, claim, drainWith, observe } from "../functions/drain-with.ts";
import { createDatabase } from "../postgres/database.ts";
import { openSession, start, untilBlocked } from "./two-sessions.ts";

describe("two requests for one crew call at once", () => {
  test("are the same as one: the second waits, joins and queues nothing", async () => {
    const { sql, url } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben] });
    const [first, second] = [await openSession(url), await openSession(url)];
    await first.begin();
    await first.sql`select sync_crew_call(${call.id})`;
    const other = start(second.sql`select sync_crew_call(${call.id}) as answer`);
    await untilBlocked(sql, second);
    await first.commit();
    const [row] = await other.done;
    expect(row?.answer.to_add).toHaveLength(2);
    expect(await operations(sql, call)).toEqual(["add pending", "add pending"]);
    expect(await sql`select requests from flex_sync.syncs`).toEqual([{ requests: 2 }]);
  });

  test("see each other's crew: the second plans with what the first committed", async () => {
    const { sql, url } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const [first, second] = [await openSession(url), await openSession(url)];
    await first.begin();
    await first.sql`delete from job_assignments where technician_id = ${ana.id}`;
    await first.sql`select sync_crew_call(${call.id})`;
    const other = start(second.sql`select sync_crew_call(${call.id}) as answer`);
    await untilBlocked(sql, second);
    await first.commit();
    const [row] = await other.done;
    expect(row?.answer.to_add).toEqual([]);
  });

  test("of which one is rolled back leave the other's plan", async () => {
    const { sql, url } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const [first, second] = [await openSession(url), await openSession(url)];
    await first.begin();
    await first.sql`delete from job_assignments where technician_id = ${ana.id}`;
    await first.sql`select sync_crew_call(${call.id})`;
    const other = start(second.sql`select sync_crew_call(${call.id})`);
    await untilBlocked(sql, second);
    await first.sql`rollback`;
    await other.done;
    await drainWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toEqual([ana.resource]);
  });
});

test("two jobs that share elements in opposite order never deadlock", async () => {
  const { sql, url } = await createDatabase();
  const one = await makeCrewCall(sql, { desired: [ana] });
  const two = await makeCrewCall(sql, { desired: [ana], flex: one.flex });
  await makeCrewCall(sql, { job: one.job, department: "lights", element: two.element, flex: one.flex });
  await makeCrewCall(sql, { job: two.job, department: "lights", element: one.element, flex: one.flex });
  const holder = await openSession(url);
  const [first, second] = [await openSession(url), await openSession(url)];
  for (const held of [one, two]) {
    await holder.begin();
    await holder.sql`select sync_crew_call(${held.id})`;
    const jobs = [
      start(first.sql`select sync_crew_for_job(${one.job}) as answer`),
      start(second.sql`select sync_crew_for_job(${two.job}) as answer`),
    ];
    await untilBlocked(sql, first);
    await untilBlocked(sql, second);
    await holder.commit();
    for (const { done } of jobs) expect(Object.keys((await done)[0]?.answer)).toHaveLength(2);
  }
});

test("a crew call that moves to another element while somebody waits for its lock is planned there", async () => {
  const { sql, url } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  const target = await makeCrewCall(sql, { flex: call.flex });
  const [first, second] = [await openSession(url), await openSession(url)];
  await first.begin();
  await first.sql`select sync_crew_call(${call.id})`;
  await first.sql`update flex_crew_calls set flex_element_id = ${target.element} where id = ${call.id}`;
  const other = start(second.sql`select sync_crew_call(${call.id}) as answer`);
  await untilBlocked(sql, second);
  await first.commit();
  expect((await other.done)[0]?.answer.flex_element_id).toBe(target.element);
  await drainWith(sql, call.flex);
  expect(call.flex.resourcesOf(target.element)).toEqual([ana.resource]);
  expect(call.flex.resourcesOf(call.element)).toEqual([]);
});

describe("a request beside a reading", () => {
  test("waits for the reading that is being recorded, and gets one of its own", async () => {
    const { sql, url } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    const [reading] = (await claim(sql)) as [Claimed];
    const [drainer, app] = [await openSession(url), await openSession(url)];
    await drainer.begin();
    await observe(drainer.sql, call.flex, reading);
    await assign(sql, call, [ben]);
    const asked = start(app.sql`select sync_crew_call(${call.id})`);
    await untilBlocked(sql, app);
    await drainer.commit();
    await asked.done;
    await drainWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element).toSorted()).toEqual([ana.resource, ben.resource]);
    expect(await sql`select id from flex_sync.syncs where outcome = 'synced'`).not.toHaveLength(0);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("that is not committed yet keeps its pending reading from being claimed", async () => {
    const { sql, url } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    const app = await openSession(url);
    await app.begin();
    await app.sql`insert into profiles (id, flex_resource_id) values (${ben.id}, ${ben.resource})`;
    await app.sql`insert into job_assignments (job_id, technician_id, sound_role) values (${call.job}, ${ben.id}, 'FOH')`;
    await app.sql`select sync_crew_call(${call.id})`;
    expect(await claim(sql)).toEqual([]);
    await app.commit();
    await drainWith(sql, call.flex);
    expect(call.flex.resourcesOf(call.element)).toHaveLength(2);
    expect(await sql`select requests from flex_sync.syncs`).toEqual([{ requests: 2 }]);
  });

  test("that came while it was in flight is not answered by it", async () => {
    const { sql, url } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    const [reading] = (await claim(sql)) as [Claimed];
    const [drainer, app] = [await openSession(url), await openSession(url)];
    await app.begin();
    await app.sql`select sync_crew_call(${call.id})`;
    const recorded = start(observe(drainer.sql, call.flex, reading));
    await untilBlocked(sql, drainer);
    await app.commit();
    expect(await recorded.done).toBe("recorded");
    const open =
      await sql`select reading_at from flex_sync.syncs where finished_at is null order by id desc limit 1`;
    expect(open).toEqual([{ reading_at: null }]);
    const adds = await claim(sql);
    for (const operation of adds) await answer(sql, call.flex, operation);
    await drainWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});
