import { describe, expect, test } from "vitest";
import { ana, type CrewCall, makeCrewCall } from "../crew-call.ts";
import { createDatabase } from "../postgres/database.ts";
import { conditionOf, request } from "./asking.ts";
import { answer, type Claimed, claim, fail, settleWith } from "./drain-with.ts";
import { moveClock } from "./move-clock.ts";

type Database = Awaited<ReturnType<typeof createDatabase>>["sql"];

const LIMITED = { outcome: "rate_limited", status: 429 };

/** Crew calls that each wait for a reading. */
async function waiting(sql: Database, number: number): Promise<[CrewCall, ...CrewCall[]]> {
  const calls = [await makeCrewCall(sql, { desired: [ana] })] as [CrewCall, ...CrewCall[]];
  while (calls.length < number) calls.push(await makeCrewCall(sql, { desired: [ana], flex: calls[0].flex }));
  for (const call of calls) await request(sql, call);
  await sql`select flex_sync.tick()`;
  return calls;
}

/** Seconds until the breaker lets somebody probe, null while it is closed. */
async function probeIn(sql: Database): Promise<number | null> {
  const [row] =
    await sql`select round(extract(epoch from probe_at - flex_sync.clock()))::int as wait from flex_sync.tenant`;
  return row?.wait ?? null;
}

async function probe(sql: Database, outcome: string, retryAfter: string | null = null): Promise<void> {
  const [row] = await sql`select flex_sync.claim_probe('test', '1 s') as number`;
  expect(row?.number).not.toBeNull();
  await sql`select flex_sync.record_probe(${row?.number}, ${outcome}, null, null, ${retryAfter}::interval)`;
}

/** Wait until a probe is due, and let it succeed. */
async function closeAfter(sql: Database, seconds: number): Promise<void> {
  await moveClock(sql, `${seconds - 1} s`);
  const [early] = await sql`select flex_sync.claim_probe('test', '1 s') as number`;
  expect(early?.number).toBeNull();
  await moveClock(sql, "1 s");
  await probe(sql, "done");
}

describe("after a 429", () => {
  test("calls go one at a time over all drainers, until max_concurrency of them have succeeded", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set max_concurrency = 3`;
    const [call] = await waiting(sql, 8);
    const [limited, ...others] = (await claim(sql)) as [Claimed, ...Claimed[]];
    for (const operation of others) await answer(sql, call.flex, operation);
    await fail(sql, limited, LIMITED);
    await closeAfter(sql, 5);
    for (let successes = 0; successes < 3; successes += 1) {
      const claimed = await claim(sql);
      expect(claimed).toHaveLength(1);
      expect(await claim(sql)).toEqual([]);
      await answer(sql, call.flex, claimed[0] as Claimed);
    }
    expect(await claim(sql)).toHaveLength(3);
  });

  test("another one before that waits twice as long, to a minute; then it begins with 5 s again", async () => {
    const { sql } = await createDatabase();
    await sql`update flex_sync.settings set max_concurrency = 2`;
    const [call] = await waiting(sql, 4);
    for (const wait of [5, 10, 20, 40, 60, 60]) {
      const [first, second] = await claim(sql);
      if (second) await answer(sql, call.flex, second);
      await fail(sql, first as Claimed, LIMITED);
      expect(await probeIn(sql)).toBe(wait);
      await closeAfter(sql, wait);
    }
    for (let successes = 0; successes < 2; successes += 1) {
      const [next] = await claim(sql);
      await answer(sql, call.flex, next as Claimed);
    }
    await settleWith(sql, call.flex);
    await request(sql, call);
    const [next] = await claim(sql);
    await fail(sql, next as Claimed, LIMITED);
    expect(await probeIn(sql)).toBe(5);
  });

  test("of several in flight the longest Retry-After counts", async () => {
    const { sql } = await createDatabase();
    await waiting(sql, 3);
    const [first, second, third] = (await claim(sql)) as [Claimed, Claimed, Claimed];
    await fail(sql, first, LIMITED);
    await fail(sql, second, { ...LIMITED, retryAfter: "40 s" });
    await fail(sql, third, { ...LIMITED, retryAfter: "20 s" });
    expect(await probeIn(sql)).toBe(40);
  });

  test("a Retry-After holds a probe up although the breaker was open already", async () => {
    const { sql } = await createDatabase();
    await waiting(sql, 1);
    const [operation] = (await claim(sql)) as [Claimed];
    await sql`select flex_sync.open_breaker('flex_down', 'test')`;
    await fail(sql, operation, { ...LIMITED, retryAfter: "40 s" });
    expect(await probeIn(sql)).toBe(40);
  });

  test("a Retry-After of nothing, time and again, is no reason to ask without a rest", async () => {
    const { sql } = await createDatabase();
    await waiting(sql, 1);
    const [operation] = (await claim(sql)) as [Claimed];
    await fail(sql, operation, { ...LIMITED, retryAfter: "0 s" });
    const waits = [await probeIn(sql)];
    for (let times = 0; times < 4; times += 1) {
      await moveClock(sql, `${waits.at(-1)} s`);
      await probe(sql, "rate_limited", "0 s");
      waits.push(await probeIn(sql));
    }
    expect(waits).toEqual([1, 10, 20, 40, 60]);

    await moveClock(sql, "60 s");
    await probe(sql, "done");
    const [again] = (await claim(sql)) as [Claimed];
    await fail(sql, again, { ...LIMITED, retryAfter: "0 s" });
    expect(await probeIn(sql)).toBe(60);
  });

  test("a probe that is asked to wait longer waits longer", async () => {
    const { sql } = await createDatabase();
    const [call] = await waiting(sql, 1);
    await fail(sql, (await claim(sql))[0] as Claimed, { ...LIMITED, retryAfter: "7 s" });
    expect(await conditionOf(sql, call)).toBe("pending rate_limited");
    await moveClock(sql, "7 s");
    await probe(sql, "rate_limited", "300 s");
    expect(await probeIn(sql)).toBe(300);
    await closeAfter(sql, 300);
    await settleWith(sql, call.flex);
    expect(await conditionOf(sql, call)).toBe("synced");
  });
});
