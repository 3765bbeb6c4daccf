import { describe, expect, test } from "vitest";
import { ana, as, ben, type CrewCall, makeCrewCall, person } from "../crew-call.ts";
import { conditionOf, recordedIn, request } from "../functions/asking.ts";
import { answer, type Claimed, claim, drainWith, fail, send, step } from "../functions/drain-with.ts";
import { createDatabase } from "../postgres/database.ts";
import { openSession, start, untilBlocked } from "./two-sessions.ts";

type Database = Awaited<ReturnType<typeof createDatabase>>["sql"];

/** A crew call whose adds are in flight. */
async function inFlight(sql: Database, call: CrewCall): Promise<Claimed[]> {
  await request(sql, call);
  await step(sql, call.flex);
  return claim(sql);
}

describe("two drainers", () => {
  test("never claim the same operation, nor more than the budget together", async () => {
    const { sql, url } = await createDatabase();
    await sql`update flex_sync.settings set hourly_limit = 4`;
    const call = await makeCrewCall(sql, { desired: [1, 2, 3, 4, 5, 6].map(person) });
    await request(sql, call);
    await step(sql, call.flex);
    const [first, second] = [await openSession(url), await openSession(url)];
    await first.begin();
    const mine = await first.sql<Claimed[]>`select * from flex_sync.claim_operations('first', 2, '15 s')`;
    const other = start(second.sql<Claimed[]>`select * from flex_sync.claim_operations('second', 9, '15 s')`);
    await untilBlocked(sql, second);
    await first.commit();
    const theirs = await other.done;
    expect([mine.length, theirs.length]).toEqual([2, 1]);
    expect(new Set([...mine, ...theirs].map(({ id }) => id)).size).toBe(3);
  });

  test("that record the last two operations of a sync at once end it once", async () => {
    const { sql, url } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana, ben] });
    const [one, two] = (await inFlight(sql, call)) as [Claimed, Claimed];
    const [first, second] = [await openSession(url), await openSession(url)];
    const ended: string[] = [];
    const listening = await sql.listen("flex_sync_done", (id) => ended.push(id));
    await first.begin();
    await first.sql`select flex_sync.record_add(${one.id}, ${one.token}, ${send(call.flex, one)})`;
    const other = start(
      second.sql`select flex_sync.record_add(${two.id}, ${two.token}, ${send(call.flex, two)}) as result`,
    );
    await untilBlocked(sql, second);
    await first.commit();
    expect((await other.done)[0]?.result).toBe("recorded");
    expect(await sql`select added, outcome from flex_sync.syncs`).toEqual([{ added: 2, outcome: "synced" }]);
    await sql`select pg_notify('flex_sync_done', 'last')`;
    await expect.poll(() => ended).toContain("last");
    expect(ended).toEqual(["1", "last"]);
    await listening.unlisten();
  });

  test("that report the same claim are told apart by its token: the late one is fenced", async () => {
    const { sql, url } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const [add] = (await inFlight(sql, call)) as [Claimed];
    const [first, second] = [await openSession(url), await openSession(url)];
    await first.begin();
    await first.sql`select flex_sync.record_add(${add.id}, ${add.token}, ${send(call.flex, add)})`;
    const late = start(
      second.sql`select flex_sync.record_failure(${add.id}, ${add.token}, 'unknown', null, 'late') as result`,
    );
    await untilBlocked(sql, second);
    await first.commit();
    expect((await late.done)[0]?.result).toBe("fenced");
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});

describe("a transaction that the app leaves open after sync_crew_call", () => {
  test("does not keep what is in flight from being recorded", async () => {
    const { sql, url } = await createDatabase();
    await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r'), ('sound', 'E', 'role-e')`;
    const call = await makeCrewCall(sql, { desired: [as(ana, "FOH-R"), as(ben, "FOH-R")] });
    const adds = (await inFlight(sql, call)) as [Claimed, Claimed];
    const app = await openSession(url);
    await app.begin();
    await app.sql`update job_assignments set sound_role = 'FOH-E'`;
    await app.sql`select sync_crew_call(${call.id})`;
    const drainer = await openSession(url);
    await drainer.sql`set lock_timeout = '2 s'`;
    await answer(drainer.sql, call.flex, adds[0]);
    expect(await fail(drainer.sql, adds[1], { outcome: "refused", status: 400 })).toBe("recorded");
    expect(Object.keys(await recordedIn(sql, call))).toHaveLength(1);
    await app.commit();
    await drainWith(sql, call.flex);
    expect(call.flex.linesOf(call.element).map((line) => line.flex_role_id)).toEqual(["role-e"]);
    await request(sql, call);
    await drainWith(sql, call.flex);
    expect(call.flex.linesOf(call.element).map((line) => line.flex_role_id)).toEqual(["role-e", "role-e"]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("and then rolls back leaves nothing waiting for ever", async () => {
    const { sql, url } = await createDatabase();
    await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r'), ('sound', 'E', 'role-e')`;
    const call = await makeCrewCall(sql, { desired: [as(ana, "FOH-R")] });
    const [add] = (await inFlight(sql, call)) as [Claimed];
    const app = await openSession(url);
    await app.begin();
    await app.sql`update job_assignments set sound_role = 'FOH-E'`;
    await app.sql`select sync_crew_call(${call.id})`;
    const drainer = await openSession(url);
    await drainer.sql`set lock_timeout = '2 s'`;
    await answer(drainer.sql, call.flex, add);
    await app.sql`rollback`;
    await drainWith(sql, call.flex);
    expect(call.flex.linesOf(call.element).map((line) => line.flex_role_id)).toEqual(["role-r"]);
    expect(await conditionOf(sql, call)).toBe("synced");
  });

  test("does not keep other elements from being claimed, however large its plan", async () => {
    const { sql, url } = await createDatabase();
    await sql`update flex_sync.settings set element_concurrency = 1`;
    const large = await makeCrewCall(sql, {
      desired: Array.from({ length: 300 }, (_, n) => person(100 + n)),
    });
    const other = await makeCrewCall(sql, { desired: [ana], flex: large.flex });
    await request(sql, large);
    await step(sql, large.flex);
    await request(sql, other);
    const app = await openSession(url);
    await app.begin();
    await app.sql`delete from job_assignments where job_id = ${large.job}`;
    await app.sql`select sync_crew_call(${large.id})`;
    const claimed = await claim(sql);
    expect(claimed.map(({ flex_element_id }) => flex_element_id)).toEqual([other.element]);
    await app.commit();
  });

  test("does not keep an expired claim on its element from being taken over", async () => {
    const { sql, url } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const [add] = (await inFlight(sql, call)) as [Claimed];
    const app = await openSession(url);
    await app.begin();
    await app.sql`select sync_crew_call(${call.id})`;
    await sql`update flex_sync.outbox set lease_until = flex_sync.clock() - interval '1 s' where id = ${add.id}`;
    const drainer = await openSession(url);
    await drainer.sql`set lock_timeout = '2 s'`;
    await drainer.sql`select flex_sync.tick()`;
    expect(await sql`select state from flex_sync.outbox where id = ${add.id}`).toEqual([
      { state: "unknown" },
    ]);
    await app.commit();
  });
});
