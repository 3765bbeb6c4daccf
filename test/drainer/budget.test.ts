import { describe, expect, test } from "vitest";
import { ana, ben, cleo, person } from "../crew-call.ts";
import { drainTogether, mostInAnyWindow, passToNextWork, setTimedStage } from "./budget.ts";
import { crewInFlex } from "./stage.ts";

const HOUR_MS = 3_600_000;
const MONTH_MS = 744 * HOUR_MS;
/** From the moment a call is counted to its arrival in Flex, on a busy machine. */
const ON_ITS_WAY_MS = 60_000;

const crew = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => person(from + index));

describe("three drainers and a small budget", () => {
  test("never make one call above any window, use all of it while there is work, and survive restarts", async () => {
    const stage = await setTimedStage({ limits: false });
    const { sql, flex } = stage;
    const limits = { hour: 6, day: 10, month: 13 };
    await sql`update flex_sync.settings
      set hourly_limit = ${limits.hour}, daily_limit = ${limits.day}, monthly_limit = ${limits.month}`;
    const crews = [crew(1, 5), crew(6, 10)];
    const calls = [];
    for (const people of crews) calls.push(await stage.makeCrewCall(people));
    for (const call of calls) await stage.sync(call);

    let drainers = [stage.drainer(), stage.drainer(), stage.drainer()];
    const unused: unknown[] = [];
    let waits = 0;
    for (; waits < 200; waits += 1) {
      await drainTogether(drainers);
      const [left] = await sql`select left_now::int as left, exists (
          select from flex_sync.outbox where state = 'pending' and kind <> 'observe'
        ) as work from flex_sync.calls_left()`;
      if (!left?.work) break;
      // Whoever still has work has used all that there is. One call may wait for a second, where a reading that became
      // too old has to be made anew before the write.
      if (left.left > 1) unused.push({ waits, ...left });
      for (const call of calls) {
        const { condition, reason } = await stage.conditionOf(call);
        if (condition !== "synced") expect([condition, reason]).toEqual(["pending", "quota"]);
      }
      expect(await passToNextWork(stage)).toBe(true);
      // A busy machine makes calls seconds apart: those that free together have all freed before anybody looks.
      await stage.pass(ON_ITS_WAY_MS);
      const [oldest, ...others] = drainers as [(typeof drainers)[0], ...typeof drainers];
      oldest.stop();
      await oldest.settled();
      drainers = [...others, stage.drainer()];
    }
    expect(unused).toEqual([]);
    expect(calls.map((call) => crewInFlex(stage, call))).toEqual(
      crews.map((people) => people.map(({ resource }) => resource)),
    );
    const counted = await sql<{ at: number }[]>`
      select extract(epoch from made_at)::float8 * 1000 as at from flex_sync.calls order by number`;
    const made = counted.map(({ at }) => at);
    expect(flex.calls).toHaveLength(made.length);
    const windows = { hour: HOUR_MS, day: 24 * HOUR_MS, month: MONTH_MS };
    for (const name of ["hour", "day", "month"] as const) {
      expect({ name, most: mostInAnyWindow(made, windows[name]) }).toEqual({ name, most: limits[name] });
      const arrived = flex.calls.map(({ at }) => at);
      expect(mostInAnyWindow(arrived, windows[name] - ON_ITS_WAY_MS)).toBeLessThanOrEqual(limits[name]);
    }
  }, 180_000);

  test("what somebody asked for goes before background readings", async () => {
    const stage = await setTimedStage({ limits: false });
    const { sql, flex } = stage;
    const calls = [
      await stage.makeCrewCall([ana]),
      await stage.makeCrewCall([ben]),
      await stage.makeCrewCall([cleo]),
    ];
    const drainers = [stage.drainer(), stage.drainer(), stage.drainer()];
    for (const call of calls) await stage.sync(call);
    await drainTogether(drainers);
    await sql`update flex_sync.settings set resync_interval = '2 hours', hourly_limit = 1`;
    await stage.pass(2 * HOUR_MS + 60_000);
    await sql`select flex_sync.tick()`;
    const waiting = await sql`select from flex_sync.outbox where state = 'pending' and reason = 'background'`;
    expect(waiting).toHaveLength(3);
    // However they are spread: all of them are due, the oldest first.
    const allDue = () => sql`update flex_sync.outbox set due_at = elements.reading_at from flex_sync.elements
      where elements.flex_element_id = outbox.flex_element_id and state = 'pending' and reason = 'background'`;
    await allDue();
    const asked = calls[2] as (typeof calls)[0];
    flex.clearCalls();
    await stage.sync(asked);
    await drainTogether(drainers);
    expect(flex.calls.map(({ element }) => element)).toEqual([asked.element]);
    expect(await stage.conditionOf(asked)).toMatchObject({ condition: "synced" });
    for (const call of calls) {
      await stage.pass(HOUR_MS + 60_000);
      await allDue();
      await drainTogether(drainers);
      expect(flex.calls.length).toBe(2 + calls.indexOf(call));
    }
    expect(new Set(flex.calls.slice(1, 3).map(({ element }) => element))).toEqual(
      new Set(calls.slice(0, 2).map(({ element }) => element)),
    );
  });
});

