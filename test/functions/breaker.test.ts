import { describe, expect, test } from "vitest";
import { ana, type CrewCall, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, newest, request } from "./asking.ts";
import { answer, type Claimed, claim, drainWith, type Failure, fail, settleWith } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

type Database = Awaited<ReturnType<typeof createDatabase>>["sql"];

const DOWN: Failure = { outcome: "unknown", status: 503 };

async function requestAll(sql: Database, calls: CrewCall[]): Promise<void> {
  for (const call of calls) await request(sql, call);
  await sql`select flex_sync.tick()`;
}

async function breaker(sql: Database): Promise<string | null> {
  const [row] = await sql`select breaker_reason from flex_sync.tenant`;
  return row?.breaker_reason ?? null;
}

/** Fail whatever is due, one after the other; the next waits until the backoff is over. */
async function failOneByOne(sql: Database, times: number, failure = DOWN): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    await sql`select flex_sync.tick()`;
    const [operation] = (await claim(sql, 1)) as [Claimed];
    await fail(sql, operation, failure);
    await moveClock(sql, "10 s");
  }
}

async function probe(sql: Database, outcome: string, retryAfter: string | null = null) {
  const [row] = await sql`select flex_sync.claim_probe('test', '1 s') as number`;
  if (row?.number)
    await sql`select flex_sync.record_probe(${row.number}, ${outcome}, 200, null, ${retryAfter}::interval)`;
  return row?.number as string | null;
}

describe("the breaker", () => {
  test("opens after three failures in a row that touch two elements", async () => {
    const { sql } = await createDatabase();
    const first = await makeCrewCall(sql, { desired: [ana] });
    const second = await makeCrewCall(sql, { desired: [ana], flex: first.flex });
    await requestAll(sql, [first, second]);
    await failOneByOne(sql, 2);
    expect(await breaker(sql)).toBeNull();
    await failOneByOne(sql, 1);
    expect(await breaker(sql)).toBe("flex_down");
    expect(await claim(sql)).toEqual([]);
    expect(await conditionOf(sql, first)).toBe("pending flex_down");
    await probe(sql, "done");
    await settleWith(sql, first.flex);
    expect(await conditionOf(sql, first)).toBe("synced");
  });

  test("stays closed for one element, which backs off alone", async () => {
    const { sql } = await createDatabase();
    const broken = await makeCrewCall(sql, { desired: [ana] });
    await requestAll(sql, [broken]);
    await failOneByOne(sql, 5);
    expect(await breaker(sql)).toBeNull();
    const other = await makeCrewCall(sql, { desired: [ana], flex: broken.flex });
    await request(sql, other);
    await drainWith(sql, broken.flex, ({ flex_element_id }) =>
      flex_element_id === broken.element ? DOWN : undefined,
    );
    expect(await conditionOf(sql, other)).toBe("synced");
  });

  test("counts failures that were in flight together once", async () => {
    const { sql } = await createDatabase();
    const calls: CrewCall[] = [];
    for (let n = 0; n < 4; n += 1) calls.push(await makeCrewCall(sql, { desired: [ana] }));
    await requestAll(sql, calls);
    for (const operation of await claim(sql)) await fail(sql, operation, DOWN);
    expect(await breaker(sql)).toBeNull();
    const [row] = await sql`select failures from flex_sync.tenant`;
    expect(row?.failures).toBe(1);
  });

  test("forgets failures with any success", async () => {
    const { sql } = await createDatabase();
    const first = await makeCrewCall(sql, { desired: [] });
    const second = await makeCrewCall(sql, { desired: [ana], flex: first.flex });
    await requestAll(sql, [first, second]);
    await failOneByOne(sql, 2);
    const [operation] = (await claim(sql, 1)) as [Claimed];
    await answer(sql, first.flex, operation);
    await failOneByOne(sql, 1);
    expect(await breaker(sql)).toBeNull();
  });

  test("is probed after 5 s, then doubling to a minute, by one drainer at a time", async () => {
    const { sql } = await createDatabase();
    await sql`select flex_sync.open_breaker('flex_down', 'test')`;
    await moveClock(sql, "4.5 s");
    expect(await probe(sql, "unknown")).toBeNull();
    const waits = ["600 ms", "10 s", "20 s", "40 s", "60 s", "60 s"];
    for (const wait of waits) {
      await moveClock(sql, wait);
      expect(await probe(sql, "unknown")).not.toBeNull();
      expect(await probe(sql, "unknown")).toBeNull();
    }
  });

  test("does not wait for a prober that died", async () => {
    const { sql } = await createDatabase();
    await sql`select flex_sync.open_breaker('flex_down', 'test')`;
    await moveClock(sql, "6 s");
    const claimProbe = async () =>
      (await sql`select flex_sync.claim_probe('test', '15 s') as number`)[0]?.number;
    expect(await claimProbe()).not.toBeNull();
    expect(await claimProbe()).toBeNull();
    await moveClock(sql, "16 s");
    expect(await claimProbe()).not.toBeNull();
  });
});

describe("a 401", () => {
  test("with a token that works blocks only the element", async () => {
    const { sql } = await createDatabase();
    const denied = await makeCrewCall(sql, { desired: [ana] });
    const other = await makeCrewCall(sql, { desired: [ana], flex: denied.flex });
    await requestAll(sql, [denied, other]);
    await drainWith(sql, denied.flex, ({ flex_element_id }) =>
      flex_element_id === denied.element ? { outcome: "denied", status: 401 } : undefined,
    );
    expect(await conditionOf(sql, denied)).toBe("blocked access_denied");
    expect(await conditionOf(sql, other)).toBe("synced");
    const [row] = await sql`select outcome from flex_sync.syncs where flex_element_id = ${denied.element}`;
    expect(row?.outcome).toBe("blocked");
    await request(sql, denied);
    await drainWith(sql, denied.flex);
    expect(await conditionOf(sql, denied)).toBe("synced");
  });

  test("with a refused token blocks every crew call with open work, until a probe succeeds", async () => {
    const { sql } = await createDatabase();
    const idle = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, idle);
    await drainWith(sql, idle.flex);
    const call = await makeCrewCall(sql, { desired: [ana] });
    await request(sql, call);
    await drainWith(sql, call.flex, () => ({ outcome: "token_refused", status: 401 }));
    expect(await conditionOf(sql, call)).toBe("blocked token_refused");
    expect(await conditionOf(sql, idle)).toBe("synced");
    await moveClock(sql, "6 s");
    await probe(sql, "unauthorized");
    expect(await breaker(sql)).toBe("token_refused");
    await moveClock(sql, "11 s");
    await probe(sql, "done");
    await settleWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});

describe("a 429", () => {
  test("lets the whole tenant wait as long as it says, and uses up no attempt", async () => {
    const { sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const other = await makeCrewCall(sql, { desired: [ana], flex: call.flex });
    await requestAll(sql, [call, other]);
    const [first, second] = (await claim(sql)) as [Claimed, Claimed];
    await answer(sql, call.flex, second);
    await fail(sql, first, { outcome: "rate_limited", status: 429, retryAfter: "40 s" });
    expect(await claim(sql)).toEqual([]);
    expect((await newest(sql, { element: first.flex_element_id }, "observe")).attempts).toBe(0);
    expect(await conditionOf(sql, call)).toBe("pending rate_limited");
    await moveClock(sql, "39 s");
    expect(await probe(sql, "done")).toBeNull();
    await moveClock(sql, "1 s");
    expect(await probe(sql, "done")).not.toBeNull();
    await settleWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
    expect(await conditionOf(sql, other)).toBe("synced");
  });
});
