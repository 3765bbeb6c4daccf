import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { moveClock } from "../functions/move-clock.ts";
import { buildDoomedDrainer } from "./build-doomed-drainer.ts";
import { drainToTheEnd, requestSync } from "./carry-on.ts";
import { call } from "./crew.ts";
import { drainerToKill } from "./drainer-to-kill.ts";
import { whatIsLeftLocked, whatIsNotRight } from "./judge.ts";
import { openWorld, type World } from "./world.ts";

let doomed: ReturnType<typeof buildDoomedDrainer>;
beforeAll(() => {
  doomed = buildDoomedDrainer();
});
afterAll(() => doomed.remove());

/** Longer than the sleep, so that the answer is still read, and shorter than the lease. */
const TIMEOUT_MS = 28_000;

type Sleep = { world: World; before: unknown; after: unknown; entered: string[]; leftLocked: string[] };

/** A drainer falls asleep before Flex's answer, its claim is taken over, and it wakes up and records the answer. */
async function sleepPastTheLease(
  world: World,
  kind: "observe" | "add" | "set_role" | "remove",
): Promise<Sleep> {
  const { sql, settings } = world;
  // Nothing else is in flight then.
  await sql`update flex_sync.settings set max_concurrency = 1`;
  await requestSync(sql);
  const sleeper = drainerToKill(doomed.file);
  try {
    const asleep = new Promise<void>((resolve) => {
      world.onTheWay({ point: "after Flex acted", kind, nth: 1 }, () => {
        sleeper.child.kill("SIGSTOP");
        resolve();
      });
    });
    sleeper.drain({
      ...settings,
      timeoutMs: TIMEOUT_MS,
      point: "after the record",
      kind,
      nth: 1,
      signal: "SIGSTOP",
    });
    await asleep;
    await moveClock(sql, "31 s");
    await sql`select flex_sync.tick()`;
    // It finds nothing new to do when it wakes up.
    await sql`select flex_sync.pause('somebody looks at what a late record does')`;
    const before = await everythingRecorded(sql);
    const ledger = await ledgerLines(sql);
    sleeper.child.kill("SIGCONT");
    await sleeper.isThere;
    const after = await everythingRecorded(sql, before.youngest);
    const entered = (await ledgerLines(sql)).filter((line) => !ledger.includes(line));
    // Its connections are open still.
    expect(await connectionsOfDrainers(sql)).toBeGreaterThan(0);
    return { world, before, after, entered, leftLocked: await whatIsLeftLocked(sql) };
  } finally {
    await sleeper.stop();
  }
}

async function everythingRecorded(sql: Sql, youngest?: string) {
  const [row] = await sql<[{ youngest: string }]>`select max(id)::text as youngest from flex_sync.outbox`;
  return {
    youngest: youngest ?? row.youngest,
    outbox: await sql`select * from flex_sync.outbox where id <= ${youngest ?? row.youngest} order by id`,
    calls: await sql`select * from flex_sync.calls order by number`,
    syncs: await sql`select * from flex_sync.syncs order by id`,
    lines: await sql`select * from flex_sync.lines order by flex_line_item_id`,
    readings: await sql`select * from flex_sync.readings order by 1`,
    missing: await sql`select * from flex_sync.missing_lines order by 1`,
    assignments: await sql`select * from flex_crew_assignments order by id`,
  };
}

async function ledgerLines(sql: Sql): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`select flex_line_item_id as line from flex_sync.ledger`;
  return rows.map(({ line }) => line);
}

async function connectionsOfDrainers(sql: Sql): Promise<number> {
  const [row] = await sql<[{ number: number }]>`select count(*)::int as number from pg_stat_activity
    where datname = current_database() and application_name = 'flex-crew-sync drain'`;
  return row.number;
}

async function carryOn(world: World): Promise<void> {
  await world.sql`select flex_sync.resume()`;
  await drainToTheEnd(world, world.drainer());
  expect(await whatIsNotRight(world)).toEqual([]);
}

describe("a drainer that sleeps past its lease, and wakes up when its claim was taken over", () => {
  test.each(["observe", "set_role", "remove"] as const)(
    "changes nothing by recording its %s, and leaves nothing locked",
    async (kind) => {
      await using world = await openWorld({ fault: null, lateEffect: "soon" });
      const { before, after, entered, leftLocked } = await sleepPastTheLease(world, kind);
      expect(after).toEqual(before);
      expect(entered).toEqual([]);
      expect(leftLocked).toEqual([]);
      await carryOn(world);
    },
  );

  test("changes nothing by recording its add but the ledger, which knows the new line from then on", async () => {
    await using world = await openWorld({ fault: null, lateEffect: "soon" });
    const { before, after, entered, leftLocked } = await sleepPastTheLease(world, "add");
    expect(after).toEqual(before);
    const made = world.flex.contactLinesOf(call.element).filter(({ madeBy }) => madeBy === "api");
    expect(entered).toEqual(made.map(({ id }) => id));
    expect(made).toHaveLength(1);
    expect(leftLocked).toEqual([]);
    await carryOn(world);
  });
});