describe("a limit that nobody knows of", () => {
  /** Answers 429 between two questions of a probe, the first part being before any. */
  const limitedBetweenProbes = (calls: readonly { route: string; status: number | null }[]): number[] => {
    const parts = [0];
    for (const { route, status } of calls) {
      if (route === "user") parts.push(0);
      if (status === 429) parts.push((parts.pop() ?? 0) + 1);
    }
    return parts;
  };

  test("of Flex's clock hour: one call per probe is answered 429 while the tenant waits, and all converges", async () => {
    // Six minutes before the hour at Flex.
    const startsAt = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS - 360_000;
    const stage = await setTimedStage({ limits: { hourly: 8 } }, startsAt);
    const { flex } = stage;
    const crews = [crew(1, 4), crew(5, 8)];
    const calls = [];
    for (const people of crews) calls.push(await stage.makeCrewCall(people));
    for (const call of calls) await stage.sync(call);
    const drainers = [stage.drainer(), stage.drainer()];
    for (let waits = 0; waits < 200; waits += 1) {
      await drainTogether(drainers);
      if (!(await passToNextWork(stage))) break;
    }
    expect(calls.map((call) => crewInFlex(stage, call))).toEqual(
      crews.map((people) => people.map(({ resource }) => resource)),
    );
    for (const call of calls) expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
    const [first = 0, ...others] = limitedBetweenProbes(flex.calls);
    // max_concurrency of them were in flight when the first was answered.
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThanOrEqual(8);
    expect(Math.max(...others)).toBe(1);
    expect(flex.calls.filter(({ route, status }) => route === "add" && status === 200)).toHaveLength(8);
  }, 120_000);

  test("of writes alone: each time one call finds out, and the waits grow until it is lifted", async () => {
    const stage = await setTimedStage();
    const { flex } = stage;
    const call = await stage.makeCrewCall(crew(1, 6));
    const limited = flex.fault({ route: "add", forever: true, do: { kind: "rate-limited" } });
    await stage.sync(call);
    const drainers = [stage.drainer(), stage.drainer(), stage.drainer()];
    const waited: number[] = [];
    for (let waits = 0; waits < 6; waits += 1) {
      await drainTogether(drainers);
      expect(await stage.conditionOf(call)).toEqual({ condition: "pending", reason: "rate_limited" });
      const [tenant] =
        await stage.sql`select extract(epoch from probe_wait)::int as wait from flex_sync.tenant`;
      waited.push(tenant?.wait);
      expect(await passToNextWork(stage)).toBe(true);
    }
    const [first = 0, ...others] = limitedBetweenProbes(flex.calls);
    expect(first).toBeLessThanOrEqual(4);
    expect(others).toEqual([1, 1, 1, 1, 1]);
    expect(waited).toEqual([5, 10, 20, 40, 60, 60]);
    limited.remove();
    for (let waits = 0; waits < 50; waits += 1) {
      await drainTogether(drainers);
      if (!(await passToNextWork(stage))) break;
    }
    expect(crewInFlex(stage, call)).toEqual(crew(1, 6).map(({ resource }) => resource));
    expect(await stage.conditionOf(call)).toMatchObject({ condition: "synced" });
    expect((await stage.operations()).map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1, 1, 1]);
  });
});
