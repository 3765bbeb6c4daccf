import type { Sql } from "postgres";
import { expect, test } from "vitest";
import { committedMigrations } from "../../src/migrations/committed-migrations.ts";
import { ana, ben, cleo, makeCrewCall, person } from "../crew-call.ts";
import { conditionOf, request, sync } from "../functions/asking.ts";
import { settleWith } from "../functions/drain-with.ts";
import { moveClock } from "../functions/move-clock.ts";
import { createDatabase } from "../postgres/database.ts";

/** How many rows each table keeps of the history below, and why. A new table gets a line, and a rule that trims it. */
const LEFT: Record<string, [number, string]> = {
  outbox: [1, "ben's add failed, and nobody mended it"],
  syncs: [1, "the last of a crew call says that it was synced"],
  calls: [1, "the last, whose number the next one follows"],
  readings: [0, "lines hold the last"],
  lines: [5, "what the element of the first crew call shows: ana and four strangers"],
  ledger: [1, "ana's line is ours and there"],
  missing_lines: [0, "forgotten with the element"],
  elements: [1, "the first crew call's; the second's job was deleted"],
  element_health: [1, "as elements"],
  due_elements: [0, "each tick follows them up"],
  removal_decisions: [4, "a no holds while the line is there"],
  crew_call_settings: [1, "the first crew call's policy"],
  crew_call_blocks: [0, "the crew call is gone"],
  operator_log: [0, "retention"],
  decisions: [0, "retention"],
  last_decisions: [1, "as elements"],
  joined_requests: [0, "retention"],
  settings: [1, "one row"],
  tenant: [1, "one row"],
  business_roles: [0, "written by people alone"],
  removed_duplicates: [1, "written once, by the installation; uninstall hands them back"],
  migrations: [committedMigrations().length, "one row a migration"],
};

/** Trim until nothing is left to trim, as ticks do over time; answers how many rows each run took. */
async function trim(sql: Sql): Promise<number[]> {
  const taken: number[] = [];
  do {
    await sql`update flex_sync.tenant set trimmed_at = null`;
    const [row] = await sql`select flex_sync.trim_history() as rows`;
    taken.push(row?.rows);
  } while (taken.at(-1) !== 0);
  return taken;
}

async function counts(sql: Sql): Promise<Record<string, number>> {
  const tables = await sql<{ name: string }[]>`select relname as name from pg_class
    where relnamespace = 'flex_sync'::regnamespace and relkind in ('r', 'p') order by 1`;
  const counted = tables.map(async ({ name }) => {
    const [row] = await sql.unsafe(`select count(*)::int as rows from flex_sync.${name}`);
    return [name, row?.rows] as const;
  });
  return Object.fromEntries(await Promise.all(counted));
}

/** One crew call that goes on, and one that was cleaned up and is gone. */
async function history() {
  const { sql } = await createDatabase();
  const strangers = [11, 12, 13, 14].map(person);
  const planOf = async ({ id }: { id: string }) => {
    const [row] = await sql`select plan from flex_sync.crew_call_status where crew_call_id = ${id}`;
    return row?.plan as string;
  };
  const stays = await makeCrewCall(sql, { desired: [ana, ben], inFlex: strangers });
  await request(sql, stays);
  // The second request joins the first.
  await sync(sql, stays, ({ kind, flex_resource_id }) =>
    kind === "add" && flex_resource_id === ben.resource ? { outcome: "refused", status: 422 } : undefined,
  );
  await sql`select flex_sync.set_policy(${stays.id}, 'mirror'), flex_sync.reject_removals(${stays.id}, ${await planOf(stays)})`;
  await settleWith(sql, stays.flex);
  const goes = await makeCrewCall(sql, { desired: [cleo], inFlex: strangers });
  await sync(sql, goes, ({ kind }) =>
    kind === "add" ? { outcome: "refused_for_now", status: 423 } : undefined,
  );
  await settleWith(sql, goes.flex);
  await sql`select flex_sync.set_policy(${goes.id}, 'mirror'), flex_sync.approve_removals(${goes.id}, ${await planOf(goes)})`;
  await settleWith(sql, goes.flex);
  await sql`insert into flex_sync.crew_call_blocks (crew_call_id, reason, since) values (${goes.id}, 'host_table', now())`;
  await sql`insert into flex_sync.element_health (flex_element_id) values (${stays.element}) on conflict do nothing`;
  await sql`insert into flex_sync.removed_duplicates (whole_row, removed_at) values ('{}', now())`;
  await sql`delete from jobs where id = ${goes.job}`;
  await settleWith(sql, goes.flex);
  await sql`insert into flex_sync.missing_lines values ('a line', 'a resource', ${goes.element}, now())`;
  return { sql, stays };
}

test("every table has a rule: what is over is forgotten after retention, what is open or says what is so stays", async () => {
  const { sql, stays } = await history();
  const before = await counts(sql);
  expect(Object.keys(before)).toEqual(Object.keys(LEFT).toSorted());
  // There is something to forget in each table that is said to forget.
  for (const [table, [left, why]] of Object.entries(LEFT))
    if (left === 0 && !["due_elements", "business_roles"].includes(table))
      expect([table, why, (before[table] ?? 0) > 0]).toEqual([table, why, true]);
  await moveClock(sql, "88 days");
  await trim(sql);
  expect({ ...(await counts(sql)), calls: before.calls }).toEqual(before);
  await moveClock(sql, "3 days");
  await trim(sql);
  expect(await counts(sql)).toEqual(
    Object.fromEntries(Object.entries(LEFT).map(([table, [left]]) => [table, left])),
  );
  expect(await conditionOf(sql, stays)).toBe("failed refused");
});

test("history goes in small batches, one after the other", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  await sync(sql, call);
  await sql`insert into flex_sync.outbox (flex_element_id, kind, state, due_at, created_at, finished_at)
    select ${call.element}, 'observe', 'done', now(), now(), now() from generate_series(1, 1200)`;
  await moveClock(sql, "91 days");
  const taken = await trim(sql);
  expect(Math.max(...taken)).toBeLessThan(520);
  expect(taken.length).toBeGreaterThan(3);
  expect((await counts(sql)).outbox).toBe(0);
});

test("what is open stays, however old it is", async () => {
  const { sql } = await createDatabase();
  const call = await makeCrewCall(sql, {
    desired: [ana],
    recorded: [ben],
    inFlex: [ben, ...[11, 12, 13, 14].map(person)],
  });
  await sync(sql, call, ({ kind }) => (kind === "observe" ? undefined : { outcome: "unknown" }));
  const open = () =>
    sql`select id, state from flex_sync.outbox where state in ('held', 'unknown') order by id`;
  const before = await open();
  expect(new Set(before.map(({ state }) => state))).toEqual(new Set(["held", "unknown"]));
  await sql`select flex_sync.pause('for a long time')`;
  await moveClock(sql, "400 days");
  await trim(sql);
  expect(await open()).toEqual(before);
  await sql`select flex_sync.resume()`;
  await settleWith(sql, call.flex);
  expect(call.flex.resourcesOf(call.element)).toContain(ana.resource);
});
